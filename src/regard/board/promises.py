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
    return rows.filter(person.notnull() | rows.person_id.isin(members(tables, of, **asked).person_id))


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
