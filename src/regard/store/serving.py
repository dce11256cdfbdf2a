"""One server on a SQLite store: a second one says so and ends; commands may run beside it."""

from __future__ import annotations

import datetime as dt
import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager

from regard.errors import StoreError
from regard.store.store import Store


@contextmanager
def alone(store: Store, *, doing: str, now: dt.datetime) -> Iterator[None]:
    """Be the one server on this store while the block runs; on PostgreSQL there may be many, and nothing is held.

    doing  : what the server does, told to the next one ("serving http://127.0.0.1:8123").
    Raises : StoreError naming the server that holds it.
    """
    if not store.embedded:
        yield
        return
    path = store.workspace.server_lock
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a+", encoding="utf-8") as file:
        try:
            fcntl.flock(file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise _taken(path.read_text(encoding="utf-8")) from None
        file.truncate(0)
        file.write(json.dumps({"pid": os.getpid(), "doing": doing, "since": f"{now:%Y-%m-%d %H:%M:%S} UTC"}))
        file.flush()
        try:
            yield
        finally:
            file.truncate(0)
            fcntl.flock(file.fileno(), fcntl.LOCK_UN)


def _taken(text: str) -> StoreError:
    try:
        said = json.loads(text)
        who = f"process {said['pid']}, {said['doing']}, since {said['since']}"
    except (ValueError, KeyError):
        who = "a process that has not said who it is yet"
    return StoreError(
        "Another server runs on this workspace.",
        found=who,
        allowed="one server on SQLite; commands may run beside it",
        hint="Use that one or end it; for several servers keep the live state in PostgreSQL: $REGARD_STORE.",
    )
