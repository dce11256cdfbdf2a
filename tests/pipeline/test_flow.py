"""The whole river on a shop small enough to work out by hand."""

from __future__ import annotations

import datetime as dt
import shutil

import pytest
from tests.pipeline.conftest import NOW, ORDERS, load

from regard import pipeline
from regard.engine import Published, connect
from regard.errors import SettingError, TableError, WorkspaceError
from regard.tables import TABLES


@pytest.fixture(scope="module")
def worked(tmp_path_factory):
    """The shop, loaded and worked out once, with an engine to ask."""
    from tests.pipeline.conftest import BLUEPRINT, ORDERS_MAP, VOICE, VOICE_MAP, Workspace

    root = tmp_path_factory.mktemp("flow") / "shop"
    (root / "maps").mkdir(parents=True)
    for path, text in {
        "blueprint.yaml": BLUEPRINT,
        "maps/orders.map.yaml": ORDERS_MAP,
        "maps/voice.map.yaml": VOICE_MAP,
        "orders.csv": ORDERS,
        "voice.csv": VOICE,
    }.items():
        (root / path).write_text(text, encoding="utf-8")
    shop = Workspace(root)
    brought = load(shop)
    engine = connect("duckdb", memory=2**30)
    published = pipeline.run(shop, engine, pipeline.Order(now=NOW))
    yield shop, engine, published, brought
    engine.close()


def rows(worked, name, *, order="at"):
    _, engine, published, _ = worked
    return engine.rows(published.table(name, engine).order_by(order)).to_pylist()


def test_every_row_ends_as_interactions_or_as_a_reject(worked):
    orders, voice = worked[3]
    assert (orders.n_interactions, orders.n_rejects) == (7, 0)  # four purchases, three deliveries
    assert (voice.n_interactions, voice.n_rejects) == (5, 1)
    assert voice.sample[0][0] == 7  # the line in the file, header counted
    assert "not a time" in voice.sample[0][1]


def test_every_derived_table_is_published(worked):
    assert set(worked[2].counts) == {name for name, spec in TABLES.items() if spec.derived}


def test_people_are_found_through_customer_number_email_and_order(worked):
    persons = {(row["kind"], row["handle"]): row["person_id"] for row in rows(worked, "persons", order="handle")}
    assert persons["customer", "K1"] == persons["email", "ada@example.org"]
    assert len(set(persons.values())) >= 3
    whose = {row["interaction_id"]: row["person_id"] for row in rows(worked, "touches")}
    assert whose["1:review"] == whose["2:call"] == persons["customer", "K1"]  # the desk knows only the order
    assert whose["5:review"] is None  # an order nobody knows


@pytest.mark.parametrize("name", ["promises", "feedback", "contributions", "profiles"])
def test_a_person_has_one_number_in_every_table(worked, name):
    people = sorted({row["person_id"] for row in rows(worked, "touches") if row["person_id"]})
    found = {(row["person_id"], row["person"]) for row in rows(worked, name, order="person_id")}
    assert found
    assert found <= {(person, number) for number, person in enumerate(people, 1)}
    steps = {row["journey"]: row["person"] for row in rows(worked, "steps")}
    for row in rows(worked, "journeys", order="journey"):
        number = steps[row["journey"]]
        assert row["person_id"] == (people[number - 1] if number else None)


def test_meaning_is_applied(worked):
    call = next(row for row in rows(worked, "touches") if row["interaction_id"] == "2:call")
    expected = {"touchpoint": "call", "stage": "use", "function": "service", "channel": "phone", "object_id": "A2"}
    assert {key: call[key] for key in expected} == expected


def test_promises_say_by_how_much(worked):
    found = {row["object_id"]: (row["outcome"], row["late_days"]) for row in rows(worked, "promises", order="made_at")}
    assert found["A1"] == ("kept", 0)  # late on the day is not late by day
    assert found["A2"] == ("broken", 3)
    assert found["B1"] == ("kept", -2)
    assert found["C1"][0] == "open"  # as of 2025-03-01, due on the fourth


def test_flows_count_what_followed_what(worked):
    flows = {(row["source"], row["target"]): row["n"] for row in rows(worked, "flows", order="source")}
    assert flows["order_placed", "parcel"] == 2  # A1 and B1; on A2 the call came first
    assert flows["order_placed", "call"] == 1
    assert flows["call", "parcel"] == 1


def test_contributions_sum_to_eta_and_to_the_score(worked):
    scores = {(row["person_id"], row["level"]): row for row in rows(worked, "scores")}
    eta, points = dict.fromkeys(scores, 0.0), dict.fromkeys(scores, 0.0)
    for row in rows(worked, "contributions"):
        eta[row["person_id"], row["level"]] += row["eta"]
        points[row["person_id"], row["level"]] += row["points"]
    assert len(scores) == 6
    for key, row in scores.items():
        assert eta[key] == pytest.approx(row["eta"], abs=1e-9)
        assert points[key] == pytest.approx(row["score"], abs=1e-9)
        assert row["low"] <= row["score"] <= row["high"]


