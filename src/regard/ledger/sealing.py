"""From the log into the ledger: whole records in order, each fact once, in one change that also says how far.

taken       records that are not in the ledger yet, as Arrow
admitted    without people who asked to be forgotten
judged      an id that the ledger holds, or that came twice: the same again, or something else under its name
sealed      facts, rejects, memberships, objects and the positions in the log: all of it or nothing
removed     segments that are wholly in the ledger
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path

import ibis
import ibis.expr.types as ir
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from regard.engine import Engine, schema
from regard.ledger.append import side_changes, stones_of
from regard.ledger.archive import Archive
from regard.ledger.blackout import BLACK, Blackout
from regard.ledger.delta import Piece
from regard.ledger.door import admitted, forgotten_in, mentioned_in, rejects_admitted
from regard.ledger.ids import fingerprint
from regard.ledger.journal import Change, moved
from regard.ledger.known import Hashes, Known, hashes_of
from regard.ledger.log import Taken, tables_of
from regard.tables import INTERACTIONS

Mask = npt.NDArray[np.bool_]

TURN_BYTES = 48 * 2**20
"""Bytes of the log that one turn takes: memory of a turn is a few times this."""
NEWEST = 16
"""An id that comes again mostly came lately: so many of the newest files are looked at before all others."""
CHANGED_SAYS = (
    "an interaction with this id is in the ledger, or came earlier, with other content; "
    "give it an id of its own, and `corrects` if it is to take the other's place"
)
SIDES = ("memberships", "objects")


@dataclass(frozen=True)
class Sealed:
    """What one turn brought into the ledger.

    n_known       : came again, word for word.
    n_forgotten   : about forgotten people only.
    bytes_damaged : set aside, since no checksum vouched for them.
    more          : there is more in the log.
    files         : names of the files that came into `interactions`.
    """

    n_records: int = 0
    n_interactions: int = 0
    n_known: int = 0
    n_rejects: int = 0
    n_forgotten: int = 0
    bytes_damaged: int = 0
    more: bool = False
    files: tuple[str, ...] = ()

    def and_then(self, later: Sealed) -> Sealed:
        """Two turns as one."""
        sums = {field.name: getattr(self, field.name) + getattr(later, field.name) for field in fields(self)}
        return Sealed(**{**sums, "more": later.more})


def seal(archive: Archive, known: Known, engine: Engine, *, now: dt.datetime, most: int = TURN_BYTES) -> Sealed:
    """See `Ledger.seal`; the lock is held."""
    taken = archive.log.take(most)
    if not taken.positions:
        archive.log.remove_sealed()
        return Sealed()
    archive.log.set_aside(taken, now)
    tables = tables_of(record.payload for record in taken.records)
    known.renew()
    known.catch_up(archive.files())
    with archive.staging() as (number, folder):
        done = _sealed(archive, known, engine, tables, taken, number=number, folder=folder)
    archive.log.remove_sealed()
    return done


def _sealed(
    archive: Archive, known: Known, engine: Engine, tables: dict[str, pa.Table], taken: Taken,
    *, number: int, folder: Path,
) -> Sealed:  # fmt: skip
    facts = tables.get(INTERACTIONS.name, schema(INTERACTIONS).to_pyarrow().empty_table())
    came = len(facts)
    facts = without_forgotten(facts, archive, engine)
    n_forgotten = came - len(facts)
    hashes = hashes_of(facts.column("source").to_pylist(), facts.column("interaction_id").to_pylist())
    new, changed = fresh(facts, hashes, known.seen(hashes), archive.files(), engine)
    rejects = _rejects(tables.get("rejects"), facts.filter(pa.array(changed)), number)
    changes = [Change(INTERACTIONS.name, _written(facts.filter(pa.array(new)), folder, number))]
    if len(rejects):
        stones, secret = stones_of(archive, engine)
        rows = engine.table(rejects)
        rows = rows if stones is None else rejects_admitted(rows, stones, secret)
        changes.append(archive.written("rejects", rows, engine, number=number, folder=folder))
    sides = {name: engine.table(tables[name]) for name in SIDES if name in tables}
    if sides:
        stones, secret = stones_of(archive, engine)
        beside, _ = side_changes(archive, sides, engine, number=number, folder=folder, stones=stones, secret=secret)
        changes += beside
    archive.seal(number, folder, changes, log=taken.positions)
    files = tuple(one.path for one in changes[0].adds)
    known.add(hashes[new], files)
    n_new = int(new.sum())
    return Sealed(
        len(taken.records), n_new, len(facts) - n_new - int(changed.sum()), len(rejects), n_forgotten,
        sum(len(data) for _, _, data in taken.scars), taken.more, files,
    )  # fmt: skip


def without_forgotten(facts: pa.Table, archive: Archive, engine: Engine) -> pa.Table:
    """The interactions that may come in, without handles and mention of people who asked to be forgotten."""
    stones, secret = stones_of(archive, engine)
    if stones is None or not len(facts):
        return facts
    staged = engine.table(facts)
    gone = engine.keep(forgotten_in(staged, stones, secret))
    spoken_of = engine.rows(mentioned_in(staged, stones, secret)).column("value").to_pylist()
    if engine.rows(gone.limit(1)).num_rows or spoken_of:
        left = admitted(staged, gone, Blackout.of(spoken_of, secret, engine), secret)
        facts = engine.rows(left).cast(schema(INTERACTIONS).to_pyarrow()).sort_by("sequence")
    engine.drop(gone)
    return facts


def fresh(facts: pa.Table, hashes: Hashes, seen: Mask, files: Sequence[Path], engine: Engine) -> tuple[Mask, Mask]:
    """Which rows are new to the ledger, and which say something else under an id that is taken; the others are known.

    seen : whether the ledger may hold a row's id; those it cannot hold are not looked for.
    When it happened is not compared: senders work it out anew each time they try again.
    """
    first = np.zeros(len(facts), dtype=bool)
    first[np.unique(hashes, return_index=True)[1]] = True
    doubtful = seen | ~first
    changed = np.zeros(len(facts), dtype=bool)
    if not doubtful.any():
        return ~doubtful, changed
    involved = np.flatnonzero(np.isin(hashes, hashes[doubtful]))
    rows = facts.take(pa.array(involved)).append_column("place", pa.array(involved))
    kept: list[ir.Table] = []
    verdicts = engine.rows(_verdicts(rows, files, engine, kept))
    for table in kept:  # a follower's engine lives long
        engine.drop(table)
    at, outcome = verdicts.column("place").to_numpy(), verdicts.column("outcome")
    new = ~doubtful
    new[at] = pc.equal(outcome, "new").to_numpy()
    changed[at] = pc.equal(outcome, "changed").to_numpy()
    return new, changed


def _verdicts(doubtful: pa.Table, files: Sequence[Path], engine: Engine, kept: list[ir.Table]) -> ir.Table:
    """Of rows in doubt: place, and outcome (new, known or changed). What the engine was made to keep goes to `kept`."""
    rows = engine.table(doubtful)
    kept.append(rows)
    held = _held(rows.select("source", "interaction_id"), files, engine, kept)
    rows = _said(rows, "place")
    if held is None:
        rows = rows.mutate(held_c=ibis.null(str), black=ibis.literal(False))
    else:
        facts = _said(held, "text", "properties")
        words = ibis.coalesce(facts.text, "") + ibis.coalesce(facts.properties.values().join(" "), "")
        facts = facts.select("source", "interaction_id", held_c=facts.c, black=words.contains(BLACK))
        rows = rows.left_join(facts, ["source", "interaction_id"], rname="{name}_held")
    each = ibis.window(group_by=["source", "interaction_id"], order_by="place")
    rows = rows.mutate(turn=ibis.row_number().over(each), first_c=rows.c.first().over(each))
    same = ((rows.c == rows.held_c) | ibis.coalesce(rows.black, False)).ifelse("known", "changed")
    outcome = ibis.cases(
        (rows.held_c.notnull(), same), (rows.turn == 0, "new"), (rows.c == rows.first_c, "known"), else_="changed"
    )
    return rows.select("place", outcome=outcome)


def _said(rows: ir.Table, *also: str) -> ir.Table:
    timeless = rows.mutate(occurred_at=ibis.null(rows.occurred_at.type()))
    return timeless.mutate(c=fingerprint(timeless)).select("source", "interaction_id", "c", *also)


def _held(wanted: ir.Table, files: Sequence[Path], engine: Engine, kept: list[ir.Table]) -> ir.Table | None:
    """The ledger's facts with these ids, found in its newest files if they are all there."""
    latest = sorted(files, key=lambda path: path.name.split("-")[1:], reverse=True)
    held: ir.Table | None = None
    for some in (latest[:NEWEST], latest[NEWEST:]):
        if some and engine.rows(wanted.limit(1)).num_rows:
            facts = engine.read(some, schema(INTERACTIONS))
            met = engine.keep(facts.semi_join(wanted, ["source", "interaction_id"]))
            wanted = engine.keep(wanted.anti_join(met, ["source", "interaction_id"]))
            kept += (met, wanted)
            held = met if held is None else held.union(met)
    return held


