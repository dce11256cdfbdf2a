"""A refresh gives what working everything out from nothing gives, on the same fits."""

from __future__ import annotations

import datetime as dt
import shutil
from pathlib import Path

import pytest
from tests.pipeline.stream import NOW, START, bring, event, hold, note

from regard import pipeline
from regard.engine import Engine, Published
from regard.errors import WorkspaceError
from regard.ledger import Ledger
from regard.workspace import Workspace


@pytest.fixture
def shop(year: Workspace, tmp_path: Path) -> Workspace:
    shutil.copytree(year.root, tmp_path / "shop")
    return Workspace(tmp_path / "shop")


def test_new_facts_of_a_few_change_their_rows_only(shop: Workspace, engine: Engine, tmp_path: Path) -> None:
    before = Published.current(shop)
    bring(shop, [
        event("x1", "purchase", 300, ("email", "p3@x.org"), order="new", amount_minor=900,
              properties=[("due", "2025-11-01T00:00:00Z")]),
        event("x2", "delivered", 303, order="new"),
        event("x3", "call", 304, ("customer", "K7")),
        event("x4", "call", 304.5, ("customer", "K8"), ("email", "p8@x.org")),
        event("x5", "nps", 305, ("email", "p9@x.org"), rating=9.0),
        event("x6", "visit", 306, ("cookie", "nobody yet")),
        event("x7", "visit", 306.5),
    ], engine)  # fmt: skip
    done = pipeline.refresh(shop, engine, now=NOW)
    assert done.whole is None
    assert done.n_new == 7
    assert done.published.run == before.run
    assert len(done.published.updates) == 1
    hold(shop, engine, tmp_path / "beside")
    assert pipeline.refresh(shop, engine, now=NOW).line() == "Nothing is new."


def test_a_row_with_two_peoples_handles_makes_them_one_and_a_split_makes_them_two(
    shop: Workspace, engine: Engine, tmp_path: Path
) -> None:
    bring(shop, [event("m1", "call", 301, ("email", "P1@x.org "), ("customer", "K2"))], engine)
    assert pipeline.refresh(shop, engine, now=NOW).whole is None
    hold(shop, engine, tmp_path / "beside")
    decided = {"by": "ada", "reason": "", "now": NOW}
    pipeline.decide(shop, "split", "email:p1@x.org", "customer:K2", **decided)
    bring(shop, [event("m2", "visit", 302, ("cookie", "w5"))], engine)
    done = pipeline.refresh(shop, engine, now=NOW)
    assert (done.whole, done.n_new) == (None, 1)
    hold(shop, engine, tmp_path / "beside")
    pipeline.decide(shop, "undo", "email:p1@x.org", "customer:K2", **decided)
    pipeline.decide(shop, "merge", "email:p4@x.org", "cookie:w4", **decided)
    assert pipeline.refresh(shop, engine, now=NOW).whole is None
    hold(shop, engine, tmp_path / "beside")


def test_late_corrected_and_retracted_facts_find_their_place(shop: Workspace, engine: Engine, tmp_path: Path) -> None:
    bring(shop, [
        event("o5-0:late", "call", 16, ("customer", "K5"), ("email", "p5@x.org")),
        event("o5-0:r2", "review", 23, ("email", "p5@x.org"), order="o5-0", rating=1.0, corrects="o5-0:r"),
        event("back1", "retraction", 310, retracts="o6-0:d"),
        event("back2", "retraction", 310, retracts="v7"),
        event("stray", "delivered", 311, order="o9-1"),
    ], engine)  # fmt: skip
    done = pipeline.refresh(shop, engine, now=NOW)
    assert done.whole is None
    assert done.n_gone == 3
    hold(shop, engine, tmp_path / "beside")
    Ledger.open(shop).compact(engine, now=NOW)
    bring(shop, [event("back3", "retraction", 312, retracts="back1")], engine)
    done = pipeline.refresh(shop, engine, now=NOW)
    assert (done.n_new, done.whole) == (1, None)
    hold(shop, engine, tmp_path / "beside")


