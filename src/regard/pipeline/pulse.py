"""What runs beside a server says of itself after every turn, in a small file: metrics and readiness are made from it.

    .regard/pulse/follow.json    the follower that seals
    .regard/pulse/refresh.json   what keeps the tables up to date

Whether such a process lives is told by its lock, which the kernel takes from the dead; what it last said may be old.
"""

from __future__ import annotations

import datetime as dt
import os
from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from regard.ledger.lock import is_held
from regard.workspace import Workspace

FOLLOW, REFRESH = "follow", "refresh"


@dataclass(frozen=True)
class Pulse:
    """What one process last said. Times are seconds since 1970, UTC; counts are since it started.

    caught_up_at : the beginning of the last turn after which nothing was left to do; None before the first.
    turns        : those that had something to do; busy_s is how long they took together, last_s the last of them.
    trouble      : why the last turn could not be done; "" if it could.
    counts       : what came of the turns, by name.
    """

    pid: int
    at: float
    caught_up_at: float | None = None
    turns: int = 0
    busy_s: float = 0.0
    last_s: float = 0.0
    trouble: str = ""
    counts: Mapping[str, int] = field(default_factory=dict)

    def behind_s(self, now: dt.datetime) -> float:
        """Seconds since nothing was left to do; infinite if that never was."""
        return float("inf") if self.caught_up_at is None else max(0.0, now.timestamp() - self.caught_up_at)


class Heart:
    """Says what a process does, after each of its turns. What cannot be written is not said: the work goes on."""

    def __init__(self, workspace: Workspace, name: str) -> None:
        self.path = workspace.pulse(name)
        self._pulse = Pulse(os.getpid(), 0.0)
        self._counts: Counter[str] = Counter()

    def beat(
        self,
        now: dt.datetime,
        *,
        began: dt.datetime,
        took_s: float | None,
        caught_up: bool,
        trouble: str,
        **counts: int,
    ) -> None:
        """One turn is over.

        took_s : None for a turn without work.
        counts : added to what was counted before.
        """
        was = self._pulse
        self._counts.update(counts)
        self._pulse = Pulse(
            pid=was.pid,
            at=now.timestamp(),
            caught_up_at=began.timestamp() if caught_up else was.caught_up_at,
            turns=was.turns + (took_s is not None),
            busy_s=was.busy_s + (took_s or 0.0),
            last_s=was.last_s if took_s is None else took_s,
            trouble=trouble,
            counts=self._counts,
        )
        with suppress(OSError):
            _write(self.path, msgspec.json.encode(self._pulse))


def pulse(workspace: Workspace, name: str) -> Pulse | None:
    """What a process last said of itself, if it ever did."""
    try:
        return msgspec.json.decode(workspace.pulse(name).read_bytes(), type=Pulse)
    except (OSError, msgspec.MsgspecError):
        return None


def lives(workspace: Workspace, name: str) -> bool:
    """Whether such a process works for the workspace now."""
    return is_held({FOLLOW: workspace.follower_lock, REFRESH: workspace.tables_lock}[name])


def _write(path: Path, data: bytes) -> None:
    """Whole or not at all; after a power cut it may be gone, and is said again."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_suffix(f".{os.getpid()}.new")
    draft.write_bytes(data)
    draft.replace(path)
