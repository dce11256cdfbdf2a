"""Delimited text. A regular file is read at the speed of Arrow; one with any irregularity is read again with care.

Careful reading keeps every line: a line with too many or too few values is bad by itself, and a quote that is opened
and never closed spoils its own line, not the rest of the file.
"""

from __future__ import annotations

import csv
import io
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pcsv

from regard.errors import SourceError
from regard.sources.formats import opened
from regard.sources.mapping import Format
from regard.sources.staging import CHUNK, Bad, Rows, as_json, staged_schema, unique_names

BLOCK = 1 << 22
LONGEST = 1 << 20
MOST_LINES = 2_000


class Delimited:
    """A delimited file: see `staging.Reading`."""

    def __init__(self, path: Path, form: Format) -> None:
        self.path, self.form = path, form
        with opened(path) as file:
            self._lines = Lines(file, form)
            header = [self._lines.row() for _ in range(form.header_rows or 0)]
        if any(row is None for row in header):
            raise SourceError(f"{path.name} ends before its header does.", hint="Export it again.")
        first = header[0] if header else None
        names = list(form.columns) or (first.values if first else [])
        if not names:
            raise SourceError(f"{path.name} has no header.", hint="Name its columns under `format: {columns: [...]}`.")
        self.names = unique_names(names)
        self.header_lines = self._lines.read
        self._first_line = not header or (len(header) == 1 and self.header_lines == 1)

    def chunks(self) -> Iterator[Rows | pa.RecordBatch]:
        """The rows as Arrow reads them; it complains (ArrowInvalid) of any row that is not like the others."""
        if not self._first_line or self.form.delimiter == "whitespace" or len(self.names) == 1:
            yield from self.careful()
        else:
            yield from self._fast()

    def careful(self) -> Iterator[Rows]:
        """The rows one by one, with the bad lines."""
        with opened(self.path) as file:
            lines = Lines(file, self.form)
            for _ in range(self.form.header_rows or 0):
                lines.row()
            yield from chunked(lines, self.names)

    def _reader(self, file: object) -> pcsv.CSVStreamingReader:
        encoding = "utf-8" if self.form.encoding == "utf-8-sig" else str(self.form.encoding)
        return pcsv.open_csv(
            pa.PythonFile(file, mode="r"),
            read_options=pcsv.ReadOptions(
                column_names=self.names,
                skip_rows=self.header_lines,
                encoding=encoding,
                block_size=BLOCK,
                use_threads=False,
            ),
            parse_options=pcsv.ParseOptions(
                delimiter=self.form.delimiter, newlines_in_values=True, ignore_empty_lines=False
            ),
            convert_options=pcsv.ConvertOptions(
                column_types=dict.fromkeys(self.names, pa.string()), strings_can_be_null=False
            ),
        )

    def _fast(self) -> Iterator[pa.RecordBatch]:
        schema = staged_schema(self.names)
        line = self.header_lines
        with opened(self.path) as file:
            for batch in self._reader(file):
                lines, line = numbered(batch, line)
                yield pa.record_batch([lines, *batch.columns], schema=schema)


def numbered(batch: pa.RecordBatch, before: int) -> tuple[pa.Array, int]:
    """The line on which each row begins, and the last line of the batch; values may hold line ends."""
    extra = None
    for column in batch.columns:
        if pc.any(pc.match_substring(column, "\n")).as_py():
            held = pc.count_substring(column, "\n")
            extra = held if extra is None else pc.add(extra, held)
    if extra is None:
        lines = pa.array(range(before + 1, before + batch.num_rows + 1), pa.int64())
        return lines, before + batch.num_rows
    ends = pc.add(pc.cumulative_sum(pc.add(pc.cast(extra, pa.int64()), 1)), before)
    return pc.subtract(ends, pc.cast(extra, pa.int64())), ends[-1].as_py()


class Row:
    """One record: the line it begins on, its values, and the lines it was read from."""

    __slots__ = ("line", "lines", "problem", "values")

    def __init__(self, line: int, values: list[str], lines: list[str], problem: str | None = None) -> None:
        self.line, self.values, self.lines, self.problem = line, values, lines, problem


class Lines:
    """Records of a delimited file one by one, with a way back: lines of a spoilt record can be read again."""

    def __init__(self, file: IO[bytes], form: Format) -> None:
        encoding = str(form.encoding or "utf-8")
        self._text = io.TextIOWrapper(file, encoding=encoding, errors="surrogateescape", newline="")
        self._again: deque[str] = deque()
        self._taken: list[str] = []
        self._form = form
        self.read = 0
        self._reader = self._new_reader()

    def _new_reader(self) -> Iterator[list[str]]:
        csv.field_size_limit(LONGEST)
        if self._form.delimiter == "whitespace":
            return (line.split() for line in self._feed())
        return iter(csv.reader(self._feed(), delimiter=str(self._form.delimiter)))

    def _feed(self) -> Iterator[str]:
        while True:
            line = self._again.popleft() if self._again else self._text.readline()
            if not line:
                return
            self._taken.append(line)
            self.read += 1
            if len(self._taken) > MOST_LINES:
                raise csv.Error("a quote is opened and never closed")
            yield line

    def row(self) -> Row | None:
        """The next record, or None at the end; one that cannot be read says why."""
        self._taken = []
        at = self.read + 1
        try:
            values = next(self._reader)
        except StopIteration:
            return None
        except csv.Error as error:
            return Row(at, [], self._taken, str(error))
        return Row(at, values, self._taken)

    def back_to_second_line(self, row: Row) -> None:
        """Read the lines of a record again, all but its first."""
        self._again.extendleft(reversed(row.lines[1:]))
        self.read -= len(row.lines) - 1
        self._reader = self._new_reader()


def chunked(lines: Lines, names: tuple[str, ...]) -> Iterator[Rows]:
    """Records in chunks; those that do not have a value for each column are bad, blank lines are not there."""
    numbers: list[int] = []
    rows: list[list[str]] = []
    bad: list[Bad] = []
    while (row := lines.row()) is not None:
        if len(row.values) == len(names) and not row.problem:
            numbers.append(row.line)
            rows.append(row.values)
        elif row.problem or any(value.strip() for value in row.values):
            if len(row.lines) > 1:
                lines.back_to_second_line(row)
            bad.append(Bad(row.line, _why(row, len(names)), as_json({"line": row.lines[0].rstrip("\r\n")})))
        if len(numbers) >= CHUNK or len(bad) >= CHUNK:
            yield Rows(numbers, list(zip(*rows, strict=True)) if rows else [[] for _ in names], bad)
            numbers, rows, bad = [], [], []
    yield Rows(numbers, list(zip(*rows, strict=True)) if rows else [[] for _ in names], bad)


def _why(row: Row, expected: int) -> str:
    if row.problem or len(row.lines) > 1:
        return (
            "A quote is opened on this line and not closed where a value ends; double a quote that is part of a value."
        )
    found = len(row.values)
    more = "more" if found > expected else "fewer"
    return f"It has {found} values, {more} than the header's {expected}; put values that hold the delimiter in quotes."
