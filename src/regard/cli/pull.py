"""The command that fetches from other systems: once, or for as long as it runs."""

from __future__ import annotations

import sys
import threading
from typing import TYPE_CHECKING

import click

from regard.cli.voice import Voice, stopped, verb

if TYPE_CHECKING:
    from regard.sources.pull import Attempt

SAMPLE = 5
LEAVE_S = 5.0


@click.command("pull", epilog="Example: regard pull shop, or regard pull --watch")
@click.argument("names", nargs=-1)
@click.option("--watch", is_flag=True, help="Go on until Ctrl C: each pull that says `every`, when it is due.")
@click.option("--until-closed", is_flag=True, help="With --watch: end when standard input is closed.")
@click.option("--list", "listing", is_flag=True, help="The pulls, how they went, and when they are due.")
@click.option(
    "--add", "adding", metavar="SYSTEM", help="Write the files of a bundled one: hubspot, stripe, zendesk ..."
)
@click.option("--secret", metavar="NAME", help="Keep a secret in the workspace; it is asked for, or read from stdin.")
@verb
def pull_command(
    voice: Voice,
    names: tuple[str, ...],
    watch: bool,
    until_closed: bool,
    listing: bool,
    adding: str | None,
    secret: str | None,
) -> None:
    """Fetch what has come since from the pulls NAMES, or from all: pulls/NAME.pull.yaml says what, and with which map.

    Each begins where the last one ended. Killed anywhere, it goes on: nothing is lost and nothing is doubled.
    """
    from regard import pipeline

    if adding:
        added = pipeline.add_pull(voice.find(), adding)
        voice.result([added.as_data()], added.lines())
    elif secret:
        _keep(voice, secret)
    elif listing:
        _list(voice)
    elif watch:
        _watch(voice, until_closed)
    else:
        done = pipeline.pull(voice.find(), names, say=lambda line: voice.say(f"  {line}"))
        lines: list[str] = []
        for one in done:
            lines.append(one.line())
            lines += [f"  line {line}: {reason}" for line, reason in one.sample[:SAMPLE]]
        voice.result([one.as_data() for one in done], lines)
        if any(one.problem for one in done):
            raise click.exceptions.Exit(1)


def _keep(voice: Voice, name: str) -> None:
    from regard.sources.pull import Secrets

    asked = sys.stdin.isatty()
    value = click.prompt(f"{name}", hide_input=True) if asked else sys.stdin.read().strip("\r\n")
    Secrets(voice.find().secrets).keep(name, value)
    voice.say(f"Kept ${name}. The environment comes first where it has a {name}, too.")


def _watch(voice: Voice, until_closed: bool) -> None:
    from regard import pipeline

    workspace = voice.find()
    say = voice.talk("pull")
    say(f"Watching {len(pipeline.pulls(workspace))} pulls.")
    stop = stopped(until_closed, say)
    watcher = threading.Thread(target=pipeline.watch, args=(workspace, stop), kwargs={"say": say}, daemon=True)
    watcher.start()
    stop.wait()
    watcher.join(LEAVE_S)  # a long pull is left in the middle: the next one begins where it began


def _list(voice: Voice) -> None:
    from regard import pipeline

    found = pipeline.pull_states(voice.find())
    data = [
        {"name": one.name, "every_s": one.every_s, **(_data(one.last) if one.last else {"tried_at": None})}
        for one in found
    ]
    voice.result(data, [one.line() for one in found])
    if not found:
        voice.say("There are no pulls. Write one, or add a bundled one: regard pull --add zendesk")


def _data(last: Attempt) -> dict[str, object]:
    names = ("tried_at", "succeeded_at", "next_at", "failures", "problem", "hint", "n_rows", "n_interactions")
    return {name: getattr(last, name) for name in names}
