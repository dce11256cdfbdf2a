"""One table of the ledger on disk: a Delta table without deletion vectors, whose log holds no personal data.

Files are written by the engine, moved into the folder and made part of the table by one commit. The statistics in the
log are ours: row counts, the span of `occurred_at`, how many rows correct or retract; never a value that names anybody.
"""

from __future__ import annotations

import datetime as dt
import json
import os
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import ibis.expr.schema as sch
import pyarrow as pa
import pyarrow.parquet as pq
from deltalake import CommitProperties, DeltaTable, Field, PostCommitHookProperties, Schema, Transaction
from deltalake.exceptions import DeltaError
from deltalake.transaction import AddAction, RemoveAction

from regard.engine import schema
from regard.errors import LedgerError

ENTRIES = 256
"""So many entries of a log are folded into a checkpoint."""

VERSION = 1
"""Version of the ledger's schema; rises when a column changes its meaning, not when one is added."""

APP = "regard"
NEWS = "regard.news"
"""The change by which a table last came to say something else; rows that only move between files do not count."""
SETTLED_NS = 100_000_000
SPANNED = "occurred_at"
COUNTED = ("corrects", "retracts")
DELETION_VECTORS = "deletionVectors"
PROPERTIES = {
    "delta.dataSkippingStatsColumns": ",".join((SPANNED, *COUNTED)),
    "delta.logRetentionDuration": "interval 0 days",
    "delta.deletedFileRetentionDuration": "interval 0 days",
    "delta.enableExpiredLogCleanup": "false",
    "delta.enableDeletionVectors": "false",
}
QUIET = PostCommitHookProperties(create_checkpoint=True, cleanup_expired_logs=False)


@dataclass(frozen=True)
class Piece:
    """A Parquet file that becomes part of a table: its name there, size in bytes, rows and statistics."""

    path: str
    size: int
    rows: int
    stats: str


