"""Other systems -> rows since the last time -> ledger; once, or for as long as it runs.

    a pull   cursors of the ledger -> fetch -> map -> append, a piece a commit; the last one carries the new cursors

Killed anywhere, the next pull begins at the old cursors: pieces that were committed are known by their ids, so nothing
is doubled, and nothing is passed over since cursors never run ahead of rows.
"""

from __future__ import annotations

import datetime as dt
import tempfile
import threading
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

import pyarrow as pa

from regard import sources
from regard.blueprint import Blueprint
from regard.blueprint import read as read_blueprint
from regard.engine import Engine, connect
from regard.errors import MappingError, RegardError, SettingError, WorkspaceError, nearest
from regard.ledger import Appended, Batch, Ledger
from regard.ledger.lock import held
from regard.pipeline.bring import LOAD_MEMORY
from regard.pipeline.flow import Say, silent
from regard.pipeline.live import utc_now
from regard.sources.pull import Attempt, Attempts, Piece, Pull, Secrets, fetched, read_pull
from regard.sources.pull.attempts import JITTER
from regard.sources.pull.document import SUFFIX
from regard.store import Store
from regard.workspace import Workspace

SLEEP_S = 1.0
"""Between two looks at what is due."""


@dataclass(frozen=True)
class Pulled:
    """What came of a pull.

    problem : why it failed; None if it went well.
    sample  : the first rejects: (line, reason).
    """

    name: str
    n_rows: int = 0
    n_interactions: int = 0
    n_known: int = 0
    n_rejects: int = 0
    n_forgotten: int = 0
    sample: tuple[tuple[int | None, str], ...] = ()
    problem: RegardError | None = None

    def and_then(self, came: Appended) -> Pulled:
        """With what came of one more piece."""
        n_rows = 0 if came.already else came.n_rows
        return replace(
            self, n_rows=self.n_rows + n_rows, n_interactions=self.n_interactions + came.n_interactions,
            n_known=self.n_known + came.n_known, n_rejects=self.n_rejects + (0 if came.already else came.n_rejects),
            n_forgotten=self.n_forgotten + came.n_forgotten, sample=(*self.sample, *came.sample)[:20],
        )  # fmt: skip

    def as_data(self) -> dict[str, object]:
        """For JSON."""
        names = ("name", "n_rows", "n_interactions", "n_known", "n_rejects", "n_forgotten")
        said: dict[str, object] = {name: getattr(self, name) for name in names}
        return {**said, "problem": self.problem.problem if self.problem else None}

    def line(self) -> str:
        """For people."""
        if self.problem is not None:
            return f"{self.name}: {self.problem.message()}"
        if not self.n_rows:
            return f"{self.name}: nothing new."
        parts = [f"{self.n_interactions:,} new interactions from {self.n_rows:,} rows"]
        for n, word in ((self.n_known, "known already"), (self.n_rejects, "rejects"), (self.n_forgotten, "forgotten")):
            if n:
                parts.append(f"{n:,} {word}")
        return f"{self.name}: {', '.join(parts)}."


def pulls(workspace: Workspace) -> list[str]:
    """The names of the workspace's pulls."""
    return sorted(path.name.removesuffix(SUFFIX) for path in workspace.pulls.glob(f"*{SUFFIX}"))


def pull_file(workspace: Workspace, name: str) -> Path:
    """Where a pull is written."""
    return workspace.pulls / f"{name}{SUFFIX}"


def pull(
    workspace: Workspace,
    names: Sequence[str] = (),
    *,
    clock: Callable[[], dt.datetime] = utc_now,
    say: Say = silent,
) -> list[Pulled]:
    """Fetch what has come since, of the pulls named or of all; one that fails does not keep the others.

    Raises : SettingError if there is none of that name, or none at all.
    """
    known = pulls(workspace)
    if not known and not names:
        raise SettingError(
            "There is nothing to pull.", found=f"no file in {workspace.pulls}",
            hint="Write one: docs/guides/pulling.md has examples.",
        )  # fmt: skip
    for name in names:
        if name not in known:
            near = nearest(name, known)
            raise SettingError(
                f"There is no pull {name!r}.", found=", ".join(known) or None,
                hint=f"Did you mean {near!r}?" if near else "regard pull --list",
            )  # fmt: skip
    store = Store.open(workspace)
    try:
        return [pull_one(workspace, Attempts(store), name, clock=clock, say=say) for name in names or known]
    finally:
        store.close()


