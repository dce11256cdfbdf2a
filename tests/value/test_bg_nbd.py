"""BG/NBD: the published figures, a second implementation, and people simulated from the model."""

from __future__ import annotations

import csv
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import integrate, special

from regard.value import bg_nbd
from regard.value.bg_nbd import BgNbd, Groups
from regard.value.likelihood import Estimate, Floats, Ints


def model(r: float, alpha: float, a: float, b: float) -> BgNbd:
    said = zip(bg_nbd.SAYS, (r, alpha, a, b), strict=True)
    return BgNbd(tuple(Estimate(name, value, value, value, True) for name, value in said), 0.0)


def grouped(x: Ints, t_x: Floats, T: Floats) -> Groups:
    keys, n = np.unique(np.stack([x, t_x, T]), axis=1, return_counts=True)
    return Groups(keys[0].astype(np.int64), keys[1], keys[2], n.astype(np.int64))


def simulated(r: float, alpha: float, a: float, b: float, *, people: int, weeks: float, seed: int) -> Groups:
    """People drawn from the model's own story, purchase by purchase, on a grid of whole days."""
    rng = np.random.default_rng(seed)
    T = rng.uniform(weeks / 2, weeks, people)
    rate, leaves = rng.gamma(r, 1 / alpha, people), rng.beta(a, b, people)
    x, t_x, at = np.zeros(people, np.int64), np.zeros(people), np.zeros(people)
    alive = np.ones(people, bool)
    while alive.any():
        at = at + rng.exponential(1.0, people) / rate
        bought = alive & (at < T)
        x, t_x = x + bought, np.where(bought, at, t_x)
        alive = bought & (rng.uniform(size=people) > leaves)
    return grouped(x, t_x, T)


def test_cdnow_gives_the_published_parameters(data: Path) -> None:
    """Fader, Hardie and Lee (2005), table 2."""
    with (data / "cdnow/cdnow_customers_summary_with_transactions.csv").open() as file:
        rows = [(int(row["x"]), float(row["t_x"]), float(row["T"])) for row in csv.DictReader(file)]
    days = [(x, round(t_x * 7) / 7, round(T * 7) / 7) for x, t_x, T in rows]  # the file rounds weeks to 0.01
    x, t_x, T = (np.array(column) for column in zip(*days, strict=True))
    fitted = bg_nbd.fit(grouped(x, t_x, T))
    assert fitted is not None
    assert fitted.parameters == pytest.approx((0.2426, 4.4136, 0.7929, 2.4259), abs=5e-5)
    assert fitted.log_likelihood == pytest.approx(-9582.43, abs=0.005)
    assert all(one.identified and one.low < one.value < one.high for one in fitted.estimates)


def test_parameters_of_simulated_people_lie_in_their_intervals() -> None:
    truth = (0.8, 6.0, 1.2, 3.0)
    inside: Counter[str] = Counter()
    for seed in range(10):
        fitted = bg_nbd.fit(simulated(*truth, people=4_000, weeks=60.0, seed=seed))
        assert fitted is not None
        inside.update(one.name for one, true in zip(fitted.estimates, truth, strict=True) if one.low < true < one.high)
    assert set(inside) == set(bg_nbd.SAYS)
    assert min(inside.values()) >= 6, inside  # 90 % intervals: six or fewer of ten has probability 0.013
    assert sum(inside.values()) >= 31, inside


def test_the_gradient_is_the_slope_of_the_likelihood() -> None:
    likelihood = bg_nbd._likelihood(simulated(0.5, 4.0, 0.9, 2.5, people=300, weeks=50.0, seed=1))
    at = np.log([0.7, 3.0, 1.3, 2.0])
    slope = likelihood(at)[1]
    for index in range(4):
        step = np.zeros(4)
        step[index] = 1e-5
        assert slope[index] == pytest.approx((likelihood(at + step)[0] - likelihood(at - step)[0]) / 2e-5, rel=1e-6)


positive = st.floats(0.05, 20.0)


