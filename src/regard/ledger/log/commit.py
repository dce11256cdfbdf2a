"""Group commit: while one sync runs the next requests gather, and each is answered by the sync that covers it."""

from __future__ import annotations

import asyncio
import errno
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from regard.errors import LogError
from regard.ledger.log.writer import LogWriter

MOST_IN_FLIGHT = 64 * 2**20
A_SYNC = 16 * 2**20
"""Bytes that one sync covers at most, so that nobody waits for a long one."""


@dataclass
class Gauges:
    """What intake has done since it started, as plain numbers.

    bytes_in_flight : of requests that are not answered yet.
    """

    requests: int = 0
    events: int = 0
    rejects: int = 0
    syncs: int = 0
    bytes_appended: int = 0
    bytes_in_flight: int = 0
    turned_away: int = 0
    failures: int = 0


class GroupCommit:
    """The log as one server process writes it, from an event loop."""

    def __init__(self, folder: Path, *, most_in_flight: int = MOST_IN_FLIGHT, writer: LogWriter | None = None) -> None:
        self.gauges = Gauges()
        self.most_in_flight = most_in_flight
        self._writer = writer or LogWriter(folder)
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="regard-log")
        self._waiting: list[tuple[bytes, asyncio.Future[None]]] = []
        self._busy: asyncio.Task[None] | None = None

    async def append(self, payload: bytes) -> None:
        """Return when the payload is on the disk.

        Raises : LogError if it cannot be written; nothing of it is kept then.
        """
        loop = asyncio.get_running_loop()
        done: asyncio.Future[None] = loop.create_future()
        self._waiting.append((payload, done))
        if self._busy is None or self._busy.done():
            self._busy = loop.create_task(self._sync())
        await done

    async def rest(self) -> None:
        """Leave an old segment; call it every few seconds."""
        await asyncio.get_running_loop().run_in_executor(self._thread, self._writer.rest)

    async def close(self) -> None:
        """Finish what waits and leave the segment."""
        if self._busy is not None:
            await self._busy
        await asyncio.get_running_loop().run_in_executor(self._thread, self._writer.close)
        self._thread.shutdown()

    async def _sync(self) -> None:
        loop = asyncio.get_running_loop()
        while self._waiting:
            some = self._next()
            payloads = [payload for payload, _ in some]
            try:
                await loop.run_in_executor(self._thread, self._writer.append, payloads)
            except OSError as error:
                self.gauges.failures += 1
                _fail(some, error)
            else:
                self.gauges.syncs += 1
                self.gauges.bytes_appended += sum(map(len, payloads))
                for _, done in some:
                    if not done.done():
                        done.set_result(None)

    def _next(self) -> list[tuple[bytes, asyncio.Future[None]]]:
        size, n = 0, 0
        for payload, _ in self._waiting:
            size += len(payload)
            if n and size > A_SYNC:
                break
            n += 1
        some, self._waiting = self._waiting[:n], self._waiting[n:]
        return some


def _fail(waiting: Sequence[tuple[bytes, asyncio.Future[None]]], error: OSError) -> None:
    full = error.errno in (errno.ENOSPC, errno.EDQUOT)
    for _, done in waiting:
        if not done.done():
            done.set_exception(
                LogError(
                    "The disk is full; nothing was taken." if full else "The log cannot be written; nothing was taken.",
                    found=error.strerror,
                    hint="Send it again later; it goes on by itself as soon as there is room." if full else None,
                )
            )
