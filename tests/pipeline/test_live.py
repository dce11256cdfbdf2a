"""The follower: seals by itself, waits for another, comes back when it is killed, and goes with its parent."""

from __future__ import annotations

import datetime as dt
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from regard.ledger import Ledger
from regard.ledger.log import Delivery, Fact, LogWriter, payload_of
from regard.pipeline import Follower, check, follow, pull_states, scheduled
from regard.workspace import Workspace

NOW = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)


def accept(workspace: Workspace, *names: str) -> None:
    writer = LogWriter(workspace.log)
    writer.append(
        [payload_of(Delivery("shop", 1, [Fact(interaction_id=name, occurred_at=1, event="e") for name in names]))]
    )
    writer.close()


def soon(holds: Callable[[], object], *, within_s: float = 120.0) -> None:
    deadline = time.monotonic() + within_s
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def sealed(workspace: Workspace) -> bool:
    return Ledger.open(workspace).waiting_bytes == 0 and not Ledger.open(workspace).archive.log.all()


def test_one_follower_works_and_another_takes_over_when_it_goes(workspace):
    stops = [threading.Event(), threading.Event()]
    threads = [threading.Thread(target=follow, args=(workspace, stop), kwargs={"every_s": 0.1}) for stop in stops]
    for thread in threads:
        thread.start()
    accept(workspace, "a")
    soon(lambda: sealed(workspace))
    stops[0].set()
    threads[0].join(60)
    accept(workspace, "b")
    soon(lambda: sealed(workspace))
    stops[1].set()
    threads[1].join(60)
    assert not any(thread.is_alive() for thread in threads)


def test_a_child_that_is_killed_is_started_again_and_stopped_when_asked(workspace):
    said: list[str] = []
    follower = Follower(workspace, say=said.append)
    follower.start()
    soon(lambda: follower.pid)
    first = follower.pid
    accept(workspace, "a")
    soon(lambda: sealed(workspace))
    os.kill(first, signal.SIGKILL)
    accept(workspace, "b")
    soon(lambda: sealed(workspace))
    assert follower.pid != first
    assert follower.restarts == 1
    assert "started again" in said[0]
    follower.stop(wait_s=60)
    assert not Path(f"/proc/{follower.pid}").exists()


def test_a_child_goes_when_its_parent_is_killed(workspace):
    code = (
        "import sys, time; from pathlib import Path; from regard.pipeline import Follower; "
        "from regard.workspace import Workspace; f = Follower(Workspace(Path(sys.argv[1]))); f.start(); "
        "time.sleep(0.5); print(f.pid, flush=True); "
        "time.sleep(600)"
    )
    parent = subprocess.Popen([sys.executable, "-c", code, str(workspace.root)], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    child = int(parent.stdout.readline())
    accept(workspace, "a")
    soon(lambda: sealed(workspace))
    parent.kill()
    parent.wait()
    parent.stdout.close()
    soon(lambda: not Path(f"/proc/{child}").exists() or "Z" in Path(f"/proc/{child}/stat").read_text().split()[2])


def test_damage_in_the_log_is_said_by_check(workspace, engine):
    accept(workspace, "a")
    accept(workspace, "b" * 50)
    path = Ledger.open(workspace).archive.log.all()[1]
    data = bytearray(path.read_bytes())
    data[data.index(b"bbbb")] ^= 1
    path.write_bytes(bytes(data) + data)
    done = Ledger.open(workspace).seal(engine, now=NOW)
    assert done.n_interactions == 1
    assert done.bytes_damaged == 2 * len(data)
    found = [one for one in check(workspace, now=NOW) if one.where == "log"]
    assert len(found) == 1
    assert Ledger.open(workspace).archive.log.damage()


def test_a_child_with_nothing_to_do_is_started_when_there_is(workspace, tmp_path, monkeypatch):
    monkeypatch.setattr("regard.pipeline.live.LOOK_S", 0.05)
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.csv").write_text("id,e,t\n1,a@x.com,2026-01-01\n")
    watcher = Follower(workspace, command=("pull", "--watch"), when=lambda: scheduled(workspace))
    watcher.start()
    try:
        time.sleep(0.3)
        assert watcher.pid is None
        workspace.maps.mkdir(exist_ok=True)
        workspace.pulls.mkdir()
        (workspace.maps / "m.map.yaml").write_text(
            "version: 1\nsource: s\nzone: UTC\nkey: [id]\nhandles: {email: e}\ninteractions: [{event: seen, at: t}]\n"
        )
        (workspace.pulls / "in.pull.yaml").write_text(
            f"version: 1\nevery: 1h\nmap: m.map.yaml\nfilesystem: {{url: {tmp_path / 'in'}, glob: '*.csv'}}\n"
        )
        until = time.monotonic() + 60
        while not any(one.last for one in pull_states(workspace)) and time.monotonic() < until:
            time.sleep(0.2)
        (one,) = pull_states(workspace)
        assert (one.last.n_interactions, one.last.failures) == (1, 0)
        child = watcher.pid
    finally:
        watcher.stop()
    with pytest.raises(ProcessLookupError):
        os.kill(child, 0)
