"""Removing a person for good, resumable at any point (ADR-0005).

1. the intent is written, as hashes            killed: the next writer looks for their handles again
2. every table is rewritten in scratch         killed: likewise
3. one change is sealed over all tables        killed: the next writer finishes it
4. unused files, old versions and logs go      killed: likewise; then the intent goes
"""

from __future__ import annotations

import datetime as dt
import shutil
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import reduce
from operator import or_
from pathlib import Path
from typing import cast

import ibis
import ibis.expr.types as ir
import pyarrow as pa

from regard.engine import Engine, schema
from regard.errors import SettingError
from regard.ledger import journal, tombstones
from regard.ledger.archive import Archive
from regard.ledger.batch import Forgotten
from regard.ledger.blackout import Blackout, blacked, texts_of
from regard.ledger.compact import SORTED
from regard.ledger.delta import Piece
from regard.ledger.door import rejects_named
from regard.ledger.journal import Change, moved
from regard.tables import INTERACTIONS, OBJECT, ORDER

Pair = tuple[str, str]
HASHES = r'"unique_hashes":\s*\[[^\]]*\]'
"""Of whole rows, as dlt keeps them in a cursor's state."""


@dataclass
class Removal:
    """One person's removal on its way: who they are in the ledger's own words, and what was found of them."""

    archive: Archive
    engine: Engine
    secret: str
    stones: ir.Table
    handles: tuple[Pair, ...]
    objects: tuple[Pair, ...]
    blackout: Blackout
    removed: Counter[str] = field(default_factory=Counter)
    changed: Counter[str] = field(default_factory=Counter)
    sources: set[str] = field(default_factory=set)


def forget(
    archive: Archive, handles: Sequence[Pair], engine: Engine, *, objects: Sequence[Pair], now: dt.datetime
) -> Forgotten:
    """See `Ledger.forget`; the lock is held."""
    if not handles:
        raise SettingError("Nobody was named to be forgotten.", hint="Give at least one handle, such as an email.")
    secret = tombstones.key(archive.workspace.forget_key)
    named = [*handles, *((OBJECT + kind, value) for kind, value in objects)]
    hashes = tombstones.known_hashes(pairs(named, engine), secret, engine)
    journal.write_json(archive.intent, {"hashes": hashes, "at": now.isoformat()})
    return _remove(archive, engine, hashes, now, given=tuple(value for _, value in handles))


def resume(archive: Archive, engine: Engine) -> Forgotten | None:
    """Go on with a removal that a killed process began; the lock is held."""
    intent = journal.read_json(archive.intent)
    if intent is None:
        return None
    return _remove(archive, engine, tuple(intent["hashes"]), dt.datetime.fromisoformat(intent["at"]), given=())


def pairs(listed: Sequence[Pair], engine: Engine) -> ir.Table:
    """(kind, value) pairs as a lazy table."""
    kinds, values = [kind for kind, _ in listed], [value for _, value in listed]
    return engine.table(pa.table({"kind": pa.array(kinds, pa.string()), "value": pa.array(values, pa.string())}))


def _remove(
    archive: Archive, engine: Engine, hashes: tuple[str, ...], at: dt.datetime, *, given: tuple[str, ...]
) -> Forgotten:
    shape = schema("tombstones").to_pyarrow()
    stones = engine.table(pa.table({"hash": list(hashes), "at": [at] * len(hashes)}, schema=shape))
    secret = tombstones.key(archive.workspace.forget_key)
    met = engine.rows(tombstones.met(_candidates(archive, engine), stones, secret)).to_pylist()
    handles = tuple((row["kind"], row["value"]) for row in met if not row["kind"].startswith(OBJECT))
    objects = tuple((row["kind"][len(OBJECT) :], row["value"]) for row in met if row["kind"].startswith(OBJECT))
    black = Blackout.of({value for _, value in handles} | set(given), secret, engine)
    removal = Removal(archive, engine, secret, stones, handles, objects, black)
    with archive.staging() as (number, folder):
        changes = [_tombstones(removal, number, folder), _interactions(removal, number, folder)]
        for name, rule in RULES.items():
            changes.append(_side(removal, name, rule, number, folder))
        archive.seal(number, folder, changes, purge=True)
    _clear_scratch(archive, engine)
    return Forgotten(len(handles), dict(+removal.removed), dict(+removal.changed))


