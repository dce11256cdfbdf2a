"""Commands that work on the whole: run, refresh, serve, merge, split, forget, compact."""

from __future__ import annotations

import datetime as dt
import threading
import time
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import click

from regard.cli.voice import Voice, stopped, unless_pressed, verb

if TYPE_CHECKING:
    from regard.identity import Decision

NICE = 19
"""What keeps tables up to date gives way to those who wait for an answer."""


@click.command("run", epilog="Example: regard run, or regard run --as-of 1997-09-30 --horizon 39w")
@click.option(
    "--as-of", "as_of", metavar="T", help="The time of knowing: a day (its end) or a time. Else the last row."
)
@click.option("--horizon", metavar="DURATION", help='How far value looks ahead, such as "39w"; else the blueprint\'s.')
@click.option("--engine", "engine_name", default="duckdb", show_default=True, help='Or "sc://host:port" for Spark.')
@click.option("--keep-fits", is_flag=True, help="Fit nothing: go by what the last run fitted.")
@verb
def run_command(voice: Voice, as_of: str | None, horizon: str | None, engine_name: str, keep_fits: bool) -> None:
    """Work every table out from nothing: resolve, split, fit, score, estimate."""
    from regard import pipeline
    from regard.blueprint import read, seconds
    from regard.engine import connect

    workspace = voice.find()
    zone = read(workspace.blueprint).zone
    order = pipeline.Order(
        now=dt.datetime.now(dt.UTC),
        as_of=pipeline.moment(as_of, zone) if as_of else None,
        horizon_s=seconds(horizon) if horizon else None,
        keep_fits=keep_fits,
    )
    began = time.monotonic()
    engine = connect(engine_name)
    try:
        with voice.steps() as say:
            published = pipeline.run(workspace, engine, order, say=say)
    finally:
        engine.close()
    took = time.monotonic() - began
    data = {"run": published.run, "as_of": published.as_of.isoformat(), "seconds": took, "rows": dict(published.counts)}
    named = {"handles": "persons", "interactions": "touches", "promises": "promises", "scores": "scores"}
    counts = ", ".join(f"{published.counts[table]:,} {name}" for name, table in named.items())
    knowing = published.as_of.astimezone(ZoneInfo(zone))
    voice.done(data, [f"As of {knowing:%Y-%m-%d %H:%M} ({zone}): {counts}; {took:.1f} s."])


@click.command("refresh", epilog="Example: regard refresh")
@click.option("--engine", "engine_name", default="duckdb", show_default=True, help='Or "sc://host:port" for Spark.')
@click.option("--follow", is_flag=True, help="Again and again until Ctrl C, and run when that is due: see below.")
@click.option("--until-closed", is_flag=True, help="With --follow: end when standard input is closed.")
@verb
def refresh_command(voice: Voice, engine_name: str, follow: bool, until_closed: bool) -> None:
    """Bring what is new since the last run into every table, on what that run fitted.

    Only those whom it concerns are worked out: it takes as long as what is new, however much there is. Models, weights
    and bands are fitted by `regard run`: every night, say, and whenever the blueprint changes. With --follow that is
    done, too: first, when the blueprint has changed, and once a day. `regard serve` starts one of its own.
    """
    from regard import pipeline
    from regard.engine import connect

    workspace = voice.find()
    if follow:
        import os

        os.nice(NICE)
        say = voice.talk("refresh")
        keeper = pipeline.Freshness(workspace, clock=pipeline.utc_now, say=say)
        stop = stopped(until_closed, say)
        threading.Thread(target=keeper.follow, args=(stop,), daemon=True).start()
        stop.wait()  # tables that are being worked out are left as they were
        return
    began = time.monotonic()
    engine = connect(engine_name)
    try:
        with voice.steps() as say:
            done = pipeline.refresh(workspace, engine, now=dt.datetime.now(dt.UTC), say=say)
    finally:
        engine.close()
    took = time.monotonic() - began
    voice.result({**done.as_data(), "seconds": took}, [f"{done.line()} {took:.1f} s."])


