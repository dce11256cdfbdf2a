"""The journey map: where people meet us, stage by stage, how many, how long they wait, and where they go next."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import ibis
import ibis.expr.types as ir

from regard.journeys.paths import flows


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
    met = steps.filter(steps.person.notnull()).select("this", "person").distinct()
    people = met.group_by("this").agg(n_people=met.count())
    nodes = counted.left_join(people, "this").drop("this_right")
    nodes = nodes.inner_join(step_names.drop("n"), nodes.this == step_names.code).drop("this", "code")
    nodes = nodes.mutate(n_people=nodes.n_people.fill_null(0))
    edges = flows(steps, step_names)
    return Map(nodes.order_by(nodes.n.desc(), nodes.name), edges.order_by(edges.n.desc(), edges.source, edges.target))
