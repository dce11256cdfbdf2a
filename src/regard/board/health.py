"""Data health: what arrives from where, how fresh it is, what was refused, and whom we do not hear from at all."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import ibis
import ibis.expr.types as ir

from regard.blueprint import Blueprint, Touchpoint
from regard.engine import Question, Tables

Rows = Sequence[Mapping[str, object]]


@lru_cache(maxsize=1)
def arrivals() -> Question:
    """What was recorded, by source, event and what it was recognised as: n, first and last."""

    def build(tables: Tables) -> ir.Table:
        return tables["arrivals"]

    return Question(build, {})


@lru_cache(maxsize=1)
def loads() -> Question:
    """The latest loads, newest first."""

    def build(tables: Tables) -> ir.Table:
        return tables["loads"].order_by(ibis.desc("at")).limit(50)

    return Question(build, {})


@lru_cache(maxsize=1)
def refusals() -> Question:
    """Why rows were refused: by source and reason, the most frequent first, with an example of where."""

    def build(tables: Tables) -> ir.Table:
        rejects = tables["rejects"]
        return (
            rejects.group_by("source", "event", "reason")
            .agg(n=rejects.count(), file=rejects.file.min(), line=rejects.line.min(), last_at=rejects["at"].max())
            .order_by(ibis.desc("n"), "source", "reason")
            .limit(100)
        )

    return Question(build, {})


@lru_cache(maxsize=1)
def expectations() -> Question:
    """What was expected of answers beside what was said, by level, in order: rows of `calibration`."""

    def build(tables: Tables) -> ir.Table:
        rows = tables["calibration"]
        return rows.order_by(ibis.desc("level"), rows.by != "all", "by", "place")

    return Question(build, {})


@dataclass(frozen=True)
class Source:
    """One source: how much came, from when to when, and whether it is as fresh as the blueprint asks.

    freshness : fresh, stale, or unstated where the blueprint does not say how old its newest row may be.
    """

    source: str
    n: int
    events: int
    first_at: dt.datetime
    last_at: dt.datetime
    age_s: float
    limit_s: float | None
    n_nobody: int
    n_unrecognised: int

    @property
    def freshness(self) -> str:
        if self.limit_s is None:
            return "unstated"
        return "fresh" if self.age_s <= self.limit_s else "stale"


def sources(rows: Rows, blueprint: Blueprint, at: dt.datetime) -> list[Source]:
    """Each source and those the blueprint expects, the stalest first.

    rows : the answer to `arrivals`. at : against which freshness is measured.
    """
    by_source: dict[str, list[Mapping[str, object]]] = {}
    for row in rows:
        by_source.setdefault(str(row["source"]), []).append(row)
    found = []
    for source, mine in by_source.items():
        last = max(_moment(row["last_at"]) for row in mine)
        found.append(
            Source(
                source=source,
                n=sum(_whole(row["n"]) for row in mine),
                events=len({row["event"] for row in mine}),
                first_at=min(_moment(row["first_at"]) for row in mine),
                last_at=last,
                age_s=(at - last).total_seconds(),
                limit_s=blueprint.freshness.get(source),
                n_nobody=sum(_whole(row["n_nobody"]) for row in mine),
                n_unrecognised=sum(_whole(row["n"]) for row in mine if row["touchpoint"] is None),
            )
        )
    return sorted(found, key=lambda one: (one.freshness != "stale", -one.age_s, one.source))


def silent(rows: Rows, blueprint: Blueprint) -> list[str]:
    """Sources whose freshness the blueprint states and from which nothing ever came."""
    heard = {row["source"] for row in rows}
    return sorted(source for source in blueprint.freshness if source not in heard)


@dataclass(frozen=True)
class Coverage:
    """One function (department): whether its data reaches the person's story."""

    id: str
    label: str
    owner: str | None
    n: int
    touchpoints: int
    heard: int
    last_at: dt.datetime | None


def coverage(rows: Rows, blueprint: Blueprint) -> list[Coverage]:
    """Each function of the blueprint: its touchpoints, how many of them are heard, and how much came (R16)."""
    named = {function.id: (function.label, function.owner) for function in blueprint.functions}
    for touchpoint in blueprint.touchpoints:
        if touchpoint.function and touchpoint.function not in named:
            named[touchpoint.function] = (touchpoint.function, None)
    found = []
    for function, (label, owner) in named.items():
        mine = [row for row in rows if row["function"] == function]
        points = [one.id for one in blueprint.touchpoints if one.function == function]
        last = max((_moment(row["last_at"]) for row in mine), default=None)
        heard = len({row["touchpoint"] for row in mine} & set(points))
        found.append(Coverage(function, label, owner, sum(_whole(r["n"]) for r in mine), len(points), heard, last))
    return found


@dataclass(frozen=True)
class Inventory:
    """One touchpoint as designed and as lived.

    state    : heard, silent (recorded, but nothing came), or unrecorded (nothing recognises it).
    channels : where it was heard, the most frequent first; what the blueprint designs stands in the touchpoint.
    """

    touchpoint: Touchpoint
    stage: str
    n: int
    last_at: dt.datetime | None
    channels: tuple[str, ...] = ()

    @property
    def state(self) -> str:
        if self.n:
            return "heard"
        return "silent" if self.touchpoint.when is not None else "unrecorded"

    @property
    def missing(self) -> tuple[str, ...]:
        """What neither the blueprint nor, of its channel, the ledger says of it."""
        said = {
            "channel": self.touchpoint.channel or self.channels,
            "function": self.touchpoint.function,
            "mechanism": self.touchpoint.mechanism,
            "owner": self.touchpoint.owner,
        }
        return tuple(name for name, value in said.items() if not value)


def inventory(rows: Rows, blueprint: Blueprint) -> list[Inventory]:
    """Every touchpoint of the blueprint in order of stage, with what was recorded at it (R3)."""
    order = {stage.id: place for place, stage in enumerate(blueprint.stages)}
    labels = {stage.id: stage.label for stage in blueprint.stages}
    found = []
    for touchpoint in sorted(blueprint.touchpoints, key=lambda one: order.get(one.stage, len(order))):
        mine = [row for row in rows if row["touchpoint"] == touchpoint.id]
        last = max((_moment(row["last_at"]) for row in mine), default=None)
        n = sum(_whole(row["n"]) for row in mine)
        by_channel: dict[str, int] = {}
        for row in (one for one in mine if one["channel"]):
            by_channel[str(row["channel"])] = by_channel.get(str(row["channel"]), 0) + _whole(row["n"])
        channels = tuple(name for name, _ in sorted(by_channel.items(), key=lambda pair: (-pair[1], pair[0])))
        found.append(Inventory(touchpoint, labels.get(touchpoint.stage, touchpoint.stage), n, last, channels))
    return found


def empty_stages(blueprint: Blueprint) -> list[str]:
    """Stages at which the blueprint names no touchpoint."""
    used = {touchpoint.stage for touchpoint in blueprint.touchpoints}
    return [stage.label for stage in blueprint.stages if stage.id not in used]


def unrecognised(rows: Rows) -> list[Mapping[str, object]]:
    """What no touchpoint recognises: source, event and n, the most frequent first."""
    found = [row for row in rows if row["touchpoint"] is None]
    return sorted(found, key=lambda row: (-_whole(row["n"]), str(row["source"]), str(row["event"])))


def _moment(value: object) -> dt.datetime:
    assert isinstance(value, dt.datetime)
    return value


def _whole(value: object) -> int:
    return value if isinstance(value, int) else 0
