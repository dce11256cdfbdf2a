"""A pull -> pieces on their way to the ledger: files of rows, a kind each, and at the end the cursors."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import IO, Any

from regard.errors import SourceError
from regard.sources.pull import apis, databases, engine, folders, mailboxes
from regard.sources.pull.document import Pull
from regard.sources.pull.secrets import Secrets
from regard.sources.pull.trouble import told

PIECE = 50_000
"""Rows of a kind that are committed together; what a killed pull committed is known when it begins again."""

RESOURCES: dict[str, Callable[[Pull, dict[str, Any], ExitStack], list[Any]]] = {
    "sql_database": databases.resources,
    "rest_api": apis.resources,
    "filesystem": folders.resources,
    "mailbox": mailboxes.resources,
}


@dataclass(frozen=True)
class Piece:
    """Rows of one kind in a file.

    rows   : their kind: a table, query or resource; "files" for files.
    path   : the file: JSON lines, or a file of a folder as it is.
    name   : how people know it: "shop/orders", or the file's own name.
    folder : where files joined to it are; None for rows.
    """

    rows: str
    path: Path
    name: str
    n: int
    folder: Path | None = None


@dataclass
class Fetched:
    """What comes of a pull, a piece after the other; `cursors` says where the next begins, when all are taken."""

    pull: Pull
    cursors: str
    _found: Generator[tuple[str, object], None, None]
    _state: engine.State
    _scratch: Path
    _secrets: Secrets
    _open: dict[str, _Sheet] = field(default_factory=dict)
    _numbers: Iterator[int] = field(default_factory=count)

    def __iter__(self) -> Iterator[Piece]:
        with told(self._secrets):
            for rows, found in self._found:
                yield from self._files(found) if self.pull.kind == "filesystem" else self._rows(rows, found)
            for rows in list(self._open):
                yield self._closed(rows)
            self.cursors = engine.as_text(self._state)

    def close(self) -> None:
        """Leave what was begun: the source is asked no more, and half a piece is closed."""
        self._found.close()
        for sheet in self._open.values():
            sheet.file.close()

    def _rows(self, rows: str, found: object) -> Iterator[Piece]:
        for one in found if isinstance(found, list) else [found]:
            sheet = self._open.get(rows)
            if sheet is None:
                sheet = self._open[rows] = _Sheet.begun(self._scratch / f"{rows}-{next(self._numbers)}")
            sheet.add(one)
            if sheet.n >= PIECE:
                yield self._closed(rows)

    def _closed(self, rows: str) -> Piece:
        sheet = self._open.pop(rows)
        sheet.file.close()
        return Piece(rows, sheet.path, f"{self.pull.name}/{rows}", sheet.n)

    def _files(self, found: object) -> Iterator[Piece]:
        for item in folders.in_order(found):
            path = folders.brought_here(item, self._scratch / "files")
            base = folders.local(str(self.pull.said["url"]))
            yield Piece("files", path, str(item.get("relative_path") or path.name), 0, base or path.parent)


@dataclass
class _Sheet:
    """A file of rows that is being written."""

    path: Path
    file: IO[str]
    n: int = 0

    @classmethod
    def begun(cls, stem: Path) -> _Sheet:
        path = stem.with_name(f"{stem.name}.jsonl")
        return cls(path, path.open("w", encoding="utf-8"))

    def add(self, row: object) -> None:
        self.file.write(json.dumps(row, ensure_ascii=False, default=_said))
        self.file.write("\n")
        self.n += 1


@contextmanager
def fetched(pull: Pull, cursors: str | None, secrets: Secrets, scratch: Path) -> Iterator[Fetched]:
    """Fetch what has come since the cursors; nothing is asked of the source before the first piece is taken.

    cursors : where the last pull ended, as `Fetched.cursors` had it; None: from the beginning.
    scratch : an empty folder for what is fetched.
    Raises  : SourceError, SettingError or MappingError, without any secret in it.
    """
    engine.needed()
    with ExitStack() as at_end:
        with told(secrets):
            state = engine.as_state(cursors)
            said = secrets.filled(dict(pull.said))
            assert isinstance(said, dict)
            found = engine.items(RESOURCES[pull.kind](pull, said, at_end), state)
        got = Fetched(pull, cursors or "", found, state, scratch, secrets)
        at_end.callback(got.close)
        yield got


def _said(value: object) -> object:
    """A value of a database as JSON has it: times in ISO 8601, numbers with all their digits."""
    if isinstance(value, dt.datetime | dt.date | dt.time):
        return value.isoformat()
    if isinstance(value, dt.timedelta):
        return value.total_seconds()
    if isinstance(value, bytes | bytearray | memoryview):
        return bytes(value).hex()
    if isinstance(value, set | tuple | frozenset):
        return list(value)
    if isinstance(value, type):
        raise SourceError("A row holds what is no value.", found=value.__name__)
    return str(value)
