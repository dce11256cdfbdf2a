"""JSON: a record a line, or a list of records in one document, read piece by piece; numbers keep all their digits.

Only the columns that are needed become columns; everything else stays beside them in a map, whichever row
it first appears in. What is inside an object is called `outer.inner`; a list stays JSON.
"""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from regard.errors import SourceError, nearest
from regard.sources.formats import opened
from regard.sources.mapping import Format
from regard.sources.staging import CHUNK, REST, Bad, Rows, as_json

Record = dict[str, str | None]
BLOCK = 1 << 16
LONGEST = 1 << 26
SPACE = " \t\r\n\ufeff"


class Pieces:
    """Rows of a file as records: lines and records go in, chunks come out. `seen` are all names met so far."""

    def __init__(self, wanted: tuple[str, ...]) -> None:
        self.names = (*wanted, REST)
        self._wanted = wanted
        self.seen: set[str] = set()
        self._clear()

    def _clear(self) -> None:
        self._lines: list[int] = []
        self._rows: list[tuple[object, ...]] = []
        self._bad: list[Bad] = []

    def add(self, line: int, record: Record) -> None:
        """One row; columns that it lacks are null."""
        self.seen.update(record)
        known = tuple(record.pop(name, None) for name in self._wanted)
        self._lines.append(line)
        self._rows.append((*known, [(key, value) for key, value in record.items() if value is not None]))

    def refuse(self, bad: Bad) -> None:
        self._bad.append(bad)

    @property
    def full(self) -> bool:
        return len(self._lines) + len(self._bad) >= CHUNK

    def taken(self) -> Rows:
        """The rows gathered, which are then gone."""
        columns = list(zip(*self._rows, strict=True)) if self._rows else [() for _ in self.names]
        rows = Rows(self._lines, columns, self._bad)  # type: ignore[arg-type]
        self._clear()
        return rows


class JsonLines:
    """A record a line: see `staging.Reading`."""

    def __init__(self, path: Path, form: Format, wanted: tuple[str, ...]) -> None:
        self.path, self.form = path, form
        self._pieces = Pieces(wanted)
        self.names = self._pieces.names

    @property
    def seen(self) -> set[str]:
        return self._pieces.seen

    def chunks(self) -> Iterator[Rows]:
        encoding = self.form.encoding or "utf-8"
        with opened(self.path) as file, io.TextIOWrapper(file, encoding=encoding, errors="surrogateescape") as text:
            for number, line in enumerate(text, start=1):
                self._line(number, line)
                if self._pieces.full:
                    yield self._pieces.taken()
        yield self._pieces.taken()

    def _line(self, number: int, line: str) -> None:
        said = line.strip(SPACE)
        if not said:
            return
        try:
            record = json.loads(said, parse_int=str, parse_float=str)
        except (json.JSONDecodeError, RecursionError) as error:
            self._pieces.refuse(Bad(number, f"It is not JSON: {error}.", as_json({"line": said})))
            return
        if isinstance(record, dict):
            self._pieces.add(number, flat(record))
        else:
            self._pieces.refuse(
                Bad(number, "It is JSON, but no object with names and values.", as_json({"line": said}))
            )


class JsonArray:
    """A list of records in one document: see `staging.Reading`. The line is the record's number."""

    def __init__(self, path: Path, form: Format, wanted: tuple[str, ...]) -> None:
        self.path, self.form = path, form
        self._pieces = Pieces(wanted)
        self.names = self._pieces.names

    @property
    def seen(self) -> set[str]:
        return self._pieces.seen

    def chunks(self) -> Iterator[Rows]:
        number, lists, chosen = 0, list[str](), self.form.at
        with opened(self.path) as file:
            for key, place, record in members(file, self.path, encoding=self.form.encoding or "utf-8"):
                if place == 0:
                    lists.append(key)
                    chosen = self._chosen(chosen, key, record)
                if key != chosen:
                    continue
                number += 1
                if isinstance(record, dict):
                    self._pieces.add(number, flat(record))
                else:
                    says = "It is JSON, but no object with names and values."
                    self._pieces.refuse(Bad(number, says, as_json({"record": record})))
                if self._pieces.full:
                    yield self._pieces.taken()
        if self.form.at and self.form.at not in lists:
            near = nearest(self.form.at, lists)
            hint = f"Did you mean {near!r}?" if near else None
            raise SourceError(f"{self.path.name} has no list {self.form.at!r}.", found=", ".join(lists), hint=hint)
        yield self._pieces.taken()

    def _chosen(self, chosen: str | None, key: str, first: object) -> str | None:
        """The list that holds the rows, when another one begins: the only one whose items are objects."""
        if self.form.at or not (isinstance(first, dict) or key == ""):
            return chosen
        if chosen is not None:
            raise SourceError(
                f"{self.path.name} has several lists of rows.",
                found=f"{chosen}, {key}",
                hint=f"Say which one is meant: `format: {{at: {chosen}}}`.",
            )
        return key