def watch(
    workspace: Workspace, stop: threading.Event, *, clock: Callable[[], dt.datetime] = utc_now, say: Say = silent
) -> None:
    """Fetch each pull that says `every` when it is due, until `stop` is set; wait first while another process watches.

    What was due while nobody watched is fetched once, at once. Pull files are read again each time, so that a new or
    changed one is taken up.
    """
    while not stop.is_set():
        try:
            with held(workspace.watch_lock, doing="watching pulls", wait_s=0):
                _watching(workspace, stop, clock, say)
        except WorkspaceError:  # another one watches
            stop.wait(SLEEP_S)


def _watching(workspace: Workspace, stop: threading.Event, clock: Callable[[], dt.datetime], say: Say) -> None:
    store = Store.open(workspace)
    try:
        attempts = Attempts(store)
        while not stop.is_set():
            for name in due(workspace, attempts, clock()):
                if stop.is_set():
                    break
                say(pull_one(workspace, attempts, name, clock=clock).line())
            stop.wait(SLEEP_S)
    finally:
        store.close()


def scheduled(workspace: Workspace) -> bool:
    """Whether any pull says `every`, so that there is something to watch."""
    return any(_every_s(workspace, name) is not None for name in pulls(workspace))


def _every_s(workspace: Workspace, name: str) -> float | None:
    try:
        return read_pull(pull_file(workspace, name)).every_s
    except MappingError:
        return None  # it says so when it is pulled or checked; here it would be said every second


def due(workspace: Workspace, attempts: Attempts, now: dt.datetime) -> list[str]:
    """The pulls that are due, those that wait longest first; one that was never tried is due at once."""
    tried = {one.name: one for one in attempts.list()}
    waiting: list[tuple[dt.datetime, str]] = []
    for name in pulls(workspace):
        every_s = _every_s(workspace, name)
        if every_s is None:
            continue
        earlier = tried.get(name)
        at = dt.datetime.min.replace(tzinfo=dt.UTC) if earlier is None else _due_at(earlier, every_s)
        if at <= now:
            waiting.append((at, name))
    return [name for _, name in sorted(waiting)]


def _due_at(earlier: Attempt, every_s: float) -> dt.datetime:
    """As was noted; sooner where the file has been changed to ask for it sooner and nothing is wrong."""
    latest = earlier.tried_at + dt.timedelta(seconds=every_s * (1 + JITTER))
    if earlier.next_at is None:
        return latest
    return earlier.next_at if earlier.failures else min(earlier.next_at, latest)


def pull_one(
    workspace: Workspace,
    attempts: Attempts,
    name: str,
    *,
    clock: Callable[[], dt.datetime] = utc_now,
    say: Say = silent,
) -> Pulled:
    """Fetch one pull and remember how it went; a failure is in the result, not raised."""
    with ExitStack() as stack:
        try:
            stack.enter_context(held(workspace.pull_lock(name), doing=f"pulling {name}", wait_s=0))
        except WorkspaceError as error:  # how that goes is noted by whoever does it
            error.problem = f"Another process is pulling {name!r}."
            return Pulled(name, problem=error)
        return _noted(workspace, attempts, name, clock, say)


def _noted(workspace: Workspace, attempts: Attempts, name: str, clock: Callable[[], dt.datetime], say: Say) -> Pulled:
    every_s: float | None = None
    try:
        said = read_pull(pull_file(workspace, name))
        every_s = said.every_s
        say(f"Pulling {name}")
        done = _committed(workspace, said, clock)
    except RegardError as error:
        return _failed(attempts, name, error, every_s, clock())
    attempts.went_well(
        name, now=clock(), every_s=every_s, n_rows=done.n_rows, n_interactions=done.n_interactions,
        n_rejects=done.n_rejects,
    )  # fmt: skip
    return done


def _failed(attempts: Attempts, name: str, error: RegardError, every_s: float | None, now: dt.datetime) -> Pulled:
    error.__context__ = error.__traceback__ = None  # what it came from may hold a secret
    said = f"{error.problem} ({error.found})" if error.found else error.problem
    attempts.failed(
        name, now=now, every_s=every_s, problem=said, hint=error.hint, wait_s=getattr(error, "wait_s", None)
    )
    return Pulled(name, problem=error)


