"""One writer and many readers: the writer's lock, held by the kernel and so gone with its process."""

from __future__ import annotations

import datetime as dt
import fcntl
import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from regard.errors import WorkspaceError

EVERY_S = 0.05


@contextmanager
def held(path: Path, *, doing: str, wait_s: float) -> Iterator[None]:
    """Hold the writer's lock while the block runs; readers need none.

    path   : the lock file; it says who holds the lock and is never removed.
    doing  : what the holder does, told to whoever waits in vain.
    wait_s : seconds to wait for another writer.
    Raises : WorkspaceError naming the process that holds it.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a+", encoding="utf-8") as file:
        deadline = time.monotonic() + wait_s
        while not _taken(file.fileno()):
            if time.monotonic() >= deadline:
                raise _busy(path, wait_s)
            time.sleep(EVERY_S)
        file.truncate(0)
        said = {"pid": os.getpid(), "doing": doing, "since": f"{dt.datetime.now(dt.UTC):%Y-%m-%d %H:%M:%S} UTC"}
        file.write(json.dumps(said))
        file.flush()
        try:
            yield
        finally:
            file.truncate(0)
            fcntl.flock(file.fileno(), fcntl.LOCK_UN)


def is_held(path: Path) -> bool:
    """Whether a process holds the lock of this file. Asking takes it for no longer than a moment."""
    try:
        with path.open("rb") as file:
            fcntl.flock(file.fileno(), fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except FileNotFoundError:
        return False
    return False


def _taken(number: int) -> bool:
    try:
        fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _busy(path: Path, wait_s: float) -> WorkspaceError:
    try:
        said = json.loads(path.read_text(encoding="utf-8"))
        who = f"process {said['pid']} ({said['doing']}), since {said['since']}"
    except (OSError, ValueError, KeyError):
        who = "a process that has not said who it is yet"
    return WorkspaceError(
        "Another process is writing to this workspace.",
        found=f"{who}; waited {wait_s:g} s",
        allowed="one writer at a time; reading is always possible",
        hint="Wait until it has ended and run the command again.",
    )