@settings(max_examples=60, deadline=None)
@given(
    r=positive,
    alpha=positive,
    a=positive,
    b=positive,
    x=st.integers(0, 40),
    T=st.floats(1.0, 200.0),
    share=st.floats(0.0, 1.0),
    weeks=st.floats(0.5, 104.0),
)
def test_expectations_equal_another_implementation(
    r: float, alpha: float, a: float, b: float, x: int, T: float, share: float, weeks: float
) -> None:
    from lifetimes import BetaGeoFitter

    other = BetaGeoFitter()
    other.params_ = {"r": r, "alpha": alpha, "a": a, "b": b}
    t_x = T * share if x else 0.0
    counts, last, long = np.array([x]), np.array([t_x]), np.array([T])
    mine = model(r, alpha, a, b)
    p_alive = bg_nbd.p_alive(mine, counts, last, long)
    ahead = bg_nbd.expected_if_alive(mine, counts, long, weeks=weeks)
    assert p_alive[0] == pytest.approx(float(np.ravel(other.conditional_probability_alive(x, t_x, T))[0]), rel=1e-9)
    with np.errstate(all="ignore"):
        expected = float(other.conditional_expected_number_of_purchases_up_to_time(weeks, counts, last, long)[0])
    if np.isfinite(expected) and abs(a - 1) > 1e-3:
        assert p_alive[0] * ahead[0] == pytest.approx(expected, rel=1e-5, abs=1e-7)


@pytest.mark.parametrize("parameters", [(0.2426, 4.4136, 0.7929, 2.4259), (2.0, 30.0, 1.0, 4.0), (0.5, 2.0, 3.0, 1.5)])
@pytest.mark.parametrize("x", [0, 3, 90])
def test_expectation_is_the_integral_over_rates_and_drop_out(parameters: tuple[float, ...], x: int) -> None:
    """E(Y | alive) integrated numerically over the posterior of rate and drop-out: also where a is 1."""
    r, alpha, a, b = parameters
    T, weeks = 40.0, 39.0

    def given_drop_out(p: float) -> float:
        # purchases until t of a live customer: (1 - exp(-rate p t)) / p, with rate ~ Gamma(r + x, alpha + T)
        gone = (1 + p * weeks / (alpha + T)) ** -(r + x)
        return (1 - gone) / p * p ** (a - 1) * (1 - p) ** (b + x - 1) / special.beta(a, b + x)

    expected = integrate.quad(given_drop_out, 0, 1, limit=200)[0]
    found = bg_nbd.expected_if_alive(model(*parameters), np.array([x]), np.array([T]), weeks=weeks)
    assert found[0] == pytest.approx(expected, rel=2e-5)


def test_expectations_hold_for_frequent_buyers_and_extreme_shapes() -> None:
    x, T, weeks = np.array([0, 1, 20, 700]), np.array([0.0, 5.0, 90.0, 500.0]), 260.0
    for log in np.random.default_rng(3).uniform(-9, [6, 9, 6, 6], (300, 4)):
        r, alpha, a, b = np.exp(log)
        said = bg_nbd.expected_if_alive(model(r, alpha, a, b), x, T, weeks=weeks)
        assert np.isfinite(said).all(), log
        assert (said > 0).all(), log
        if min(a, b) > 20:  # where few drop out at once or never, so that the quadrature is exact
            checked = bg_nbd._integrated(model(r, alpha, a, b), x, weeks / (alpha + T))
            assert said == pytest.approx(checked, rel=2e-3), log


def test_without_a_repeat_nothing_is_known() -> None:
    assert bg_nbd.fit(Groups(np.array([0]), np.array([0.0]), np.array([30.0]), np.array([900]))) is None


def test_customers_who_do_not_differ_leave_the_shapes_open() -> None:
    """Everyone buys at the same rate and nobody leaves: shapes run away, and the fit says so instead of a number."""
    rng = np.random.default_rng(11)
    T = np.full(3_000, 50.0)
    x = rng.poisson(0.1 * T)
    t_x = np.where(x > 0, T * rng.beta(np.maximum(x, 1), 1), 0.0)
    fitted = bg_nbd.fit(grouped(x, np.round(t_x * 7) / 7, T))
    assert fitted is not None
    assert not all(one.identified for one in fitted.estimates)
