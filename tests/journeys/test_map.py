from __future__ import annotations

import datetime as dt
import random
import statistics

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
    found = journey_map(*seen, rows_of)
    visit, buy = found.nodes
    assert (visit["name"], visit["n"], visit["n_people"], visit["n_last"]) == ("visit", 4, 2, 2)
    assert (visit["median_wait_s"], visit["mean_wait_s"]) == (15.0, 15.0)
    assert (buy["name"], buy["n"], buy["n_people"], buy["n_last"], buy["median_wait_s"]) == ("buy", 2, 1, 1, 30.0)
    edges = [(row["source"], row["target"], row["n"], row["median_wait_s"]) for row in found.edges]
    assert edges == [("visit", "buy", 2, 15.0), ("buy", "visit", 1, 30.0)]


def test_a_part_of_the_time(seen, rows_of):
    found = journey_map(*seen, rows_of, since=START + dt.timedelta(seconds=40), until=START + dt.timedelta(seconds=100))
    assert [(row["name"], row["n"], row["n_people"]) for row in found.nodes] == [
        ("buy", 1, 1),
        ("visit", 1, 1),
    ]
    assert [(row["source"], row["n"]) for row in found.edges] == [("visit", 1)]


def test_people_of_more_steps_than_fit_into_a_number(engine, typed, rows_of):
    rows = [{"who": who, "event": f"e{step:03}"} for who in ("ann", "bob", "ann", None) for step in range(70)]
    rows += [{"who": "ann", "event": f"e{step:03}"} for step in range(60, 70)]
    blueprint = Blueprint("T")
    found = split(engine.keep(touch(engine.table(typed(rows)), blueprint)), blueprint, engine)
    nodes = journey_map(found["steps"], found["step_names"], rows_of).nodes
    assert {row["n_people"] for row in nodes} == {2}
    assert len(nodes) == 70


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("longest_s", [1, 40, 10_000_000])
def test_medians_are_those_of_all_waits_in_order(engine, typed, rows_of, seed, longest_s):
    chance = random.Random(seed)
    rows, at = [], {"ann": 0.0, "bo": 0.0, "cy": 0.0}
    for _ in range(60):
        who = chance.choice(list(at))
        at[who] += round(longest_s * chance.random() ** 3, 3)
        rows.append({"who": who, "s": at[who], "event": chance.choice("abc")})
    blueprint = Blueprint("T")
    found = split(engine.keep(touch(engine.table(typed(rows)), blueprint)), blueprint, engine)
    since, until = START + dt.timedelta(seconds=longest_s * 0.5), START + dt.timedelta(seconds=longest_s * 4)
    drawn = journey_map(found["steps"], found["step_names"], rows_of, since=since, until=until)
    names = {row["code"]: row["name"] for row in rows_of(found["step_names"])}
    taken = [row for row in rows_of(found["steps"]) if since <= row["at"] < until]
    assert taken

    def check(part, mine):
        waits = [row["wait_s"] for row in mine if row["wait_s"] is not None]
        assert part["n"] == len(mine)
        assert part["median_wait_s"] == (pytest.approx(statistics.median(waits), rel=1e-12) if waits else None)
        assert part["mean_wait_s"] == (pytest.approx(statistics.mean(waits)) if waits else None)

    for node in drawn.nodes:
        mine = [row for row in taken if names[row["this"]] == node["name"]]
        check(node, mine)
        assert node["n_last"] == sum(row["next"] is None for row in mine)
        assert node["n_people"] == len({row["person"] for row in mine})
    for edge in drawn.edges:
        check(edge, [r for r in taken if (names[r["this"]], names.get(r["next"])) == (edge["source"], edge["target"])])
    assert sum(node["n"] for node in drawn.nodes) == len(taken)
    assert sum(edge["n"] for edge in drawn.edges) == sum(row["next"] is not None for row in taken)
