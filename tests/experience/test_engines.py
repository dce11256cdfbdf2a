"""One score on every engine: each table equal on DuckDB and on Sail, numbers to 1e-6, and rows counted."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest
import town

from regard.engine import Engine, connect
from regard.experience import score
from regard.tables import table

AS_OF = town.moment(345)


def tables(opened: Engine, people: town.Town) -> dict[str, pa.Table]:
    found = score(*people.tables(opened), town.BLUEPRINT, opened, as_of=AS_OF).tables
    return {
        name: opened.rows(rows).sort_by([(column, "ascending") for column in table(name).key])
        for name, rows in found.items()
    }


def test_duckdb_and_sail_agree(sail: str, engine: Engine, tmp_path: Path) -> None:
    people = town.lively(25, seed=1)
    other = connect(sail, scratch=tmp_path / "sail")
    try:
        mine, theirs = tables(engine, people), tables(other, people)
    finally:
        other.close()
    assert {name: rows.num_rows for name, rows in mine.items()} == {
        name: rows.num_rows for name, rows in theirs.items()
    }
    for name, rows in mine.items():
        assert rows.num_rows > 0, name
        for column in rows.column_names:
            left, right = rows[column].to_pylist(), theirs[name][column].to_pylist()
            if pa.types.is_floating(rows[column].type):
                left, right = ([float("nan") if value is None else value for value in side] for side in (left, right))
                assert left == pytest.approx(right, rel=1e-9, abs=1e-6, nan_ok=True), f"{name}.{column}"
            else:
                assert left == right, f"{name}.{column}"
