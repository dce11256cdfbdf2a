"""A file of any kind -> a relation of the engine: its rows, each with its line, and the lines that are no rows.

Parquet is read where it stands. Everything else is written once, as text, into a Parquet file in the engine's scratch
folder: so memory stays flat whatever the file's size, rows keep the file's order, and a second look costs little.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from itertools import count
from pathlib import Path
from typing import Protocol, cast

import ibis.expr.types as ir
import pyarrow as pa
import pyarrow.parquet as pq

from regard.engine.duck import DuckEngine, literal, quoted
from regard.errors import EngineError, SourceError
from regard.sources.columns import Column
from regard.sources.mapping import CONTENT, FILE, ROW, Format

CHUNK = 20_000
LINE, BODY, REST = "__line", "__row", "__rest"
BAD = pa.schema([("line", pa.int64()), ("reason", pa.string()), ("row", pa.string())])
Progress = Callable[[int, int | None], None]


@dataclass(frozen=True)
class Bad:
    """A piece of a file that is no row: its line, why, and what it says."""

    line: int
    reason: str
    row: str


@dataclass(frozen=True)
class Rows:
    """A chunk of rows: for each its line, and by column the values as text."""

    lines: list[int]
    columns: list[Iterable[str | None]]
    bad: list[Bad] = field(default_factory=list)


class Reading(Protocol):
    """How a kind of file is read: the names of its columns, then its rows in chunks. `rest` columns are maps."""

    names: tuple[str, ...]

    def chunks(self) -> Iterator[Rows | pa.RecordBatch]: ...


@dataclass(frozen=True)
class Relation:
    """Rows as the engine sees them: SQL for a FROM, and the columns by name."""

    sql: str
    columns: dict[str, Column]
    body: tuple[str, ...] = ()

    def without(self, absent: list[str], seen: set[str]) -> Relation:
        """The same without columns that no row has; names that some row has are kept for a better guess."""
        others = {name: Column(f"{REST}[{literal(name)}]") for name in seen if name not in self.columns}
        return replace(self, columns={n: c for n, c in {**self.columns, **others}.items() if n not in absent})

    def with_made(self, file: str) -> Relation:
        """The same with the columns that are always there."""
        made = {
            ROW: Column(quoted(BODY), "BIGINT"),
            FILE: Column(literal(file)),
            CONTENT: Column(quoted(CONTENT)),
        }
        return replace(self, columns={**made, **self.columns})


@dataclass(frozen=True)
class Staged:
    """A file that has been read: its rows, how many, and the bad lines (None where there are none)."""

    relation: Relation
    n_rows: int
    bad: Path | None = None
    n_bad: int = 0


class Stage:
    """Reads files into the engine's scratch folder and removes what it wrote there when it closes."""

    def __init__(self, engine: DuckEngine, *, progress: Progress = lambda done, total: None) -> None:
        self.engine, self.progress = engine, progress
        self._paths: list[Path] = []
        self._views: list[str] = []
        self._numbers = count(1)

    def path(self, suffix: str = ".parquet") -> Path:
        """A new name in the scratch folder."""
        path = self.engine.scratch / f"stage-{id(self):x}-{next(self._numbers)}{suffix}"
        self._paths.append(path)
        return path

    def view(self, sql: str) -> ir.Table:
        """A query as a lazy table, gone when the stage closes."""
        name = f"staged_{id(self):x}_{next(self._numbers)}"
        self.engine.sql(f"CREATE TEMP VIEW {name} AS {sql}")
        self._views.append(name)
        return cast(ir.Table, self.engine.backend.table(name))

    def close(self) -> None:
        """Remove the staged files and views."""
        while self._views:
            self.engine.sql(f"DROP VIEW IF EXISTS {self._views.pop()}")
        for path in self._paths:
            path.unlink(missing_ok=True)

    def parquet(self, path: Path, form: Format, *, limit: int | None = None) -> Staged:
        """A Parquet file, read where it stands."""
        try:
            n_rows = pq.read_metadata(path).num_rows
        except (pa.ArrowInvalid, OSError) as error:
            raise SourceError(
                f"{path.name} is not a Parquet file, or is broken.", found=str(error), hint="Export it again."
            ) from error
        named = self._described(f"read_parquet({literal(str(path))})")
        cut = f" WHERE file_row_number < {limit}" if limit is not None else ""
        sql = (
            f"(SELECT *, file_row_number + 1 AS {BODY}, file_row_number + 1 AS {LINE} "
            f"FROM read_parquet({literal(str(path))}, file_row_number=true){cut})"
        )
        columns = {name: Column(quoted(name), kind, form) for name, kind in named}
        return Staged(Relation(sql, columns, tuple(columns)), min(n_rows, limit) if limit is not None else n_rows)

    def written(self, reading: Reading, form: Format, *, limit: int | None = None) -> Staged:
        """Any other file, written as text into a staged Parquet file."""
        place, bad_place = self.path(), self.path()
        try:
            n_rows, n_bad = self._write(reading, reading.chunks(), (place, bad_place), limit)
        except (pa.ArrowInvalid, UnicodeError):
            careful = getattr(reading, "careful", None)
            if careful is None:
                raise
            n_rows, n_bad = self._write(reading, careful(), (place, bad_place), limit)
        return Staged(self._staged(place, reading.names, form), n_rows, bad_place if n_bad else None, n_bad)

    def _write(
        self, reading: Reading, chunks: Iterator[Rows | pa.RecordBatch], places: tuple[Path, Path], limit: int | None
    ) -> tuple[int, int]:
        schema = staged_schema(reading.names)
        n_rows = n_bad = 0
        with pq.ParquetWriter(places[0], schema, compression="lz4") as good, pq.ParquetWriter(places[1], BAD) as other:
            for chunk in chunks:
                batch, bad = as_batch(chunk, schema)
                if limit is not None:
                    batch = batch.slice(0, max(0, limit - n_rows))
                good.write_batch(batch)
                if bad:
                    other.write_batch(bad_batch(bad))
                n_rows, n_bad = n_rows + batch.num_rows, n_bad + len(bad)
                self.progress(n_rows, None)
                if limit is not None and n_rows >= limit:
                    break
        return n_rows, n_bad

    def _staged(self, place: Path, names: tuple[str, ...], form: Format) -> Relation:
        sql = (
            f"(SELECT * EXCLUDE (file_row_number), file_row_number + 1 AS {BODY} "
            f"FROM read_parquet({literal(str(place))}, file_row_number=true))"
        )
        columns = {name: Column(quoted(name), "VARCHAR", form) for name in names if name != REST}
        return Relation(sql, columns, names)

    def _described(self, source: str) -> list[tuple[str, str]]:
        try:
            rows = self.engine.sql(f"DESCRIBE SELECT * FROM {source}").fetchall()
        except EngineError as error:
            raise SourceError("The file cannot be read.", found=error.found) from error
        return [(str(row[0]), str(row[1])) for row in rows]