def _committed(workspace: Workspace, said: Pull, clock: Callable[[], dt.datetime]) -> Pulled:
    ledger, blueprint = Ledger.open(workspace), read_blueprint(workspace.blueprint)
    engine = connect("duckdb", memory=LOAD_MEMORY)
    try:
        workspace.scratch.mkdir(parents=True, exist_ok=True)  # what a killed pull leaves there goes with a forget
        with tempfile.TemporaryDirectory(prefix="pull-", dir=workspace.scratch) as folder:
            return _Taking(workspace, said, ledger, blueprint, engine, clock).all(Path(folder))
    finally:
        engine.close()


class _Taking:
    """Takes the pieces of one pull into the ledger, each when the next one is there, so that the last is known."""

    def __init__(
        self,
        workspace: Workspace,
        said: Pull,
        ledger: Ledger,
        blueprint: Blueprint,
        engine: Engine,
        clock: Callable[[], dt.datetime],
    ) -> None:
        self.workspace, self.said, self.ledger = workspace, said, ledger
        self.blueprint, self.engine, self.clock = blueprint, engine, clock
        self.mappings = {rows: sources.read_mapping(workspace.maps / str(said.map_for(rows))) for rows in said.rows}

    def all(self, scratch: Path) -> Pulled:
        before = cursors_of(self.ledger, self.said.name, self.engine)
        done, last = Pulled(self.said.name), None
        with fetched(self.said, before, Secrets(self.workspace.secrets), scratch) as got:
            for piece in got:
                if last is not None:
                    done = done.and_then(self._append(last, None))
                last = piece
            after = got.cursors if got.cursors != (before or "") else None
            if last is not None:
                done = done.and_then(self._append(last, after))
            if after is not None and cursors_of(self.ledger, self.said.name, self.engine) != after:
                self._note(after)
        return done

    def _append(self, piece: Piece, cursors: str | None) -> Appended:
        """One piece, and with it the cursors if it is the last."""
        mapping, now = self.mappings[piece.rows], self.clock()
        rows = self.said.kind != "filesystem"
        if rows:
            mapping = replace(mapping, format=replace(mapping.format, type="jsonl", encoding=None))
        with sources.open_rows(
            sources.File(piece.path, piece.name), mapping, self.engine, folder=piece.folder or self.workspace.root,
            zone=self.blueprint.zone, scales={one.id: (one.low, one.high) for one in self.blueprint.scales},
            forgiving=rows,
        ) as load:  # fmt: skip
            file = load.files[0]
            if not rows and (met := self._met(load, file)) is not None:
                return met
            batch = load.batch(file)
            if rows:  # the same rows may come again with another cursor: they are known by their ids, not as a file
                batch = replace(batch, content="", folder="")
            if cursors is not None:
                batch = self._with(batch, cursors, now)
            came = self.ledger.append(batch, self.engine, now=now)
        if rows:
            piece.path.unlink()
        return came

    def _met(self, load: sources.Load, file: sources.File) -> Appended | None:
        mark = load.mark(file)
        return self.ledger.loaded(mark.content, mark.mapping, self.engine, source=mark.source)

    def _with(self, batch: Batch, cursors: str, now: dt.datetime) -> Batch:
        return replace(batch, sides={**batch.sides, "cursors": self.engine.table(self._row(cursors, now))})

    def _note(self, cursors: str) -> None:
        now = self.clock()
        self.ledger.note("cursors", self.engine.table(self._row(cursors, now)), self.engine, now=now)

    def _row(self, cursors: str, now: dt.datetime) -> pa.Table:
        return pa.table(
            {"pull": [self.said.name], "at": pa.array([now], pa.timestamp("us", "UTC")), "state": [cursors]}
        )


def cursors_of(ledger: Ledger, name: str, engine: Engine) -> str | None:
    """How far a pull has come, as it was written; None if it never came anywhere."""
    rows = ledger.side("cursors", engine)
    found = engine.rows(rows.filter(rows.pull == name).select("state")).column("state").to_pylist()
    return str(found[0]) if found else None
