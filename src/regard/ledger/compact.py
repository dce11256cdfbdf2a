"""Interactions sorted by time, in files of one span each, so that a question about a month reads a month.

Each file is sorted by itself, and the spans are cut between days, so that memory does not grow with the ledger. Files
that are sorted, of a fair size and alone in their span are left as they are.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from pathlib import Path

import ibis.expr.types as ir

from regard.engine import Engine, schema
from regard.ledger.archive import Archive
from regard.ledger.batch import Compacted
from regard.ledger.delta import Piece
from regard.ledger.journal import Change, moved
from regard.tables import INTERACTIONS, ORDER

TARGET_BYTES = 192 * 2**20
SORTED = "sorted"


@dataclass(frozen=True)
class Stretch:
    """Files whose spans overlap, and so belong together."""

    files: tuple[Path, ...]
    rows: int
    size: int
    last: dt.datetime | None


def compact(archive: Archive, engine: Engine, *, target_bytes: int = TARGET_BYTES) -> Compacted:
    """See `Ledger.compact`; the lock is held."""
    before = archive.files()
    n_rows = 0
    work = [one for one in stretches(archive, target_bytes) if not finished(one, target_bytes)]
    if work:
        with archive.staging() as (number, folder):
            pieces: list[Piece] = []
            for stretch in work:
                facts = engine.read(stretch.files, schema(INTERACTIONS))
                per_file = max(1, stretch.rows * target_bytes // max(1, stretch.size))
                for start, end in cuts(facts, engine, rows_per_file=per_file):
                    span = facts.filter((facts.occurred_at >= start) & (facts.occurred_at < end))
                    target = folder / f"rows-{len(list(folder.iterdir()))}"
                    n_rows += engine.write(span, target, order_by=ORDER)
                    files = target.glob("*.parquet")
                    pieces += moved(files, staged=folder, table=INTERACTIONS.name, number=number, prefix=SORTED)
            gone = tuple(path.name for stretch in work for path in stretch.files)
            archive.seal(number, folder, [Change(INTERACTIONS.name, tuple(pieces), gone)], news=False)
    return Compacted(len(before), len(archive.files()), n_rows)


def stretches(archive: Archive, target_bytes: int) -> list[Stretch]:
    """The files in groups that overlap in time; neighbours too small to stand alone are one group."""
    spans = archive.table(INTERACTIONS.name).spans()
    found: list[Stretch] = []
    for path in archive.files():
        rows, first, last = spans[path.name]
        one = Stretch((path,), rows, path.stat().st_size, last)
        before = found[-1] if found else None
        if before and (overlaps(before, first) or before.size + one.size < target_bytes):
            ends = [end for end in (before.last, last) if end is not None]
            later = max(ends) if len(ends) == 2 else None
            found[-1] = Stretch((*before.files, path), before.rows + rows, before.size + one.size, later)
        else:
            found.append(one)
    return found


def overlaps(before: Stretch, first: dt.datetime | None) -> bool:
    """Whether something that begins at `first` begins within a stretch; what has no span overlaps everything."""
    return before.last is None or first is None or first <= before.last


def finished(stretch: Stretch, target_bytes: int) -> bool:
    """Whether a stretch is one sorted file of a fair size."""
    only = stretch.files[0]
    return len(stretch.files) == 1 and only.name.startswith(SORTED) and stretch.size < 2 * target_bytes


def cuts(facts: ir.Table, engine: Engine, *, rows_per_file: int) -> list[tuple[dt.datetime, dt.datetime]]:
    """Spans of whole days (UTC), each with about so many rows; a day is never divided."""
    days = facts.group_by(day=facts.occurred_at.truncate("D").cast("date")).aggregate(n=facts.count())
    counted = engine.rows(days.order_by("day")).to_pylist()
    found, start, rows = [], None, 0
    for at, row in enumerate(counted):
        start = start or _midnight(row["day"])
        rows += row["n"]
        if rows >= rows_per_file or at == len(counted) - 1:
            found.append((start, _midnight(row["day"]) + dt.timedelta(days=1)))
            start, rows = None, 0
    return found


def _midnight(day: dt.date) -> dt.datetime:
    return dt.datetime(day.year, day.month, day.day, tzinfo=dt.UTC)
