"""A disk that is really full: nothing half written, nothing acknowledged lost, and on by itself when there is room."""

from __future__ import annotations

import asyncio
import os
import subprocess

import pytest

from regard.errors import LogError
from regard.ledger import Ledger
from regard.ledger.log import Delivery, Fact, GroupCommit, Segments, payload_of
from regard.workspace import Workspace

SIZE = 8 * 2**20


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 8 MiB; mounting one needs root."""
    folder = tmp_path / "small"
    folder.mkdir()
    made = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={SIZE}", "regard-test", str(folder)],
        capture_output=True,
        text=True,
        check=False,
    )
    if made.returncode:
        pytest.skip(f"a small disk cannot be mounted here: {made.stderr.strip()}")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def delivery(number: int) -> bytes:
    text = os.urandom(40_000).hex()
    return payload_of(Delivery("shop", 1, [Fact(interaction_id=str(number), occurred_at=1, event="e", text=text)]))


def test_senders_are_told_until_there_is_room_again(small_disk, engine, now):
    workspace = Workspace(small_disk)
    filler = small_disk / "filler"
    filler.write_bytes(bytes(2 * 2**20))

    async def send() -> list[int]:
        log, taken, refused = GroupCommit(workspace.log), [], 0
        for number in range(120):
            try:
                await log.append(delivery(number))
                taken.append(number)
            except LogError as error:
                assert "disk is full" in str(error)
                refused += 1
                if refused == 20:
                    filler.unlink()
        await log.close()
        assert refused >= 20
        assert taken[-1] > 90
        return taken

    taken = asyncio.run(send())
    found = Segments(workspace.log).take()
    assert len(found.records) == len(taken)
    assert not found.scars
    rows = engine.rows(Ledger.open(workspace).read(engine)).column("interaction_id").to_pylist()
    assert sorted(map(int, rows)) == taken
