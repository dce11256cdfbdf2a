"""Any Spark Connect server, Apache Spark or Sail, through `pyspark-client`.

The server must see the workspace's folder under the same path (one machine, or a shared file system), since tables are
read and written there as Parquet.
"""

from __future__ import annotations

import shutil
import socket
import tempfile
from collections.abc import Iterator, Sequence
from itertools import count
from pathlib import Path
from urllib.parse import urlsplit
from uuid import uuid4

import ibis
import ibis.expr.schema as sch
import ibis.expr.types as ir
import pyarrow as pa
import pyarrow.parquet as pq
from ibis.backends.pyspark import Backend

from regard.engine import gaps  # noqa: F401  # its literals are Spark's
from regard.engine.duck import fitted
from regard.errors import EngineError

CONNECT_PORT = 15002
PATIENCE_S = 10.0


class SparkEngine:
    """A session on a Spark Connect server.

    address : "sc://host:port".
    scratch : a folder that this process and the server both see; a temporary one is made when none is given.
    """

    name = "spark"

    def __init__(self, address: str, *, scratch: Path | None = None) -> None:
        from pyspark.sql import SparkSession

        try:
            knock(address)
            self.session = SparkSession.builder.remote(address).getOrCreate()
            self.session.conf.set("spark.sql.session.timeZone", "UTC")
        except Exception as error:  # pyspark raises grpc, value and its own errors here
            raise EngineError(
                f"No Spark Connect server answers at {address}.",
                found=str(error).splitlines()[0] if str(error) else type(error).__name__,
                hint="Start one, or leave --engine away to run on DuckDB.",
            ) from error
        self._arrays_pushed = self.session.conf.get("spark.app.id", None) is None  # Sail has no application, Spark has
        self._own_scratch = scratch is None
        self.scratch = Path(tempfile.mkdtemp(prefix="regard-")) if scratch is None else scratch
        self.scratch.mkdir(parents=True, exist_ok=True)
        self.backend: Backend = ibis.pyspark.connect(self.session)
        self._prefix = f"regard_{uuid4().hex[:8]}"
        self._names = (f"{self._prefix}_{number}" for number in count(1))

    def read(self, files: Sequence[Path | str], shape: sch.Schema) -> ir.Table:
        if not files:
            return self.table(shape.to_pyarrow().empty_table())
        paths = [str(file) for file in files]
        name = next(self._names)
        frame = self.session.read.option("mergeSchema", "true").parquet(*paths)
        frame.createOrReplaceTempView(name)
        expected = sum(pq.read_metadata(path).num_rows for path in paths)
        found = frame.count()
        if found != expected:  # a Spark server that read nothing and said nothing was met in the wild
            raise EngineError(
                "The Spark server read another number of rows than the files hold.",
                found=f"{found} of {expected} rows",
                hint="Check that the server sees the workspace's folder under the same path.",
            )
        return self._fitted(name, shape)

    def table(self, data: pa.Table) -> ir.Table:
        path = self.scratch / f"{next(self._names)}.parquet"
        pq.write_table(data, path)
        return self._view(path, ibis.schema(dict(ibis.Schema.from_pyarrow(data.schema))))

    def keep(self, expression: ir.Table, *, order_by: Sequence[str] = ()) -> ir.Table:
        folder = self.scratch / next(self._names)
        self.write(expression, folder, order_by=order_by)
        return self._view(folder, expression.schema())

    def drop(self, kept: ir.Table) -> None:
        """What is kept is a folder of Parquet; it goes when the engine closes."""

    def write(self, expression: ir.Table, folder: Path, *, order_by: Sequence[str] = ()) -> int:
        if folder.exists():
            raise EngineError(f"{folder} is there already.", hint="Name a new folder.")
        frame = self.session.sql(self._sql(expression))
        if order_by:
            frame = frame.coalesce(1).sortWithinPartitions(*order_by)
        frame.write.mode("overwrite").option("compression", "zstd").parquet(str(folder))
        parts = sorted(folder.rglob("*.parquet"))
        if not parts:
            folder.mkdir(parents=True, exist_ok=True)  # Sail makes no folder where there are no rows
            pq.write_table(expression.schema().to_pyarrow().empty_table(), folder / "part-0.parquet")
        return sum(pq.read_metadata(part).num_rows for part in parts)

    def rows(self, expression: ir.Table) -> pa.Table:
        frame = self.session.sql(self._sql(expression))
        return frame.toArrow().cast(expression.schema().to_pyarrow())  # Ibis goes through pandas, which knows no maps

    def stream(self, expression: ir.Table, *, batch_rows: int = 65_536) -> Iterator[pa.RecordBatch]:
        yield from self.rows(expression).to_batches(max_chunksize=batch_rows)

    def close(self) -> None:
        self.session.stop()
        if self._own_scratch:
            shutil.rmtree(self.scratch, ignore_errors=True)

    def _sql(self, expression: ir.Table) -> str:
        # Ibis elides casts to what it believes a column to be already; what is stored must be what it says.
        columns = ", ".join(
            f"CAST(`{column}` AS DOUBLE) AS `{column}`" if kind.is_float64() else f"`{column}`"
            for column, kind in expression.schema().items()
        )
        return f"SELECT {columns} FROM ({self.backend.compile(expression)})"

    def _view(self, path: Path, shape: sch.Schema) -> ir.Table:
        name = next(self._names)
        self.session.read.parquet(str(path)).createOrReplaceTempView(name)
        return self._fitted(name, shape)

    def _fitted(self, name: str, shape: sch.Schema) -> ir.Table:
        whole = fitted(self.backend.table(name), shape)
        return unscanned(whole) if self._arrays_pushed else whole


def unscanned(table: ir.Table) -> ir.Table:
    """The same table, but no condition on an array is pushed into the scan of its files.

    Sail pushes `filter(objects.map(...).contains(...))` into the Parquet scan and fails there with "No field named
    ?table?.objects"; a condition on something volatile stays where it is. Other conditions are pushed as before. Apache
    Spark does not need it, and its optimizer fails on something volatile that is read twice.
    """
    arrays = [name for name, kind in table.schema().items() if kind.is_array()]
    return table.mutate(
        **{name: ibis.ifelse(ibis.random() >= 0, table[name], ibis.null(table[name].type())) for name in arrays}
    )


def knock(address: str) -> None:
    """See that something listens there; pyspark's own client tries for ten minutes before it says that nothing does.

    Raises : OSError if nothing does.
    """
    place = urlsplit(address)
    with socket.create_connection((place.hostname or "127.0.0.1", place.port or CONNECT_PORT), timeout=PATIENCE_S):
        pass
