from __future__ import annotations

import hashlib
import itertools

import pyarrow as pa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy.cluster.hierarchy import DisjointSet

from regard.blueprint import Blueprint, Handle
from regard.engine import empty
from regard.identity import find, resolve

SHARED = settings(
    max_examples=4, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
PLAIN = Blueprint("Test")


def run(engine, table, blueprint=PLAIN, decisions=None):
    decided = engine.table(empty("decisions") if decisions is None else decisions)
    return resolve(engine.table(table), decided, blueprint, engine)


def merges(engine, resolved, outcome):
    rows = engine.rows(resolved.merges.filter(resolved.merges.outcome == outcome)).to_pylist()
    return {(row["handle"], row["other_handle"]): row["reason"] for row in rows}


def test_any_number_of_hops(engine, interactions, groups, whose):
    found = run(
        engine,
        interactions("email:a@x.org device:1", "device:1 phone:5550001", "phone:5550001 loyalty:9", "email:b@x.org"),
    )
    assert groups(found) == {
        frozenset({"email:a@x.org", "device:1", "phone:5550001", "loyalty:9"}),
        frozenset({"email:b@x.org"}),
    }
    one, two, three, other = whose(found)
    assert one == two == three != other
    assert found.facts["n_people"] == 2
    assert found.facts["n_unassigned"] == 0


def test_a_person_is_named_by_their_least_handle(engine, interactions, whose):
    found = run(engine, interactions("phone:5550001 email:a@x.org"))
    assert whose(found) == [hashlib.md5(b"email\x1fa@x.org").hexdigest()[:16]]


def test_anonymous_history_is_joined_when_the_name_becomes_known(engine, interactions, whose):
    found = run(engine, interactions("device:1", "device:1", "device:2", "device:1 email:a@x.org", "email:a@x.org"))
    before, _, stranger, login, after = whose(found)
    assert before == login == after != stranger


def test_spellings_are_one(engine, interactions, groups):
    found = run(
        engine,
        interactions(
            ([("email", " Ann@X.org\t")], []),
            ([("email", "ann@x.org"), ("phone", "+49 (30) 1234-5")], []),
            ([("phone", "0049 30 12345")], []),
            ([("customer", "K-1")], []),
            ([("customer", "k-1 ")], []),
            ([("token", "Aa")], []),
            ([("token", "aa")], []),
        ),
        Blueprint("Test", handles=(Handle("token", normal="exact"),)),
    )
    assert groups(found) == {
        frozenset({"email:ann@x.org", "phone:493012345"}),
        frozenset({"customer:k-1"}),
        frozenset({"token:Aa"}),
        frozenset({"token:aa"}),
    }


def test_persons_count_what_was_seen(engine, interactions):
    found = run(engine, interactions(([("email", "A@x.org"), ("email", "a@x.org")], []), "email:a@x.org device:1"))
    rows = {row["handle"]: row for row in engine.rows(found.persons).to_pylist()}
    assert rows["a@x.org"]["n_interactions"] == 2
    assert rows["a@x.org"]["last_at"] > rows["a@x.org"]["first_at"]
    linked = engine.rows(found.merges).to_pylist()
    assert [(row["handle"], row["other_handle"], row["n_interactions"], row["outcome"]) for row in linked] == [
        ("1", "a@x.org", 1, "linked")
    ]


def test_a_shared_phone_makes_no_crowd(engine, interactions, groups, whose):
    rows = [f"email:p{number}@x.org phone:0301234567" for number in range(4)]
    blueprint = Blueprint("Test", handles=(Handle("phone", normal="phone", limit=3),))
    found = run(engine, interactions(*rows, "phone:0301234567"), blueprint)
    assert len(groups(found)) == 4
    assert whose(found)[-1] is None  # known only by the shared phone: nobody
    assert len(set(whose(found)[:-1])) == 4
    assert found.facts["n_unassigned"] == 1
    refused = merges(engine, found, "refused")
    assert refused["0301234567", ""] == "is shared: seen with 4 other handles, more than the limit of 3"
    assert refused["p0@x.org", "0301234567"].startswith("phone 0301234567 is shared")
    within = run(engine, interactions(*rows[:3]), blueprint)
    assert len(groups(within)) == 1


def test_values_that_say_nothing_name_nobody(engine, interactions, groups, whose):
    bad = ["email:none@none.com", "email:TEST@test.com", "email:unknown", "customer:N/A", "phone:0000000000"]
    bad += ["phone:123", "email:noreply@shop.example", "customer:-"]
    found = run(engine, interactions(*bad, *[f"{handle} device:{number}" for number, handle in enumerate(bad)]))
    assert groups(found) == {frozenset({f"device:{number}"}) for number in range(len(bad))}
    assert whose(found)[: len(bad)] == [None] * len(bad)
    assert found.facts["n_refused"] == len(bad)
    assert len([key for key in merges(engine, found, "refused") if key[1] == ""]) == len(bad)


def test_block_list_with_patterns(engine, interactions, groups):
    blueprint = Blueprint(
        "Test", handles=(Handle("email", normal="email", block=("Info@*", "*@shop.example", "a*z@x.org")),)
    )
    rows = [
        "email:info@a.org device:1",
        "email:bob@shop.example device:2",
        "email:abz@x.org device:3",
        "email:az@x.com device:4",
    ]
    found = run(engine, interactions(*rows), blueprint)
    assert groups(found) == {
        frozenset({"device:1"}),
        frozenset({"device:2"}),
        frozenset({"device:3"}),
        frozenset({"device:4", "email:az@x.com"}),
    }


def test_kinds_that_do_not_link(engine, interactions, groups, whose):
    blueprint = Blueprint("Test", handles=(Handle("postcode", links=False),))
    found = run(
        engine,
        interactions("email:a@x.org postcode:10115", "email:b@x.org postcode:10115", "postcode:10115"),
        blueprint,
    )
    assert groups(found) == {frozenset({"email:a@x.org"}), frozenset({"email:b@x.org"})}
    assert whose(found)[2] is None


def test_no_handles_at_all(engine, interactions, whose):
    found = run(
        engine, interactions("case=1", (None, []), ([("email", None)], [])), Blueprint("Log", person_objects=("case",))
    )
    assert whose(found) == [None, None, None]
    assert engine.rows(found.persons).num_rows == 0
    assert found.facts["n_unassigned"] == 3


def test_people_are_reached_through_their_objects(engine, interactions, whose):
    blueprint = Blueprint("Shop", person_objects=("order",), handles=(Handle("phone", normal="phone", limit=1),))
    found = run(
        engine,
        interactions(
            "email:a@x.org order=1", "order=1", "order=2", "email:b@x.org order=3", "email:c@x.org order=3", "order=3",
            "order=1 order=3", "order=1 seller=9", "email:a@x.org phone:5550001", "email:b@x.org phone:5550001",
            "phone:5550001 order=1", "seller=9",
        ),
        blueprint,
    )  # fmt: skip
    got = whose(found)
    a = got[0]
    assert got == [a, a, None, got[3], got[4], None, None, a, a, got[3], a, None]
    assert found.facts["n_through_object"] == 3
    assert found.facts["n_unassigned"] == 4
    assert merges(engine, found, "refused")["3", ""] == "its interactions name several people, so it names nobody"
    named = {row["handle"]: row for row in engine.rows(found.persons).to_pylist() if row["kind"] == "object:order"}
    assert named["1"]["person_id"] == a
    assert named["1"]["n_interactions"] == 5
    assert named["3"]["person_id"] is None
    assert "2" not in named


def test_objects_never_make_two_people_one(engine, interactions, groups):
    found = run(
        engine,
        interactions("email:a@x.org order=1", "email:b@x.org order=1"),
        Blueprint("S", person_objects=("order",)),
    )
    assert len(groups(found)) == 2


def test_find_by_any_spelling(engine, interactions):
    found = run(
        engine, interactions("email:a@x.org phone:+49-30-12345 order=7"), Blueprint("S", person_objects=("order",))
    )
    person = engine.rows(found.persons)["person_id"][0].as_py()

    def kinds(text):
        return [row["kind"] for row in engine.rows(find(text, found.persons, PLAIN).order_by("kind")).to_pylist()]

    assert kinds(" A@X.org") == ["email"]
    assert kinds("0049 30 12345") == ["phone"]
    assert kinds("email:A@x.org") == ["email"]
    assert kinds("order:7") == ["object:order"]
    assert kinds("nobody@x.org") == []
    assert kinds(person) == ["email", "object:order", "phone"]


handle = st.tuples(st.sampled_from(["email", "device", "loyalty"]), st.integers(1, 12).map(lambda n: f"h{n}@x.org"))
rows = st.lists(st.tuples(st.lists(handle, min_size=1, max_size=4), st.just([])), min_size=1, max_size=40)


@SHARED
@given(rows=rows)
def test_equals_a_disjoint_set(engine, interactions, groups, rows):
    sets = DisjointSet()
    for handles, _ in rows:
        words = [":".join(one) for one in handles]
        for word in words:
            sets.add(word)
        for one, other in itertools.pairwise(words):
            sets.merge(one, other)
    assert groups(run(engine, interactions(*rows))) == {frozenset(one) for one in sets.subsets()}


@SHARED
@given(rows=rows, order=st.randoms(use_true_random=False), pieces=st.integers(1, 3))
def test_any_order_and_any_pieces_give_the_same_people(engine, interactions, rows, order, pieces):
    blueprint = Blueprint("T", handles=(Handle("device", limit=3),))
    table = interactions(*rows)
    shuffled = list(range(table.num_rows))
    order.shuffle(shuffled)
    again = table.take(shuffled)
    size = max(1, len(shuffled) // pieces)
    again = pa.concat_tables([again.slice(start, size) for start in range(0, len(shuffled), size)])

    def people(one):
        found = run(engine, one, blueprint)
        assigned = engine.rows(found.assigned.select("interaction_id", "person_id").order_by("interaction_id"))
        return engine.rows(found.persons), engine.rows(found.merges), assigned

    for before, after in zip(people(table), people(again), strict=True):
        assert before.equals(after)
