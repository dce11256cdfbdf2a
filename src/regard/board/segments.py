"""Of whom is a figure? Everyone, or a part of everyone that the tables know."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import ibis
import ibis.expr.types as ir

from regard.engine import Question, Tables
from regard.errors import SettingError

KINDS = ("everyone", "answered", "quiet", "account", "unit", "channel")
NAMED = ("account", "unit", "channel")
OFFERED = 12
GIVEN = {"segment": "string", "level": "string", "seen_since": "timestamp('UTC', 6)", "alive_over": "float64"}
"""What every question about a segment is given; `members` takes the same."""


@dataclass(frozen=True)
class Segment:
    """A part of everyone.

    kind : everyone, answered (they told us on this level), quiet (they never did), account, unit or channel.
    name : of the account, unit or channel.
    """

    kind: str = "everyone"
    name: str | None = None

    @classmethod
    def parse(cls, text: str) -> Segment:
        """From the text in an address, such as "quiet" or "unit:north".

        Raises : SettingError if there is no such kind, or the name is missing.
        """
        kind, _, name = text.partition(":")
        if kind not in KINDS or (kind in NAMED) != bool(name):
            allowed = ", ".join(f"{one}:NAME" if one in NAMED else one for one in KINDS)
            raise SettingError(f"{text!r} is not a segment.", allowed=allowed)
        return cls(kind, name or None)

    def __str__(self) -> str:
        return f"{self.kind}:{self.name}" if self.name else self.kind


def members(
    tables: Tables,
    kind: str,
    *,
    segment: ir.StringValue,
    level: ir.StringValue,
    seen_since: ir.TimestampValue,
    alive_over: ir.FloatingValue,
) -> ir.Table:
    """Those in a segment who are still customers, with the time we first met them.

    seen_since : an interaction at this time or later makes somebody a customer still,
    alive_over : and so does a probability above this, where one is known.
    Returns    : rows of `profiles`: person_id, person (a number, quicker to join by), first_at, answered ...
    """
    rows = tables["profiles"]
    rows = rows.filter(
        rows.level == level, rows.last_at >= seen_since, rows.p_alive.isnull() | (rows.p_alive > alive_over)
    )
    if kind == "answered":
        return rows.filter(rows.answered)
    if kind == "quiet":
        return rows.filter(~rows.answered)
    if kind == "account":
        return rows.filter(rows.account == segment)
    if kind in NAMED:
        return rows.filter(rows[f"{kind}s"].contains(segment))
    return rows


@lru_cache(maxsize=1)
def options() -> Question:
    """Accounts, units and channels by name, the most frequent of each first; rows (kind, name, n)."""

    def build(tables: Tables) -> ir.Table:
        named = tables["segments"]
        order = ibis.window(group_by="kind", order_by=[ibis.desc("n"), "name"])
        first = named.mutate(place=ibis.row_number().over(order))
        return first.filter(first.place < OFFERED).order_by("kind", "place").drop("place")

    return Question(build, {})
