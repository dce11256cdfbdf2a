"""A batch into the ledger: staged, judged, counted, and sealed with its rejects and its line in `loads`."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from pathlib import Path

import ibis
import ibis.expr.types as ir

from regard.engine import Engine, schema
from regard.errors import TableError
from regard.ledger import tombstones
from regard.ledger.archive import Archive
from regard.ledger.batch import Appended, Batch
from regard.ledger.delta import stats_of
from regard.ledger.door import members_admitted, rejects_admitted
from regard.ledger.intake import Intake, one_row, taken_in
from regard.ledger.journal import Change, moved
from regard.tables import INTERACTIONS, OBJECT, table

SAMPLE = 20
KEYED = ("objects", "memberships", "consents", "rates", "decisions", "cursors")
PEOPLE = ("memberships", "consents")


def append(archive: Archive, batch: Batch, engine: Engine, *, now: dt.datetime) -> Appended:
    """See `Ledger.append`; the lock is held."""
    earlier = loaded(archive, batch.content, batch.mapping, engine, source=batch.source)
    if earlier is not None:
        return earlier
    with archive.staging() as (number, folder):
        load_id = f"{number:08d}"
        intake = Intake(engine, folder)
        stones, secret = stones_of(archive, engine)
        taken_in(batch, _held(archive, batch, engine), stones, secret=secret, intake=intake, now=now)
        rejects = _rejects(batch, intake, load_id, now)
        if stones is not None:
            rejects = rejects_admitted(rejects, stones, secret)
        kept = intake.engine.keep(rejects)
        n_rejects = intake.count(kept)
        sample = _sample(kept, engine) if n_rejects else ()
        if batch.strict and n_rejects:
            return Appended(load_id, refused=True, n_rejects=n_rejects, sample=sample, n_rows=batch.n_rows or 0)
        pieces = moved(intake.files, staged=folder, table=INTERACTIONS.name, number=number)
        said = stats_of(pieces)
        sides, n_sides = side_changes(
            archive, batch.sides, engine, number=number, folder=folder, stones=stones, secret=secret
        )
        result = Appended(
            load_id,
            n_rows=batch.n_rows or 0,
            n_interactions=int(str(said["rows"])),
            n_known=intake.counts.get("n_known", 0),
            n_corrections=intake.counts.get("n_corrections", 0),
            n_rejects=n_rejects,
            n_forgotten=intake.counts.get("n_forgotten", 0),
            first_at=_moment(said["first"]),
            last_at=_moment(said["last"]),
            sample=sample,
            n_sides=n_sides,
        )
        changes = [Change(INTERACTIONS.name, pieces), *sides]
        changes.append(archive.written("rejects", kept, engine, number=number, folder=folder))
        changes.append(
            archive.written("loads", _load(batch, result, now, engine), engine, number=number, folder=folder)
        )
        archive.seal(number, folder, changes)
        engine.drop(kept)
        return result


def note(archive: Archive, name: str, rows: ir.Table, engine: Engine) -> int:
    """See `Ledger.note`; the lock is held."""
    with archive.staging() as (number, folder):
        stones, secret = stones_of(archive, engine)
        changes, _ = side_changes(
            archive, {name: rows}, engine, number=number, folder=folder, stones=stones, secret=secret
        )
        before = sum(span[0] for span in archive.table(name).spans().values())
        archive.seal(number, folder, changes)
        return sum(span[0] for span in archive.table(name).spans().values()) - before


def loaded(
    archive: Archive, content: str, mapping: str, engine: Engine, *, source: str | None = None
) -> Appended | None:
    """See `Ledger.loaded`."""
    if not content or not archive.files("loads"):
        return None
    loads = archive.rows("loads", engine)
    same = loads.filter((loads.content == content) & (loads.mapping == mapping))
    if source is not None:
        same = same.filter(same.source == source)
    rows = engine.rows(same.order_by(ibis.desc("load_id")).limit(1)).to_pylist()
    if not rows:
        return None
    row = rows[0]
    known = row["n_interactions"] + row["n_known"]
    return Appended(
        row["load_id"], already=True, n_rows=row["n_rows"], n_known=known, n_rejects=row["n_rejects"],
        source=row["source"],
    )  # fmt: skip


def _held(archive: Archive, batch: Batch, engine: Engine) -> ir.Table | None:
    if not archive.files():
        return None
    facts = archive.rows(INTERACTIONS.name, engine)
    return facts.filter(facts.source == batch.source)


def stones_of(archive: Archive, engine: Engine) -> tuple[ir.Table | None, str]:
    """The tombstones, lazily, and the key they were made with; None where nobody was forgotten."""
    if not archive.files("tombstones"):
        return None, ""
    return archive.rows("tombstones", engine), tombstones.key(archive.workspace.forget_key)


def _rejects(batch: Batch, intake: Intake, load_id: str, now: dt.datetime) -> ir.Table:
    fixed = {
        "load_id": ibis.literal(load_id),
        "at": ibis.literal(now).cast("timestamp('UTC', 6)"),
        "source": ibis.literal(batch.source),
    }
    parts = [one.mutate(file=ibis.literal(batch.file)) for one in intake.rejects]
    if batch.rejects is not None:
        parts.append(batch.rejects)
    shape = schema("rejects")
    whole = intake.engine.table(shape.to_pyarrow().empty_table())
    for part in parts:
        columns = {
            name: fixed.get(name, part[name].cast(kind) if name in part.columns else ibis.null(kind))
            for name, kind in shape.items()
        }
        whole = whole.union(part.select(**columns))
    return whole


def _sample(rejects: ir.Table, engine: Engine) -> tuple[tuple[int | None, str], ...]:
    rows = engine.rows(rejects.order_by("line").limit(SAMPLE).select("line", "reason")).to_pylist()
    return tuple((row["line"], row["reason"]) for row in rows)


def _load(batch: Batch, result: Appended, now: dt.datetime, engine: Engine) -> ir.Table:
    values: dict[str, object] = {
        "load_id": result.load_id,
        "at": now,
        "source": batch.source,
        "file": batch.file,
        "folder": batch.folder,
        "content": batch.content,
        "mapping": batch.mapping,
        "n_rows": result.n_rows,
        "n_interactions": result.n_interactions,
        "n_known": result.n_known,
        "n_rejects": result.n_rejects,
        "n_forgotten": result.n_forgotten,
        "first_at": result.first_at,
        "last_at": result.last_at,
    }
    return one_row("loads", values, engine)


def side_changes(
    archive: Archive,
    sides: Mapping[str, ir.Table],
    engine: Engine,
    *,
    number: int,
    folder: Path,
    stones: ir.Table | None,
    secret: str,
) -> tuple[list[Change], int]:
    """What adding rows to side tables changes, and how many rows are new or say otherwise.

    A row with the key of one that is there takes its place.
    """
    changes, n_changed = [], 0
    for name, rows in sides.items():
        if name not in KEYED:
            raise TableError(f"Rows cannot be added to {name!r} by hand.", allowed=", ".join(KEYED))
        shape, key = schema(name), list(table(name).key)
        missing = [column for column in key if column not in rows.columns]
        if missing:
            raise TableError(f"{name!r} is added to without {', '.join(missing)}.", found=", ".join(rows.columns))
        fresh = rows.select(**{c: rows[c].cast(k) if c in rows.columns else ibis.null(k) for c, k in shape.items()})
        if stones is not None:
            fresh = _side_admitted(name, fresh, stones, secret)
        fresh = engine.keep(fresh.distinct(on=key, keep="last"))
        old = archive.rows(name, engine)
        changed = engine.keep(fresh.difference(old))
        n = int(engine.rows(changed.aggregate(n=changed.count())).column("n")[0].as_py())
        n_changed += n
        if n:
            files = [path.name for path in archive.files(name)]
            same = [old[column].identical_to(changed[column]) for column in key]
            whole = old.anti_join(changed, same).union(changed)
            added = archive.written(name, whole, engine, number=number, folder=folder)
            changes.append(Change(name, added.adds, tuple(files)))
        engine.drop(fresh)
        engine.drop(changed)
    return changes, n_changed


def _side_admitted(name: str, rows: ir.Table, stones: ir.Table, secret: str) -> ir.Table:
    if name in PEOPLE:
        handles = rows.select(kind=rows.kind, value=rows.handle).distinct()
        return members_admitted(rows, tombstones.met(handles, stones, secret))
    if name == "objects":
        things = rows.select(kind=ibis.literal(OBJECT) + rows.type, value=rows.id).distinct()
        gone = tombstones.met(things, stones, secret)
        same = [(ibis.literal(OBJECT) + rows.type) == gone.kind, rows.id == gone.value, rows["at"] <= gone["at"]]
        return rows.anti_join(gone, same)
    return rows


def _moment(said: object) -> dt.datetime | None:
    return dt.datetime.fromisoformat(str(said)) if said is not None else None
