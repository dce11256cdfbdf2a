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
    Returns    : table (person_id, first_at, answered: gave feedback on the level).
    """
    met = (
        tables["persons"]
        .group_by("person_id")
        .agg(first_at=tables["persons"].first_at.min(), last_at=tables["persons"].last_at.max())
    )
    met = met.filter(met.last_at >= seen_since)
    worth = tables["value"].select("person_id", "p_alive")
    still = met.left_join(worth, "person_id").filter(lambda t: t.p_alive.isnull() | (t.p_alive > alive_over))
    rated = tables["scores"].filter(tables["scores"].level == level).select("person_id", "answered", "account")
    mine = still.select("person_id", "first_at").join(rated, "person_id")
    if kind == "answered":
        mine = mine.filter(mine.answered)
    elif kind == "quiet":
        mine = mine.filter(~mine.answered)
    elif kind == "account":
        mine = mine.filter(mine.account == segment)
    elif kind in NAMED:
        touches = tables["touches"]
        mine = mine.semi_join(touches.filter(touches[kind] == segment).select("person_id").distinct(), "person_id")
    return mine.select("person_id", "first_at", "answered")


@lru_cache(maxsize=1)
def options() -> Question:
    """Accounts, units and channels by name, the most frequent first; rows (kind, name, n)."""

    def build(tables: Tables) -> ir.Table:
        found = []
        for kind in NAMED:
            touches = tables["touches"]
            named = touches.filter(touches[kind].notnull()).group_by(name=touches[kind]).agg(n=ibis._.count())
            named = named.order_by(ibis.desc("n"), "name").limit(12)
            found.append(named.select(kind=ibis.literal(kind), name=named.name, n=named.n))
        return ibis.union(*found)

    return Question(build, {})