def _candidates(archive: Archive, engine: Engine) -> ir.Table:
    """Every handle that the ledger holds anywhere, and every object as one of kind `object:<type>`."""
    facts = archive.rows(INTERACTIONS.name, engine)
    parts = [tombstones.handles_in(facts), tombstones.objects_in(facts)]
    for name in ("memberships", "consents", "decisions"):
        rows = archive.rows(name, engine)
        parts.append(rows.select(kind=rows.kind, value=rows.handle))
    decisions = archive.rows("decisions", engine)
    parts.append(decisions.select(kind=decisions.other_kind, value=decisions.other_handle))
    things = archive.rows("objects", engine)
    parts.append(things.select(kind=ibis.literal(OBJECT) + things.type, value=things.id))
    return reduce(lambda one, other: one.union(other), parts).distinct()


def is_one_of(kind: ir.StringValue, value: ir.StringValue, listed: Sequence[Pair]) -> ir.BooleanValue:
    """Whether (kind, value) is among the pairs; false for null."""
    kinds = sorted({name for name, _ in listed})
    tests = [(kind == name) & value.isin([v for k, v in listed if k == name]) for name in kinds]
    return cast(ir.BooleanValue, ibis.coalesce(reduce(or_, tests, ibis.literal(False)), False))


def _tombstones(removal: Removal, number: int, folder: Path) -> Change:
    old = removal.archive.rows("tombstones", removal.engine)
    whole = old.anti_join(removal.stones, "hash").union(removal.stones)
    files = tuple(path.name for path in removal.archive.files("tombstones"))
    added = removal.archive.written("tombstones", whole, removal.engine, number=number, folder=folder)
    return Change("tombstones", added.adds, files)


def _interactions(removal: Removal, number: int, folder: Path) -> Change:
    """Rewrite the files in which the person is found, one after the other, in their order."""
    engine, gone = removal.engine, []
    pieces: list[Piece] = []
    for path in removal.archive.files():
        judged = _judged(engine.read([path], schema(INTERACTIONS)), removal)
        touched = judged.filter(judged.mine | judged.mentioned)
        counted = engine.rows(touched.group_by("gone", "source").aggregate(n=touched.count())).to_pylist()
        if not counted:
            continue
        removal.removed[INTERACTIONS.name] += sum(row["n"] for row in counted if row["gone"])
        removal.changed[INTERACTIONS.name] += sum(row["n"] for row in counted if not row["gone"])
        removal.sources |= {row["source"] for row in counted}
        prefix = path.name.split("-")[0]
        target = folder / f"rows-{len(list(folder.iterdir()))}"
        engine.write(_kept(judged, removal), target, order_by=ORDER if prefix == SORTED else ())
        files = target.glob("*.parquet")
        pieces += moved(files, staged=folder, table=INTERACTIONS.name, number=number, prefix=prefix)
        gone.append(path.name)
    return Change(INTERACTIONS.name, tuple(pieces), tuple(gone))


def _judged(rows: ir.Table, removal: Removal) -> ir.Table:
    """Interactions with: mine (the person is on it), mentioned (others speak of them), gone (nobody else is on it)."""
    others = rows.handles.filter(lambda one: ~is_one_of(one["kind"], one["value"], removal.handles))
    n, n_others = ibis.coalesce(rows.handles.length(), 0), ibis.coalesce(others.length(), 0)
    theirs = rows.objects.filter(lambda one: is_one_of(one["type"], one["id"], removal.objects))
    object_only = (n == 0) & (ibis.coalesce(theirs.length(), 0) > 0)
    return rows.mutate(
        others=others,
        mine=(n > n_others) | object_only,
        mentioned=removal.blackout.mentioned(texts_of(rows)),
        gone=((n > 0) & (n_others == 0)) | object_only,
    )


def _kept(judged: ir.Table, removal: Removal) -> ir.Table:
    rows = judged.filter(~judged.gone)
    return blacked(rows.mutate(handles=rows.mine.ifelse(rows.others, rows.handles)), removal.blackout)


Rule = Callable[[ir.Table, Removal], tuple[ir.BooleanValue, dict[str, ir.Value]]]
"""What goes of a side table, and what its columns become on the rows that stay."""


def _of_handle(rows: ir.Table, removal: Removal) -> tuple[ir.BooleanValue, dict[str, ir.Value]]:
    gone = is_one_of(rows.kind, rows.handle, removal.handles)
    if "account" not in rows.columns:
        return gone, {}
    black = removal.blackout
    return gone, {"account": black.name(rows.account, own=False), "parent": black.name(rows.parent, own=False)}


