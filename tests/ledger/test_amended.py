"""Corrections and retractions: what holds, in whatever order they came."""

from __future__ import annotations

import datetime as dt
import itertools

from hypothesis import given, settings
from hypothesis import strategies as st

from regard.ledger import Batch
from regard.ledger.amended import hidden, taken_back

AT = dt.datetime(2025, 1, 1, tzinfo=dt.UTC)


def amends(interaction_id, *, corrects=None, retracts=None, hour=0):
    return {
        "source": "s",
        "interaction_id": interaction_id,
        "corrects": corrects,
        "retracts": retracts,
        "received_at": AT + dt.timedelta(hours=hour),
        "sequence": 1,
    }


def standing(names, amendments):
    out = {name for _, name in hidden(amendments)}
    return [name for name in names if name not in out]


def test_a_correction_stands_in_the_place_of_what_it_corrects():
    assert standing("xyc", [amends("c", corrects="x")]) == ["y", "c"]


def test_a_chain_of_corrections_leaves_its_end():
    assert standing("xcd", [amends("d", corrects="c"), amends("c", corrects="x")]) == ["d"]


def test_of_two_corrections_the_later_received_stands():
    two = [amends("c", corrects="x", hour=2), amends("d", corrects="x", hour=1)]
    assert standing("xcd", two) == ["c"]


def test_a_correction_of_the_one_that_lost_does_not_stand():
    several = [amends("c", corrects="x", hour=1), amends("d", corrects="x", hour=2), amends("e", corrects="c", hour=3)]
    assert standing("xcde", several) == ["d"]


def test_a_retraction_takes_back_a_fact_and_what_corrected_it():
    assert standing("xyr", [amends("r", retracts="x")]) == ["y"]
    assert standing("xcr", [amends("r", retracts="x"), amends("c", corrects="x")]) == []


def test_taking_back_a_correction_brings_the_fact_back_and_so_does_taking_back_a_retraction():
    assert standing("xcr", [amends("r", retracts="c"), amends("c", corrects="x")]) == ["x"]
    assert standing("xrq", [amends("r", retracts="x"), amends("q", retracts="r")]) == ["x"]
    assert standing("xrqp", [amends("r", retracts="x"), amends("q", retracts="r"), amends("p", retracts="q")]) == []


def test_rings_take_nothing_back_and_hide_nothing():
    assert taken_back({("s", "a"): ("s", "b"), ("s", "b"): ("s", "a")}) == set()
    assert standing("ab", [amends("a", corrects="b"), amends("b", corrects="a")]) == ["a", "b"]
    assert standing("a", [amends("a", corrects="a")]) == ["a"]


def test_amending_what_was_never_seen_does_no_harm():
    assert standing("c", [amends("c", corrects="unknown")]) == ["c"]


def plainly(names, amendments):
    """A second implementation: the definition, read aloud, by recursion."""

    def stands(row):
        return not any(stands(other) for other in amendments if other["retracts"] == row["interaction_id"])

    by_name = {row["interaction_id"]: row for row in amendments}

    def show(name):
        if any(stands(row) for row in amendments if row["retracts"] == name):
            return set()
        valid = [row for row in amendments if row["corrects"] == name and stands(row)]
        if not valid:
            return {name}
        return show(max(valid, key=lambda row: (row["received_at"], row["interaction_id"]))["interaction_id"])

    roots = [name for name in names if name not in by_name or by_name[name]["corrects"] not in names]
    roots = [name for name in roots if name not in by_name or by_name[name]["retracts"] is None]
    return sorted(set(itertools.chain.from_iterable(show(name) for name in roots)))


@settings(max_examples=300, deadline=None)
@given(data=st.data())
def test_what_holds_is_what_the_definition_says_in_whatever_order(data):
    names = [f"n{number}" for number in range(data.draw(st.integers(1, 9)))]
    rows = []
    for at, name in enumerate(names[1:], start=1):  # a fact names an earlier one, so there are no rings
        kind = data.draw(st.sampled_from(["corrects", "retracts", None]))
        if kind:
            target = names[data.draw(st.integers(0, at - 1))]
            if kind == "corrects" and any(r["interaction_id"] == target and r["retracts"] for r in rows):
                continue  # correcting a retraction is refused nowhere and means nothing
            rows.append(amends(name, hour=data.draw(st.integers(0, 2)), **{kind: target}))
    expected = plainly(names, rows)
    assert sorted(standing(names, data.draw(st.permutations(rows)))) == expected


def test_through_the_ledger_the_order_of_loading_does_not_matter(ledger, engine, facts, held, now):
    fact = {"interaction_id": "x", "text": "old", "occurred_at": AT}
    other = {"interaction_id": "y", "text": "stays", "occurred_at": AT}
    correction = {"interaction_id": "c", "text": "new", "corrects": "x", "occurred_at": AT}
    retraction = {"interaction_id": "r", "retracts": "y", "occurred_at": AT}
    ledger.append(Batch("s", facts(correction, retraction)), engine, now=now)
    assert held("text") == [{"text": "new"}]
    ledger.append(Batch("s", facts(other, fact)), engine, now=now)
    assert held("text") == [{"text": "new"}]
    ledger.append(Batch("elsewhere", facts({"interaction_id": "y", "text": "of another source"})), engine, now=now)
    assert sorted(row["text"] for row in held("text")) == ["new", "of another source"]
