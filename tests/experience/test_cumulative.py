"""The cumulative logit: its slopes are those of its value, its fit finds what made the data, bounds hold."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.optimize import approx_fprime, minimize

from regard.experience.cumulative import (
    Answers,
    Prior,
    _log_likelihood,
    covariance,
    fit,
    hold,
    probabilities,
    residuals,
    score_of,
    slope_of,
)


def made_up(n: int, weights: list[float], seed: int, n_scales: int = 1) -> tuple[Answers, np.ndarray]:
    rng = np.random.default_rng(seed)
    features = rng.normal(size=(n, len(weights)))
    scale = rng.integers(0, n_scales, n)
    theta = np.concatenate([np.linspace(0.8, 1.4, n_scales), np.linspace(-0.2, 0.3, n_scales), weights])
    eta = theta[:n_scales][scale] + features @ np.array(weights)
    low, passive, _ = probabilities(eta, np.exp(theta[n_scales : 2 * n_scales])[scale])
    u = rng.random(n)
    classes = np.where(u < low, -1, np.where(u < low + passive, 0, 1))
    return Answers(features, classes, scale, n_scales, np.zeros(n)), theta


def wide(k: int, n_scales: int = 1, sd: float = 5.0) -> Prior:
    size = 2 * n_scales + k
    free = np.full(size, np.inf)
    return Prior(np.zeros(size), np.full(size, sd), -free, free)


@pytest.mark.parametrize("n_scales", [1, 2])
def test_slope_is_the_derivative_of_the_log_likelihood(n_scales: int) -> None:
    answers, theta = made_up(200, [0.5, -0.7], seed=1, n_scales=n_scales)
    theta = theta + 0.1
    _, slope = _log_likelihood(theta, answers)
    numeric = approx_fprime(theta, lambda point: _log_likelihood(point, answers)[0], 1e-6)
    np.testing.assert_allclose(slope, numeric, rtol=1e-4, atol=1e-3)


def test_residuals_are_slopes_by_eta_and_information_is_their_variance() -> None:
    eta, width = np.linspace(-3, 3, 7), np.full(7, 0.8)
    chance = np.stack(probabilities(eta, width))
    each = [residuals(eta, width, np.full(7, said)) for said in (-1, 0, 1)]
    mean = sum(p * g for p, (g, _) in zip(chance, each, strict=True))
    variance = sum(p * g**2 for p, (g, _) in zip(chance, each, strict=True))
    np.testing.assert_allclose(mean, 0, atol=1e-12)
    np.testing.assert_allclose(variance, each[0][1], atol=1e-12)


def test_the_truth_lies_within_its_intervals() -> None:
    covered = []
    for seed in range(12):
        answers, theta = made_up(3000, [0.6, -0.9, 0.0], seed=seed, n_scales=2)
        prior = wide(3, n_scales=2)
        found = fit(answers, prior, prior.mean)
        sd = np.sqrt(np.diag(covariance(found, answers, prior)))
        covered.append(np.abs(found - theta) <= 1.645 * sd)
    assert 0.8 <= np.mean(covered) <= 0.98  # 90 % intervals, 84 parameters


def test_agrees_with_a_general_optimiser_within_bounds() -> None:
    answers, _ = made_up(800, [0.6, -0.9, 0.3], seed=3)
    prior = replace(wide(3, sd=0.5), upper=np.array([np.inf, np.inf, 0.2, np.inf, 0.1]))

    def loss(theta: np.ndarray) -> float:
        away = (theta - prior.mean) / prior.sd
        return 0.5 * float(away @ away) - _log_likelihood(theta, answers)[0]

    bounds = list(zip(prior.lower, prior.upper, strict=True))
    other = minimize(loss, np.zeros(5), method="L-BFGS-B", bounds=bounds, options={"ftol": 1e-14, "gtol": 1e-9}).x
    found = fit(answers, prior, np.zeros(5))
    np.testing.assert_allclose(found, other, atol=1e-4)
    assert found[2] == 0.2
    assert found[4] == 0.1


def test_what_is_held_stays_at_its_prior() -> None:
    answers, _ = made_up(500, [0.6, -0.9], seed=4)
    prior = replace(wide(2), mean=np.array([0.0, 0.0, 0.25, 0.0]))
    found = fit(answers, hold(prior, np.array([False, False, True, False])), prior.mean)
    assert found[2] == 0.25
    assert found[3] < -0.5


def test_the_score_runs_from_minus_100_to_100_and_its_slope_is_its_derivative() -> None:
    eta, width = np.linspace(-40, 40, 81), np.full(81, 1.3)
    score = score_of(eta, width)
    assert (np.diff(score) >= 0).all()
    assert abs(score[0] + 100) < 1e-6
    assert abs(score[-1] - 100) < 1e-6
    numeric = (score_of(eta + 1e-5, width) - score_of(eta - 1e-5, width)) / 2e-5
    np.testing.assert_allclose(slope_of(eta, width), numeric, atol=1e-4)
