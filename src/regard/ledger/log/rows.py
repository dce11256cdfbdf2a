"""What one delivery says, as it stands in the log: a head, then a line of JSON for each row, or a body as it was sent.

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
from dataclasses import replace

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.json as pj

from regard.engine import schema
from regard.errors import LedgerError
from regard.ledger.log.bodies import BodyHead, Pieces, read_body
from regard.ledger.log.said import Attribute, Delivery, Fact, Member, Refused
from regard.tables import INTERACTIONS

MICROS = 1_000_000
LINE_BYTES = 16 * 2**20
"""The longest line that is read back; bodies are bounded far below it."""


class Head(msgspec.Struct):
    """Who sent it and when it came, and for each table its rows and their bytes; or the convention of its body.

    A Regard from before there were bodies finds no tables in the head of one, and says that it is too old.
    """

    source: str
    received_at: int
    tables: dict[str, tuple[int, int]] | None = None
    convention: str = ""
    call: str = ""


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
    rows = _Rows()
    for payload in payloads:
        head, at = _head(payload)
        if head.convention:
            rows.heard(head, bytes(payload[at:]))
        else:
            rows.written(head, payload[at:])
    return rows.tables()


class _Rows:
    """Rows of many deliveries, those that were written as rows and those that bodies say, in the order they came in."""

    def __init__(self) -> None:
        self._lines: dict[str, list[memoryview]] = {}
        self._heads: dict[str, list[tuple[Head, int, int]]] = {}
        self._facts = Pieces(WRITTEN[INTERACTIONS.name])
        self._spoken: list[tuple[Head, int, int]] = []
        self._turn = 0

    def written(self, head: Head, rows: memoryview) -> None:
        at = 0
        self._turn += 1
        for name, (n, size) in (head.tables or {}).items():
            self._lines.setdefault(name, []).append(rows[at : at + size])
            self._heads.setdefault(name, []).append((head, n, self._turn))
            at += size

    def heard(self, head: Head, body: bytes) -> None:
        said = read_body(BodyHead(head.source, head.received_at, head.convention, head.call), body)
        self._turn += 1
        if said.facts:
            self._facts.add(said.facts)
            self._spoken.append((head, len(said.facts), self._turn))
        if said.refused or said.members or said.attributes:
            rest = memoryview(payload_of(replace(said, facts=())))
            other, at = _head(rest)
            self.written(other, rest[at:])

    def tables(self) -> dict[str, pa.Table]:
        read = {name: _read(name, b"".join(some)) for name, some in self._lines.items()}
        heads = dict(self._heads)
        if self._spoken:
            name = INTERACTIONS.name
            spoken = self._facts.table()
            read[name] = pa.concat_tables([read[name], spoken]) if name in read else spoken
            heads[name] = heads.get(name, []) + self._spoken
        return {name: _arrow(name, table, heads[name]) for name, table in read.items()}


def _head(payload: memoryview) -> tuple[Head, int]:
    end = bytes(payload[:4096]).find(b"\n")
    try:
        head = _heads.decode(payload[:end])
        if head.tables is None and not head.convention:
            raise msgspec.ValidationError("it has neither tables nor a convention")
        return head, end + 1
    except msgspec.DecodeError as error:
        raise LedgerError(
            "A record of the log is whole and cannot be read.",
            found=str(error),
            hint="A newer Regard wrote it; upgrade with: pip install --upgrade regard",
        ) from error


def _read(name: str, data: bytes) -> pa.Table:
    return pj.read_json(
        io.BytesIO(data),
        read_options=pj.ReadOptions(use_threads=False, block_size=min(LINE_BYTES, len(data) + 1)),
        parse_options=pj.ParseOptions(explicit_schema=WRITTEN[name], unexpected_field_behavior="error"),
    )


def _arrow(name: str, read: pa.Table, heads: Sequence[tuple[Head, int, int]]) -> pa.Table:
    counts = np.array([n for _, n, _ in heads])
    if read.num_rows != int(counts.sum()):
        raise LedgerError(
            f"The log says {int(counts.sum()):,} rows of {name} and holds {read.num_rows:,}.",
            hint="Keep a copy of .regard/log and report it; nothing was sealed.",
        )
    which = np.repeat(np.arange(len(counts)), counts)
    turns = np.array([turn for _, _, turn in heads])
    if (np.diff(turns) < 0).any():  # rows and bodies came in by turns
        order = np.argsort(turns[which], kind="stable")
        read, which = read.take(pa.array(order)), which[order]
    sources = pa.array([head.source for head, _, _ in heads], pa.string()).take(pa.array(which))
    came = np.array([head.received_at for head, _, _ in heads])[which]
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
