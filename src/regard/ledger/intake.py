"""One batch on its way in: written beside the ledger, freed of what is known or forgotten, sealed in one change."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

import ibis
import ibis.expr.datatypes as types
import ibis.expr.types as ir
import pyarrow as pa

from regard.engine import Engine, schema
from regard.errors import TableError
from regard.ledger.batch import Batch
from regard.ledger.blackout import Blackout
from regard.ledger.door import admitted, forgotten_in, mentioned_in
from regard.ledger.doubts import BAD, CHANGED, CORRECTION, NEW, doubts, settled
from regard.ledger.ids import given_or_made
from regard.tables import INTERACTIONS

CHANGED_SAYS = (
    "an interaction with this id is in the ledger, or earlier in this file, with other content; "
    "if the new one is right, set `on_change: correct` in the mapping, or give the row an id of its own and `corrects`"
)
BAD_SAYS = "the row has no event or no time; an interaction needs both"


@ibis.udf.scalar.builtin(name="to_json")  # type: ignore[untyped-decorator]
def to_json(value) -> str:  # type: ignore[no-untyped-def,empty-body]
    """A value as JSON text."""


@dataclass
class Intake:
    """What a batch came to, step by step.

    files  : Parquet files of the facts to be added, in scratch.
    counts : n_known, n_corrections, n_changed, n_bad, n_misfit, n_forgotten.
    """

    engine: Engine
    folder: Path
    files: list[Path] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)
    rejects: list[ir.Table] = field(default_factory=list)
    steps: int = 0

    def put(self, rows: ir.Table, shape: ibis.Schema) -> ir.Table:
        """Write rows into a folder of their own and read them back."""
        self.steps += 1
        folder = self.folder / f"step-{self.steps}"
        self.engine.write(rows, folder)
        self.files = sorted(folder.glob("*.parquet"))
        return self.engine.read(self.files, shape)

    def count(self, rows: ir.Table) -> int:
        return int(self.engine.rows(rows.aggregate(n=rows.count())).column("n")[0].as_py())


def taken_in(
    batch: Batch, held: ir.Table | None, tombstones: ir.Table | None, *, secret: str, intake: Intake, now: dt.datetime
) -> None:
    """Bring a batch's interactions into scratch as they will stand in the ledger; see `Intake` for what comes of it."""
    shape = schema(INTERACTIONS)
    usable = fitting(batch, intake)
    staged = intake.put(canonical(usable, batch.source, now), shape)
    if tombstones is not None:
        staged = _without_forgotten(staged, tombstones, secret, intake)
    with doubts(staged, held, intake.engine) as found:
        if not found.n:
            return
        intake.counts["n_known"] = found.n_known
        fresh = staged.anti_join(found.ids, "interaction_id").select(*shape.names)
        if found.n_hard:
            judged = settled(staged, held, found, correct=batch.on_change == "correct")
            verdicts = intake.put(judged, ibis.schema({**shape, "outcome": "string"}))
            for name, n in _tally(verdicts, intake.engine).items():
                intake.counts[name] = intake.counts.get(name, 0) + n
            intake.rejects += [_rejected(verdicts, CHANGED, CHANGED_SAYS), _rejected(verdicts, BAD, BAD_SAYS)]
            added = verdicts.filter(verdicts.outcome.isin([NEW, CORRECTION]))
            fresh = fresh.union(added.select(*shape.names))
        intake.put(fresh, shape)


def _without_forgotten(staged: ir.Table, tombstones: ir.Table, secret: str, intake: Intake) -> ir.Table:
    engine = intake.engine
    gone = engine.keep(forgotten_in(staged, tombstones, secret))
    spoken_of = engine.rows(mentioned_in(staged, tombstones, secret)).column("value").to_pylist()
    if intake.count(gone) or spoken_of:
        before = intake.count(staged)
        staged = intake.put(admitted(staged, gone, Blackout.of(spoken_of, secret, engine), secret), staged.schema())
        intake.counts["n_forgotten"] = before - intake.count(staged)
    engine.drop(gone)
    return staged


