"""Who is who, of some islands only: what was worked out on their interactions, fitted into what is known of everybody.

A handle that no guard refuses is seen on interactions of its own island alone, so what is said of it there is the whole
of it. A refused one (a switchboard, none@none.com) is seen all over: it gets the difference that the new and the
gone interactions make. Where that is not the whole truth, `Elsewhere` is raised and everybody is worked out.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import ibis
import ibis.expr.types as ir
import pyarrow as pa

from regard.blueprint.model import Blueprint
from regard.engine import Engine, schema
from regard.identity.resolve import Resolved
from regard.identity.seen import carried
from regard.tables import OBJECT

Handle = tuple[str, str]
Pair = tuple[str, str, str, str]
Rows = list[dict[str, Any]]
SHARED = "is shared"
HANDLE, PAIR = ("kind", "handle"), ("kind", "handle", "other_kind", "other_handle")


class Elsewhere(Exception):  # noqa: N818
    """What is new concerns people beyond its islands; the text says how."""


@dataclass(frozen=True)
class Before:
    """What was known: `persons` and `merges` of everybody, and the people of the islands (person_id), lazily."""

    persons: ir.Table
    merges: ir.Table
    people: ir.Table

    @property
    def theirs(self) -> ir.Table:
        """The handles of the islands' people."""
        return self.persons.semi_join(self.people, "person_id")


@dataclass(frozen=True)
class Settled:
    """Rows of `persons` and `merges` that hold from now on, and the keys of those whose place they take."""

    persons: ir.Table
    merges: ir.Table
    gone_handles: ir.Table
    gone_merges: ir.Table


@dataclass(frozen=True)
class _Made:
    """What some interactions add to, or take from, what was counted: of handles, and of pairs of them."""

    handles: Mapping[Handle, dict[str, Any]]
    pairs: Mapping[Pair, dict[str, Any]]


def seen_elsewhere(interactions: ir.Table, before: Before, blueprint: Blueprint, engine: Engine) -> ir.Table | None:
    """What refused handles on interactions of the islands were seen with beyond them; None where no limit is set.

    interactions : of the islands, those that are gone left out.
    Returns      : as `resolve` takes it.
    """
    limited = [one.kind for one in blueprint.handles if one.limit is not None]
    if not limited:
        return None
    here = carried(interactions, blueprint)
    here = here.filter(here.kind.isin(limited)).select(*HANDLE).distinct()
    refused = engine.keep(_refused(before).semi_join(here, list(HANDLE)).select(*HANDLE))
    links = before.merges.filter((before.merges.other_handle != "") & (before.merges.n_interactions > 0))
    theirs = engine.keep(before.theirs.select(*HANDLE))
    forth = links.semi_join(refused, list(HANDLE)).select(*PAIR)
    turned = links.select(
        kind=links.other_kind, handle=links.other_handle, other_kind=links.kind, other_handle=links.handle
    )
    back = turned.semi_join(refused, list(HANDLE)).select(*PAIR)
    both = forth.union(back)
    own = theirs.select(other_kind=theirs.kind, other_handle=theirs.handle)
    return engine.keep(both.anti_join(own, ["other_kind", "other_handle"]))


def settle(
    resolved: Resolved,
    before: Before,
    *,
    new: ir.Table,
    gone: ir.Table,
    objects: ir.Table,
    blueprint: Blueprint,
    engine: Engine,
) -> Settled:
    """Fit what was resolved of the islands into what is known of everybody.

    resolved  : of the islands' interactions, new ones among them, gone ones not.
    new, gone : interactions that came and went: source, interaction_id, occurred_at, handles.
    objects   : (type, id) of the islands; every interaction that names one is theirs.
    Raises    : Elsewhere.
    """
    refused = {_handle(row): row["reason"] for row in engine.rows(resolved.refused).to_pylist()}
    local = engine.rows(resolved.persons).to_pylist()
    on_gone = carried(gone, blueprint).select(*HANDLE).distinct()
    met = resolved.persons.select(*HANDLE).union(on_gone).distinct()
    was = {_handle(row): row for row in engine.rows(_refused(before).semi_join(met, list(HANDLE))).to_pylist()}
    came, went = (_made(rows, set(was), blueprint, engine) for rows in (new, gone))
    old = _known_links(before, was, engine)
    _check(resolved, refused, {_handle(row) for row in local}, was, old, engine)
    counted = [_moved(was[one], came.handles.get(one), went.handles.get(one), "first_at") for one in was]
    changed = {_handle(row): row for row in counted if row is not None}

    persons = [row for row in local if _handle(row) not in was]
    persons += [row for row in changed.values() if row["n_interactions"]]
    merges, gone_merges = _merges(resolved, before, refused, old, (came, went), was | changed, engine)

    named = engine.table(_table([_as_handle(one) for one in {*changed, *map(_handle, persons)}], HANDLE))
    theirs = before.theirs.select(*HANDLE)
    things = before.persons.filter(before.persons.kind.startswith(OBJECT)).select(*HANDLE)
    its = objects.select(kind=ibis.literal(OBJECT) + objects["type"], handle=objects.id)
    gone_handles = engine.keep(named.union(theirs).union(things.semi_join(its, list(HANDLE))).distinct())
    return Settled(
        engine.table(_shaped(persons, "persons")),
        engine.table(_shaped(merges, "merges")),
        gone_handles,
        engine.keep(_pairs_of(before, theirs, its).union(engine.table(_table(gone_merges, PAIR))).distinct()),
    )


