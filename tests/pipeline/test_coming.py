"""What has come in is on its person's story before any table has it, and on nobody else's."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from tests.pipeline.stream import NOW, bring, event

from regard import pipeline
from regard.blueprint import read as read_blueprint
from regard.engine import Engine, Published
from regard.errors import TableError
from regard.ledger import Ledger
from regard.pipeline import coming as room
from regard.workspace import Workspace


@pytest.fixture
def shop(year: Workspace, tmp_path: Path) -> Workspace:
    shutil.copytree(year.root, tmp_path / "shop")
    return Workspace(tmp_path / "shop")


def new_of(shop: Workspace, handle: str) -> list[str]:
    return [str(row["interaction_id"]) for row in pipeline.story(shop, handle).coming]


def test_what_came_is_there_by_handle_by_order_and_by_what_came_with_it(shop: Workspace, engine: Engine) -> None:
    bring(shop, [
        event("x1", "purchase", 300, ("email", "P3@X.org "), order="new", amount_minor=900),
        event("x2", "delivered", 303, order="new"),
        event("x3", "delivered", 304, order="o3-0"),
        event("x4", "visit", 305, ("email", "p3@x.org"), ("cookie", "hers")),
        event("x5", "visit", 306, ("cookie", "hers")),
        event("x6", "visit", 307, ("cookie", "not hers")),
        event("x7", "call", 308, ("email", "p4@x.org")),
    ], engine)  # fmt: skip
    assert new_of(shop, "p3@x.org") == ["x1", "x2", "x3", "x4", "x5"]
    assert new_of(shop, "p4@x.org") == ["x7"]
    first = pipeline.story(shop, "p3@x.org").coming[0]
    assert (first["touchpoint"], first["function"]) == ("order_placed", "logistics")


def test_a_refresh_takes_it_over_once(shop: Workspace, engine: Engine) -> None:
    bring(shop, [event("x1", "call", 300, ("email", "p3@x.org"))], engine)
    before = pipeline.story(shop, "p3@x.org")
    pipeline.refresh(shop, engine, now=NOW)
    after = pipeline.story(shop, "p3@x.org")
    assert [row["interaction_id"] for row in before.coming] == ["x1"]
    assert list(after.coming) == []
    assert [row["interaction_id"] for row in after.touches].count("x1") == 1
    Ledger.open(shop).compact(engine, now=NOW)  # old rows lie in new files
    assert new_of(shop, "p3@x.org") == []


def test_somebody_new_is_found_by_what_they_came_with(shop: Workspace, engine: Engine) -> None:
    bring(shop, [
        event("x1", "call", 300, ("email", "new@x.org"), ("cookie", "w-new")),
        event("x2", "visit", 301, ("cookie", "w-new")),
    ], engine)  # fmt: skip
    for handle in ("new@x.org", "email:new@x.org", "NEW@x.org"):
        assert new_of(shop, handle) == ["x1", "x2"]
    with pytest.raises(TableError, match="Nobody here has"):
        pipeline.story(shop, "newer@x.org")


def test_a_handle_that_speaks_for_nobody_brings_nobody_elses(shop: Workspace, engine: Engine) -> None:
    bring(shop, [event(f"s{n}", "call", 300 + n, ("phone", "777"), ("email", f"s{n}@x.org")) for n in range(5)], engine)
    pipeline.refresh(shop, engine, now=NOW)  # five share the telephone: it is refused
    bring(shop, [
        event("x1", "call", 310, ("phone", "777"), ("email", "s1@x.org")),
        event("x2", "call", 311, ("phone", "777"), ("email", "s2@x.org")),
        event("x3", "call", 312, ("phone", "0001"), ("email", "s3@x.org")),
        event("x4", "call", 313, ("phone", "0001"), ("email", "s4@x.org")),
    ], engine)  # fmt: skip
    assert [new_of(shop, f"s{n}@x.org") for n in range(1, 5)] == [["x1"], ["x2"], ["x3"], ["x4"]]


def test_a_handle_of_several_or_of_nobody_names_no_newcomer(shop: Workspace, engine: Engine) -> None:
    bring(shop, [event(f"s{n}", "call", 300 + n, ("phone", "777"), ("email", f"s{n}@x.org")) for n in range(5)], engine)
    bring(shop, [
        event("a1", "visit", 300, ("cookie", "same"), ("email", "one@x.org")),
        event("a2", "visit", 301, ("customer", "same"), ("email", "two@x.org")),
    ], engine)  # fmt: skip
    pipeline.refresh(shop, engine, now=NOW)
    bring(shop, [
        event("x1", "call", 310, ("phone", "777")),
        event("x2", "call", 311, ("cookie", "same")),
    ], engine)  # fmt: skip
    with pytest.raises(TableError):
        pipeline.story(shop, "phone:777")  # five people's telephone: it is nobody's
    with pytest.raises(TableError, match="2 people"):
        pipeline.story(shop, "same")
    assert new_of(shop, "one@x.org") == ["x2"]


def test_files_that_are_joined_meanwhile_are_told_of_once(shop: Workspace, engine: Engine) -> None:
    found, published, means = room.Coming(shop), Published.current(shop), read_blueprint(shop.blueprint)

    def hers() -> list[object]:
        return [row["interaction_id"] for row in found.of(published, means, [("email", "p3@x.org")], speaks=bool)]

    names = [f"x{n:02}" for n in range(14)]
    for name in names:
        bring(shop, [event(name, "call", 300, ("email", "p3@x.org"))], engine)
    assert hers() == names  # fourteen files, read together
    assert Ledger.open(shop).gather(engine, now=NOW) == 12  # the year's file, and eleven of these
    assert [name for name in hers() if name in names] == names


def test_news_are_read_once_and_too_many_not_at_all(
    shop: Workspace, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    bring(shop, [event("x1", "call", 300, ("email", "p3@x.org"))], engine)
    read: list[int] = []
    batch = room._batch
    monkeypatch.setattr(room, "_batch", lambda files, blueprint: read.append(len(files)) or batch(files, blueprint))
    found, published = room.Coming(shop), Published.current(shop)
    means = read_blueprint(shop.blueprint)

    def hers() -> list[object]:
        return [row["interaction_id"] for row in found.of(published, means, [("email", "p3@x.org")], speaks=bool)]

    read.clear()
    assert hers() == hers() == ["x1"]
    bring(shop, [event("x2", "call", 301, ("email", "p3@x.org"))], engine)
    assert hers() == ["x1", "x2"]
    assert read == [1, 1]
    monkeypatch.setattr(room, "MOST_ROWS", 2)
    bring(shop, [event("x3", "call", 302, ("email", "p3@x.org"))], engine)
    assert hers() == []
