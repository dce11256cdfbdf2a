"""What people had met, summed by the terms of a model: what a fit is fitted on, and how eta moves with memory."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from regard.experience.model import Model
from regard.experience.peaks import BITS, factors, marked
from regard.experience.seen import Met

Floats = NDArray[np.float64]


def features(met: Met, model: Model) -> Floats:
    """Sums of each term over what was met before each question, with memory applied: (n, weights)."""
    columns, high = np.zeros((met.n, len(model.slots))), _heightened(met, model)
    for kind in model.kinds:
        rows = met.of_kind.get(kind.code)
        if rows is None:
            continue
        ask, x = met.ask[rows], met.x[rows]
        left = model.memory.of(met.age_s[rows], model.raw(kind, x) < 0) * high[rows]
        where = model.span[kind.code]
        for slot, term in zip(range(where.start, where.stop), kind.terms, strict=True):
            columns[:, slot] = np.bincount(ask, (term.of(x) - model.reference[slot]) * left, minlength=met.n)
    return columns


def memory_slopes(met: Met, model: Model) -> Floats:
    """Derivatives of eta by the coordinates of memory: (n, coordinates)."""
    slopes, high = np.zeros((met.n, len(model.memory_sd))), _heightened(met, model)
    for kind in model.kinds:
        rows = met.of_kind.get(kind.code)
        if rows is None:
            continue
        raw = model.raw(kind, met.x[rows])
        by_memory = model.memory.slopes(met.age_s[rows], raw < 0) * (raw * high[rows])[:, None]
        if model.memory.heights:
            eta = raw * model.memory.of(met.age_s[rows], raw < 0) * high[rows]
            held = (marks_of(met, model)[rows][:, None] & np.array(BITS)) > 0
            by_memory = np.hstack([by_memory, held * eta[:, None]])
        for place in range(slopes.shape[1]):
            slopes[:, place] += np.bincount(met.ask[rows], by_memory[:, place], minlength=met.n)
    return slopes


def marks_of(met: Met, model: Model) -> NDArray[np.int64]:
    """Which impressions are the worst, the best and the last: as the engine marked them, or worked out here."""
    return marked(met, model) if met.marks is None else met.marks


def _heightened(met: Met, model: Model) -> Floats:
    if not model.memory.heights:
        return np.ones(len(met.ask))
    return factors(marks_of(met, model), np.array(model.memory.heights))


def usual(met: Met, model: Model) -> Floats:
    """What is usual here: the mean of each centred term over everything met; 0 for the terms that count from zero."""
    found = np.zeros(len(model.slots))
    for kind in model.kinds:
        x = met.x[met.of_kind.get(kind.code, np.zeros(0, dtype=np.int64))]
        where = model.span[kind.code]
        for slot, term in zip(range(where.start, where.stop), kind.terms, strict=True):
            if term.centred and len(x):
                found[slot] = float(term.of(x).mean())
    return found