def test_an_object_that_was_nobodys_finds_its_owner(shop: Workspace, engine: Engine, tmp_path: Path) -> None:
    bring(shop, [event("e1", "delivered", 300, order="lost"), event("e2", "delivered", 301, order="lost2")], engine)
    pipeline.refresh(shop, engine, now=NOW)
    bring(shop, [
        event("e3", "purchase", 299, ("email", "p11@x.org"), order="lost",
              properties=[("due", "2025-10-30T00:00:00Z")]),
        event("e4", "call", 302, ("email", "new@x.org"), order="o12-0"),
    ], engine)  # fmt: skip
    done = pipeline.refresh(shop, engine, now=NOW)
    assert done.whole is None
    hold(shop, engine, tmp_path / "beside")


def test_handles_that_guards_refuse_are_counted_on(shop: Workspace, engine: Engine, tmp_path: Path) -> None:
    bring(shop, [
        event("g1", "call", 300, ("customer", "K0"), ("phone", "493010")),
        event("g2", "call", 301, ("customer", "K1"), ("phone", "493010"), ("postcode", "10115")),
        event("g3", "call", 302, ("phone", "0001"), ("postcode", "10115")),
    ], engine)  # fmt: skip
    assert pipeline.refresh(shop, engine, now=NOW).whole is None
    hold(shop, engine, tmp_path / "beside")
    bring(shop, [
        event("g4", "call", 303, ("customer", "K2"), ("phone", "493010"), ("postcode", "10115")),
        event("g5", "call", 304, ("customer", "K3"), ("phone", "493010"), ("postcode", "10117")),
        event("g6", "call", 304, ("customer", "K4"), ("phone", "493010"), ("postcode", "10117")),
    ], engine)  # fmt: skip
    pipeline.refresh(shop, engine, now=NOW)
    hold(shop, engine, tmp_path / "beside")
    bring(
        shop,
        [event("back", "retraction", 312, retracts="g5"), event("back2", "retraction", 312, retracts="g4")],
        engine,
    )
    pipeline.refresh(shop, engine, now=NOW)
    hold(shop, engine, tmp_path / "beside")


def test_another_blueprint_is_another_past(shop: Workspace, engine: Engine) -> None:
    shop.blueprint.write_text(shop.blueprint.read_text() + "\n# read again\n")
    with pytest.raises(WorkspaceError, match="blueprint has changed"):
        pipeline.refresh(shop, engine, now=NOW)


def test_memberships_reach_those_they_are_about(shop: Workspace, engine: Engine, tmp_path: Path) -> None:
    span = {"account": "ACME", "parent": None, "role": "buyer", "to_at": None, "source": "crm"}
    rows = [span | {"kind": "email", "handle": f"P{who}@x.org", "from_at": START} for who in (2, 5)]
    note(shop, "memberships", rows, engine)
    assert pipeline.refresh(shop, engine, now=NOW).whole is None
    hold(shop, engine, tmp_path / "beside")
    note(shop, "memberships", [rows[0] | {"to_at": START + dt.timedelta(days=10)}], engine)
    bring(shop, [event("b1", "call", 320, ("email", "p7@x.org"), account="ACME")], engine)
    assert pipeline.refresh(shop, engine, now=NOW).n_people == 2
    hold(shop, engine, tmp_path / "beside")


def test_promises_fall_due_without_news(shop: Workspace, engine: Engine, tmp_path: Path) -> None:
    due = [("due", "2026-03-05T00:00:00Z")]
    shop.blueprint.write_text(shop.blueprint.read_text() + "live: true\n")
    bring(shop, [event("d1", "purchase", 420, ("email", "p3@x.org"), order="open", properties=due)], engine)
    pipeline.run(shop, engine, pipeline.Order(now=NOW))
    later = NOW + dt.timedelta(days=6)
    done = pipeline.refresh(shop, engine, now=later)
    assert (done.n_new, done.n_due, done.n_people) == (0, 1, 1)
    hold(shop, engine, tmp_path / "beside")
    bring(shop, [event("d2", "delivered", 431, order="open"), event("d3", "call", 500, ("customer", "K3"))], engine)
    assert pipeline.refresh(shop, engine, now=later + dt.timedelta(days=2)).n_new == 1  # the call is still to come
    hold(shop, engine, tmp_path / "beside")
    assert pipeline.refresh(shop, engine, now=later + dt.timedelta(days=100)).n_new == 1
    hold(shop, engine, tmp_path / "beside")
