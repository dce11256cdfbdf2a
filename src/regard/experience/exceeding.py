"""From how much better than promised customers' own answers are better: a threshold estimated, or none claimed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import ibis
import ibis.expr.types as ir
import numpy as np
from scipy.special import ndtri

from regard.engine import Engine

BINS = 10
LEAST = 30
LEVEL = 0.01


@dataclass(frozen=True)
class Bin:
    """Answers about deliveries that were better than promised by `start` or more, up to the next bin's start."""

    start: float
    n: int
    mean: float
    variance: float


def threshold(measured: ir.Table, engine: Engine) -> float | None:
    """The least extra from which answers are better than for what was merely kept; None where none is supported.

    measured : promises with delivered, fulfilled, extra (in the promise's unit, seconds early for time) and rating, the
               last answer since the delivery.
    Returns  : the start of a bin of `extra`, or None. See `least`.
    """
    heard = measured.filter(
        measured["delivered"],
        measured["fulfilled"],
        measured["extra"] >= 0,
        measured["rating"].notnull(),
    ).select("extra", "rating")
    shares = [place / BINS for place in range(BINS)]
    ends = engine.rows(heard.aggregate(**{f"q{i}": heard["extra"].quantile(share) for i, share in enumerate(shares)}))
    starts = sorted({float(value) for row in ends.to_pylist() for value in row.values() if value is not None})
    if len(starts) < 2:
        return None
    number = ibis.cases(*[(heard["extra"] >= start, place) for place, start in reversed(list(enumerate(starts)))])
    binned = heard.mutate(bin=number)
    counts = engine.rows(
        binned.group_by("bin").aggregate(
            n=binned.count(), mean=binned["rating"].mean(), variance=binned["rating"].var(how="sample")
        )
    ).to_pylist()
    rows = sorted(counts, key=lambda row: row["bin"])
    return least([Bin(starts[row["bin"]], row["n"], row["mean"], row["variance"] or 0.0) for row in rows])


def least(bins: Sequence[Bin]) -> float | None:
    """The start of the first bin whose answers, and all beyond whose answers, are better than those of all bins before.

    bins    : in rising order of start; the first holds what was merely kept.
    Returns : its start, or None. A bin counts as better when a one-sided Welch test against all before it is passed at
              1 % divided by the number of bins tested (Bonferroni), with 30 answers on either side; the mean of each
              bin beyond must be higher too, so that the threshold is a step and not a bump.

    >>> least([Bin(0, 900, 4.0, 1.0), Bin(1, 900, 4.0, 1.0), Bin(2, 900, 4.5, 1.0), Bin(3, 900, 4.6, 1.0)])
    2
    >>> least([Bin(0, 900, 4.0, 1.0), Bin(1, 900, 4.05, 1.0)]) is None
    True
    """
    critical = -float(ndtri(LEVEL / max(1, len(bins) - 1)))
    for place in range(1, len(bins)):
        before, here = _pooled(bins[:place]), bins[place]
        if min(before.n, here.n) < LEAST:
            continue
        error = np.sqrt(before.variance / before.n + here.variance / here.n)
        better = here.mean - before.mean > critical * error
        if better and all(beyond.mean > before.mean for beyond in bins[place:]):
            return here.start
    return None


def _pooled(bins: Sequence[Bin]) -> Bin:
    """Several bins as one: the total mean and variance from those of the parts."""
    n = sum(one.n for one in bins)
    mean = sum(one.n * one.mean for one in bins) / n
    squares = sum((one.n - 1) * one.variance + one.n * (one.mean - mean) ** 2 for one in bins)
    return Bin(bins[0].start, n, mean, squares / max(1, n - 1))
