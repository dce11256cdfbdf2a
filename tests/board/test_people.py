"""The list of people: how many there are, and how many of them are customers still."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any

from regard.board import people as listed
from regard.engine import Now


def test_people_who_left_are_in_the_list_and_told_apart(
    opened: Callable[..., Now], people: dict[str, Any], as_of: dt.datetime
) -> None:
    given = {"segment": None, "level": "relationship", "seen_since": as_of - dt.timedelta(days=365), "alive_over": 0.5}
    found = opened(**people).ask(listed.counted("everyone", False), q=None, quadrant=None, **given)[0]
    assert (found["n"], found["n_still"]) == (5, 3)
    assert found["score"] == (40 - 20 - 60 + 0 - 90) / 5