class DeltaFolder:
    """The Delta table `name` under `parent`."""

    def __init__(self, parent: Path, name: str) -> None:
        self.name = name
        self.folder = parent / name
        self.shape: sch.Schema = schema(name)
        self._known: tuple[int, tuple[int, int]] | None = None

    @property
    def exists(self) -> bool:
        return (self.folder / "_delta_log").is_dir()

    def open(self) -> DeltaTable:
        try:
            return DeltaTable(str(self.folder))
        except DeltaError as error:
            raise LedgerError(
                f"The ledger's table {self.name!r} cannot be opened.",
                found=str(error).splitlines()[0],
                hint=f"Restore {self.folder} from a backup.",
            ) from error

    def ensure(self) -> None:
        """Create the table, or bring an older one to today's columns.

        Raises : LedgerError if a newer Regard wrote it, or a column has another type.
        """
        if not self.exists:
            made = DeltaTable.create(
                str(self.folder), Schema.from_arrow(self.shape.to_pyarrow()), name=self.name, configuration=PROPERTIES
            )
            made.alter.set_table_properties({f"{APP}.schema": str(VERSION)}, raise_if_not_exists=False)
            return
        table = self.open()
        found = int(table.metadata().configuration.get(f"{APP}.schema", VERSION))
        if found > VERSION:
            raise LedgerError(
                f"The ledger's table {self.name!r} was written by a newer Regard.",
                found=f"schema {found}",
                allowed=f"schema {VERSION} or older",
                hint="Upgrade with: pip install --upgrade regard",
            )
        self._migrate(table)

    def _migrate(self, table: DeltaTable) -> None:
        have = {field.name: field for field in table.schema().fields}
        want = Schema.from_arrow(self.shape.to_pyarrow()).fields
        for field in want:
            if field.name in have and have[field.name].type != field.type:
                raise LedgerError(
                    f"Column {field.name!r} of the ledger's table {self.name!r} has another type.",
                    found=str(have[field.name].type),
                    allowed=str(field.type),
                    hint=f"Restore {self.folder} from a backup made before another program changed it.",
                )
        missing = [Field(field.name, field.type, nullable=True) for field in want if field.name not in have]
        if missing:
            table.alter.add_columns(missing)

    def files(self) -> list[Path]:
        """The table's Parquet files now, oldest moments first; none if the table has not been made yet."""
        if not self.exists:
            return []
        table = self.open()
        features = table.protocol().reader_features or []
        if DELETION_VECTORS in features:
            raise LedgerError(
                f"Another program put deletion vectors into {self.name!r}; its files cannot be read as plain Parquet.",
                hint="Rewrite it there with: REORG TABLE ... APPLY (PURGE)",
            )
        adds = pa.table(table.get_add_actions(flatten=True))
        spans = adds.column(f"min.{SPANNED}").to_pylist() if f"min.{SPANNED}" in adds.column_names else []
        names = adds.column("path").to_pylist()
        first = spans or [None] * len(names)
        never = dt.datetime.max.replace(tzinfo=dt.UTC)
        order = sorted(range(len(names)), key=lambda at: (first[at] or never, names[at]))
        return [self.folder / names[at] for at in order]

    def amendments(self) -> int:
        """Rows that correct or retract another, from the log's statistics."""
        adds = pa.table(self.open().get_add_actions(flatten=True))
        total = 0
        for column in COUNTED:
            if (name := f"null_count.{column}") in adds.column_names:
                nulls = adds.column(name).to_pylist()
                rows = adds.column("num_records").to_pylist()
                total += sum(n - (0 if null is None else null) for n, null in zip(rows, nulls, strict=True))
        return total

    def spans(self) -> dict[str, tuple[int, dt.datetime | None, dt.datetime | None]]:
        """Rows and span of `occurred_at` of each file, by file name."""
        adds = pa.table(self.open().get_add_actions(flatten=True))
        blank = [None] * adds.num_rows
        low = adds.column(f"min.{SPANNED}").to_pylist() if f"min.{SPANNED}" in adds.column_names else blank
        high = adds.column(f"max.{SPANNED}").to_pylist() if f"max.{SPANNED}" in adds.column_names else blank
        rows = adds.column("num_records").to_pylist()
        names = adds.column("path").to_pylist()
        return {name: (n, a, b) for name, n, a, b in zip(names, rows, low, high, strict=True)}

    def number(self) -> int:
        """Number of the last sealed change that reached this table; 0 before the first."""
        return self._numbers()[0]

    def news(self) -> int:
        """Number of the last change after which this table says something else; 0 before the first."""
        return self._numbers()[1]

    def _numbers(self) -> tuple[int, int]:
        """See `number` and `news`.

        A server asks for them at each page: the log is read again only when its folder has changed since, and for a
        moment after a change, while another could still come at the same time on the file system's clock.
        """
        try:
            changed_at = (self.folder / "_delta_log").stat().st_mtime_ns
        except FileNotFoundError:
            return 0, 0
        if self._known is not None and self._known[0] == changed_at:
            return self._known[1]
        settled = time.time_ns() - changed_at > SETTLED_NS
        table = self.open()
        number, news = table.transaction_version(APP) or 0, table.transaction_version(NEWS)
        numbers = number, number if news is None else news  # an older Regard did not tell apart
        self._known = (changed_at, numbers) if settled else None
        return numbers

    def commit(self, number: int, adds: Iterable[Piece], removes: Iterable[str], *, news: bool = True) -> None:
        """Make one sealed change part of the table, all of it or nothing; done already, it does nothing.

        news : whether the table says something else afterwards, and not the same from other files.
        """
        table = self.open()
        if (table.transaction_version(APP) or 0) >= number:
            return
        said = number if news else self.news()
        at = int(dt.datetime.now(dt.UTC).timestamp() * 1000)
        actions: list[AddAction | RemoveAction] = [RemoveAction(path, True, at) for path in removes]
        actions += [AddAction(piece.path, piece.size, {}, at, True, piece.stats) for piece in adds]
        table.create_write_transaction(
            actions,
            "append",
            table.schema(),
            commit_properties=CommitProperties(app_transactions=[Transaction(APP, number), Transaction(NEWS, said)]),
            post_commithook_properties=QUIET,
        )
        synced(self.folder / "_delta_log" / f"{table.version() + 1:020}.json")
        synced(self.folder / "_delta_log")

    def sweep(self, *, older_than: dt.datetime | None = None) -> int:
        """Remove Parquet files that the table does not have (any more), those last touched before `older_than`."""
        if not self.exists:
            return 0
        kept = {path.name for path in self.files()}
        gone = 0
        for path in self.folder.glob("*.parquet"):
            touched = dt.datetime.fromtimestamp(path.stat().st_mtime, dt.UTC)
            if path.name not in kept and (older_than is None or touched < older_than):
                path.unlink()
                gone += 1
        return gone

    def tidy(self, *, older_than: dt.datetime, entries: int = ENTRIES) -> None:
        """Fold a log of many entries into a checkpoint and remove those last touched before `older_than`."""
        log = self.folder / "_delta_log"
        if not self.exists or sum(1 for _ in log.glob("*.json")) < entries:
            return
        table = self.open()
        table.create_checkpoint()
        for path in log.iterdir():
            number = path.name.split(".")[0]
            touched = dt.datetime.fromtimestamp(path.stat().st_mtime, dt.UTC)
            if number.isdigit() and int(number) < table.version() and touched < older_than:
                path.unlink()
        synced(log)

    def trim(self) -> None:
        """Fold the log into one checkpoint and remove its past, so that no old version can be asked for."""
        if not self.exists:
            return
        table = self.open()
        table.create_checkpoint()
        log = self.folder / "_delta_log"
        for path in log.iterdir():  # a killed commit may have left a draft
            number = path.name.split(".")[0]
            if path.name != "_last_checkpoint" and not (number.isdigit() and int(number) >= table.version()):
                path.unlink()
        synced(log)


