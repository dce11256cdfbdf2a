"""Of whom a figure is: everyone means customers still, and segments are parts of everyone."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any

import ibis
import pytest

from regard.board import Segment, members, options
from regard.engine import Now
from regard.errors import SettingError


def who(now: Now, text: str, as_of: dt.datetime) -> set[str]:
    segment = Segment.parse(text)
    found = members(
        now.tables,
        segment.kind,
        segment=ibis.literal(segment.name, "string"),
        level=ibis.literal("relationship"),
        seen_since=ibis.literal(as_of - dt.timedelta(days=365)),
        alive_over=ibis.literal(0.5),
    )
    return {str(row["person_id"]) for row in now.rows(found)}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("everyone", {"ann", "bo", "cy"}),  # old was not seen for a year, gone has probably left
        ("answered", {"ann"}),
        ("quiet", {"bo", "cy"}),
        ("account:acme", {"bo", "cy"}),
        ("unit:north", {"ann", "cy"}),
        ("channel:web", {"ann", "bo", "cy"}),
        ("unit:nowhere", set()),
    ],
)
def test_a_segment_is_a_part_of_everyone(
    opened: Callable[..., Now], people: dict[str, Any], as_of: dt.datetime, text: str, expected: set[str]
) -> None:
    assert who(opened(**people), text, as_of) == expected


@pytest.mark.parametrize("text", ["", "nobody", "unit", "unit:", "everyone:x", "answered:yes"])
def test_what_is_no_segment_is_refused(text: str) -> None:
    with pytest.raises(SettingError, match="not a segment"):
        Segment.parse(text)


def test_a_segment_s_text_is_read_back() -> None:
    for text in ("everyone", "quiet", "unit:north:1"):
        assert str(Segment.parse(text)) == text


def test_options_are_what_the_tables_know(opened: Callable[..., Now], people: dict[str, Any]) -> None:
    rows = opened(**people).ask(options())
    assert {(row["kind"], row["name"], row["n"]) for row in rows} == {
        ("unit", "south", 3),
        ("unit", "north", 2),
        ("channel", "web", 5),
    }
