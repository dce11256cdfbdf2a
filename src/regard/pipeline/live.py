"""The follower: brings what servers accepted into the ledger, a second or so after it came, for as long as it runs.

    a turn   seal what the log holds -> (what is derived from it) -> join small files when there is time

One follower works for a workspace at a time; a second waits until the first is gone. It holds the writer's lock for a
turn only, so that imports and decisions get theirs. A full disk or a long import is waited for; the log keeps growing
meanwhile, and nothing is lost.
"""

from __future__ import annotations

import datetime as dt
import gc
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress

from regard.engine import Engine, connect
from regard.errors import EngineError, WorkspaceError
from regard.ledger import Ledger, Sealed
from regard.ledger.lock import held
from regard.pipeline.flow import Say, silent
from regard.pipeline.pulse import FOLLOW, Heart
from regard.workspace import Workspace

EVERY_S = 1.0
"""Between the beginnings of two turns, unless there is more waiting than one turn takes."""
BREATH_S = 0.15
"""Between two turns at least: three times as often as another writer asks for the lock."""
GATHER_S = 10.0
TROUBLE_S = 2.0
YOUNG = 50_000
"""Objects made between two collections of the youngest; Python's own 700 are seven events."""
LOOK_S = 5.0
"""Between two looks at whether a child has anything to do."""
MEMORY = 2**29
TURNS_AN_ENGINE = 200
"""An engine keeps a little of each turn; then it is closed and another opened."""
PATIENCE_S = (1.0, 2.0, 5.0, 15.0, 30.0)


def utc_now() -> dt.datetime:
    """The time now, UTC."""
    return dt.datetime.now(dt.UTC)


def settle() -> None:
    """Leave what a process is made of out of garbage collections, which events, each many objects, make frequent."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG, 20, 50)


def follow(
    workspace: Workspace,
    stop: threading.Event,
    *,
    clock: Callable[[], dt.datetime] = utc_now,
    every_s: float = EVERY_S,
    say: Say = silent,
) -> None:
    """Seal what is accepted until `stop` is set; wait first while another follower works.

    say : called with one line when trouble begins and when it is over.
    """
    while not stop.is_set():
        try:
            with held(workspace.follower_lock, doing="following", wait_s=0):
                _Turns(workspace, clock, say).run(stop, every_s)
        except WorkspaceError:  # another one follows
            stop.wait(every_s)


class _Turns:
    """What a follower keeps between its turns."""

    def __init__(self, workspace: Workspace, clock: Callable[[], dt.datetime], say: Say) -> None:
        self.ledger = Ledger.open(workspace, wait_s=2.0)
        self.clock, self.say = clock, say
        self.engine: Engine | None = None
        self.turns = 0
        self.gathered_at = time.monotonic()
        self.trouble = ""
        self.heart = Heart(workspace, FOLLOW)

    def run(self, stop: threading.Event, every_s: float) -> None:
        try:
            while not stop.is_set():
                began, at = time.monotonic(), self.clock()
                sealed = self._turn()
                self._beat(sealed, at, time.monotonic() - began)
                if sealed is None:
                    stop.wait(TROUBLE_S)
                    continue
                left_s = every_s - (time.monotonic() - began)
                stop.wait(BREATH_S if sealed.more else max(BREATH_S, left_s))
        finally:
            self._leave()

    def _turn(self) -> Sealed | None:
        """One turn; None if it could not be done now."""
        try:
            sealed = Sealed()
            if self.turns == 0 or self.ledger.waiting_bytes:  # the first turn also finishes what a killed one left
                sealed = self.ledger.seal(self._engine(), now=self.clock())
            if not sealed.more:
                self._gather()
        except (WorkspaceError, EngineError) as error:
            if error.problem != self.trouble:
                self.trouble = error.problem
                self.say(f"Sealing waits: {error.problem} {error.found or ''}".strip())
            return None
        if self.trouble:
            self.trouble = ""
            self.say("Sealing goes on.")
        return sealed

    def _beat(self, sealed: Sealed | None, at: dt.datetime, took_s: float) -> None:
        done = sealed or Sealed()
        counts = {name: getattr(done, f"n_{name}") for name in ("records", "interactions", "known", "rejects")}
        self.heart.beat(
            self.clock(),
            began=at,
            took_s=took_s if done.n_records else None,
            caught_up=sealed is not None and not sealed.more,
            trouble=self.trouble,
            **counts,
        )

    def _gather(self) -> None:
        """Join small files, a dozen in a turn, until there are none to join; then not for a while."""
        due = time.monotonic() - self.gathered_at > GATHER_S
        if due and not self.ledger.gather(self._engine(), now=self.clock()):
            self.gathered_at = time.monotonic()

    def _engine(self) -> Engine:
        self.turns += 1
        if self.engine is not None and self.turns % TURNS_AN_ENGINE == 0:
            self.engine.close()
            self.engine = None
        if self.engine is None:
            self.engine = connect("duckdb", memory=MEMORY)
        return self.engine

    def _leave(self) -> None:
        engine = self._engine()
        with suppress(WorkspaceError), self.ledger.writing("leaving", engine, now=self.clock()):
            self.ledger.known.keep()
        engine.close()


class Follower:
    """A follower as a child of this process: started again when it dies, gone when this process is.

    A process of its own, since sealing would keep the server's threads from answering.

    command : what it runs, which takes `--until-closed`.
    when    : it is started once this holds, looked at every few seconds; None: at once.
    """

    def __init__(
        self,
        workspace: Workspace,
        *,
        command: Sequence[str] = ("follow",),
        when: Callable[[], bool] | None = None,
        say: Say = silent,
    ) -> None:
        self.workspace, self.command, self.say = workspace, tuple(command), say
        self.when = when or (lambda: True)
        self.restarts = 0
        self._stop = threading.Event()
        self._process: subprocess.Popen[bytes] | None = None
        self._thread = threading.Thread(target=self._watch, name="regard-follower", daemon=True)

    def start(self) -> None:
        """Start it and watch over it."""
        self._thread.start()

    def stop(self, *, wait_s: float = 20.0) -> None:
        """Let it end its turn and go."""
        self._stop.set()
        process = self._process
        if process is not None and process.stdin is not None:
            process.stdin.close()  # which is how it learns that we go, however we go
            with suppress(subprocess.TimeoutExpired):
                process.wait(wait_s)
            if process.poll() is None:
                process.kill()
        if self._thread.is_alive():
            self._thread.join(wait_s)

    @property
    def pid(self) -> int | None:
        """The child's process id, for those who look at it from outside."""
        return self._process.pid if self._process is not None else None

    def _watch(self) -> None:
        deaths = 0
        while not self.when():
            if self._stop.wait(LOOK_S):
                return
        while not self._stop.is_set():
            began = time.monotonic()
            command = [sys.executable, "-m", "regard", "-w", str(self.workspace.root), *self.command, "--until-closed"]
            self._process = subprocess.Popen(command, stdin=subprocess.PIPE)
            status = self._process.wait()
            if self._process.stdin is not None:
                self._process.stdin.close()
            if self._stop.is_set():
                return
            self.restarts += 1
            deaths = 0 if time.monotonic() - began > PATIENCE_S[-1] else deaths + 1
            pause = PATIENCE_S[min(deaths, len(PATIENCE_S) - 1)]
            self.say(f"`regard {' '.join(self.command)}` ended with {status}; it is started again in {pause:g} s.")
            self._stop.wait(pause)
