"""Calibration by number of interactions and tenure, against arithmetic by hand and a score of mere volume."""

from __future__ import annotations

import datetime as dt
import math

import numpy as np
import pyarrow as pa
import pytest
import town

from regard.engine import Engine, schema
from regard.experience.calibration import calibration

NOW = dt.datetime(2026, 3, 1, tzinfo=dt.UTC)
DAY = dt.timedelta(days=1)
Row = dict[str, object]


def judged(engine: Engine, answers: list[Row]) -> dict[tuple[object, object], Row]:
    """Answers (who, n, tenure_days, p_promoter, p_detractor, said) as the table `calibration`, by kind and bucket."""
    predictions, feedback, touches = [], [], []
    for place, one in enumerate(answers):
        name = {"feedback_id": f"f{place}", "person_id": one["who"], "at": NOW, "level": "relationship"}
        fitted = None if one.get("stated") else NOW - DAY
        chances = {"p_promoter": one["p_promoter"], "p_detractor": one["p_detractor"]}
        predictions.append({**name, **chances, "n_interactions": one["n"], "fitted_until": fitted})
        feedback.append({**name, "class": one["said"]})
        first = NOW - float(str(one["days"])) * DAY
        touches.append({"person_id": one["who"], "interaction_id": f"t{place}", "source": "t", "at": first})
    made = {"predictions": predictions, "feedback": feedback, "touches": touches}
    tables = [engine.table(pa.Table.from_pylist(rows, schema(name).to_pyarrow())) for name, rows in made.items()]
    found = engine.rows(calibration(*tables)).to_pylist()
    return {(row["by"], row["bucket"]): row for row in found}


def test_by_hand(engine: Engine) -> None:
    answers = [
        {"who": "a", "n": 1, "days": 400, "p_promoter": 0.6, "p_detractor": 0.1, "said": 1},
        {"who": "a", "n": 4, "days": 400, "p_promoter": 0.5, "p_detractor": 0.2, "said": 1},
        {"who": "b", "n": 4, "days": 10, "p_promoter": 0.4, "p_detractor": 0.4, "said": -1},
        {"who": "c", "n": 4, "days": 10, "p_promoter": 0.4, "p_detractor": 0.4, "said": -1, "stated": True},
    ]
    found = judged(engine, answers)
    whole = found["all", "all"]
    assert (whole["n"], whole["n_people"]) == (3, 2)
    assert whole["expected"] == pytest.approx((50 + 30 + 0) / 3)
    assert whole["observed"] == pytest.approx(100 / 3)
    gap = (100 - 80) / 3
    sd = math.sqrt((120 - 2 * gap) ** 2 + (-100 - gap) ** 2) / 3
    assert whole["low"] == pytest.approx(max(-100, 100 / 3 - 1.6448536 * sd), abs=1e-4)
    assert whole["high"] == pytest.approx(min(100, 100 / 3 + 1.6448536 * sd), abs=1e-4)
    assert {bucket for by, bucket in found if by == "interactions"} == {"1", "3 to 5"}
    assert {bucket for by, bucket in found if by == "tenure"} == {"under a month", "under 3 years"}
    assert found["interactions", "3 to 5"]["n"] == 2
    assert not any(row["off"] for row in found.values())  # three answers prove nothing


def crowd(seed: int, *, volume: float, stretch: float = 1.0) -> list[Row]:
    """900 people who say what was expected, but for `volume` points of eta more expected for each interaction.

    stretch : times by which the expected goes farther than what people feel.
    """
    rng = np.random.default_rng(seed)
    answers: list[Row] = []
    for who in range(900):
        n = int(rng.integers(1, 30))
        eta, extra = float(rng.normal(0, 0.7)), volume * (n - 15)
        said = eta + float(rng.logistic())
        far = stretch * eta + extra
        up, down = (1 / (1 + math.exp(-(sign * far - 0.5))) for sign in (1, -1))
        cut = 1 if said > 0.5 else -1 if said < -0.5 else 0
        days = float(rng.uniform(1, 900))
        answers.append({"who": f"p{who}", "n": n, "days": days, "p_promoter": up, "p_detractor": down, "said": cut})
    return answers


def test_a_score_that_means_volume_is_called_off_where_it_is(engine: Engine) -> None:
    found = judged(engine, crowd(1, volume=0.12))
    assert found["interactions", "21 to 50"]["off"]
    assert found["interactions", "21 to 50"]["expected"] > found["interactions", "21 to 50"]["observed"]
    assert found["interactions", "3 to 5"]["expected"] < found["interactions", "3 to 5"]["observed"]
    assert not any(row["off"] for (by, _), row in found.items() if by == "tenure")


def test_a_score_that_goes_too_far_is_called_off_at_its_ends(engine: Engine) -> None:
    found = judged(engine, crowd(2, volume=0.0, stretch=4.0))
    lowest, highest = found["expected", "under -75"], found["expected", "75 and more"]
    assert lowest["off"] and lowest["expected"] < -75 < lowest["observed"]
    assert highest["off"] and highest["observed"] < 75 <= highest["expected"]
    assert not found["all", "all"]["off"]


def test_a_score_that_means_what_it_says_is_seldom_called_off(engine: Engine) -> None:
    called = [row["off"] for seed in range(12) for row in judged(engine, crowd(seed, volume=0.0)).values()]
    assert len(called) > 100
    assert sum(called) <= 3


def test_a_run_writes_it(engine: Engine) -> None:
    from regard.experience import score

    people = town.lively(90, seed=2)
    found = score(*people.tables(engine), town.BLUEPRINT, engine, as_of=town.moment(345)).tables["calibration"]
    rows = engine.rows(found).to_pylist()
    assert {row["by"] for row in rows} == {"all", "interactions", "tenure", "expected"}
    for row in rows:
        assert row["low"] <= row["observed"] <= row["high"]
        assert -100 <= row["expected"] <= 100
    everyone = {row["level"]: row["n"] for row in rows if row["by"] == "all"}
    for by in ("interactions", "tenure"):
        for level, n in everyone.items():
            assert sum(row["n"] for row in rows if row["by"] == by and row["level"] == level) == n
