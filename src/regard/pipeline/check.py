"""What is wrong with blueprint, mappings, sources or freshness, and how to mend it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import ibis
import ibis.expr.types as ir

from regard import blueprint as meaning
from regard import sources
from regard.blueprint import Blueprint
from regard.engine import SECONDS_A_DAY, Engine, Published, connect
from regard.errors import Finding, RegardError, WorkspaceError
from regard.ledger import Ledger
from regard.pipeline.pull import pull_file
from regard.pipeline.pulling import pull_states
from regard.sources.pull import Secrets, check_pull
from regard.workspace import Workspace

NAMED = 5
"""So many of a kind are named in one finding."""


def check(workspace: Workspace, *, now: dt.datetime, data: Path | None = None) -> list[Finding]:
    """Everything that is wrong, or poorer than it could be, with the next step for each.

    now  : UTC; how fresh a live workspace is depends on it.
    data : the folder of the files that mappings name; None: where each source was last imported from.
    """
    findings = meaning.check(workspace.blueprint)
    engine = connect("duckdb")
    try:
        ledger = Ledger.open(workspace)
        loads = engine.rows(ledger.side("loads", engine).order_by("load_id")).to_pylist()
        for path in sorted(workspace.maps.glob("*.map.yaml")):
            findings += _mapping(path, loads, engine, data)
        findings += _pulls(workspace, now)
        if not any(one.severity == "error" and one.where.startswith(workspace.blueprint.name) for one in findings):
            findings += _facts(workspace, ledger, meaning.read(workspace.blueprint), engine, now)
        return findings
    finally:
        engine.close()


def _pulls(workspace: Workspace, now: dt.datetime) -> Iterator[Finding]:
    """The pull files, and how the pulls go."""
    states = pull_states(workspace)
    if not states:
        return
    known = Secrets(workspace.secrets).known()
    for state in states:
        found = check_pull(pull_file(workspace, state.name), workspace.maps, known)
        yield from found
        how = state.state(now)
        if how == "failing" and state.last is not None:
            times = "once" if state.last.failures == 1 else f"{state.last.failures} times in a row"
            says = f"It failed {times}: {state.last.problem}"
            yield Finding(f"pull {state.name}", "warning", says, state.last.hint)
        elif how == "never" and not found:
            yield Finding(f"pull {state.name}", "note", "It was never tried.", f"regard pull {state.name}")
        elif how == "late":
            says = f"It last went well {state.age_s(now) / 3600:,.1f} hours ago, later than its `every` allows."
            yield Finding(f"pull {state.name}", "warning", says, "Keep `regard pull --watch` running.")


def _mapping(path: Path, loads: list[dict[str, Any]], engine: Engine, data: Path | None) -> Iterator[Finding]:
    """A mapping beside its data: in the folder that is named, else where its source last came from."""
    try:
        meant = sources.read_mapping(path)
    except RegardError:
        yield from sources.check_mapping(path)
        return
    theirs = [load for load in loads if load["source"] == meant.source]
    exact = [load for load in theirs if load["mapping"] == meant.digest]
    last = next(reversed(exact or theirs), None)
    folder = data or (Path(last["folder"]) if last and last["folder"] else None)
    if folder is not None and not folder.is_dir():
        yield Finding(
            path.name, "note", f"Its files were last in {folder}, which is not there: its columns were not compared.",
            "Name the folder they are in now: regard check --data FOLDER",
        )  # fmt: skip
        folder = None
    yield from sources.check_mapping(path, folder, engine, last=last["file"] if last else None)
    if last is None:
        yield Finding(
            path.name, "note", f"The source {meant.source!r} has never been imported.",
            f"regard import --map {path} --data FOLDER" if meant.files else f"regard import FILE --map {path}",
        )  # fmt: skip


def _facts(
    workspace: Workspace, ledger: Ledger, said: Blueprint, engine: Engine, now: dt.datetime
) -> Iterator[Finding]:
    yield from _log(ledger)
    known = ledger.read(engine)
    arrived = known.group_by("source").agg(n=known.count(), last_at=known.occurred_at.max())
    rows = engine.rows(arrived.order_by("source")).to_pylist()
    if not rows:
        yield Finding("ledger", "note", "There is nothing in the ledger yet.", "regard import FILE --map MAP.yaml")
        return
    time_of_knowing = now if said.live else max(row["last_at"] for row in rows)
    yield from _freshness(said, {row["source"]: row["last_at"] for row in rows}, time_of_knowing)
    yield from _rejects(ledger, engine)
    yield from _standing(workspace, ledger, said, engine)


def _freshness(said: Blueprint, last: dict[str, dt.datetime], now: dt.datetime) -> Iterator[Finding]:
    for source, allowed_s in said.freshness.items():
        if source not in last:
            yield Finding(
                f"source {source}", "warning", "The blueprint expects it to be fresh, and it has never arrived.",
                f"Import it, or take it out of `freshness` (the ledger has {', '.join(sorted(last))}).",
            )  # fmt: skip
            continue
        age_s = (now - last[source]).total_seconds()
        if age_s > allowed_s:
            yield Finding(
                f"source {source}", "warning",
                f"Its newest interaction is {age_s / SECONDS_A_DAY:.1f} days old, "
                f"{allowed_s / SECONDS_A_DAY:g} are allowed.",
                "Import what has come since, or mend the export.",
            )  # fmt: skip


def _log(ledger: Ledger) -> Iterator[Finding]:
    found = ledger.damage()
    bad = [one for one in found if not one.torn]
    if bad:
        size = sum(one.end - one.start for one in bad)
        yield Finding(
            "log", "warning", f"{len(bad)} stretches of what was accepted were damaged: {size:,} bytes.",
            "Look at the disk; the bytes are in .regard/log/damaged. Senders that kept them can send them again.",
        )  # fmt: skip
    if torn := len(found) - len(bad):
        yield Finding(
            "log", "note", f"{torn} writes were cut off by a kill or a power cut; none of them had been acknowledged.",
            "Nothing is to be done; remove .regard/log/damaged to be rid of this line.",
        )  # fmt: skip


def _rejects(ledger: Ledger, engine: Engine) -> Iterator[Finding]:
    rejects = ledger.side("rejects", engine)
    counted = rejects.group_by("source").agg(n=rejects.count(), reason=rejects.reason.min())
    for row in engine.rows(counted.order_by("source")).to_pylist():
        yield Finding(
            f"source {row['source']}", "warning", f"{row['n']:,} rows did not fit, such as: {row['reason']}",
            f"regard show rejects --where 'source = {row['source']}'",
        )  # fmt: skip


def _standing(workspace: Workspace, ledger: Ledger, said: Blueprint, engine: Engine) -> Iterator[Finding]:
    try:
        published = Published.current(workspace)
    except WorkspaceError as error:
        yield Finding("tables", "warning", error.problem, error.hint)
        return
    seen = published.facts.get("ledger_version")
    if not isinstance(seen, int) or ledger.news > seen:
        yield Finding("tables", "warning", "The ledger has changed since the tables were made.", "regard refresh")
    try:
        touches = published.table("touches", engine)
        yield from _coverage(touches, said, engine)
    except RegardError as error:
        yield Finding("tables", "error", error.problem, error.hint)


def _coverage(touches: ir.Table, said: Blueprint, engine: Engine) -> Iterator[Finding]:
    seen = engine.rows(touches.select("touchpoint").distinct()).column("touchpoint").to_pylist()
    unseen = [point.id for point in said.touchpoints if point.when is not None and point.id not in seen]
    if unseen:
        yield Finding(
            "touchpoints", "note", f"{len(unseen)} are never seen in the ledger: {_some(unseen)}.",
            "Look at their `when`, or bring in the source that records them.",
        )  # fmt: skip
    strange = touches.filter(touches.touchpoint.isnull())
    events = engine.rows(
        strange.group_by("event").agg(n=strange.count()).order_by(ibis.desc("n"), "event").limit(100)
    ).to_pylist()
    if events:
        names = [f"{row['event']} ({row['n']:,})" for row in events]
        yield Finding(
            "touchpoints", "note", f"{len(events)} events are no touchpoint: {_some(names)}.",
            "Give each a touchpoint in blueprint.yaml, so that it has a stage, a function and an owner.",
        )  # fmt: skip
    nobody = touches.filter(touches.person_id.isnull())
    n = int(engine.rows(nobody.aggregate(n=nobody.count())).column("n")[0].as_py())
    if n:
        yield Finding(
            "persons", "note", f"{n:,} interactions belong to nobody we can name.",
            "regard show merges --where 'outcome = refused' tells which handles were refused, and why.",
        )  # fmt: skip


def _some(names: list[str]) -> str:
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return ", ".join(names[:NAMED]) + more
