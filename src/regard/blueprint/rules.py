"""A blueprint's rule as a condition on rows, the same on every engine and never null."""

from __future__ import annotations

from dataclasses import replace
from functools import reduce
from operator import and_, or_

import ibis
import ibis.expr.types as ir

from regard.blueprint.model import Rule
from regard.errors import TableError

TEXT_FIELDS = (
    "event", "channel", "source", "kind", "direction", "actor", "unit", "role", "account", "scale", "language",
    "touchpoint", "stage", "function", "control",
)  # fmt: skip
NUMBER_FIELDS = ("rating", "duration_s")
PROPERTY = "property."


def condition(rule: Rule, table: ir.Table) -> ir.BooleanValue:
    """Whether a row is one that the rule means; true or false, never null.

    rule   : as `read` makes it; text is compared as it is, a value that ends in `*` as a prefix, `*` is anything.
    table  : interactions or touches, or any table with the columns that the rule names.
    Raises : TableError if the table lacks a column that the rule names (interactions know no touchpoint).
    """
    said = likely(rule, table)
    return said if rule.negated else said.fill_null(False)


def likely(rule: Rule, table: ir.Table) -> ir.BooleanValue:
    """As `condition`, but null may stand for false: half the cost where a CASE or a filter takes null as false."""
    if rule.negated:
        return ~condition(replace(rule, negated=False), table)
    if rule.every:
        return reduce(and_, [likely(part, table) for part in rule.every])
    if rule.some:
        return reduce(or_, [likely(part, table) for part in rule.some])
    if rule.field is None:  # a rule without parts means every row
        return ibis.literal(True)
    if rule.field == "object":
        return _about(rule, table)
    value = _value(rule.field, table)
    if rule.low is not None or rule.high is not None:
        return _between(value, rule)
    return _matches(value.cast("string"), rule.values)


def _value(field: str, table: ir.Table) -> ir.Value:
    if field.startswith(PROPERTY):
        _need("properties", field, table)
        return table["properties"].get(field.removeprefix(PROPERTY), ibis.null("string"))
    _need(field, field, table)
    return table[field]


def _need(column: str, field: str, table: ir.Table) -> None:
    if column not in table.columns:
        raise TableError(
            f"A rule asks for {field!r}, which this table does not have.",
            found=", ".join(table.columns),
            hint="Touchpoint, stage, function and control are known only after `recognise`.",
        )


def _between(value: ir.Value, rule: Rule) -> ir.BooleanValue:
    number = value.try_cast("float64") if value.type().is_string() else value.cast("float64")
    said: ir.BooleanValue = ibis.literal(True)
    if rule.low is not None:
        said = said & (number >= rule.low)
    if rule.high is not None:
        said = said & (number <= rule.high)
    return said


def _matches(value: ir.StringValue, values: tuple[str, ...]) -> ir.BooleanValue:
    if "*" in values:
        return value.notnull()
    exact = [word for word in values if not word.endswith("*")]
    parts = [value == exact[0]] if len(exact) == 1 else [value.isin(exact)] if exact else []
    parts += [value.startswith(word[:-1]) for word in values if word.endswith("*")]
    return reduce(or_, parts)


def _about(rule: Rule, table: ir.Table) -> ir.BooleanValue:
    """Whether the row is about an object of one of the types."""
    _need("objects", "object", table)
    types = table["objects"].map(lambda thing: thing["type"])
    exact = [word for word in rule.values if not word.endswith("*")]
    parts = [types.contains(word) for word in exact]
    for word in rule.values:
        if word.endswith("*"):
            start = word[:-1]
            found = types.filter(lambda kind, start=start: kind.startswith(start))
            parts.append(found.length() > 0)
    return reduce(or_, parts)
