"""What people decided about identity: two handles are one person, or are not. The latest decision on a pair holds."""

from __future__ import annotations

import datetime as dt
from typing import Literal, get_args

import ibis
import ibis.expr.types as ir
import pyarrow as pa

from regard.blueprint.model import Blueprint
from regard.engine import empty, schema
from regard.errors import SettingError
from regard.identity.normal import SEPARATOR, normalised, spelled

Decision = Literal["merge", "split", "undo"]
Named = tuple[str, str]


def decide(
    decision: Decision,
    one: Named,
    other: Named,
    *,
    blueprint: Blueprint,
    at: dt.datetime,
    by: str,
    reason: str | None = None,
) -> pa.Table:
    """The row for the ledger's `decisions`: two handles are one person (merge), are not (split), or as before (undo).

    one, other : (kind, value); brought to their normal form.
    at, by     : when and who.
    Returns    : one row in the shape of `decisions`; nothing is erased, so every decision can be undone.
    Raises     : SettingError for an unknown decision, an empty handle, or twice the same handle.
    """
    if decision not in get_args(Decision):
        raise SettingError(f"There is no decision {decision!r}.", allowed=", ".join(get_args(Decision)))
    pair = sorted((kind, spelled(kind, value, blueprint)) for kind, value in (one, other))
    if not all(kind and value for kind, value in pair):
        raise SettingError(
            "A handle needs a kind and a value.",
            found=" and ".join(map(":".join, pair)),
            allowed="email:ann@example.org",
        )
    if pair[0] == pair[1]:
        raise SettingError("These are the same handle.", found=":".join(pair[0]), hint="Name two different handles.")
    (kind, handle), (other_kind, other_handle) = pair
    row = {
        "kind": kind, "handle": handle, "other_kind": other_kind, "other_handle": other_handle,
        "decision": decision, "at": at, "by": by, "reason": reason,
    }  # fmt: skip
    return pa.Table.from_pylist([row], schema=empty("decisions").schema)


def standing(decisions: ir.Table, blueprint: Blueprint) -> ir.Table:
    """The decision that holds for each pair, undone ones left out.

    decisions : in the shape of the ledger's table, pairs either way round, handles in any spelling.
    Returns   : table (key, kind, handle, other_key, other_kind, other_handle, decision, at, says), key < other_key.
    """
    t = decisions.mutate(
        handle=normalised(decisions.kind, decisions.handle, blueprint),
        other_handle=normalised(decisions.other_kind, decisions.other_handle, blueprint),
    )
    t = t.mutate(one=t.kind + SEPARATOR + t.handle, two=t.other_kind + SEPARATOR + t.other_handle)
    forth = t.one < t.two
    t = t.select(
        "decision", "at", "by", "reason",
        key=forth.ifelse(t.one, t.two), kind=forth.ifelse(t.kind, t.other_kind),
        handle=forth.ifelse(t.handle, t.other_handle), other_key=forth.ifelse(t.two, t.one),
        other_kind=forth.ifelse(t.other_kind, t.kind), other_handle=forth.ifelse(t.other_handle, t.handle),
    )  # fmt: skip
    latest = ibis.window(group_by=[t.key, t.other_key], order_by=[t.at.desc(), t.decision, t.by, t.reason])
    t = t.mutate(place=ibis.row_number().over(latest))
    t = t.filter((t.place == 0) & (t.decision != "undo") & (t.key != t.other_key))
    because = ibis.cases((t.reason.notnull(), ibis.literal(": ") + t.reason), else_="")
    says = (
        ibis.literal("decided by ")
        + t.by.fill_null("somebody")
        + ibis.literal(" on ")
        + t.at.date().cast("string")
        + because
    )
    return t.select("key", "kind", "handle", "other_key", "other_kind", "other_handle", "decision", "at", says=says)


def paired(decisions: ir.Table, blueprint: Blueprint, *, keep: tuple[str, ...] = ()) -> ir.Table:
    """The pairs of handles that were ever decided about, in normal form: kind, handle, other_kind, other_handle.

    keep : columns to keep as they are instead, the normal forms beside them as `one` and `two`.
    """
    one = normalised(decisions.kind, decisions.handle, blueprint)
    two = normalised(decisions.other_kind, decisions.other_handle, blueprint)
    if keep:
        return decisions.select(*keep, one=one, two=two)
    return decisions.select("kind", "other_kind", handle=one, other_handle=two).distinct()


def none_yet() -> pa.Table:
    """No decisions, in their shape."""
    return schema("decisions").to_pyarrow().empty_table()
