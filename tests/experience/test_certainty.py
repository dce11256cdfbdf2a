"""How sure a group's score is: against exact draws, and against the truth of simulated towns whose accounts agree."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
import pytest
from numpy.typing import NDArray
from test_simulated import DAY, POINTS, start

from regard.engine import Engine
from regard.experience.certainty import Part, Sample, accounts, interval, loaded, met_by, refitted, sampled
from regard.experience.cumulative import residuals, score_of, slope_of
from regard.experience.features import features
from regard.experience.leanings import Leanings
from regard.experience.learn import Said, learn
from regard.experience.memory import Memory
from regard.experience.model import ACCOUNT_VAR, PERSON_VAR, Model
from regard.experience.reach import beyond, unsure
from regard.experience.seen import Met

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
AS_OF = dt.datetime(2026, 3, 1, tzinfo=dt.UTC)
WIDTH = 1.2


@dataclass(frozen=True)
class People:
    """Of a town: what they had met, their account (-1: none), and what they and it say beyond that."""

    met: Met
    account: Ints
    own: Floats
    shared: Floats
    rng: np.random.Generator

    @property
    def eta(self) -> Floats:
        """The truth."""
        weight = np.array([0.7, -1.1, 0.0, 0.4])[self.met.kind]
        tau = np.where(weight < 0, 180.0, 60.0) * DAY
        left = 0.2 + 0.8 * np.exp(-self.met.age_s / tau)
        return 0.6 + np.bincount(self.met.ask, weight * left, minlength=self.met.n) + self.own + self.shared


def town(seed: int, *, n: int, n_accounts: int, alone: float) -> People:
    """People with about four impressions; in accounts whose people met faults alike, or with a share of them alone."""
    rng = np.random.default_rng(seed)
    account = np.where(rng.random(n) < alone, -1, rng.integers(0, n_accounts, n))
    faults = np.where(account < 0, rng.gamma(1.0, 1.0, n), rng.gamma(1.0, 1.0, n_accounts)[account])
    counts = [rng.poisson(rate, n) for rate in (1.2, faults, 1.0, 0.8)]
    ask = np.concatenate([np.repeat(np.arange(n), count) for count in counts])
    kind = np.concatenate([np.full(count.sum(), code) for code, count in enumerate(counts)])
    order = np.argsort(ask, kind="stable")
    met = Met(ask[order], kind[order], np.ones(len(ask)), rng.uniform(0, 500 * DAY, len(ask)), n)
    shared = np.where(account < 0, 0.0, rng.normal(0, 0.6, n_accounts)[account])
    return People(met, account, rng.normal(0, 0.7, n), shared, rng)


def group(people: People, model: Model, leanings: Leanings, who: Ints) -> tuple[Part, Sample, Floats]:
    """The parts of a group as the engine would sum them, a sample of its people, and everybody's score."""
    columns = features(people.met, model)
    every = np.arange(people.met.n)
    u, v, _ = leanings.of(every, people.account, model.person_var, model.account_var)
    eta, width = model.base + columns @ model.weights + u + v, np.array(model.width)
    score, slope = score_of(eta, width), slope_of(eta, width)
    own = model.person_var / (1 + model.person_var * leanings.h_person)
    shared = np.append(model.account_var / (1 + model.account_var * leanings.h_account), 0.0)
    rows = []
    for number in np.unique(people.account[who]):
        mine = who[people.account[who] == number]
        sums = {"n": len(mine), "total": score[mine].sum(), "slope": slope[mine].sum()}
        sums |= {"squares": (score[mine] ** 2).sum(), "own": (slope[mine] ** 2 * own[mine]).sum()}
        rows.append({"account": None if number < 0 else f"a{number}", **sums, "account_var": shared[number]})
    some = who[:: max(1, len(who) // 600)]
    ask = np.searchsorted(some, people.met.ask).clip(max=len(some) - 1)
    keep = some[ask] == people.met.ask
    met = Met(ask[keep], people.met.kind[keep], people.met.x[keep], people.met.age_s[keep], len(some))
    return Part.of(rows), refitted(eta[some], np.ones(len(some)), met, model, seed=1), score


def answering(people: People, seed: int, share: float) -> tuple[Model, Leanings]:
    """The score fitted on what a share of the people said, once each."""
    rng = np.random.default_rng(seed)
    said = people.eta + rng.logistic(size=people.met.n)
    classes = np.where(said < -WIDTH / 2, -1, np.where(said > WIDTH / 2, 1, 0))
    who = np.flatnonzero(rng.random(people.met.n) < share)
    place = np.full(people.met.n, -1)
    place[who] = np.arange(len(who))
    keep = place[people.met.ask] >= 0
    ask, kind, x, age = (column[keep] for column in (people.met.ask, people.met.kind, people.met.x, people.met.age_s))
    met = Met(place[ask], kind, x, age, len(who))
    scale = np.zeros(len(who), dtype=np.int64)
    model = learn(start(), Said(met, classes[who], scale), memory=True)
    plain = model.base + features(met, model) @ model.weights
    leanings = Leanings.none(people.met.n, int(people.account.max()) + 1)
    leanings.add(who, people.account[who], *residuals(plain, np.full(len(who), model.width), classes[who]))
    person_var, account_var = leanings.variances(PERSON_VAR, ACCOUNT_VAR)
    return replace(model, person_var=person_var, account_var=account_var), leanings


def exact(people: People, model: Model, n: int) -> Floats:
    """The group's score in exact draws: every person anew, memory and all, accounts and people alone resampled."""
    rng, score = np.random.default_rng(3), []
    point = np.concatenate([model.theta, model.memory.point])
    root = np.linalg.cholesky(model.covariance)
    several = people.account >= 0
    n_accounts = int(people.account.max()) + 1
    nodes, shares = np.polynomial.hermite_e.hermegauss(15)
    columns = features(people.met, model)
    now, farther = model.base + columns @ model.weights, beyond(columns, model) * unsure(model)
    for _ in range(n):
        drawn = point + root @ rng.standard_normal(len(point))
        other = replace(model, theta=drawn[:-3], memory=Memory.at(drawn[-3:]))
        width = np.array(other.width)
        eta = other.base + features(people.met, other) @ other.weights
        eta += farther @ rng.standard_normal(farther.shape[1])
        fitted = float(score_of(eta, width).mean())
        # what is theirs beyond the fit, around what the fit says of people like them
        shared = np.where(several, rng.normal(0, np.sqrt(model.account_var), n_accounts)[people.account], 0.0)
        leaning = shared + rng.normal(0, np.sqrt(model.person_var), len(eta))
        sd = np.sqrt(model.person_var + several * model.account_var)
        middle = score_of(now[:, None] + sd[:, None] * nodes[None, :], np.array(model.width)) @ (shares / shares.sum())
        own = float((score_of(now + leaning, np.array(model.width)) - middle).mean())
        weight = np.where(several, rng.standard_exponential(n_accounts)[people.account], 0.0)
        weight[~several] = rng.standard_exponential(int((~several).sum()))
        here = score_of(now, np.array(model.width))
        resampled = float(weight @ here / weight.sum() - here.mean())
        score.append(fitted + own + resampled)
    return np.array(score)


@pytest.mark.parametrize("answers", [300, 3000])
def test_the_interval_is_that_of_exact_draws_on_two_thousand_people(answers: int) -> None:
    """Sampling 600 people, few memories, sums by account and slopes of leanings: within an eighth of its width."""
    people = town(1, n=2000, n_accounts=40, alone=0.4)
    fitted, _ = answering(town(2, n=answers, n_accounts=40, alone=0.4), 5, 1.0)
    nobody = Leanings.none(people.met.n, 40)
    part, sample, _ = group(people, fitted, nobody, np.arange(people.met.n))
    found = interval(part, sample, fitted, AS_OF, seed=1)
    assert found is not None
    low, high = np.quantile(exact(people, fitted, 800), [0.05, 0.95])
    assert found.low == pytest.approx(low, abs=(high - low) / 8)
    assert found.high == pytest.approx(high, abs=(high - low) / 8)
    assert found.n == 2000


def test_it_covers_the_truth_of_towns_whose_accounts_agree() -> None:
    """Of the very people in a group, and of the world they come from; people taken as independent are too sure."""
    inside, beyond, independent, n = 0, 0, 0, 0
    world = town(99, n=200_000, n_accounts=10_000, alone=0.3)
    ideal = score_of(world.eta, np.array(WIDTH))
    for seed in range(40):
        people = town(seed, n=1200, n_accounts=60, alone=0.3)
        model, leanings = answering(people, 1000 + seed, 0.5)
        true = score_of(people.eta, np.array(WIDTH))
        some = np.flatnonzero(people.account % 4 == 1)
        for who, expected in ((np.arange(people.met.n), ideal.mean()), (some, ideal[world.account >= 0].mean())):
            part, sample, score = group(people, model, leanings, who)
            found = interval(part, sample, model, AS_OF, seed=1)
            assert found is not None
            assert found.low is not None
            assert found.high is not None
            n += 1
            inside += found.low <= true[who].mean() <= found.high
            beyond += found.low <= expected <= found.high
            only = replace(part, account_var=np.zeros(len(part.n)), n=part.n * 0, n_alone=part.size,
                           total_alone=part.total.sum() + part.total_alone, total=part.total * 0,
                           squares_alone=float((score[who] ** 2).sum()))  # fmt: skip
            narrow = interval(only, sample, model, AS_OF, seed=1)
            assert narrow is not None
            assert narrow.low is not None
            assert narrow.high is not None
            independent += narrow.low <= expected <= narrow.high
    assert inside / n >= 0.88
    assert beyond / n >= 0.84
    assert independent / n < 0.86 < beyond / n


def test_one_account_is_not_resampled_and_nobody_has_no_standing() -> None:
    people = town(4, n=300, n_accounts=10, alone=0.3)
    model, leanings = answering(people, 5, 0.5)
    part, sample, _ = group(people, model, leanings, np.flatnonzero(people.account == 3))
    found = interval(part, sample, model, AS_OF, seed=1)
    assert found is not None
    assert found.low is not None
    assert found.high is not None
    assert -100 <= found.low < found.score < found.high <= 100
    assert interval(Part.of([]), sample, model, AS_OF, seed=1) is None


def test_the_engine_sums_by_account_and_samples_evenly(engine: Engine) -> None:
    people = town(6, n=900, n_accounts=12, alone=0.4)
    model, leanings = answering(people, 7, 0.3)
    every = np.arange(people.met.n)
    part, _, score = group(people, model, leanings, every)
    columns = features(people.met, model)
    u, v, _ = leanings.of(every, people.account, model.person_var, model.account_var)
    names = [f"p{number:04d}" for number in every]
    account = [None if number < 0 else f"a{number}" for number in people.account]
    level = pa.array(["relationship"] * len(names))
    scores = {"person_id": names, "level": level, "score": score, "eta": model.base + columns @ model.weights + u + v}
    answered = leanings.h_person > 0
    member = {"person_id": names, "answered": answered}
    own = np.sqrt(model.person_var / (1 + model.person_var * leanings.h_person[answered]))
    shared = np.sqrt(model.account_var / (1 + model.account_var * leanings.h_account))
    said = {"level": "relationship", "of": "person", "id": None, "eta_sd": 0.0}
    kept = [said | {"id": names[number], "eta_sd": sd} for number, sd in zip(every[answered], own, strict=True)]
    kept += [said | {"of": "account", "id": f"a{number}", "eta_sd": sd} for number, sd in enumerate(shared)]
    when = [AS_OF - dt.timedelta(seconds=float(age)) for age in people.met.age_s]
    felt = {"person_id": [names[place] for place in people.met.ask], "level": ["relationship"] * len(when),
           "at": pa.array(when, pa.timestamp("us", tz="UTC")), "x": people.met.x,
           "kind": [POINTS[code] for code in people.met.kind],
           "as_of": pa.array([AS_OF] * len(when), pa.timestamp("us", tz="UTC"))}  # fmt: skip
    members, rated = engine.table(pa.table(member)), pa.table(scores | {"account": account, "answered": answered})
    given = engine.table(rated), engine.table(pa.Table.from_pylist(kept)), members
    found = Part.of(engine.rows(accounts(*given, model)).to_pylist())
    assert sorted(found.n.tolist()) == sorted(part.n.tolist())
    assert sorted(found.total.tolist()) == pytest.approx(sorted(part.total.tolist()))
    for name in ("n_alone", "total_alone", "squares_alone", "own", "size", "mean"):
        assert getattr(found, name) == pytest.approx(getattr(part, name)), name
    assert sorted(found.account_var.tolist()) == pytest.approx(sorted(part.account_var.tolist()))

    taken = engine.rows(sampled(given[0], members, model, most=100))
    per_part = {told: sum(1 for one in taken["answered"].to_pylist() if one == told) for told in (True, False)}
    assert all(80 <= n <= 100 for n in per_part.values())
    assert sum(taken["weight"].to_pylist()) == pytest.approx(900)
    met = engine.rows(met_by(taken, engine.table(pa.table(felt)), model))
    sample = loaded(taken, met, model, seed=1)
    places = np.array([names.index(name) for name in taken["person_id"].to_pylist()])
    _, other, _ = group(people, model, leanings, every[places])
    assert sample.drawn.shape == (1024, taken.num_rows)
    np.testing.assert_allclose(sample.drawn, other.drawn, atol=1e-4)
