"""How often will they buy, and are they still customers? The BG/NBD model of repeat buying.

A customer buys at a Poisson rate until, after any repeat purchase, they drop out with a probability of their own.
Rates differ between customers as Gamma(r, alpha), drop-out probabilities as Beta(a, b). All the model needs to know of
a customer is x (repeat purchases), t_x (when the last was) and T (how long ago the first was), so people with the same
three are counted together.

Source: Fader, Hardie and Lee (2005), "Counting your customers" the easy way, Marketing Science 24(2), 275-284.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy import special

from regard.value.likelihood import Estimate, Floats, Ints, maximise

HIGHEST = {"r": 7.0, "alpha": 14.0, "a": 7.0, "b": 7.0}  # logarithms; beyond them customers no longer differ
SAYS = {
    "r": "shape of the purchase rates",
    "alpha": "scale of the purchase rates, weeks; the mean rate is r / alpha a week",
    "a": "shape of the drop-out probabilities; their mean is a / (a + b)",
    "b": "shape of the drop-out probabilities; their mean is a / (a + b)",
}
LEAVING = ("a", "b")
POLE = 1e-6


@dataclass(frozen=True)
class Groups:
    """People counted by what the model knows of them; weeks.

    x : repeat purchase days; t_x : first to last purchase; T : first purchase to as_of; n : people.
    """

    x: Ints
    t_x: Floats
    T: Floats
    n: Ints


@dataclass(frozen=True)
class BgNbd:
    """A fitted model; time in weeks."""

    estimates: tuple[Estimate, ...]
    log_likelihood: float

    @property
    def parameters(self) -> tuple[float, float, float, float]:
        r, alpha, a, b = (estimate.value for estimate in self.estimates)
        return r, alpha, a, b

    @property
    def leaving_known(self) -> bool:
        """Whether the data say how customers leave: a and b are identified. Else p_alive rests on nothing."""
        return all(one.identified for one in self.estimates if one.name in LEAVING)


def fit(groups: Groups) -> BgNbd | None:
    """The likeliest parameters; None where nobody has bought twice, so that nothing can be known.

    >>> fit(Groups(np.array([0]), np.array([0.0]), np.array([10.0]), np.array([50]))) is None
    True
    """
    repeats = float((groups.x * groups.n).sum())
    exposure = float((groups.T * groups.n).sum())
    if repeats <= 0 or exposure <= 0:
        return None
    start = np.log([1.0, exposure / repeats, 1.0, 1.0])
    estimates, likelihood = maximise(_likelihood(groups), start, highest=HIGHEST)
    return BgNbd(estimates, likelihood)


def p_alive(model: BgNbd, x: Ints, t_x: Floats, T: Floats) -> Floats:
    """Probability of still being a customer; 1 for those without a repeat, by the model's construction.

    Source : Fader and Hardie (2008), Computing P(alive) using the BG/NBD model, brucehardie.com/notes/021.
    """
    r, alpha, a, b = model.parameters
    odds = a / np.maximum(b + x - 1, POLE) * np.exp((r + x) * (np.log(alpha + T) - np.log(alpha + t_x)))
    return np.asarray(np.where(x > 0, 1.0 / (1.0 + odds), 1.0), dtype=np.float64)


def expected_if_alive(model: BgNbd, x: Ints, T: Floats, *, weeks: float) -> Floats:
    """Purchase days expected over the next `weeks` of a customer who is still there; times p_alive it is equation 10.

    The paper's 2F1(r+x, b+x; a+b+x-1; z) overflows for frequent buyers; Euler's transformation (DLMF 15.8.1) gives
    the same product from 2F1(a+b-1-r, a-1; a+b+x-1; z), whose terms stay small. Where even that overflows (a or b in
    the hundreds) the expectation is integrated over the drop-out probabilities that are left.
    """
    r, alpha, a, b = model.parameters
    if abs(a - 1.0) < POLE:  # a removable pole: the limit, to six digits
        a = 1.0 + POLE
    z = weeks / (alpha + T + weeks)
    with np.errstate(all="ignore"):
        series = special.hyp2f1(a + b - 1 - r, a - 1, a + b + x - 1, z)
        ahead = (a + b + x - 1) / (a - 1) * (1.0 - np.exp((a - 1) * np.log1p(-z)) * series)
    open_ = ~np.isfinite(ahead)
    if open_.any():
        ahead[open_] = _integrated(model, x[open_], weeks / (alpha + T[open_]))
    return np.asarray(ahead, dtype=np.float64)


def _integrated(model: BgNbd, x: Ints, ratio: Floats) -> Floats:
    """Mean of (1 - (1 + p ratio)^-(r+x)) / p over p ~ Beta(a, b + x): purchases ahead, by their drop-out p."""
    r, _, a, b = model.parameters
    node, weight = np.polynomial.legendre.leggauss(64)
    p = np.maximum(special.betaincinv(a, b + x[:, None], (node + 1) / 2), 1e-300)
    each = -np.expm1(-(r + x[:, None]) * np.log1p(p * ratio[:, None])) / p
    return np.asarray((each * weight / 2).sum(axis=1), dtype=np.float64)


def _likelihood(groups: Groups) -> Callable[[Floats], tuple[float, Floats]]:
    """Minus the log-likelihood (equation 6) and its gradient, at the logarithms of r, alpha, a, b."""
    x, n = groups.x.astype(np.float64), groups.n.astype(np.float64)
    counts, where = np.unique(x, return_inverse=True)
    by_x = np.asarray(np.bincount(where, weights=n), dtype=np.float64)
    long, long_at = np.unique(groups.T, return_inverse=True)  # few distinct: their logarithms are taken once
    again = groups.x > 0
    x2, n2, T2, t2 = x[again], n[again], long_at[again], groups.t_x[again]

    def at(theta: Floats) -> tuple[float, Floats]:
        r, alpha, a, b = np.exp(theta)
        log_T, log_t = np.log(alpha + long), np.log(alpha + t2)
        gap = log_T[T2] - log_t
        odds = np.log(a) - np.log(b + x2 - 1) + (r + x2) * gap  # of having left since t_x, logarithm
        left = n2 * special.expit(odds)
        constant, slopes = _constant(counts, by_x, r, alpha, a, b)
        value = constant - float((n * (r + x) * log_T[long_at]).sum()) + float((n2 * np.logaddexp(0, odds)).sum())
        d_r = slopes[0] - float((n * log_T[long_at]).sum()) + float((left * gap).sum())
        since = 1 / (alpha + long)
        d_alpha = slopes[1] - float((n * (r + x) * since[long_at]).sum())
        d_alpha += float((left * (r + x2) * (since[T2] - 1 / (alpha + t2))).sum())
        d_a = slopes[2] + float(left.sum()) / a
        d_b = slopes[3] - float((left / (b + x2 - 1)).sum())
        return -value, -np.array([d_r * r, d_alpha * alpha, d_a * a, d_b * b])

    return at


def _constant(x: Floats, by_x: Floats, r: float, alpha: float, a: float, b: float) -> tuple[float, Floats]:
    """The part of the log-likelihood that depends on x alone, and its slopes in r, alpha, a, b."""
    people = float(by_x.sum())
    gamma, digamma = special.gammaln, special.digamma
    terms = gamma(r + x) + gamma(b + x) - gamma(a + b + x)
    value = float((by_x * terms).sum()) + people * float(gamma(a + b) - gamma(b) - gamma(r) + r * np.log(alpha))
    at_r = float((by_x * digamma(r + x)).sum()) + people * float(np.log(alpha) - digamma(r))
    both = float((by_x * digamma(a + b + x)).sum())
    at_a = people * float(digamma(a + b)) - both
    at_b = float((by_x * digamma(b + x)).sum()) - both + people * float(digamma(a + b) - digamma(b))
    return value, np.array([at_r, people * r / alpha, at_a, at_b])
