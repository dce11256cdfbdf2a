"""The ledger of one workspace: the verbs, and the order in which each of them does its work."""

from __future__ import annotations

import datetime as dt
import errno
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import ibis.expr.types as ir
from deltalake.exceptions import DeltaError

from regard.engine import Engine, schema
from regard.errors import WorkspaceError
from regard.ledger.amended import effective
from regard.ledger.append import append, loaded, note
from regard.ledger.archive import Archive
from regard.ledger.batch import Appended, Batch, Compacted, Forgotten
from regard.ledger.compact import compact
from regard.ledger.forget import forget, resume
from regard.ledger.gather import gather
from regard.ledger.known import Known
from regard.ledger.lock import held
from regard.ledger.log import Damage
from regard.ledger.reading import Reading, amending, read_now
from regard.ledger.sealing import Sealed, seal
from regard.ledger.waiting import waiting
from regard.tables import INTERACTIONS
from regard.workspace import Workspace


class Ledger:
    """What happened, for ever. Open one for each process; reading needs no lock, writing takes the workspace's.

    wait_s : seconds that a writer waits for another one.
    """

    def __init__(self, workspace: Workspace, *, wait_s: float = 10.0) -> None:
        self.workspace, self.wait_s = workspace, wait_s
        self.archive = Archive(workspace)
        self._depth = 0
        self._known: Known | None = None

    @classmethod
    def open(cls, workspace: Workspace, *, wait_s: float = 10.0) -> Ledger:
        """The workspace's ledger; it is made when something is first written."""
        return cls(workspace, wait_s=wait_s)

    # -- reading ----------------------------------------------------------------------------------------------

    def read(self, engine: Engine) -> ir.Table:
        """The interactions as they hold now: corrections in the place of what they correct, retracted ones gone.

        What was accepted and is not sealed yet is among them, whether or not a server is running.
        Returns : lazy, on `engine`, in the columns of `interactions`.
        """
        facts, amended = self._facts(engine)
        return effective(facts, engine) if amended else facts

    def facts(self, engine: Engine) -> ir.Table:
        """Every fact as it was appended, corrections and retractions among them."""
        return self._facts(engine)[0]

    def _facts(self, engine: Engine) -> tuple[ir.Table, bool]:
        """Every fact, and whether some correct or retract others. The log is read first: see `waiting`."""
        taken = self.archive.log.take()
        table = self.archive.table(INTERACTIONS.name)
        amended = table.exists and table.amendments() > 0
        files = self.archive.files()
        facts = engine.read(files, schema(INTERACTIONS))
        more = waiting(self.archive, taken, files, engine) if taken.records else None
        if more is None:
            return facts, amended
        return facts.union(engine.table(more)), amended or amending(more)

    def reading(self, engine: Engine) -> Reading:
        """The interactions of this moment, and what has come and gone since an earlier one."""
        return read_now(self.archive, engine)

    def side(self, name: str, engine: Engine) -> ir.Table:
        """One of the other tables: objects, memberships, consents, rates, rejects, loads, decisions, tombstones.

        Raises : TableError if it is not one of the ledger's.
        """
        return self.read(engine) if name == INTERACTIONS.name else self.archive.rows(name, engine)

    def loaded(self, content: str, mapping: str, engine: Engine, *, source: str | None = None) -> Appended | None:
        """What came of a file when it was loaded before with the same mapping; None if it never was.

        content, mapping : hashes, as `Batch` has them.
        source           : the system it comes from; None where a file is the same whatever it is said to come from.
        """
        return loaded(self.archive, content, mapping, engine, source=source)

    def files(self, name: str = INTERACTIONS.name) -> list[Path]:
        """The Parquet files of a table now: plain Parquet, for any tool."""
        return self.archive.files(name)

    @property
    def number(self) -> int:
        """Number of the last change; it rises with each, so that a derived table can say what it was made from."""
        return self.archive.number

    @property
    def news(self) -> int:
        """Number of the last change of what derived tables are made from; files that were only joined do not count."""
        return self.archive.news

    @property
    def waiting_bytes(self) -> int:
        """Bytes of the log that are not in the ledger yet."""
        return self.archive.log.waiting()

    def damage(self) -> list[Damage]:
        """Bytes of the log that were set aside, since no checksum vouched for them; the oldest first."""
        return self.archive.log.damage()

    @property
    def known(self) -> Known:
        """The index of ids, opened when it is first asked for."""
        if self._known is None:
            self._known = Known(self.archive.known)
        return self._known

    # -- writing ----------------------------------------------------------------------------------------------

    def append(self, batch: Batch, engine: Engine, *, now: dt.datetime) -> Appended:
        """Append a batch: all of it in one commit, or nothing. A batch appended before changes nothing.

        engine : embedded (DuckDB); memory stays what it may hold, whatever the size of the file.
        now    : UTC; received_at of rows that do not say it.
        Raises : WorkspaceError if another process is writing or the disk is full; TableError if a column is of a
                 kind that cannot be the ledger's.
        """
        with self.writing(f"appending {batch.file or batch.source}", engine, now=now):
            return append(self.archive, batch, engine, now=now)

    def note(self, name: str, rows: ir.Table, engine: Engine, *, now: dt.datetime) -> int:
        """Add rows to decisions, objects, memberships, consents or rates; returns how many are new or say otherwise.

        A row with the key of one that is there takes its place.
        """
        with self.writing(f"adding to {name}", engine, now=now):
            return note(self.archive, name, rows, engine)

    def seal(self, engine: Engine, *, now: dt.datetime, everything: bool = False) -> Sealed:
        """Bring what the log holds into the ledger, each fact once: one turn, or turns until everything is in.

        Returns : what the turn did, or the turns together.
        Raises  : WorkspaceError if another process is writing or the disk is full; the log keeps it.
        """
        with self.writing("sealing what was accepted", engine, now=now):
            done = seal(self.archive, self.known, engine, now=now)
            while everything and done.more:
                done = done.and_then(seal(self.archive, self.known, engine, now=now))
            return done

    def gather(self, engine: Engine, *, now: dt.datetime) -> int:
        """Join a dozen small files into one, if there are so many of a size; returns how many were joined.

        What is read does not change. Logs of tables that have grown long are folded, too.
        """
        with self.writing("joining small files", engine, now=now):
            return gather(self.archive, self.known, now=now)

    def compact(self, engine: Engine, *, now: dt.datetime) -> Compacted:
        """Sort the interactions by time into files of one span each; what is read does not change."""
        with self.writing("compacting", engine, now=now):
            before = {path.name for path in self.files()}
            done = compact(self.archive, engine)
            after = {path.name for path in self.files()}
            self.known.renew()
            self.known.moved(before - after, after - before)
            self.known.keep()
            return done

    def forget(
        self,
        handles: Sequence[tuple[str, str]],
        engine: Engine,
        *,
        objects: Sequence[tuple[str, str]] = (),
        now: dt.datetime,
    ) -> Forgotten:
        """Remove a person from every file, old version and log of the ledger, and leave a tombstone.

        What was accepted is sealed first, and the log blanked as far as it is sealed.

        handles : all (kind, value) of one person; compared without case and blanks, telephone numbers by their digits.
        objects : (type, id) of objects that are theirs alone; rows without a handle about one of them go too.
        now     : UTC; what happens later is a new relationship.
        Raises  : WorkspaceError if another process is writing or the disk is full: run it again, it goes on.
        """
        with self.writing("forgetting a person", engine, now=now):
            self.seal(engine, now=now, everything=True)
            self.archive.log.blank_sealed()
            return forget(self.archive, handles, engine, objects=objects, now=now)

    @contextmanager
    def writing(self, doing: str, engine: Engine, *, now: dt.datetime) -> Iterator[None]:
        """Be the one writer while the block runs; what a killed one left is finished or cleared away first.

        May be nested, so that several appends can be one turn.
        """
        if self._depth:
            yield
            return
        with full_disk(), held(self.workspace.writer_lock, doing=doing, wait_s=self.wait_s):
            self._depth = 1
            try:
                self.archive.prepare(now)
                if self.archive.intent.exists():
                    resume(self.archive, engine)
                yield
            finally:
                self._depth = 0


@contextmanager
def full_disk() -> Iterator[None]:
    """A full disk as a sentence; nothing is half done: what was not sealed is cleared away, what was goes on later."""
    try:
        yield
    except (OSError, DeltaError) as error:  # deltalake says it in words, without a number
        full = isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT)
        if not full and "No space left on device" not in str(error):
            raise
        raise WorkspaceError(
            "The disk is full.",
            found=str(error).splitlines()[-1].strip(),
            hint="Free some space and run the command again; nothing was lost.",
        ) from error