def staged_schema(names: tuple[str, ...]) -> pa.Schema:
    """The shape of a staged file: the line, the columns as text, and the rest as a map."""
    kinds = [(name, pa.map_(pa.string(), pa.string()) if name == REST else pa.string()) for name in names]
    return pa.schema([(LINE, pa.int64()), *kinds])


def as_batch(chunk: Rows | pa.RecordBatch, schema: pa.Schema) -> tuple[pa.RecordBatch, list[Bad]]:
    """A chunk as a batch of the staged shape. Text that is no text (broken bytes) makes its rows bad."""
    if isinstance(chunk, pa.RecordBatch):
        return chunk, []
    columns = [list(column) for column in chunk.columns]
    try:
        return _batch(chunk.lines, columns, schema), chunk.bad
    except UnicodeEncodeError:
        return _without_broken(chunk, columns, schema)


def _batch(lines: list[int], columns: list[list[str | None]], schema: pa.Schema) -> pa.RecordBatch:
    arrays = [pa.array(lines, pa.int64())]
    arrays += [pa.array(column, schema.field(place + 1).type) for place, column in enumerate(columns)]
    return pa.record_batch(arrays, schema=schema)


def _without_broken(
    chunk: Rows, columns: list[list[str | None]], schema: pa.Schema
) -> tuple[pa.RecordBatch, list[Bad]]:
    good, bad = [], list(chunk.bad)
    for place, line in enumerate(chunk.lines):
        row = [column[place] for column in columns]
        try:
            "".join(str(value) for value in row).encode()
            good.append(place)
        except UnicodeEncodeError:
            seen = {
                name: str(v).encode("utf-8", "replace").decode() for name, v in zip(schema.names[1:], row, strict=True)
            }
            reason = "It holds bytes that are not text in this encoding; say `encoding` in the mapping's format."
            bad.append(Bad(line, reason, as_json(seen)))
    kept = [[column[place] for place in good] for column in columns]
    return _batch([chunk.lines[place] for place in good], kept, schema), bad


def bad_batch(bad: list[Bad]) -> pa.RecordBatch:
    """Bad lines as a batch."""
    columns = [[one.line for one in bad], [one.reason for one in bad], [one.row for one in bad]]
    return pa.record_batch([pa.array(c, f.type) for c, f in zip(columns, BAD, strict=True)], schema=BAD)


def as_json(row: object) -> str:
    """A row for the reject table; what is not text is shown as such."""
    return json.dumps(row, ensure_ascii=False, default=str).encode("utf-8", "replace").decode()


def unique_names(names: list[str]) -> tuple[str, ...]:
    """Column names without blanks and doubles: the second "price" is "price_2", a nameless fourth column "column_4"."""
    found: dict[str, int] = {}
    out: list[str] = []
    for place, name in enumerate(names, start=1):
        word = name.strip() or f"column_{place}"
        while word in found:
            found[name] = found.get(name, 1) + 1
            word = f"{name.strip()}_{found[name]}"
        found.setdefault(word, 1)
        out.append(word)
    return tuple(out)


def file_hash(path: Path) -> str:
    """SHA-256 of a file's bytes.

    Raises : SourceError if they cannot be read.
    """
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise SourceError(f"{path.name} cannot be read.", found=error.strerror or str(error)) from error
