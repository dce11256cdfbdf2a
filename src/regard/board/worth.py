"""Value beside disruption: what customers bring, what serving them costs, and how much of that is our own doing."""

from __future__ import annotations

from functools import cache

import ibis
import ibis.expr.types as ir

from regard.board.segments import GIVEN, members
from regard.engine import Question, Tables


@cache
def quadrants(kind: str) -> Question:
    """People by quadrant: n, expected value, spent so far, cost to serve, disruption and mean score."""

    def build(tables: Tables, **given: ir.Value) -> ir.Table:
        rows = members(tables, kind, **given)
        rows = rows.filter(rows.currency.notnull())
        return rows.group_by("quadrant").agg(
            n=rows.count(),
            value_minor=rows.expected_value_minor.sum(),
            spent_minor=rows.spent_minor.cast("float64").sum(),
            cost_minor=rows.cost_to_serve_minor.cast("float64").sum(),
            disruption_minor=rows.disruption_minor.cast("float64").sum(),
            score=rows.score.mean(),
        )

    return Question(build, GIVEN)


@cache
def costs(kind: str) -> Question:
    """What serving them cost in the twelve months to the time of knowing, by cause and channel, ours and theirs."""

    def build(tables: Tables, **given: ir.Value) -> ir.Table:
        rows = tables["cost_to_serve"].semi_join(members(tables, kind, **given), "person_id")
        return (
            rows.group_by("cause", "channel", "ours")
            .agg(
                n=rows.n.sum(),
                cost_minor=rows.cost_minor.cast("float64").sum(),
                n_people=rows.person_id.nunique(),
                currency=rows.currency.max(),
            )
            .order_by(ibis.desc("cost_minor"))
        )

    return Question(build, GIVEN)
