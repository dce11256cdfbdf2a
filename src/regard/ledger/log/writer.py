"""Appends to one segment after another: written, synced, and only then true.

    append  -> write -> fdatasync -> the caller may say yes
    wrong   -> cut back to the last synced record, leave the segment, open a new one next time

After a failed sync the kernel may have dropped what it could not write, so a segment is never appended to again.
"""

from __future__ import annotations

import datetime as dt
import errno
import fcntl
import os
import secrets
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from regard.ledger.delta import synced
from regard.ledger.log.record import header
from regard.ledger.log.segments import DRAFT, SUFFIX

MOST_BYTES = 64 * 2**20
OLDEST_S = 60.0
PARTS_A_WRITE = 512  # below IOV_MAX (1024)


class LogWriter:
    """The segments of one process. Not safe for threads.

    most_bytes : a segment is left when it has grown to this.
    oldest_s   : or when it is this old.
    """

    def __init__(self, folder: Path, *, most_bytes: int = MOST_BYTES, oldest_s: float = OLDEST_S) -> None:
        self.folder, self.most_bytes, self.oldest_s = folder, most_bytes, oldest_s
        self._number: int | None = None
        self._durable = 0
        self._sequence = 0
        self._opened = 0.0

    def append(self, payloads: Sequence[bytes]) -> None:
        """Append records, all of them on the disk when this returns, or none of them in the log.

        Raises : OSError; what it is about can be tried again.
        """
        if self._number is not None and self._durable >= self.most_bytes:
            self.close()
        number = self._number if self._number is not None else self._open()
        parts: list[bytes] = []
        for payload in payloads:
            parts += (header(payload, self._sequence), payload)
            self._sequence += 1
        try:
            _write_whole(number, parts)
            os.fdatasync(number)
        except OSError:
            self._give_up(number)
            raise
        self._durable += sum(map(len, parts))

    def rest(self) -> None:
        """Leave a segment that is old, so that what is in the ledger can be removed; call it from time to time."""
        if self._number is not None and self._durable and time.monotonic() - self._opened > self.oldest_s:
            self.close()

    def close(self) -> None:
        """Leave the segment; the next append opens another."""
        if self._number is not None:
            os.close(self._number)  # and with it goes the lock: the segment is finished
            self._number = None

    def _open(self) -> int:
        self.folder.mkdir(parents=True, exist_ok=True)
        at = dt.datetime.now(dt.UTC).strftime("%Y%m%dT%H%M%S.%f")
        draft = self.folder / f"{at}-{os.getpid():x}-{secrets.token_hex(2)}{DRAFT}"
        number = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(number, fcntl.LOCK_EX)
            draft.rename(draft.with_suffix(SUFFIX))  # named when locked: it never looks like one of a dead writer
            synced(self.folder)
        except OSError:
            os.close(number)
            draft.unlink(missing_ok=True)
            raise
        self._number, self._durable, self._sequence = number, 0, 0
        self._opened = time.monotonic()
        return number

    def _give_up(self, number: int) -> None:
        with suppress(OSError):
            os.ftruncate(number, self._durable)
            os.fsync(number)
        self.close()


def _write_whole(number: int, parts: Sequence[bytes]) -> None:
    for first in range(0, len(parts), PARTS_A_WRITE):
        some = parts[first : first + PARTS_A_WRITE]
        wanted = sum(map(len, some))
        written = os.writev(number, some)
        if written < wanted:  # the room ended, or a signal came: say what is left in one piece
            rest = memoryview(b"".join(some))[written:]
            while rest:
                more = os.write(number, rest)
                if more == 0:
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
                rest = rest[more:]
