"""The writer: what it says is on the disk is, its segments are its own, and trouble leaves nothing half written."""

from __future__ import annotations

import asyncio
import errno
import os

import pytest

from regard.errors import LogError
from regard.ledger.lock import is_held
from regard.ledger.log import GroupCommit, LogWriter, Segments


def read(folder) -> list[bytes]:
    return [bytes(one.payload) for one in Segments(folder).take().records]


def test_segments_are_left_when_they_are_full_and_each_writer_has_its_own(tmp_path):
    one, other = LogWriter(tmp_path, most_bytes=100), LogWriter(tmp_path)
    for at in range(4):
        one.append([b"x" * 60 + b"%d" % at])
        other.append([b"y%d" % at])
    assert len(Segments(tmp_path).all()) == 3
    assert sorted(read(tmp_path)) == sorted(
        [b"x" * 60 + b"%d" % at for at in range(4)] + [b"y%d" % at for at in range(4)]
    )
    growing = [path for path in Segments(tmp_path).all() if is_held(path)]
    assert len(growing) == 2
    one.close()
    other.close()
    assert not any(is_held(path) for path in Segments(tmp_path).all())


def test_many_records_in_one_append_are_all_written(tmp_path):
    said = [b"%d" % at for at in range(3_000)]  # more than one writev may take
    LogWriter(tmp_path).append(said)
    assert read(tmp_path) == said


def test_a_failed_sync_takes_the_records_back_and_leaves_the_segment(tmp_path, monkeypatch):
    writer = LogWriter(tmp_path)
    writer.append([b"first"])
    with monkeypatch.context() as patched:
        patched.setattr(os, "fdatasync", lambda number: (_ for _ in ()).throw(OSError(errno.EIO, "broken")))
        with pytest.raises(OSError, match="broken"):
            writer.append([b"lost"])
    writer.append([b"second"])
    assert read(tmp_path) == [b"first", b"second"]
    assert len(Segments(tmp_path).all()) == 2


def test_a_write_that_stops_in_the_middle_goes_on_or_is_taken_back(tmp_path, monkeypatch):
    real = os.writev
    monkeypatch.setattr(os, "writev", lambda number, parts: real(number, [b"".join(parts)[:7]]))
    writer = LogWriter(tmp_path)
    writer.append([b"a" * 50, b"b" * 50])
    assert read(tmp_path) == [b"a" * 50, b"b" * 50]
    monkeypatch.setattr(os, "write", lambda number, data: (_ for _ in ()).throw(OSError(errno.ENOSPC, "full")))
    with pytest.raises(OSError, match="full"):
        writer.append([b"c" * 50])
    assert read(tmp_path) == [b"a" * 50, b"b" * 50]


def test_requests_gather_while_a_sync_runs_and_none_is_answered_before_its_own(tmp_path, monkeypatch):
    syncs = []
    real = os.fdatasync
    monkeypatch.setattr(os, "fdatasync", lambda number: (syncs.append(os.fstat(number).st_size), real(number))[1])

    async def main() -> None:
        log = GroupCommit(tmp_path)
        answered = []

        async def send(at: int) -> None:
            await log.append(b"%05d" % at)
            answered.append((at, len(syncs)))

        await asyncio.gather(*(send(at) for at in range(500)))
        assert len(answered) == 500
        assert len(syncs) < 50
        assert log.gauges.syncs == len(syncs)
        await log.close()

    asyncio.run(main())
    assert read(tmp_path) == [b"%05d" % at for at in range(500)]


def test_a_full_disk_is_said_to_each_of_those_who_wait_and_it_goes_on(tmp_path, monkeypatch):
    async def main() -> None:
        log = GroupCommit(tmp_path)
        with monkeypatch.context() as patched:
            patched.setattr(os, "writev", lambda number, parts: (_ for _ in ()).throw(OSError(errno.ENOSPC, "no room")))
            answers = await asyncio.gather(*(log.append(b"x") for _ in range(3)), return_exceptions=True)
        assert [type(one) for one in answers] == [LogError] * 3
        assert "disk is full" in str(answers[0])
        await log.append(b"y")
        await log.close()

    asyncio.run(main())
    assert read(tmp_path) == [b"y"]


def test_damage_is_set_aside_once_with_a_note_and_the_rest_is_read(tmp_path, now):
    writer = LogWriter(tmp_path)
    for word in (b"one", b"two", b"three"):
        writer.append([word])
    path = Segments(tmp_path).all()[0]
    data = bytearray(path.read_bytes())
    data[data.index(b"two")] ^= 255
    path.write_bytes(bytes(data))
    segments = Segments(tmp_path)
    for _ in range(2):
        taken = segments.take()
        segments.set_aside(taken, now)
    assert [bytes(one.payload) for one in taken.records] == [b"one", b"three"]
    (damage,) = segments.damage()
    assert damage.segment == path.name
    assert not damage.torn
    assert b"\x8bwo" in (tmp_path / "damaged" / damage.file).read_bytes()
    segments.mark(taken.positions)
    assert not segments.take().positions
    assert segments.waiting() == 0


def test_a_turn_takes_what_it_is_asked_for_and_goes_on_where_it_stopped(tmp_path):
    writer = LogWriter(tmp_path, most_bytes=300)
    said = [b"%03d" % at * 20 for at in range(40)]
    for word in said:
        writer.append([word])
    segments, found = Segments(tmp_path), []
    while (taken := segments.take(150)).positions:
        assert len(taken.records) <= 3
        found += [bytes(one.payload) for one in taken.records]
        segments.mark(taken.positions)
    assert found == said
    writer.close()
    assert segments.remove_sealed() == 10
    assert not segments.all()


def test_a_record_longer_than_a_turn_is_taken_alone(tmp_path):
    LogWriter(tmp_path).append([b"x" * 5_000, b"y"])
    assert [len(one.payload) for one in Segments(tmp_path).take(100).records] == [5_000, 1]
