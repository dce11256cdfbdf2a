"""A large table a page at a time: each page begins after the key of the last row of the one before.

Unlike an offset it costs the same however deep one reads, and rows that come or go do not shift the pages.
"""

from __future__ import annotations

import base64
import binascii
import datetime as dt
import json
from collections.abc import Mapping, Sequence

import ibis
import ibis.expr.datatypes as types
import ibis.expr.types as ir

from regard.errors import SettingError

EARLIEST = dt.datetime(1, 1, 2, tzinfo=dt.UTC)
LEAST = -(2**62)


def page(table: ir.Table, key: Sequence[str], *, size: int, cursor: str | None = None) -> ir.Table:
    """Rows in the order of their key, from after the cursor on; one more than `size`, so that an end can be told.

    key    : columns that name a row; a null sorts first.
    Raises : SettingError if the cursor was not made for such a key.
    """
    if cursor is not None:
        last = _read(cursor, [table[name].type() for name in key])
        first = table[key[0]]  # said apart, so that row groups before it are passed over
        table = table.filter(first.isnull() | (first >= ibis.literal(last[0], type=first.type())))
        table = table.filter(_beyond([_filled(table[name]) for name in key], last))
    return table.order_by([ibis.asc(name, nulls_first=True) for name in key]).limit(size + 1)


def cursor_of(row: Mapping[str, object], key: Sequence[str]) -> str:
    """The cursor that begins after a row.

    >>> cursor_of({"source": "a", "target": "b", "n": 3}, ("source", "target"))
    'WyJhIiwgImIiXQ'
    """
    values = [row[name] for name in key]
    said = [value.isoformat() if isinstance(value, dt.date) else value for value in values]
    return base64.urlsafe_b64encode(json.dumps(said).encode()).decode().rstrip("=")


def _beyond(columns: Sequence[ir.Value], last: Sequence[object]) -> ir.BooleanValue:
    """(a, b, c) > (x, y, z) in the order of tuples."""
    found = ibis.literal(False)
    for column, value in zip(reversed(columns), reversed(last), strict=True):
        bound = ibis.literal(value, type=column.type())
        found = (column > bound) | ((column == bound) & found)
    return found


def _filled(column: ir.Column) -> ir.Column:
    return column.fill_null(ibis.literal(_least(column.type()), type=column.type()))


def _least(kind: types.DataType) -> object:
    if kind.is_string():
        return ""
    if kind.is_timestamp():
        return EARLIEST
    if kind.is_boolean():
        return False
    return EARLIEST.date() if kind.is_date() else max(LEAST, -(2 ** (8 * kind.nbytes - 1)))


def _read(cursor: str, kinds: Sequence[types.DataType]) -> list[object]:
    try:
        said = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        values: list[object] = []
        for value, kind in zip(said, kinds, strict=True):
            if value is None:
                values.append(_least(kind))
            elif kind.is_timestamp():
                values.append(dt.datetime.fromisoformat(value))
            else:
                values.append(dt.date.fromisoformat(value) if kind.is_date() else value)
    except (binascii.Error, ValueError, TypeError, UnicodeDecodeError):
        raise SettingError(
            f"{cursor!r} is not a cursor of this list.", hint="Begin without one, and follow `next` of each answer."
        ) from None
    return values
