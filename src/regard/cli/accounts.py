"""Accounts, tokens and the audit trail."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from regard.cli.read import plain
from regard.cli.voice import Voice, verb

if TYPE_CHECKING:
    from regard.access import Account, Invited, Who
    from regard.store import Store

ADDRESS = "http://localhost:8123"
ONCE = "The link works once, within three days. It is not shown again."


@contextmanager
def opened(voice: Voice) -> Iterator[Store]:
    """The workspace's store, for one command."""
    from regard.store import Store

    store = Store.open(voice.find())
    try:
        yield store
    finally:
        store.close()


def shell() -> Who:
    """Whoever types: the machine's user, who may do everything here."""
    import getpass

    from regard.access import Who

    return Who(f"{getpass.getuser()} (shell)", "admin", via="shell")


@click.group("account", epilog="Example: regard account create ada@example.com --role admin")
def account_command() -> None:
    """Who can sign in, as what, and which part of the organisation they see."""


@account_command.command("create", epilog="Example: regard account create ben@example.com --role agent --unit north")
@click.argument("email")
@click.option("--role", required=True, metavar="ROLE", help="viewer, agent, analyst or admin.")
@click.option("--unit", "units", multiple=True, metavar="UNIT", help="Only this unit and all below; may be repeated.")
@click.option("--address", default=ADDRESS, show_default=True, metavar="URL", help="Where the pages are, for the link.")
@verb
def create(voice: Voice, email: str, role: str, units: tuple[str, ...], address: str) -> None:
    """Make an account and print the link with which its owner chooses a password.

    The first account must be an admin of the whole organisation; from then on everybody signs in.
    """
    from regard.access import Accounts, Trail

    with opened(voice) as store:
        made = Accounts(store).create(email, role=role, units=_units(voice, units), by=shell().name)
        Trail(store).note(shell(), "create account", made.account.email)
    _linked(voice, made, address)


@account_command.command("invite", epilog="Example: regard account invite ada@example.com")
@click.argument("email")
@click.option("--address", default=ADDRESS, show_default=True, metavar="URL", help="Where the pages are, for the link.")
@verb
def invite(voice: Voice, email: str, address: str) -> None:
    """Print another link, for somebody who has no password yet or forgot it; links before it work no more."""
    from regard.access import Accounts, Trail

    with opened(voice) as store:
        made = Accounts(store).invite(email)
        Trail(store).note(shell(), "invite account", made.account.email)
    _linked(voice, made, address)


@account_command.command("change", epilog="Example: regard account change ben@example.com --role analyst --whole")
@click.argument("email")
@click.option("--role", metavar="ROLE", help="viewer, agent, analyst or admin.")
@click.option("--unit", "units", multiple=True, metavar="UNIT", help="Only this unit and all below; may be repeated.")
@click.option("--whole", is_flag=True, help="The whole organisation.")
@click.option("--disable/--enable", "disabled", default=None, help="Whether they may sign in.")
@verb
def change(
    voice: Voice, email: str, role: str | None, units: tuple[str, ...], whole: bool, disabled: bool | None
) -> None:
    """Change what somebody sees or whether they may sign in; running servers know within two seconds."""
    from regard.access import Accounts, Trail

    with opened(voice) as store:
        now = Accounts(store).change(email, role=role, units=_units(voice, units), whole=whole, disabled=disabled)
        what = "change" if disabled is None else "disable" if disabled else "enable"
        Trail(store).note(shell(), f"{what} account", now.email)
    voice.result(_data(now), [_line(now)])


@account_command.command("list", epilog="Example: regard account list, or regard --json account list")
@verb
def list_accounts(voice: Voice) -> None:
    """All accounts."""
    from regard.access import Accounts

    with opened(voice) as store:
        found = Accounts(store).list()
    voice.result([_data(one) for one in found], [_line(one) for one in found])
    if not found:
        voice.say("There are no accounts: whoever sits at this machine is the admin. Make one: regard account create")


@account_command.command("sign-out", epilog="Example: regard account sign-out ben@example.com")
@click.argument("email")
@verb
def sign_out(voice: Voice, email: str) -> None:
    """Sign somebody out everywhere; running servers know within two seconds."""
    from regard.access import Sessions, Trail

    with opened(voice) as store:
        sessions = Sessions(store)
        account = sessions.accounts.get(email)
        sessions.end(account.account_id)
        Trail(store).note(shell(), "sign out everywhere", account.email)
    voice.result({"email": account.email}, [f"{account.email} is signed out everywhere."])


@click.group("token", epilog="Example: regard token create report --account ada@example.com --holds 90d")
def token_command() -> None:
    """Tokens: the API for programs that work for an account."""


