"""Event logs in XES (IEEE 1849), read event by event: one row an event, `case:` before what is said of its case.

The line is the one on which the event begins. Documents that declare entities are refused: a log needs none, and
expanding them is how a small file fills a memory.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from pathlib import Path
from xml.parsers import expat

from regard.errors import SourceError
from regard.sources.formats import opened
from regard.sources.mapping import Format
from regard.sources.records import Pieces, Record
from regard.sources.staging import Rows

VALUES = frozenset({"string", "date", "int", "float", "boolean", "id", "list", "container"})
CASE = "case:"
BLOCK = 1 << 18


class Xes:
    """An event log: see `staging.Reading`."""

    def __init__(self, path: Path, form: Format, wanted: tuple[str, ...]) -> None:
        self.path, self.form = path, form
        self._pieces = Pieces(wanted)
        self.names = self._pieces.names
        self._ready: deque[tuple[int, Record]] = deque()
        self._log = self._trace = False
        self._nested: list[str] = []
        self._case: Record = {}
        self._event: Record | None = None
        self._line = 0

    @property
    def seen(self) -> set[str]:
        return self._pieces.seen

    def chunks(self) -> Iterator[Rows]:
        parser = expat.ParserCreate()
        parser.buffer_text = True
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.EntityDeclHandler = self._refuse
        self._parser = parser
        with opened(self.path) as file:
            while block := file.read(BLOCK):
                self._parse(block, last=False)
                yield from self._full()
            self._parse(b"", last=True)
        yield from self._full()
        yield self._pieces.taken()

    def _parse(self, block: bytes, *, last: bool) -> None:
        try:
            self._parser.Parse(block, last)
        except expat.ExpatError as error:
            raise SourceError(
                f"{self.path.name} is not XES, or is cut off.",
                found=str(error),
                hint="Export it again; nothing was loaded.",
            ) from error

    def _full(self) -> Iterator[Rows]:
        while self._ready:
            line, record = self._ready.popleft()
            self._pieces.add(line, record)
            if self._pieces.full:
                yield self._pieces.taken()

    def _start(self, tag: str, said: dict[str, str]) -> None:
        tag = tag.rpartition(":")[2]
        if not self._log and tag != "log":
            raise SourceError(f"{self.path.name} is XML, but no XES log.", found=f"<{tag}>", allowed="<log>")
        self._log = True
        if tag in VALUES:
            if self._trace:
                self._attribute(said)
                self._nested.append(said.get("key", ""))
        elif tag == "event":
            self._event, self._line = {}, self._parser.CurrentLineNumber
        elif tag == "trace":
            self._case, self._trace = {}, True

    def _attribute(self, said: dict[str, str]) -> None:
        if "value" not in said or "key" not in said:
            return
        name = ".".join([*self._nested, said["key"]]) if self._nested else said["key"]
        if self._event is not None:
            self._event[name] = said["value"]
        else:
            self._case[CASE + name] = said["value"]

    def _end(self, tag: str) -> None:
        tag = tag.rpartition(":")[2]
        if tag in VALUES:
            if self._trace:
                self._nested.pop()
        elif tag == "event" and self._event is not None:
            self._ready.append((self._line, {**self._case, **self._event}))
            self._event = None
        elif tag == "trace":
            self._trace = False

    def _refuse(self, *_declared: object) -> None:
        raise SourceError(f"{self.path.name} declares XML entities.", hint="A log needs none; export it without them.")
