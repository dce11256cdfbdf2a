"""Kinds of impression: what a blueprint names, the terms they are made of, and the priors they start from."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest
import town

from regard.blueprint import Blueprint, Impression, Promise, Rule, ValueOf
from regard.engine import Engine
from regard.experience.kinds import LEAST, STATED, Term, kinds

ROOM = Promise("room", "The room reserved", made=Rule("event", ("order",)), kept=Rule("event", ("arrival",)),
               promised=ValueOf(property="room"), delivered=ValueOf(property="room"), unit="room type",
               letter=Rule("event", ("call",)), exceeded=Rule("event", ("review",)))  # fmt: skip


def named(blueprint: Blueprint) -> list[str]:
    return [kind.name for kind in kinds(blueprint)]


def test_a_promise_has_a_side_for_each_thing_that_can_become_of_it() -> None:
    blueprint = replace(town.BLUEPRINT, promises=(ROOM, town.DELIVERY), impressions=(
        Impression("room", promise="room"), Impression("late", promise="arrival")), recovery=())  # fmt: skip
    assert named(blueprint) == ["room", "room.letter", "room.exceeded", "late", "late.overdue"]
    sides = {kind.name: kind for kind in kinds(blueprint)}
    assert [term.label for term in sides["late"].terms] == [">0", "0..1", "1..3", "3..7"]
    assert [term.label for term in sides["room"].terms] == [">0"]
    assert sides["late.overdue"].standing
    assert not sides["late"].standing


def test_every_touchpoint_is_a_kind_of_its_own_but_those_that_only_ask() -> None:
    blueprint = replace(town.BLUEPRINT, impressions=(Impression("any", touch="*"), Impression("c", touch="call")))
    blueprint = replace(blueprint, feedback=tuple(replace(one, touchpoint="survey") for one in blueprint.feedback))
    assert set(named(blueprint)) == {"order", "arrival", "c", "apology", "visit", "review"}


def test_a_blueprint_that_names_none_gets_promises_touchpoints_and_what_was_felt() -> None:
    found = named(replace(town.BLUEPRINT, impressions=()))
    assert found[:2] == ["arrival", "arrival.overdue"]
    assert {"call", "visit", "felt stars"} <= set(found)


def test_a_recovery_that_is_not_named_is_added() -> None:
    assert "apology" in named(town.BLUEPRINT)


def test_lapses_cannot_help_and_good_words_cannot_hurt() -> None:
    for kind in kinds(replace(town.BLUEPRINT, promises=(ROOM, town.DELIVERY))):
        if kind.source in ("promise", "overdue", "letter"):
            assert all(term.upper == -LEAST for term in kind.terms)
            assert kind.lapse
        if kind.source == "felt":
            assert kind.terms[0].lower == LEAST


def test_what_the_blueprint_states_goes_before_our_prior() -> None:
    blueprint = replace(town.BLUEPRINT, impressions=(
        Impression("call", touch="call", weight=-0.5, weight_sd=0.1),
        Impression("late", promise="arrival", knots=(0, 2, 4), weight=-3.0)))  # fmt: skip
    call, late = kinds(blueprint)[:2]
    assert (call.terms[0].mean, call.terms[0].sd, call.lapse) == (-0.5, 0.1, True)
    assert sum(term.mean for term in late.terms) == pytest.approx(-3.0)
    assert late.terms[0].sd == STATED["promise"][1]


def test_a_promise_kept_on_time_adds_nothing_and_early_is_its_own_ramp() -> None:
    blueprint = replace(town.BLUEPRINT, impressions=(Impression("late", promise="arrival", knots=(-10, 0, 5)),))
    step, early, late = kinds(blueprint)[0].terms
    on_time = np.zeros(1)
    assert [float(term.of(on_time)[0]) for term in (step, early, late)] == [0, 0, 0]
    assert float(early.of(np.array([-5.0]))[0]) == -0.5
    assert early.upper == np.inf


@pytest.mark.parametrize(
    "term",
    [Term("linear", 0, 1), Term("log", 0, 1), Term("log1p", 0, 1), Term("step", 0, 1), Term("ramp", 0, 1, -2, 3),
     Term("ramp", 0, 1, 1, 4, centred=True)],
)  # fmt: skip
def test_the_engine_says_the_same(term: Term, engine: Engine) -> None:
    x = np.array([-7.0, -2.0, -0.5, 0.0, 0.3, 1.0, 1.5, 3.0, 100.0])
    rows = engine.table(pa.table({"x": x}))
    found = engine.rows(rows.mutate(y=term.expression(rows.x)).order_by("x"))
    np.testing.assert_allclose(found["y"].to_numpy(), term.of(x), atol=1e-12)
    assert (np.diff(term.of(x)) >= 0).all()
