"""Bodies that stand in the log as they were sent: what their sender had to be told was told, the rest is done later.

    {"source": "shop", "received_at": 1767225600000000, "convention": "plain", "call": ""}
    [{"event": "call", ...}, ...]

Whoever accepted such a body has made sure that it can be read by its convention (`regard.plugins`, group
`conventions`). Should one of them not be readable after all, it becomes a reject with the whole body: nothing is lost.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import chain
from operator import attrgetter
from typing import cast

import msgspec
import numpy as np
import pyarrow as pa

from regard import plugins
from regard.errors import LedgerError, PluginError, RegardError
from regard.ledger.log.said import Delivery, Fact, Refused

Convention = Callable[[str, bytes, str, int], Delivery]
"""What a body says: call, body, source, received_at (microseconds since 1970) -> the delivery."""

A_PIECE = 2_000
"""Facts that are objects at once; memory of a turn does not grow with what it takes."""
_encoder = msgspec.json.Encoder()
_found: dict[str, Convention] = {}


class BodyHead(msgspec.Struct):
    """Who sent a body and when it came, and the convention it follows, with the call where that has several."""

    source: str
    received_at: int
    convention: str
    call: str = ""


def payload_of_body(head: BodyHead, body: bytes) -> bytes:
    """A body of JSON, every character of which has been looked at, as the payload of a record: see `record.py`."""
    return b"".join((_encoder.encode(head), b"\n", body))


def read_body(head: BodyHead, body: bytes) -> Delivery:
    """What a body says; one that cannot be read after all is a reject.

    Raises : LedgerError if this Regard does not know the convention.
    """
    try:
        convention = _found.get(head.convention) or _found.setdefault(head.convention, _convention(head.convention))
        return convention(head.call, body, head.source, head.received_at)
    except LedgerError:
        raise
    except RegardError as error:
        reason = f"{error.problem} {error.found or ''}".strip()
    except MemoryError:
        raise
    except Exception as error:  # noqa: BLE001  its sender has an answer: it must not be lost, nor hold up all others
        reason = f"it was accepted and cannot be read ({type(error).__name__}: {error}); please report it"
    row = body.decode("utf-8", "replace").replace("\x00", "\ufffd")
    return Delivery(head.source, head.received_at, refused=[Refused(line=1, reason=reason, row=row)])


def _convention(name: str) -> Convention:
    try:
        return cast(Convention, plugins.load("conventions", name))
    except PluginError as error:
        raise LedgerError(
            "The log holds bodies of a convention that is not known here.",
            found=name,
            allowed=error.allowed,
            hint="A newer Regard or a plugin wrote them; upgrade with: pip install --upgrade regard",
        ) from error


class Pieces:
    """Facts on their way into Arrow, a piece at a time.

    shape : of the columns that `Fact` has, as the log's other rows are read.
    """

    def __init__(self, shape: pa.Schema) -> None:
        self._shape = shape
        self._facts: list[Fact] = []
        self._done: list[pa.RecordBatch] = []

    def add(self, facts: Sequence[Fact]) -> None:
        self._facts += facts
        if len(self._facts) >= A_PIECE:
            self._turn()

    def table(self) -> pa.Table:
        """All of them, in order."""
        if self._facts:
            self._turn()
        return pa.Table.from_batches(self._done, self._shape)

    def _turn(self) -> None:
        columns = [_column(self._facts, field) for field in self._shape]
        self._done.append(pa.RecordBatch.from_arrays(columns, schema=self._shape))
        self._facts = []


def _column(facts: Sequence[Fact], field: pa.Field) -> pa.Array:
    values = list(map(attrgetter(field.name), facts))
    is_list = pa.types.is_list(field.type)
    if not any(values) and (is_list or values.count(None) == len(values)):  # as most columns of most pieces
        return pa.nulls(len(values), field.type)
    if not is_list:
        return pa.array(values, field.type)
    long = np.fromiter(map(len, values), np.int32, len(values))
    offsets = np.zeros(len(values) + 1, np.int32)
    np.cumsum(long, out=offsets[1:])
    flat = pa.array(list(chain.from_iterable(values)), field.type.value_type)
    return pa.ListArray.from_arrays(pa.array(offsets), flat, mask=pa.array(long == 0))
