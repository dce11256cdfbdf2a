"""The planted truths, recovered from Regard's own tables: the whole river on a smaller Halvermoor that answers more."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from regard import demo, pipeline
from regard.demo import truths
from regard.engine import Published, connect
from regard.workspace import Workspace

pytestmark = pytest.mark.slow
PEOPLE, RESPONSE = 5_000, 0.25
NOW = dt.datetime(2026, 1, 2, tzinfo=dt.UTC)
Read = Callable[[str], pd.DataFrame]


@pytest.fixture(scope="module")
def read(tmp_path_factory: pytest.TempPathFactory) -> Read:
    """Tables of one run, by name."""
    root: Path = tmp_path_factory.mktemp("halvermoor") / "ws"
    demo.make(root, people=PEOPLE, response=RESPONSE)
    workspace = Workspace(root)
    for path in sorted(workspace.maps.glob("*.map.yaml")):
        pipeline.bring_in(workspace, [], mapping=path, data=root / "exports", now=NOW)
    engine = connect("duckdb", scratch=tmp_path_factory.mktemp("scratch"), memory=2**30)
    published: Published = pipeline.run(workspace, engine, pipeline.Order(now=NOW))
    engine.close()
    return lambda name: pd.concat([pd.read_parquet(file) for part in published.parts(name) for file in part.files])


def weight(read: Read, level: str, parameter: str) -> pd.Series:
    models = read("models").set_index(["model", "parameter"])
    return models.loc[(f"score.{level}", parameter)]


def regions(read: Read) -> pd.Series:
    """Region by person, from their orders."""
    orders = read("touches").query("touchpoint == 'order'").dropna(subset=["person_id", "unit"])
    return orders.drop_duplicates("person_id").set_index("person_id").unit


def test_who_answers_is_steady_while_the_quiet_coast_falls(read: Read) -> None:
    feedback = read("feedback").query("level == 'relationship'")
    before = feedback[feedback["at"] < pd.Timestamp(truths.INCIDENT[0], tz="UTC")]["class"]
    after = feedback[feedback["at"] >= pd.Timestamp(truths.INCIDENT[0], tz="UTC")]["class"]
    noise = 2 * (before.var() / len(before) + after.var() / len(after)) ** 0.5
    assert abs(after.mean() - before.mean()) < noise, "those who answer say the same as before"
    scores = read("scores").query("level == 'relationship'").set_index("person_id")
    scores["region"] = regions(read)
    by_region = scores.groupby("region").score.mean()
    assert by_region[truths.QUIET_REGION] < by_region[["north", "vale"]].min() - 15
    assert scores[scores.region == truths.QUIET_REGION].answered.mean() < 0.1
    told = scores[scores.region.notna()]
    assert told.score.mean() < 100 * after.mean() - 5, "everyone stands lower than those who answer"


def test_the_incident_and_lateness_weigh_what_they_should(read: Read) -> None:
    failed, late = weight(read, "relationship", "payment_failed"), weight(read, "relationship", "lateness[>0]")
    assert failed.low < truths.REGARD["payment_failed"] < failed.high < 0
    assert late.low < truths.REGARD["late"] < late.high < 0
    at_once, growing = weight(read, "transaction", "lateness[>0]"), weight(read, "transaction", "lateness[0..7]")
    assert at_once.high < 0
    week_late = at_once.value + growing.value
    assert week_late == pytest.approx(truths.ORDER["late"] + truths.ORDER["late_to_7_days"], abs=0.8)


def test_the_promise_is_kept_in_letter_only(read: Read) -> None:
    promises = read("promises").query("kind == 'to_your_door'")
    photos = read("touches").query("event == 'door_photo' or kind == 'not at door'")
    letter = promises[promises.outcome == "kept_in_letter"]
    assert set(letter.object_id) == set(photos.object_id) & set(promises.object_id)
    assert len(letter) > 400
    assert (promises.outcome == "broken").sum() == 0, "operations are green"
    assert set(letter.delivered_value) == {"to your door"}
    notes = read("touches").query("event == 'staff_note'")
    praised = notes[notes.object_id.isin(letter.object_id)].rating.mean()
    said = read("feedback").query("level == 'transaction'")
    heard = said[said.object_id.isin(letter.object_id)].rating.mean()
    others = said[~said.object_id.isin(letter.object_id)].rating.mean()
    assert praised > 4.5
    assert heard < others - 0.8
    assert "staff_note" not in set(said.touchpoint)
    missed, letter_only = (
        weight(read, "transaction", "at_the_door[>0]"),
        weight(read, "transaction", "at_the_door.letter"),
    )
    shared = missed.value if missed.status == "estimated" else 0.0
    assert letter_only.value + shared == pytest.approx(truths.ORDER["left_at_entrance"], abs=0.6)


def test_the_sponsor_is_delighted_and_the_users_are_failing(read: Read) -> None:
    touches = read("touches").query(f"account == '{truths.ACCOUNT}'").dropna(subset=["person_id"])
    role = touches.drop_duplicates("person_id").set_index("person_id").role
    answers = touches[touches.event == "nps_answer"].groupby("role").rating.mean()
    assert answers["sponsor"] == 10
    assert answers["user"] < 7
    scores = read("scores").query("level == 'relationship'").set_index("person_id").score
    assert scores[role[role == "sponsor"].index].min() > 0
    assert scores[role[role == "user"].index].mean() < -40
    renewal = touches[touches.event == "renewal_offered"]
    assert dict(renewal.properties.iloc[0])["renews_on"].startswith(f"{truths.RENEWAL - dt.timedelta(days=1)}T23")


def test_the_difficult_customer_is_our_own_failure_demand(read: Read) -> None:
    persons = read("persons").query(f"handle == '{truths.DIFFICULT}'")
    person = persons.person_id.iloc[0]
    costs = read("cost_to_serve").query(f"person_id == '{person}' and cause == 'contact'")
    assert costs.n.sum() == truths.DIFFICULT_CONTACTS
    assert costs.ours.all()
    value = read("value").set_index("person_id")
    assert value.cost_to_serve_minor.idxmax() == person, "nobody costs more"
    assert value.disruption_minor[person] == 0
    assert value.quadrant[person] in {"cherish", "keep"}


def test_people_who_need_assistance_are_never_ranked_down(read: Read) -> None:
    needy = set(read("touches").query("kind == 'needs assistance'").person_id)
    theirs = read("value").query("person_id in @needy")
    assert len(needy) > 50
    assert theirs.cost_to_serve_minor.mean() > 5_000
    assert set(theirs.quadrant.dropna()) <= {"cherish", "keep"}


def test_the_packaging_is_not_blamed(read: Read) -> None:
    """Raw means say that the new packaging displeases; with lateness known, nothing is left of it."""
    touches = read("touches").query("touchpoint == 'order'")
    new = {
        order
        for order, said in zip(touches.object_id, touches.properties, strict=True)
        if dict(said).get("new_packaging") == "1"
    }
    said = read("feedback").query("level == 'transaction'")
    with_new, with_old = said[said.object_id.isin(new)].rating, said[~said.object_id.isin(new)].rating
    error = (with_new.var() / len(with_new) + with_old.var() / len(with_old)) ** 0.5
    assert with_old.mean() - with_new.mean() > 2 * error, "the false lead is there to be followed"
    packaging = weight(read, "transaction", "new_packaging")
    assert packaging.low < 0 < packaging.high


def test_identity_sees_through_shared_and_missing_handles(read: Read) -> None:
    persons = read("persons")
    account = read("touches").query(f"account == '{truths.ACCOUNT}'")
    assert account.person_id.nunique() == 15, "an office's telephone makes nobody one person"
    emails = persons[persons.kind == "email"]
    assert "none@none.com" not in set(emails[emails.person_id.notna()].handle)
    web = read("touches").query("source == 'web-analytics' and touchpoint == 'browsing'")
    bought = set(read("purchases").person_id)
    assert web.person_id.isin(bought).mean() > 0.5, "what was seen before the name was known is theirs"


def test_corrections_and_a_retraction_hold(read: Read) -> None:
    feedback = read("feedback").set_index("feedback_id")
    corrected = feedback[feedback.index.str.startswith("X")]
    assert len(corrected) == 20
    assert set(corrected.rating) == {3.0}
    assert not feedback.index.duplicated().any()
    assert (feedback[feedback.object_id.isin(corrected.object_id)].groupby("object_id").size() == 1).all()
