"""How a fact that brings no id of its own is known: by its content and its occurrence within the file (ADR-0003).

`content:<md5>` is the first such row of a load, `content:<md5>.2` the second equal one, and so on.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import ibis
import ibis.expr.datatypes as dt
import ibis.expr.types as ir

from regard.tables import INTERACTIONS

CONTENT = "content:"
APART = "\x1f"
NOT_CONTENT = ("interaction_id", "source", "sequence", "received_at")
"""Columns that say how a fact came to us, not what it is: a fact read again from elsewhere is still that fact."""

CONTENT_COLUMNS = tuple(name for name in INTERACTIONS.names if name not in NOT_CONTENT)


@ibis.udf.scalar.builtin(name="hash")  # type: ignore[untyped-decorator]
def fingerprint_of(value) -> dt.uint64:  # type: ignore[no-untyped-def]
    """DuckDB's own 64-bit hash: fast, and only ever compared within one process."""


@ibis.udf.scalar.builtin(name="epoch_us")  # type: ignore[untyped-decorator]
def epoch_us(at) -> int:  # type: ignore[no-untyped-def,empty-body]
    """Microseconds since 1970 of a timestamp."""


@ibis.udf.scalar.builtin(name="map_entries")  # type: ignore[untyped-decorator]
def entries_of(value) -> dt.Array(dt.Struct({"key": dt.string, "value": dt.string})):  # type: ignore[no-untyped-def,valid-type]
    """The entries of a map of strings."""


def given_or_made(rows: ir.Table) -> ir.StringValue:
    """The id that the mapping gave, else one made from the content; see `content_text`."""
    made = ibis.literal(CONTENT) + content_text(rows).hexdigest("md5")
    if "interaction_id" not in rows.columns:
        return made
    return cast(ir.StringValue, ibis.coalesce(rows.interaction_id.cast("string"), made))


def content_text(rows: ir.Table) -> ir.StringValue:
    """What a row says, as one text that no other row has: `name=length:value;` for each column that is not null.

    A column `content` (the row as the file has it), where there is one, stands for all others but the event.
    Columns added to the ledger later are null in old rows, and so leave their text as it was.
    """
    if "content" in rows.columns:
        return cast(ir.StringValue, _netted("event", rows.event) + _netted("content", rows.content.cast("string")))
    parts = [_netted(name, _text(rows[name])) for name in CONTENT_COLUMNS if name in rows.columns]
    whole = parts[0]
    for part in parts[1:]:
        whole = whole + part
    return cast(ir.StringValue, whole)


def fingerprint(rows: ir.Table) -> ir.StringValue:
    """A hash of what a row says, to compare rows within this process; handles, objects and properties in any order.

    DuckDB's hash is fast, but texts that are alike collide far more often than chance would have it (24 pairs among a
    million ids). Two hashes are taken: of the values, and of all texts run together, which lie differently in it.
    """
    said: dict[str, ir.Value] = {}
    texts: list[ir.StringValue] = []
    for name in CONTENT_COLUMNS:
        value = rows[name]
        if value.type().is_array():
            said[name] = value.sort().nullif(
                ibis.literal([], type=value.type())
            )  # an empty list says no more than none
            texts.append(_run_together(said[name], value.type().value_type.names))
        elif value.type().is_map():
            entries = entries_of(value).sort()
            said[name] = entries.nullif(ibis.literal([], type=entries.type()))
            texts.append(_run_together(said[name], ("key", "value")))
        else:
            said[name] = value
            if value.type().is_string():
                texts.append(value)
    together = _joined([ibis.coalesce(text, "") + APART for text in texts])
    both = fingerprint_of(ibis.struct(said)).cast("string") + "-" + fingerprint_of(together).cast("string")
    return cast(ir.StringValue, both)


def _run_together(items: ir.Value, fields: Sequence[str]) -> ir.StringValue:
    return items.map(lambda one: _joined([ibis.coalesce(one[name], "") + APART for name in fields])).join("")


def is_content(interaction_id: ir.StringValue) -> ir.BooleanValue:
    """Whether an id was made from content."""
    return interaction_id.startswith(CONTENT)


def without_occurrence(interaction_id: ir.StringValue) -> ir.StringValue:
    """An id made from content, without its number of occurrence; any other id as it is."""
    return cast(
        ir.StringValue,
        is_content(interaction_id).ifelse(interaction_id.substr(0, len(CONTENT) + 32), interaction_id),
    )


def _netted(name: str, text: ir.StringValue) -> ir.StringValue:
    return ibis.coalesce(f"{name}=" + text.length().cast("string") + ":" + text + ";", "")


def _text(value: ir.Value) -> ir.StringValue:
    kind = value.type()
    if kind.is_timestamp():
        return epoch_us(value).cast("string")
    if kind.is_array():
        fields = kind.value_type.names
        items = value.map(lambda item: _joined([_netted(name, item[name]) for name in fields])).sort().join("")
        return cast(ir.StringValue, items.nullif(""))
    if kind.is_map():
        entries = entries_of(value).map(lambda entry: _netted("k", entry.key) + _netted("v", entry.value))
        return cast(ir.StringValue, entries.sort().join("").nullif(""))
    return cast(ir.StringValue, value.cast("string"))


def _joined(texts: list[ir.StringValue]) -> ir.StringValue:
    whole = texts[0]
    for text in texts[1:]:
        whole = whole + text
    return whole
