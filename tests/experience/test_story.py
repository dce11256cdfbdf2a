"""One person's score over time: it ends at the score, steps where something happened, and fades between."""

from __future__ import annotations

import datetime as dt
import math
from itertools import pairwise

import numpy as np
import pytest

from regard.blueprint import Blueprint, Impression, Touchpoint
from regard.experience.cumulative import score_of
from regard.experience.kinds import kinds
from regard.experience.model import Model, stated
from regard.experience.story import curve

AS_OF = dt.datetime(2026, 3, 1, tzinfo=dt.UTC)
DAY = dt.timedelta(days=1)


@pytest.fixture
def model() -> Model:
    blueprint = Blueprint(
        "Test",
        touchpoints=(Touchpoint("call", "Call", "use", None),),
        impressions=(Impression("call", touch="call", weight=-0.7),),
    )
    return stated("relationship", kinds(blueprint), blueprint)


def score(model: Model, eta: float) -> float:
    return float(score_of(np.array(eta), np.array(model.width)))


def row(name: str | None, days: float, raw: float, model: Model, level: str = "relationship") -> dict[str, object]:
    left = float(model.memory.of(np.array([days * 86_400.0]), np.array([raw < 0]))[0])
    eta = raw if name is None else raw * left
    return {"level": level, "interaction_id": name, "at": AS_OF - days * DAY, "kind": "call", "eta": eta}


def test_it_ends_at_the_score_and_begins_at_the_base(model: Model) -> None:
    rows = [row(None, 0, 1.2, model), row("i1", 200, -0.9, model), row("i2", 50, 0.6, model)]
    found = curve(rows, model, AS_OF)
    assert found[0].score == pytest.approx(score(model, 1.2), abs=1e-9)
    assert found[-1].at == AS_OF
    assert found[-1].score == pytest.approx(score(model, sum(float(str(one["eta"])) for one in rows)), abs=1e-9)
    assert [one.at for one in found] == sorted(one.at for one in found)


def test_a_moment_s_points_are_what_the_score_did_there_and_then(model: Model) -> None:
    found = curve([row(None, 0, 1.0, model), row("i1", 200, -0.9, model)], model, AS_OF)
    step = next(one for one in found if one.by)
    assert step.by == ("i1",)
    assert step.points == pytest.approx(score(model, 1.0 - 0.9) - score(model, 1.0), abs=1e-9)


def test_a_loss_fades_and_never_goes(model: Model) -> None:
    found = curve([row(None, 0, 1.0, model), row("i1", 4_000, -0.9, model)], model, AS_OF, between=40)
    after = [one.score for one in found if one.at > AS_OF - 4_000 * DAY]
    assert all(later > earlier for earlier, later in pairwise(after[:-1]))
    assert after[-1] < score(model, 1.0)
    assert after[-1] == pytest.approx(score(model, 1.0 - 0.9 * model.memory.floor), abs=0.01)


def test_interactions_of_one_moment_are_one_step_and_the_other_level_is_left_out(model: Model) -> None:
    rows = [row("i1", 9, -0.3, model), row("i2", 9, -0.2, model), row("i3", 5, -3.0, model, level="transaction")]
    found = curve(rows, model, AS_OF)
    assert [one.by for one in found if one.by] == [("i1", "i2")]


def test_without_an_impression_there_is_one_moment(model: Model) -> None:
    found = curve([row(None, 0, 1.0, model)], model, AS_OF)
    assert [(one.at, one.by) for one in found] == [(AS_OF, ())]
    assert math.isclose(found[0].score, score(model, 1.0))
