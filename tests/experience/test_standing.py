"""How a group regards us: the course of its mean against the plain definition."""

from __future__ import annotations

import datetime as dt
import math
from dataclasses import replace

import ibis
import numpy as np
import pyarrow as pa
import pytest

from regard.blueprint import Blueprint, Impression, Touchpoint
from regard.engine import Engine
from regard.experience.cumulative import score_of
from regard.experience.kinds import kinds
from regard.experience.model import Model, stated
from regard.experience.standing import at_moments, series

AS_OF = dt.datetime(2026, 3, 1, tzinfo=dt.UTC)
DAY = dt.timedelta(days=1)
PEOPLE = ("ann", "bo", "cy")
ANSWERED = {"ann": True, "bo": True, "cy": False}
FIRST = {"ann": AS_OF - 300 * DAY, "bo": AS_OF - 200 * DAY, "cy": AS_OF - 20 * DAY}
MET = [  # person, kind, x, days before AS_OF
    ("ann", "call", 1.0, 250),
    ("ann", "visit", 1.0, 100),
    ("ann", "call", 1.0, 10),
    ("bo", "visit", 1.0, 150),
    ("cy", "call", 2.0, 15),
]


@pytest.fixture
def blueprint() -> Blueprint:
    return Blueprint(
        "Test",
        touchpoints=(Touchpoint("call", "Call", "use", None), Touchpoint("visit", "Visit", "use", None)),
        impressions=(
            Impression("call", touch="call", weight=-0.7, weight_sd=0.2),
            Impression("visit", touch="visit", weight=0.4, weight_sd=0.1),
        ),
    )


@pytest.fixture
def model(blueprint: Blueprint) -> Model:
    prior = stated("relationship", kinds(blueprint), blueprint)
    return replace(prior, covariance=prior.covariance * 0.02)  # as after some hundred answers


def eta(model: Model, person: str, at: dt.datetime) -> float:
    """Base plus each impression's weight times what memory leaves of it, in plain Python."""
    weights = {"call": -0.7, "visit": 0.4}
    total = model.base
    for who, kind, x, days in MET:
        age = (at - (AS_OF - days * DAY)).total_seconds()
        if who == person and age >= 0:
            raw = weights[kind] * x
            tau = model.memory.loss_s if raw < 0 else model.memory.gain_s
            total += raw * (model.memory.floor + (1 - model.memory.floor) * math.exp(-age / tau))
    return total


def score(model: Model, value: float) -> float:
    return float(score_of(np.array(value), np.array(model.width)))


def tables(engine: Engine, model: Model) -> dict[str, ibis.Table]:
    contributions, impressions = [], []
    for number, (who, kind, x, days) in enumerate(MET):
        at = AS_OF - days * DAY
        one = Model.raw(model, next(k for k in model.kinds if k.name == kind), np.array([x]))[0]
        left = model.memory.of(np.array([days * 86_400.0]), np.array([one < 0]))[0]
        row = {
            "person_id": who,
            "level": "relationship",
            "interaction_id": f"i{number}",
            "at": at,
            "kind": kind,
            "as_of": AS_OF,
        }
        contributions.append(row | {"eta": float(one * left)})
        impressions.append(row | {"x": x})
    for who in PEOPLE:
        base = {
            "person_id": who,
            "level": "relationship",
            "interaction_id": None,
            "at": AS_OF,
            "kind": "base",
            "as_of": AS_OF,
        }
        contributions.append(base | {"eta": model.base})
    scores = [
        {
            "person_id": who,
            "level": "relationship",
            "answered": ANSWERED[who],
            "eta": eta(model, who, AS_OF),
            "score": score(model, eta(model, who, AS_OF)),
        }
        for who in PEOPLE
    ]
    members = [{"person_id": who, "first_at": FIRST[who], "answered": ANSWERED[who]} for who in PEOPLE]
    found = {"contributions": contributions, "impressions": impressions, "scores": scores, "members": members}
    return {name: engine.table(pa.Table.from_pylist(rows)) for name, rows in found.items()}


def test_the_course_is_the_mean_of_each_moment_s_scores_of_those_known_by_then(engine: Engine, model: Model) -> None:
    given = tables(engine, model)
    moments = [AS_OF - days * DAY for days in (400, 220, 120, 30, 0)]
    asked = at_moments(given["contributions"], given["members"], model, moments=moments)
    found = series(engine.rows(asked).to_pylist(), moments)
    expected = [(at, [score(model, eta(model, who, at)) for who in PEOPLE if FIRST[who] <= at]) for at in moments]
    known = [(at, scores) for at, scores in expected if scores]
    assert [one.at for one in found] == [at for at, _ in known]
    assert [one.n for one in found] == [len(scores) for _, scores in known]
    for one, (_, scores) in zip(found, known, strict=True):
        assert one.score == pytest.approx(sum(scores) / len(scores), abs=1e-9)
