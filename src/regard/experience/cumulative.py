"""The cumulative logit of three classes, fitted by penalised maximum likelihood with normal priors and bounds.

    P(detractor) = F(-d/2 - eta)    P(promoter) = F(eta - d/2)    P(passive) = the rest,   F(z) = 1 / (1 + exp(-z))
    eta          = base of the scale + sum of weights times features,   d = the width of "passive" on the scale > 0

Source : proportional odds (McCullagh 1980); intervals by Laplace's approximation with the expected information.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
TINY = 1e-12
MOST_STEPS, RENEWED, SHORTEST, CONVERGED, NOISE = 100, 5, 1e-6, 1e-11, 1e-12


@dataclass(frozen=True)
class Prior:
    """Normal priors with bounds, one entry a parameter: bases, log widths (one each a scale), then weights."""

    mean: Floats
    sd: Floats
    lower: Floats
    upper: Floats


@dataclass(frozen=True)
class Answers:
    """What is fitted on: features (n, k), class -1, 0 or 1 (n), number of the scale (n), and how many scales there are.

    offset : added to eta and not fitted (n).
    """

    features: Floats
    classes: Ints
    scale: Ints
    n_scales: int
    offset: Floats


def probabilities(eta: Floats, width: Floats) -> tuple[Floats, Floats, Floats]:
    """P(detractor), P(passive), P(promoter).

    >>> [round(float(p), 3) for p in probabilities(np.array(0.0), np.array(2.0))]
    [0.269, 0.462, 0.269]
    """
    low, high = expit(-width / 2 - eta), expit(eta - width / 2)
    return low, 1.0 - low - high, high


def score_of(eta: Floats, width: Floats) -> Floats:
    """The expected net rating, -100 to 100."""
    return np.asarray(100.0 * (expit(eta - width / 2) - expit(-width / 2 - eta)), dtype=np.float64)


def eta_of(score: Floats, width: Floats) -> Floats:
    """The eta whose score it is; of -100 and 100 the eta of nearly so.

    >>> [round(float(eta_of(score_of(np.array(e), np.array(1.2)), np.array(1.2))), 6) for e in (-3.0, 0.0, 0.8)]
    [-3.0, 0.0, 0.8]
    """
    share, flat = np.clip(score / 100.0, TINY - 1.0, 1.0 - TINY), np.cosh(width / 2)
    # sinh(eta) = share * (cosh(eta) + cosh(width / 2)), a quadratic in exp(eta); the form without cancellation
    root = np.sqrt((share * flat) ** 2 + 1.0 - share**2)
    positive = np.abs(share) * flat + root
    return np.asarray(np.sign(share) * np.log(positive / (1.0 - np.abs(share))), dtype=np.float64)


def slope_of(eta: Floats, width: Floats) -> Floats:
    """The derivative of `score_of` by eta."""
    low, high = expit(-width / 2 - eta), expit(eta - width / 2)
    return np.asarray(100.0 * (high * (1 - high) + low * (1 - low)), dtype=np.float64)


def residuals(eta: Floats, width: Floats, classes: Ints) -> tuple[Floats, Floats]:
    """Derivative of each answer's log likelihood by eta, and its expected information."""
    low, passive, high = probabilities(eta, width)
    f_low, f_high = low * (1 - low), high * (1 - high)
    by_eta = np.where(classes < 0, -(1 - low), np.where(classes > 0, 1 - high, 0.0))
    middle = (f_low - f_high) / np.maximum(passive, TINY)
    by_eta = np.where(classes == 0, middle, by_eta)
    information = low * (1 - low) ** 2 + high * (1 - high) ** 2 + (f_low - f_high) ** 2 / np.maximum(passive, TINY)
    return by_eta, information


def fit(answers: Answers, prior: Prior, start: Floats) -> Floats:
    """The parameters of greatest posterior density within their bounds.

    start   : where to begin, such as the estimate of the block before.
    Returns : bases, log widths, weights.
    Source  : projected Newton steps (Bertsekas 1982) on Fisher's information, which is renewed every few steps only.
    """
    theta = np.clip(start, prior.lower, prior.upper)
    value, slope = _log_posterior(theta, answers, prior)
    for step in range(MOST_STEPS):
        if step % RENEWED == 0:
            curvature = information(theta, answers, prior)
        outward = np.where(slope > 0, theta >= prior.upper, theta <= prior.lower)
        free = np.flatnonzero(~outward)
        move = np.zeros_like(theta)
        move[free] = np.linalg.solve(curvature[np.ix_(free, free)], slope[free])
        least = value - NOISE * (1.0 + abs(value))
        length = 1.0
        while True:
            after = np.clip(theta + length * move, prior.lower, prior.upper)
            gained, slope_after = _log_posterior(after, answers, prior)
            if gained >= least or length < SHORTEST:
                break
            length /= 2
        done = float(np.max(np.abs(after - theta) / prior.sd, initial=0.0)) < CONVERGED
        if gained >= least:
            theta, value, slope = after, gained, slope_after
        if done or length < SHORTEST:
            break
    return theta


