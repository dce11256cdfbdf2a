"""One writer; a second one is told who writes; readers do not wait."""

from __future__ import annotations

import subprocess
import sys
import time

import pytest

from regard.errors import WorkspaceError
from regard.ledger import Batch, Ledger

HOLDER = """
import sys, time
from pathlib import Path
from regard.ledger.lock import held
with held(Path(sys.argv[1]), doing="importing orders.csv", wait_s=0):
    print("held", flush=True)
    time.sleep(60)
"""


@pytest.fixture
def holder(workspace):
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(workspace.writer_lock)], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    yield process
    process.kill()
    process.wait()
    process.stdout.close()


def test_a_second_writer_is_told_who_writes_and_a_reader_does_not_wait(holder, ledger, engine, facts, now):
    with pytest.raises(WorkspaceError) as caught:
        ledger.append(Batch("s", facts({"interaction_id": "1"})), engine, now=now)
    assert f"process {holder.pid} (importing orders.csv)" in str(caught.value)
    assert "Wait until it has ended" in str(caught.value)
    assert engine.rows(ledger.read(engine)).num_rows == 0


def test_the_lock_goes_with_its_process_however_it_ends(holder, workspace, engine, facts, now):
    holder.kill()
    started = time.monotonic()
    done = Ledger.open(workspace, wait_s=30).append(Batch("s", facts({"interaction_id": "1"})), engine, now=now)
    assert done.n_interactions == 1
    assert time.monotonic() - started < 25


def test_several_appends_can_be_one_turn(ledger, engine, facts, now):
    with ledger.writing("loading two files", engine, now=now):
        ledger.append(Batch("s", facts({"interaction_id": "1"})), engine, now=now)
        ledger.append(Batch("s", facts({"interaction_id": "2"})), engine, now=now)
    assert engine.rows(ledger.read(engine)).num_rows == 2
