"""What the ledger has of somebody that no table has yet: on their story at once, in their score a moment later.

    files of the ledger that no run or refresh has read -> touches of theirs, by handle and by object

It is read when a story is asked for, and only what is new since it was last asked for.
"""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import ibis
import ibis.expr.types as ir
import pyarrow as pa
import pyarrow.parquet as pq

from regard import identity, journeys
from regard.blueprint import Blueprint
from regard.engine import Engine, Published, connect, schema
from regard.engine.damage import reading
from regard.errors import WorkspaceError
from regard.ledger import Ledger, Noted
from regard.pipeline.flow import READ
from regard.tables import OBJECT
from regard.workspace import Workspace

MOST_ROWS = 200_000
"""More is an import or a compaction, which the next refresh takes in; a story does not wait for it."""
MEMORY = 2**29

Handle: TypeAlias = tuple[str, str]
Row: TypeAlias = Mapping[str, object]


@dataclass(frozen=True)
class _Batch:
    """Files read together: their facts as touches, what each is known by, and who can be found by what.

    known : the handles on each row, in normal form. by : the rows of each handle.
    """

    files: frozenset[str]
    touches: pa.Table
    known: Sequence[frozenset[Handle]]
    by: Mapping[Handle, Sequence[int]]


class Coming:
    """Finds what is new of a person. Safe for threads; open one and keep it."""

    def __init__(self, workspace: Workspace) -> None:
        self._ledger = Ledger.open(workspace)
        self._alone = threading.Lock()
        self._batches: list[_Batch] = []
        self._means: Blueprint | None = None
        self._stamp: object = None

    def of(
        self,
        published: Published,
        blueprint: Blueprint,
        handles: Iterable[Handle],
        *,
        speaks: Callable[[Handle], bool],
        units: frozenset[str] | None = None,
    ) -> list[Row]:
        """Rows in the shape of `touches`, in time order, whose person is not said.

        handles : of the person, in normal form; what comes with one of them is theirs, and what comes with that.
        speaks  : whether a handle that came with theirs may speak for them: one that guards refused may not.
        units   : only what these units of the organisation may see; None for all.
        """
        with self._alone:
            self._read(published, blueprint)
            batches = tuple(self._batches)
        found = _linked(batches, frozenset(handles), speaks)
        rows = [row for batch, places in found if places for row in batch.touches.take(sorted(places)).to_pylist()]
        if units is not None:
            rows = [row for row in rows if row["unit"] in units]
        return sorted(rows, key=lambda row: (row["at"], row["sequence"] or 0, row["interaction_id"]))

    def named(self, published: Published, blueprint: Blueprint, handle: str) -> list[Handle]:
        """Handles that came with something new and are written like this, of whatever kind; at most twenty.

        handle : a value, or kind:value.
        """
        with self._alone:
            self._read(published, blueprint)
            batches = tuple(self._batches)
        wanted = handle.casefold()
        return sorted(
            {
                (kind, value)
                for batch in batches
                for kind, value in batch.by
                if wanted in (value.casefold(), f"{kind}:{value}".casefold())
            }
        )[:20]

    def _read(self, published: Published, blueprint: Blueprint) -> None:
        """Hold what the files of now have that the tables do not.

        Files that were read together are let go together: some of their rows lie in another file by now, or in none.
        """
        stamp = (published.stamp, self._ledger.number, blueprint)
        if stamp == self._stamp:
            return
        try:
            seen = Noted.load(published.note(READ)).files
        except WorkspaceError:  # made by an earlier Regard
            seen = None
        there = [] if seen is None else [path for path in self._ledger.files() if path.name not in seen]
        names = {path.name for path in there}
        kept = [batch for batch in self._batches if batch.files <= names] if self._means == blueprint else []
        held = frozenset[str]().union(*(batch.files for batch in kept))
        unread = [path for path in there if path.name not in held]
        if sum(len(batch.known) for batch in kept) + _rows(unread) > MOST_ROWS:
            kept, unread = [], []
        if unread:
            kept.append(_batch(unread, blueprint))
        self._batches, self._means, self._stamp = kept, blueprint, stamp


def _rows(files: Sequence[Path]) -> int:
    n = 0
    for path in files:
        with reading(str(path)):
            n += pq.read_metadata(path).num_rows
    return n


def _batch(files: Sequence[Path], blueprint: Blueprint) -> _Batch:
    engine = connect("duckdb", memory=MEMORY)
    try:
        facts = engine.read(files, schema("interactions"))
        facts = engine.keep(facts.filter(facts.corrects.isnull() & facts.retracts.isnull()))
        return _indexed(frozenset(path.name for path in files), facts, blueprint, engine)
    finally:
        engine.close()


def _indexed(files: frozenset[str], facts: ir.Table, blueprint: Blueprint, engine: Engine) -> _Batch:
    touches = engine.rows(journeys.touch(facts.mutate(person_id=ibis.null("string")), blueprint))
    names = zip(touches["source"].to_pylist(), touches["interaction_id"].to_pylist(), strict=True)
    places = {name: place for place, name in enumerate(names)}
    known: list[set[Handle]] = [set() for _ in places]
    carried = identity.carried(facts, blueprint)
    good = carried.filter(identity.blocked(carried.kind, carried.handle, blueprint).isnull())
    for row in engine.rows(good.drop("occurred_at")).to_pylist():
        known[places[row["source"], row["interaction_id"]]].add((row["kind"], row["handle"]))
    for place, objects in enumerate(touches["objects"].to_pylist()):
        if not known[place]:  # an object tells whose a row is that says it by nothing else
            known[place] = {(OBJECT + one["type"], one["id"]) for one in objects or () if _names(one, blueprint)}
    by: dict[Handle, list[int]] = defaultdict(list)
    for place, handles in enumerate(known):
        for handle in handles:
            by[handle].append(place)
    return _Batch(files, touches, [frozenset(handles) for handles in known], by)


def _names(thing: Mapping[str, str | None], blueprint: Blueprint) -> bool:
    return thing["id"] is not None and thing["type"] in blueprint.person_objects


def _linked(
    batches: Sequence[_Batch], handles: frozenset[Handle], speaks: Callable[[Handle], bool]
) -> list[tuple[_Batch, set[int]]]:
    """Rows with one of the handles, or one that came with them, and so on."""
    found = [(batch, set[int]()) for batch in batches]
    met, ahead = set(handles), set(handles)
    while ahead:
        came: set[Handle] = set()
        for batch, places in found:
            new = {place for handle in ahead for place in batch.by.get(handle, ())} - places
            places |= new
            came = came.union(*(batch.known[place] for place in new), _things(batch, new))
        ahead = {handle for handle in came - met if handle[0].startswith(OBJECT) or speaks(handle)}
        met |= came
    return found


def _things(batch: _Batch, places: set[int]) -> set[Handle]:
    """What the rows are about: rows that say no more than that are theirs too."""
    objects = batch.touches["objects"].take(sorted(places)).to_pylist() if places else []
    return {(OBJECT + one["type"], one["id"]) for some in objects for one in some or ()}
