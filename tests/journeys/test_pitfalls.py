"""Where other tools were seen to answer wrongly without a word; each test is one of them."""

from __future__ import annotations

from itertools import pairwise

import pytest


def edges(found):
    return {(row["source"], row["target"]): row["n"] for row in found["flows"]}


def test_rows_that_do_not_come_in_order(walked, about_orders):
    """Two tools take b > c > a, the order of the rows, for the order of events."""
    rows = [
        {"order": "1", "s": 60, "event": "b", "sequence": 0},
        {"order": "1", "s": 90, "event": "c", "sequence": 1},
        {"order": "1", "s": 0, "event": "a", "sequence": 2},
    ]
    assert edges(walked(rows, about_orders)) == {("a", "b"): 1, ("b", "c"): 1}


def test_waits_below_a_second(walked, about_orders):
    """One tool cuts every wait to whole seconds before the mean: 0 s for these. Ours are to the millisecond."""
    rows = [
        {"order": "1", "s": 0, "event": "a"},
        {"order": "1", "s": "0.9", "event": "b"},
        {"order": "2", "s": 5, "event": "a"},
        {"order": "2", "s": "5.7", "event": "b"},
    ]
    (flow,) = walked(rows, about_orders)["flows"]
    assert flow["mean_wait_s"] == pytest.approx(0.8, abs=1e-9)
    assert flow["median_wait_s"] == pytest.approx(0.8, abs=1e-9)


def test_another_log_after_the_first_has_its_own_answer(walked, about_orders):
    """One tool keeps answers by the address of a log in memory, and gives a new log an old one's answer."""
    for number in range(6):
        names = ("a", "b") if number % 2 else ("x", "y", "z")
        rows = [{"order": "1", "s": 60 * place, "event": name} for place, name in enumerate(names)]
        assert edges(walked(rows, about_orders)) == dict.fromkeys(pairwise(names), 1)


def test_steps_at_one_instant_have_one_order_whatever_the_order_of_rows(walked, typed, about_orders):
    """Ties gave seven maps in seven tools; one takes b and a at one instant for a, then b. Here sequence decides."""
    rows = [{"order": "1", "s": 5, "event": name, "sequence": place} for place, name in enumerate("bacad")]
    expected = {("b", "a"): 1, ("a", "c"): 1, ("c", "a"): 1, ("a", "d"): 1}
    table = typed(rows)
    for order in ([0, 1, 2, 3, 4], [4, 3, 2, 1, 0], [2, 0, 4, 1, 3]):
        found = walked(table.take(order), about_orders)
        assert edges(found) == expected
        assert {row["wait_s"] for row in found["steps"]} == {0.0, None}


def test_a_journey_of_more_than_thirty_two_steps(walked, about_orders):
    """One tool reports nothing beyond 32 steps."""
    rows = [{"order": "1", "s": place, "event": f"e{place:02}"} for place in range(40)]
    found = walked(rows, about_orders)
    assert len(found["flows"]) == 39
    assert found["variants"][0]["n_steps"] == 40
