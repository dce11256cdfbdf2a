"""One person's rows, found through the footers of a clustered table."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from regard.engine import lookup
from regard.engine.lookup import Lookup

SHAPE = pa.schema([("person_id", pa.string()), ("n", pa.int64()), ("more", pa.string())])


def clustered(folder: Path, *, group: int = 10) -> str:
    people = [f"{number // 3:04d}" for number in range(300)]
    table = pa.table({"person_id": people, "n": pa.array(range(300), pa.int32())})
    pq.write_table(table, folder / "part.parquet", row_group_size=group)
    return str(folder / "part.parquet")


def test_all_rows_of_a_person_are_found_also_across_row_groups(tmp_path: Path) -> None:
    found = Lookup([clustered(tmp_path)], "person_id", SHAPE)
    for person in range(100):
        rows = found.rows(f"{person:04d}")
        assert rows is not None
        assert rows["n"].to_pylist() == [3 * person, 3 * person + 1, 3 * person + 2]


def test_rows_come_in_the_types_asked_for_and_absent_columns_are_null(tmp_path: Path) -> None:
    rows = Lookup([clustered(tmp_path)], "person_id", SHAPE).rows("0000")
    assert rows is not None
    assert rows.schema.types == SHAPE.types
    assert rows["more"].to_pylist() == [None, None, None]


def test_nobody_gives_no_rows(tmp_path: Path) -> None:
    for asked in ("", "9999", "0000x"):
        rows = Lookup([clustered(tmp_path)], "person_id", SHAPE).rows(asked)
        assert rows is not None
        assert rows.num_rows == 0
    assert Lookup([], "person_id", SHAPE).rows("0000") == SHAPE.empty_table()


def test_a_table_that_is_not_clustered_is_left_to_an_engine(tmp_path: Path, monkeypatch: object) -> None:
    monkeypatch.setattr(lookup, "MOST_ROWS", 50)  # type: ignore[attr-defined]
    people = [f"{number % 100:04d}" for number in range(300)]
    pq.write_table(pa.table({"person_id": people, "n": range(300)}), tmp_path / "wild.parquet", row_group_size=100)
    assert Lookup([str(tmp_path / "wild.parquet")], "person_id", SHAPE).rows("0007") is None
