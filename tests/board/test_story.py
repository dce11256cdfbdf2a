"""A person's rows in sentences, spans and a balance."""

from __future__ import annotations

import datetime as dt
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from regard.blueprint import Blueprint, Promise, Rule, Touchpoint, ValueOf
from regard.board import balance, spans, tell
from regard.board.story import Change, kept_in_words

UTC = ZoneInfo("UTC")
AT = dt.datetime(2026, 2, 10, 12, tzinfo=dt.UTC)
DAY = dt.timedelta(days=1)
RULE = Rule("event", ("x",))
BLUEPRINT = Blueprint(
    "Test",
    touchpoints=(Touchpoint("delivery", "Delivery", "use", RULE), Touchpoint("crm_call", "CRM call", "use", RULE)),
    promises=(Promise("date", "Delivered by the date", RULE, RULE, ValueOf(), ValueOf()),),
)


def promise(
    outcome: str, *, due: int | None = 0, came: int | None = None, late: int = 0, **more: object
) -> dict[str, object]:
    return {
        "promise_id": f"date:{outcome}",
        "kind": "date",
        "outcome": outcome,
        "unit": "day",
        "made_at": AT - 5 * DAY,
        "made_by": "order",
        "due_at": None if due is None else AT + due * DAY,
        "delivered_at": None if came is None else AT + came * DAY,
        "delivered_by": None if came is None else "delivery",
        "late_days": late,
        "promised_value": None,
        "delivered_value": None,
        **more,
    }


def touch(name: str, at: dt.datetime, touchpoint: str | None = "delivery", **more: object) -> dict[str, object]:
    row: dict[str, object] = dict.fromkeys(("rating", "scale", "object_type", "object_id", "channel"))
    return {**row, "interaction_id": name, "at": at, "touchpoint": touchpoint, "event": "delivered", **more}


@pytest.mark.parametrize(
    ("row", "said"),
    [
        (promise("broken", came=3, late=3), "promised by 10 Feb 2026, came 13 Feb 2026, 3 days late"),
        (promise("broken", came=1, late=1), "promised by 10 Feb 2026, came 11 Feb 2026, 1 day late"),
        (promise("broken", came=0, late=0), "promised by 10 Feb 2026, came 10 Feb 2026, too late on the day"),
        (promise("kept", came=-1, late=-1), "promised by 10 Feb 2026, came 9 Feb 2026"),
        (promise("kept_in_letter", came=0), "promised by 10 Feb 2026, came 10 Feb 2026, kept in letter only"),
        (promise("exceeded", came=-4), "promised by 10 Feb 2026, came 6 Feb 2026, better than promised"),
        (promise("overdue", late=2), "promised by 10 Feb 2026, 2 days overdue"),
        (promise("open"), "promised by 10 Feb 2026, not due yet"),
        (promise("void"), "promised by 10 Feb 2026, no longer owed"),
        (
            promise("broken", due=None, came=0, unit="room type", promised_value="A", delivered_value="C"),
            "promised A, got C",
        ),
        (promise("open", due=None, unit="room type", promised_value="A"), "promised A, nothing came yet"),
    ],
)
def test_a_promise_is_said_in_the_reader_s_words(row: dict[str, object], said: str) -> None:
    assert kept_in_words(row, UTC) == said


def test_days_are_those_of_the_workspace_s_zone() -> None:
    late_evening = promise("kept", due=0, came=0)
    late_evening["due_at"] = dt.datetime(2026, 2, 10, 23, 30, tzinfo=dt.UTC)
    assert kept_in_words(late_evening, ZoneInfo("Europe/Amsterdam")).startswith("promised by 11 Feb")


def test_every_sentence_names_a_record_of_the_person() -> None:
    touches = [
        touch("t1", AT - 9 * DAY),
        touch("t2", AT + 3 * DAY, object_type="order", object_id="7"),
        touch("t3", AT + 4 * DAY, "crm_call"),
    ]
    broken = promise("broken", came=3, late=3, delivered_by="t2")
    owed = promise("overdue", late=2)
    changes = [Change(AT + 3 * DAY, -20.0, -31.0, ("t2",)), Change(AT + 4 * DAY, -21.0, -1.0, ("t3",))]
    found = tell(touches, [broken, owed], changes, BLUEPRINT)
    records = {"t1", "t2", "t3", "date:broken", "date:overdue"}
    assert {one.record for one in found} <= records
    said = " ".join(one.text for one in found)
    assert "It began on 1 February 2026 with delivery; 2 more interactions followed." in said
    assert "delivery (order 7): promised by 10 Feb 2026, came 13 Feb 2026, 3 days late. It took away 31 points." in said
    assert "Of 2 promises that came due, 2 were not kept as meant." in said
    assert "Still owed: delivered by the date, promised by 10 Feb 2026, 2 days overdue." in said
    assert "The last we heard was CRM call on 14 Feb 2026." in said
    assert "crm call took" not in said.lower()  # one point is no swing


def test_nothing_is_told_of_nobody() -> None:
    assert tell([], [], [], BLUEPRINT) == []


def test_spans_keep_the_order_in_which_promises_were_made() -> None:
    later = {**promise("kept", came=0), "promise_id": "b", "made_at": AT}
    found = spans([later, promise("broken", came=3, late=3)], BLUEPRINT)
    assert [(one.label, one.outcome) for one in found] == [
        ("Delivered by the date", "broken"),
        ("Delivered by the date", "kept"),
    ]


@given(st.lists(st.tuples(st.integers(0, 90), st.floats(-100, 100), st.floats(-50, 50)), min_size=1, max_size=30))
def test_the_bank_adds_up(moments: list[tuple[int, float, float]]) -> None:
    changes = [Change(AT + days * DAY, score, points, ("i",)) for days, score, points in sorted(moments)]
    bounds = [AT - DAY, AT + 30 * DAY, AT + 60 * DAY, AT + 91 * DAY]
    found = balance(changes, bounds)
    assert len(found) == 3
    for one in found:
        assert one.opening + one.deposits + one.withdrawals + one.fading == pytest.approx(one.closing, abs=1e-9)
        assert one.deposits >= 0 >= one.withdrawals
    for earlier, later in pairwise(found):
        assert later.opening == earlier.closing
    assert found[-1].closing == changes[-1].score
