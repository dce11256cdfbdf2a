"""People simulated from our model and from another one: what made them is found, and no false certainty appears."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.special import expit
from scipy.stats import rankdata

from regard.blueprint import Blueprint, Feedback, Impression, Memory, Rule, Scale, ScoreSettings, Touchpoint
from regard.experience.cumulative import score_of
from regard.experience.features import features, memory_slopes
from regard.experience.kinds import kinds
from regard.experience.leanings import Leanings
from regard.experience.learn import Said, learn
from regard.experience.model import Model, stated
from regard.experience.rolling import Rolled, Told, roll
from regard.experience.scoring import _sd
from regard.experience.seen import Met

Floats = NDArray[np.float64]
DAY = 86_400.0
POINTS = ("help", "fault", "visit", "gift")
BLUEPRINT = Blueprint(
    "Simulated",
    touchpoints=tuple(Touchpoint(name, name, "use", Rule("event", (name,))) for name in POINTS),
    scales=(Scale("nps", 0, 10, 6, 9, asks="recommend"),),
    feedback=(Feedback("nps", "relationship", Rule("event", ("survey",)), "nps"),),
    impressions=tuple(Impression(name, touch=name, weight_sd=1.0) for name in POINTS),
    memory=Memory(loss_s=180 * DAY, gain_s=60 * DAY, floor=0.2, spread=1.0),
)


def auc(p: Floats, y: NDArray[np.bool_]) -> float:
    ranks = rankdata(p)
    n = int(y.sum())
    return float((ranks[y].sum() - n * (n + 1) / 2) / (n * (len(y) - n)))


@dataclass(frozen=True)
class World:
    """Answers of people in time order, what each had met, and the true chances behind them."""

    told: Told
    met: Met
    eta: Floats
    chance: Floats
    """True P(detractor), before this very answer."""
    score: Floats
    """True expected net rating."""


def lives(n: int, seed: int) -> tuple[Met, NDArray[np.int64], np.random.Generator]:
    """About seven impressions before each of n answers, ages up to two years."""
    rng = np.random.default_rng(seed)
    ask = np.sort(rng.integers(0, n, 7 * n))
    kind = rng.integers(0, len(POINTS), len(ask))
    met = Met(ask, kind, np.ones(len(ask)), rng.uniform(0, 720 * DAY, len(ask)), n)
    return met, np.sort(rng.integers(0, 720 * 86_400_000, n)), rng


def answered(
    eta: Floats, met: Met, at_ms: NDArray[np.int64], width: float, rng: np.random.Generator, noise: Floats
) -> World:
    low, high = expit(-width / 2 - eta), expit(eta - width / 2)
    said = eta + noise
    classes = np.where(said < -width / 2, -1, np.where(said > width / 2, 1, 0))
    n = met.n
    people = np.arange(n)
    told = Told(at_ms, people, np.full(n, -1), classes, np.zeros(n, dtype=np.int64), n, 0)
    return World(told, met, eta, low, 100 * (high - low))


def ours(n: int, seed: int) -> World:
    """Our own model: weights .7 -1.1 0 .4, losses last 300 days and gains 20, of which a tenth stays."""
    met, at_ms, rng = lives(n, seed)
    weight = np.array([0.7, -1.1, 0.0, 0.4])[met.kind]
    left = remembered(met, weight < 0, loss=300.0, gain=20.0, floor=0.1)
    eta = 0.6 + np.bincount(met.ask, weight * left, minlength=n)
    return answered(eta, met, at_ms, 1.2, rng, rng.logistic(size=n))


def remembered(met: Met, bad: NDArray[np.bool_], **taus: float) -> Floats:
    tau = np.where(bad, taus["loss"], taus["gain"]) * DAY
    return taus["floor"] + (1 - taus["floor"]) * np.exp(-met.age_s / tau)


def theirs(n: int, seed: int) -> World:
    """Another model: the worst fault of the last year decides, good things saturate, memory is a power law, feelings
    beyond all that differ between people and have heavy tails."""
    met, at_ms, rng = lives(n, seed)
    left = (1 + met.age_s / (10 * DAY)) ** -0.5
    fault, good = met.kind == 1, np.isin(met.kind, [0, 3])
    worst = np.zeros(n)
    np.maximum.at(worst, met.ask[fault & (met.age_s < 365 * DAY)], left[fault & (met.age_s < 365 * DAY)])
    joy = np.bincount(met.ask[good], left[good], minlength=n)
    eta = 0.9 - 1.8 * (worst > 0.25) + 0.8 * np.tanh(joy)
    own = rng.normal(0, 0.5, n)
    return answered(eta + own, met, at_ms, 1.2, rng, np.clip(rng.standard_t(3, size=n) * 1.4, -30, 30))


def start() -> Model:
    return stated("relationship", kinds(BLUEPRINT), BLUEPRINT)


def rolled(world: World) -> Rolled:
    return roll(start(), world.told, world.met.part, ScoreSettings())


def intervals(world: World, result: Rolled) -> tuple[Floats, Floats, Floats]:
    """Score and ends of the 90 % interval, as if nobody's own answer were known."""
    model = result.model
    columns, slopes = features(world.met, model), memory_slopes(world.met, model)
    nobody = np.full(world.met.n, -1)
    _, _, left = Leanings.none(0, 0).of(nobody, nobody, model.person_var, model.account_var)
    sd = _sd(columns, slopes, left, model)
    eta, width = model.base + columns @ model.weights, np.array(model.width)
    return tuple(score_of(eta + z * sd, width) for z in (0, -1.645, 1.645))  # type: ignore[return-value]


