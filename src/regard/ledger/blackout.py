"""Taking a person's handles out of what others said: free text, properties, names of files, ids made of them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import cast

import ibis
import ibis.expr.types as ir
import pyarrow as pa

from regard.engine import Engine
from regard.ledger.tombstones import token
from regard.tables import INTERACTIONS

BLACK = "[forgotten]"
LONG_ENOUGH = 5
"""A shorter handle (a customer number such as 12) is looked for on the person's own rows only."""

PHONE_LIKE = re.compile(r"[+0-9 ()./-]{7,}")


NAMES = ("interaction_id", "corrects", "retracts", "account", "actor")
"""Columns that are names: what is taken out of them gives way to a token, so that names stay different."""


@dataclass(frozen=True)
class Blackout:
    """Handle values to be taken out, as they stand in the ledger.

    tokens : each value with what stands for it in ids.
    """

    tokens: Mapping[str, str]

    @classmethod
    def of(cls, values: Iterable[str], secret: str, engine: Engine) -> Blackout:
        """The values, each once however it is written, with tokens made from the workspace's key."""
        once = sorted({value.strip().lower() for value in values if value.strip()})
        rows = engine.table(pa.table({"value": pa.array(once, pa.string())}))
        made = engine.rows(rows.select("value", token=token(rows.value, secret))).to_pylist()
        return cls({row["value"]: row["token"] for row in made})

    @property
    def values(self) -> tuple[str, ...]:
        return tuple(self.tokens)

    @property
    def telling(self) -> tuple[str, ...]:
        """Values long enough to be recognised wherever they stand."""
        return tuple(value for value in self.values if len(value) >= LONG_ENOUGH or "@" in value)

    def text(self, said: ir.StringValue, *, own: bool) -> ir.StringValue:
        """A text without the values; `own` takes out the short ones too."""
        wanted = self.values if own else self.telling
        return cast(ir.StringValue, said.re_replace(pattern(wanted), BLACK)) if wanted else said

    def name(self, said: ir.StringValue, *, own: bool) -> ir.StringValue:
        """An id in which each value gives way to what stands for it, so that ids stay different."""
        for value in self.values if own else self.telling:
            said = cast(ir.StringValue, said.re_replace(pattern((value,)), self.tokens[value]))
        return said

    def mentioned(self, columns: Iterable[ir.StringValue]) -> ir.BooleanValue:
        """Whether one of the texts holds one of the telling values."""
        found: ir.BooleanValue = ibis.literal(False)
        if self.telling:
            for column in columns:
                found = found | ibis.coalesce(column.re_search(pattern(self.telling)), False)
        return found


def texts_of(rows: ir.Table) -> list[ir.StringValue]:
    """Everything on an interaction in which somebody may be mentioned, as texts."""
    texts = [rows[name] for name in (*NAMES, "text")]
    return [*texts, rows.properties.values().join("\n"), rows.objects.map(lambda one: one["id"]).join("\n")]


def blacked(rows: ir.Table, black: Blackout) -> ir.Table:
    """Interactions without the values.

    rows    : interactions, and mine (the person is on it: short values go too), mentioned (others speak of them).
    Returns : interactions.
    """
    columns: dict[str, ir.Value] = {"text": _where(rows, rows.text, lambda said, own: black.text(said, own=own))}
    for name in NAMES:
        columns[name] = _where(rows, rows[name], lambda said, own: black.name(said, own=own))
    columns["properties"] = _where(rows, rows.properties, lambda said, own: _properties(said, black, own))
    columns["objects"] = _where(rows, rows.objects, lambda said, own: _objects(said, black, own))
    return rows.mutate(**columns).select(*INTERACTIONS.names)


def _where(rows: ir.Table, said: ir.Value, change: Callable[[ir.Value, bool], ir.Value]) -> ir.Value:
    return ibis.cases((rows.mine, change(said, True)), (rows.mentioned, change(said, False)), else_=said)


def _properties(said: ir.MapValue, black: Blackout, own: bool) -> ir.MapValue:
    return ibis.map(said.keys(), said.values().map(lambda value: black.text(value, own=own)))


def _objects(said: ir.ArrayValue, black: Blackout, own: bool) -> ir.ArrayValue:
    def one(thing: ir.StructValue) -> ir.StructValue:
        names = {name: black.name(thing[name], own=own) for name in ("id", "qualifier")}
        return ibis.struct({"type": thing["type"], **names})

    return said.map(one)


def pattern(values: Sequence[str]) -> str:
    """A regular expression (RE2) for values as whole words, in any case; telephone numbers with any spacing."""
    return "(?i)(?:" + "|".join(_one(value) for value in sorted(values, key=len, reverse=True)) + ")"


def _one(value: str) -> str:
    value = value.strip()
    digits = re.sub(r"\D", "", value)
    if PHONE_LIKE.fullmatch(value) and len(digits) >= 7:
        return r"\b" + r"[ ()./-]*".join(digits) + r"\b"
    start = r"\b" if re.match(r"[0-9A-Za-z_]", value) else ""
    end = r"\b" if re.search(r"[0-9A-Za-z_]$", value) else ""
    return start + re.escape(value) + end
