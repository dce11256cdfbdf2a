"""People who met more than anybody who answered: their intervals say that nobody can know, and those of others stay."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from regard.blueprint import Blueprint, Feedback, Impression, Memory, Rule, Scale, Touchpoint
from regard.experience.certainty import Part, interval, refitted
from regard.experience.cumulative import score_of
from regard.experience.features import features, memory_slopes
from regard.experience.kinds import kinds
from regard.experience.learn import Said, learn
from regard.experience.model import Model, stated
from regard.experience.reach import beyond, reached, unsure
from regard.experience.scoring import _sd
from regard.experience.seen import Met

Floats = NDArray[np.float64]
DAY = 86_400.0
BLUEPRINT = Blueprint(
    "Simulated",
    touchpoints=tuple(Touchpoint(name, name, "use", Rule("event", (name,))) for name in ("fault", "visit")),
    scales=(Scale("nps", 0, 10, 6, 9, asks="recommend"),),
    feedback=(Feedback("nps", "relationship", Rule("event", ("survey",)), "nps"),),
    impressions=(Impression("fault", touch="fault", weight=-0.5, weight_sd=0.7), Impression("visit", touch="visit")),
    memory=Memory(loss_s=180 * DAY, gain_s=60 * DAY, floor=0.2, spread=1.0),
)
WIDTH = 1.2
_AT = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)


def faults(n: int, mean: float, rng: np.random.Generator) -> tuple[Met, NDArray[np.int64]]:
    times = rng.poisson(mean, n)
    ask = np.repeat(np.arange(n), times)
    ages = rng.uniform(0, 200 * DAY, len(ask))
    return Met(ask, np.zeros(len(ask), dtype=np.int64), np.ones(len(ask)), ages, n), times


def worn(met: Met) -> Floats:
    """Failures that wear out: beyond the second or third nothing more is lost."""
    left = 0.2 + 0.8 * np.exp(-met.age_s / (180 * DAY))
    return 1.2 - 2.2 * np.tanh(np.bincount(met.ask, left, minlength=met.n) / 1.5)


def straight(met: Met) -> Floats:
    left = 0.2 + 0.8 * np.exp(-met.age_s / (180 * DAY))
    return 1.2 - 0.9 * np.bincount(met.ask, left, minlength=met.n)


def heard(met: Met, eta: Floats, rng: np.random.Generator) -> Model:
    said = eta + rng.normal(0, 0.7, met.n) + rng.logistic(size=met.n)
    classes = np.where(said < -WIDTH / 2, -1, np.where(said > WIDTH / 2, 1, 0))
    model = stated("relationship", kinds(BLUEPRINT), BLUEPRINT)
    return learn(model, Said(met, classes, np.zeros(met.n, dtype=np.int64)), memory=True)


def ends(met: Met, model: Model) -> tuple[Floats, Floats]:
    columns = features(met, model)
    sd = _sd(columns, memory_slopes(met, model), np.full(met.n, model.person_var), model)
    eta, width = model.base + columns @ model.weights, np.array(model.width)
    return score_of(eta - 1.645 * sd, width), score_of(eta + 1.645 * sd, width)


def within_reach(model: Model) -> Model:
    """The same, as if answers had reached everywhere."""
    far = np.full(len(model.weights), 1e9)
    return replace(model, reach=(-far, far))


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_failures_beyond_what_anybody_answered_about_are_not_certain_to_go_on_in_a_line(seed: int) -> None:
    rng = np.random.default_rng(seed)
    few, _ = faults(8000, 0.8, rng)
    model = heard(few, worn(few), rng)
    many, times = faults(3000, 6.0, rng)
    true = score_of(worn(many) + rng.normal(0, 0.7, many.n), np.array(WIDTH))
    most = times >= 8
    low, high = ends(many, model)
    assert np.mean((low <= true) & (true <= high), where=most) > 0.7
    narrow_low, narrow_high = ends(many, within_reach(model))
    assert np.mean((narrow_low <= true) & (true <= narrow_high), where=most) < 0.2, "else this test shows nothing"


def test_where_answers_reach_nothing_is_wider_and_a_straight_world_stays_inside() -> None:
    rng = np.random.default_rng(4)
    few, _ = faults(8000, 0.8, rng)
    model = heard(few, straight(few), rng)
    inside = (beyond(features(few, model), model) == 0).all(1)
    assert inside.mean() > 0.9
    for now, before in zip(ends(few, model), ends(few, within_reach(model)), strict=True):
        np.testing.assert_array_equal(now[inside], before[inside])
    many, _ = faults(3000, 6.0, rng)
    true = score_of(straight(many) + rng.normal(0, 0.7, many.n), np.array(WIDTH))
    low, high = ends(many, model)
    assert np.mean((low <= true) & (true <= high)) > 0.88


def test_a_group_beyond_reach_is_as_unsure_as_its_people_together() -> None:
    rng = np.random.default_rng(5)
    few, _ = faults(8000, 0.8, rng)
    model = heard(few, worn(few), rng)
    met, _ = faults(300, 12.0, rng)
    true = float(score_of(worn(met)[:, None] + rng.normal(0, 0.7, (met.n, 50)), np.array(WIDTH)).mean())
    low, high = group(met, model)
    assert low <= true <= high
    narrow = group(met, within_reach(model))
    assert narrow[1] < true, "else this test shows nothing"
    assert high - low > 5 * (narrow[1] - narrow[0])


def group(met: Met, model: Model) -> tuple[float, float]:
    eta = model.base + features(met, model) @ model.weights
    score = score_of(eta, np.array(model.width))
    nothing = np.zeros(0)
    part = Part(nothing, nothing, nothing, nothing, met.n, float(score.sum()), float(score @ score), 0.0)
    sample = refitted(eta, np.ones(met.n), met, model, seed=0)
    found = interval(part, sample, model, at=_AT, seed=0)
    assert found is not None and found.low is not None and found.high is not None
    return found.low, found.high


def test_a_weight_nobody_answered_about_is_already_at_its_prior() -> None:
    rng = np.random.default_rng(6)
    few, _ = faults(4000, 0.8, rng)
    model = heard(few, straight(few), rng)
    fault, visit = unsure(model)
    assert visit < 1e-9, "its variance is the prior's already: it is not counted twice"
    assert 0.0 < fault <= -model.weights[0] / 1.64, "and out there, too, a lapse does not help"


def test_a_rare_thing_that_enough_answers_met_is_within_reach() -> None:
    columns = np.zeros((20_000, 2))
    columns[:400, 0] = np.linspace(0.2, 1.0, 400)
    columns[:29, 1] = -1.0
    low, high = reached(columns)
    assert high[0] == pytest.approx(0.92, abs=0.01)
    assert low.tolist() == [0.0, 0.0], "29 answers reach nowhere"
    columns[29, 1] = -3.0
    assert reached(columns)[0].tolist() == [0.0, -1.0], "thirty do, as far as the nearest of them"
