"""What a mapping file says, as frozen dataclasses; `reading.py` makes them from YAML.

Everything that names a column keeps the line it stands on, for messages.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

ROW, FILE, CONTENT = "_row", "_file", "_content"
MADE_COLUMNS = {
    ROW: "the row's number in its file",
    FILE: "the file's name",
    CONTENT: "a hash of the whole row with its occurrence number in the file: an id where there is none",
}


@dataclass(frozen=True)
class Ref:
    """A column by name: of the file, of a join ("customer.name"), or one of `MADE_COLUMNS`."""

    name: str
    line: int = 0


Refs = tuple[Ref, ...]


@dataclass(frozen=True)
class Format:
    """How a file is written; what is None is found out by looking at it.

    type        : csv, tsv, jsonl, json, parquet, xlsx, sav, xes or ocel.
    delimiter   : one character, or "whitespace".
    header_rows : 0 (then `columns` names them), 1, or 3 for survey tools.
    nulls       : texts that mean nothing was there.
    at          : for json, the key under which the rows stand.
    """

    type: str | None = None
    delimiter: str | None = None
    encoding: str | None = None
    decimal: str = "."
    thousands: str = ""
    header_rows: int | None = None
    columns: tuple[str, ...] = ()
    nulls: tuple[str, ...] = ("",)
    sheet: str | None = None
    at: str | None = None


@dataclass(frozen=True)
class Aggregate:
    """One column of an aggregating join: `how` over the rows of a key."""

    name: str
    how: str
    column: Ref | None


@dataclass(frozen=True)
class Join:
    """Another file whose columns become `name.column`.

    on        : pairs of (column here, column there).
    aggregate : columns made of all rows of a key; without it, the first row of the key is taken.
    joins     : files joined to the other file first.
    required  : a row without a partner is a reject.
    """

    file: str
    name: str
    on: tuple[tuple[Ref, Ref], ...]
    format: Format = field(default_factory=Format)
    aggregate: tuple[Aggregate, ...] = ()
    joins: tuple[Join, ...] = ()
    required: bool = False
    line: int = 0


@dataclass(frozen=True)
class Word:
    """A word: always the same (`constant`), or from a column, translated by `map`, `otherwise` for what it lacks."""

    constant: str | None = None
    column: Ref | None = None
    map: tuple[tuple[str, str], ...] = ()
    otherwise: str | None = None


@dataclass(frozen=True)
class Shift:
    """A time is moved by a number of units: of a column, or always the same."""

    sign: int
    unit_s: float
    column: Ref | None = None
    amount: float = 0.0


@dataclass(frozen=True)
class Time:
    """When: the columns, joined by spaces, read by the first of `formats` that fits (ISO 8601 when there are none).

    constant  : always the same time, for files that do not say it; then there are no columns.
    precision : "day", "instant", or None: found out for each value.
    zone      : where times without an offset were written: a constant, a column, or None for the mapping's.
    """

    columns: Refs
    formats: tuple[str, ...] = ()
    precision: str | None = None
    zone: Word | None = None
    shifts: tuple[Shift, ...] = ()
    constant: str | None = None


@dataclass(frozen=True)
class Money:
    """An amount times the columns of `times`; negated for refunds written without a sign.

    minor  : it is written in minor units (cents), not in major ones.
    digits : (currency, decimal digits of its minor unit) where the sender's differ from ISO 4217.
    """

    column: Ref
    currency: Word
    times: Refs = ()
    negate: bool = False
    minor: bool = False
    digits: tuple[tuple[str, int], ...] = ()

    def shift(self, currency: str, *, digits: int) -> int:
        """By how many decimal places the amount as written must move to be in minor units of ISO 4217.

        digits : of the currency's minor unit by ISO 4217.
        """
        return digits - dict(self.digits).get(currency, digits) if self.minor else digits


@dataclass(frozen=True)
class Rating:
    """A rating and the scale it was given on; what lies outside low..high is a reject.

    map : the numbers that words of the column stand for; another word is a reject unless it is a number.
    """

    column: Ref
    scale: Word
    low: float | None = None
    high: float | None = None
    map: tuple[tuple[str, float], ...] = ()


@dataclass(frozen=True)
class Number:
    """A number times a constant (a duration in minutes is 60 seconds each)."""

    column: Ref
    factor: float = 1.0


@dataclass(frozen=True)
class Handle:
    kind: str
    column: Ref


@dataclass(frozen=True)
class Object:
    """What it was about. The columns of `id`, joined by ":"; a list column, or a text cut at `split`, gives several."""

    type: str
    id: Refs
    qualifier: Word | None = None
    split: str | None = None


@dataclass(frozen=True)
class Property:
    """What else is kept. type: text, number, time or boolean. `rest` keeps every column that is not named elsewhere."""

    name: str
    type: str = "text"
    time: Time | None = None
    word: Word | None = None
    column: Ref | None = None


@dataclass(frozen=True)
class Condition:
    """Which rows: a leaf over one column, or `every` / `some` of others.

    same, other : a column that must hold the same, or something else; where either is empty, neither holds.
    """

    column: Ref | None = None
    among: tuple[str, ...] | None = None
    outside: tuple[str, ...] | None = None
    present: bool | None = None
    above: float | None = None
    below: float | None = None
    at_least: float | None = None
    at_most: float | None = None
    same: Ref | None = None
    other: Ref | None = None
    every: tuple[Condition, ...] = ()
    some: tuple[Condition, ...] = ()


@dataclass(frozen=True)
class Interaction:
    """One interaction that a row can give. `words` holds the columns of plain words by their name in `interactions`."""

    event: Word
    at: Time
    words: tuple[tuple[str, Word], ...] = ()
    when: Condition | None = None
    required: bool | None = None
    key: Refs = ()
    handles: tuple[Handle, ...] = ()
    objects: tuple[Object, ...] = ()
    rating: Rating | None = None
    text: Refs = ()
    amount: Money | None = None
    cost: Money | None = None
    duration: Number | None = None
    corrects: Refs = ()
    retracts: Refs = ()
    properties: tuple[Property, ...] = ()
    rest: bool = False
    line: int = 0

    @property
    def name(self) -> str:
        """The event where it is always the same, else the column it is read from."""
        if self.event.constant is not None:
            return self.event.constant
        return self.event.column.name if self.event.column else ""


@dataclass(frozen=True)
class Beside:
    """What a row says beside interactions: a row of the ledger's `table` (memberships, consents or rates).

    words : by column: account, parent, role, purpose, channel, currency. times : by column: from_at, to_at, on.
    """

    table: str
    words: tuple[tuple[str, Word], ...]
    times: tuple[tuple[str, Time], ...] = ()
    handles: tuple[Handle, ...] = ()
    rate: Ref | None = None
    when: Condition | None = None
    line: int = 0


@dataclass(frozen=True)
class Hook:
    """How a webhook that this mapping reads is signed.

    signature  : "standard" (Standard Webhooks), or "hmac" over the body in `header`.
    secret     : name of the environment variable that holds the sender's secret.
    tolerance_s: of a signed time, seconds.
    """

    signature: str
    secret: str
    header: str = ""
    prefix: str = ""
    encoding: str = "hex"
    algorithm: str = "sha256"
    tolerance_s: float = 300.0


@dataclass(frozen=True)
class Mapping:
    """How the columns of some files become interactions.

    path      : the file it was read from, for messages.
    source    : the system, as the ledger names it.
    files     : globs relative to a folder; () where the files are named by the caller.
    zone      : of times written without an offset; None: the workspace's.
    key       : columns that name a row; the id is their values and the event.
    on_change : what the same id with other content becomes: reject or correct.
    digest    : hash of the file's text.
    hook      : how it is signed where a webhook brings it; None: the sender needs a write key.
    beside    : what its rows say of memberships, consents and rates.
    """

    path: str
    source: str
    interactions: tuple[Interaction, ...]
    files: tuple[str, ...] = ()
    format: Format = field(default_factory=Format)
    zone: str | None = None
    joins: tuple[Join, ...] = ()
    key: Refs = ()
    on_change: str = "reject"
    digest: str = ""
    beside: tuple[Beside, ...] = ()
    hook: Hook | None = None

    def refs(self) -> Iterator[Ref]:
        """Every column that the mapping names, joins' own columns left out."""
        yield from self.key
        for join in self.joins:
            yield from (here for here, _ in join.on)
        for said in (*self.interactions, *self.beside):
            yield from _refs(said)


def _refs(item: object) -> Iterator[Ref]:
    if isinstance(item, Ref):
        yield item
    elif isinstance(item, tuple):
        for part in item:
            yield from _refs(part)
    elif hasattr(item, "__dataclass_fields__"):
        for name in item.__dataclass_fields__:
            yield from _refs(getattr(item, name))
