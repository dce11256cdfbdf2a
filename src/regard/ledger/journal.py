"""One change over several tables, all of it or nothing, whenever the process is killed.

    1. files are written into scratch                      killed: the next writer empties scratch
    2. the journal is written, synced and renamed: sealed  from here on the change will happen
    3. files move into their tables, a commit for each     killed: the next writer goes on from the journal
    4. the journal is removed

A commit carries the number of its change, so going on never does anything twice.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from regard.errors import LedgerError
from regard.ledger.delta import DeltaFolder, Piece, piece, synced


@dataclass(frozen=True)
class Change:
    """What happens to one table: pieces that come (from scratch, by name) and files that go (by name)."""

    table: str
    adds: tuple[Piece, ...]
    removes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Seal:
    """A change over several tables.

    number  : rises by one with every change of the ledger.
    staged  : name of the scratch folder that holds the files, `<table>.<name>` each.
    purge   : afterwards nothing old may be left: unused files, log entries, scratch.
    log     : how far the segments of the write-ahead log are in the ledger with it.
    news    : whether the tables say something else afterwards, and not the same from other files.
    """

    number: int
    staged: str
    changes: tuple[Change, ...]
    purge: bool = False
    log: Mapping[str, int] = field(default_factory=dict)
    news: bool = True


def moved(files: Iterable[Path], *, staged: Path, table: str, number: int, prefix: str = "part") -> tuple[Piece, ...]:
    """Files that an engine wrote, put side by side in `staged` under the names they will have in the table."""
    pieces = []
    for path in sorted(files):
        name = f"{prefix}-{number:08d}-{len(list(staged.glob(f'{table}.*'))):04d}.parquet"
        made = piece(path, name)
        if made.rows == 0:
            path.unlink()
            continue
        target = staged / f"{table}.{name}"
        path.rename(target)
        synced(target)
        pieces.append(made)
    return tuple(pieces)


def write(path: Path, seal: Seal) -> None:
    """Seal a change: after this it happens, whatever befalls the process."""
    write_json(path, asdict(seal))


def read(path: Path) -> Seal | None:
    """The sealed change that has not been finished, if there is one.

    Raises : LedgerError if the journal cannot be read.
    """
    said = read_json(path)
    if said is None:
        return None
    try:
        changes = tuple(
            Change(one["table"], tuple(Piece(**add) for add in one["adds"]), tuple(one["removes"]))
            for one in said["changes"]
        )
        log, news = dict(said.get("log", {})), bool(said.get("news", True))
        return Seal(said["number"], said["staged"], changes, said["purge"], log, news)
    except (KeyError, TypeError) as error:
        raise LedgerError(f"{path} is damaged.", found=repr(error), hint="Restore it from a backup.") from error


def apply(seal: Seal, tables: dict[str, DeltaFolder], scratch: Path) -> None:
    """Do what is sealed, or what is left of it."""
    staged = scratch / seal.staged
    for change in seal.changes:
        table = tables[change.table]
        for add in change.adds:
            source = staged / f"{change.table}.{add.path}"
            if source.exists():
                source.replace(table.folder / add.path)
        synced(table.folder)
        table.commit(seal.number, change.adds, change.removes, news=seal.news)
        for name in change.removes:
            gone = table.folder / name
            if gone.exists():
                os.utime(gone)  # readers that opened the old version have from now until the next sweep


def write_json(path: Path, said: object) -> None:
    """Replace a small file by one atomic rename, on the disk when this returns."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(path.name + ".draft")
    try:
        with draft.open("w", encoding="utf-8") as file:
            json.dump(said, file)
            file.flush()
            os.fsync(file.fileno())
    except OSError:
        draft.unlink(missing_ok=True)
        raise
    draft.replace(path)
    synced(path.parent)


def read_json(path: Path) -> Mapping[str, Any] | None:
    """A small file as written by `write_json`; None if it is not there."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
    try:
        said = json.loads(text)
    except json.JSONDecodeError as error:
        raise LedgerError(f"{path} is damaged.", found=str(error), hint="Restore it from a backup.") from error
    return said if isinstance(said, dict) else None
