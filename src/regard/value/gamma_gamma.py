"""What will they spend each time? The Gamma-Gamma model of spend.

A customer's purchases vary around a mean of their own (Gamma with shape p), and the means differ between customers so
that the mean of few purchases is drawn towards everyone's. Fitted by maximum likelihood: a prior on the parameters
would pull them (on CDNOW from 6.25, 3.74, 15.4 to 4.29, 3.65, 22.5).

Source: Fader, Hardie and Lee (2005), RFM and CLV, Journal of Marketing Research 42(4), 415-430, and Fader and
Hardie (2013), The Gamma-Gamma model of monetary value, brucehardie.com/notes/025.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from scipy import special

from regard.value.likelihood import Estimate, Floats, Ints, maximise

HIGHEST = {"p": 9.0, "q": 9.0, "v": 25.0}  # logarithms; beyond them customers, or purchases, no longer differ
SAYS = {
    "p": "shape of one customer's purchases around their own mean",
    "q": "shape of the customers' means; over 1, so that the mean over everyone exists",
    "v": "scale of the customers' means, major units of the currency (gamma in the paper)",
}
FEWEST = 3


@dataclass(frozen=True)
class GammaGamma:
    """A fitted model; money in major units of the currency."""

    estimates: tuple[Estimate, ...]
    log_likelihood: float

    @property
    def parameters(self) -> tuple[float, float, float]:
        p, q, v = (estimate.value for estimate in self.estimates)
        return p, q, v


def fit(x: Ints, spent: Floats) -> GammaGamma | None:
    """The likeliest parameters; None with fewer than three repeat buyers, or where they all spent the same.

    x, spent : repeat purchase days and what was spent on them in all (major units, positive), a row a customer, in an
               order that does not change from run to run.
    """
    if len(x) < FEWEST or not np.ptp(spent / x) > 0:
        return None
    mean = float(spent.sum() / x.sum())
    start = np.log([2.0, 1.5, 1.5 * mean / 2.0])  # q = 1 + exp(log q'): the mean over everyone is p v / (q - 1)
    estimates, likelihood = maximise(_likelihood(x, spent), start, highest=HIGHEST)
    p, q, v = estimates
    return GammaGamma((p, replace(q, value=1 + q.value, low=1 + q.low, high=1 + q.high), v), likelihood)


def _likelihood(x: Ints, spent: Floats) -> Callable[[Floats], tuple[float, Floats]]:
    """Minus the log-likelihood (equation 1a of the note) and its gradient, at log p, log(q - 1), log v."""
    counts, where = np.unique(x, return_inverse=True)
    n = np.bincount(where).astype(np.float64)
    k = counts.astype(np.float64)
    people, fixed = float(len(x)), float(np.log(spent / x).sum())
    logs = np.bincount(where, weights=np.log(spent))  # of x times the mean, which is what was spent
    repeats = x.astype(np.float64)

    def at(theta: Floats) -> tuple[float, Floats]:
        p, v = float(np.exp(theta[0])), float(np.exp(theta[2]))
        q = 1.0 + float(np.exp(theta[1]))
        log_sum = np.log(v + spent)
        gamma, digamma = special.gammaln, special.digamma
        value = float((n * (gamma(p * k + q) - gamma(p * k)) + p * k * logs).sum()) - fixed
        value += people * float(q * np.log(v) - gamma(q)) - float(((p * repeats + q) * log_sum).sum())
        shared = digamma(p * k + q)
        d_p = float((n * k * (shared - digamma(p * k)) + k * logs).sum()) - float((repeats * log_sum).sum())
        d_q = float((n * shared).sum()) + people * float(np.log(v) - digamma(q)) - float(log_sum.sum())
        d_v = people * q / v - float(((p * repeats + q) / (v + spent)).sum())
        return -value, -np.array([d_p * p, d_q * (q - 1.0), d_v * v])

    return at
