"""The river, top to bottom: read this first.

    ledger -> identity -> journeys -> experience -> value -> board

Each room takes tables and gives tables; this file only knows their order. Every table is written and read back before
the next room takes it, so that nothing is worked out twice.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from zoneinfo import ZoneInfo

import ibis
import ibis.expr.types as ir

from regard import board, experience, identity, journeys, value
from regard.blueprint import Blueprint
from regard.blueprint import read as read_blueprint
from regard.engine import Engine, Publication, Published, Update, connect
from regard.errors import SettingError, WorkspaceError
from regard.ledger import Ledger
from regard.pipeline.fitted import TABLES as TOLD_OF_FITS
from regard.pipeline.fitted import Fitted, kept
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
    keep_fits : work everything out by what the last run fitted, and fit nothing.
    pinned    : stay as of that time, whatever comes; None: where as_of is named.
    """

    now: dt.datetime
    as_of: dt.datetime | None = None
    horizon_s: float | None = None
    keep_fits: bool = False
    pinned: bool | None = None


def run(workspace: Workspace, engine: Engine, order: Order, *, say: Say = silent) -> Published:
    """Bring every derived table up to date and let readers see them all at once.

    Raises : BlueprintError for a blueprint that cannot be meant; WorkspaceError for an empty ledger, or if fits are to
             stand and there are none of this blueprint.
    """
    blueprint = read_blueprint(workspace.blueprint)
    ledger = Ledger.open(workspace)
    seal(ledger, now=order.now)
    reading = ledger.reading(engine)
    known = reading.rows()
    as_of = order.as_of or default_as_of(known, blueprint, engine, now=order.now)
    horizon_s = order.horizon_s or blueprint.value.horizon_s
    before = Published.current(workspace) if order.keep_fits else None
    publication = Publication(workspace, engine, as_of=as_of, now=order.now)
    try:
        river = River(blueprint, ledger, engine, publication, as_of, horizon_s, say)
        fitted = _work_out(known.filter(known.occurred_at <= ibis.literal(as_of)), river, before)
        for name, said in fitted.notes().items():
            publication.note(name, said)
        publication.note(READ, reading.noted.save())
        publication.keep(MEMBERSHIPS, ledger.side(MEMBERSHIPS, engine))
    except BaseException:
        publication.abandon()
        raise
    facts = {"horizon_s": horizon_s, "engine": engine.name, "ledger_version": reading.noted.number}
    pinned = order.as_of is not None if order.pinned is None else order.pinned
    return publication.publish({**facts, "blueprint": mark(workspace), "pinned": pinned})


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


READ, MEMBERSHIPS = "ledger", "memberships"
"""Names of the note beside a run in which it says what it read, and of the memberships that it read."""


def mark(workspace: Workspace) -> str:
    """A mark of the blueprint as it is written; another one means something else."""
    return hashlib.sha256(workspace.blueprint.read_bytes()).hexdigest()


@dataclass(frozen=True)
class River:
    """What every stretch of the river is given. into : where tables are written. say : see `Say`."""

    blueprint: Blueprint
    ledger: Ledger
    engine: Engine
    into: Publication | Update
    as_of: dt.datetime
    horizon_s: float
    say: Say


def _work_out(known: ir.Table, river: River, before: Published | None) -> Fitted:
    """Everything from nothing; by the fits of an earlier run where one is named."""
    blueprint, engine, write = river.blueprint, river.engine, river.into.write

    river.say("Who it happened to")
    resolved = identity.resolve(known, river.ledger.side("decisions", engine), blueprint, engine)
    persons = write("persons", resolved.persons)
    write("merges", resolved.merges)
    memberships = river.ledger.side(MEMBERSHIPS, engine)
    said = resolved.assigned.mutate(own_account=resolved.assigned.account, own_role=resolved.assigned.role)
    theirs = identity.belong(said, memberships, resolved.persons, blueprint, engine)

    river.say("What they went through")
    touches = write("touches", journeys.touch(theirs, blueprint), order_by=journeys.TOUCH_ORDER)
    numbers = engine.keep(board.number_people(touches))
    river.into.number(numbers)
    write("object_people", journeys.object_people(touches, blueprint))
    for name, table in journeys.split(touches, blueprint, engine).items():
        write(name, table)

    given = None
    if before is not None:
        given = Stands(kept(before, blueprint, engine), before.table("predictions", engine))
        for name in TOLD_OF_FITS:
            write(name, before.table(name, engine))
    fitted, tables = appraise(touches, river, given)

    river.say("What pages ask")
    gathered = board.gather({**tables, "touches": touches, "persons": persons, "numbers": numbers}, engine)
    for name, table in gathered.items():
        write(name, table, order_by=table_named(name).key)
    return fitted


@dataclass(frozen=True)
class Stands:
    """Fits that stand.

    foreseen : what was expected of answers so far. everyone : touches of all, where only some are worked out.
    """

    fitted: Fitted
    foreseen: ir.Table
    everyone: ir.Table | None = None


def appraise(touches: ir.Table, river: River, given: Stands | None = None) -> tuple[Fitted, Mapping[str, ir.Table]]:
    """From what people went through to what they were promised, how they regard us, and what that is worth.

    touches : of everybody, or whole islands of people; written or kept.
    Returns : the fits, and the tables as they were written.
    """
    blueprint, engine, write, as_of = river.blueprint, river.engine, river.into.write, river.as_of

    river.say("What they were promised")
    beyond = given.fitted.beyond if given else experience.estimated_thresholds(touches, blueprint, engine, as_of=as_of)
    promises = write("promises", experience.keep_promises(touches, blueprint, engine, as_of=as_of, beyond=beyond))

    river.say("How they regard us")
    fits = {fit.model.level: fit for fit in given.fitted.score} if given else {}
    stand = experience.Given(fits, given.foreseen, given.everyone) if given else None
    perceived = experience.score(touches, promises, blueprint, engine, as_of=as_of, given=stand)
    scored = perceived.tables
    models = [scored.pop("models")] if given is None else []
    lapses = write("lapses", scored.pop("lapses"))
    written = {name: write(name, table) for name, table in scored.items()}

    river.say("What it is worth")
    worth = value.estimate(
        touches,
        lapses,
        river.ledger.side("rates", engine),
        blueprint,
        engine,
        as_of=as_of,
        horizon_s=river.horizon_s,
        given=given.fitted.value if given else None,
    )
    if given is None:
        write("models", ibis.union(*models, worth.tables.pop("models")))
    written |= {name: write(name, table) for name, table in worth.tables.items()}
    return Fitted(beyond, perceived.fits, worth.fits), written


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
