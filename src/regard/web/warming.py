"""Works pages out in the background as soon as a run is published, so that nobody waits for the first view of them."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import suppress

from fastapi import FastAPI, Request
from fastapi.responses import HTMLResponse

from regard.access import Who
from regard.errors import RegardError
from regard.web.pages import health, journeys, overview, people, promises, value
from regard.web.site import Site
from regard.web.view import DEFAULTS, LEVELS

NOBODY = Who("warm-up", "agent", via="process")
"""For whom pages are worked out: whoever sees the whole organisation sees the same."""
STOP_S = 20.0
LOOK_S = 2.0
"""How often the pointer to the run is looked at."""
PAGES: tuple[Callable[[Request], HTMLResponse], ...] = (
    overview.overview,
    journeys.journeys,
    people.people,
    promises.promises,
    value.value,
    health.touchpoints,
)


def warm(app: FastAPI, done: threading.Event | None = None) -> None:
    """Work out what the usual view of each page asks, on both levels; what is wrong is said when somebody asks.

    done : set by whom no page is wanted any more.
    """
    for level in (DEFAULTS["level"], *(level for level in LEVELS if level != DEFAULTS["level"])):
        for page in PAGES:
            if done is not None and done.is_set():
                return
            with suppress(RegardError):
                page(_asked(app, f"level={level}"))


class Warmer(threading.Thread):
    """Warms the pages when it starts and after each run, until it is stopped."""

    def __init__(self, app: FastAPI) -> None:
        super().__init__(name="warmer", daemon=True)
        self.app, self._done = app, threading.Event()

    def run(self) -> None:
        warmed: str | None = None
        while not self._done.is_set():
            with suppress(RegardError):
                run = self._run()
                if run is not None and run != warmed:
                    warm(self.app, self._done)
                    warmed = run
            self._done.wait(LOOK_S)

    def stop(self) -> None:
        """Stop after the page that is being worked out, and wait for it: one that ends meanwhile crashes in DuckDB.

        May be called before it is started.
        """
        self._done.set()
        if self.is_alive():
            self.join(STOP_S)

    def _run(self) -> str | None:
        here: Site = self.app.state.site
        published = here.reader.now().published
        return published.run if published else None


def _asked(app: FastAPI, query: str) -> Request:
    scope = {"type": "http", "method": "GET", "scheme": "http", "server": ("localhost", 80), "root_path": ""}
    return Request(
        {**scope, "path": "/", "query_string": query.encode(), "headers": [], "app": app, "state": {"who": NOBODY}}
    )
