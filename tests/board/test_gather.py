"""What is gathered once a run says the same as the tables it comes from."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any

from regard.board.health import arrivals
from regard.engine import Now


def test_a_profile_is_a_person_on_a_level_with_what_every_room_knows(
    opened: Callable[..., Now], people: dict[str, Any], as_of: dt.datetime
) -> None:
    now = opened(**people)
    rows = {(row["level"], row["person_id"]): row for row in now.rows(now.tables["profiles"])}
    assert len(rows) == 10
    ann, cy = rows["relationship", "ann"], rows["relationship", "cy"]
    assert (ann["score"], ann["answered"], ann["quadrant"], ann["expected_value_minor"]) == (
        *(40.0, True, "cherish"),
        10_000.0,
    )
    assert (ann["first_at"], ann["last_at"]) == (as_of - dt.timedelta(days=600), as_of - dt.timedelta(days=5))
    assert (ann["units"], ann["channels"]) == (["north"], ["web"])
    assert (cy["currency"], cy["p_alive"], cy["score"]) == (None, None, -60.0)  # never bought


def test_people_are_numbered_in_the_order_of_their_ids_in_every_table(
    opened: Callable[..., Now], people: dict[str, Any], as_of: dt.datetime
) -> None:
    made = [{"person_id": who, "level": "relationship", "kind": "base", "eta": 0.1} for who in ("old", "ann", "nobody")]
    now = opened(**people, contributions=made)
    numbers = {row["person_id"]: row["person"] for row in now.rows(now.tables["profiles"])}
    assert numbers == {"ann": 1, "bo": 2, "cy": 3, "gone": 4, "old": 5}
    found = {row["person_id"]: row["person"] for row in now.rows(now.tables["contributions"])}
    assert found == {"ann": 1, "old": 5, "nobody": None}


def test_lists_of_units_and_channels_are_in_order_and_hold_each_once(
    opened: Callable[..., Now], people: dict[str, Any], as_of: dt.datetime
) -> None:
    touches = [
        {
            "person_id": who,
            "interaction_id": f"{who}{number}",
            "source": "s",
            "at": as_of,
            "unit": unit,
            "channel": None,
        }
        for who, units in (("ann", ("b", "a", "b", None)), ("bo", (None,)))
        for number, unit in enumerate(units)
    ]
    now = opened(**{**people, "touches": touches})
    rows = {row["person_id"]: row for row in now.rows(now.tables["profiles"])}
    assert rows["ann"]["units"] == ["a", "b"]
    assert not rows["bo"]["units"]
    assert not rows["ann"]["channels"]


def test_arrivals_count_everything_and_those_of_nobody(
    opened: Callable[..., Now], people: dict[str, Any], as_of: dt.datetime
) -> None:
    touches = [
        {"person_id": who, "interaction_id": str(n), "source": "shop", "event": "visit", "at": as_of - dt.timedelta(n)}
        for n, who in enumerate(("ann", None, None))
    ]
    (row,) = opened(**{**people, "touches": touches}).ask(arrivals())
    assert (row["source"], row["event"], row["n"], row["n_nobody"]) == ("shop", "visit", 3, 2)
    assert (row["first_at"], row["last_at"]) == (as_of - dt.timedelta(2), as_of)
