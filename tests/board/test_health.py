"""Data health, measured on rows typed by hand."""

from __future__ import annotations

import datetime as dt

from regard.blueprint import Blueprint, Function, Rule, Stage, Touchpoint
from regard.board import health

AS_OF = dt.datetime(2026, 3, 1, tzinfo=dt.UTC)
DAY = dt.timedelta(days=1)
BLUEPRINT = Blueprint(
    "Test",
    stages=(Stage("purchase", "Purchase"), Stage("use", "Use"), Stage("advocacy", "Advocacy")),
    functions=(Function("shop", "Shop", "Ada"), Function("service", "Service")),
    touchpoints=(
        Touchpoint("call", "Call", "use", Rule("event", ("call",)), function="service"),
        Touchpoint("order", "Order", "purchase", Rule("event", ("order",)), channel="web", function="shop"),
        Touchpoint("advert", "Advert", "purchase", None, function="marketing"),
    ),
    freshness={"shop": 2 * 86_400.0, "desk": 86_400.0, "crm": 3_600.0},
)


def row(source: str, event: str, touchpoint: str | None, n: int, days: float, nobody: int = 0) -> dict[str, object]:
    function = {"call": "service", "order": "shop"}.get(str(touchpoint))
    times = {"first_at": AS_OF - 300 * DAY, "last_at": AS_OF - days * DAY}
    return {
        "source": source,
        "event": event,
        "touchpoint": touchpoint,
        "channel": "web" if touchpoint else None,
        "function": function,
        "n": n,
        "n_nobody": nobody,
        **times,
    }


ROWS = [
    row("shop", "order", "order", 70, 1),
    row("shop", "look", None, 30, 3, nobody=6),
    row("desk", "note", None, 5, 1.5),
    row("web", "look", None, 9, 40),
]


def test_a_source_is_stale_when_its_newest_row_is_older_than_the_blueprint_allows() -> None:
    found = {one.source: one for one in health.sources(ROWS, BLUEPRINT, AS_OF)}
    assert {name: one.freshness for name, one in found.items()} == {"shop": "fresh", "desk": "stale", "web": "unstated"}
    shop = found["shop"]
    assert (shop.n, shop.events, shop.n_unrecognised, shop.n_nobody) == (100, 2, 30, 6)
    assert shop.age_s == 86_400.0
    assert next(iter(health.sources(ROWS, BLUEPRINT, AS_OF))).source == "desk"


def test_a_source_that_never_came_is_named() -> None:
    assert health.silent(ROWS, BLUEPRINT) == ["crm"]


def test_coverage_counts_functions_whose_touchpoints_are_heard() -> None:
    found = {one.id: one for one in health.coverage(ROWS, BLUEPRINT)}
    assert {name: (one.n, one.heard, one.touchpoints) for name, one in found.items()} == {
        "shop": (70, 1, 1),
        "service": (0, 0, 1),
        "marketing": (0, 0, 1),
    }
    assert found["shop"].owner == "Ada"
    assert found["service"].last_at is None


def test_the_inventory_says_what_is_heard_silent_and_unrecorded_and_what_is_left_unsaid() -> None:
    found = health.inventory(ROWS, BLUEPRINT)
    assert [(one.touchpoint.id, one.state, one.n) for one in found] == [
        ("order", "heard", 70),
        ("advert", "unrecorded", 0),
        ("call", "silent", 0),
    ]
    assert found[0].missing == ("mechanism", "owner")
    assert found[0].channels == ("web",), "the ledger knows it, whether or not the blueprint does"
    assert found[1].missing == ("channel", "mechanism", "owner")
    assert health.empty_stages(BLUEPRINT) == ["Advocacy"]


def test_what_nothing_recognises_comes_the_most_frequent_first() -> None:
    assert [(one["source"], one["event"]) for one in health.unrecognised(ROWS)] == [
        ("shop", "look"),
        ("web", "look"),
        ("desk", "note"),
    ]
