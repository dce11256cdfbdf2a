from __future__ import annotations

import datetime as dt
import statistics
from collections import Counter, defaultdict
from itertools import pairwise

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from regard.blueprint import Blueprint, JourneySettings, Rule, Touchpoint
from regard.engine import schema
from regard.journeys.paths import variants

FEW = settings(
    max_examples=5, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
STORY = [
    {"who": "ann", "s": 0, "event": "visit"},
    {"who": "ann", "s": 40, "event": "search"},
    {"who": "ann", "s": 50, "event": "buy", "order": "7"},
    {"who": None, "s": 80, "event": "deliver", "order": "7"},
    {"who": "ann", "s": 140, "event": "visit"},  # 100 s after the search: not more than quiet
    {"who": "ann", "s": 241, "event": "visit"},
    {"who": "bob", "s": 241, "event": "visit"},
    {"who": None, "s": 300, "event": "rumour"},
]


def test_a_story_by_hand(walked, about_orders):
    found = walked(STORY, about_orders)
    journeys = [
        (row["journey"], row["journey_id"], row["person_id"], row["n_steps"])
        for row in sorted(found["journeys"], key=lambda row: row["journey"])
    ]
    assert journeys == [
        (1, "ann:1", "ann", 3),
        (2, "order:7", "ann", 2),
        (3, "ann:2", "ann", 1),
        (4, "bob:1", "bob", 1),
    ]
    names = {row["code"]: row["name"] for row in found["step_names"]}
    steps = [
        (row["journey"], row["position"], names[row["this"]], names.get(row["next"]), row["wait_s"])
        for row in found["steps"]
    ]
    assert steps == [
        (1, 1, "visit", "search", 40.0),
        (1, 2, "search", "visit", 100.0),
        (1, 3, "visit", None, None),
        (2, 1, "buy", "deliver", 30.0),
        (2, 2, "deliver", None, None),
        (3, 1, "visit", None, None),
        (4, 1, "visit", None, None),
    ]
    assert [row["person"] for row in found["steps"]] == [1, 1, 1, 1, 1, 1, 2]
    assert [(row["name"], row["n"]) for row in found["step_names"]] == [
        ("visit", 4), ("buy", 1), ("deliver", 1), ("search", 1),
    ]  # fmt: skip
    assert {(row["source"], row["target"], row["n"], row["median_wait_s"]) for row in found["flows"]} == {
        ("visit", "search", 1, 40.0), ("search", "visit", 1, 100.0), ("buy", "deliver", 1, 30.0),
    }  # fmt: skip
    columns = ("variant_id", "variant", "n", "share", "n_steps")
    assert [tuple(row[column] for column in columns) for row in found["variants"]] == [
        (1, "visit", 2, 0.5, 1), (2, "buy > deliver", 1, 0.25, 2), (3, "visit > search > visit", 1, 0.25, 3),
    ]  # fmt: skip
    taken = {row["journey_id"]: row["variant_id"] for row in found["journeys"]}
    assert taken == {"ann:1": 3, "order:7": 2, "ann:2": 1, "bob:1": 1}


def test_every_table_has_its_shape(walked, about_orders):
    for name, rows in walked(STORY, about_orders).items():
        missing = [column for column in schema(name).names if column not in rows[0]]
        assert not missing, (name, missing)


def test_ties_go_by_sequence_then_id(walked, about_orders):
    rows = [
        {"order": "1", "s": 5, "event": "c", "sequence": 2, "interaction_id": "a"},
        {"order": "1", "s": 5, "event": "a", "sequence": 1, "interaction_id": "c"},
        {"order": "1", "s": 5, "event": "b", "sequence": 2, "interaction_id": "A"},
    ]
    assert [row["variant"] for row in walked(rows, about_orders)["variants"]] == ["a > b > c"]


def test_the_person_of_an_objects_journey(walked, about_orders):
    rows = [
        {"order": "1", "s": 0, "who": None},
        {"order": "1", "s": 2, "who": "bob"},
        {"order": "1", "s": 2, "who": "ann"},
        {"order": "1", "s": 3, "who": "aaa"},
        {"order": "2", "s": 0, "who": None},
    ]
    found = {row["object_id"]: (row["person_id"], row["journey"]) for row in walked(rows, about_orders)["journeys"]}
    assert found == {"1": ("ann", 1), "2": (None, 2)}  # the least of the earliest; journeys of nobody come last


def test_names_by_touchpoint_or_by_event(walked):
    touchpoints = (
        Touchpoint("talk", "Talk", "use", Rule("event", ("call", "chat")), function="desk"),
        Touchpoint("buy", "Buy", "purchase", Rule("event", ("buy",)), channel="web"),
    )
    rows = [
        {"who": "ann", "event": "call", "channel": "phone"},
        {"who": "ann", "event": "chat", "channel": "web"},
        {"who": "ann", "event": "buy", "channel": "till"},
        {"who": "ann", "event": "stroll", "channel": "shop"},
    ]
    found = walked(rows, Blueprint("T", touchpoints=touchpoints))
    assert [row["variant"] for row in found["variants"]] == ["talk > talk > buy > stroll"]
    names = {row["name"]: row for row in found["step_names"]}
    assert (names["talk"]["touchpoint"], names["talk"]["event"], names["talk"]["channel"]) == ("talk", None, None)
    assert (names["talk"]["stage"], names["talk"]["function"], names["talk"]["n"]) == ("use", "desk", 2)
    assert (names["buy"]["channel"], names["stroll"]["event"], names["stroll"]["stage"]) == ("web", "stroll", None)
    by_event = walked(rows, Blueprint("T", touchpoints=touchpoints, journeys=JourneySettings(by="event")))
    assert [row["variant"] for row in by_event["variants"]] == ["call > chat > buy > stroll"]
    call = next(row for row in by_event["step_names"] if row["name"] == "call")
    assert (call["touchpoint"], call["event"], call["stage"]) == ("talk", "call", "use")


@pytest.mark.parametrize("rows", [[], [{"who": None, "event": "rumour"}]])
def test_nothing_to_split(walked, about_orders, rows):
    assert all(not found for found in walked(rows, about_orders).values())


def in_python(rows, quiet_s):
    """The same in plain Python: journeys as lists of (event, seconds), by what they are about."""
    ordered = sorted(enumerate(rows), key=lambda pair: (pair[1]["s"], pair[0]))
    journeys, last = defaultdict(list), {}
    for _, row in ordered:
        if row["order"]:
            key = f"order:{row['order']}"
        elif row["who"]:
            number, seen = last.get(row["who"], (0, None))
            number += seen is None or row["s"] - seen > quiet_s
            last[row["who"]] = (number, row["s"])
            key = f"{row['who']}:{number}"
        else:
            continue
        journeys[key].append((row["event"], row["s"]))
    return journeys


events = st.fixed_dictionaries(
    {
        "who": st.sampled_from(["ann", "bob", "cem", None]),
        "order": st.sampled_from([None, None, "1", "2", "3"]),
        "event": st.sampled_from("abcd"),
        "s": st.integers(0, 1200),
    }
)


@FEW
@given(rows=st.lists(events, min_size=1, max_size=120))
def test_equals_plain_python(walked, about_orders, rows):
    journeys = in_python(rows, 100.0)
    found = walked(rows, about_orders)
    assert {row["journey_id"]: row["n_steps"] for row in found["journeys"]} == {
        name: len(steps) for name, steps in journeys.items()
    }
    variants = Counter(" > ".join(event for event, _ in steps) for steps in journeys.values())
    assert {row["variant"]: row["n"] for row in found["variants"]} == variants
    waits = defaultdict(list)
    for steps in journeys.values():
        for (one, before), (other, after) in pairwise(steps):
            waits[one, other].append(float(after - before))
    flows = {(row["source"], row["target"]): row for row in found["flows"]}
    assert {pair: row["n"] for pair, row in flows.items()} == {pair: len(some) for pair, some in waits.items()}
    for pair, some in waits.items():
        assert flows[pair]["median_wait_s"] == pytest.approx(statistics.median(some))
        assert flows[pair]["mean_wait_s"] == pytest.approx(statistics.fmean(some))


@FEW
@given(
    rows=st.lists(events, min_size=2, max_size=80),
    days=st.integers(-9000, 9000),
    order=st.randoms(use_true_random=False),
)
def test_order_of_rows_and_shift_in_time_change_nothing(walked, typed, about_orders, rows, days, order):
    before = walked(rows, about_orders)
    table = typed([{**row, "s": row["s"] + days * 86_400.0} for row in rows])
    shuffled = list(range(table.num_rows))
    order.shuffle(shuffled)
    after = walked(table.take(shuffled), about_orders)
    for name in ("flows", "variants", "step_names"):
        assert sorted(map(str, before[name])) == sorted(map(str, after[name]))
    shift = dt.timedelta(days=days)
    assert [row["at"] + shift for row in before["steps"]] == [row["at"] for row in after["steps"]]
    assert [row["wait_s"] for row in before["steps"]] == [row["wait_s"] for row in after["steps"]]


def test_steps_are_named_by_codes_that_leave_some_out(engine):
    """After a refresh codes of steps that nobody takes any more are gone, and those of others stay."""
    steps = pa.table({"journey": [1, 1, 2, 3], "position": [1, 2, 1, 1], "this": [7, 2, 2, 2]})
    names = engine.table(pa.table({"code": pa.array([7, 2], pa.int32()), "name": ["first, then", "second"]}))
    ways, taken = variants(engine.table(steps), names, engine)
    told = engine.rows(ways.order_by("variant_id").select("variant", "n", "n_steps", "share")).to_pylist()
    assert [tuple(one.values()) for one in told] == [
        ("second", 2, 1, pytest.approx(2 / 3)),
        ("first, then > second", 1, 2, pytest.approx(1 / 3)),
    ]
    assert {row["journey"]: row["variant_id"] for row in engine.rows(taken).to_pylist()} == {1: 2, 2: 1, 3: 1}
