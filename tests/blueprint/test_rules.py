"""A rule means the same rows as plain Python would find, on every engine, and never null."""

import datetime as dt
from collections import Counter

import ibis
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from regard.blueprint import Blueprint, Rule, Touchpoint, condition, recognise
from regard.engine import schema
from regard.errors import TableError

EVENTS = ["buy", "buy_more", "call", "", None]
KINDS = ["a", "b*", None]
FACTS = [None, {}, {"n": "1"}, {"n": "2.5"}, {"n": "many"}, {"n": None}, {"m": "1"}]
THINGS = [None, [], ["order"], ["case", "order"], ["order_line"], ["order", "order"]]


def interactions(rows):
    columns = {name: [None] * len(rows) for name in schema("interactions").names}
    columns["interaction_id"] = [f"i{n:03}" for n in range(len(rows))]
    columns["source"] = ["test"] * len(rows)
    for name in ("event", "kind", "channel", "rating"):
        columns[name] = [row.get(name) for row in rows]
    columns["properties"] = [None if row.get("facts") is None else list(row["facts"].items()) for row in rows]
    columns["objects"] = [
        None if row.get("things") is None else [{"type": kind, "id": "1", "qualifier": None} for kind in row["things"]]
        for row in rows
    ]
    columns["occurred_at"] = [dt.datetime(2026, 1, 1, tzinfo=dt.UTC)] * len(rows)
    return pa.table(columns, schema=schema("interactions").to_pyarrow())


def meant(rule, row):
    """The rule in plain Python: the second implementation."""
    if rule.every:
        found = all(meant(part, row) for part in rule.every)
    elif rule.some:
        found = any(meant(part, row) for part in rule.some)
    elif rule.field is None:
        found = True
    elif rule.field == "object":
        found = any(fits(kind, rule) for kind in row.get("things") or [])
    elif rule.field.startswith("property."):
        found = fits((row.get("facts") or {}).get(rule.field.removeprefix("property.")), rule)
    else:
        found = fits(row.get(rule.field), rule)
    return found != rule.negated


def fits(value, rule):
    if value is None:
        return False
    if rule.low is not None or rule.high is not None:
        try:
            number = float(value)
        except ValueError:
            return False
        return (rule.low is None or number >= rule.low) and (rule.high is None or number <= rule.high)
    return any(value.startswith(word[:-1]) if word.endswith("*") else value == word for word in rule.values)


WORDS = st.lists(st.sampled_from(["buy", "buy*", "call", "", "*", "order", "order*", "1", "a"]), min_size=1, max_size=3)
FIELDS = st.sampled_from(["event", "kind", "object", "property.n", "property.m"])
LEAVES = st.one_of(
    st.builds(lambda name, words: Rule(name, tuple(words)), FIELDS, WORDS),
    st.builds(lambda low: Rule("property.n", low=low), st.sampled_from([0.0, 1.0, 2.0])),
    st.builds(lambda high: Rule("rating", high=high), st.sampled_from([1.0, 3.0])),
    st.just(Rule()),
)
RULES = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.builds(lambda parts: Rule(every=tuple(parts)), st.lists(inner, min_size=1, max_size=3)),
        st.builds(lambda parts: Rule(some=tuple(parts)), st.lists(inner, min_size=1, max_size=3)),
        st.builds(lambda part: Rule(every=(part,), negated=True), inner),
    ),
    max_leaves=4,
)
ROWS = st.fixed_dictionaries(
    {
        "event": st.sampled_from(EVENTS),
        "kind": st.sampled_from(KINDS),
        "rating": st.sampled_from([None, 1.0, 2.0, 5.0]),
        "facts": st.sampled_from(FACTS),
        "things": st.sampled_from(THINGS),
        "channel": st.sampled_from(["web", None]),
    }
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rule=RULES, rows=st.lists(ROWS, min_size=1, max_size=12))
def test_a_rule_finds_what_plain_python_finds(engine, rule, rows):
    table = engine.table(interactions(rows))
    found = engine.rows(table.select("interaction_id", said=condition(rule, table)).order_by("interaction_id"))
    assert found["said"].to_pylist() == [meant(rule, row) for row in rows]
    kept = engine.rows(table.filter(condition(rule, table)).select("interaction_id"))
    assert kept.num_rows == sum(meant(rule, row) for row in rows)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rules=st.lists(RULES, min_size=1, max_size=5), rows=st.lists(ROWS, min_size=1, max_size=12))
