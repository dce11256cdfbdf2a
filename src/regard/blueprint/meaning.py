"""Meaning, applied when facts are read: which touchpoint an interaction was, and all that follows from it."""

from __future__ import annotations

from collections.abc import Sequence

import ibis
import ibis.expr.types as ir

from regard.blueprint.model import Blueprint, Touchpoint
from regard.blueprint.rules import likely


def recognise(table: ir.Table, blueprint: Blueprint) -> ir.Table:
    """The same rows with touchpoint, stage, function, control and channel as the blueprint sees them.

    table   : interactions, or any table with the columns that the touchpoints' rules name.
    Returns : the rows with touchpoint, stage, function, control (null where no rule recognises the row) and channel
              (the touchpoint's, else the row's own). The first touchpoint of the file that matches is the one.
    """
    known = [touchpoint for touchpoint in blueprint.touchpoints if touchpoint.when is not None]
    if not known:
        return table.mutate(**dict.fromkeys(("touchpoint", "stage", "function", "control"), ibis.null("string")))
    code = "touchpoint_code"
    coded = table.mutate(**{code: _code(table, known)})
    named = coded.mutate(
        touchpoint=_pick([one.id for one in known], coded[code]),
        stage=_pick([one.stage for one in known], coded[code]),
        function=_pick([one.function for one in known], coded[code]),
        control=_pick([one.control for one in known], coded[code]),
        channel=_channel(coded, known, code),
    )
    return named.drop(code)


def _code(table: ir.Table, known: Sequence[Touchpoint]) -> ir.IntegerValue:
    """The place of the first touchpoint that matches, or one past the last: one CASE, left at the first hit."""
    branches = [
        (likely(one.when, table), ibis.literal(place, "int16"))
        for place, one in enumerate(known)
        if one.when is not None
    ]
    return ibis.cases(*branches, else_=ibis.literal(len(known), "int16"))


def _pick(words: Sequence[str | None], code: ir.IntegerValue) -> ir.StringValue:
    """The word at a place; a constant array is six times cheaper than a second CASE over 30 touchpoints."""
    return ibis.array([ibis.literal(word, "string") for word in (*words, None)])[code]


def _channel(coded: ir.Table, known: Sequence[Touchpoint], code: str) -> ir.StringValue:
    if all(one.channel is None for one in known):
        return coded["channel"]
    return ibis.coalesce(_pick([one.channel for one in known], coded[code]), coded["channel"])
