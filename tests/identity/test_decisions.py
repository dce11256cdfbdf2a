from __future__ import annotations

import datetime as dt

import pyarrow as pa
import pytest

from regard.blueprint import Blueprint, Handle
from regard.errors import SettingError
from regard.identity import decide, resolve

PLAIN = Blueprint("Test")
A, B, DEVICE, PHONE = ("email", "a@x.org"), ("email", "b@x.org"), ("device", "1"), ("phone", "0301234567")


def at(day):
    return dt.datetime(2025, 2, day, tzinfo=dt.UTC)


def say(decision, one, other, day, blueprint=PLAIN):
    return decide(decision, one, other, blueprint=blueprint, at=at(day), by="ann", reason="she called")


@pytest.fixture
def after(engine):
    """The people after some decisions."""

    def run(table, *decided, blueprint=PLAIN):
        return resolve(engine.table(table), engine.table(pa.concat_tables(decided)), blueprint, engine)

    return run


def reasons(engine, found, outcome):
    rows = engine.rows(found.merges.filter(found.merges.outcome == outcome)).to_pylist()
    return [row["reason"] for row in rows]


def test_a_merge_and_its_undoing(engine, interactions, groups, after):
    table = interactions("email:a@x.org", "email:b@x.org")
    merged = after(table, say("merge", A, B, 1))
    assert groups(merged) == {frozenset({"email:a@x.org", "email:b@x.org"})}
    assert reasons(engine, merged, "decided") == ["decided by ann on 2025-02-01: she called"]
    undone = after(table, say("merge", A, B, 1), say("undo", B, A, 2))
    assert len(groups(undone)) == 2
    assert reasons(engine, undone, "decided") == []


def test_the_latest_decision_of_a_pair_holds(interactions, groups, after):
    table = interactions("email:a@x.org", "email:b@x.org")
    assert len(groups(after(table, say("split", A, B, 2), say("merge", B, A, 3), say("undo", A, B, 1)))) == 1
    assert len(groups(after(table, say("split", A, B, 4), say("merge", B, A, 3)))) == 2


def test_a_split_takes_the_link_away(engine, interactions, groups, whose, after):
    table = interactions("email:a@x.org device:1", "email:b@x.org device:1", "device:1")
    found = after(table, say("split", A, DEVICE, 1))
    assert groups(found) == {frozenset({"email:a@x.org"}), frozenset({"email:b@x.org", "device:1"})}
    assert reasons(engine, found, "split") == ["decided by ann on 2025-02-01: she called"]
    first, second, third = whose(found)
    assert len({first, second, third}) == 2


def test_a_row_of_two_people_goes_by_the_blueprints_order_of_kinds(interactions, whose, after):
    table = interactions("device:1 email:a@x.org", "email:a@x.org", "device:1")
    for order, same_as in ((("email", "device"), 1), (("device", "email"), 2)):
        blueprint = Blueprint("Test", handles=tuple(Handle(kind) for kind in order))
        both, *alone = whose(after(table, say("split", A, DEVICE, 1), blueprint=blueprint))
        assert both == alone[same_as - 1]
        assert alone[0] != alone[1]


def test_a_split_that_others_hold_together_names_them(engine, interactions, groups, after):
    table = interactions("email:a@x.org device:1", "device:1 phone:0301234567", "phone:0301234567 email:a@x.org")
    found = after(table, say("split", A, DEVICE, 1))
    assert len(groups(found)) == 1
    (reason,) = reasons(engine, found, "split")
    assert reason.endswith("still one person through device 1 - phone 0301234567 - email a@x.org")


def test_a_merge_overrides_a_guard_for_that_pair_only(interactions, groups, whose, after):
    rows = [f"email:{name}@x.org phone:0301234567" for name in "abcd"]
    blueprint = Blueprint("Test", handles=(Handle("phone", normal="phone", limit=2),))
    found = after(interactions(*rows, "phone:0301234567"), say("merge", A, PHONE, 1, blueprint), blueprint=blueprint)
    assert frozenset({"email:a@x.org", "phone:0301234567"}) in groups(found)
    assert len(groups(found)) == 4
    people = whose(found)
    assert people[4] == people[0]
    assert len(set(people[:4])) == 4


def test_a_decision_can_name_a_handle_nobody_has_seen(interactions, groups, after):
    card = ("card", "77")
    found = after(interactions("email:a@x.org", "email:b@x.org"), say("merge", A, card, 1), say("merge", card, B, 1))
    assert groups(found) == {frozenset({"email:a@x.org", "email:b@x.org", "card:77"})}


def test_decide_normalises_and_orders_the_pair():
    (row,) = say("merge", ("phone", "+49 30 12345"), ("email", " Ann@X.org "), 1).to_pylist()
    assert (row["kind"], row["handle"], row["other_kind"], row["other_handle"]) == (
        "email", "ann@x.org", "phone", "493012345",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("decision", "one", "other", "says"),
    [
        ("join", A, B, "no decision 'join'"),
        ("merge", A, ("email", " A@X.org"), "same handle"),
        ("split", A, ("phone", "none"), "needs a kind and a value"),
    ],
)
def test_decisions_that_cannot_be_meant(decision, one, other, says):
    with pytest.raises(SettingError, match=says):
        say(decision, one, other, 1)
