from __future__ import annotations

import datetime as dt

from regard.blueprint import Blueprint, JourneySettings, Rule, Touchpoint
from regard.journeys import touch
from regard.tables import table


def about(engine, typed, rows_of, rows, *types):
    blueprint = Blueprint("T", journeys=JourneySettings(objects=types))
    found = rows_of(touch(engine.table(typed(rows)), blueprint).order_by("sequence"))
    return [(row["object_type"], row["object_id"]) for row in found]


def test_the_object_is_the_first_of_the_first_type(engine, typed, rows_of):
    rows = [
        {"objects": [("order", "1")]},
        {"objects": [("seller", "9"), ("order", "1"), ("order", "2")]},
        {"objects": [("order", "1"), ("case", "5")]},
        {"objects": [("seller", "9")], "who": "ann"},
        {"objects": [("seller", "9"), ("item", "8")], "who": "ann"},
        {},
    ]
    found = about(engine, typed, rows_of, rows, "case", "order")
    assert found == [("order", "1"), ("order", "1"), ("case", "5"), (None, None), (None, None), (None, None)]


def test_without_types_only_rows_of_nobody_go_by_their_object(engine, typed, rows_of):
    rows = [{"objects": [("case", "1"), ("order", "2")]}, {"objects": [("case", "1")], "who": "ann"}, {}]
    assert about(engine, typed, rows_of, rows) == [("case", "1"), (None, None), (None, None)]


def test_a_log_of_nobody_goes_by_its_case_whatever_types_the_blueprint_names(engine, typed, rows_of):
    rows = [{"objects": [("case", "1")]}, {"objects": [("case", "1"), ("item", "8")]}]
    assert about(engine, typed, rows_of, rows, "order") == [("case", "1"), ("case", "1")]


def test_a_touch_carries_its_meaning_and_its_local_day(engine, typed, rows_of):
    blueprint = Blueprint(
        "T",
        zone="Europe/Berlin",
        touchpoints=(
            Touchpoint(
                "call", "Call", "use", Rule("event", ("rang*",)), channel="phone", function="desk", control="owned"
            ),
        ),
    )
    late = dt.datetime(2025, 6, 1, 22, 30, tzinfo=dt.UTC)
    rows = [
        {"event": "rang up", "occurred_at": late, "who": "ann", "rating": 4.0},
        {"event": "wrote", "channel": "web"},
    ]
    made = touch(engine.table(typed(rows)), blueprint)
    assert made.columns == table("touches").names
    call, wrote = rows_of(made.order_by("sequence"))
    assert (call["touchpoint"], call["stage"], call["channel"], call["function"], call["control"]) == (
        "call", "use", "phone", "desk", "owned",
    )  # fmt: skip
    assert call["at"] == late
    assert call["on"] == dt.date(2025, 6, 2)
    assert call["person_id"] == "ann"
    assert call["rating"] == 4.0
    assert (wrote["touchpoint"], wrote["stage"], wrote["channel"]) == (None, None, "web")