def test_nothing_is_foreseen_from_what_came_later(worked):
    foreseen = {row["feedback_id"]: row for row in rows(worked, "predictions")}
    assert set(foreseen) == {"1:review", "3:review", "4:review"}  # Z9 belongs to nobody
    for row in foreseen.values():
        assert row["fitted_until"] is None or row["fitted_until"] < row["at"]
        assert row["p_detractor"] + row["p_passive"] + row["p_promoter"] == pytest.approx(1.0)


def test_a_contact_costs_what_its_channel_costs(worked):
    costs = rows(worked, "cost_to_serve", order="person_id")
    assert [(row["cause"], row["channel"], row["n"], row["cost_minor"]) for row in costs] == [
        ("contact", "phone", 1, 400)
    ]


def test_the_time_of_knowing_is_the_last_interaction(worked):
    assert worked[2].as_of == dt.datetime(2025, 3, 1, 8, 0, tzinfo=dt.UTC)


def test_loading_again_changes_nothing(worked):
    shop = worked[0]
    shutil.copy(shop.root / "orders.csv", shop.root / "renamed.csv")
    again = pipeline.bring_in(shop, [str(shop.root / "renamed.csv")], mapping=shop.maps / "orders.map.yaml", now=NOW)
    assert again[0].n_interactions == 0
    (shop.root / "piece.csv").write_text("".join(ORDERS.splitlines(keepends=True)[:3]), encoding="utf-8")
    piece = pipeline.bring_in(shop, [str(shop.root / "piece.csv")], mapping=shop.maps / "orders.map.yaml", now=NOW)
    assert (piece[0].n_interactions, piece[0].n_known) == (0, 4)


def test_as_of_an_earlier_day_nothing_later_is_seen(shop):
    load(shop)
    engine = connect("duckdb", memory=2**30)
    as_of = pipeline.moment("2025-02-07", "Europe/Berlin")
    published = pipeline.run(shop, engine, pipeline.Order(now=NOW, as_of=as_of))
    touches = engine.rows(published.table("touches", engine)).to_pylist()
    promise = {row["object_id"]: row for row in engine.rows(published.table("promises", engine)).to_pylist()}
    engine.close()
    assert max(row["at"] for row in touches) <= as_of
    assert (promise["A2"]["outcome"], promise["A2"]["late_days"]) == ("overdue", 1)
    assert "C1" not in promise


def test_strict_loads_nothing_where_a_row_does_not_fit(shop):
    done = pipeline.bring_in(
        shop, [str(shop.root / "voice.csv")], mapping=shop.maps / "voice.map.yaml", now=NOW, strict=True
    )
    assert done[0].refused
    engine = connect("duckdb", memory=2**30)
    with pytest.raises(WorkspaceError, match="nothing in the ledger"):
        pipeline.run(shop, engine, pipeline.Order(now=NOW))
    engine.close()


def test_a_run_that_fails_leaves_the_one_before(shop, monkeypatch):
    load(shop)
    engine = connect("duckdb", memory=2**30)
    before = pipeline.run(shop, engine, pipeline.Order(now=NOW))
    from regard import value

    monkeypatch.setattr(value, "estimate", lambda *a, **k: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        pipeline.run(shop, engine, pipeline.Order(now=NOW))
    engine.close()
    assert Published.current(shop).run == before.run
    assert [path.name for path in shop.derived.iterdir()] == [before.run]


def test_the_story_of_one_person_is_found_by_any_handle(worked):
    shop = worked[0]
    by_mail = pipeline.story(shop, "ADA@example.org", level="transaction")
    by_order = pipeline.story(shop, "customer:K1", level="transaction")
    assert by_mail.person_id == by_order.person_id
    assert len(by_mail.touches) == 7
    assert any("3 days late" in sentence.text for sentence in by_mail.sentences)
    with pytest.raises(TableError, match="kind:value"):
        pipeline.story(shop, "nobody@example.org")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1997-09-30", "1997-09-30T21:59:59.999999+00:00"),
        ("2025-01-01T12:00", "2025-01-01T11:00:00+00:00"),
        ("2025-01-01T12:00+03:00", "2025-01-01T09:00:00+00:00"),
    ],
)
def test_moments_as_people_write_them(text, expected):
    assert pipeline.moment(text, "Europe/Berlin").isoformat() == expected


def test_what_is_no_moment_is_refused():
    with pytest.raises(SettingError, match="1997-09-30"):
        pipeline.moment("last week", "UTC")
