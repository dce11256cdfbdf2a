"""The folder of the log: which segments there are, whose writers live, how far each is sealed, what was set aside.

.regard/log/
  20260102T030405.678901-1a2b-9f3c.seg   a segment; its writer holds its lock for as long as it lives
  sealed.json                            how far each segment is in the ledger
  damaged/                               bytes that were no whole record, and a note about each
"""

from __future__ import annotations

import datetime as dt
import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path

from regard.ledger.delta import synced
from regard.ledger.journal import read_json, write_json
from regard.ledger.lock import is_held
from regard.ledger.log.record import Record, Scar, scan

SUFFIX = ".seg"
DRAFT = ".new"
STALE_S = 60.0
"""A draft of a segment this old was left by a process that died while it opened it."""


@dataclass(frozen=True)
class Damage:
    """Bytes set aside because no checksum vouched for them.

    torn   : the end of a segment whose writer died in mid-write; it was never acknowledged.
    file   : where the bytes are, unless they were removed since.
    """

    segment: str
    start: int
    end: int
    torn: bool
    at: str
    file: str


@dataclass(frozen=True)
class Taken:
    """What was read of the log in one turn: whole records in order, and how far each segment is read with them.

    more : there is more than was asked for.
    """

    records: list[Record] = field(default_factory=list)
    positions: dict[str, int] = field(default_factory=dict)
    scars: list[tuple[str, Scar, bytes]] = field(default_factory=list)
    more: bool = False


class Segments:
    """The log of one workspace on disk. Reading needs no lock; marking and removing is for the one writer."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @property
    def sealed_file(self) -> Path:
        return self.folder / "sealed.json"

    @property
    def damaged(self) -> Path:
        return self.folder / "damaged"

    def all(self) -> list[Path]:
        """The segments, oldest first."""
        return sorted(self.folder.glob("*" + SUFFIX))

    def positions(self) -> dict[str, int]:
        """How far each segment is in the ledger, by its name; one that is not named: not at all."""
        said = read_json(self.sealed_file) or {}
        return {str(name): int(at) for name, at in dict(said.get("segments", {})).items()}

    def mark(self, positions: dict[str, int]) -> None:
        """Note how far segments are in the ledger; those that are gone are no longer named."""
        here = {path.name for path in self.all()}
        whole = {name: at for name, at in (self.positions() | positions).items() if name in here}
        write_json(self.sealed_file, {"segments": whole})

    def waiting(self) -> int:
        """Bytes that are not in the ledger yet."""
        sealed, total = self.positions(), 0
        for path in self.all():
            with suppress(FileNotFoundError):
                total += max(0, path.stat().st_size - sealed.get(path.name, 0))
        return total

    def take(self, most: int | None = None) -> Taken:
        """Whole records that are not in the ledger yet, oldest segment first, of at most so many bytes (or one record).

        Nothing is changed: a record is taken again until `mark` says that it is in the ledger.
        """
        taken, left = Taken(), most
        sealed = self.positions()
        for path in self.all():
            if left is not None and left <= 0:
                return Taken(taken.records, taken.positions, taken.scars, more=True)
            growing = is_held(path)  # asked before reading: what a dead writer left is all there will be
            with suppress(FileNotFoundError):  # sealed and removed since it was listed
                left = _read(path, sealed.get(path.name, 0), growing, left, taken)
        return Taken(taken.records, taken.positions, taken.scars, more=left is not None and left <= 0)

    def set_aside(self, taken: Taken, now: dt.datetime) -> None:
        """Keep the bytes of damage in `damaged/`, each with a note; done twice, it is done once."""
        for name, scar, data in taken.scars:
            self.damaged.mkdir(parents=True, exist_ok=True)
            file = self.damaged / f"{name.removesuffix(SUFFIX)}-{scar.start}.bin"
            file.write_bytes(data)
            synced(file)
            note = Damage(name, scar.start, scar.end, scar.torn, now.isoformat(), file.name)
            write_json(file.with_suffix(".json"), asdict(note))

    def damage(self) -> list[Damage]:
        """What was set aside, oldest first."""
        found = [read_json(path) for path in sorted(self.damaged.glob("*.json"))]
        return sorted((Damage(**said) for said in found if said), key=lambda one: one.at)

    def remove_sealed(self) -> int:
        """Remove the segments that are wholly in the ledger and whose writers are gone, and drafts of the dead."""
        gone, sealed = 0, self.positions()
        for path in self.all():
            with suppress(FileNotFoundError):
                if not is_held(path) and sealed.get(path.name, 0) >= path.stat().st_size:
                    path.unlink()
                    gone += 1
        for path in self.folder.glob("*" + DRAFT):
            with suppress(FileNotFoundError):
                age_s = dt.datetime.now(dt.UTC).timestamp() - path.stat().st_mtime
                if age_s > STALE_S and not is_held(path):
                    path.unlink()
        return gone

    def blank_sealed(self) -> None:
        """Overwrite what is in the ledger with zeros, and drop the bytes that were set aside."""
        sealed = self.positions()
        for path in self.all():
            with suppress(FileNotFoundError):
                _blank(path, sealed.get(path.name, 0))
        for path in self.damaged.glob("*.bin"):
            path.unlink()


def _blank(path: Path, until: int) -> None:
    with path.open("r+b") as file:
        for at in range(0, until, 2**20):
            file.seek(at)
            file.write(bytes(min(2**20, until - at)))
        file.flush()
        os.fsync(file.fileno())


def _read(path: Path, start: int, growing: bool, most: int | None, into: Taken) -> int | None:
    """Take records of one segment from `start`; returns the bytes that may still be taken."""
    with path.open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        if size <= start:
            return most
        room = size - start if most is None else min(size - start, most)
        file.seek(start)
        data = file.read(room)
        found = list(scan(data, growing=growing or room < size - start, base=start))
        if not found and room < size - start and not into.positions:  # one record is longer than a turn, or damage is
            data += file.read()
            found = list(scan(data, growing=growing, base=start))
    reached = start
    for one in found:
        if isinstance(one, Record):
            into.records.append(one)
        else:
            into.scars.append((path.name, one, data[one.start - start : one.end - start]))
        reached = one.end
    if reached > start:
        into.positions[path.name] = reached
    cut_short = room < size - start
    return 0 if cut_short else (None if most is None else max(1, most - (reached - start)))


def notes(found: list[Damage]) -> Iterator[str]:
    """One line about each damage, for people."""
    for one in found:
        what = "a write that was cut off (never acknowledged)" if one.torn else "damaged bytes"
        yield f"{one.end - one.start:,} bytes of {one.segment} at {one.start:,}: {what}"
