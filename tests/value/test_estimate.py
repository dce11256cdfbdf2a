"""The verb on small tables typed by hand, and on CDNOW as a firm would have it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import ibis.expr.types as ir
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from regard import value
from regard.blueprint import Blueprint, Rule, ValueSettings
from regard.engine import Engine, schema
from regard.tables import table

Make = Callable[[str, list[dict[str, object]]], ir.Table]
END = dt.datetime(2025, 12, 31, 23, tzinfo=dt.UTC)
YEAR_S = 365 * 86_400.0


def touch(person: str, event: str, day: str, **said: object) -> dict[str, object]:
    return {"person_id": person, "event": event, "day": day, "currency": "EUR", "direction": "customer", **said}


def run(
    rows: Make, engine: Engine, blueprint: Blueprint, touches: list[dict[str, object]], lapses: object = ()
) -> dict[str, list[dict[str, object]]]:
    made = value.estimate(
        rows("touches", touches),
        rows("lapses", list(lapses)),  # type: ignore[call-overload]
        rows("rates", []),
        blueprint,
        engine,
        as_of=END,
        horizon_s=YEAR_S,
    )
    found = {}
    for name, expression in made.tables.items():
        assert expression.schema() == schema(name)
        found[name] = engine.rows(expression.order_by(list(table(name).key))).to_pylist()
    return found


def test_an_order_in_two_rows_is_one_purchase(rows: Make, engine: Engine, shop: Blueprint) -> None:
    about = {"object_type": "order", "object_id": "o1", "objects": [("order", "o1")]}
    other = {"object_type": "case", "object_id": "c9", "objects": [("case", "c9"), ("order", "o2")]}
    found = run(
        rows,
        engine,
        shop,
        [
            touch("ann", "purchase", "03-01", amount_minor=1000, **about),
            touch("ann", "purchase", "03-02", amount_minor=250, **about),
            touch("ann", "purchase", "05-01", amount_minor=700, **other),
            touch("ann", "purchase", "06-01", amount_minor=300, interaction_id="loose"),
            touch("ann", "purchase", "07-01", amount_minor=-300),
            touch("bob", "visit", "03-01"),
        ],
    )
    assert [(row["purchase_id"], row["amount_minor"], row["on"]) for row in found["purchases"]] == [
        ("loose", 300, dt.date(2025, 6, 1)),
        ("o1", 1250, dt.date(2025, 3, 1)),
        ("o2", 700, dt.date(2025, 5, 1)),
    ]
    ann, bob = found["value"]
    assert (ann["n_purchases"], ann["spent_minor"], ann["mean_purchase_minor"]) == (3, 2250, 500.0)
    assert (ann["recency_s"], ann["tenure_s"]) == (92 * 86_400.0, 305 * 86_400.0)
    assert (bob["n_purchases"], bob["p_alive"], bob["expected_value_minor"]) == (0, None, None)


def test_goods_that_came_back_lower_the_purchase_and_a_refund_alone_is_a_cost(
    rows: Make, engine: Engine, shop: Blueprint
) -> None:
    def about(order: str) -> dict[str, object]:
        return {"object_type": "order", "object_id": order, "objects": [("order", order)]}

    found = run(
        rows,
        engine,
        shop,
        [
            touch("ann", "purchase", "03-01", amount_minor=1000, **about("o1")),
            touch("ann", "return", "03-05", **about("o1")),
            touch("ann", "refund", "03-06", amount_minor=-400, **about("o1")),
            touch("ann", "purchase", "04-01", amount_minor=900, **about("o2")),
            touch("ann", "refund", "04-03", amount_minor=-150, **about("o2")),
            touch("ann", "return", "05-01", amount_minor=-200),
            touch("ann", "return", "01-01", amount_minor=-50, cost_minor=100),
        ],
    )
    assert [(row["purchase_id"], row["returned_minor"]) for row in found["purchases"]] == [("o1", 450), ("o2", 200)]
    costs = {(row["cause"], row["ours"]): (row["n"], row["cost_minor"]) for row in found["cost_to_serve"]}
    assert costs == {("refund", False): (1, 150), ("return", False): (3, 600 + 600 + 100)}
    (ann,) = found["value"]
    assert (ann["spent_minor"], ann["cost_to_serve_minor"]) == (1900 - 650, 1450)


def test_contacts_cost_what_their_channel_costs_and_are_ours_after_a_lapse(
    rows: Make, engine: Engine, shop: Blueprint
) -> None:
    late = {"channel": "web", "objects": [("order", "o1")], "interaction_id": "late"}
    found = run(
        rows,
        engine,
        shop,
        [
            touch("ann", "call", "02-20", channel="phone", duration_s=90.0),  # before anything went wrong
            touch("ann", "delivered", "03-01", **late),
            touch("ann", "call", "03-10", channel="phone", duration_s=60.0),  # within the window
            touch("ann", "call", "09-10", channel="phone", objects=[("case", "c"), ("order", "o1")]),  # the same order
            touch("ann", "call", "09-11", channel="phone", cost_minor=1234),  # another matter, its own cost
            touch("ann", "answer", "09-12", channel="phone", rating=1.0),  # an answer is no contact
            touch("ann", "letter", "09-13", channel="phone", direction="us"),  # nor what we sent without work
            touch("ann", "call", "09-14", channel="web"),
        ],
        [{"person_id": "ann", "interaction_id": "late", "day": "03-01", "kind": "broken promise"}],
    )
    costs = {(row["channel"], row["ours"]): (row["n"], row["cost_minor"]) for row in found["cost_to_serve"]}
    assert costs == {("phone", False): (2, 450 + 120 + 1234), ("phone", True): (2, 450 + 80 + 450)}


def test_only_twelve_months_of_service_count(rows: Make, engine: Engine, shop: Blueprint) -> None:
    old = {"person_id": "ann", "event": "call", "channel": "phone", "direction": "customer"}
    old |= {"at": dt.datetime(2024, 12, 31, 22, tzinfo=dt.UTC), "on": dt.date(2024, 12, 31)}
    found = run(rows, engine, shop, [old, touch("ann", "call", "01-02", channel="phone")])
    assert [row["n"] for row in found["cost_to_serve"]] == [1]


def test_without_a_repeat_the_models_say_so_and_the_table_stands(rows: Make, engine: Engine, shop: Blueprint) -> None:
    found = run(
        rows,
        engine,
        shop,
        [touch("ann", "purchase", "03-01", amount_minor=1000), touch("bob", "purchase", "04-01", amount_minor=3000)],
    )
    assert {row["status"] for row in found["models"]} == {"not identified"}
    assert {row["parameter"] for row in found["models"]} == {"r", "alpha", "a", "b", "p", "q", "v"}
    for row in found["value"]:
        assert row["p_alive"] is None
        assert row["expected_value_minor"] is None
        assert row["expected_spend_minor"] == 2000.0
    assert {row["person_id"]: row["quadrant"] for row in found["value"]} == {"ann": "cherish", "bob": "cherish"}


def test_too_few_repeats_to_tell_who_left_leave_it_open_and_rank_by_what_was_spent(
    rows: Make, engine: Engine, shop: Blueprint
) -> None:
    """Two hundred people, of whom two bought again: the likeliest drop-out is of no worth."""
    bought = [touch(f"p{n:03}", "purchase", f"0{n % 9 + 1}-15", amount_minor=100 * (n + 1)) for n in range(200)]
    bought += [touch(f"p{n:03}", "purchase", f"12-0{n + 1}", amount_minor=100) for n in (0, 5)]
    found = run(rows, engine, shop, bought)
    status = {row["parameter"]: row for row in found["models"] if row["model"] == "bg_nbd"}
    assert "not identified" in {status["a"]["status"], status["b"]["status"]}
    assert "p_alive" in str(status["a"]["says"])
    for row in found["value"]:
        assert (row["p_alive"], row["expected_purchases"], row["expected_value_minor"]) == (None, None, None)
    worth = {str(row["person_id"]): row["quadrant"] for row in found["value"]}
    assert (worth["p199"], worth["p010"]) == ("cherish", "keep")


def test_a_workspace_without_purchases_or_service_has_its_tables(rows: Make, engine: Engine) -> None:
    found = run(rows, engine, Blueprint(name="Log"), [touch("ann", "start", "03-01"), touch("ann", "end", "03-02")])
    assert [row["person_id"] for row in found["value"]] == ["ann"]
    assert found["purchases"] == found["cost_to_serve"] == []


def year_of_trade(people: int = 400) -> list[dict[str, object]]:
    rng = np.random.default_rng(7)
    said = []
    for number in range(people):
        for _ in range(1 + rng.poisson(rng.gamma(1.0, 3.0))):
            day = dt.date(2025, 1, 1) + dt.timedelta(days=int(rng.integers(0, 364)))
            said.append(
                touch(f"p{number}", "purchase", f"{day:%m-%d}", amount_minor=int(rng.gamma(3.0, 800.0)) + 1)
                | {"interaction_id": f"b{len(said)}"}
            )
    calls = [("p1", 30), ("p2", 30), ("p3", 30)]
    for person, n in calls:
        for number in range(n):
            kind = "vulnerable" if person == "p2" else None
            said.append(
                touch(person, "call", "06-15", channel="phone", duration_s=600.0, kind=kind)
                | {"interaction_id": f"c{person}{number}"}
            )
    return said


def test_what_is_our_own_failure_and_who_is_vulnerable_disrupt_nobody(
    rows: Make, engine: Engine, shop: Blueprint
) -> None:
    lapse = {"person_id": "p3", "interaction_id": "b0", "day": "06-10", "kind": "broken promise"}
    found = run(rows, engine, shop, year_of_trade(), [lapse])
    by_person = {row["person_id"]: row for row in found["value"]}
    difficult, vulnerable, ours = (by_person[name] for name in ("p1", "p2", "p3"))
    assert difficult["cost_to_serve_minor"] == vulnerable["cost_to_serve_minor"] == ours["cost_to_serve_minor"]
    assert difficult["cost_to_serve_minor"] == 30 * (450 + 800)
    assert difficult["quadrant"] in {"mend", "rethink"}
    assert difficult["disruption_minor"] > 30_000  # type: ignore[operator]
    assert (vulnerable["disruption_minor"], ours["disruption_minor"]) == (0, 0)
    assert {vulnerable["quadrant"], ours["quadrant"]} <= {"cherish", "keep"}
    assert sum(row["cost_minor"] for row in found["cost_to_serve"]) == sum(  # type: ignore[misc]
        row["cost_to_serve_minor"]
        for row in found["value"]  # type: ignore[misc]
    )


def test_the_order_of_rows_changes_nothing(rows: Make, engine: Engine, shop: Blueprint) -> None:
    said = year_of_trade(60)
    shuffled = [said[place] for place in np.random.default_rng(5).permutation(len(said))]
    assert run(rows, engine, shop, said) == run(rows, engine, shop, shuffled)


def cdnow(folder: Path) -> pa.Table:
    lines = [line.split() for line in (folder / "cdnow/CDNOW_sample.txt").read_text().splitlines()]
    people, days = [line[0] for line in lines], [dt.datetime.strptime(line[2], "%Y%m%d") for line in lines]  # noqa: DTZ007
    columns: dict[str, pa.Array] = {
        "person_id": pa.array(people),
        "interaction_id": pa.array([str(number) for number in range(len(lines))]),
        "source": pa.array(["cdnow"] * len(lines)),
        "at": pa.array(days, pa.timestamp("us")).cast(pa.timestamp("us", "UTC")),
        "on": pa.array([day.date() for day in days]),
        "event": pa.array(["purchase"] * len(lines)),
        "amount_minor": pa.array([round(float(line[4]) * 100) for line in lines]),
        "currency": pa.array(["USD"] * len(lines)),
    }
    shape = schema("touches").to_pyarrow()
    return pa.table(
        [columns.get(field.name, pa.nulls(len(lines), field.type)).cast(field.type) for field in shape], schema=shape
    )


def test_cdnow_holds_out_as_published(data: Path, rows: Make, engine: Engine) -> None:
    """Fader, Hardie and Lee (2005): 1,882 purchases in the hold-out, 1,653 expected, correlation .626."""
    touches = cdnow(data)
    blueprint = Blueprint(name="CDNOW", currency="USD", value=ValueSettings(purchase=Rule("event", ("purchase",))))
    end = dt.datetime(1997, 9, 30, 23, 59, 59, tzinfo=dt.UTC)
    made = value.estimate(
        engine.table(touches), rows("lapses", []), rows("rates", []), blueprint, engine,
        as_of=end, horizon_s=39 * 7 * 86_400.0,
    )  # fmt: skip
    known = {(row["model"], row["parameter"]): row for row in engine.rows(made.tables["models"]).to_pylist()}
    published = {"r": 0.2426, "alpha": 4.4136, "a": 0.7929, "b": 2.4259}
    assert {name: known["bg_nbd", name]["value"] for name in published} == pytest.approx(published, abs=5e-5)
    assert known["bg_nbd", "log_likelihood"]["value"] == pytest.approx(-9582.43, abs=0.005)
    spending = {"p": 6.25, "q": 3.74, "v": 15.44}
    assert {name: known["gamma_gamma", name]["value"] for name in spending} == pytest.approx(spending, abs=0.006)

    later = touches.filter(
        pc.and_(pc.greater(touches["on"], dt.date(1997, 9, 30)), pc.less_equal(touches["on"], dt.date(1998, 6, 30)))
    )
    bought = later.group_by(["person_id", "on"]).aggregate([]).group_by("person_id").aggregate([("on", "count")])
    actual = dict(zip(bought["person_id"].to_pylist(), bought["on_count"].to_pylist(), strict=True))
    assert sum(actual.values()) == 1882
    people = engine.rows(made.tables["value"]).to_pylist()
    expected = np.array([row["expected_purchases"] for row in people])
    assert len(people) == 2357
    assert expected.sum() == pytest.approx(1653, rel=0.01)
    assert np.corrcoef(expected, [actual.get(row["person_id"], 0) for row in people])[0, 1] == pytest.approx(
        0.626, abs=5e-4
    )
    assert all(0 < row["p_alive"] <= 1 for row in people)


def test_what_comes_after_as_of_is_not_known(rows: Make, engine: Engine, shop: Blueprint) -> None:
    said = year_of_trade(60)
    early = [row for row in said if str(row["day"]) <= "06-30"]
    as_of = dt.datetime(2025, 6, 30, 23, tzinfo=dt.UTC)
    nothing = rows("lapses", []), rows("rates", [])
    results = [
        value.estimate(rows("touches", some), *nothing, shop, engine, as_of=as_of, horizon_s=YEAR_S).tables["value"]
        for some in (said, early)
    ]
    all_known, only_early = (engine.rows(result.order_by("person_id")).to_pylist() for result in results)
    assert all_known == only_early


def test_a_day_is_the_workspace_s_day(rows: Make, engine: Engine, shop: Blueprint) -> None:
    """The same moment is another day in Tokyo: tenure is counted in days of the blueprint's zone."""
    said = [touch("ann", "purchase", "12-01", amount_minor=1)]
    in_tokyo = run(rows, engine, replace(shop, zone="Asia/Tokyo"), said)["value"][0]
    in_utc = run(rows, engine, shop, said)["value"][0]
    assert in_tokyo["tenure_s"] - in_utc["tenure_s"] == 86_400.0  # type: ignore[operator]


def test_nobody_is_dropped(rows: Make, engine: Engine, shop: Blueprint) -> None:
    nameless = touch("", "visit", "01-01") | {"person_id": None}
    found = run(rows, engine, shop, [*year_of_trade(30), touch("zoe", "visit", "02-02"), nameless])
    assert len(found["value"]) == 31