def piece(path: Path, name: str) -> Piece:
    """A finished Parquet file as a piece of a table, with the statistics that the log may hold."""
    metadata = pq.read_metadata(path)
    groups = [metadata.row_group(number) for number in range(metadata.num_row_groups)]
    places = {metadata.schema.column(at).path: at for at in range(metadata.num_columns)}
    low, high = span(groups, places.get(SPANNED))
    counts = {column: nulls(groups, places.get(column)) for column in COUNTED}
    stats: dict[str, object] = {"numRecords": metadata.num_rows}
    stats["nullCount"] = {column: count for column, count in counts.items() if count is not None}
    if low is not None and high is not None:
        stats["minValues"] = {SPANNED: _said(low)}
        stats["maxValues"] = {SPANNED: _said(high)}
    return Piece(name, path.stat().st_size, metadata.num_rows, json.dumps(stats))


def span(groups: list[pq.RowGroupMetaData], at: int | None) -> tuple[dt.datetime | None, dt.datetime | None]:
    """Least and greatest value of a column over row groups; None where a group does not say."""
    if at is None or not groups:
        return None, None
    said = [group.column(at).statistics for group in groups]
    if any(one is None or not one.has_min_max for one in said):
        return None, None
    return min(one.min for one in said), max(one.max for one in said)


def nulls(groups: list[pq.RowGroupMetaData], at: int | None) -> int | None:
    """Nulls of a column over row groups; None where a group does not say."""
    if at is None:
        return None
    said = [group.column(at).statistics for group in groups]
    if any(one is None or not one.has_null_count for one in said):
        return None
    return sum(int(one.null_count) for one in said)


def _said(at: dt.datetime) -> str:
    return at.astimezone(dt.UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def synced(path: Path) -> None:
    """Bring a file or folder to the disk; a file that is not there (any more) is passed over."""
    try:
        number = os.open(path, os.O_RDONLY)
    except FileNotFoundError:
        return
    try:
        os.fsync(number)
    finally:
        os.close(number)


def stats_of(pieces: Iterable[Piece]) -> Mapping[str, object]:
    """What pieces say together: rows, and the span of `occurred_at` as text."""
    said = [json.loads(one.stats) for one in pieces]
    lows = [one["minValues"][SPANNED] for one in said if "minValues" in one]
    highs = [one["maxValues"][SPANNED] for one in said if "maxValues" in one]
    return {
        "rows": sum(one["numRecords"] for one in said),
        "first": min(lows) if lows else None,
        "last": max(highs) if highs else None,
    }
