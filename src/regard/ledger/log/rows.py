"""What one delivery says, as it stands in the log: a head, then one line of JSON for each row.

    {"source": "shop", "received_at": 1767225600000000, "tables": {"interactions": [2, 310], "rejects": [1, 90]}}
    {"interaction_id": "m-1", "occurred_at": ..., "event": "Order Completed", "handle_kinds": ["user"], ...}
    {"interaction_id": "m-2", ...}
    {"line": 3, "reason": "...", "row": "..."}

Times are microseconds since 1970, UTC. Lists of pairs stand as lists side by side, so that a sealing turn reads many
deliveries into Arrow at once without a Python object for each row.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.json as pj

from regard.engine import schema
from regard.errors import LedgerError
from regard.tables import INTERACTIONS

MICROS = 1_000_000
LINE_BYTES = 16 * 2**20
"""The longest line that is read back; bodies are bounded far below it."""


class Fact(msgspec.Struct, omit_defaults=True, kw_only=True, gc=False):
    """One interaction on its way; what is None is null in the ledger.

    occurred_at      : microseconds since 1970, UTC.
    precision        : "day", or None for "instant".
    handle_kinds ... : side by side, as long as each other; `object_qualifiers` may be empty: none has one.
    """

    interaction_id: str
    occurred_at: int
    event: str
    zone: str | None = None
    precision: str | None = None
    direction: str | None = None
    channel: str | None = None
    handle_kinds: list[str] = []
    handle_values: list[str] = []
    object_types: list[str] = []
    object_ids: list[str] = []
    object_qualifiers: list[str | None] = []
    account: str | None = None
    role: str | None = None
    unit: str | None = None
    language: str | None = None
    actor: str | None = None
    kind: str | None = None
    rating: float | None = None
    scale: str | None = None
    text: str | None = None
    amount_minor: int | None = None
    currency: str | None = None
    cost_minor: int | None = None
    duration_s: float | None = None
    corrects: str | None = None
    retracts: str | None = None
    property_keys: list[str] = []
    property_values: list[str] = []


class Refused(msgspec.Struct, omit_defaults=True, kw_only=True):
    """One row that did not fit: its place in what was sent, from 1, why, and what it said (JSON)."""

    line: int
    reason: str
    row: str
    file: str | None = None
    event: str | None = None


class Member(msgspec.Struct, omit_defaults=True, kw_only=True):
    """One row of `memberships`; times as in `Fact`."""

    account: str
    kind: str
    handle: str
    from_at: int
    parent: str | None = None
    role: str | None = None
    to_at: int | None = None


class Attribute(msgspec.Struct, omit_defaults=True, kw_only=True):
    """One row of `objects`: what was said of an object; times as in `Fact`."""

    type: str
    id: str
    at: int
    attribute: str
    value: str


class Head(msgspec.Struct):
    """Who sent it and when it came, and for each table its rows and their bytes."""

    source: str
    received_at: int
    tables: dict[str, tuple[int, int]]


@dataclass(frozen=True)
class Delivery:
    """What one accepted request said.

    source      : of the key it came with.
    received_at : microseconds since 1970, UTC.
    """

    source: str
    received_at: int
    facts: Sequence[Fact] = ()
    refused: Sequence[Refused] = ()
    members: Sequence[Member] = ()
    attributes: Sequence[Attribute] = ()

    def tables(self) -> dict[str, Sequence[msgspec.Struct]]:
        """The rows by table; tables without rows are left out."""
        rows = {
            INTERACTIONS.name: self.facts, "rejects": self.refused,
            "memberships": self.members, "objects": self.attributes,
        }  # fmt: skip
        return {name: some for name, some in rows.items() if some}


_encoder = msgspec.json.Encoder()
_heads = msgspec.json.Decoder(Head)


def payload_of(delivery: Delivery) -> bytes:
    """A delivery as the payload of a record."""
    tables, parts = {}, []
    for name, rows in delivery.tables().items():
        lines = _encoder.encode_lines(rows)
        tables[name] = (len(rows), len(lines))
        parts.append(lines)
    head = _encoder.encode(Head(delivery.source, delivery.received_at, tables))
    return b"".join((head, b"\n", *parts))


def tables_of(payloads: Iterable[memoryview]) -> dict[str, pa.Table]:
    """The rows of many deliveries, by table, in the columns of the ledger; tables without rows are left out.

    Raises : LedgerError for a payload that this Regard did not write.
    """
    lines: dict[str, list[memoryview]] = {}
    heads: dict[str, list[tuple[Head, int]]] = {}
    for payload in payloads:
        head, at = _head(payload)
        for name, (n, size) in head.tables.items():
            lines.setdefault(name, []).append(payload[at : at + size])
            heads.setdefault(name, []).append((head, n))
            at += size
    return {name: _arrow(name, b"".join(some), heads[name]) for name, some in lines.items()}


def _head(payload: memoryview) -> tuple[Head, int]:
    end = bytes(payload[:4096]).find(b"\n")
    try:
        return _heads.decode(payload[:end]), end + 1
    except msgspec.DecodeError as error:
        raise LedgerError(
            "A record of the log is whole and cannot be read.",
            found=str(error),
            hint="A newer Regard wrote it; upgrade with: pip install --upgrade regard",
        ) from error


def _arrow(name: str, data: bytes, heads: Sequence[tuple[Head, int]]) -> pa.Table:
    read = pj.read_json(
        io.BytesIO(data),
        read_options=pj.ReadOptions(use_threads=False, block_size=min(LINE_BYTES, len(data) + 1)),
        parse_options=pj.ParseOptions(explicit_schema=WRITTEN[name], unexpected_field_behavior="error"),
    )
    counts = np.array([n for _, n in heads])
    if read.num_rows != int(counts.sum()):
        raise LedgerError(
            f"The log says {int(counts.sum()):,} rows of {name} and holds {read.num_rows:,}.",
            hint="Keep a copy of .regard/log and report it; nothing was sealed.",
        )
    sources = pa.array([head.source for head, _ in heads], pa.string())
    sources = sources.take(pa.array(np.repeat(np.arange(len(counts)), counts)))
    came = np.repeat(np.array([head.received_at for head, _ in heads]), counts)
    return _TO_LEDGER[name](read.combine_chunks(), sources, came)


STRINGS = pa.list_(pa.string())


def _written(*rows: type[msgspec.Struct]) -> pa.Schema:
    kinds = {int: pa.int64(), float: pa.float64(), str: pa.string()}
    fields = []
    for field in msgspec.structs.fields(rows[0]):
        said = str(field.type)
        is_list = said.startswith("list")
        plain = next((arrow for kind, arrow in kinds.items() if kind.__name__ in said), pa.string())
        fields.append(pa.field(field.name, STRINGS if is_list else plain))
    return pa.schema(fields)


WRITTEN = {
    INTERACTIONS.name: _written(Fact),
    "rejects": _written(Refused),
    "memberships": _written(Member),
    "objects": _written(Attribute),
}


def _facts(read: pa.Table, sources: pa.Array, came: np.ndarray) -> pa.Table:
    """Arrival breaks ties: `sequence` is the moment of arrival and the place within it."""
    place = np.zeros(len(came), dtype=np.int64)
    if len(came):
        begins = np.flatnonzero(np.r_[True, came[1:] != came[:-1]])
        place = np.arange(len(came)) - np.repeat(begins, np.diff(np.r_[begins, len(came)]))
    made = {
        "source": sources,
        "sequence": pa.array(came + place),
        "received_at": pa.array(came),
        "precision": _one(read.column("precision")).fill_null("instant"),
        "handles": _pairs(read, ("kind", "handle_kinds"), ("value", "handle_values")),
        "objects": _pairs(read, ("type", "object_types"), ("id", "object_ids"), ("qualifier", "object_qualifiers")),
        "properties": _map(read),
    }
    return _fitted(INTERACTIONS.name, read, made)


def _side(name: str) -> Callable[[pa.Table, pa.Array, np.ndarray], pa.Table]:
    def fit(read: pa.Table, sources: pa.Array, came: np.ndarray) -> pa.Table:
        return _fitted(name, read, {"source": sources} | ({"at": pa.array(came)} if name == "rejects" else {}))

    return fit


def _fitted(name: str, read: pa.Table, made: dict[str, pa.Array]) -> pa.Table:
    columns = []
    shape = schema(name).to_pyarrow()
    for field in shape:
        if field.name in made:
            column = made[field.name]
        elif field.name in read.column_names:
            column = _one(read.column(field.name))
        else:
            column = pa.nulls(read.num_rows, field.type)
        columns.append(column.cast(field.type) if column.type != field.type else column)
    return pa.Table.from_arrays(columns, schema=shape)


def _one(column: pa.ChunkedArray) -> pa.Array:
    whole = column.combine_chunks()
    return whole if isinstance(whole, pa.Array) else pa.concat_arrays(whole.chunks)


def _pairs(read: pa.Table, *parts: tuple[str, str]) -> pa.Array:
    """Lists side by side as one list of structs; a row without any is null."""
    first = _one(read.column(parts[0][1]))
    fields = []
    for name, column in parts:
        values = _one(read.column(column)).flatten()
        fields.append((name, values if len(values) == len(first.flatten()) else _spread(read, column, first)))
    struct = pa.StructArray.from_arrays([values for _, values in fields], [name for name, _ in fields])
    return pa.ListArray.from_arrays(_offsets(first), struct, mask=first.is_null())


def _spread(read: pa.Table, column: str, first: pa.Array) -> pa.Array:
    """Values of a list that some rows leave out, as long as the first list of each row."""
    if read.column(column).null_count == read.num_rows:
        return pa.nulls(len(first.flatten()), pa.string())
    long = first.value_lengths().fill_null(0).to_pylist()
    some = read.column(column).to_pylist()
    return pa.array(
        [value for n, values in zip(long, some, strict=True) for value in (values or [None] * n)], pa.string()
    )


def _map(read: pa.Table) -> pa.Array:
    keys, values = _one(read.column("property_keys")), _one(read.column("property_values"))
    offsets = _offsets(keys)
    nulls = keys.is_null().to_numpy(zero_copy_only=False)
    marked = pa.array(offsets.to_numpy(), pa.int32(), mask=np.r_[nulls, False])
    return pa.MapArray.from_arrays(marked, keys.flatten(), values.flatten())


def _offsets(lists: pa.Array) -> pa.Array:
    lengths = lists.value_lengths().fill_null(0).to_numpy(zero_copy_only=False)
    return pa.array(np.r_[0, np.cumsum(lengths)].astype(np.int32))


_TO_LEDGER = {
    INTERACTIONS.name: _facts,
    "rejects": _side("rejects"),
    "memberships": _side("memberships"),
    "objects": _side("objects"),
}
