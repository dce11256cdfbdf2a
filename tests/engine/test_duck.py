"""What DuckDB does differently, seen from outside."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from regard.engine import Engine


def test_a_sum_of_integers_stays_an_integer_when_kept_or_written(engine: Engine, tmp_path: Path) -> None:
    table = engine.table(pa.table({"k": ["a", "a", "b"], "n": pa.array([1, 2, 3], pa.int64())}))
    summed = table.group_by("k").aggregate(n=table.n.sum())
    assert engine.keep(summed).schema()["n"].is_int64()
    engine.write(summed, tmp_path / "summed", order_by=["k"])
    (file,) = (tmp_path / "summed").glob("*.parquet")
    assert pq.read_schema(file).field("n").type == pa.int64()
    assert pq.read_table(file).to_pylist() == [{"k": "a", "n": 3}, {"k": "b", "n": 3}]
