"""Write keys: create, list, rotate, revoke."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

import click

from regard.cli.accounts import opened, shell
from regard.cli.read import plain
from regard.cli.voice import Voice, verb

if TYPE_CHECKING:
    from regard.access import Key

SHOWN_ONCE = "This is the only time it is shown: the store holds nothing it could be read from."


@click.group("key", epilog="Example: regard key create shop, then send with it as the user name of Basic auth.")
def key_command() -> None:
    """Write keys: what lets other systems send interactions."""


@key_command.command("create", epilog="Example: regard key create shop --rate 2000")
@click.argument("name")
@click.option("--source", metavar="S", help="The source of what is sent with it, its own alone; else its name.")
@click.option(
    "--scope", "scopes", multiple=True, metavar="SCOPE", help="ingest (the default), browser, hooks, metrics."
)
@click.option("--rate", type=float, metavar="N", help="At most N events a second; browser keys: 500 if not said.")
@click.option("--origin", "origins", multiple=True, metavar="URL", help="With browser: the pages that may send.")
@verb
def create(
    voice: Voice, name: str, source: str | None, scopes: tuple[str, ...], rate: float | None, origins: tuple[str, ...]
) -> None:
    """Make a write key and print it.

    With the scope browser a key may be read by anyone who opens the page, so what is sent with it is taken from the
    origins named, and names a person only where the site's own server signed that; see `docs/guides/access.md`.
    """
    from regard.access import Keys, Trail

    with opened(voice) as store:
        keys = Keys(store)
        made = keys.create(
            name, source=source, scopes=scopes or ("ingest",), origins=origins, rate=rate, by=shell().name
        )
        Trail(store).note(shell(), "create key", name)
        data = {**_data(made.key), "key": made.secret}
        if made.key.may("browser"):
            data["signing_secret"] = keys.signing_secret(made.key)
            voice.say(f"Sign your visitors' ids on your server with {data['signing_secret']}.")
    voice.say(f"Key {made.key.name!r}, source {made.key.source!r}. {SHOWN_ONCE}")
    voice.result(data, [made.secret])


@key_command.command("list", epilog="Example: regard key list, or regard --json key list")
@verb
def list_keys(voice: Voice) -> None:
    """All keys, with what they may do and when they were last used."""
    from regard.access import Keys

    with opened(voice) as store:
        found = Keys(store).list()
    lines = [_line(key) for key in found]
    head = f"{'name':<20}  {'source':<20}  {'scopes':<16}  {'rate':>9}  {'created':<10}  last used"
    voice.result([_data(key) for key in found], [head, *lines] if lines else [])
    if not lines:
        voice.say("There are no keys. Make one with `regard key create NAME`.")


@key_command.command("rotate", epilog="Example: regard key rotate shop --grace 2d")
@click.argument("name")
@click.option("--grace", default="1d", show_default=True, metavar="DURATION", help="How long the old one still holds.")
@verb
def rotate(voice: Voice, name: str, grace: str) -> None:
    """Give a key another secret and print it; the old one holds for a while yet.

    A key that was revoked is good again, with the new secret alone.
    """
    from regard.access import Keys, Trail
    from regard.blueprint import seconds

    with opened(voice) as store:
        made = Keys(store).rotate(name, grace=dt.timedelta(seconds=seconds(grace)))
        Trail(store).note(shell(), "rotate key", name)
    voice.say(f"Key {name!r} has another secret; the one before holds for {grace}. {SHOWN_ONCE}")
    voice.result({**_data(made.key), "key": made.secret}, [made.secret])


@key_command.command("revoke", epilog="Example: regard key revoke shop")
@click.argument("name")
@verb
def revoke(voice: Voice, name: str) -> None:
    """Let nothing be sent with a key any more; running servers know within five seconds."""
    from regard.access import Keys, Trail

    with opened(voice) as store:
        gone = Keys(store).revoke(name)
        Trail(store).note(shell(), "revoke key", name)
    voice.result(_data(gone), [f"Key {name!r} is revoked. `regard key rotate {name}` would make it good again."])


def _data(key: Key) -> dict[str, object]:
    said = {
        "name": key.name,
        "source": key.source,
        "scopes": list(key.scopes),
        "origins": list(key.origins),
        "rate": key.rate,
        "created_at": key.created_at,
        "created_by": key.created_by,
        "revoked_at": key.revoked_at,
        "last_used_at": key.last_used_at,
    }
    return {name: plain(value) for name, value in said.items()}


def _line(key: Key) -> str:
    used = f"{key.last_used_at:%Y-%m-%d %H:%M} UTC" if key.last_used_at else "never"
    rate = f"{key.rate:g}/s" if key.rate else "any"
    state = f"revoked {key.revoked_at:%Y-%m-%d}" if key.revoked_at else used
    scopes = ", ".join(key.scopes)
    return f"{key.name:<20}  {key.source:<20}  {scopes:<16}  {rate:>9}  {key.created_at:%Y-%m-%d}  {state}"
