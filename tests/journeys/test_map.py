from __future__ import annotations

import datetime as dt

import pytest

from regard.blueprint import Blueprint
from regard.journeys import journey_map, split, touch

START = dt.datetime(2025, 3, 1, tzinfo=dt.UTC)


@pytest.fixture
def seen(engine, typed):
    rows = [
        {"who": "ann", "s": 0, "event": "visit"},
        {"who": "ann", "s": 10, "event": "buy"},
        {"who": "ann", "s": 40, "event": "visit"},
        {"who": "ann", "s": 60, "event": "buy"},
        {"who": "bob", "s": 100, "event": "visit"},
        {"who": None, "s": 100, "event": "visit", "order": "1"},
    ]
    blueprint = Blueprint("T")
    found = split(engine.keep(touch(engine.table(typed(rows)), blueprint)), blueprint, engine)
    return found["steps"], found["step_names"]


def test_nodes_and_edges(seen, rows_of):
    found = journey_map(*seen)
    visit, buy = rows_of(found.nodes)
    assert (visit["name"], visit["n"], visit["n_people"], visit["n_last"]) == ("visit", 4, 2, 2)
    assert (visit["median_wait_s"], visit["mean_wait_s"]) == (15.0, 15.0)
    assert (buy["name"], buy["n"], buy["n_people"], buy["n_last"], buy["median_wait_s"]) == ("buy", 2, 1, 1, 30.0)
    edges = [(row["source"], row["target"], row["n"], row["median_wait_s"]) for row in rows_of(found.edges)]
    assert edges == [("visit", "buy", 2, 15.0), ("buy", "visit", 1, 30.0)]


def test_a_part_of_the_time(seen, rows_of):
    found = journey_map(*seen, since=START + dt.timedelta(seconds=40), until=START + dt.timedelta(seconds=100))
    assert [(row["name"], row["n"], row["n_people"]) for row in rows_of(found.nodes)] == [
        ("buy", 1, 1),
        ("visit", 1, 1),
    ]
    assert [(row["source"], row["n"]) for row in rows_of(found.edges)] == [("visit", 1)]


def test_people_of_more_steps_than_fit_into_a_number(engine, typed, rows_of):
    rows = [{"who": who, "event": f"e{step:03}"} for who in ("ann", "bob", "ann", None) for step in range(70)]
    rows += [{"who": "ann", "event": f"e{step:03}"} for step in range(60, 70)]
    blueprint = Blueprint("T")
    found = split(engine.keep(touch(engine.table(typed(rows)), blueprint)), blueprint, engine)
    nodes = rows_of(journey_map(found["steps"], found["step_names"]).nodes)
    assert {row["n_people"] for row in nodes} == {2}
    assert len(nodes) == 70