def _of_decision(rows: ir.Table, removal: Removal) -> tuple[ir.BooleanValue, dict[str, ir.Value]]:
    gone = is_one_of(rows.kind, rows.handle, removal.handles)
    gone = gone | is_one_of(rows.other_kind, rows.other_handle, removal.handles)
    return gone, {name: removal.blackout.text(rows[name], own=False) for name in ("by", "reason")}


def _of_object(rows: ir.Table, removal: Removal) -> tuple[ir.BooleanValue, dict[str, ir.Value]]:
    black = removal.blackout
    names = {name: black.name(rows[name], own=False) for name in ("id", "related_id")}
    gone = is_one_of(rows.type, rows.id, removal.objects)
    gone = gone | is_one_of(rows.related_type, rows.related_id, removal.objects)
    return gone, {**names, "value": black.text(rows.value, own=False)}


def _of_reject(rows: ir.Table, removal: Removal) -> tuple[ir.BooleanValue, dict[str, ir.Value]]:
    gone = removal.blackout.mentioned([rows.row, rows.reason])
    named = rejects_named(rows, removal.stones, removal.secret)
    gone = gone | ibis.coalesce(rows.row.isin(named.row), False)
    return gone, {"file": removal.blackout.text(rows.file, own=False)}


def _of_load(rows: ir.Table, removal: Removal) -> tuple[ir.BooleanValue, dict[str, ir.Value]]:
    # the hash of a file that held the person is a trace of them; without it the file is read again when it comes again
    content = rows.source.isin(sorted(removal.sources)).ifelse("", rows.content)
    black = {name: removal.blackout.text(rows[name], own=False) for name in ("file", "folder")}
    return ibis.literal(False), {**black, "content": content}


def _of_cursor(rows: ir.Table, removal: Removal) -> tuple[ir.BooleanValue, dict[str, ir.Value]]:
    """Hashes of the rows that stood at a cursor, one of which may be theirs: without them those rows come once more,
    and are known, or refused because whose they are was forgotten."""
    return ibis.literal(False), {"state": rows.state.re_replace(HASHES, '"unique_hashes":[]')}


RULES: dict[str, Rule] = {
    "memberships": _of_handle,
    "consents": _of_handle,
    "decisions": _of_decision,
    "objects": _of_object,
    "rejects": _of_reject,
    "loads": _of_load,
    "cursors": _of_cursor,
}


def _side(removal: Removal, name: str, rule: Rule, number: int, folder: Path) -> Change:
    engine, archive = removal.engine, removal.archive
    files = tuple(path.name for path in archive.files(name))
    if not files:
        return Change(name, ())
    rows = archive.rows(name, engine)
    gone, columns = rule(rows, removal)
    differs = [~rows[column].identical_to(value) for column, value in columns.items()]
    judged = rows.mutate(gone__=gone, differs__=reduce(or_, differs, ibis.literal(False)))
    touched = judged.filter(judged.gone__ | judged.differs__)
    counted = engine.rows(touched.group_by("gone__").aggregate(n=touched.count())).to_pylist()
    if not counted:
        return Change(name, ())
    removal.removed[name] += sum(row["n"] for row in counted if row["gone__"])
    if name != "cursors":  # every one is, whoever it is that is forgotten
        removal.changed[name] += sum(row["n"] for row in counted if not row["gone__"])
    if name != "loads" and "source" in rows.columns:
        removal.sources |= {row["source"] for row in engine.rows(touched.select("source").distinct()).to_pylist()}
    kept = rows.filter(~gone)
    kept = kept.mutate(**rule(kept, removal)[1]) if columns else kept
    added = archive.written(name, kept, engine, number=number, folder=folder)
    return Change(name, added.adds, files)


def _clear_scratch(archive: Archive, engine: Engine) -> None:
    """Scratch of commands that were killed may hold the person; that of our own engine is in use."""
    own = Path(getattr(engine, "scratch", archive.workspace.scratch / "ledger")).resolve()
    if archive.workspace.scratch.is_dir():
        for path in archive.workspace.scratch.iterdir():
            if path.resolve() != own and path.resolve() not in own.parents:
                shutil.rmtree(path, ignore_errors=True) if path.is_dir() else path.unlink(missing_ok=True)
