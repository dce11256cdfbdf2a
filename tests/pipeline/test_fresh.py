"""Tables follow the ledger by themselves."""

from __future__ import annotations

import datetime as dt
import json
import threading
from pathlib import Path

import pytest
from tests.pipeline.stream import NOW, bring, event, make, past

from regard import pipeline
from regard.engine import FORMAT, Engine, Published
from regard.ledger import Ledger
from regard.ledger.lock import held
from regard.pipeline import fresh
from regard.workspace import Workspace


def test_what_is_due_is_done_and_nothing_else(tmp_path: Path, engine: Engine) -> None:
    shop = make(tmp_path / "shop")
    at = [NOW]
    keeper = pipeline.Freshness(shop, clock=lambda: at[0], say=lambda line: None)
    assert keeper.turn() is None  # nothing has happened yet
    bring(shop, past(6), engine)
    assert keeper.turn() == "run"
    assert keeper.turn() is None
    bring(shop, [event("n1", "call", 300, ("email", "p1@x.org"))], engine)
    assert keeper.turn() == "refresh"
    assert len(Published.current(shop).updates) == 1
    assert keeper.turn() is None
    at[0] += dt.timedelta(days=2)
    assert keeper.turn() == "run"  # what was fitted is old
    at[0] += dt.timedelta(days=2)
    assert keeper.turn() is None  # and nothing has come since
    shop.blueprint.write_text(shop.blueprint.read_text() + "\n# another\n")
    assert keeper.turn() == "run"


def test_tables_of_an_older_regard_are_worked_out_again_and_those_of_a_newer_one_left(
    tmp_path: Path, engine: Engine
) -> None:
    shop = make(tmp_path / "shop")
    bring(shop, past(6), engine)
    pipeline.run(shop, engine, pipeline.Order(now=NOW))
    keeper = pipeline.Freshness(shop, clock=lambda: NOW, say=lambda line: None)
    for said, done in ((FORMAT + 1, None), (FORMAT - 1, "run"), (FORMAT, None)):
        pointer = json.loads(shop.pointer.read_text(encoding="utf-8"))
        shop.pointer.write_text(json.dumps({**pointer, "format": said}), encoding="utf-8")
        assert keeper.turn() == done


def test_a_run_that_was_asked_for_as_of_a_time_stays(tmp_path: Path, engine: Engine) -> None:
    shop = make(tmp_path / "shop")
    bring(shop, past(6), engine)
    pipeline.run(shop, engine, pipeline.Order(now=NOW, as_of=dt.datetime(2025, 3, 1, tzinfo=dt.UTC)))
    bring(shop, [event("n1", "call", 10, ("email", "p1@x.org"))], engine)
    assert pipeline.Freshness(shop, clock=lambda: NOW, say=lambda line: None).turn() is None


def test_one_process_keeps_the_tables_and_trouble_is_said_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("regard.pipeline.fresh.EVERY_S", 0.01)
    monkeypatch.setattr("regard.pipeline.fresh.TROUBLE_S", 0.01)
    shop, heard, stop = Workspace(tmp_path / "none"), list[str](), threading.Event()
    (tmp_path / "none" / ".regard" / "ledger").mkdir(parents=True)
    keeper = pipeline.Freshness(shop, clock=lambda: NOW, say=heard.append)
    shop.pointer.write_text("{")  # damaged, and there is nothing to run on
    turns = []
    monkeypatch.setattr(keeper, "turn", lambda: turns.append(1) or Published.current(shop))
    with held(shop.tables_lock, doing="keeping", wait_s=0):
        thread = threading.Thread(target=keeper.follow, args=(stop,), daemon=True)
        thread.start()
        thread.join(0.3)
        assert not turns  # another one keeps them
    while len(turns) < 3:
        thread.join(0.01)
    stop.set()
    thread.join(5)
    assert len(heard) == 1
    assert "damaged" in heard[0]


def test_sealing_that_is_behind_goes_first_but_not_for_ever(
    tmp_path: Path, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop = make(tmp_path / "shop")
    bring(shop, past(6), engine)
    keeper = pipeline.Freshness(shop, clock=lambda: NOW, say=lambda line: None)
    seconds = [1_000.0]
    monkeypatch.setattr(fresh.time, "monotonic", lambda: seconds[0])
    monkeypatch.setattr(Ledger, "waiting_bytes", fresh.BEHIND)
    assert keeper.turn() is None
    seconds[0] += fresh.PATIENCE_S - 1
    assert keeper.turn() is None
    seconds[0] += 1
    assert keeper.turn() == "run"
