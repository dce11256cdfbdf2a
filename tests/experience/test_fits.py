"""A fit is kept and comes back to the last bit, so that people can be scored again without another fit."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest
import town

from regard.blueprint import Blueprint, Impression
from regard.engine import Engine, connect
from regard.errors import WorkspaceError
from regard.experience import Perceived, fits, score
from regard.experience.impressions import made, standing
from regard.experience.kinds import kinds
from regard.experience.scoring import Asked, rate
from regard.experience.seen import Sight

AS_OF = town.moment(345)


@pytest.fixture(scope="module")
def opened() -> Iterator[Engine]:
    engine = connect("duckdb", memory=2**30)
    yield engine
    engine.close()


@pytest.fixture(scope="module")
def people() -> town.Town:
    return town.lively(90, seed=2)


@pytest.fixture(scope="module")
def perceived(opened: Engine, people: town.Town) -> Perceived:
    return score(*people.tables(opened), town.BLUEPRINT, opened, as_of=AS_OF)


def loaded(perceived: Perceived, opened: Engine) -> dict[str, fits.Fit]:
    text = json.dumps(fits.save(perceived.fits))
    return fits.load(json.loads(text), opened.rows(perceived.tables["leanings"]), town.BLUEPRINT)


def test_what_was_saved_is_loaded_to_the_last_bit(opened: Engine, perceived: Perceived) -> None:
    found = loaded(perceived, opened)
    assert list(found) == ["transaction", "relationship"]
    for fit in perceived.fits:
        mine, theirs = fit.model, found[fit.model.level].model
        for name in ("theta", "reference", "covariance", "known", "known_memory"):
            assert getattr(mine, name).tolist() == getattr(theirs, name).tolist(), name
        assert (mine.memory, mine.person_var, mine.account_var) == (
            theirs.memory,
            theirs.person_var,
            theirs.account_var,
        )
        assert (mine.n_answers, mine.until_ms) == (theirs.n_answers, theirs.until_ms)
        for name in ("g_person", "h_person", "g_account", "h_account", "account_of"):
            kept = getattr(found[fit.model.level].leanings, name)
            assert getattr(fit.leanings, name).tolist() == kept.tolist(), name
        assert len(fit.persons) > 30


def test_a_loaded_fit_scores_everybody_as_the_run_did(opened: Engine, people: town.Town, perceived: Perceived) -> None:
    touches, promises = people.tables(opened)
    every = kinds(town.BLUEPRINT)
    feedback = perceived.tables["feedback"].mutate(item=(perceived.tables["feedback"].scale == "nps").ifelse(1, 0))
    fit = loaded(perceived, opened)["relationship"]
    asked = opened.rows(perceived.tables["scores"].filter(perceived.tables["scores"].level == "relationship"))
    asked = asked.sort_by("person_id").select(["person_id", "account", "at", "answered"])
    n = asked.num_rows
    for name in ("object_type", "object_id"):
        asked = asked.append_column(name, pa.nulls(n, pa.string()))
    asked = asked.append_column("at_ms", pa.array(np.full(n, int(AS_OF.timestamp() * 1000))))
    again = rate(
        Asked(asked, *fit.numbers(asked["person_id"], asked["account"])),
        made(touches, promises, feedback, town.BLUEPRINT, every),
        standing(touches, promises, town.BLUEPRINT, every),
        fit.model,
        fit.leanings,
        engine=opened,
        sight=Sight("relationship", town.BLUEPRINT.journeys.quiet_s, inclusive=True),
    )
    mine = {row["person_id"]: row["eta"] for row in opened.rows(perceived.tables["scores"]).to_pylist()
            if row["level"] == "relationship"}  # fmt: skip
    theirs = {row["person_id"]: row["eta"] for row in opened.rows(again.scores).to_pylist()}
    assert theirs == pytest.approx(mine, abs=1e-12)


def test_the_leanings_are_the_contributions_of_people_and_accounts(opened: Engine, perceived: Perceived) -> None:
    rows = opened.rows(perceived.tables["leanings"]).to_pylist()
    said = {(row["level"], row["id"]): row["eta"] for row in rows if row["of"] == "person"}
    found = {
        (row["level"], row["person_id"]): row["eta"]
        for row in opened.rows(perceived.tables["contributions"]).to_pylist()
        if row["kind"] == "person"
    }
    assert len(found) > 50
    wrong = [key for key, eta in found.items() if abs(said[key] - eta) > 1e-9]
    assert not wrong
    assert all(row["eta_sd"] > 0 for row in rows)


def test_another_blueprint_does_not_take_the_old_fit(opened: Engine, perceived: Perceived) -> None:
    more = (*town.BLUEPRINT.impressions, Impression("apology", touch="apology"))
    other: Blueprint = replace(town.BLUEPRINT, impressions=more, recovery=())
    other = replace(other, impressions=(*other.impressions, Impression("order", touch="order")))
    saved = fits.save(perceived.fits)
    assert fits.model_of(saved, town.BLUEPRINT, "relationship") is not None
    assert fits.model_of(saved, other, "relationship") is None
    assert fits.model_of(None, town.BLUEPRINT, "relationship") is None
    with pytest.raises(WorkspaceError, match="regard run"):
        fits.load(saved, opened.rows(perceived.tables["leanings"]), other)