def _check(
    resolved: Resolved,
    refused: Mapping[Handle, str],
    here: set[Handle],
    was: Mapping[Handle, dict[str, Any]],
    old: Mapping[Pair, dict[str, Any]],
    engine: Engine,
) -> None:
    """Whether guards judge refused handles as before, and no decision speaks over them."""
    for one, row in was.items():
        fewer = one not in here and str(old[(*one, "", "")]["reason"]).startswith(SHARED)
        if fewer or (one in here and one not in refused):
            raise Elsewhere(f"{one[0]} {one[1]} may no longer be refused, and so link everybody who was seen with it")
        if row["person_id"] is not None:
            raise Elsewhere(f"a decision linked {one[0]} {one[1]}, which a guard refuses")
    persons = resolved.persons
    spoken = persons.filter(persons.person_id.notnull()).semi_join(resolved.refused, list(HANDLE))
    decided = engine.rows(spoken.select(*HANDLE).limit(1)).to_pylist()
    if decided:
        raise Elsewhere(f"a decision links {decided[0]['kind']} {decided[0]['handle']}, which a guard refuses")


def _merges(
    resolved: Resolved,
    before: Before,
    refused: Mapping[Handle, str],
    old: Mapping[Pair, dict[str, Any]],
    moves: tuple[_Made, _Made],
    counts: Mapping[Handle, dict[str, Any]],
    engine: Engine,
) -> tuple[Rows, Rows]:
    """Rows of `merges` that hold from now on, and keys of rows that do not.

    old : rows between handles that were refused, and of each alone. counts : such handles' rows of `persons` now.
    """
    came, went = moves
    local = {_pair(row): row for row in engine.rows(resolved.merges).to_pylist()}
    found = [row for key, row in local.items() if key not in old]
    gone: set[Pair] = set()
    for key, row in old.items():
        said = local.get(key, row)
        if not key[3]:
            n, since = counts[key[:2]]["n_interactions"], counts[key[:2]]["first_at"]
        elif key in local or key in went.pairs:
            now = _moved(row, came.pairs.get(key), went.pairs.get(key), "since") or row
            n, since = now["n_interactions"], now["since"]
        else:
            continue
        gone.add(key)
        if n:
            found.append(said | {"n_interactions": n, "since": since})
    said_of = {_pair(row) for row in found}
    for one, reason in refused.items():
        was = old.get((*one, "", ""))
        if was is not None and was["reason"] != reason:
            reworded = _reworded(before, one, was["reason"], reason, engine)
            found += [row for row in reworded if _pair(row) not in said_of]
    return found, [_as_pair(key) for key in {*gone, *map(_pair, found)}]


def _reworded(before: Before, one: Handle, was: str, now: str, engine: Engine) -> Rows:
    """Links that were refused for a handle's sake, with the reason as it is now (it says how many others there are)."""
    name = f"{one[0]} {one[1]} "
    rows = before.merges.filter(before.merges.reason == name + was)
    theirs = before.theirs.select(*HANDLE)
    other = theirs.select(other_kind=theirs.kind, other_handle=theirs.handle)
    rows = rows.anti_join(theirs, list(HANDLE)).anti_join(other, ["other_kind", "other_handle"])
    return [row | {"reason": name + now} for row in engine.rows(rows).to_pylist()]