def _written(facts: pa.Table, folder: Path, number: int) -> tuple[Piece, ...]:
    if not len(facts):
        return ()
    path = folder / "sealed.parquet"
    pq.write_table(facts, path, compression="zstd", compression_level=1, row_group_size=122_880)
    return moved([path], staged=folder, table=INTERACTIONS.name, number=number)


def _rejects(sent: pa.Table | None, changed: pa.Table, number: int) -> pa.Table:
    shape = schema("rejects").to_pyarrow()
    parts = [sent] if sent is not None else []
    if len(changed):
        rows = changed.to_pylist()
        made = [
            {
                "at": row["received_at"], "source": row["source"], "line": at, "event": row["event"],
                "reason": CHANGED_SAYS, "row": _as_json(row),
            }
            for at, row in enumerate(rows, 1)
        ]  # fmt: skip
        parts.append(pa.Table.from_pylist(made, schema=shape))
    whole = pa.concat_tables(parts) if parts else shape.empty_table()
    load = pa.array([f"{number:08d}"] * len(whole), pa.string())
    return whole.set_column(shape.get_field_index("load_id"), shape.field("load_id"), load)


def _as_json(row: dict[str, object]) -> str:
    said = {name: value for name, value in row.items() if value is not None}
    if isinstance(said.get("properties"), list):
        said["properties"] = dict(said["properties"])  # type: ignore[call-overload]
    return json.dumps(said, ensure_ascii=False, default=str)
