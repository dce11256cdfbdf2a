"""The score end to end: it adds up, it is foreseen and not hindsight, lapses stay, and nothing else leaks in."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import ibis
import numpy as np
import pytest
import town
from numpy.typing import NDArray

from regard.blueprint import Blueprint, Memory
from regard.engine import Engine, connect
from regard.experience import score
from regard.experience.kinds import kinds
from regard.experience.scoring import points_per_eta

AS_OF = town.moment(345)
Rows = list[dict[str, object]]


def told(
    engine: Engine, people: town.Town, *, blueprint: Blueprint = town.BLUEPRINT, as_of: dt.datetime = AS_OF
) -> dict[str, Rows]:
    """Every table as rows, from what had happened by `as_of`."""
    touches, promises = people.tables(engine)
    moment = ibis.literal(as_of).cast("timestamp('UTC', 6)")
    promises = promises.mutate(
        delivered_by=(promises.delivered_at <= moment).ifelse(promises.delivered_by, ibis.null("string")),
        delivered_at=(promises.delivered_at <= moment).ifelse(promises.delivered_at, ibis.null("timestamp('UTC', 6)")),
    ).filter(promises.made_at <= moment)
    found = score(touches.filter(touches["at"] <= moment), promises, blueprint, engine, as_of=as_of).tables
    return {name: engine.rows(rows).to_pylist() for name, rows in found.items()}


def sums(rows: Rows, column: str) -> dict[tuple[object, object], float]:
    found: dict[tuple[object, object], float] = {}
    for row in rows:
        key = (row["person_id"], row["level"])
        found[key] = found.get(key, 0.0) + float(row[column])  # type: ignore[arg-type]
    return found


@pytest.fixture(scope="module")
def lively() -> town.Town:
    return town.lively(90, seed=2)


@pytest.fixture(scope="module")
def tables(lively: town.Town) -> dict[str, Rows]:
    """Every table of the lively town, worked out once."""
    opened = connect("duckdb", memory=2**30)
    found = told(opened, lively)
    opened.close()
    return found


def test_contributions_sum_to_eta_and_in_points_to_the_score(tables: dict[str, Rows]) -> None:
    eta, points = sums(tables["contributions"], "eta"), sums(tables["contributions"], "points")
    assert {(row["person_id"], row["level"]) for row in tables["scores"]} == set(eta)
    assert {level for _, level in eta} == {"transaction", "relationship"}
    for row in tables["scores"]:
        key = (row["person_id"], row["level"])
        assert eta[key] == pytest.approx(row["eta"], abs=1e-9)
        assert points[key] == pytest.approx(row["score"], abs=1e-9)
        assert -100 <= row["low"] < row["score"] < row["high"] <= 100
    without = {row["kind"] for row in tables["contributions"] if row["interaction_id"] is None}
    assert without == {"base", "account", "person"}


def test_points_meet_their_limit_where_eta_is_the_base() -> None:
    from regard.experience.cumulative import slope_of
    from regard.experience.model import stated

    model = stated("relationship", kinds(town.BLUEPRINT), town.BLUEPRINT)
    near: NDArray[np.float64] = model.base + np.array([0.0, 1e-12, 1e-7])
    np.testing.assert_allclose(
        points_per_eta(near, model), slope_of(np.array(model.base), np.array(model.width)), rtol=1e-6
    )


def test_each_answer_is_foreseen_from_earlier_answers_only(tables: dict[str, Rows]) -> None:
    assert len(tables["predictions"]) == len(tables["feedback"]) > 90
    said = sorted((row["at"], row["level"]) for row in tables["feedback"])
    for row in tables["predictions"]:
        assert row["p_detractor"] + row["p_passive"] + row["p_promoter"] == pytest.approx(1, abs=1e-12)
        if row["fitted_until"] is not None:
            assert row["fitted_until"] < row["at"]
            assert any(at == row["fitted_until"] and level == row["level"] for at, level in said)
    assert any(row["fitted_until"] is None for row in tables["predictions"])
    assert any(row["fitted_until"] is not None for row in tables["predictions"])


def test_what_comes_later_changes_no_earlier_prediction(engine: Engine, lively: town.Town) -> None:
    """As of day 200 and as of day 345, with blocks that begin alike: an answer is never an input to its prediction."""
    blueprint = replace(town.BLUEPRINT, score=replace(town.BLUEPRINT.score, block_s=8 * town.DAY))
    early = told(engine, lively, blueprint=blueprint, as_of=town.moment(200))["predictions"]
    late = {row["feedback_id"]: row for row in told(engine, lively, blueprint=blueprint)["predictions"]}
    assert len(early) > 40
    for row in early:
        assert late[row["feedback_id"]]["p_detractor"] == pytest.approx(row["p_detractor"], abs=1e-9)


def test_a_rating_is_no_input_to_its_own_prediction(engine: Engine, lively: town.Town, tables: dict[str, Rows]) -> None:
    last = max((row for row in lively.touches if row["touchpoint"] == "review"), key=lambda row: row["at"])
    other = replace(lively, touches=[dict(row) for row in lively.touches])
    next(row for row in other.touches if row["interaction_id"] == last["interaction_id"])["rating"] = 6 - last["rating"]
    mine, theirs = (
        {row["feedback_id"]: row["p_detractor"] for row in rows["predictions"]}
        for rows in (tables, told(engine, other))
    )
    assert mine[last["interaction_id"]] == pytest.approx(theirs[last["interaction_id"]], abs=1e-12)


def test_the_levels_are_never_mixed(engine: Engine, lively: town.Town, tables: dict[str, Rows]) -> None:
    """What is said of the relationship moves no score of a transaction."""
    other = replace(lively, touches=[dict(row) for row in lively.touches])
    for row in other.touches:
        if row["touchpoint"] == "survey":
            row["rating"] = 10 - row["rating"]
    both = [
        {row["person_id"]: row["score"] for row in rows["scores"] if row["level"] == "transaction"}
        for rows in (tables, told(engine, other))
    ]
    assert both[0] == pytest.approx(both[1], abs=1e-12)
    scales = {(row["level"], row["scale"]) for row in tables["scores"]}
    assert scales == {("transaction", "stars"), ("relationship", "nps")}


def test_rows_in_any_order_give_the_same_scores(engine: Engine, lively: town.Town, tables: dict[str, Rows]) -> None:
    order = np.random.default_rng(0).permutation(len(lively.touches))
    shuffled = replace(lively, touches=[lively.touches[place] for place in order])
    mine, theirs = sums(tables["scores"], "score"), sums(told(engine, shuffled)["scores"], "score")
    assert mine == pytest.approx(theirs, abs=1e-9)


def test_without_an_answer_it_rests_on_stated_priors_and_says_so(engine: Engine, lively: town.Town) -> None:
    silent = replace(lively, touches=[row for row in lively.touches if row["touchpoint"] not in ("review", "survey")])
    tables = told(engine, silent)
    assert tables["predictions"] == []
    assert len(tables["scores"]) > 100
    assert not any(row["calibrated"] for row in tables["scores"])
    assert {row["status"] for row in tables["models"] if row["parameter"] != "n_answers"} == {"stated"}
    stated = {row["parameter"]: row["value"] for row in tables["models"] if row["model"] == "score.relationship"}
    assert stated["memory.loss_s"] == town.BLUEPRINT.memory.loss_s
    assert stated["call"] == 0.0
    assert all(row["answered"] is False for row in tables["scores"])


def test_nobody_at_all_gives_empty_tables(engine: Engine) -> None:
    tables = told(engine, town.Town())
    assert {name for name, rows in tables.items() if rows} == {"models"}


def test_every_parameter_has_its_interval(tables: dict[str, Rows]) -> None:
    call = next(row for row in tables["models"] if row["parameter"] == "visit" and row["model"] == "score.relationship")
    assert call["low"] < call["value"] < call["high"]


def lapse(*, recovered: bool) -> town.Town:
    """One person, one broken promise on day 10, and an apology on day 12 or none."""
    about = {"object_type": "order", "object_id": "o"}
    people = town.Town(
        [town.touch("p", 1, "order", 1, **about), town.touch("p", 10, "arrival", 2, **about)],
        [{"promise_id": "o", "person_id": "p", "kind": "arrival", **about, "made_by": "p-1", "made_at": town.moment(1),
          "late_from_at": town.moment(6), "due_at": town.moment(5), "delivered_at": town.moment(10),
          "delivered_by": "p-2", "late_days": 5, "outcome": "broken"}],
    )  # fmt: skip
    if recovered:
        people.touches.append(town.touch("p", 12, "apology", 3))
    return people


@pytest.mark.parametrize(("recovered", "tau_days"), [(False, 60.0), (True, 60.0), (True, 0.001)])
def test_a_lapse_fades_as_stated_and_never_goes(engine: Engine, recovered: bool, tau_days: float) -> None:
    memory = Memory(loss_s=tau_days * town.DAY, gain_s=tau_days * town.DAY / 3, floor=0.2)
    blueprint = replace(town.BLUEPRINT, memory=memory)
    left = []
    for age in (0.0, 30.0, 9000.0):
        tables = told(engine, lapse(recovered=recovered), blueprint=blueprint, as_of=town.moment(10 + age))
        row = next(row for row in tables["lapses"] if row["kind"].startswith("broken promise"))
        term = next(
            one["eta"]
            for one in tables["contributions"]
            if one["level"] == "relationship" and one["kind"] == "arrival" and one["interaction_id"] == "p-2"
        )
        stated = 0.2 + 0.8 * np.exp(-age / tau_days)
        assert row["residual"] == pytest.approx(row["severity"] * stated, rel=1e-9)
        assert term == pytest.approx(-row["residual"], abs=1e-9)
        assert row["severity"] > 0
        assert row["recovered_at"] == (town.moment(12) if recovered and age > 2 else None)
        assert (row["recovery"] > 0) == (row["recovered_at"] is not None)
        left.append(row["residual"])
    assert (np.diff(left) <= 0).all()
    assert min(left) > 0
    assert left[-1] >= 0.2 * left[0] * (1 - 1e-9)


def test_a_recovery_adds_and_takes_nothing_from_the_lapse(engine: Engine) -> None:
    """The lapse's own term is the same to the last bit with a recovery and without; a recovery is a term of its own."""
    with_it, without = (
        {
            (row["interaction_id"], row["kind"]): row["eta"]
            for row in told(engine, lapse(recovered=recovered), as_of=town.moment(40))["contributions"]
            if row["level"] == "relationship"
        }
        for recovered in (True, False)
    )
    assert without["p-2", "arrival"] < 0
    assert {key: eta for key, eta in with_it.items() if key[0] != "p-3"} == without
    assert with_it["p-3", "apology"] > 0


def test_a_bad_feeling_is_a_lapse_too(tables: dict[str, Rows]) -> None:
    bad = {row["interaction_id"] for row in tables["lapses"] if row["kind"] == "bad feeling"}
    assert bad == {row["feedback_id"] for row in tables["feedback"] if row["class"] == -1}
    assert all(0 < row["residual"] <= row["severity"] for row in tables["lapses"])
