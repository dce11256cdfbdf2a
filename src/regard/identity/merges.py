"""Why handles became one person, and which links were refused and why: the room's own account of what it did."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping

import ibis
import ibis.expr.types as ir
import pyarrow as pa

from regard.engine import Engine
from regard.identity.objects import ObjectPeople
from regard.identity.seen import Seen
from regard.tables import OBJECT

COLUMNS = (
    "person_id", "kind", "handle", "other_kind", "other_handle", "n_interactions", "since", "outcome", "reason",
)  # fmt: skip


def explain(
    seen: Seen, coded: ir.Table, edges: ir.Table, people: ir.Table, through: ObjectPeople | None, engine: Engine
) -> ir.Table:
    """The kept `merges` table.

    A row with an empty other handle is about the handle itself: refused by a guard, or an object that names several.
    """
    paths = engine.table(_paths(coded, edges, people, engine))
    links = _links(seen, coded, people, paths)
    alone = people.filter(people.refused.notnull())
    alone = alone.select(
        "person_id", "kind", "handle", other_kind=ibis.literal(""), other_handle=ibis.literal(""),
        n_interactions=alone.n, since=alone.first_at, outcome=ibis.literal("refused"), reason=alone.refused,
    )  # fmt: skip
    rows = links.union(alone.select(COLUMNS))
    if through is not None:
        rows = rows.union(_several(through))
    return engine.keep(rows, order_by=("kind", "handle", "other_kind", "other_handle"))


def _links(seen: Seen, coded: ir.Table, people: ir.Table, paths: ir.Table) -> ir.Table:
    met = seen.pairs.select("a", "b")
    every = met.union(coded.select("a", "b"), distinct=True)
    rows = every.left_join(seen.pairs, ["a", "b"]).drop("a_right", "b_right")
    rows = rows.left_join(coded, ["a", "b"]).drop("a_right", "b_right")
    rows = rows.left_join(paths, ["a", "b"]).drop("a_right", "b_right")
    one = people.select("person_id", "kind", "handle", a=people.code, refused=people.refused)
    other = people.select(
        other_kind=people.kind, other_handle=people.handle, b=people.code, other_refused=people.refused
    )
    rows = rows.inner_join(one, "a").inner_join(other, "b")
    guard = ibis.coalesce(
        rows.kind + " " + rows.handle + " " + rows.refused,
        rows.other_kind + " " + rows.other_handle + " " + rows.other_refused,
    )
    outcome = ibis.cases(
        (rows.decision == "merge", "decided"),
        (rows.decision == "split", "split"),
        (guard.notnull(), "refused"),
        else_="linked",
    )
    return rows.select(
        "person_id", "kind", "handle", "other_kind", "other_handle",
        n_interactions=rows.n.fill_null(0), since=ibis.coalesce(rows.since, rows.at), outcome=outcome,
        reason=ibis.coalesce(rows.says + rows.still.fill_null(""), guard, ibis.literal("seen on the same interaction")),
    ).select(COLUMNS)  # fmt: skip


def _several(through: ObjectPeople) -> ir.Table:
    split = through.objects.filter(through.objects.person.isnull())
    return split.select(
        "person_id", kind=ibis.literal(OBJECT) + split["type"], handle=split.id, other_kind=ibis.literal(""),
        other_handle=ibis.literal(""), n_interactions=split.n, since=split.first_at, outcome=ibis.literal("refused"),
        reason=ibis.literal("its interactions name several people, so it names nobody"),
    ).select(COLUMNS)  # fmt: skip


def _paths(coded: ir.Table, edges: ir.Table, people: ir.Table, engine: Engine) -> pa.Table:
    """For each split pair that other links still hold together, those links."""
    person = people.select("code", "person")
    split = coded.filter(coded.decision == "split").select("a", "b")
    split = split.inner_join(person.select(a=person.code, whose=person.person), "a")
    split = split.inner_join(person.select(b=person.code, whose=person.person), ["b", "whose"])
    pairs = engine.rows(split.select("a", "b", "whose")).to_pylist()
    found = [{"a": p["a"], "b": p["b"], "still": _said(p["a"], p["b"], edges, person, people, engine)} for p in pairs]
    return pa.Table.from_pylist(found, schema=pa.schema({"a": pa.int64(), "b": pa.int64(), "still": pa.string()}))


def _said(a: int, b: int, edges: ir.Table, person: ir.Table, people: ir.Table, engine: Engine) -> str:
    whose = person.filter(person.code == a).select("person")
    inside = person.semi_join(whose, "person")
    links = engine.rows(edges.semi_join(inside, edges.a == inside.code))
    way = shortest(a, b, links["a"].to_pylist(), links["b"].to_pylist())
    names = engine.rows(people.filter(people.code.isin(way)).select("code", "kind", "handle")).to_pylist()
    spoken = {row["code"]: f"{row['kind']} {row['handle']}" for row in names}
    return "; still one person through " + " - ".join(spoken[code] for code in way)


def shortest(start: int, end: int, ones: list[int], others: list[int]) -> list[int]:
    """A shortest way from `start` to `end` over undirected links, the least nodes first; both ends included.

    >>> shortest(1, 4, [1, 2, 1, 3], [2, 4, 3, 4])
    [1, 2, 4]
    """
    near: dict[int, list[int]] = {}
    for one, other in zip(ones, others, strict=True):
        near.setdefault(one, []).append(other)
        near.setdefault(other, []).append(one)
    came: dict[int, int] = {start: start}
    queue = deque([start])
    while queue and end not in came:
        here = queue.popleft()
        for there in sorted(near.get(here, ())):
            if there not in came:
                came[there] = here
                queue.append(there)
    return _back(end, came)


def _back(end: int, came: Mapping[int, int]) -> list[int]:
    way = [end]
    while came[way[-1]] != way[-1]:
        way.append(came[way[-1]])
    return way[::-1]
