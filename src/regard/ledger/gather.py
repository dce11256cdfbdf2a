"""Many small files into fewer, as sealing goes on: files of one size are joined when there are a dozen of them.

A row is rewritten once for each class of size it passes, a few times at most, whatever the ledger holds. The rows stay
in their order of arrival; `compact` sorts them by time.
"""

from __future__ import annotations

import datetime as dt
import math
from collections import defaultdict
from pathlib import Path

import pyarrow.parquet as pq

from regard.engine import schema
from regard.ledger.archive import GRACE, Archive
from regard.ledger.compact import SORTED, TARGET_BYTES
from regard.ledger.journal import Change, moved
from regard.ledger.known import Known
from regard.tables import INTERACTIONS

DOZEN = 12
SMALLEST = 256 * 2**10
GROWTH = 8


def gather(archive: Archive, known: Known, *, now: dt.datetime, dozen: int = DOZEN) -> int:
    """See `Ledger.gather`; the lock is held."""
    for table in archive.tables.values():
        table.tidy(older_than=now - GRACE)
    some = chosen(archive.files(), dozen=dozen)
    if not some:
        return 0
    with archive.staging() as (number, folder):
        path = folder / "gathered.parquet"
        _joined(some, path)
        pieces = moved([path], staged=folder, table=INTERACTIONS.name, number=number)
        gone = tuple(path.name for path in some)
        archive.seal(number, folder, [Change(INTERACTIONS.name, pieces, gone)], news=False)
    known.moved(gone, [piece.path for piece in pieces])
    return len(some)


def chosen(files: list[Path], *, dozen: int = DOZEN) -> list[Path]:
    """A dozen files of the smallest class of size that has so many, the oldest first; none if no class has."""
    shape = schema(INTERACTIONS).to_pyarrow().names
    classes: dict[int, list[Path]] = defaultdict(list)
    for path in sorted(files, key=lambda path: path.name):
        size = path.stat().st_size
        if size < TARGET_BYTES // 2 and not path.name.startswith(SORTED):
            classes[size_class(size)].append(path)
    for _, some in sorted(classes.items()):
        same = [path for path in some if pq.read_schema(path).names == shape] if len(some) >= dozen else []
        if len(same) >= dozen:
            return same[:dozen]
    return []


def size_class(size: int) -> int:
    """Which class of size a file is in; each is eight times the one before.

    >>> size_class(1_000), size_class(1_000_000), size_class(10_000_000)
    (0, 1, 2)
    """
    return max(0, math.ceil(math.log(size / SMALLEST, GROWTH))) if size else 0


def _joined(files: list[Path], target: Path) -> None:
    """Row group by row group, so that memory does not grow with the files."""
    shape = schema(INTERACTIONS).to_pyarrow()
    with pq.ParquetWriter(target, shape, compression="zstd", compression_level=1) as writer:
        for path in files:
            with pq.ParquetFile(path) as file:
                for group in range(file.num_row_groups):
                    writer.write_table(file.read_row_group(group).cast(shape))
