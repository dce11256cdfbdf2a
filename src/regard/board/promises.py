"""The list of promises: which fell due, what came of them, the most missed first."""

from __future__ import annotations

from functools import cache

import ibis
import ibis.expr.types as ir

from regard.board.overview import PERIOD
from regard.board.segments import GIVEN, members
from regard.engine import Question, Tables

OUTCOMES = ("broken", "overdue", "kept_in_letter", "kept", "exceeded", "open", "void")
ASKED = {"kind": "string", "outcome": "string", "person": "string"}
SHOWN = 100


def _due(tables: Tables, of: str, asked: dict[str, ir.Value], since: ir.Value, until: ir.Value) -> ir.Table:
    kind, outcome, person = asked.pop("kind"), asked.pop("outcome"), asked.pop("person")
    made = tables["promises"]
    made = made.mutate(counted_at=ibis.coalesce(made.due_at, made.delivered_at, made.made_at))
    rows = made.filter(
        person.notnull() | ((made.counted_at >= since) & (made.counted_at < until)),
        kind.isnull() | (made.kind == kind),
        outcome.isnull() | (made.outcome == outcome),
        person.isnull() | (made.person_id == person),
    )
    return rows.filter(person.notnull() | rows.person.isin(members(tables, of, **asked).person))


@cache
def listed(of: str) -> Question:
    """Promises that fell due in the period, or all of one person, the most overdue first; at most `SHOWN`."""

    def build(tables: Tables, since: ir.Value, until: ir.Value, **asked: ir.Value) -> ir.Table:
        rows = _due(tables, of, asked, since, until)
        wrong = rows.outcome.isin(["broken", "overdue", "kept_in_letter"]).ifelse(0, 1)
        return rows.order_by(wrong, ibis.desc("late_s"), "promise_id").limit(SHOWN)

    return Question(build, {**PERIOD, **ASKED, **GIVEN})


@cache
def counted(of: str) -> Question:
    """The same, counted by kind and outcome."""

    def build(tables: Tables, since: ir.Value, until: ir.Value, **asked: ir.Value) -> ir.Table:
        rows = _due(tables, of, asked, since, until)
        return rows.group_by("kind", "outcome").agg(n=rows.count())

    return Question(build, {**PERIOD, **ASKED, **GIVEN})


@cache
def heard(of: str) -> Question:
    """What customers said of things about which a promise fell due, by kind, outcome and scale: n, mean rating."""

    def build(tables: Tables, since: ir.Value, until: ir.Value, **asked: ir.Value) -> ir.Table:
        rows = _due(tables, of, asked, since, until)
        said = tables["feedback"].filter(tables["feedback"].level == "transaction")
        return _rated(rows, said)

    return Question(build, {**PERIOD, **ASKED, **GIVEN})


@cache
def expected(of: str) -> Question:
    """What our own people noted of the same things, where they rate them: never feedback, only to be set beside it."""

    def build(tables: Tables, since: ir.Value, until: ir.Value, **asked: ir.Value) -> ir.Table:
        rows = _due(tables, of, asked, since, until)
        touches = tables["touches"]
        return _rated(rows, touches.filter(touches.actor == "employee"))

    return Question(build, {**PERIOD, **ASKED, **GIVEN})


def _rated(rows: ir.Table, said: ir.Table) -> ir.Table:
    said = said.filter(said.rating.notnull(), said.object_id.notnull())
    said = said.select("object_type", "object_id", "rating", "scale")
    both = rows.select("kind", "outcome", "object_type", "object_id").inner_join(said, ["object_type", "object_id"])
    return both.group_by("kind", "outcome", "scale").agg(n=both.count(), mean=both.rating.mean())


@cache
def by_unit(of: str) -> Question:
    """Promises that fell due, by kind and the unit in which they were made: n, missed, kept in letter only."""

    def build(tables: Tables, since: ir.Value, until: ir.Value, **asked: ir.Value) -> ir.Table:
        rows = _due(tables, of, asked, since, until)
        rows = rows.filter(~rows.outcome.isin(["open", "void"])).select("kind", "outcome", "person_id", "made_by")
        touches = tables["touches"].filter(tables["touches"].unit.notnull())
        placed = touches.select("person_id", "unit", made_by=touches.interaction_id).distinct()
        both = rows.inner_join(placed, ["person_id", "made_by"])
        return both.group_by("kind", "unit").agg(
            n=both.count(),
            missed=both.outcome.isin(["broken", "overdue"]).ifelse(1, 0).sum(),
            letter=(both.outcome == "kept_in_letter").ifelse(1, 0).sum(),
        )

    return Question(build, {**PERIOD, **ASKED, **GIVEN})
