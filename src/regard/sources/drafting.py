"""A file -> a first mapping for it, commented, that loads as it stands wherever the file says enough."""

from __future__ import annotations

import datetime as dt
import json
import re
from collections.abc import Iterator
from pathlib import Path

from regard.engine import Engine
from regard.engine.duck import quoted
from regard.sources.columns import text
from regard.sources.formats import Guess, recognise
from regard.sources.load import embedded
from regard.sources.mapping import Format
from regard.sources.profiling import Profile, profiled
from regard.sources.readers import staged
from regard.sources.staging import BODY, Stage

SAMPLE_ROWS = 2_000
MOST_PROPERTIES = 60
STEP_WORDS = re.compile(r"[_\W]*(timestamp|datetime|date|time|at|on)$", re.IGNORECASE)
ID_WORDS = re.compile(r"[_\W]*(unique)?[_\W]*(id|no|nr|number|key|code|ref|reference|uuid)$", re.IGNORECASE)
BARE = re.compile(r"[A-Za-z_][\w .-]*[\w]|[A-Za-z_]")
YAML_WORDS = frozenset({"yes", "no", "true", "false", "null", "on", "off", "y", "n"})


def draft(file: Path | str, engine: Engine, *, zone: str = "UTC", currency: str = "EUR") -> str:
    """A first mapping for a file, from its columns' names and first values.

    zone     : of times without an offset: the workspace's.
    currency : of amounts whose file names none: the workspace's.
    Returns  : YAML with comments that say what was taken for what, and what to look at.
    Raises   : SourceError if the file cannot be read.
    """
    place = Path(file)
    guess = recognise(place, Format())
    if guess.type in ("xes", "ocel"):
        return f"# {place.name} is an event log and needs no mapping: regard import {place.name}\n"
    columns = _profiles(place, guess, engine)
    writer = Draft(place, guess, columns, zone=zone, currency=currency)
    return "\n".join(writer.lines()) + "\n"


def _profiles(place: Path, guess: Guess, engine: Engine) -> list[Profile]:
    stage = Stage(embedded(engine))
    try:
        relation = staged(place, guess, (), stage, limit=SAMPLE_ROWS).relation
        names = list(relation.columns)
        shown = ", ".join(f"{text(relation.columns[name])} AS {quoted(name)}" for name in names)
        rows = stage.engine.sql(f"SELECT {shown} FROM {relation.sql} ORDER BY {BODY} LIMIT {SAMPLE_ROWS}").fetchall()
        found = list(zip(*rows, strict=True)) if rows else [() for _ in names]
        return [
            profiled(name, relation.columns[name].type, list(values)) for name, values in zip(names, found, strict=True)
        ]
    finally:
        stage.close()


def said(word: str) -> str:
    """A word as YAML writes it."""
    plain = BARE.fullmatch(word) and word.lower() not in YAML_WORDS
    return word if plain else json.dumps(word, ensure_ascii=False)


def listed(parts: list[str]) -> str:
    return "[" + ", ".join(parts) + "]"