@token_command.command("create", epilog="Example: regard token create report --account ada@example.com --holds 90d")
@click.argument("name")
@click.option("--account", "email", required=True, metavar="EMAIL", help="Whose role and part of the organisation.")
@click.option("--holds", metavar="DURATION", help="How long it holds; until it is revoked if not said.")
@verb
def create_token(voice: Voice, name: str, email: str, holds: str | None) -> None:
    """Make a token and print it; send it as `Authorization: Bearer TOKEN`."""
    from regard.access import Tokens, Trail
    from regard.blueprint import seconds

    with opened(voice) as store:
        token, secret = Tokens(store).create(
            name, email=email, holds=dt.timedelta(seconds=seconds(holds)) if holds else None
        )
        Trail(store).note(shell(), "create token", name)
    until = f"until {token.expires_at:%Y-%m-%d %H:%M} UTC" if token.expires_at else "until it is revoked"
    voice.say(f"Token {name!r} for {token.email}, {until}. This is the only time it is shown.")
    voice.result({"name": name, "email": token.email, "expires_at": plain(token.expires_at), "token": secret}, [secret])


@token_command.command("list", epilog="Example: regard token list")
@verb
def list_tokens(voice: Voice) -> None:
    """All tokens, and when they were last used."""
    from regard.access import Tokens

    with opened(voice) as store:
        found = Tokens(store).list()
    data = [{name: plain(value) for name, value in vars(one).items()} for one in found]
    lines = [f"{one.name:<20}  {one.email:<30}  last used {plain(one.last_used_at) or 'never'}" for one in found]
    voice.result(data, lines)
    if not found:
        voice.say("There are no tokens. Make one with `regard token create NAME --account EMAIL`.")


@token_command.command("revoke", epilog="Example: regard token revoke report")
@click.argument("name")
@verb
def revoke_token(voice: Voice, name: str) -> None:
    """Let a token hold no more; running servers know within five seconds."""
    from regard.access import Tokens, Trail

    with opened(voice) as store:
        Tokens(store).revoke(name)
        Trail(store).note(shell(), "revoke token", name)
    voice.result({"name": name}, [f"Token {name!r} is revoked."])


@click.command("audit", epilog="Example: regard audit --who ada@example.com, or regard audit --person customer:C-1027")
@click.option("--who", metavar="EMAIL", help="Only what this account did.")
@click.option("--what", metavar="VERB", help='Only this, such as "read story".')
@click.option("--person", "handle", metavar="HANDLE", help="Only what was done of this customer.")
@click.option("--limit", type=click.IntRange(1, 100_000), default=100, show_default=True, help="At most so many lines.")
@verb
def audit_command(voice: Voice, who: str | None, what: str | None, handle: str | None, limit: int) -> None:
    """Who did or read what, when, of whom, and from where; the latest first."""
    from regard.access import Trail

    person_id = _person(voice, handle) if handle else None
    with opened(voice) as store:
        found = Trail(store).read(who=who, what=what, person_id=person_id, most=limit)
    data = [{name: plain(value) for name, value in vars(one).items()} for one in found]
    lines = [
        f"{one.at:%Y-%m-%d %H:%M:%S}  {one.who:<30}  {one.what:<22}  {one.person_id or one.whom:<34}  {one.address}"
        for one in found
    ]
    voice.result(data, lines)
    if not found:
        voice.say("No line fits.")


def _person(voice: Voice, handle: str) -> str:
    from regard import pipeline
    from regard.engine import connect

    engine = connect("duckdb")
    try:
        return pipeline.person_of(voice.find(), engine, handle)
    finally:
        engine.close()


def _units(voice: Voice, units: tuple[str, ...]) -> tuple[str, ...] | None:
    """The units named, checked against the blueprint's tree where it has one; None where none is named."""
    from regard.blueprint import read
    from regard.errors import SettingError, nearest

    known = [one.id for one in read(voice.find().blueprint).units]
    for unit in units:
        if known and unit not in known:
            close = nearest(unit, known)
            raise SettingError(
                f"The blueprint has no unit {unit!r}.",
                allowed=", ".join(known),
                hint=f"Did you mean {close!r}?" if close else "Add it under `units:` in blueprint.yaml.",
            )
    return units or None


def _linked(voice: Voice, made: Invited, address: str) -> None:
    link = f"{address.rstrip('/')}/welcome/{made.code}"
    voice.say(f"Send this to {made.account.email}. {ONCE}")
    voice.result({**_data(made.account), "link": link}, [link])


def _data(account: Account) -> dict[str, object]:
    return {name: plain(value) for name, value in vars(account).items() if name != "account_id"}


def _line(account: Account) -> str:
    part = "the whole" if account.units is None else ", ".join(account.units) or "no unit"
    state = "disabled" if account.disabled_at else "" if account.ready else "no password yet"
    return f"{account.email:<34}  {account.role:<8}  {part:<20}  {state}".rstrip()
