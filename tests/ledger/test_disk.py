"""A full disk: a sentence, nothing half done, and it goes on when there is room again."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pyarrow as pa
import pytest

from regard.errors import RegardError
from regard.ledger import Batch, Ledger
from regard.workspace import Workspace

SIZE = 8 * 2**20


@pytest.fixture
def small_disk(tmp_path: Path):
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


def noise(n: int) -> list[str]:
    return [os.urandom(500).hex() for _ in range(n)]


def test_a_load_that_does_not_fit_is_refused_in_words_and_leaves_no_trace(small_disk, tmp_path, facts, now, engine):
    ledger = Ledger.open(Workspace(small_disk))
    ledger.append(Batch("s", facts({"interaction_id": "first"})), engine, now=now)
    before = sorted(small_disk.rglob("*"))
    big = facts({}).cross_join(engine.table(pa.table({"words": noise(20_000)})))
    big = big.mutate(text=big.words, interaction_id=big.words.hexdigest("md5")).drop("words")
    with pytest.raises(RegardError, match="disk is full") as caught:
        ledger.append(Batch("s", big), engine, now=now)
    assert "Free some space" in str(caught.value)
    assert [path for path in sorted(small_disk.rglob("*")) if path.name != "tmp" and path.name != "ledger"] == [
        path for path in before if path.name != "tmp" and path.name != "ledger"
    ]
    assert engine.rows(ledger.read(engine)).column("interaction_id").to_pylist() == ["first"]
    assert ledger.append(Batch("s", facts({"interaction_id": "second"})), engine, now=now).n_interactions == 1


@pytest.mark.parametrize("room_kb", [0, 4, 12, 20, 28, 40, 60, 90])
def test_wherever_the_room_ends_nothing_is_half_done(small_disk, facts, now, engine, room_kb):
    """The last kilobytes end in a staged file, the journal, a log entry or a lock: the outcome is the same."""
    ledger = Ledger.open(Workspace(small_disk))
    ledger.append(Batch("s", facts({"interaction_id": "first"})), engine, now=now)
    state = os.statvfs(small_disk)
    free = state.f_bavail * state.f_frsize - room_kb * 1024
    filler = small_disk / "filler"
    filler.write_bytes(b"x" * max(0, free))
    batch = Batch("s", facts({"interaction_id": "second", "text": noise(1)[0]}), content="c")
    try:
        ledger.append(batch, engine, now=now)
    except RegardError as error:
        assert "disk is full" in str(error)
    assert engine.rows(Ledger.open(Workspace(small_disk)).read(engine)).num_rows in (1, 2)
    filler.unlink()
    fresh = Ledger.open(Workspace(small_disk))
    fresh.append(batch, engine, now=now)
    ids = engine.rows(fresh.read(engine)).column("interaction_id").to_pylist()
    assert sorted(ids) == ["first", "second"]
    assert len(engine.rows(fresh.side("loads", engine))) == 2
    assert not fresh.archive.journal.exists()