class Draft:
    """The lines of a draft, from what the columns seem to be."""

    def __init__(self, place: Path, guess: Guess, columns: list[Profile], *, zone: str, currency: str) -> None:
        self.place, self.guess, self.columns = place, guess, columns
        self.zone, self.currency = zone, currency
        self.used: set[str] = set()

    def of(self, *roles: str) -> list[Profile]:
        return [column for column in self.columns if column.role in roles]

    def lines(self) -> Iterator[str]:
        name = self.place.name
        yield f"# Drafted from the first rows of {name}: look at each line, then: regard import {name} --map ..."
        yield "version: 1"
        yield f"source: {said(self.place.name.split('.')[0])}"
        yield f"files: {said(self.place.name)}"
        yield from self._format()
        yield f"zone: {self.zone}  # where times without an offset were written; yours?"
        handles = list(self._handles())
        objects = list(self._objects(alone=not handles))
        yield from self._key()
        if handles:
            yield "handles:"
            yield from handles
        if objects:
            yield "objects:"
            yield from objects
        yield "interactions:"
        yield from self._interactions()

    def _format(self) -> Iterator[str]:
        form = self.guess.format
        parts = [f"type: {form.type}"]
        if form.type in ("csv", "tsv") and form.delimiter not in (",", None) and form.type != "tsv":
            parts.append(f"delimiter: {json.dumps(form.delimiter)}")
        if form.encoding not in (None, "utf-8", "utf-8-sig"):
            parts.append(f"encoding: {form.encoding}")
        if form.header_rows and form.header_rows > 1:
            parts.append(f"header_rows: {form.header_rows}")
        examples = [column.example for column in self.of("money")]
        if any(re.search(r",\d{1,2}\D*$", example) for example in examples):
            thousands = ', thousands: "."' if any(re.search(r"\.\d{3}", one) for one in examples) else ""
            parts.append(f'decimal: ","{thousands}')
        elif any(re.search(r"\d,\d{3}", example) for example in examples):
            parts.append('thousands: ","')
        nulls = sorted({word for column in self.columns for word in column.nulls})
        if nulls:
            parts.append(f"nulls: {json.dumps(nulls, ensure_ascii=False)}")
        yield f"format: {{{', '.join(parts)}}}"

    def _key(self) -> Iterator[str]:
        """Columns that name a row: the first id whose values are all different."""
        for column in self.of("id"):
            if column.filled == 1 and column.n_distinct >= self._n_rows():
                yield f"key: {listed([said(column.name)])}  # every value is another: ids are made of it"
                return
        yield "# key: [column]  # columns that name a row, if there are; else a row is known by its content"

    def _n_rows(self) -> int:
        return max((column.n_distinct for column in self.columns), default=0)

    def _handles(self) -> Iterator[str]:
        people = sorted(self.of("person"), key=lambda one: "unique" not in one.name.lower())
        kinds: set[str] = set()
        for column in (*self.of("email"), *self.of("phone"), *people, *self.of("device")):
            kind = (
                column.role if column.role in ("email", "phone") else ID_WORDS.sub("", column.name).lower() or "person"
            )
            kind = re.sub(r"\W+", "_", kind).strip("_") or "person"
            if kind in kinds:
                continue
            kinds.add(kind)
            self.used.add(column.name)
            yield f"  {kind}: {said(column.name)}  # such as {column.example}"

    def _objects(self, *, alone: bool) -> Iterator[str]:
        found = False
        for column in self.of("id"):
            kind = re.sub(r"\W+", "_", ID_WORDS.sub("", column.name)).strip("_").lower() or "record"
            self.used.add(column.name)
            found = True
            yield f"  - {{type: {said(kind)}, id: {said(column.name)}}}"
        if alone and not found:
            yield "  - {type: record, id: _content}  # no column names a person or a thing: each row stands for itself"

    def _interactions(self) -> Iterator[str]:
        times = self.of("time")
        event = next(iter(self.of("event")), None)
        main = times[0] if times else None
        self.used |= {column.name for column in ((main, event) if event else (main,)) if column}
        yield f"  - event: {self._event(event, main)}"
        yield f"    at: {self._time(main)}"
        yield "    direction: customer  # or us, or neither: who acted?"
        yield from self._fields()
        rest = [column for column in times if column is not main]
        steps = rest if event is None else []
        self.used |= {column.name for column in steps}
        yield from self._properties()
        for column in steps:
            yield f"  - event: {said(_step(column.name))}"
            yield f"    at: {self._time(column)}"
            yield "    direction: us  # who acted?"

    def _event(self, event: Profile | None, main: Profile | None) -> str:
        if event is not None:
            return f"{{column: {said(event.name)}}}"
        if self.of("rating"):
            return "answer  # what would you call it?"
        step = _step(main.name) if main else self.place.name.split(".")[0]
        return f"{said(step)}  # what would you call it?"

    def _time(self, column: Profile | None) -> str:
        if column is None:
            today = dt.datetime.fromtimestamp(self.place.stat().st_mtime, dt.UTC).date()
            return (
                f'{{value: "{today}", precision: day}}  # the file says no time: this is the day it was written; set it'
            )
        if column.format is None:
            return said(column.name)
        return f"{{column: {said(column.name)}, format: {json.dumps(column.format)}}}"

    def _fields(self) -> Iterator[str]:
        channel = next(iter(self.of("channel")), None)
        if channel:
            self.used.add(channel.name)
            yield f"    channel: {{column: {said(channel.name)}}}"
        rating = next(iter(self.of("rating")), None)
        if rating:
            self.used.add(rating.name)
            scale = f"{rating.low}-{rating.high}"
            span = f"low: {rating.low}, high: {rating.high}"
            yield f"    rating: {{column: {said(rating.name)}, scale: {said(scale)}, {span}}}"
            yield f"    # the blueprint needs a scale called {scale}"
        texts = self.of("text")
        if texts:
            self.used |= {column.name for column in texts}
            yield f"    text: {listed([said(column.name) for column in texts])}"
        yield from self._amount()

    def _amount(self) -> Iterator[str]:
        amount = next(iter(self.of("money")), None)
        if amount is None:
            return
        self.used.add(amount.name)
        currency = next(iter(self.of("currency")), None)
        if currency:
            self.used.add(currency.name)
            yield f"    amount: {{column: {said(amount.name)}, currency: {{column: {said(currency.name)}}}}}"
        else:
            yield f"    amount: {{column: {said(amount.name)}, currency: {self.currency}}}  # which currency?"

    def _properties(self) -> Iterator[str]:
        left = [column for column in self.columns if column.name not in self.used and column.filled > 0]
        if not left:
            return
        if len(left) > MOST_PROPERTIES:
            yield "    properties: rest  # every column that is not named above"
            return
        yield "    properties:"
        for column in left:
            yield f"      {said(column.name)}: {self._property(column)}"

    def _property(self, column: Profile) -> str:
        if column.role == "time":
            form = f", format: {json.dumps(column.format)}" if column.format else ""
            return f"{{column: {said(column.name)}, type: time{form}}}"
        if column.role in ("number", "rating"):
            return f"{{column: {said(column.name)}, type: number}}"
        return said(column.name)


def _step(name: str) -> str:
    return re.sub(r"\W+", "_", STEP_WORDS.sub("", name)).strip("_").lower() or "event"
