"""What a question sees: everything before it, nothing after it, an open promise as it stood at that moment."""

from __future__ import annotations

from dataclasses import replace

import pyarrow as pa
import pytest
import town

from regard.blueprint import Blueprint, Impression, Promise, Rule, ValueOf
from regard.engine import Engine
from regard.experience.feedback import listen
from regard.experience.impressions import made, standing
from regard.experience.kinds import kinds
from regard.experience.seen import Sight, before

ORDER = {"object_type": "order", "object_id": "o1"}


def seen(
    engine: Engine,
    people: town.Town,
    days: float,
    *,
    blueprint: Blueprint = town.BLUEPRINT,
    level: str = "relationship",
    about: str | None = None,
) -> list[tuple[str, float, float]]:
    """(kind, x, age in days) of what person p had met strictly before a moment."""
    touches, promises = people.tables(engine)
    every = kinds(blueprint)
    feedback = engine.keep(listen(touches, blueprint))
    at_ms = int(town.moment(days).timestamp() * 1000)
    asked = engine.table(
        pa.table(
            {
                "ask": [0],
                "person_id": ["p"],
                "at_ms": [at_ms],
                "object_type": pa.array(["order" if about else None], pa.string()),
                "object_id": pa.array([about], pa.string()),
            }
        )
    )
    met = before(
        asked,
        made(touches, promises, feedback, blueprint, every),
        standing(touches, promises, blueprint, every),
        [kind for kind in every if level in kind.spec.levels],
        sight=Sight(level, 30 * town.DAY),
    )
    names = {kind.code: kind.name for kind in every}
    rows = engine.rows(met.order_by("kind", "x", "age_s")).to_pylist()
    return [(names[row["kind"]], round(row["x"], 6), round(row["age_s"] / town.DAY, 6)) for row in rows]


