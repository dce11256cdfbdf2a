"""DuckDB inside this process: the default engine."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import count
from pathlib import Path
from typing import cast

import duckdb
import ibis
import ibis.expr.datatypes as types
import ibis.expr.schema as sch
import ibis.expr.types as ir
import pyarrow as pa
import pyarrow.parquet as pq
from ibis.backends.duckdb import Backend

from regard.engine.damage import damage_in, reading
from regard.errors import EngineError, RegardError

ROWS_PER_GROUP = 122_880
ROWS_PER_GROUP_OF_PEOPLE = 8_192
"""Where a table lies by person, a look-up of one decodes one row group; a scan of 10 M rows meets 1,221 of them.
On `touches` a look-up costs 10 ms, with 16,384 rows 16, with 122,880 rows 90; fewer rows slow scans down."""
BYTES_PER_FILE = 256 * 2**20
TIGHT, LIGHT = "COMPRESSION zstd, COMPRESSION_LEVEL 1", "COMPRESSION lz4_raw"
"""Tables that lie by person are large and looked up; the others are read whole, where unpacking costs more than bytes:
the map's first count over 10 M steps takes 0.53 CPU seconds in place of 0.63, for an eighth more disk."""


def quoted(word: str) -> str:
    """A word as an SQL identifier."""
    return '"' + word.replace('"', '""') + '"'


def literal(text: str) -> str:
    """A text as an SQL string literal."""
    return "'" + text.replace("'", "''") + "'"


class DuckEngine:
    """DuckDB in memory, spilling to a scratch folder of its own.

    memory  : bytes it may hold before it spills.
    threads : cores it may use.
    scratch : folder for spilling; a temporary one is made and removed on close when none is given.
    """

    name = "duckdb"

    def __init__(self, *, memory: int, threads: int, scratch: Path | None = None) -> None:
        self._own_scratch = scratch is None
        self.scratch = Path(tempfile.mkdtemp(prefix="regard-")) if scratch is None else scratch
        self.scratch.mkdir(parents=True, exist_ok=True)
        self.backend: Backend = ibis.duckdb.connect(
            ":memory:",
            memory_limit=f"{memory // 2**20}MiB",
            threads=threads,
            temp_directory=str(self.scratch),
            preserve_insertion_order=False,
        )
        self.sql("SET TimeZone='UTC'")
        self._names = (f"kept_{number}" for number in count(1))

    def sql(self, statement: str) -> duckdb.DuckDBPyConnection:
        """Run a statement of DuckDB's own; for this package and for loading files, never for analysis."""
        try:
            return cast(duckdb.DuckDBPyConnection, self.backend.raw_sql(statement))
        except duckdb.Error as error:
            raise translated(error) from error

    def read(self, files: Sequence[Path | str], shape: sch.Schema) -> ir.Table:
        if not files:
            return self.table(shape.to_pyarrow().empty_table())
        paths = [str(file) for file in files]
        name = next(self._names)
        listed = ", ".join(literal(path) for path in paths)
        columns = ", ".join(quoted(column) for column in present(paths, shape))
        self.sql(
            f"CREATE OR REPLACE TEMP VIEW {name} AS SELECT {columns} FROM read_parquet([{listed}], union_by_name=true)"
        )
        return fitted(self.backend.table(name), shape)

    def table(self, data: pa.Table) -> ir.Table:
        return cast(ir.Table, self.backend.create_table(next(self._names), data, temp=True))

    def keep(self, expression: ir.Table, *, order_by: Sequence[str] = ()) -> ir.Table:
        name = next(self._names)
        self.sql(f"CREATE TEMP TABLE {name} AS {self._ordered(expression, order_by)}")
        return self.backend.table(name)

    def drop(self, kept: ir.Table) -> None:
        self.sql(f"DROP TABLE IF EXISTS {quoted(kept.get_name())}")

    def write(self, expression: ir.Table, folder: Path, *, order_by: Sequence[str] = ()) -> int:
        folder.mkdir(parents=True, exist_ok=False)
        if order_by:
            target, spread = folder / "part-0.parquet", ""
        else:  # a file for each thread is twice as fast where no order is asked for
            target, spread = folder, f", PER_THREAD_OUTPUT true, FILE_SIZE_BYTES {BYTES_PER_FILE}"
        by_person = bool(order_by) and order_by[0] == "person_id"
        group, packing = (ROWS_PER_GROUP_OF_PEOPLE, TIGHT) if by_person else (ROWS_PER_GROUP, LIGHT)
        done = self.sql(
            f"COPY ({self._ordered(expression, order_by)}) TO {literal(str(target))} "
            f"(FORMAT parquet, {packing}, ROW_GROUP_SIZE {group}{spread})"
        )
        row = done.fetchone()
        return int(row[0]) if row else 0

    def rows(self, expression: ir.Table) -> pa.Table:
        try:
            return cast(pa.Table, self.backend.to_pyarrow(expression))
        except duckdb.Error as error:
            raise translated(error) from error

    def stream(self, expression: ir.Table, *, batch_rows: int = 65_536) -> Iterator[pa.RecordBatch]:
        try:
            # Ibis' own way calls a method of DuckDB's that warns, in C, where it becomes an error of another kind.
            yield from self.sql(self.backend.compile(expression)).to_arrow_reader(batch_rows)
        except duckdb.Error as error:
            raise translated(error) from error

    def close(self) -> None:
        self.backend.disconnect()
        if self._own_scratch:
            shutil.rmtree(self.scratch, ignore_errors=True)

    def _ordered(self, expression: ir.Table, order_by: Sequence[str]) -> str:
        # DuckDB's sum of BIGINT is HUGEINT and its 0.5 is a DECIMAL, while Ibis believes int64 and float64 and elides
        # a cast; what is stored must be what Ibis says, so the casts stand here.
        columns = ", ".join(_stored(column, kind) for column, kind in expression.schema().items())
        sql = f"SELECT {columns} FROM ({self.backend.compile(expression)})"
        if not order_by:
            return sql
        return f"{sql} ORDER BY {', '.join(quoted(column) for column in order_by)}"


