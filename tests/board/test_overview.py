"""The overview's figures on tables small enough to count by hand."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any

import pytest

from regard.board import overview, promises, worth
from regard.board import people as lists
from regard.engine import Now

DAY = dt.timedelta(days=1)


@pytest.fixture
def given(as_of: dt.datetime) -> dict[str, object]:
    return {"segment": None, "level": "relationship", "seen_since": as_of - 365 * DAY, "alive_over": 0.5}


@pytest.fixture
def period(as_of: dt.datetime) -> dict[str, object]:
    return {"since": as_of - 30 * DAY, "until": as_of}


def promise(who: str, outcome: str, due: dt.datetime | None, **more: object) -> dict[str, object]:
    row = {"promise_id": f"{who}:{outcome}:{due}", "person_id": who, "kind": "date", "function": "logistics"}
    return {**row, "outcome": outcome, "due_at": due, "late_days": 0, **more}


def test_promises_count_when_they_fall_due_and_void_ones_never(
    opened: Callable[..., Now],
    people: dict[str, Any],
    as_of: dt.datetime,
    given: dict[str, Any],
    period: dict[str, Any],
) -> None:
    rows = [
        promise("ann", "kept", as_of - 3 * DAY),
        promise("ann", "exceeded", as_of - 30 * DAY),
        promise("bo", "broken", as_of - 5 * DAY, late_days=4),
        promise("bo", "broken", as_of - 6 * DAY, late_days=8),
        promise("cy", "kept_in_letter", None, made_at=as_of - 90 * DAY, delivered_at=as_of - 2 * DAY),
        promise("cy", "open", None, made_at=as_of - 4 * DAY),
        promise("ann", "void", as_of - 3 * DAY),
        promise("ann", "kept", as_of - 31 * DAY),  # due before the period
        promise("ann", "kept", as_of + DAY),  # due after it
        promise("gone", "broken", as_of - 3 * DAY),  # no customer any more
    ]
    found = opened(**people, promises=rows).ask(overview.promises("everyone"), **period, **given)
    assert len(found) == 1
    counts = {name: found[0][name] for name in ("n", "kept", "exceeded", "broken", "kept_in_letter", "open", "overdue")}
    expected = {"n": 6, "kept": 1, "exceeded": 1, "broken": 2, "kept_in_letter": 1, "open": 1, "overdue": 0}
    assert counts == expected
    assert found[0]["days_late"] == 6.0


def test_the_most_missed_promises_come_first(
    opened: Callable[..., Now],
    people: dict[str, Any],
    as_of: dt.datetime,
    given: dict[str, Any],
    period: dict[str, Any],
) -> None:
    rows = [
        promise("ann", "kept", as_of - 3 * DAY, late_s=-9e5),
        promise("bo", "broken", as_of - 5 * DAY, late_s=4e5),
        promise("cy", "broken", as_of - 6 * DAY, late_s=8e5),
    ]
    now = opened(**people, promises=rows)
    asked = {"kind": None, "outcome": None, "person": None}
    assert [row["person_id"] for row in now.ask(promises.listed("everyone"), **asked, **period, **given)] == [
        "cy",
        "bo",
        "ann",
    ]
    only = now.ask(promises.listed("everyone"), **{**asked, "person": "ann"}, **period, **given)
    assert [row["outcome"] for row in only] == ["kept"]
    counts = now.ask(promises.counted("everyone"), **asked, **period, **given)
    assert {row["outcome"]: row["n"] for row in counts} == {"kept": 1, "broken": 2}


def test_answers_are_counted_by_class_within_the_period(
    opened: Callable[..., Now],
    people: dict[str, Any],
    as_of: dt.datetime,
    given: dict[str, Any],
    period: dict[str, Any],
) -> None:
    rows = [
        {
            "feedback_id": str(number),
            "person_id": "ann",
            "at": as_of - days * DAY,
            "level": "relationship",
            "scale": "s",
            "class": sort,
        }
        for number, (days, sort) in enumerate([(1, 1), (2, 1), (3, 0), (4, -1), (40, -1)])
    ]
    found = opened(**people, feedback=rows).ask(overview.answers("everyone"), **period, **given)
    assert found == [{"level": "relationship", "scale": "s", "n": 4, "promoters": 2, "passives": 1, "detractors": 1}]


def test_causes_are_what_the_period_s_interactions_do_now(
    opened: Callable[..., Now],
    people: dict[str, Any],
    as_of: dt.datetime,
    given: dict[str, Any],
    period: dict[str, Any],
) -> None:
    rows = [
        {
            "person_id": who,
            "level": level,
            "interaction_id": name,
            "kind": "lateness",
            "at": as_of - days * DAY,
            "points": points,
        }
        for who, level, name, days, points in (
            ("ann", "relationship", "i1", 3, -2.0),
            ("ann", "relationship", "i2", 4, -1.5),
            ("bo", "relationship", "i3", 5, -4.0),
            ("bo", "relationship", "i4", 50, -9.0),  # before the period
            ("bo", "transaction", "i5", 5, -9.0),  # the other level
            ("ann", "relationship", None, 1, 30.0),  # the base
        )
    ]
    found = opened(**people, contributions=rows).ask(overview.causes("everyone"), **period, **given)
    assert found == [{"kind": "lateness", "points": -7.5, "n_people": 2, "n_interactions": 3}]


def test_value_at_risk_is_that_of_people_below_zero(
    opened: Callable[..., Now], people: dict[str, Any], given: dict[str, Any]
) -> None:
    now = opened(**people)
    bands = {row["band"]: (row["n"], row["value_minor"]) for row in now.ask(overview.at_risk("everyone"), **given)}
    assert bands == {1: (1, 30_000.0), 2: (1, 10_000.0)}  # cy has no value that is known
    most = now.ask(overview.most_at_risk("everyone"), **given)
    assert [row["person_id"] for row in most] == ["bo"]


def test_where_nobodys_value_is_known_it_goes_by_what_they_spent(
    opened: Callable[..., Now], people: dict[str, Any], given: dict[str, Any]
) -> None:
    spent = {"ann": 1_000, "bo": 2_000, "old": 9_000}
    worth = [{**row, "expected_value_minor": None, "spent_minor": spent.get(row["person_id"], 0), "currency": "EUR"}
             for row in people["value"]]  # fmt: skip
    scores = [{**row, "score": -5.0} for row in people["scores"]]
    now = opened(**{**people, "value": worth, "scores": scores})
    bands = now.ask(overview.at_risk("everyone"), **given)
    assert not any(row["value_minor"] for row in bands)
    assert sum(row["spent_minor"] for row in bands) == 3_000.0, "of those who are customers still"
    most = now.ask(overview.most_at_risk("everyone"), **given)
    assert [row["person_id"] for row in most] == ["bo", "ann"]


def test_what_weighs_most_is_one_kind_a_person(
    opened: Callable[..., Now], people: dict[str, Any], as_of: dt.datetime
) -> None:
    rows = [
        {
            "person_id": "bo",
            "level": "relationship",
            "interaction_id": name,
            "kind": kind,
            "at": as_of,
            "points": points,
        }
        for name, kind, points in (
            ("i1", "call", -3.0),
            ("i2", "lateness", -2.0),
            ("i3", "lateness", -2.0),
            ("i4", "visit", 9.0),
        )
    ]
    now = opened(**people, contributions=rows)
    found = now.ask(overview.worst(), people=["bo", "ann"], level="relationship")
    assert [(row["person_id"], row["kind"], row["points"]) for row in found] == [("bo", "lateness", -4.0)]


def test_quadrants_are_of_customers_still(
    opened: Callable[..., Now], people: dict[str, Any], given: dict[str, Any]
) -> None:
    rows = opened(**people).ask(worth.quadrants("everyone"), **given)
    assert {row["quadrant"]: (row["n"], row["value_minor"], row["score"]) for row in rows} == {
        "cherish": (1, 10_000.0, 40.0),
        "mend": (1, 30_000.0, -20.0),
    }


@pytest.mark.parametrize("descending", [False, True])
@pytest.mark.parametrize("sort", sorted(lists.SORTS))
def test_pages_of_people_are_everybody_once(
    opened: Callable[..., Now], people: dict[str, Any], given: dict[str, Any], sort: str, descending: bool
) -> None:
    now = opened(**people)
    seen: list[object] = []
    after, after_id = lists.start(descending)
    while True:
        asked = lists.listed("everyone", sort, descending, False)
        rows = now.ask(asked, q=None, quadrant=None, after=after, after_id=after_id, size=2, **given)
        seen += [row["person_id"] for row in rows]
        if len(rows) < 2:
            break
        after, after_id = float(str(rows[-1]["place"])), str(rows[-1]["person_id"])
    assert sorted(map(str, seen)) == ["ann", "bo", "cy", "gone", "old"]  # a list finds leavers too


def test_people_are_found_by_any_handle_and_named_by_the_best(
    opened: Callable[..., Now], people: dict[str, Any]
) -> None:
    now = opened(**people)
    assert [row["person_id"] for row in now.ask(lists.search(), q="ANN", size=5)] == ["ann", "ann"]
    assert now.ask(lists.search(), q="%", size=5) == []
    found = now.ask(lists.names(), people=["bo", "cy"])
    assert {row["person_id"]: row["handle"] for row in found} == {"bo": "bo@x.org", "cy": "cy@x.org"}
