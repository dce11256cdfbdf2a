"""The river, top to bottom: read this first.

    ledger -> identity -> journeys -> experience -> value -> board

Each room takes tables and gives tables; this file only knows their order. Every table is written and read back before
the next room takes it, so that nothing is worked out twice.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from zoneinfo import ZoneInfo

import ibis
import ibis.expr.types as ir

from regard import board, experience, identity, journeys, value
from regard.blueprint import Blueprint
from regard.blueprint import read as read_blueprint
from regard.engine import Engine, Publication, Published, connect
from regard.errors import SettingError, WorkspaceError
from regard.experience import fits
from regard.ledger import Ledger
from regard.tables import table as table_named
from regard.workspace import Workspace

SEAL_MEMORY = 2**29
Say = Callable[[str], None]
"""Called with one line before each step of long work."""


def silent(line: str) -> None:
    """Say nothing."""


@dataclass(frozen=True)
class Order:
    """What a run was asked for.

    as_of     : the time of knowing; None: now for a live workspace, else the last interaction.
    horizon_s : how far value looks ahead, seconds; None: the blueprint's.
    now       : the time of the run, UTC.
    """

    now: dt.datetime
    as_of: dt.datetime | None = None
    horizon_s: float | None = None


def run(workspace: Workspace, engine: Engine, order: Order, *, say: Say = silent) -> Published:
    """Bring every derived table up to date and let readers see them all at once.

    Raises : BlueprintError for a blueprint that cannot be meant; WorkspaceError for an empty ledger.
    """
    blueprint = read_blueprint(workspace.blueprint)
    ledger = Ledger.open(workspace)
    seal(ledger, now=order.now)
    version = ledger.number
    known = ledger.read(engine)
    as_of = order.as_of or default_as_of(known, blueprint, engine, now=order.now)
    horizon_s = order.horizon_s or blueprint.value.horizon_s
    publication = Publication(workspace, engine, as_of=as_of, now=order.now)
    try:
        _work_out(
            known.filter(known.occurred_at <= ibis.literal(as_of)), ledger, blueprint, publication, horizon_s, say
        )
    except BaseException:
        publication.abandon()
        raise
    return publication.publish({"horizon_s": horizon_s, "engine": engine.name, "ledger_version": version})


def seal(ledger: Ledger, *, now: dt.datetime) -> None:
    """Bring what was accepted into the ledger; while another process writes, it is read from the log instead."""
    if not ledger.waiting_bytes:
        return
    embedded = connect("duckdb", memory=SEAL_MEMORY)
    try:
        with suppress(WorkspaceError):
            ledger.seal(embedded, now=now, everything=True)
    finally:
        embedded.close()


def _work_out(
    known: ir.Table, ledger: Ledger, blueprint: Blueprint, publication: Publication, horizon_s: float, say: Say
) -> None:
    engine, as_of, write = publication.engine, publication.as_of, publication.write

    say("Who it happened to")
    resolved = identity.resolve(known, ledger.side("decisions", engine), blueprint, engine)
    persons = write("persons", resolved.persons)
    write("merges", resolved.merges)
    theirs = identity.belong(resolved.assigned, ledger.side("memberships", engine), resolved.persons, blueprint, engine)

    say("What they went through")
    touches = write("touches", journeys.touch(theirs, blueprint), order_by=journeys.TOUCH_ORDER)
    numbers = engine.keep(board.number_people(touches))
    publication.number(numbers)
    for name, table in journeys.split(touches, blueprint, engine).items():
        write(name, table)

    say("What they were promised")
    promises = write("promises", experience.keep_promises(touches, blueprint, engine, as_of=as_of))

    say("How they regard us")
    perceived = experience.score(touches, promises, blueprint, engine, as_of=as_of)
    publication.note(fits.NAME, fits.save(perceived.fits))
    scored = perceived.tables
    score_models = scored.pop("models")
    lapses = write("lapses", scored.pop("lapses"))
    written = {name: write(name, table) for name, table in scored.items()}

    say("What it is worth")
    rates = ledger.side("rates", engine)
    estimated = value.estimate(touches, lapses, rates, blueprint, engine, as_of=as_of, horizon_s=horizon_s)
    write("models", score_models.union(estimated.pop("models")))
    written |= {name: write(name, table) for name, table in estimated.items()}

    say("What pages ask")
    gathered = board.gather({**written, "touches": touches, "persons": persons, "numbers": numbers}, engine)
    for name, table in gathered.items():
        write(name, table, order_by=table_named(name).key)


def default_as_of(known: ir.Table, blueprint: Blueprint, engine: Engine, *, now: dt.datetime) -> dt.datetime:
    """Now for a live workspace, else the last `occurred_at`: an imported past does not depend on today.

    Raises : WorkspaceError if the ledger is empty.
    """
    last = engine.rows(known.aggregate(last=known.occurred_at.max())).column("last")[0].as_py()
    if last is None:
        raise WorkspaceError(
            "There is nothing in the ledger yet.", hint="Bring in a file: regard import FILE --map MAP.yaml"
        )
    return now if blueprint.live else last


def moment(text: str, zone: str) -> dt.datetime:
    """The moment that a day or a time stands for, UTC; a day means its end, since the whole day is then known.

    text   : ISO 8601, such as "1997-09-30" or "2018-03-01T12:00"; without an offset it is in `zone`.
    Raises : SettingError if it is neither.

    >>> moment("1997-09-30", "UTC").isoformat()
    '1997-09-30T23:59:59.999999+00:00'
    """
    try:
        if len(text) == len("1997-09-30"):
            day = dt.date.fromisoformat(text) + dt.timedelta(days=1)
            after = dt.datetime.combine(day, dt.time(), tzinfo=ZoneInfo(zone)).astimezone(dt.UTC)
            return after - dt.timedelta(microseconds=1)
        at = dt.datetime.fromisoformat(text)
    except ValueError:
        raise SettingError(
            f"{text!r} is not a time.", allowed="a day such as 1997-09-30, or a time such as 2018-03-01T12:00+01:00"
        ) from None
    return (at if at.tzinfo else at.replace(tzinfo=ZoneInfo(zone))).astimezone(dt.UTC)
