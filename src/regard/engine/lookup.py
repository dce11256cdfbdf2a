"""One key's rows out of a clustered Parquet table, without reading the rest.

A table clustered by person says in its footer which persons each row group holds. The footers are read once; a look-up
then decodes one or two row groups of some thousand rows, which takes milliseconds whatever the size of the table.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from regard.engine.damage import reading

MOST_ROWS = 400_000
"""Beyond so many rows to decode the table is not clustered by the key, and an engine does it better."""


@dataclass(frozen=True)
class Group:
    """One row group: where it lies, the keys it holds, and its rows."""

    file: int
    number: int
    low: str
    high: str
    n_rows: int


class Lookup:
    """Finds the rows of a key; safe for threads.

    files : Parquet files.
    key   : a string column.
    shape : the columns and types wanted; a column that the files lack is null.
    """

    def __init__(self, files: Sequence[str], key: str, shape: pa.Schema) -> None:
        self.files, self.key, self.shape = tuple(files), key, shape
        self._footers: list[pq.FileMetaData] | None = None
        self._groups: list[Group] = []
        self._alone = threading.Lock()

    def rows(self, value: str) -> pa.Table | None:
        """All rows whose key is `value`; None where too much would have to be decoded."""
        self._read_footers()
        wanted = [group for group in self._groups if group.low <= value <= group.high]
        if sum(group.n_rows for group in wanted) > MOST_ROWS:
            return None
        parts = [self._part(group, value) for group in wanted]
        return pa.concat_tables(parts) if parts else self.shape.empty_table()

    def _part(self, group: Group, value: str) -> pa.Table:
        assert self._footers is not None
        footer = self._footers[group.file]
        path = self.files[group.file]
        with reading(path), pq.ParquetFile(path, metadata=footer) as file:
            have = [name for name in self.shape.names if name in file.schema_arrow.names]
            part = file.read_row_group(group.number, columns=have)
        part = part.filter(pc.equal(part[self.key], value))
        columns = [
            part[field.name].cast(field.type) if field.name in have else pa.nulls(part.num_rows, field.type)
            for field in self.shape
        ]
        return pa.table(columns, schema=self.shape)

    def _read_footers(self) -> None:
        with self._alone:
            if self._footers is None:
                footers = [_footer(file) for file in self.files]
                self._groups = [
                    group for number, footer in enumerate(footers) for group in _groups(number, footer, self.key)
                ]
                self._footers = footers


def _footer(file: str) -> pq.FileMetaData:
    with reading(file):
        return pq.read_metadata(file)


def _groups(file: int, footer: pq.FileMetaData, key: str) -> list[Group]:
    column = footer.schema.to_arrow_schema().get_field_index(key)
    found = []
    for number in range(footer.num_row_groups):
        group = footer.row_group(number)
        leaf = _leaf(group, key) if column >= 0 else None
        if leaf is None:
            continue
        said = leaf.statistics
        known = said is not None and said.has_min_max
        low, high = (said.min, said.max) if known else ("", "\U0010ffff")
        found.append(Group(file, number, low, high, group.num_rows))
    return found


def _leaf(group: pq.RowGroupMetaData, key: str) -> pq.ColumnChunkMetaData | None:
    for index in range(group.num_columns):
        chunk = group.column(index)
        if chunk.path_in_schema == key:
            return chunk
    return None