def promised(due: float, came: float | None, **more: object) -> town.Town:
    """One order, promised for the day `due`, delivered at `came`."""
    people = town.Town([town.touch("p", 1.5, "order", 1, properties={"items": "3"}, **ORDER)])
    if came is not None:
        people.touches.append(town.touch("p", came, "arrival", 2, **ORDER))
    people.promises.append(
        {
            "promise_id": "o1", "person_id": "p", "kind": "arrival", **ORDER, "made_by": "p-1",
            "late_from_at": town.moment(due + 1), "due_at": town.moment(due), "outcome": "kept",
            "delivered_at": None if came is None else town.moment(came),
            "delivered_by": None if came is None else "p-2",
            "late_days": None if came is None else int(came // 1 - due), **more,
        }
    )  # fmt: skip
    return people


def of(kind: str, rows: list[tuple[str, float, float]]) -> list[tuple[float, float]]:
    return [(x, age) for name, x, age in rows if name == kind]


def test_an_open_promise_is_overdue_by_the_days_so_far_and_then_late_by_the_days_it_was(engine: Engine) -> None:
    people = promised(due=8, came=12.5)
    assert of("arrival.overdue", seen(engine, people, 8.9)) == []
    assert of("arrival.overdue", seen(engine, people, 9.5)) == [(1.0, 0.0)]
    assert of("arrival.overdue", seen(engine, people, 12.2)) == [(4.0, 1.2)]  # fades from its last knot, day 11 on
    assert of("arrival", seen(engine, people, 12.2)) == []
    assert of("arrival.overdue", seen(engine, people, 14.5)) == []
    assert of("arrival", seen(engine, people, 14.5)) == [(4.0, 2.0)]


def test_nothing_that_comes_after_the_question_changes_what_it_sees(engine: Engine) -> None:
    early, late = promised(due=8, came=None), promised(due=8, came=12.5)
    late.touches.append(town.touch("p", 11, "call", 3))
    late.touches.append(town.touch("p", 10, "review", 4, rating=1.0, **ORDER))
    assert seen(engine, early, 10) == seen(engine, late, 10)


def test_a_cancelled_promise_is_overdue_no_more(engine: Engine) -> None:
    people = promised(due=8, came=None, voided_at=town.moment(10), outcome="void")
    assert of("arrival.overdue", seen(engine, people, 9.5)) == [(1.0, 0.0)]
    assert of("arrival.overdue", seen(engine, people, 10.5)) == []


def test_a_wait_grows_until_it_ends(engine: Engine) -> None:
    people = promised(due=8, came=12.5)
    assert of("delay.waiting", seen(engine, people, 4.5)) == [(3.0, 0.0)]
    assert of("delay", seen(engine, people, 14.5)) == [(11.0, 2.0)]
    assert of("delay.waiting", seen(engine, people, 14.5)) == []


def test_facts_are_read_as_numbers_and_what_is_none_is_left_out(engine: Engine) -> None:
    people = promised(due=8, came=None)
    people.touches.append(town.touch("p", 2, "order", 3, properties={"items": "many"}, **ORDER))
    assert of("size", seen(engine, people, 4.5)) == [(3.0, 3.0)]


def test_a_transaction_sees_its_own_object_and_what_carries_over(engine: Engine) -> None:
    people = promised(due=8, came=12.5)
    people.touches.append(
        town.touch("p", 20, "order", 5, properties={"items": "7"}, object_type="order", object_id="o2")
    )
    people.touches.append(town.touch("p", 21, "call", 6))
    other = seen(engine, people, 30, level="transaction", about="o2")
    assert of("size", other) == [(7.0, 0.0)]  # a trait of the thing asked about does not fade
    assert of("arrival", other) == [(4.0, 17.5)]  # the earlier broken promise carries
    assert of("call", other) == []
    assert len(of("size", seen(engine, people, 30))) == 2


def test_the_record_counts_only_answers_already_given(engine: Engine) -> None:
    def order(person: str, n: int, day: float) -> town.Row:
        objects = [{"type": "shop", "id": "s", "qualifier": None}]
        return town.touch(person, day, "order", n, objects=objects, object_type="order", object_id=f"o-{person}-{n}")

    def review(person: str, n: int, day: float, stars: float) -> town.Row:
        return town.touch(person, day, "review", n, rating=stars, object_type="order", object_id=f"o-{person}-1")

    people = town.Town([order("a", 1, 1), review("a", 2, 5, 5.0), order("b", 1, 2), review("b", 2, 9, 1.0)])
    people.touches += [order("p", 1, 4), order("p", 2, 6), order("p", 3, 10)]
    found = of("shop", seen(engine, people, 50))
    # at day 4 nobody had answered; at day 6 one promoter of one, who is all that is usual; at day 10 one of each
    assert found == [(0.0, 40.0), (0.0, 44.0), (0.0, 46.0)]
    people.touches += [
        town.touch("c", 1, "order", 1, object_type="order", object_id="o-c-1"),
        town.touch("c", 3, "review", 2, rating=1.0, object_type="order", object_id="o-c-1"),
    ]
    # another shop's detractor at day 3: usual at day 6 is (1 - 1) / 2 = 0, ours (1 - 0) / (1 + 5)
    assert of("shop", seen(engine, people, 50))[-1][0] == pytest.approx(1 / 6, abs=1e-6)


def test_a_promise_of_a_thing_counts_when_it_was_broken_and_when_it_was_kept_in_letter(engine: Engine) -> None:
    room = Promise("room", "Room", made=Rule("event", ("order",)), kept=Rule("event", ("arrival",)), about="order",
                   promised=ValueOf(property="room"), delivered=ValueOf(property="room"), unit="room type",
                   letter=Rule("event", ("call",)))  # fmt: skip
    blueprint = replace(
        town.BLUEPRINT, promises=(room,), impressions=(Impression("room", promise="room"),), recovery=()
    )
    people = town.Town([town.touch("p", 1, "order", 1, **ORDER), town.touch("p", 2, "arrival", 2, **ORDER)])
    people.touches.append(town.touch("p", 3, "call", 3, **ORDER))
    people.promises.append(
        {"promise_id": "o1", "person_id": "p", "kind": "room", **ORDER, "made_by": "p-1", "delivered_by": "p-2",
         "delivered_at": town.moment(2), "outcome": "kept_in_letter"}
    )  # fmt: skip
    found = seen(engine, people, 5, blueprint=blueprint)
    assert found == [("room", 1.0, 3.0), ("room.letter", 1.0, 2.0)]
    assert of("room.letter", seen(engine, people, 2.5, blueprint=blueprint)) == []