@click.command("serve", epilog="Example: regard serve --port 8123")
@click.option("--port", type=click.IntRange(0, 65535), help="Else the first free one from 8123.")
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen on.")
@click.option(
    "--trusted-proxy",
    "proxies",
    multiple=True,
    metavar="ADDRESS",
    help="Believe what this proxy says of where a request came from, and of TLS; may be repeated.",
)
@verb
def serve_command(voice: Voice, port: int | None, host: str, proxies: tuple[str, ...]) -> None:
    """The web pages and API on one port, until Ctrl C.

    Other machines are let in only once somebody has an account: regard account create EMAIL --role admin.
    """
    from regard import web

    web.serve(voice.find(), host=host, port=port, proxies=proxies, say=voice.talk("serve"), before=unless_pressed)


@click.command("follow", epilog="Example: regard follow")
@click.option("--until-closed", is_flag=True, help="End when standard input is closed: how `serve` starts its own.")
@verb
def follow_command(voice: Voice, until_closed: bool) -> None:
    """Bring what servers accepted into the ledger, until Ctrl C.

    `regard serve` starts one of its own; a second waits until the first is gone.
    """
    from regard.pipeline import follow, settle

    settle()
    say = voice.talk("follow")
    follow(voice.find(), stopped(until_closed, say), say=say)


@click.command(
    "merge", epilog="Example: regard merge email:ada@example.com customer:C-1027 --reason 'told us on the phone'"
)
@click.argument("handle")
@click.argument("other")
@click.option("--reason", default="", help="Why, for those who come after.")
@verb
def merge_command(voice: Voice, handle: str, other: str, reason: str) -> None:
    """Say that two handles are one person. It holds from the next run, and can be undone."""
    _decide(voice, handle, other, "merge", reason)


@click.command("split", epilog="Example: regard split phone:555-0100 customer:C-1027 --reason 'an office phone'")
@click.argument("handle")
@click.argument("other")
@click.option("--undo", is_flag=True, help="Forget what was decided about these two.")
@click.option("--reason", default="", help="Why, for those who come after.")
@verb
def split_command(voice: Voice, handle: str, other: str, undo: bool, reason: str) -> None:
    """Say that two handles are not one person. It holds from the next run, and can be undone."""
    _decide(voice, handle, other, "undo" if undo else "split", reason)


def _decide(voice: Voice, handle: str, other: str, decision: Decision, reason: str) -> None:
    import getpass

    from regard import pipeline

    now = dt.datetime.now(dt.UTC)
    pipeline.decide(voice.find(), decision, handle, other, by=getpass.getuser(), reason=reason, now=now)
    said = {"merge": "are one person", "split": "are not one person", "undo": "are as if nobody had decided"}[decision]
    voice.done(
        {"handle": handle, "other": other, "decision": decision},
        [f"Noted: {handle} and {other} {said}. It holds from the next `regard run`."],
    )


@click.command("forget", epilog="Example: regard forget ada@example.com")
@click.argument("handle")
@verb
def forget_command(voice: Voice, handle: str) -> None:
    """Remove a person from every file, old version, log, reject and derived table, and keep them out.

    Everything fitted on them is fitted again. Backups and the files you imported are yours to clean.
    """
    from regard import pipeline
    from regard.cli.accounts import shell
    from regard.engine import connect

    engine = connect("duckdb")
    try:
        with voice.steps() as say:
            gone = pipeline.forget(voice.find(), handle, engine, now=dt.datetime.now(dt.UTC), by=shell().name, say=say)
    finally:
        engine.close()
    voice.done(gone.as_data(), gone.lines())


@click.command("compact", epilog="Example: regard compact")
@verb
def compact_command(voice: Voice) -> None:
    """Rewrite the ledger into few files, clustered by day; nothing it says changes."""
    from regard.engine import connect
    from regard.ledger import Ledger

    engine = connect("duckdb")
    try:
        with voice.steps() as say:
            say("Clustering the ledger by day")
            done = Ledger.open(voice.find()).compact(engine, now=dt.datetime.now(dt.UTC))
    finally:
        engine.close()
    voice.done(
        {"n_rows": done.n_rows, "files_before": done.files_before, "files_after": done.files_after},
        [f"{done.n_rows:,} interactions, {done.files_before} files before, {done.files_after} now."],
    )
