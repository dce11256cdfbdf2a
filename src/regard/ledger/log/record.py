"""One record of the log: a header that can be checked, then what one accepted request said.

    magic     4 bytes   "RGRD": where a reader finds its place again after damage
    kind      1 byte    1: a delivery, see `rows.py`
    length    4 bytes   of the payload
    sequence  8 bytes   rises by one within a segment
    crc       4 bytes   CRC-32 of kind, length, sequence and payload

All numbers are little-endian. A record is whole if its checksum holds, and nothing else is ever believed. Payloads are
JSON, in which the control character after the magic cannot stand: no sender can hide a record inside a record.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

MAGIC = b"RGRD"
DELIVERY = 1
LONGEST = 64 * 2**20
"""Bytes of the longest payload; a length above it is damage."""

_HEADER = struct.Struct("<4sBIQI")
_CHECKED = struct.Struct("<BIQ")
HEADER_BYTES = _HEADER.size


@dataclass(frozen=True)
class Record:
    """A whole record: where it begins and ends in its segment, and its payload."""

    start: int
    end: int
    sequence: int
    payload: memoryview


@dataclass(frozen=True)
class Scar:
    """Bytes of a segment that are no whole record.

    torn : they are its last: a write that a kill or a power cut ended, and so never acknowledged.
    """

    start: int
    end: int
    torn: bool


def header(payload: bytes, sequence: int, *, kind: int = DELIVERY) -> bytes:
    """The header that goes before a payload."""
    crc = zlib.crc32(payload, zlib.crc32(_CHECKED.pack(kind, len(payload), sequence)))
    return _HEADER.pack(MAGIC, kind, len(payload), sequence, crc)


def record_at(data: memoryview, at: int) -> Record | None:
    """The whole record that begins at `at`, if there is one."""
    if at + HEADER_BYTES > len(data):
        return None
    magic, kind, length, sequence, crc = _HEADER.unpack_from(data, at)
    end = at + HEADER_BYTES + length
    if magic != MAGIC or kind != DELIVERY or length > LONGEST or end > len(data):
        return None
    payload = data[at + HEADER_BYTES : end]
    if zlib.crc32(payload, zlib.crc32(_CHECKED.pack(kind, length, sequence))) != crc:
        return None
    return Record(at, end, sequence, payload)


def scan(data: bytes, *, growing: bool, base: int = 0) -> Iterator[Record | Scar]:
    """Every whole record of some bytes of a segment in order, and what lies between them.

    growing : its writer lives: an unfinished end is a write under way, and is left for the next time.
    base    : where the bytes begin in the segment; starts and ends count from the segment's beginning.
    """
    view, at = memoryview(data), 0
    while at < len(data):
        found = record_at(view, at)
        if found is not None:
            yield Record(base + at, base + found.end, found.sequence, found.payload)
            at = found.end
            continue
        next_at = _next_whole(data, view, at + 1)
        if next_at is None:
            if not growing:
                yield Scar(base + at, base + len(data), torn=True)
            return
        yield Scar(base + at, base + next_at, torn=False)
        at = next_at


def _next_whole(data: bytes, view: memoryview, at: int) -> int | None:
    while (at := data.find(MAGIC, at)) >= 0:
        if record_at(view, at) is not None:
            return at
        at += 1
    return None