def information(theta: Floats, answers: Answers, prior: Prior) -> Floats:
    """Expected information of the answers plus the precision of the prior."""
    n, design = answers.n_scales, _design(answers)
    eta, width = _eta(theta, answers)
    low, passive, high = probabilities(eta, width)
    f_low, f_high = low * (1 - low), high * (1 - high)
    by_eta = np.stack([-f_low, f_low - f_high, f_high])
    by_width = np.stack([-f_low, f_low + f_high, -f_high]) * width / 2
    chance = np.maximum(np.stack([low, passive, high]), TINY)
    ee, ew, ww = ((a * b / chance).sum(0) for a, b in ((by_eta, by_eta), (by_eta, by_width), (by_width, by_width)))
    which = design[:, :n]
    found = np.diag(1.0 / prior.sd**2)
    columns, widths = np.r_[np.arange(n), np.arange(2 * n, len(theta))], np.arange(n, 2 * n)
    found[np.ix_(columns, columns)] += _crossed(design, design, ee)
    crossed = _crossed(design, which, ew)
    found[np.ix_(columns, widths)] += crossed
    found[np.ix_(widths, columns)] += crossed.T
    found[widths, widths] += (which * ww[:, None]).sum(0)
    return found


def covariance(theta: Floats, answers: Answers, prior: Prior) -> Floats:
    """The joint posterior covariance (Laplace): the inverse of `information`."""
    return np.asarray(np.linalg.inv(information(theta, answers, prior)), dtype=np.float64)


def hold(prior: Prior, held: NDArray[np.bool_]) -> Prior:
    """The prior with some parameters held at its mean."""
    return replace(prior, lower=np.where(held, prior.mean, prior.lower), upper=np.where(held, prior.mean, prior.upper))


def _crossed(left: Floats, right: Floats, weight: Floats) -> Floats:
    """left' diag(weight) right, on one thread: threads of BLAS that wait for each other took 17 times as long."""
    return np.asarray(np.einsum("ni,nj->ij", left, right * weight[:, None]))


def _design(answers: Answers) -> Floats:
    which = (answers.scale[:, None] == np.arange(answers.n_scales)).astype(np.float64)
    return np.hstack([which, answers.features])


def _eta(theta: Floats, answers: Answers) -> tuple[Floats, Floats]:
    n = answers.n_scales
    eta = theta[:n][answers.scale] + np.einsum("nk,k->n", answers.features, theta[2 * n :]) + answers.offset
    return eta, np.exp(theta[n : 2 * n])[answers.scale]


def _log_posterior(theta: Floats, answers: Answers, prior: Prior) -> tuple[float, Floats]:
    away = (theta - prior.mean) / prior.sd
    value, slope = _log_likelihood(theta, answers)
    return value - 0.5 * float(away @ away), slope - away / prior.sd


def _log_likelihood(theta: Floats, answers: Answers) -> tuple[float, Floats]:
    n = answers.n_scales
    eta, width = _eta(theta, answers)
    low, passive, high = probabilities(eta, width)
    f_low, f_high = low * (1 - low), high * (1 - high)
    passive = np.maximum(passive, TINY)
    said = answers.classes
    chance = np.where(said < 0, low, np.where(said > 0, high, passive))
    by_eta = np.where(said < 0, low - 1, np.where(said > 0, 1 - high, (f_low - f_high) / passive))
    by_width = np.where(said < 0, low - 1, np.where(said > 0, high - 1, (f_low + f_high) / passive)) * width / 2
    slope = np.concatenate(
        [
            np.bincount(answers.scale, by_eta, minlength=n),
            np.bincount(answers.scale, by_width, minlength=n),
            np.einsum("nk,n->k", answers.features, by_eta),
        ]
    )
    return float(np.log(np.maximum(chance, TINY)).sum()), slope
