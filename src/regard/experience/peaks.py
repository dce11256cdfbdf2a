"""Peaks and ends: the worst, the best and the last impression before a question may count for more than their share.

    an impression's eta = weight(x) * memory(age) * worst^(it is the worst) * best^(... the best) * last^(... the last)

Each factor is positive, with a prior centred on 1 (its log is normal about 0), so that a peak never changes sides and a
lapse never goes; the extra belongs to the interaction that is the peak, and contributions go on summing to eta. Only
what happens can be a peak: what describes a thing (its price, its seller, a wait) is none.

Source : peak-end (Kahneman, Fredrickson, Schreiber and Redelmeier 1993); the form is ours (ADR-0010).
"""

from __future__ import annotations

from collections.abc import Sequence

import ibis
import ibis.expr.types as ir
import numpy as np
from numpy.typing import NDArray

from regard.experience.kinds import TRAITS, Kind
from regard.experience.model import Model
from regard.experience.seen import Met

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
WORST, BEST, LAST = BITS = (1, 2, 4)
DIGITS = 9
"""Impressions are compared rounded to this, so that the last bit of an engine does not choose the peak."""


def events(kinds: Sequence[Kind]) -> list[int]:
    """Codes of the kinds that can be a peak."""
    return [kind.code for kind in kinds if kind.source not in TRAITS]


def marked(met: Met, model: Model) -> Ints:
    """What each impression is among those of its question: a sum of WORST, BEST and LAST. Met is in order of ask."""
    plain = np.zeros(len(met.ask))
    for kind in model.kinds:
        rows = met.of_kind.get(kind.code)
        if rows is not None:
            raw = model.raw(kind, met.x[rows])
            plain[rows] = raw * model.memory.of(met.age_s[rows], raw < 0)
    where = np.flatnonzero(np.isin(met.kind, events(model.kinds)))
    found = np.zeros(len(met.ask), dtype=np.int64)
    if not len(where):
        return found
    ask, eta, age = met.ask[where], plain[where].round(DIGITS), met.age_s[where]
    starts = np.flatnonzero(np.r_[True, ask[1:] != ask[:-1]])
    group = np.cumsum(np.r_[False, ask[1:] != ask[:-1]])
    for bit, side in ((WORST, -eta), (BEST, eta)):
        most = np.maximum.reduceat(side, starts)[group]
        peaks = np.flatnonzero((side == most) & (side > 0))
        first = np.unique(group[peaks], return_index=True)[1]
        found[where[peaks[first]]] += bit
    found[where[age == np.minimum.reduceat(age, starts)[group]]] += LAST
    return found


def factors(marks: Ints, heights: Floats) -> Floats:
    """By how much each impression is heightened.

    heights : logs of the factors of the worst, the best and the last.
    """
    held = ((marks[:, None] & np.array(BITS)) > 0).astype(np.float64)
    return np.asarray(np.exp(held @ heights), dtype=np.float64)


def mark(met: ir.Table, model: Model) -> ir.Table:
    """The same as `marked`, in the engine: rows of `before` with column marks."""
    raw = met.mutate(raw=model.eta(met.kind, met.x))
    plain = raw.mutate(plain=(raw.raw * model.memory.expression(raw.age_s, raw.raw < 0)).round(DIGITS))
    codes = events(model.kinds)
    event = plain.mutate(event=plain.kind.isin(codes) if codes else ibis.literal(False))
    tie = ["kind", "age_s", "x", "interaction_id"]
    worst = ibis.window(group_by=["ask", "event"], order_by=["plain", *tie])
    best = ibis.window(group_by=["ask", "event"], order_by=[ibis.desc("plain"), *tie])
    seen = event.mutate(
        low=ibis.row_number().over(worst),
        high=ibis.row_number().over(best),
        latest=event.age_s.min().over(ibis.window(group_by=["ask", "event"])),
    )
    is_worst = ((seen.low == 0) & (seen.plain < 0)).ifelse(WORST, 0)
    is_best = ((seen.high == 0) & (seen.plain > 0)).ifelse(BEST, 0)
    is_last = (seen.age_s == seen.latest).ifelse(LAST, 0)
    marks = seen.event.ifelse(is_worst + is_best + is_last, 0).cast("int64")
    return seen.mutate(marks=marks).drop("raw", "plain", "event", "low", "high", "latest")


def heightened(marks: ir.IntegerValue, heights: Floats) -> ir.FloatingValue:
    """The same as `factors`, in the engine."""
    every = [(marks == value, float(factors(np.array([value]), heights)[0])) for value in range(1, sum(BITS) + 1)]
    return ibis.cases(*every, else_=1.0)
