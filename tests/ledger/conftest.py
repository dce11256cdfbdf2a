"""A ledger and a way to write facts by hand."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import ibis.expr.types as ir
import pyarrow as pa
import pytest

from regard.engine import Engine, connect, schema
from regard.ledger import Ledger
from regard.workspace import Workspace

NOW = dt.datetime(2026, 1, 1, 12, tzinfo=dt.UTC)
DAY = dt.timedelta(days=1)
Facts = Callable[..., ir.Table]


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    opened = connect("duckdb", scratch=tmp_path / "engine", memory=2**29)
    yield opened
    opened.close()


@pytest.fixture
def now() -> dt.datetime:
    return NOW


@pytest.fixture
def ledger(workspace: Workspace) -> Ledger:
    return Ledger.open(workspace, wait_s=0.2)


@pytest.fixture
def facts(engine: Engine) -> Facts:
    """Rows written by hand as a lazy table; what a row leaves out is null, its time is its number in days of 2025."""

    def make(*rows: dict[str, Any]) -> ir.Table:
        shape = schema("interactions").to_pyarrow()
        extra = {name for row in rows for name in row} - set(shape.names)
        fields = [*shape, *(pa.field(name, pa.string()) for name in sorted(extra))]
        full = []
        for at, row in enumerate(rows):
            moment = dt.datetime(2025, 1, 1, tzinfo=dt.UTC) + at * DAY
            full.append({"event": "buy", "occurred_at": moment, "sequence": at + 2, **row})
        return engine.table(pa.Table.from_pylist(full, schema=pa.schema(fields)))

    return make


@pytest.fixture
def held(ledger: Ledger, engine: Engine) -> Callable[..., list[dict[str, Any]]]:
    """What the ledger says now, in order, in the columns asked for."""

    def read(*columns: str) -> list[dict[str, Any]]:
        rows = ledger.read(engine).order_by(["occurred_at", "sequence", "interaction_id"])
        return engine.rows(rows.select(*columns)).to_pylist()

    return read
