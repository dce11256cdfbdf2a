"""Maximum likelihood for models of a few positive parameters, with intervals; shared by the two models of this room."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import optimize

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

Z_90 = 1.6448536269514722
WIDEST_SD = 1.4  # of a log parameter: its 90 % interval then spans a factor of 100
LOWEST = -12.0  # the logarithm of a parameter that has run away downwards


@dataclass(frozen=True)
class Estimate:
    """One parameter: its value and 90 % interval; `identified` is false where the data leave it open."""

    name: str
    value: float
    low: float
    high: float
    identified: bool


def maximise(
    value_and_gradient: Callable[[Floats], tuple[float, Floats]], start: Floats, *, highest: Mapping[str, float]
) -> tuple[tuple[Estimate, ...], float]:
    """The parameters that make the data likeliest, and the log-likelihood there.

    value_and_gradient : minus the log-likelihood and its gradient, both at the parameters' logarithms.
    start              : first guess, logarithms.
    highest            : names of the parameters in order, each with the logarithm beyond which it has run away.
    Returns            : an estimate for each name; intervals are exp(log estimate -+ 1.645 sd), the sd from the
                         inverse of the Hessian. A parameter that runs to a bound, or whose interval spans more than a
                         factor of 100, is not identified.
    """
    # L-BFGS-B stops on small relative gains; the sum over customers is scaled so that its tolerance is the same
    # for a hundred people and for a million.
    scale = max(abs(value_and_gradient(start)[0]), 1.0)

    def scaled(theta: Floats) -> tuple[float, Floats]:
        value, gradient = value_and_gradient(theta)
        return value / scale, gradient / scale

    bounds = [(LOWEST, top) for top in highest.values()]
    options = {"maxiter": 500, "ftol": 1e-13, "gtol": 1e-10}
    found: Any = optimize.minimize(scaled, start, jac=True, method="L-BFGS-B", bounds=bounds, options=options)
    theta = np.asarray(found.x, dtype=np.float64)
    sd = _deviations(value_and_gradient, theta)
    estimates = []
    for (name, top), log_value, log_sd in zip(highest.items(), theta, sd, strict=True):
        free = bool(LOWEST + 1e-6 < log_value < top - 1e-6 and log_sd <= WIDEST_SD)
        low, high = np.exp(np.clip([log_value - Z_90 * log_sd, log_value + Z_90 * log_sd], -700, 700))
        estimates.append(Estimate(name, float(np.exp(log_value)), float(low), float(high), free))
    return tuple(estimates), -float(value_and_gradient(theta)[0])


def _deviations(value_and_gradient: Callable[[Floats], tuple[float, Floats]], theta: Floats) -> Floats:
    """Standard deviations of the log parameters: central differences of the gradient, inverted."""
    size = len(theta)
    hessian = np.empty((size, size))
    for index in range(size):
        step = np.zeros(size)
        step[index] = 1e-4
        above, below = value_and_gradient(theta + step)[1], value_and_gradient(theta - step)[1]
        hessian[index] = (above - below) / 2e-4
    hessian = (hessian + hessian.T) / 2
    try:
        variance = np.diag(np.linalg.inv(hessian))
    except np.linalg.LinAlgError:
        return np.full(size, np.inf)
    return np.where(variance > 0, np.sqrt(np.abs(variance)), np.inf)
