"""Filters as people type them: `--where "score < 0"`, turned into an expression with values checked against types."""

from __future__ import annotations

import datetime as dt
import itertools
import re
from collections.abc import Callable

import ibis
import ibis.expr.datatypes as types
import ibis.expr.types as ir

from regard.errors import SettingError, nearest

PATTERN = re.compile(
    r"^\s*(?P<column>\w+)\s*(?P<operator>!=|<>|<=|>=|==|=|<|>|~|\bis\s+not\b|\bis\b|\bnot\s+in\b|\bin\b)"
    r"\s*(?P<value>.*?)\s*$",
    re.I | re.S,
)
ALLOWED = (
    "COLUMN = VALUE, with = != < <= > >=, ~ for 'contains', COLUMN in (A, B), COLUMN is null / is not null; "
    "several joined by `and`"
)
QUOTED = r"'[^']*'|\"[^\"]*\""
JOINED = re.compile(rf"({QUOTED})|\s+and\s+(?=\w+\s*(?:[!=<>~]|is\b|in\b|not\s+in\b))", re.I)
LISTED = re.compile(rf"\s*({QUOTED}|[^,'\"]+?)\s*(?:,|$)")

OPERATORS: dict[str, Callable[[ir.Value, ir.Value], ir.BooleanValue]] = {
    "=": lambda column, value: column == value,
    "==": lambda column, value: column == value,
    "<>": lambda column, value: column != value,
    "!=": lambda column, value: column != value,
    "<": lambda column, value: column < value,
    "<=": lambda column, value: column <= value,
    ">": lambda column, value: column > value,
    ">=": lambda column, value: column >= value,
}


def where(table: ir.Table, conditions: tuple[str, ...]) -> ir.Table:
    """The rows of a table for which every condition holds.

    conditions : texts such as "score < 0", "outcome = broken", "text ~ late", "due_at is null",
                 "outcome in (broken, overdue) and late_days > 3".
    Raises     : SettingError naming the nearest column, the operators allowed or the type wanted.
    """
    for text in conditions:
        for part in _parts(text):
            table = table.filter(_condition(table, part))
    return table


def _parts(text: str) -> list[str]:
    """The conditions that `and` joins; an `and` inside quotes or inside a value joins nothing.

    >>> _parts("score < 0 and level = 'now and then'")
    ['score < 0', "level = 'now and then'"]
    """
    cuts = [(0, 0), *(found.span() for found in JOINED.finditer(text) if not found[1]), (len(text), len(text))]
    return [text[before[1] : after[0]] for before, after in itertools.pairwise(cuts)]


def _condition(table: ir.Table, text: str) -> ir.BooleanValue:
    match = PATTERN.match(text)
    if not match:
        raise SettingError(f"{text!r} is not a condition.", allowed=ALLOWED)
    name, operator, value = match["column"], re.sub(r"\s+", " ", match["operator"].lower()), match["value"]
    if name not in table.columns:
        close = nearest(name, table.columns)
        raise SettingError(
            f"There is no column {name!r} here.",
            allowed=", ".join(table.columns),
            hint=f"Did you mean {close!r}?" if close else None,
        )
    column = table[name]
    if operator in ("is", "is not"):
        if value.lower() != "null":
            raise SettingError(f"{text!r} is not a condition.", allowed="is null, or is not null")
        return column.isnull() if operator == "is" else column.notnull()
    if operator in ("in", "not in"):
        among = column.isin([_literal(column, one, name) for one in _listed(value, text)])
        return among if operator == "in" else ~among
    unquoted = _unquoted(value)
    if operator == "~":
        return column.cast("string").lower().contains(unquoted.lower())
    return OPERATORS[operator](column, _literal(column, unquoted, name))


def _listed(value: str, text: str) -> list[str]:
    """The values of a list in brackets; a comma inside quotes parts nothing."""
    inside = value[1:-1].strip() if value[:1] + value[-1:] == "()" else ""
    found = [_unquoted(one) for one in LISTED.findall(inside)]
    if not found:
        raise SettingError(f"{text!r} is not a condition.", allowed="COLUMN in (A, B)")
    return found


def _unquoted(value: str) -> str:
    return value[1:-1] if len(value) > 1 and value[0] == value[-1] and value[0] in "'\"" else value


def _literal(column: ir.Value, value: str, name: str) -> ir.Value:
    return ibis.literal(_typed(value, column.type(), name), type=column.type())


def _typed(value: str, kind: types.DataType, column: str) -> object:
    try:
        if kind.is_boolean():
            return {"true": True, "false": False, "yes": True, "no": False}[value.lower()]
        if kind.is_integer():
            return int(value)
        if kind.is_floating():
            return float(value)
        if kind.is_timestamp():
            moment = dt.datetime.fromisoformat(value)
            return moment if moment.tzinfo else moment.replace(tzinfo=dt.UTC)
        if kind.is_date():
            return dt.date.fromisoformat(value)
    except (ValueError, KeyError):
        raise SettingError(f"{value!r} cannot be compared with {column}.", allowed=f"a value of type {kind}") from None
    if not kind.is_string():
        raise SettingError(f"{column} cannot be filtered by a value.", found=f"type {kind}", hint="Use ~ or is null.")
    return value
