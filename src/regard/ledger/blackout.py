"""Taking a person's handles out of what others said: free text, properties, names of files, ids made of them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import cast

import ibis
import ibis.expr.types as ir

from regard.ledger.door import token

BLACK = "[forgotten]"
LONG_ENOUGH = 5
"""A shorter handle (a customer number such as 12) is looked for on the person's own rows only."""

PHONE_LIKE = re.compile(r"[+0-9 ()./-]{7,}")


@dataclass(frozen=True)
class Blackout:
    """Handle values to be taken out, as they stand in the ledger.

    values : all of them.
    secret : the workspace's key, from which what stands for them in ids is made.
    """

    values: tuple[str, ...]
    secret: str

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
            said = cast(ir.StringValue, said.re_replace(pattern((value,)), token(ibis.literal(value), self.secret)))
        return said

    def mentioned(self, columns: Iterable[ir.StringValue]) -> ir.BooleanValue:
        """Whether one of the texts holds one of the telling values."""
        found: ir.BooleanValue = ibis.literal(False)
        if self.telling:
            for column in columns:
                found = found | ibis.coalesce(column.re_search(pattern(self.telling)), False)
        return found


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
