"""Touches typed by hand: only the columns a test is about."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence

import ibis.expr.types as ir
import pyarrow as pa
import pytest

from regard.blueprint import Blueprint, Channel, Feedback, Rule, ValueSettings
from regard.engine import Engine, schema

Row = dict[str, object]
Rows = Callable[[str, Sequence[Row]], ir.Table]


@pytest.fixture
def rows(engine: Engine) -> Rows:
    """Rows of one of Regard's tables; what a row does not say is null, `day` stands for noon of a day of 2025."""

    def make(name: str, said: Sequence[Row]) -> ir.Table:
        shape = schema(name).to_pyarrow()
        full = []
        for number, row in enumerate(said):
            day = row.get("day")
            whole = {"interaction_id": f"i{number}", "source": "test", **row}
            if isinstance(day, str):
                on = dt.date.fromisoformat(f"2025-{day}")
                whole |= {"on": on, "at": dt.datetime.combine(on, dt.time(12), tzinfo=dt.UTC)}
            whole["objects"] = [
                {"type": kind, "id": value, "qualifier": None} for kind, value in whole.get("objects", ())
            ]
            full.append({field.name: whole.get(field.name) for field in shape})
        return engine.table(pa.Table.from_pylist(full, schema=shape))

    return make


@pytest.fixture
def shop() -> Blueprint:
    """A shop with a service line, refunds and returns."""
    return Blueprint(
        name="Shop",
        currency="EUR",
        channels=(Channel("phone", "Telephone", True, 450.0, 80.0), Channel("web", "Web")),
        feedback=(Feedback("csat", "transaction", Rule("event", ("answer",)), "csat"),),
        value=ValueSettings(
            purchase=Rule("event", ("purchase",)),
            refund=Rule("event", ("refund",)),
            returned=Rule("event", ("return",)),
            vulnerable=Rule("kind", ("vulnerable",)),
            returned_cost_minor=600.0,
            about="order",
        ),
    )
