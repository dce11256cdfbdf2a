"""The ledger's tables on disk, read whole and changed all at once."""

from __future__ import annotations

import datetime as dt
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import ibis.expr.types as ir

from regard.engine import Engine, schema
from regard.errors import TableError
from regard.ledger import journal
from regard.ledger.delta import DeltaFolder
from regard.ledger.journal import Change, Seal
from regard.ledger.known import Known
from regard.ledger.log import Segments
from regard.tables import INTERACTIONS, LEDGER_TABLES
from regard.workspace import Workspace

NOTHING: Mapping[str, int] = {}
SIDES = ("decisions", "memberships", "rates")
"""The other tables of the ledger that derived tables depend on."""
MADE_FROM = (INTERACTIONS.name, *SIDES)
GRACE = dt.timedelta(hours=1)
"""So long a reader may go on with files that a change replaced."""


class Archive:
    """The Delta tables of one workspace, its journal and its scratch. Changing it is for the holder of the lock."""

    def __init__(self, workspace: Workspace) -> None:
        self.workspace = workspace
        self.log = Segments(workspace.log)
        self.tables = {table.name: DeltaFolder(workspace.ledger, table.name) for table in LEDGER_TABLES}

    @property
    def scratch(self) -> Path:
        return self.workspace.scratch / "ledger"

    @property
    def known(self) -> Path:
        """The index of ids; it holds nothing that the tables do not say."""
        return self.workspace.ledger / "known"

    @property
    def journal(self) -> Path:
        return self.workspace.ledger / "journal.json"

    @property
    def intent(self) -> Path:
        """What was begun to be forgotten, as hashes."""
        return self.workspace.ledger / "forgetting.json"

    @property
    def number(self) -> int:
        return max((table.number() for table in self.tables.values()), default=0)

    @property
    def news(self) -> int:
        """Number of the last change of what derived tables are made from."""
        return max(self.table(name).news() for name in MADE_FROM)

    def files(self, name: str = INTERACTIONS.name) -> list[Path]:
        return self.table(name).files()

    def table(self, name: str) -> DeltaFolder:
        if name not in self.tables:
            raise TableError(f"{name!r} is not a table of the ledger.", allowed=", ".join(self.tables))
        return self.tables[name]

    def rows(self, name: str, engine: Engine) -> ir.Table:
        """All rows of a table, lazily."""
        return engine.read(self.files(name), schema(name))

    def prepare(self, now: dt.datetime) -> None:
        """Make or migrate the tables, finish a change that was sealed, clear away one that was not."""
        for table in self.tables.values():
            table.ensure()
        self.finish()
        shutil.rmtree(self.scratch, ignore_errors=True)
        for table in self.tables.values():
            table.sweep(older_than=now - GRACE)

    @contextmanager
    def staging(self) -> Iterator[tuple[int, Path]]:
        """Number of the next change and an empty scratch folder for it, cleared away unless it was sealed."""
        number = self.number + 1
        folder = self.scratch / f"change-{number:08d}"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        try:
            yield number, folder
        finally:
            if not self.journal.exists():
                shutil.rmtree(folder, ignore_errors=True)

    def written(self, name: str, rows: ir.Table, engine: Engine, *, number: int, folder: Path) -> Change:
        """Rows of a table, staged to be added to it."""
        target = folder / f"rows-{name}-{len(list(folder.iterdir()))}"
        engine.write(rows, target)
        return Change(name, journal.moved(target.glob("*.parquet"), staged=folder, table=name, number=number))

    def seal(
        self,
        number: int,
        folder: Path,
        changes: Sequence[Change],
        *,
        purge: bool = False,
        log: Mapping[str, int] = NOTHING,
        news: bool = True,
    ) -> None:
        """Make a staged change happen, whatever befalls the process from here on.

        purge : afterwards nothing old is left: no unused file, no earlier log, no intent.
        log   : how far segments of the write-ahead log are in the ledger with it.
        news  : whether the tables say something else afterwards; rows that only move between files are no news.
        """
        happening = tuple(change for change in changes if change.adds or change.removes)
        if happening or purge or log:
            journal.write(self.journal, Seal(number, folder.name, happening, purge, log, news))
            self.finish()

    def finish(self) -> None:
        """Do what is sealed and not done yet."""
        seal = journal.read(self.journal)
        if seal is None:
            return
        journal.apply(seal, self.tables, self.scratch)
        if seal.log:
            self.log.mark(dict(seal.log))
        shutil.rmtree(self.scratch / seal.staged, ignore_errors=True)
        if seal.purge:
            for table in self.tables.values():
                table.sweep()
                table.trim()
            Known(self.known).drop()
            self.intent.unlink(missing_ok=True)
        self.journal.unlink()
