"""Tiny tables typed by hand, published, and open for questions."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence

import pyarrow as pa
import pytest

from regard.board import gather, number_people
from regard.engine import Engine, Now, Publication, Reader, schema
from regard.tables import TABLES
from regard.workspace import Workspace

AS_OF = dt.datetime(2026, 3, 1, tzinfo=dt.UTC)
Rows = Sequence[dict[str, object]]


@pytest.fixture
def as_of() -> dt.datetime:
    return AS_OF


@pytest.fixture
def opened(workspace: Workspace, engine: Engine) -> Callable[..., Now]:
    """Publish rows by table and open them; columns that a row leaves out are null."""

    def publish(**tables: Rows) -> Now:
        publication = Publication(workspace, engine, as_of=AS_OF, now=AS_OF)
        given = {name: _typed(name, tables.get(name, [])) for name, spec in TABLES.items() if spec.room != "board"}
        numbers = engine.keep(number_people(engine.table(given["touches"])))
        publication.number(numbers)
        written = {"numbers": numbers}
        for name in (name for name in given if TABLES[name].derived):
            rows = given[name].drop_columns(
                [column for column in given[name].column_names if column == "person" and name != "steps"]
            )
            written[name] = publication.write(name, engine.table(rows))
        for name, table in gather(written, engine).items():
            publication.write(name, table, order_by=TABLES[name].key)
        publication.publish({})
        return Reader(workspace).now()

    return publish


def _typed(name: str, rows: Rows) -> pa.Table:
    return pa.Table.from_pylist(list(rows), schema=schema(name).to_pyarrow())


@pytest.fixture
def people() -> dict[str, Rows]:
    """Four customers, one of whom left, one of whom has not been seen for long, and one who never told us."""
    day = dt.timedelta(days=1)
    seen = {"ann": 5, "bo": 10, "cy": 20, "old": 500, "gone": 30}
    return {
        "persons": [
            {
                "kind": kind,
                "handle": f"{who}{at}",
                "person_id": who,
                "first_at": AS_OF - 600 * day,
                "last_at": AS_OF - days * day,
            }
            for who, days in seen.items()
            for kind, at in (("email", "@x.org"), ("device", "-phone"))
        ],
        "value": [
            {"person_id": who, "p_alive": alive, "expected_value_minor": worth, "currency": "EUR", "quadrant": quadrant}
            for who, alive, worth, quadrant in (
                ("ann", 0.9, 10_000.0, "cherish"),
                ("bo", 0.8, 30_000.0, "mend"),
                ("old", 0.9, 50_000.0, "keep"),
                ("gone", 0.2, 70_000.0, "keep"),
            )
        ],
        "scores": [
            {
                "person_id": who,
                "level": level,
                "at": AS_OF,
                "score": score,
                "low": score - 10,
                "high": score + 10,
                "answered": who in ("ann", "old"),
                "account": "acme" if who in ("bo", "cy") else None,
                "n_interactions": 3,
            }
            for who, score in (("ann", 40.0), ("bo", -20.0), ("cy", -60.0), ("old", 0.0), ("gone", -90.0))
            for level in ("relationship", "transaction")
        ],
        "touches": [
            {
                "person_id": who,
                "source": "shop",
                "interaction_id": f"{who}1",
                "at": AS_OF - days * day,
                "event": "visit",
                "touchpoint": "visit",
                "function": "shop",
                "unit": "north" if who in ("ann", "cy") else "south",
                "channel": "web",
            }
            for who, days in seen.items()
        ],
    }
