"""How the pulls stand: what the files say beside what came of them. For people, data health and metrics."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from regard.blueprint.durations import written
from regard.errors import RegardError
from regard.pipeline.pull import pull_file, pulls
from regard.sources.pull import Attempt, Attempts, read_pull
from regard.store import Store
from regard.workspace import Workspace

LATE = 2.0
"""So many times its `every` may pass before a pull is late: one that failed is tried again before that."""


@dataclass(frozen=True)
class PullState:
    """One pull.

    every_s : how often it is fetched; None: when asked. kind : what it is fetched from; "" where the file is wrong.
    last    : how it last went; None if it was never tried.
    wrong   : what is wrong with the file.
    """

    name: str
    kind: str
    every_s: float | None
    last: Attempt | None
    wrong: str | None = None

    def state(self, now: dt.datetime) -> str:
        """wrong (the file), never, failing, late (nobody watches, or it takes too long) or well."""
        if self.wrong:
            return "wrong"
        if self.last is None:
            return "never"
        if self.last.failures:
            return "failing"
        return "late" if self.every_s and self.age_s(now) > LATE * self.every_s else "well"

    def age_s(self, now: dt.datetime) -> float:
        """Seconds since it last went well; infinite if it never did."""
        at = self.last.succeeded_at if self.last else None
        return (now - at).total_seconds() if at else float("inf")

    def line(self) -> str:
        """For people."""
        every = f"every {written(self.every_s)}" if self.every_s else "when asked"
        if self.wrong:
            return f"{self.name}: {self.wrong}"
        if self.last is None:
            return f"{self.name}: {every}, never tried."
        last = self.last
        well = f"last fetched {last.succeeded_at:%Y-%m-%d %H:%M} UTC" if last.succeeded_at else "never fetched"
        came = f", {last.n_interactions:,} interactions from {last.n_rows:,} rows" if last.succeeded_at else ""
        failed = f"; failed {last.failures}× since: {last.problem}" if last.failures else ""
        again = f" Due {last.next_at:%Y-%m-%d %H:%M} UTC." if last.next_at else ""
        return f"{self.name}: {every}, {well}{came}{failed}.{again}"


def pull_states(workspace: Workspace, store: Store | None = None) -> list[PullState]:
    """All pulls of a workspace, by name; those whose file is gone are left out.

    store : one that is open already.
    """
    names = pulls(workspace)
    if not names:
        return []
    opened = store or Store.open(workspace)
    try:
        tried = {one.name: one for one in Attempts(opened).list()}
    finally:
        if store is None:
            opened.close()
    return [_state(workspace, name, tried.get(name)) for name in names]


def _state(workspace: Workspace, name: str, last: Attempt | None) -> PullState:
    try:
        said = read_pull(pull_file(workspace, name))
    except RegardError as error:
        return PullState(name, "", None, last, wrong=error.problem)
    return PullState(name, said.kind, said.every_s, last)
