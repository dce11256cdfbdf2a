"""The overview: what the answers say, which promises were kept, what the period did, and whose value is at risk."""

from __future__ import annotations

from functools import cache, lru_cache

import ibis
import ibis.expr.types as ir

from regard.board.segments import GIVEN, members
from regard.engine import Question, Tables

PERIOD = {"since": "timestamp('UTC', 6)", "until": "timestamp('UTC', 6)"}
BANDS = (-50.0, 0.0, 50.0)
"""Where bands of the score begin; below 0 more would warn others than praise us."""
SHOWN = 8


@cache
def answers(kind: str) -> Question:
    """What customers answered in the period, by level and scale: n, promoters, passives, detractors."""

    def build(tables: Tables, since: ir.Value, until: ir.Value, **given: ir.Value) -> ir.Table:
        feedback = tables["feedback"]
        rows = feedback.filter(feedback.at >= since, feedback.at < until)
        rows = rows.semi_join(members(tables, kind, **given), "person")
        return rows.group_by("level", "scale").agg(
            n=rows.count(),
            promoters=(rows["class"] == 1).ifelse(1, 0).sum(),
            passives=(rows["class"] == 0).ifelse(1, 0).sum(),
            detractors=(rows["class"] == -1).ifelse(1, 0).sum(),
        )

    return Question(build, {**PERIOD, **GIVEN})


@cache
def promises(kind: str) -> Question:
    """Promises that fell due in the period, by kind and function: how many of each outcome, and the median delay.

    A promise without a deadline counts when it was delivered, or else when it was made. Void ones are left out.
    """

    def build(tables: Tables, since: ir.Value, until: ir.Value, **given: ir.Value) -> ir.Table:
        made = tables["promises"]
        made = made.mutate(counted_at=ibis.coalesce(made.due_at, made.delivered_at, made.made_at))
        rows = made.filter(made.counted_at >= since, made.counted_at < until, made.outcome != "void")
        rows = rows.semi_join(members(tables, kind, **given), "person")
        outcomes = ("exceeded", "kept", "kept_in_letter", "broken", "overdue", "open")
        return (
            rows.group_by("kind", "function")
            .agg(
                n=rows.count(),
                days_late=rows.late_days.cast("float64").median(where=rows.outcome == "broken"),
                **{one: (rows.outcome == one).ifelse(1, 0).sum() for one in outcomes},
            )
            .order_by(ibis.desc("n"), "kind")
        )

    return Question(build, {**PERIOD, **GIVEN})


@cache
def causes(kind: str) -> Question:
    """What the period's interactions did to the score, by kind: points in all, people touched, interactions."""

    def build(tables: Tables, since: ir.Value, until: ir.Value, **given: ir.Value) -> ir.Table:
        made = tables["contributions"]
        rows = made.filter(
            made.level == given["level"], made.interaction_id.notnull(), made.at >= since, made.at < until
        )
        rows = rows.semi_join(members(tables, kind, **given), "person")
        by_person = rows.group_by("kind", "person").agg(points=rows.points.sum(), n=rows.count())
        return by_person.group_by("kind").agg(
            points=by_person.points.sum(), n_people=by_person.count(), n_interactions=by_person.n.sum()
        )

    return Question(build, {**PERIOD, **GIVEN})


@cache
def at_risk(kind: str) -> Question:
    """Value by band of the score: people, what is expected over the horizon, what they spent; band 0 is the lowest."""

    def build(tables: Tables, **given: ir.Value) -> ir.Table:
        rows = _valued(tables, kind, given)
        branches = [(rows.score < start, number) for number, start in enumerate(BANDS)]
        rows = rows.mutate(band=ibis.cases(*branches, else_=len(BANDS)))
        return (
            rows.group_by("band")
            .agg(
                n=rows.count(),
                value_minor=rows.expected_value_minor.sum(),
                spent_minor=rows.spent_minor.cast("float64").sum(),
                currency=rows.currency.max(),
            )
            .order_by("band")
        )

    return Question(build, GIVEN)


@cache
def most_at_risk(kind: str) -> Question:
    """The people of most value, known or else by what they spent, who are likelier to warn others than to praise us."""

    def build(tables: Tables, **given: ir.Value) -> ir.Table:
        rows = _valued(tables, kind, given)
        return (
            rows.filter(rows.score < 0)
            .order_by(ibis.desc("expected_value_minor"), ibis.desc("spent_minor"), "person_id")
            .limit(SHOWN)
        )

    return Question(build, GIVEN)


@lru_cache(maxsize=1)
def worst() -> Question:
    """What weighs most on each of some people: the kind that took most away, its points, and its latest time."""

    def build(tables: Tables, people: ir.ArrayValue, level: ir.StringValue) -> ir.Table:
        made = tables["contributions"]
        rows = made.filter(made.level == level, people.contains(made.person_id), made.interaction_id.notnull())
        by_kind = rows.group_by("person_id", "kind").agg(points=rows.points.sum(), at=rows.at.max())
        order = ibis.window(group_by="person_id", order_by=["points", "kind"])
        first = by_kind.mutate(place=ibis.row_number().over(order))
        return first.filter(first.place == 0).select("person_id", "kind", "points", "at")

    return Question(build, {"people": "array<string>", "level": "string"})


def _valued(tables: Tables, kind: str, given: dict[str, ir.Value]) -> ir.Table:
    rows = members(tables, kind, **given)
    return rows.filter(rows.currency.notnull()).select(
        "person_id",
        "score",
        "low",
        "high",
        "account",
        "answered",
        "expected_value_minor",
        "spent_minor",
        "currency",
        "p_alive",
    )
