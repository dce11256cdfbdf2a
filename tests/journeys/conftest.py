"""Interactions with their person typed by hand, as identity would give them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Mapping

import ibis.expr.types as ir
import pyarrow as pa
import pytest

from regard.blueprint import Blueprint, JourneySettings
from regard.engine import Engine, empty
from regard.journeys import split, touch
from regard.tables import table as table_named

START = dt.datetime(2025, 3, 1, tzinfo=dt.UTC)
Row = Mapping[str, object]


def assigned(rows: Iterable[Row]) -> pa.Table:
    """Interactions with person_id; `s` are seconds after 1 March 2025, `order` or `objects` what it is about."""
    shape = empty("interactions").schema.append(pa.field("person_id", pa.string()))
    made = []
    for number, row in enumerate(rows):
        about = row.get("objects") or ([("order", row["order"])] if row.get("order") else [])
        made.append(
            {
                "interaction_id": f"i{number:04}",
                "source": "test",
                "occurred_at": START + dt.timedelta(seconds=float(str(row.get("s", number)))),
                "sequence": number,
                "event": "seen",
                "objects": [{"type": kind, "id": value, "qualifier": None} for kind, value in about],
                "person_id": row.get("who"),
                **{name: value for name, value in row.items() if name in shape.names and name != "objects"},
            }
        )
    return pa.Table.from_pylist(made, schema=shape)


@pytest.fixture
def about_orders() -> Blueprint:
    return Blueprint("Shop", journeys=JourneySettings(objects=("order",), quiet_s=100.0))


@pytest.fixture
def rows_of(engine: Engine) -> Callable[[ir.Table], list[dict[str, object]]]:
    return lambda table: engine.rows(table).to_pylist()


@pytest.fixture
def walked(engine: Engine) -> Callable[..., dict[str, list[dict[str, object]]]]:
    """All tables of the room as rows, from rows typed by hand."""

    def run(rows: Iterable[Row] | pa.Table, blueprint: Blueprint) -> dict[str, list[dict[str, object]]]:
        table = rows if isinstance(rows, pa.Table) else assigned(rows)
        touches = engine.keep(touch(engine.table(table), blueprint))
        found = split(touches, blueprint, engine)
        return {name: engine.rows(one.order_by(*table_named(name).key)).to_pylist() for name, one in found.items()}

    return run


@pytest.fixture
def typed() -> Callable[[Iterable[Row]], pa.Table]:
    return assigned