def _made(rows: ir.Table, refused: set[Handle], blueprint: Blueprint, engine: Engine) -> _Made:
    """Counts of refused handles on interactions, and of pairs of them."""
    each = engine.rows(carried(rows, blueprint)).to_pylist()
    by_row: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for row in each:
        if _handle(row) in refused:
            by_row.setdefault((row["source"], row["interaction_id"]), []).append(row)
    handles: dict[Handle, dict[str, Any]] = {}
    pairs: dict[Pair, dict[str, Any]] = {}
    for members in by_row.values():
        for row in members:
            _count(handles, _handle(row), row["occurred_at"])
        names = sorted(map(_handle, members), key=lambda one: "\x1f".join(one))
        for place, one in enumerate(names):
            for other in names[place + 1 :]:
                _count(pairs, (*one, *other), members[0]["occurred_at"])
    return _Made(handles, pairs)


def _count(into: dict[Any, dict[str, Any]], key: Handle | Pair, at: dt.datetime) -> None:
    one = into.setdefault(key, {"n": 0, "first": at, "last": at})
    one["n"] += 1
    one["first"], one["last"] = min(one["first"], at), max(one["last"], at)


def _moved(
    row: dict[str, Any], came: Mapping[str, Any] | None, went: Mapping[str, Any] | None, first: str
) -> dict[str, Any] | None:
    """A counted row with what came and without what went; None where nothing did.

    Raises : Elsewhere if what went was the first or the last, so that another is and nobody here knows which.
    """
    if came is None and went is None:
        return None
    made = row | {"n_interactions": row["n_interactions"] + (came["n"] if came else 0) - (went["n"] if went else 0)}
    for column, end, best in ((first, "first", min), ("last_at", "last", max)):
        if column not in row:
            continue
        if (
            went
            and made["n_interactions"]
            and went[end] == row[column]
            and not (came and best(came[end], row[column]) == came[end])
        ):
            raise Elsewhere(f"the {end} interaction that carried {row['kind']} {row['handle']} is gone")
        if came:
            made[column] = came[end] if row[column] is None else best(row[column], came[end])
    return made


def _refused(before: Before) -> ir.Table:
    """Handles that guards refused: they have a row of their own in `merges`."""
    alone = before.merges.filter(
        (before.merges.other_handle == "") & (before.merges.outcome == "refused")
        & ~before.merges.kind.startswith(OBJECT)
    )  # fmt: skip
    return before.persons.semi_join(alone, list(HANDLE))


def _known_links(before: Before, was: Iterable[Handle], engine: Engine) -> dict[Pair, Any]:
    """The rows of `merges` between refused handles, and of each alone."""
    refused = engine.table(_table([_as_handle(one) for one in was], HANDLE))
    other = refused.select(other_kind=refused.kind, other_handle=refused.handle)
    mine = before.merges.semi_join(refused, list(HANDLE))
    alone = mine.filter(mine.other_handle == "")
    both = mine.semi_join(other, ["other_kind", "other_handle"])
    return {_pair(row): row for row in engine.rows(alone.union(both)).to_pylist()}


def _pairs_of(before: Before, theirs: ir.Table, objects: ir.Table) -> ir.Table:
    """Keys of the rows of `merges` about a handle of the islands' people, or about an object of theirs."""
    other = theirs.select(other_kind=theirs.kind, other_handle=theirs.handle)
    one = before.merges.semi_join(theirs, list(HANDLE)).select(*PAIR)
    two = before.merges.semi_join(other, ["other_kind", "other_handle"]).select(*PAIR)
    things = before.merges.semi_join(objects, list(HANDLE)).select(*PAIR)
    return one.union(two).union(things)


def _handle(row: Mapping[str, Any]) -> Handle:
    return row["kind"], row["handle"]


def _pair(row: Mapping[str, Any]) -> Pair:
    return row["kind"], row["handle"], row["other_kind"], row["other_handle"]


def _as_handle(one: Handle) -> dict[str, str]:
    return dict(zip(HANDLE, one, strict=True))


def _as_pair(one: Pair) -> dict[str, str]:
    return dict(zip(PAIR, one, strict=True))


def _table(rows: Sequence[Mapping[str, Any]], names: Sequence[str]) -> pa.Table:
    return pa.Table.from_pylist(list(rows), schema=pa.schema([(name, pa.string()) for name in names]))


def _shaped(rows: Rows, name: str) -> pa.Table:
    return pa.Table.from_pylist(rows, schema=schema(name).to_pyarrow())
