"""The journey map: where people meet us, stage by stage, how many, how long they wait, and where they go next.

An exact median needs every wait in order, and sorting ten million costs seconds. So steps carry the band of their wait
(`wait_band`): one count by band says in which band each median lies, and only the waits of those bands are ordered.

    band     0   1   2   3   4
    steps   12  40  31   9   8     of 100 waits the 50th and 51st lie in band 1: its last two
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count

import ibis
import ibis.expr.types as ir

from regard.engine.gaps import bit_or

Row = Mapping[str, object]
Rows = Sequence[Row]
Ask = Callable[[ir.Table], Rows]
"""Runs an expression over the steps where they lie, and brings its rows."""
BITS = 62
"""Codes that fit into a positive int64 as bits; codes go by frequency, so they are nearly all of the steps."""
NAMED = ("name", "touchpoint", "event", "stage", "channel", "function")
SOUGHT = {"this": "int32", "next": "int32", "band": "int32", "part": "int64", "low": "int64", "high": "int64"}


@dataclass(frozen=True)
class Map:
    """nodes : name, touchpoint, event, stage, channel, function, n (steps), n_people, n_last (steps after which nothing
            came), median_wait_s (to the next step, exact), mean_wait_s; the most frequent first.
    edges : in the shape of `flows`; the most frequent first.
    """

    nodes: Rows
    edges: Rows


@dataclass
class Part:
    """The steps of one node or one edge, as counts. bands : steps by band of the wait; mixed : (this, next) in it."""

    number: int
    n: int = 0
    n_last: int = 0
    wait_s: float = 0.0
    bands: dict[int, int] = field(default_factory=lambda: defaultdict(int))
    ways: set[tuple[int, int]] = field(default_factory=set)

    def add(self, cell: Row) -> None:
        """Count the steps of a cell in."""
        n, band, following = _whole(cell["n"]), cell["band"], cell["next"]
        self.n += n
        if not isinstance(band, int) or not isinstance(following, int):
            self.n_last += n
            return
        self.bands[band] += n
        self.wait_s += float(str(cell["wait_s"]))
        self.ways.add((_whole(cell["this"]), following))

    @property
    def mean(self) -> float | None:
        waits = self.n - self.n_last
        return self.wait_s / waits if waits else None

    def sought(self) -> Iterator[tuple[int, int, int]]:
        """Bands in which the median lies: (band, least and greatest place in it, from 0)."""
        waits, before = self.n - self.n_last, 0
        low, high = (waits - 1) // 2, waits // 2
        for band in sorted(self.bands):
            after = before + self.bands[band]
            if waits and low < after and high >= before:
                yield band, max(low - before, 0), min(high, after - 1) - before
            before = after


def journey_map(
    steps: ir.Table,
    step_names: ir.Table,
    ask: Ask,
    *,
    since: dt.datetime | None = None,
    until: dt.datetime | None = None,
) -> Map:
    """Count the steps taken, and the ways between them.

    steps, step_names : in the shapes of `tables.py`.
    ask               : runs an expression; called four times.
    since, until      : UTC; steps taken from `since` on and before `until`.
    """
    if since is not None:
        steps = steps.filter(steps["at"] >= ibis.literal(since))
    if until is not None:
        steps = steps.filter(steps["at"] < ibis.literal(until))
    numbers = count()
    nodes: dict[int, Part] = defaultdict(lambda: Part(next(numbers)))
    edges: dict[tuple[int, int], Part] = defaultdict(lambda: Part(next(numbers)))
    for cell in ask(_cells(steps)):
        nodes[_whole(cell["this"])].add(cell)
        if isinstance(cell["next"], int):
            edges[_whole(cell["this"]), cell["next"]].add(cell)
    medians = _medians(steps, [*nodes.values(), *edges.values()], ask)
    names = {_whole(row["code"]): row for row in ask(step_names)}
    people = {_whole(row["this"]): _whole(row["n_people"]) for row in ask(_people(steps, step_names, len(names)))}
    return Map(_nodes(nodes, medians, people, names), _edges(edges, medians, names))


def _cells(steps: ir.Table) -> ir.Table:
    return steps.group_by("this", "next", band=steps.wait_band).agg(n=steps.count(), wait_s=steps.wait_s.sum())


def _medians(steps: ir.Table, parts: Iterable[Part], ask: Ask) -> dict[int, float]:
    """The median wait of each part by its number; a part without waits has none."""
    sought = [
        {"this": this, "next": following, "band": band, "part": part.number, "low": low, "high": high}
        for part in parts
        for band, low, high in part.sought()
        for this, following in sorted(part.ways)
    ]
    if not sought:
        return {}
    found: dict[int, list[float]] = defaultdict(list)
    for row in ask(_at_places(steps, sought)):
        found[_whole(row["part"])] += [float(str(row[name])) for name in ("least", "greatest")]
    return {number: (min(waits) + max(waits)) / 2 for number, waits in found.items()}


def _at_places(steps: ir.Table, sought: Sequence[Mapping[str, int]]) -> ir.Table:
    """The waits at two places of each band sought, in order of the wait: (part, least, greatest)."""
    # one text in place of thousands of literals, which engines take seconds to plan
    said = ";".join(",".join(str(one[name]) for name in SOUGHT) for one in sought)
    lines = ibis.literal(said).split(";").unnest().name("line").as_table()
    parts = lines.select(parts=lines.line.split(","))
    wanted = parts.select(**{name: parts.parts[place].cast(kind) for place, (name, kind) in enumerate(SOUGHT.items())})
    rows = steps.inner_join(
        wanted, [steps.this == wanted.this, steps.next == wanted.next, steps.wait_band == wanted.band]
    )
    alike = rows.group_by("part", "band", "low", "high", "wait_s").agg(n=rows.count())
    upward = ibis.cumulative_window(group_by=[alike.part, alike.band], order_by=alike.wait_s)
    alike = alike.mutate(after=alike.n.sum().over(upward))
    there = alike.filter((alike.after > alike.low) & (alike.after - alike.n <= alike.high))
    return there.group_by("part").agg(least=there.wait_s.min(), greatest=there.wait_s.max())


def _people(steps: ir.Table, step_names: ir.Table, n_codes: int) -> ir.Table:
    """How many people took each step: (this, n_people).

    The most frequent steps are bits of one number a person, four times cheaper than distinct pairs where people lie
    together, as they do in `steps`; the others are counted as distinct pairs.
    """
    known = steps.filter(steps.person.notnull())
    usual = known.filter(known.this <= BITS)
    taken = usual.group_by("person").agg(mask=bit_or(ibis.literal(1, "int8").cast("int64") << usual.this))
    alike = taken.group_by("mask").agg(n=taken.count())
    each = alike.cross_join(step_names.filter(step_names.code <= BITS).select("code"))
    each = each.filter(((each["mask"] >> each.code) & 1) == 1)
    common = each.group_by("code").agg(n_people=each.n.sum())
    common = common.select(this=common.code, n_people=common.n_people)
    if n_codes <= BITS:
        return common
    rare = known.filter(known.this > BITS).select("this", "person").distinct()
    return common.union(rare.group_by("this").agg(n_people=rare.count()))


def _nodes(
    nodes: Mapping[int, Part], medians: Mapping[int, float], people: Mapping[int, int], names: Mapping[int, Row]
) -> Rows:
    rows = [
        {
            **{column: names[code][column] for column in NAMED},
            "n": part.n,
            "n_people": people.get(code, 0),
            "n_last": part.n_last,
            "median_wait_s": medians.get(part.number),
            "mean_wait_s": part.mean,
        }
        for code, part in nodes.items()
    ]
    return sorted(rows, key=lambda row: (-_whole(row["n"]), str(row["name"])))


def _edges(edges: Mapping[tuple[int, int], Part], medians: Mapping[int, float], names: Mapping[int, Row]) -> Rows:
    rows = [
        {
            "source": names[this]["name"],
            "target": names[following]["name"],
            "n": part.n,
            "median_wait_s": medians.get(part.number),
            "mean_wait_s": part.mean,
        }
        for (this, following), part in edges.items()
    ]
    return sorted(rows, key=lambda row: (-_whole(row["n"]), str(row["source"]), str(row["target"])))


def _whole(value: object) -> int:
    assert isinstance(value, int)
    return value