def canonical(rows: ir.Table, source: str, now: dt.datetime) -> ir.Table:
    """Rows in the columns and types of the ledger; columns they lack are null."""
    columns: dict[str, ir.Value] = {}
    for name, kind in schema(INTERACTIONS).items():
        columns[name] = rows[name].cast(kind) if name in rows.columns else ibis.null(kind)
    columns["source"] = ibis.literal(source)
    taken = ibis.literal(now).cast(schema(INTERACTIONS)["received_at"])
    columns["received_at"] = ibis.coalesce(columns["received_at"], taken)
    columns["interaction_id"] = given_or_made(rows)
    return rows.select(**columns)


def fitting(batch: Batch, intake: Intake) -> ir.Table:
    """The batch's rows in types that the ledger has; those with a value that cannot be of its type are rejected.

    Raises : TableError if a column is of a kind that no value of it could be cast from.
    """
    rows = batch.interactions
    odd = {name: kind for name, kind in schema(INTERACTIONS).items() if name in rows.columns and _odd(rows[name], kind)}
    if not odd:
        return rows
    for name, kind in odd.items():
        if not (rows[name].type().is_string() or rows[name].type().is_numeric()) or kind.is_nested():
            raise TableError(
                f"Column {name!r} of the interactions from {batch.source!r} cannot be read as the ledger's.",
                found=str(rows[name].type()),
                allowed=str(kind),
                hint="Change the mapping so that it gives that type.",
            )
    tried = rows.mutate(**{f"{name}__tried": rows[name].try_cast(kind) for name, kind in odd.items()})
    wrong = [tried[name].notnull() & tried[f"{name}__tried"].isnull() for name in odd]
    unfit = wrong[0]
    for one in wrong[1:]:
        unfit = unfit | one
    kept = intake.engine.keep(tried.mutate(unfit=unfit))
    reason = ibis.cases(
        *[
            (kept[name].notnull() & kept[f"{name}__tried"].isnull(), _misfit(kept[name], name, kind))
            for name, kind in odd.items()
        ]
    )
    bad = kept.filter(kept.unfit).mutate(reason=reason)
    intake.counts["n_misfit"] = intake.count(bad)
    intake.rejects.append(_as_rejects(bad.mutate(**{c: bad[c] for c in rows.columns}), list(rows.columns)))
    good = kept.filter(~kept.unfit)
    return good.mutate(**{name: good[f"{name}__tried"] for name in odd}).select(*rows.columns)


def _odd(value: ir.Value, kind: types.DataType) -> bool:
    have = value.type()
    if have.copy(nullable=True) == kind.copy(nullable=True) or have.is_null():
        return False
    if have.is_timestamp() and kind.is_timestamp():
        return False
    return not (have.is_integer() and (kind.is_floating() or kind.is_integer()))


def _misfit(value: ir.Value, name: str, kind: types.DataType) -> ir.StringValue:
    return cast(ir.StringValue, ibis.literal(f"{name}: '") + value.cast("string") + f"' cannot be read as {kind}")


def _tally(verdicts: ir.Table, engine: Engine) -> Mapping[str, int]:
    counted = engine.rows(verdicts.group_by("outcome").aggregate(n=verdicts.count())).to_pylist()
    found = {row["outcome"]: row["n"] for row in counted}
    return {
        "n_known": found.get("known", 0),
        "n_corrections": found.get(CORRECTION, 0),
        "n_changed": found.get(CHANGED, 0),
        "n_bad": found.get(BAD, 0),
    }


def _rejected(verdicts: ir.Table, outcome: str, says: str) -> ir.Table:
    rows = verdicts.filter(verdicts.outcome == outcome).mutate(reason=ibis.literal(says))
    return _as_rejects(rows, list(INTERACTIONS.names))


def _as_rejects(rows: ir.Table, columns: list[str]) -> ir.Table:
    line = rows.sequence.cast("int64") if "sequence" in rows.columns else ibis.null("int64")
    event = rows.event.cast("string") if "event" in rows.columns else ibis.null("string")
    as_read = to_json(ibis.struct({name: rows[name] for name in columns}))
    return rows.select(line=line, event=event, reason=rows.reason, row=as_read)


def one_row(name: str, values: Mapping[str, object], engine: Engine) -> ir.Table:
    """One row of a ledger table; columns not named are null."""
    shape = schema(name).to_pyarrow()
    return engine.table(pa.table({c.name: pa.array([values.get(c.name)], c.type) for c in shape}, schema=shape))
