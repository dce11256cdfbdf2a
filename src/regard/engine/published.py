"""Derived tables on disk: written into a folder of their own for each run, seen by readers all at once.

    derived/20260301T101500-3f9c/scores/part-0.parquet     written first, in any order
    derived/20260301T101500-3f9c/score.json                a note beside them, for whoever goes on from this run
    current.json -> {"run": "20260301T101500-3f9c", ...}   replaced last, by one atomic rename

A reader that opened the old pointer goes on with the old files: the last two runs are kept.
"""

from __future__ import annotations

import datetime as dt
import json
import os
import shutil
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import ibis
import ibis.expr.datatypes as dt_
import ibis.expr.types as ir

from regard.engine.contract import Engine, schema
from regard.errors import TableError, WorkspaceError
from regard.tables import table
from regard.workspace import Workspace

KEPT_RUNS = 2


@dataclass(frozen=True)
class Published:
    """One finished run: the derived tables that readers see together.

    run    : name of its folder.
    as_of  : the time of knowing, UTC; every row of its tables carries it or is of it.
    made_at: when the run finished.
    counts : rows by table.
    facts  : what the run says of itself (horizon_s, engine, ledger_version ...), JSON values.
    """

    workspace: Workspace
    run: str
    as_of: dt.datetime
    made_at: dt.datetime
    counts: Mapping[str, int]
    facts: Mapping[str, object]

    @classmethod
    def current(cls, workspace: Workspace) -> Published:
        """The run that readers see now.

        Raises : WorkspaceError if nothing has been worked out yet, or the pointer is damaged.
        """
        try:
            said = json.loads(workspace.pointer.read_text(encoding="utf-8"))
        except FileNotFoundError:
            raise WorkspaceError("Nothing has been worked out here yet.", hint="Run `regard run` first.") from None
        except json.JSONDecodeError as error:
            raise WorkspaceError(
                f"{workspace.pointer} is damaged.", found=str(error), hint="Run `regard run` to make it anew."
            ) from error
        return cls(
            workspace,
            said["run"],
            dt.datetime.fromisoformat(said["as_of"]),
            dt.datetime.fromisoformat(said["made_at"]),
            said["counts"],
            said["facts"],
        )

    def files(self, name: str) -> list[Path]:
        """The Parquet files of a derived table.

        Raises : TableError if there is no such table, or this run did not make it.
        """
        spec = table(name)
        if name not in self.counts:
            raise TableError(
                f"The last run did not make {spec.name!r}.",
                hint="Run `regard run`." if spec.derived else f"{spec.name!r} is a table of the ledger.",
            )
        return sorted((self.workspace.derived / self.run / name).glob("*.parquet"))

    def note(self, name: str) -> dict[str, object] | None:
        """What the run noted under that name beside its tables; None if it noted nothing.

        Raises : WorkspaceError if the note is damaged.
        """
        path = _note(self.workspace.derived / self.run, name)
        try:
            found: dict[str, object] = json.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return None
        except json.JSONDecodeError as error:
            raise WorkspaceError(f"{path} is damaged.", found=str(error), hint="Make it anew: regard run") from error
        return found

    def table(self, name: str, engine: Engine) -> ir.Table:
        """A derived table as a lazy table on `engine`."""
        return engine.read(self.files(name), schema(name))


