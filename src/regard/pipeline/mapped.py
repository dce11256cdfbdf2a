"""The journey map of a segment over a period, from tables that are open."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import ibis
import ibis.expr.types as ir

from regard import journeys
from regard.blueprint import Blueprint, Impression
from regard.board import Segment
from regard.engine import Now, Same
from regard.pipeline.standing import members_of

Row = Mapping[str, object]


@dataclass(frozen=True)
class Mapped:
    """nodes, edges : rows of `journeys.Map`. variants : the ten most frequent ways through, of all time."""

    nodes: Sequence[Row]
    edges: Sequence[Row]
    variants: Sequence[Row]


def mapped(
    now: Now, blueprint: Blueprint, segment: Segment, *, level: str, since: dt.datetime, until: dt.datetime
) -> Mapped:
    """The map of the steps a segment took in a period; worked out once, then held."""
    key = ("map", str(segment), level, since, until, Same(blueprint))
    return now.hold(key, lambda: _mapped(now, blueprint, segment, level, since, until))


def _mapped(
    now: Now, blueprint: Blueprint, segment: Segment, level: str, since: dt.datetime, until: dt.datetime
) -> Mapped:
    tables = now.tables
    steps = tables["steps"]
    if segment.kind != "everyone":
        steps = steps.semi_join(_numbers(now, blueprint, segment, level), "person")
    found = journeys.journey_map(steps, tables["step_names"], now.rows, since=since, until=until)
    ways = tables["variants"].order_by(ibis.desc("n"), "variant").limit(10)
    return Mapped(found.nodes, found.edges, now.hold("variants", lambda: now.rows(ways)))


def _numbers(now: Now, blueprint: Blueprint, segment: Segment, level: str) -> ir.Table:
    """The numbers by which `steps` knows the members."""
    return members_of(now, blueprint, segment, level).select("person")


def home(blueprint: Blueprint, kind: str) -> str | None:
    """The touchpoint that a kind of impression belongs to: where it is made, or where the promise behind it is kept."""
    base = kind.rpartition(".")[0] or kind
    for name in (kind, base):
        spec = next((one for one in blueprint.impressions if one.kind == name), None)
        if spec is not None:
            return _home(blueprint, spec)
        if any(one.id == name for one in blueprint.touchpoints):
            return name
        promise = next((one for one in blueprint.promises if one.id == name), None)
        if promise is not None:
            return promise.touchpoint
    return None


def _home(blueprint: Blueprint, spec: Impression) -> str | None:
    if spec.promise is not None:
        return next(one.touchpoint for one in blueprint.promises if one.id == spec.promise)
    if spec.wait is not None:
        return spec.wait[1]
    if spec.felt is not None:
        return next((one.touchpoint for one in blueprint.feedback if one.id == spec.felt), None)
    return spec.on if spec.touch in (None, "*") else spec.touch
