"""What comes into the ledger is brought into every table, for as long as this runs: beside server and follower.

    nothing worked out yet, or by an older Regard, or by another blueprint, or fits older than a day    run
    the ledger has changed, or a minute has passed in a live workspace                                  refresh

A run that was asked for as of a time is left as it is.
"""

from __future__ import annotations

import datetime as dt
import threading
import time
from collections.abc import Callable

from regard.blueprint import read as read_blueprint
from regard.engine import FORMAT, Published, connect
from regard.errors import RegardError, WorkspaceError
from regard.ledger import Ledger
from regard.ledger.lock import held
from regard.ledger.sealing import TURN_BYTES
from regard.pipeline.flow import Order, Say, mark, run
from regard.pipeline.pulse import REFRESH, Heart
from regard.pipeline.refresh import refresh
from regard.workspace import Workspace

EVERY_S = 5.0
"""Between the end of one turn and the beginning of the next."""
AGAIN_S = 60.0
"""In a live workspace promises fall due without news: so often they are looked for."""
ANEW = dt.timedelta(days=1)
"""What was fitted so long ago is fitted again."""
TROUBLE_S = 30.0
BEHIND = TURN_BYTES
"""So much in the log is more than sealing takes in its stride."""
PATIENCE_S = 30.0
"""So long sealing that is behind is given way to, before tables are brought up to date all the same."""


class Freshness:
    """Keeps a workspace's tables up to date; one process does at a time.

    clock : the time now, UTC. say : called with one line when trouble begins and when it is over.
    """

    def __init__(self, workspace: Workspace, *, clock: Callable[[], dt.datetime], say: Say) -> None:
        self.workspace, self.clock, self.say = workspace, clock, say
        self.ledger = Ledger.open(workspace)
        self.trouble = ""
        self.heart = Heart(workspace, REFRESH)
        self._looked_at = -AGAIN_S
        self._waits_since: float | None = None

    def follow(self, stop: threading.Event) -> None:
        """Take turns until `stop` is set; wait first while another one does."""
        while not stop.is_set():
            try:
                with held(self.workspace.tables_lock, doing="keeping the tables up to date", wait_s=0):
                    self._turns(stop)
            except WorkspaceError:  # another one keeps them
                stop.wait(EVERY_S)

    def _turns(self, stop: threading.Event) -> None:
        while not stop.wait(TROUBLE_S if self.trouble else EVERY_S):
            began, at = time.monotonic(), self.clock()
            try:
                done = self.turn()
            except RegardError as error:
                self.heart.beat(self.clock(), began=at, took_s=None, caught_up=False, trouble=error.problem)
                if error.problem != self.trouble:
                    self.trouble = error.problem
                    self.say(f"The tables stay as they are: {error.problem} {error.found or ''}".strip())
                continue
            if self.trouble:
                self.trouble = ""
                self.say("The tables are brought up to date again.")
            took_s = time.monotonic() - began if done else None
            self.heart.beat(
                self.clock(), began=at, took_s=took_s, caught_up=True, trouble="",
                runs=done == "run", refreshes=done == "refresh",
            )  # fmt: skip

    def turn(self) -> str | None:
        """Do what is due: "run", "refresh", or None where nothing is, or where sealing is behind."""
        due = self._due()
        if due is None or self._gives_way():
            return None
        engine = connect("duckdb")
        try:
            if due == "run":
                run(self.workspace, engine, Order(now=self.clock()))
            else:
                self._looked_at = time.monotonic()
                refresh(self.workspace, engine, now=self.clock())
        finally:
            engine.close()
        return due

    def _gives_way(self) -> bool:
        """Whether sealing is behind; it is given way to for a while, not for ever."""
        now = time.monotonic()
        if self.ledger.waiting_bytes < BEHIND:
            self._waits_since = None
            return False
        if self._waits_since is None:
            self._waits_since = now
        if now - self._waits_since < PATIENCE_S:
            return True
        self._waits_since = None
        return False

    def _due(self) -> str | None:
        number = self.ledger.number
        try:
            published = Published.pointed(self.workspace)
        except WorkspaceError:
            return "run" if number and self.ledger.files() else None
        if published.facts.get("pinned") or published.format > FORMAT:
            return None
        if published.format < FORMAT:
            return "run"
        begun = dt.datetime.strptime(published.run.split("-")[0], "%Y%m%dT%H%M%S").replace(tzinfo=dt.UTC)
        if published.facts["blueprint"] != mark(self.workspace):
            return "run"
        live = read_blueprint(self.workspace.blueprint).live
        if self.clock() - begun > ANEW and (live or published.updates):
            return "run"
        late = live and time.monotonic() - self._looked_at > AGAIN_S
        return "refresh" if late or published.facts.get("ledger_version") != number else None