def flat(record: dict[str, object], before: str = "") -> Record:
    """A record with the names of inner objects before their own; lists as JSON."""
    out: Record = {}
    for name, value in record.items():
        full = f"{before}{name}"
        if isinstance(value, dict):
            out.update(flat(value, f"{full}."))
        else:
            out[full] = as_text(value)
    return out


def as_text(value: object) -> str | None:
    """A JSON value as text."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    return json.dumps(value, ensure_ascii=False)


class Window:
    """A text read in blocks, of which the part before `at` is forgotten."""

    def __init__(self, text: io.TextIOWrapper, path: Path) -> None:
        self._text, self._path = text, path
        self.held, self.at, self.ended = "", 0, False

    def more(self, size: int = BLOCK) -> bool:
        """Read on; false at the end."""
        block = self._text.read(size)
        self.held, self.at = self.held[self.at :] + block, 0
        self.ended = not block
        return bool(block)

    def next(self) -> str:
        """The next mark that is not space, without taking it; "" at the end."""
        while True:
            while self.at < len(self.held):
                if self.held[self.at] not in SPACE:
                    return self.held[self.at]
                self.at += 1
            if not self.more():
                return ""

    def value(self) -> object:
        """The next JSON value.

        Raises : SourceError where there is none.
        """
        self.next()
        decoder = json.JSONDecoder(parse_int=str, parse_float=str)
        size = BLOCK
        while True:
            try:
                value, end = decoder.raw_decode(self.held, self.at)
                if end < len(self.held) or self.ended:
                    self.at = end
                    return value
                problem = "the value is cut off"
            except json.JSONDecodeError as error:
                problem = str(error)
            size = min(size * 2, LONGEST)
            if not self.more(size) and problem != "the value is cut off":
                raise SourceError(
                    f"{self._path.name} is not JSON, or is cut off.", found=problem, hint="Export it again."
                )


def members(file: IO[bytes], path: Path, *, encoding: str) -> Iterator[tuple[str, int, object]]:
    """The items of a JSON list, or of the lists in a JSON object: name of the list ("" at the top), place, item.

    Raises : SourceError for a file that is not JSON or ends too early.
    """
    with io.TextIOWrapper(file, encoding=encoding, errors="replace") as text:
        yield from _members(Window(text, path), path)


def _members(window: Window, path: Path) -> Iterator[tuple[str, int, object]]:
    if window.next() == "[":
        yield from (("", place, item) for place, item in enumerate(_items(window, path)))
        return
    if window.next() != "{":
        raise SourceError(f"{path.name} is neither a JSON list nor an object.", hint="Say its `format: {type: ...}`.")
    window.at += 1
    while window.next() not in ("}", ""):
        name = str(window.value())
        _expect(window, ":", path)
        if window.next() == "[":
            yield from ((name, place, item) for place, item in enumerate(_items(window, path)))
        else:
            window.value()
        if window.next() == ",":
            window.at += 1
    _expect(window, "}", path)


def _items(window: Window, path: Path) -> Iterator[object]:
    _expect(window, "[", path)
    while window.next() != "]":
        yield window.value()
        if window.next() == ",":
            window.at += 1
        elif window.next() != "]":
            raise SourceError(f"{path.name} is cut off, or is not JSON.", hint="Export it again.")
    window.at += 1


def _expect(window: Window, mark: str, path: Path) -> None:
    if window.next() != mark:
        found = window.next() or "the end of the file"
        raise SourceError(
            f"{path.name} is cut off, or is not JSON.", found=found, allowed=mark, hint="Export it again."
        )
    window.at += 1
