"""Gamma-Gamma: the published figures, a second implementation, and people simulated from the model."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from regard.value import gamma_gamma
from regard.value.likelihood import Floats, Ints


def simulated(p: float, q: float, v: float, *, people: int, seed: int) -> tuple[Ints, Floats]:
    rng = np.random.default_rng(seed)
    x = rng.integers(1, 8, people)
    return x, rng.gamma(p * x) / rng.gamma(q, 1 / v, people)


def cdnow(folder: Path) -> tuple[Ints, Floats]:
    """Repeat purchase days and their spend in the calibration period, from the transactions themselves."""
    spent: dict[str, dict[str, float]] = {}
    for line in (folder / "cdnow/CDNOW_sample.txt").read_text().splitlines():
        _, person, day, _, amount = line.split()
        if day <= "19970930":
            days = spent.setdefault(person, {})
            days[day] = days.get(day, 0.0) + float(amount)
    repeats = [[days[day] for day in sorted(days)[1:]] for days in spent.values()]
    kept = [days for days in repeats if sum(days) > 0]
    return np.array([len(days) for days in kept]), np.array([sum(days) for days in kept])


def test_cdnow_gives_the_published_parameters(data: Path) -> None:
    """Fader and Hardie (2013), section 4: 946 repeat buyers."""
    x, spent = cdnow(data)
    fitted = gamma_gamma.fit(x, spent)
    assert fitted is not None
    assert len(x) == 946
    assert fitted.parameters == pytest.approx((6.25, 3.74, 15.44), abs=0.006)
    assert all(one.identified for one in fitted.estimates)


def test_parameters_equal_another_implementation() -> None:
    from lifetimes import GammaGammaFitter

    x, spent = simulated(5.0, 4.0, 20.0, people=800, seed=5)
    fitted = gamma_gamma.fit(x, spent)
    other = GammaGammaFitter().fit(x, spent / x)
    assert fitted is not None
    assert fitted.parameters == pytest.approx(tuple(other.params_[["p", "q", "v"]]), rel=2e-3)


def test_parameters_of_simulated_people_lie_in_their_intervals() -> None:
    truth, inside = (4.0, 3.0, 25.0), 0
    for seed in range(10):
        fitted = gamma_gamma.fit(*simulated(*truth, people=1_500, seed=seed))
        assert fitted is not None
        inside += sum(one.low < true < one.high for one, true in zip(fitted.estimates, truth, strict=True))
    assert inside >= 22, inside


def test_the_gradient_is_the_slope_of_the_likelihood() -> None:
    likelihood = gamma_gamma._likelihood(*simulated(5.0, 4.0, 20.0, people=100, seed=2))
    at = np.log([2.0, 1.5, 12.0])
    slope = likelihood(at)[1]
    for index in range(3):
        step = np.zeros(3)
        step[index] = 1e-5
        assert slope[index] == pytest.approx((likelihood(at + step)[0] - likelihood(at - step)[0]) / 2e-5, rel=1e-6)


def test_too_few_or_all_alike_is_not_fitted() -> None:
    assert gamma_gamma.fit(np.array([1, 2]), np.array([5.0, 9.0])) is None
    assert gamma_gamma.fit(np.array([1, 2, 3]), np.array([5.0, 10.0, 15.0])) is None
