"""The journey map: where people meet us, stage by stage, how many, how long they wait, and where they go next."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import ibis
import ibis.expr.types as ir

from regard.engine.gaps import bit_or
from regard.journeys.paths import flows

BITS = 62
"""Codes that fit into a positive int64 as bits; codes go by frequency, so they are nearly all of the steps."""


@dataclass(frozen=True)
class Map:
    """Small tables, lazily.

    nodes : name, touchpoint, event, stage, channel, function, n (steps), n_people, n_last (steps after which nothing
            came), median_wait_s (to the next step), mean_wait_s; the most frequent first.
    edges : in the shape of `flows`; the most frequent first.
    """

    nodes: ir.Table
    edges: ir.Table


def journey_map(
    steps: ir.Table, step_names: ir.Table, *, since: dt.datetime | None = None, until: dt.datetime | None = None
) -> Map:
    """Count the steps taken, and the ways between them.

    steps, step_names : in the shapes of `tables.py`.
    since, until      : UTC; steps taken from `since` on and before `until`.
    """
    if since is not None:
        steps = steps.filter(steps["at"] >= ibis.literal(since))
    if until is not None:
        steps = steps.filter(steps["at"] < ibis.literal(until))
    counted = steps.group_by("this").agg(
        n=steps.count(),
        n_last=steps.next.isnull().sum(),
        median_wait_s=steps.wait_s.median(),
        mean_wait_s=steps.wait_s.mean(),
    )
    nodes = counted.left_join(_people(steps, step_names), "this").drop("this_right")
    nodes = nodes.inner_join(step_names.drop("n"), nodes.this == step_names.code).drop("this", "code")
    nodes = nodes.mutate(n_people=nodes.n_people.fill_null(0))
    edges = flows(steps, step_names)
    return Map(nodes.order_by(nodes.n.desc(), nodes.name), edges.order_by(edges.n.desc(), edges.source, edges.target))


def _people(steps: ir.Table, step_names: ir.Table) -> ir.Table:
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
    rare = known.filter(known.this > BITS).select("this", "person").distinct()
    return common.select(this=common.code, n_people=common.n_people).union(
        rare.group_by("this").agg(n_people=rare.count())
    )
