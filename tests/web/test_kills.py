"""kill -9 at any moment of ingest, sealing, compaction and forgetting: nothing acknowledged is lost, nothing doubled.

Servers, followers and commands are real processes, killed dozens of times here. For the table of docs/reliability.md:

    REGARD_KILLS=400 python -m pytest tests/web/test_kills.py -s
"""

from __future__ import annotations

import base64
import datetime as dt
import http.client
import json
import os
import random
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path

import pytest

from regard.access import Keys
from regard.ledger import Ledger
from regard.store import Store

KILLS = int(os.environ.get("REGARD_KILLS", "16"))
EVENTS = 20
NOW = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)


class Deathbed:
    """Starts processes, and ends them as a power cut would."""

    def __init__(self, root: Path) -> None:
        self.root = root
        command = [sys.executable, str(Path(__file__).with_name("deathbed.py"))]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def ask(self, **order: object) -> int:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps({"root": str(self.root), **order}) + "\n")
        self.process.stdin.flush()
        return int(self.process.stdout.readline().split()[1])

    def kill(self, pid: int) -> None:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
        self.ask(do="wait", pid=pid)

    def close(self) -> None:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.close()
        self.process.wait(timeout=60)
        self.process.stdout.close()


class Sender(threading.Thread):
    """Sends batch after batch, each until it is acknowledged; a batch whose answer was lost is sent again as it was."""

    def __init__(self, name: str, port: int, secret: str) -> None:
        super().__init__(daemon=True)
        self.called, self.port = name, port
        self.basic = "Basic " + base64.b64encode(f"{secret}:".encode()).decode()
        self.acknowledged: list[str] = []
        self.again = 0
        self.odd: Counter[int] = Counter()
        self.stop = threading.Event()

    def run(self) -> None:
        number = 0
        while not self.stop.is_set():
            ids = [f"{self.called}-{number}-{at}" for at in range(EVENTS)]
            batch = [
                {"type": "track", "event": "e", "userId": f"{self.called}-{number}", "messageId": one} for one in ids
            ]
            body = json.dumps({"batch": batch, "sentAt": dt.datetime.now(dt.UTC).isoformat()}).encode()
            while not self.sent(body):
                self.again += 1
                time.sleep(0.02)
            self.acknowledged += ids
            number += 1

    def sent(self, body: bytes) -> bool:
        line = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            line.request("POST", "/v1/batch", body, {"authorization": self.basic})
            answer = line.getresponse()
            answer.read()
        except (OSError, http.client.HTTPException):
            return False
        finally:
            line.close()
        if answer.status not in (200, 503):
            self.odd[answer.status] += 1
        return answer.status == 200


@pytest.fixture
def deathbed(workspace):
    made = Deathbed(workspace.root)
    yield made
    made.close()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def listening(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@pytest.mark.timeout(60 + 30 * KILLS)
def test_whoever_is_killed_nothing_acknowledged_is_lost_and_nothing_doubled(deathbed, workspace, engine):
    chance = random.Random(20260101)
    store = Store.open(workspace)
    secret = Keys(store).create("shop").secret
    store.close()
    port = free_port()
    server = deathbed.ask(do="serve", port=port)
    follower = deathbed.ask(do="follow")
    senders = [Sender(f"s{at}", port, secret) for at in range(3)]
    for sender in senders:
        sender.start()
    killed: Counter[str] = Counter()
    for turn in range(KILLS):
        kind = ("server", "follower", "follower at a file", "compact", "server", "follower at a file", "forget")[
            turn % 7
        ]
        time.sleep(chance.uniform(0.05, 0.6))
        if kind == "server":
            while not listening(port):
                time.sleep(0.02)
            time.sleep(chance.uniform(0.0, 0.4))
            deathbed.kill(server)
            server = deathbed.ask(do="serve", port=port)
        elif kind.startswith("follower"):
            deathbed.kill(follower)
            if kind == "follower at a file":
                dying = deathbed.ask(do="follow", die_at=chance.randint(5, 400))
                time.sleep(chance.uniform(0.5, 2.0))
                deathbed.kill(dying)
            follower = deathbed.ask(do="follow")
        else:
            dying = deathbed.ask(do=kind, handle=f"nobody{turn}@example.org", die_at=chance.randint(5, 250))
            time.sleep(chance.uniform(0.3, 1.5))
            deathbed.kill(dying)
        killed[kind] += 1
    time.sleep(1)
    for sender in senders:
        sender.stop.set()
    for sender in senders:
        sender.join(120)
        assert not sender.is_alive()
    deathbed.kill(server)
    deathbed.kill(follower)

    ledger = Ledger.open(workspace)
    before = Counter(engine.rows(ledger.read(engine)).column("interaction_id").to_pylist())
    ledger.seal(engine, now=dt.datetime.now(dt.UTC), everything=True)
    after = Counter(engine.rows(ledger.read(engine)).column("interaction_id").to_pylist())
    acknowledged = {one for sender in senders for one in sender.acknowledged}
    lost = acknowledged - set(after)
    doubled = [one for one, n in after.items() if n > 1]
    again = sum(sender.again for sender in senders)
    for kind, n in killed.items():
        print(f"| {kind} | {n} |")
    print(f"| acknowledged {len(acknowledged):,} | sent again {again:,} | lost {len(lost)} | doubled {len(doubled)} |")
    assert acknowledged
    assert not lost
    assert not doubled
    assert before == after
    assert not sum((sender.odd for sender in senders), Counter())
    assert not engine.rows(ledger.side("rejects", engine)).num_rows
    assert not [one for one in ledger.damage() if not one.torn]
