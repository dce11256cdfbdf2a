"""Whether a server can do its work now: what it needs answers, and what works beside it lives and keeps up."""

from __future__ import annotations

import datetime as dt
import os
import secrets
from contextlib import suppress
from dataclasses import dataclass

from regard.errors import StoreError
from regard.pipeline.pulse import FOLLOW, lives, pulse
from regard.store import Store
from regard.workspace import Workspace

FAR_BEHIND_S = 120.0
"""So long the ledger may not have held all that was accepted; the log keeps it meanwhile, but stories are old."""
A_PAGE = bytes(4096)


@dataclass(frozen=True)
class Check:
    """One thing that was looked at. says : what is wrong, in a sentence without names or paths; "" if nothing is."""

    name: str
    says: str = ""

    @property
    def well(self) -> bool:
        return not self.says


def checks(workspace: Workspace, store: Store, *, now: dt.datetime) -> list[Check]:
    """The store answers, the log can be written, the follower lives and is not far behind."""
    return [
        Check("store", _store(store)),
        Check("log", _log(workspace)),
        Check("follower", _follower(workspace, now)),
    ]


def _store(store: Store) -> str:
    try:
        store.ask()
    except StoreError:  # what it says may name a host; whoever asks here is not known
        return "The store does not answer."
    return ""


def _log(workspace: Workspace) -> str:
    """A page is written and removed: what says that there is room may be wrong, a quota for one."""
    probe = workspace.log / f"probe-{secrets.token_hex(4)}"
    try:
        probe.parent.mkdir(parents=True, exist_ok=True)
        with probe.open("wb") as file:
            file.write(A_PAGE)
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        return f"The log cannot be written: {error.strerror}."
    finally:
        with suppress(OSError):
            probe.unlink()
    return ""


def _follower(workspace: Workspace, now: dt.datetime) -> str:
    if not lives(workspace, FOLLOW):
        return "No follower runs: what is accepted stays in the log until `regard serve` or `regard follow` does."
    said = pulse(workspace, FOLLOW)
    if said is None or said.caught_up_at is None:
        return "The follower has not finished its first turn yet."
    if said.behind_s(now) > FAR_BEHIND_S:
        return f"The ledger is {said.behind_s(now):.0f} s behind what was accepted."
    return ""
