"""What every engine can do, and nothing more: the analysis must not know which one it runs on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Protocol

import ibis
import ibis.expr.schema as sch
import ibis.expr.types as ir
import pyarrow as pa

from regard.tables import Table, table


class Engine(Protocol):
    """One connection to an analytical engine. Not safe for threads; open one for each.

    read  : Parquet files as a lazy table with exactly the columns and types of `shape`; columns that older files lack
            are null, no files give no rows, and on a server the row count is checked against the files' own.
    table : an Arrow table of this process as a lazy table.
    keep  : run an expression once and hold the result in the engine, for a fixpoint or where it is read several times.
    drop  : let go of something kept; the engine lets go of the rest when it closes.
    write : run an expression into Parquet files in a new folder, sorted by `order_by`; returns the row count.
    rows  : run an expression and bring all its rows here.
    stream: run an expression and bring its rows here in batches, so that memory stays flat.
    """

    name: str

    def read(self, files: Sequence[Path | str], shape: sch.Schema) -> ir.Table: ...

    def table(self, data: pa.Table) -> ir.Table: ...

    def keep(self, expression: ir.Table, *, order_by: Sequence[str] = ()) -> ir.Table: ...

    def drop(self, kept: ir.Table) -> None: ...

    def write(self, expression: ir.Table, folder: Path, *, order_by: Sequence[str] = ()) -> int: ...

    def rows(self, expression: ir.Table) -> pa.Table: ...

    def stream(self, expression: ir.Table, *, batch_rows: int = 65_536) -> Iterator[pa.RecordBatch]: ...

    def close(self) -> None: ...


def schema(of: Table | str) -> sch.Schema:
    """The Ibis schema of one of Regard's tables.

    >>> schema("flows").names[:3]
    ('source', 'target', 'n')
    """
    spec = table(of) if isinstance(of, str) else of
    return ibis.schema({column.name: column.type for column in spec.columns})


def empty(of: Table | str) -> pa.Table:
    """An Arrow table of that shape without rows."""
    return schema(of).to_pyarrow().empty_table()