def _stored(column: str, kind: types.DataType) -> str:
    word = "BIGINT" if kind.is_int64() else "DOUBLE" if kind.is_float64() else None
    return f"CAST({quoted(column)} AS {word}) AS {quoted(column)}" if word else quoted(column)


def present(paths: Sequence[str], shape: sch.Schema) -> list[str]:
    """Columns of `shape` that at least one of the files has."""
    found: set[str] = set()
    for path in paths:
        found.update(_columns_of(path))
    return [name for name in shape.names if name in found]


@lru_cache(maxsize=4096)
def _columns_of(path: str) -> tuple[str, ...]:
    """The columns of a Parquet file; files are never written again, so they are looked at once."""
    with reading(path):
        return tuple(pq.read_schema(path).names)


def fitted(table: ir.Table, shape: sch.Schema) -> ir.Table:
    """The table with exactly the columns and types of `shape`: absent ones are null, others cast where they differ."""
    have = table.schema()
    columns = {}
    for name, kind in shape.items():
        if name not in have:
            columns[name] = ibis.null(kind)
        else:
            columns[name] = table[name] if have[name] == kind else table[name].cast(kind)
    return table.select(**columns)


def translated(error: duckdb.Error) -> RegardError:
    """DuckDB's error as a sentence that says what to do."""
    text = str(error).strip()
    if "No space left on device" in text:
        return EngineError("The disk is full.", found=text.splitlines()[0], hint="Free some space and run it again.")
    if isinstance(error, duckdb.OutOfMemoryException):
        return EngineError(
            "There is not enough memory for this step.",
            found=text.splitlines()[0],
            hint="Give it more with REGARD_MEMORY=8GB, or free some space for spilling.",
        )
    return damage_in(error) or EngineError("DuckDB could not run this step.", found=text)


def default_memory() -> int:
    """Bytes an engine may hold: $REGARD_MEMORY, else half of the machine's, at most 6 GiB."""
    from regard.engine.sizes import bytes_of

    named = os.environ.get("REGARD_MEMORY")
    if named:
        return bytes_of(named)
    physical = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return min(physical // 2, 6 * 2**30)
