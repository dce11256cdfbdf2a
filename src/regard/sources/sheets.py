"""Spreadsheets and statistics packages: .xlsx row by row, SPSS .sav in blocks; dates become ISO 8601 text."""

from __future__ import annotations

import datetime as dt
import zipfile
from collections.abc import Iterator
from pathlib import Path

from regard.errors import SourceError, nearest
from regard.sources.formats import opened
from regard.sources.mapping import Format
from regard.sources.staging import CHUNK, Bad, Rows, as_json, unique_names

BLOCK_ROWS = 10_000
LABEL = ".label"


def cell_text(value: object) -> str | None:
    """A cell as text: whole numbers without ".0", dates and times as ISO 8601."""
    if value is None:
        return None
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        if value != value:
            return None
        return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)
    if isinstance(value, dt.datetime):
        return value.date().isoformat() if value.time() == dt.time() else value.isoformat(" ")
    if isinstance(value, dt.date | dt.time):
        return value.isoformat()
    return str(value)


class Xlsx:
    """A sheet of an .xlsx file: see `staging.Reading`."""

    def __init__(self, path: Path, form: Format, _wanted: tuple[str, ...] = ()) -> None:
        self.path, self.form = path, form
        rows = self._rows()
        header_rows = 1 if form.header_rows is None else form.header_rows
        header = [next(rows, None) for _ in range(max(header_rows, 0 if form.columns else 1))]
        first = header[0][1] if header and header[0] else None
        names = list(form.columns) or [cell_text(cell) or "" for cell in first or ()]
        while names and not names[-1]:
            names.pop()
        if not names:
            raise SourceError(f"{path.name} has no header.", hint="Name its columns under `format: {columns: [...]}`.")
        self.names = unique_names(names)
        self._skip = header_rows

    def chunks(self) -> Iterator[Rows]:
        lines: list[int] = []
        rows: list[tuple[str | None, ...]] = []
        bad: list[Bad] = []
        width = len(self.names)
        for place, (line, cells) in enumerate(self._rows()):
            if place < self._skip or not any(cell is not None for cell in cells):
                continue
            texts = tuple(cell_text(cell) for cell in cells)
            if any(texts[width:]):
                reason = f"It has values beyond the {width} columns of the header."
                bad.append(Bad(line, reason, as_json(list(texts))))
            else:
                lines.append(line)
                rows.append((*texts[:width], *[None] * (width - len(texts))))
            if len(lines) + len(bad) >= CHUNK:
                yield Rows(lines, list(zip(*rows, strict=True)) if rows else [() for _ in self.names], bad)
                lines, rows, bad = [], [], []
        yield Rows(lines, list(zip(*rows, strict=True)) if rows else [() for _ in self.names], bad)

    def _rows(self) -> Iterator[tuple[int, tuple[object, ...]]]:
        import openpyxl

        try:
            book = openpyxl.load_workbook(self.path, read_only=True, data_only=True)
        except (zipfile.BadZipFile, KeyError, OSError, ValueError) as error:
            raise SourceError(
                f"{self.path.name} is not an .xlsx file, or is broken.", found=str(error), hint="Save it again."
            ) from error
        try:
            sheet = book[self._sheet(book.sheetnames)]
            sheet.reset_dimensions()
            yield from enumerate(sheet.iter_rows(values_only=True), start=1)
        finally:
            book.close()

    def _sheet(self, names: list[str]) -> str:
        wanted = self.form.sheet
        if wanted is None:
            return names[0]
        if wanted not in names:
            close = nearest(wanted, names)
            raise SourceError(
                f"{self.path.name} has no sheet {wanted!r}.",
                found=", ".join(names),
                hint=f"Did you mean {close!r}?" if close else "Name one of its sheets.",
            )
        return wanted


class Sav:
    """An SPSS file: see `staging.Reading`. A variable with value labels has them in a second column, `name.label`."""

    def __init__(self, path: Path, form: Format, _wanted: tuple[str, ...] = ()) -> None:
        self.path, self.form = path, form
        with opened(path):
            pass
        _, meta = self._read(0, 1, only_names=True)
        self._labels = {name: labels for name, labels in meta.variable_value_labels.items() if labels}  # type: ignore[attr-defined]
        self._variables = list(meta.column_names)  # type: ignore[attr-defined]
        names = [
            part for name in self._variables for part in ((name, name + LABEL) if name in self._labels else (name,))
        ]
        self.names = tuple(names)

    def chunks(self) -> Iterator[Rows]:
        offset = 0
        while True:
            data, _ = self._read(offset, BLOCK_ROWS, only_names=False)
            size = len(data[self._variables[0]]) if self._variables else 0  # type: ignore[index]
            if not size:
                return
            yield Rows(list(range(offset + 1, offset + size + 1)), list(self._columns(data)))  # type: ignore[arg-type]
            offset += size

    def _columns(self, data: dict[str, list[object]]) -> Iterator[list[str | None]]:
        for name in self._variables:
            values = data[name]
            yield [cell_text(value) for value in values]
            if name in self._labels:
                labels = self._labels[name]
                yield [str(labels[value]) if value in labels else None for value in values]

    def _read(self, offset: int, limit: int, *, only_names: bool) -> tuple[object, object]:
        import pyreadstat

        try:
            data, meta = pyreadstat.read_sav(
                str(self.path), metadataonly=only_names, row_offset=offset, row_limit=limit, output_format="dict"
            )
        except (pyreadstat.ReadstatError, pyreadstat.PyreadstatError) as error:
            raise SourceError(
                f"{self.path.name} is not an SPSS file, or is broken.", found=str(error), hint="Save it again."
            ) from error
        return data, meta