def test_the_first_touchpoint_that_matches_is_the_one(engine, rules, rows):
    points = [Touchpoint(f"t{n}", f"T{n}", f"s{n}", rule, function=f"f{n}") for n, rule in enumerate(rules)]
    points[0] = Touchpoint("t0", "T0", "s0", rules[0], channel="counter", control="influenced")
    blueprint = Blueprint("X", touchpoints=(Touchpoint("talk", "Talk", "s0", None), *points))
    got = engine.rows(recognise(engine.table(interactions(rows)), blueprint).order_by("interaction_id")).to_pylist()
    for row, seen in zip(rows, got, strict=True):
        first = next((n for n, rule in enumerate(rules) if meant(rule, row)), None)
        assert seen["touchpoint"] == (None if first is None else f"t{first}")
        assert seen["stage"] == (None if first is None else f"s{first}")
        assert seen["function"] == (f"f{first}" if first else None)
        assert seen["control"] == (None if first is None else "owned" if first else "influenced")
        assert seen["channel"] == ("counter" if first == 0 else row["channel"])


def test_without_touchpoints_nothing_is_recognised(engine):
    table = recognise(engine.table(interactions([{"event": "buy", "channel": "web"}])), Blueprint("X"))
    row = engine.rows(table).to_pylist()[0]
    assert [row[name] for name in ("touchpoint", "stage", "function", "control", "channel")] == [None] * 4 + ["web"]


def test_a_changed_blueprint_reads_the_past_anew(engine):
    table = engine.table(interactions([{"event": "buy"}, {"event": "call"}]))

    def stages(*points):
        seen = recognise(table, Blueprint("X", touchpoints=points)).order_by("interaction_id")
        return engine.rows(seen.select("stage"))["stage"].to_pylist()

    assert stages(Touchpoint("a", "A", "purchase", Rule("event", ("buy",)))) == ["purchase", None]
    assert stages(Touchpoint("a", "A", "use", Rule("event", ("*",)))) == ["use", "use"]


def test_interactions_know_no_touchpoint_and_the_message_says_so(engine):
    with pytest.raises(TableError, match="recognise"):
        condition(Rule("touchpoint", ("a",)), engine.table(interactions([{}])))


@pytest.mark.conformance
def test_every_engine_means_the_same(agree):
    rows = [
        {"event": event, "kind": kind, "facts": facts, "things": things, "rating": rating, "channel": "web"}
        for event, kind in zip(EVENTS, [*KINDS, "b", "a"], strict=True)
        for facts, things, rating in zip(FACTS, [*THINGS, None], [None, 1.0, 2.0, 5.0, 1.0, None, 3.0], strict=True)
    ]
    rules = [
        Rule("event", ("buy*", "call")),
        Rule("property.n", low=1, high=2),
        Rule("object", ("order*",)),
        Rule(every=(Rule("object", ("order",)),), negated=True),
        Rule(some=(Rule("rating", high=1), Rule(every=(Rule("event", ("*",)), Rule("kind", ("a",)))))),
    ]
    blueprint = Blueprint("X", touchpoints=tuple(Touchpoint(f"t{n}", "", "s", rule) for n, rule in enumerate(rules)))

    def work(engine):
        table = engine.table(interactions(rows))
        said = {f"r{n}": condition(rule, table) for n, rule in enumerate(rules)}
        picked = [
            table.filter(condition(rule, table)).select("interaction_id", rule=ibis.literal(n))
            for n, rule in enumerate(rules)
        ]
        named = recognise(table, blueprint).select("interaction_id", "touchpoint", "channel")
        return {"said": table.select("interaction_id", **said), "picked": ibis.union(*picked), "named": named}

    found = agree(work, counts={"said": 35, "named": 35})
    counted = Counter(found["picked"]["rule"].to_pylist())
    assert [counted[n] for n in range(len(rules))] == [sum(meant(rule, row) for row in rows) for rule in rules]
