"""Peaks and ends: found where they are planted, not claimed where they are not, the same on every engine, and exact."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
import town
from test_simulated import BLUEPRINT, answered, lives

from regard.engine import Engine, connect
from regard.experience import fits, score
from regard.experience.features import features, memory_slopes
from regard.experience.kinds import kinds
from regard.experience.learn import Said, learn
from regard.experience.memory import PEAKS, Memory
from regard.experience.model import Model, stated
from regard.experience.peaks import BEST, LAST, WORST, marked
from regard.experience.seen import Met

PEAKED = replace(BLUEPRINT, memory=replace(BLUEPRINT.memory, peak_end=True))
TOWN = replace(town.BLUEPRINT, memory=replace(town.BLUEPRINT.memory, peak_end=True))
DAY = 86_400.0
AS_OF = town.moment(345)


def start(heights: tuple[float, ...] = (0.0, 0.0, 0.0)) -> Model:
    model = stated("relationship", kinds(PEAKED), PEAKED)
    theta = np.array([0.6, np.log(1.2), 0.7, -1.1, 0.0, 0.4])
    return replace(model, theta=theta, memory=replace(model.memory, heights=heights))


def test_the_worst_the_best_and_the_last_are_marked() -> None:
    ask, kind = np.array([0, 0, 0, 0, 1, 2, 2]), np.array([1, 1, 0, 2, 1, 0, 3])
    age = np.array([10, 90, 40, 5, 30, 7, 7]) * DAY
    found = marked(Met(ask, kind, np.ones(7), age, 3), start())
    assert found.tolist() == [WORST, 0, BEST, LAST, WORST + LAST, BEST + LAST, LAST]
    nothing = np.zeros(0, dtype=np.int64)
    assert marked(Met(nothing, nothing, np.zeros(0), np.zeros(0), 2), start()).tolist() == []


def test_the_extra_is_that_of_the_peak_and_slopes_are_derivatives() -> None:
    met, _, _ = lives(200, seed=3)
    plain, high = start(), start((0.5, -0.2, 0.3))
    marks = marked(met, high)
    weight = np.array([0.7, -1.1, 0.0, 0.4])[met.kind]
    eta = weight * plain.memory.of(met.age_s, weight < 0)
    for bit, height in ((WORST, 0.5), (BEST, -0.2), (LAST, 0.3)):
        eta = np.where(marks & bit, eta * np.exp(height), eta)
    expected = np.bincount(met.ask, eta, minlength=met.n)
    np.testing.assert_allclose(features(met, high) @ high.weights, expected, atol=1e-12)
    slopes = memory_slopes(met, high)
    for place in range(6):
        step = np.zeros(6)
        step[place] = 1e-6
        moved = [features(replace(met, marks=marks), replace(high, memory=Memory.at(high.memory.point + sign * step)))
                 @ high.weights for sign in (1, -1)]  # fmt: skip
        np.testing.assert_allclose(slopes[:, place], (moved[0] - moved[1]) / 2e-6, atol=1e-5)


@pytest.mark.parametrize("truth", [(0.9, 0.0, 0.6), (0.0, 0.0, 0.0)])
def test_simulated_peaks_are_found_and_none_is_claimed_where_there_is_none(truth: tuple[float, ...]) -> None:
    met, at_ms, rng = lives(12_000, seed=11)
    model = start(truth)
    eta = 0.6 + features(met, model) @ model.weights
    world = answered(eta, met, at_ms, 1.2, rng, rng.logistic(size=met.n))
    begin = stated("relationship", kinds(PEAKED), PEAKED)
    found = learn(begin, Said(met, world.told.classes, world.told.scale), memory=True)
    sd = np.sqrt(np.diag(found.covariance))[-3:]
    known = found.known_memory[-3:]
    assert known[[0, 2]].all()
    assert (np.abs(np.array(found.memory.heights) - truth)[known] < 2.6 * sd[known]).all()
    if not any(truth):
        assert (np.abs(found.memory.heights) < 2.6 * sd).all()


def test_what_answers_cannot_tell_stays_unclaimed() -> None:
    met, at_ms, rng = lives(60, seed=12)
    world = answered(np.full(60, 0.5), met, at_ms, 1.2, rng, rng.logistic(size=60))
    begin = stated("relationship", kinds(PEAKED), PEAKED)
    found = learn(begin, Said(met, world.told.classes, world.told.scale), memory=True)
    assert not found.known_memory[-3:].any()
    assert found.memory.heights == (0.0, 0.0, 0.0)


def tables(opened: Engine, people: town.Town, monkeypatch: pytest.MonkeyPatch) -> dict[str, list[dict[str, object]]]:
    """With heights that a fit would not find in so small a town."""
    from regard.experience import memory

    heights = classmethod(
        lambda cls, settings: Memory(settings.loss_s, settings.gain_s, settings.floor, (0.6, 0.2, 0.4))
    )
    monkeypatch.setattr(memory.Memory, "stated", heights)
    found = score(*people.tables(opened), TOWN, opened, as_of=AS_OF)
    rows = {name: opened.rows(table).to_pylist() for name, table in found.tables.items()}
    saved = fits.load(fits.save(found.fits), opened.rows(found.tables["leanings"]), TOWN)
    assert [fit.model.memory for fit in saved.values()] == [fit.model.memory for fit in found.fits]
    return rows


def test_contributions_sum_exactly_and_engines_agree(
    sail: str, engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    people = town.lively(25, seed=1)
    other = connect(sail, scratch=tmp_path / "sail")
    try:
        mine, theirs = tables(engine, people, monkeypatch), tables(other, people, monkeypatch)
    finally:
        other.close()
    assert {row["parameter"] for row in mine["models"]} >= set(PEAKS)
    for found in (mine, theirs):
        for column, whole in (("eta", "eta"), ("points", "score")):
            sums: dict[tuple[object, object], float] = {}
            for row in found["contributions"]:
                key = (row["person_id"], row["level"])
                sums[key] = sums.get(key, 0.0) + float(str(row[column]))
            for row in found["scores"]:
                assert sums[row["person_id"], row["level"]] == pytest.approx(row[whole], abs=1e-9)
    keyed = [
        {(r["person_id"], r["level"], r["interaction_id"], r["kind"]): r["eta"] for r in one["contributions"]}
        for one in (mine, theirs)
    ]
    assert len(keyed[0]) == len(mine["contributions"]) > 200
    assert keyed[1] == pytest.approx(keyed[0], abs=1e-6)
    monkeypatch.undo()
    plain = {(r["person_id"], r["level"]): r["eta"] for r in score_without(engine, people)}
    assert any(abs(row["eta"] - plain[row["person_id"], row["level"]]) > 0.05 for row in mine["scores"])  # type: ignore[operator]


def score_without(engine: Engine, people: town.Town) -> list[dict[str, object]]:
    found = score(*people.tables(engine), town.BLUEPRINT, engine, as_of=AS_OF)
    rows: list[dict[str, object]] = pa.Table.to_pylist(engine.rows(found.tables["scores"]))
    return rows