class Publication:
    """A run in the making: write its tables, then publish them together; a killed run leaves the old one in place."""

    def __init__(self, workspace: Workspace, engine: Engine, *, as_of: dt.datetime, now: dt.datetime) -> None:
        self.workspace, self.engine, self.as_of, self.now = workspace, engine, as_of, now
        self.run = f"{now:%Y%m%dT%H%M%S}-{uuid4().hex[:6]}"
        self.folder = workspace.derived / self.run
        self.folder.mkdir(parents=True)
        self.counts: dict[str, int] = {}
        self._numbers: ir.Table | None = None
        self._alone = threading.Lock()

    def number(self, people: ir.Table) -> None:
        """From now on rows of a table that has a column `person` are given the number of their person.

        people : kept, (person_id, person: int32); somebody who is not in it gets no number.
        """
        self._numbers = people

    def write(self, name: str, expression: ir.Table, *, order_by: tuple[str, ...] = ()) -> ir.Table:
        """Write one derived table in the shape `tables.py` gives it and return it read back.

        expression : has every column of the table, of its type or one that can be cast to it; others are left out.
                     `as_of` and `person` are filled in where it has none.
        Raises     : TableError naming the columns that are missing.
        """
        shape = schema(name)
        if "person" in shape and "person" not in expression.columns:
            expression = self._numbered(expression)
        have = expression.schema()
        missing = [column for column in shape.names if column not in have and column != "as_of"]
        if missing:
            raise TableError(f"{name!r} is made without {', '.join(missing)}.", found=", ".join(have.names))
        columns = {
            column: _moment(self.as_of, kind)
            if column not in have
            else expression[column]
            if have[column] == kind
            else expression[column].cast(kind)
            for column, kind in shape.items()
        }
        with self._alone:
            self.counts[name] = self.engine.write(
                expression.select(**columns), self.folder / name, order_by=order_by or lying(name)
            )
        return self.engine.read(sorted((self.folder / name).glob("*.parquet")), shape)

    def note(self, name: str, said: Mapping[str, object]) -> None:
        """Keep JSON values beside the tables under a name: what goes on from this run needs and nobody reads."""
        _note(self.folder, name).write_text(json.dumps(said), encoding="utf-8")

    def publish(self, facts: Mapping[str, object]) -> Published:
        """Let readers see this run from now on, and remove runs that nobody should still be reading."""
        self._sync()
        said = {
            "run": self.run,
            "as_of": self.as_of.isoformat(),
            "made_at": self.now.isoformat(),
            "counts": self.counts,
            "facts": dict(facts),
        }
        draft = self.workspace.pointer.with_suffix(f".{uuid4().hex[:6]}")
        with draft.open("w", encoding="utf-8") as file:
            json.dump(said, file, indent=1)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(self.workspace.pointer)
        clear_runs(self.workspace, keep=KEPT_RUNS)
        return Published.current(self.workspace)

    def abandon(self) -> None:
        """Remove what an unfinished run wrote."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def _numbered(self, rows: ir.Table) -> ir.Table:
        if self._numbers is None:
            return rows.mutate(person=ibis.null("int32"))
        return rows.left_join(self._numbers, "person_id").drop("person_id_right")

    def _sync(self) -> None:
        for path in (*self.folder.rglob("*.parquet"), *self.folder.glob("*.json")):
            handle = os.open(path, os.O_RDONLY)
            try:
                os.fsync(handle)
            finally:
                os.close(handle)


def _note(folder: Path, name: str) -> Path:
    return folder / f"{name}.json"


def clear_runs(workspace: Workspace, *, keep: int) -> None:
    """Remove derived runs but the current one and the newest others, `keep` in all (0 removes them and the pointer)."""
    if not workspace.derived.is_dir():
        return
    runs = sorted((path for path in workspace.derived.iterdir() if path.is_dir()), key=lambda path: path.name)
    current: str | None = None
    if keep and workspace.pointer.is_file():
        current = json.loads(workspace.pointer.read_text(encoding="utf-8"))["run"]
    elif not keep:
        workspace.pointer.unlink(missing_ok=True)
    others = [run for run in runs if run.name != current]
    for run in others[: max(0, len(others) - max(0, keep - 1))] if keep else others:
        shutil.rmtree(run, ignore_errors=True)


def lying(name: str) -> tuple[str, ...]:
    """The order in which a derived table lies: by person where it says whose a row is, then by its key.

    >>> lying("promises")
    ('person_id', 'promise_id')
    """
    spec = table(name)
    if "person_id" not in spec.names:
        return spec.key
    return ("person_id", *(column for column in spec.key if column != "person_id"))


def _moment(at: dt.datetime, kind: dt_.DataType) -> ir.Value:
    return ibis.literal(at).cast(kind)
