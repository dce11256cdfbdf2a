"""Pages are worked out before somebody asks, again after each run, and a fault is left to whoever asks."""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from urllib.request import urlopen

import pytest
from fastapi import FastAPI

from regard.engine import Now
from regard.web import create_app, warming
from regard.workspace import Workspace

SERVING = Callable[[FastAPI], AbstractContextManager[str]]


def test_a_first_view_after_warming_asks_the_engine_nothing_dear(
    shop: Workspace, clock: dt.datetime, serving: SERVING, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = create_app(shop, clock=lambda: clock)
    warming.warm(app)
    asked: list[str] = []
    run = Now._run
    monkeypatch.setattr(Now, "_run", lambda self, sql, values: asked.append(sql) or run(self, sql, values))
    with serving(app) as address:
        for page in ("/", "/?level=transaction", "/journeys", "/people", "/promises", "/value", "/touchpoints"):
            with urlopen(address + page) as answer:
                assert answer.status == 200
    assert asked == []


def test_it_warms_once_a_run_and_stops_when_told(
    shop: Workspace, clock: dt.datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    warmed: list[FastAPI] = []
    monkeypatch.setattr(warming, "LOOK_S", 0.01)
    monkeypatch.setattr(warming, "warm", lambda app, done: warmed.append(app))
    runs = iter(["first", "first", "second"])
    warmer = warming.Warmer(create_app(shop, clock=lambda: clock))
    monkeypatch.setattr(warmer, "_run", lambda: next(runs, "second"))
    warmer.start()
    for _ in range(500):
        if len(warmed) == 2:
            break
        time.sleep(0.01)
    time.sleep(0.1)
    warmer.stop()
    warmer.join(5)
    assert not warmer.is_alive()
    assert len(warmed) == 2


def test_nothing_is_warmed_while_nothing_is_worked_out(workspace: Workspace, clock: dt.datetime) -> None:
    app = create_app(workspace, clock=lambda: clock)
    assert warming.Warmer(app)._run() is None
    warming.warm(app)  # says nothing of what is wrong