def test_our_own_parameters_are_found_within_their_intervals() -> None:
    world = ours(12_000, seed=5)
    said = Said(world.met, world.told.classes, world.told.scale)
    model = learn(start(), said, memory=True)
    sd = np.sqrt(np.diag(model.covariance))
    truth = np.array([0.6, np.log(1.2), 0.7, -1.1, 0.0, 0.4])
    assert model.known.all()
    assert (np.abs(model.theta - truth) < 2.6 * sd[:6]).all()
    assert model.known_memory[0]
    point = np.array([np.log(300 * DAY), np.log(20 * DAY), np.log(0.1 / 0.9)])
    known = model.known_memory
    assert (np.abs(model.memory.point - point)[known] < 2.6 * sd[-3:][known]).all()


def test_what_the_answers_cannot_tell_stays_at_its_prior() -> None:
    world = ours(12_000, seed=6)
    fresh = replace(world.met, age_s=np.full(len(world.met.age_s), 60.0))  # nothing had time to fade
    model = learn(start(), Said(fresh, world.told.classes, world.told.scale), memory=True)
    assert not model.known_memory.any()
    assert model.memory == start().memory
    few = learn(start(), Said(world.met.part(0, 3), world.told.classes[:3], world.told.scale[:3]), memory=True)
    assert not few.known[1:].any()
    np.testing.assert_allclose(few.theta[1:], start().theta[1:])
    assert not few.calibrated


def test_from_our_model_rank_calibration_and_intervals_hold() -> None:
    world = ours(9000, seed=7)
    result = rolled(world)
    late = slice(4500, None)
    detractor = world.told.classes[late] < 0
    assert auc(result.chances[late, 0], detractor) > auc(world.chance[late], detractor) - 0.01
    assert np.abs(result.chances[late, 0] - world.chance[late]).mean() < 0.03
    score, low, high = intervals(world, result)
    assert np.mean((low <= world.score) & (world.score <= high)) >= 0.9
    assert np.corrcoef(score, world.score)[0, 1] > 0.95


@pytest.mark.parametrize("seed", [8, 21])
def test_from_another_model_rank_and_calibration_hold_and_false_certainty_does_not_appear(seed: int) -> None:
    world = theirs(9000, seed=seed)
    result = rolled(world)
    late = slice(4500, None)
    p, detractor = result.chances[late, 0], world.told.classes[late] < 0
    assert auc(p, detractor) > 0.88 * auc(world.eta[late] * -1, detractor)
    order = np.argsort(p)
    gaps = [abs(p[part].mean() - detractor[part].mean()) for part in np.array_split(order, 10)]
    assert np.mean(gaps) < 0.03
    score, low, high = intervals(world, result)
    true = 100 * (np.mean(world.told.classes > 0) - np.mean(world.told.classes < 0))
    assert abs(score.mean() - true) < 4
    # each person's own expected rating under that model, heavy tails and all
    rng = np.random.default_rng(0)
    tails = np.clip(rng.standard_t(3, size=4000) * 1.4, -30, 30)
    own = world.eta[:2000, None] + tails[None, :]
    expected = 100 * ((own > 0.6).mean(1) - (own < -0.6).mean(1))
    inside = (low[:2000] <= expected) & (expected <= high[:2000])
    assert inside.mean() >= 0.85
    fifths = np.array_split(np.argsort(score[:2000]), 5)  # nor among those of some score alone
    assert min(inside[part].mean() for part in fifths) >= 0.7


def test_pure_noise_claims_nothing() -> None:
    met, at_ms, rng = lives(4000, seed=9)
    world = answered(np.full(4000, 0.5), met, at_ms, 1.2, rng, rng.logistic(size=4000))
    model = rolled(world).model
    sd = np.sqrt(np.diag(model.covariance))[2:6]
    assert (np.abs(model.weights) < 3 * sd).all()
    assert 0.4 < auc(rolled(world).chances[2000:, 0], world.told.classes[2000:] < 0) < 0.56


def test_what_a_person_says_again_and_again_is_learnt() -> None:
    """Three answers each, moods differ by 1.2: that is found, and the third answer foreseen better."""
    rng, people, each = np.random.default_rng(10), 1500, 3
    mood = rng.normal(0, 1.2, people)
    person = np.tile(np.arange(people), each)
    n = len(person)
    eta = 0.5 + mood[person]
    said = eta + rng.logistic(size=n)
    classes = np.where(said < -0.6, -1, np.where(said > 0.6, 1, 0))
    told = Told(np.arange(n) * 10**7, person, np.full(n, -1), classes, np.zeros(n, dtype=np.int64), people, 0)
    nothing = Met(np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64), np.zeros(0), np.zeros(0), n)
    result = roll(start(), told, nothing.part, ScoreSettings())
    assert 0.6 < result.model.person_var < 2.2
    assert result.model.account_var == start().account_var
    third = slice(2 * people, None)
    assert auc(result.chances[third, 0], classes[third] < 0) > 0.68
