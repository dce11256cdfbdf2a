"""What a person had met at a moment: the impressions that bear on a question, and how old each one is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import ibis
import ibis.expr.types as ir
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from regard.experience.impressions import DAY_MS, unit_ms
from regard.experience.kinds import TRAITS, Kind

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
PLACE = ("interaction_id", "at", "object_type", "object_id", "touchpoint", "function")


@dataclass(frozen=True)
class Met:
    """Impressions in memory, ready for a fit.

    ask  : number of the question (an answer, or a person at a moment), from 0. n : how many questions.
    kind : code of the kind. x : size, in the kind's units. age_s : seconds from the impression to the question.
    marks : which are the worst, the best and the last, where the engine has marked them (`peaks.py`).
    """

    ask: Ints
    kind: Ints
    x: Floats
    age_s: Floats
    n: int
    marks: Ints | None = None

    @cached_property
    def of_kind(self) -> Mapping[int, Ints]:
        """Where the impressions of each kind are."""
        order = np.argsort(self.kind, kind="stable")
        codes, starts = np.unique(self.kind[order], return_index=True)
        return dict(zip(codes.tolist(), np.split(order, starts[1:]), strict=True)) if len(codes) else {}

    @classmethod
    def nothing(cls) -> Met:
        """No questions at all."""
        return cls(np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64), np.zeros(0), np.zeros(0), 0)

    @classmethod
    def of(cls, rows: pa.Table, *, first: int, n: int) -> Met:
        """From rows of `before`, questions `first` to `first + n - 1`."""
        order = np.lexsort(
            [rows[name].to_numpy() for name in ("x", "age_s", "kind", "ask")]  # one order on every engine
        )
        column = {name: rows[name].to_numpy()[order] for name in ("ask", "kind", "x", "age_s")}
        ask = column["ask"].astype(np.int64) - first
        marks = rows["marks"].to_numpy()[order].astype(np.int64) if "marks" in rows.column_names else None
        kind, x, age_s = column["kind"].astype(np.int64), column["x"].astype(float), column["age_s"].astype(float)
        return cls(ask, kind, x, age_s, n, marks)

    def after(self, other: Met) -> Met:
        """These questions behind those of `other`."""
        return Met(
            np.concatenate([other.ask, self.ask + other.n]),
            np.concatenate([other.kind, self.kind]),
            np.concatenate([other.x, self.x]),
            np.concatenate([other.age_s, self.age_s]),
            other.n + self.n,
        )

    def part(self, first: int, last: int) -> Met:
        """Questions `first` to `last - 1` only; for impressions in order of their questions."""
        low, high = np.searchsorted(self.ask, [first, last])
        rows = slice(low, high)
        return Met(self.ask[rows] - first, self.kind[rows], self.x[rows], self.age_s[rows], last - first)

    def last(self, n: int) -> Met:
        """The last n questions only."""
        return self.part(max(0, self.n - n), self.n)


@dataclass(frozen=True)
class Sight:
    """How far a question sees.

    level     : "transaction" sees what was about the same object (where the question names none: what happened within
                `quiet_s`) and the kinds that carry over; "relationship" sees everything.
    inclusive : sees what happened at the very moment too; an answer must not.
    """

    level: str
    quiet_s: float
    inclusive: bool = False

    def past(self, then: ir.IntegerValue, now: ir.IntegerValue) -> ir.BooleanValue:
        """Whether `then` is over, seen from `now`."""
        return then <= now if self.inclusive else then < now


def before(asked: ir.Table, made: ir.Table, standing: ir.Table, kinds: Sequence[Kind], *, sight: Sight) -> ir.Table:
    """Impressions that came before each question, and those that lasted at it.

    asked   : table (ask: int64, person_id, at_ms: int64, object_type, object_id); the object is what the question is
              about, null where it is about none.
    Returns : ask, kind: int16, x: float64, age_s: float64, person_id, and where each impression was made.
    """
    codes = [kind.code for kind in kinds]
    mine = made.filter(made.kind.isin(codes)) if codes else made.filter(ibis.literal(False))
    mine = mine.rename(made_ms="at_ms", about_type="object_type", about_id="object_id")
    joined = asked.join(mine, "person_id").filter(lambda t: sight.past(t.made_ms, t.at_ms))
    joined = _bearing(joined, kinds, sight)
    columns = {name: joined[name] for name in ("interaction_id", "at", "touchpoint", "function")}
    past = joined.select(
        "ask",
        "person_id",
        "kind",
        x=joined.x,
        age_s=_fading(joined, kinds, sight).ifelse((joined.at_ms - joined.made_ms).cast("float64") / 1000.0, 0.0),
        object_type=joined.about_type,
        object_id=joined.about_id,
        **columns,
    )
    return ibis.union(past, _lasting(asked, standing, kinds, sight))


def _lasting(asked: ir.Table, standing: ir.Table, kinds: Sequence[Kind], sight: Sight) -> ir.Table:
    """Standing impressions at the moment; they fade only once they have grown as large as they can."""
    lasting = [kind for kind in kinds if kind.standing]
    codes = [kind.code for kind in lasting]
    mine = standing.filter(standing.kind.isin(codes)) if codes else standing.filter(ibis.literal(False))
    mine = mine.drop("x").rename(made_ms="at_ms", about_type="object_type", about_id="object_id")
    joined = asked.join(mine, "person_id")
    joined = joined.filter(
        sight.past(joined.made_ms, joined.at_ms)
        & (joined.until_ms.isnull() | ~sight.past(joined.until_ms, joined.at_ms))
    )
    joined = _bearing(joined, kinds, sight)
    x = growth(joined.at_ms, joined.origin_ms, joined.kind, lasting)
    faded = (joined.at_ms - joined.full_ms).cast("float64") / 1000.0
    columns = {name: joined[name] for name in ("interaction_id", "at", "touchpoint", "function")}
    return joined.select(
        "ask",
        "person_id",
        "kind",
        x=x,
        age_s=((faded > 0) & _fading(joined, kinds, sight)).ifelse(faded, 0.0),
        object_type=joined.about_type,
        object_id=joined.about_id,
        **columns,
    )


def growth(
    now_ms: ir.IntegerValue, origin_ms: ir.IntegerValue, code: ir.IntegerValue, kinds: Sequence[Kind]
) -> ir.FloatingValue:
    """How large a standing impression is at a moment; whole days where its unit is a day and it is overdue."""
    elapsed = (now_ms - origin_ms).cast("float64")
    branches = []
    for kind in kinds:
        if kind.source == "overdue" and unit_ms(kind) == DAY_MS:
            branches.append((code == kind.code, (elapsed / DAY_MS).floor().cast("float64")))
        else:
            branches.append((code == kind.code, elapsed / unit_ms(kind)))
    return ibis.cases(*branches, else_=ibis.null("float64")) if branches else ibis.null("float64")


def _bearing(joined: ir.Table, kinds: Sequence[Kind], sight: Sight) -> ir.Table:
    """Only what bears on the question; everything does on the relationship."""
    if sight.level == "relationship":
        return joined
    same = (joined.about_type == joined.object_type) & (joined.about_id == joined.object_id)
    recent = joined.object_id.isnull() & (joined.at_ms - joined.made_ms <= int(sight.quiet_s * 1000))
    carried = [kind.code for kind in kinds if kind.spec.carries]
    bears = same.fill_null(False) | recent
    return joined.filter(bears | joined.kind.isin(carried) if carried else bears)


def _fading(joined: ir.Table, kinds: Sequence[Kind], sight: Sight) -> ir.BooleanValue:
    """What describes the very thing that is asked about (its price, its seller) does not fade; what happened does."""
    traits = [kind.code for kind in kinds if kind.source in TRAITS]
    if sight.level == "relationship" or not traits:
        return ibis.literal(True)
    same = (joined.about_type == joined.object_type) & (joined.about_id == joined.object_id)
    return ~(joined.kind.isin(traits) & same.fill_null(False))
