"""The list of people: found by handle, sorted, filtered, a page at a time."""

from __future__ import annotations

from functools import cache, lru_cache

import ibis
import ibis.expr.types as ir

from regard.board.segments import GIVEN, members
from regard.engine import Question, Tables
from regard.errors import SettingError, nearest
from regard.tables import OBJECT

SORTS = {
    "score": "score",
    "value": "expected_value_minor",
    "interactions": "n_interactions",
    "cost": "cost_to_serve_minor",
    "last": "last_ms",
}
"""What a list can be sorted by, and the column behind it."""
QUADRANTS = ("cherish", "mend", "keep", "rethink")
FIRST = 1e300
RANK = ("customer", "email", "phone", "account")
"""Which kind of handle names a person best; the others come after."""


@cache
def listed(kind: str, sort: str, descending: bool, sought: bool) -> Question:
    """A page of people.

    sort   : one of `SORTS`.
    sought : whether only those are wanted some handle of whom holds a text.
    given  : those of a segment; q (that part, else null), quadrant (null for all), after and after_id (where
             the page before ended; see `start`), size.
    Raises : SettingError for something a list cannot be sorted by.
    """
    if sort not in SORTS:
        close = nearest(sort, SORTS)
        raise SettingError(
            f"People cannot be sorted by {sort!r}.",
            allowed=", ".join(SORTS),
            hint=f"Did you mean {close!r}?" if close else None,
        )

    def build(
        tables: Tables,
        q: ir.StringValue,
        quadrant: ir.StringValue,
        after: ir.FloatingValue,
        after_id: ir.StringValue,
        size: ir.IntegerValue,
        **given: ir.Value,
    ) -> ir.Table:
        rows = _all(tables, kind, sought, q, quadrant, given)
        place = rows[SORTS[sort]].cast("float64").fill_null(-FIRST if descending else FIRST)
        rows = rows.mutate(place=place)
        beyond = rows.place < after if descending else rows.place > after
        rows = rows.filter(beyond | ((rows.place == after) & (rows.person_id > after_id)))
        order = ibis.desc("place") if descending else ibis.asc("place")
        ranked = rows.mutate(number=ibis.row_number().over(ibis.window(order_by=[order, "person_id"])))
        return ranked.filter(ranked.number < size).order_by("number").drop("number")

    return Question(build, {**LIST, **FROM, **GIVEN})


LIST = {"q": "string", "quadrant": "string"}
FROM = {"after": "float64", "after_id": "string", "size": "int64"}


def start(descending: bool) -> tuple[float, str]:
    """Where the first page begins: (after, after_id)."""
    return (2 * FIRST if descending else -2 * FIRST), ""


@cache
def counted(kind: str, sought: bool) -> Question:
    """How many people a list has, how many of them are customers still, and their mean score."""

    def build(tables: Tables, q: ir.StringValue, quadrant: ir.StringValue, **given: ir.Value) -> ir.Table:
        rows = _all(tables, kind, sought, q, quadrant, given)
        still = (rows.last_at >= given["seen_since"]) & (rows.p_alive.isnull() | (rows.p_alive > given["alive_over"]))
        return rows.aggregate(n=rows.count(), n_still=still.ifelse(1, 0).sum(), score=rows.score.mean())

    return Question(build, {**LIST, **GIVEN})


def _all(
    tables: Tables,
    kind: str,
    sought: bool,
    q: ir.StringValue,
    quadrant: ir.StringValue,
    given: dict[str, ir.Value],
) -> ir.Table:
    if kind == "everyone":
        rows = tables["profiles"].filter(tables["profiles"].level == given["level"])
    else:
        rows = members(tables, kind, **given)
    if sought:
        persons = tables["persons"]
        found = persons.filter(persons.handle.lower().contains(q.lower()) | (persons.person_id == q))
        rows = rows.semi_join(found, "person_id")
    rows = rows.filter(quadrant.isnull() | (rows.quadrant == quadrant))
    return rows.select(
        "person_id",
        "score",
        "low",
        "high",
        "scale",
        "calibrated",
        "n_interactions",
        "answered",
        "account",
        "p_alive",
        "expected_value_minor",
        "cost_to_serve_minor",
        "currency",
        "quadrant",
        "last_at",
        last_ms=rows.last_at.truncate("s").epoch_seconds().cast("float64"),
    )


@lru_cache(maxsize=1)
def names() -> Question:
    """The handle that names each of some people best: rows (person_id, kind, handle)."""

    def build(tables: Tables, people: ir.ArrayValue) -> ir.Table:
        persons = tables["persons"]
        mine = persons.filter(people.contains(persons.person_id), ~persons.kind.startswith(OBJECT))
        rank = ibis.cases(*((mine.kind == kind, place) for place, kind in enumerate(RANK)), else_=len(RANK))
        order = ibis.window(group_by="person_id", order_by=[rank, mine.handle])
        first = mine.mutate(place=ibis.row_number().over(order))
        return first.filter(first.place == 0).select("person_id", "kind", "handle")

    return Question(build, {"people": "array<string>"})


@lru_cache(maxsize=1)
def search() -> Question:
    """People some handle of whom holds a text, those first whose handle begins with it: (person_id, kind, handle)."""

    def build(tables: Tables, q: ir.StringValue, size: ir.IntegerValue) -> ir.Table:
        persons = tables["persons"]
        text = persons.handle.lower()
        hits = persons.filter(text.contains(q.lower()) | (persons.person_id == q))
        hits = hits.select("person_id", "kind", "handle", place=hits.handle.lower().startswith(q.lower()).ifelse(0, 1))
        order = ibis.window(order_by=["place", "handle", "kind"])
        ranked = hits.mutate(number=ibis.row_number().over(order))
        return ranked.filter(ranked.number < size).order_by("number").select("person_id", "kind", "handle")

    return Question(build, {"q": "string", "size": "int64"})


@lru_cache(maxsize=1)
def holding() -> Question:
    """Who has a handle, whatever its kind and however it is capitalised; rows (person_id, kind, handle)."""

    def build(tables: Tables, handle: ir.StringValue) -> ir.Table:
        persons = tables["persons"]
        return persons.filter(persons.handle.lower() == handle.lower()).select("person_id", "kind", "handle")

    return Question(build, {"handle": "string"})


@lru_cache(maxsize=1)
def first_met() -> Question:
    """When the first person was seen: one row (first_at)."""

    def build(tables: Tables) -> ir.Table:
        return tables["profiles"].aggregate(first_at=tables["profiles"].first_at.min())

    return Question(build, {})
