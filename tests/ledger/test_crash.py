"""kill -9 at any moment: real processes, dozens of times here, hundreds with REGARD_KILLS=300."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest

from regard.ledger import Batch, Ledger
from regard.workspace import Workspace

ROWS = 40  # of each batch; see zygote.py
KILLS = int(os.environ.get("REGARD_KILLS", "24"))
ZYGOTE = Path(__file__).with_name("zygote.py")


class Zygote:
    """Starts writers and tells how they ended."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.process = subprocess.Popen(
            [sys.executable, str(ZYGOTE)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def run(self, do: str, *, kill_after: float | None = None, **order: object) -> int:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps({"do": do, "root": str(self.root), **order}) + "\n")
        self.process.stdin.flush()
        child = int(self.process.stdout.readline().split()[1])
        if kill_after is not None:
            time.sleep(kill_after)
            with suppress(ProcessLookupError):
                os.kill(child, signal.SIGKILL)
        return int(self.process.stdout.readline().split()[1])

    def close(self) -> None:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.close()
        self.process.wait(timeout=30)
        self.process.stdout.close()


@pytest.fixture
def zygote(workspace: Workspace):
    made = Zygote(workspace.root)
    yield made
    made.close()


def loads_whole(workspace, engine) -> set[int]:
    """Numbers of the batches that a reader sees; each is there with all its rows or not at all."""
    facts = Ledger.open(workspace).read(engine)
    counted = engine.rows(
        facts.group_by(batch=facts.interaction_id.split(":")[0]).aggregate(n=facts.count())
    ).to_pylist()
    assert all(row["n"] == ROWS for row in counted), counted
    return {int(row["batch"]) for row in counted}


def everything_fits(workspace, engine, numbers) -> None:
    """Interactions, objects, rejects and loads tell of the same batches, and nothing lies about."""
    ledger = Ledger.open(workspace)
    assert loads_whole(workspace, engine) == numbers
    for name, column in (("objects", "id"), ("rejects", "file"), ("loads", "file")):
        said = sorted(engine.rows(ledger.side(name, engine)).column(column).to_pylist())
        assert said == sorted(str(n) if name == "objects" else f"{n}.csv" for n in numbers), name
    for name in ("interactions", "rejects", "loads", "objects"):
        table = ledger.archive.table(name)
        assert set(table.folder.glob("*.parquet")) >= set(table.files())
    assert not ledger.archive.journal.exists()
    assert not list(ledger.archive.scratch.glob("*"))


def test_a_killed_load_is_there_wholly_or_not_at_all_and_the_next_goes_on(zygote, workspace, engine):
    chance = random.Random(20260101)
    killed = 0
    for number in range(KILLS):
        if number % 4 == 0:  # what a load takes changes with what else the machine does
            started = time.monotonic()
            assert zygote.run("append", batch=number) == 0
            usual = time.monotonic() - started
            continue
        if number % 2:
            ended = zygote.run("append", batch=number, kill_after=chance.uniform(0.02, 0.9) * usual)
        else:
            ended = zygote.run("append", batch=number, die_at=chance.randint(1, 150))
        assert ended in (0, -signal.SIGKILL)
        killed += ended != 0
        seen = loads_whole(workspace, engine)
        assert number in seen or ended != 0
        assert seen <= set(range(number + 1))
    assert killed >= KILLS // 3
    for number in range(KILLS):
        if number not in seen or number == KILLS - 1:
            assert zygote.run("append", batch=number) == 0
    everything_fits(workspace, engine, set(range(KILLS)))


def test_a_killed_compaction_changes_nothing_that_is_read(zygote, workspace, engine):
    for number in range(3):
        assert zygote.run("append", batch=number) == 0
    for die_at in range(3, 120, 40):
        assert zygote.run("compact", die_at=die_at) in (0, -signal.SIGKILL)
        assert loads_whole(workspace, engine) == {0, 1, 2}
    assert zygote.run("compact") == 0
    assert zygote.run("append", batch=3) == 0
    everything_fits(workspace, engine, {0, 1, 2, 3})


def test_a_killed_removal_is_finished_by_the_next_writer(zygote, workspace, engine, facts, now):
    assert zygote.run("append", batch=0) == 0
    chance = random.Random(7)
    for person in range(max(4, KILLS // 6)):
        handle = f"person{person}@example.org"
        ended = zygote.run("forget", handle=handle, die_at=chance.randint(40, 260))
        assert ended in (0, -signal.SIGKILL)
        ledger = Ledger.open(workspace)
        begun = ended == 0 or ledger.archive.intent.exists() or ledger.archive.journal.exists()
        ledger.append(Batch("t", facts({"interaction_id": str(person)})), engine, now=now)
        if not begun:
            assert zygote.run("forget", handle=handle) == 0
        left = [
            path.name for path in workspace.root.rglob("*") if path.is_file() and handle.encode() in path.read_bytes()
        ]
        assert left == []
        assert engine.rows(ledger.read(engine).filter(lambda t: t.source == "s")).num_rows == ROWS - person - 1
