"""Derived tables on disk: written into a folder of their own for each run, seen by readers all at once.

    derived/20260301T101500-3f9c/scores/part-0.parquet     written first, in any order
    derived/20260301T101500-3f9c/score.json                a note beside them, for whoever goes on from this run
    derived/20260301T101500-3f9c/updates/...               what a refresh laid over it (`layers.py`)
    current.json -> {"run": "20260301T101500-3f9c", ...}   replaced last, by one atomic rename

A reader that opened the old pointer goes on with the old files: the last two runs are kept, and for ten minutes the
updates that were merged into others.
"""

from __future__ import annotations

import datetime as dt
import fcntl
import json
import os
import shutil
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import ibis
import ibis.expr.datatypes as dt_
import ibis.expr.types as ir

from regard.engine.contract import Engine, schema
from regard.engine.layers import UPDATES, Layer, Part, parts, read
from regard.errors import OutdatedError, TableError, WorkspaceError
from regard.tables import table
from regard.workspace import Workspace

KEPT_RUNS = 2
FORMAT = 1
"""Version of the derived tables and the notes beside them: raise it when another Regard could not go on from them."""


@dataclass(frozen=True)
class Published:
    """One finished run: the derived tables that readers see together.

    run    : name of its folder.
    as_of  : the time of knowing, UTC. A row that carries an `as_of` of its own is of that time: an update moves the
             rows of those whom something new has reached, and leaves the others as they were.
    made_at: when the run, or its newest update, finished.
    counts : rows by table.
    facts  : what the run says of itself (horizon_s, engine, ledger_version ...), JSON values.
    updates: names of the updates that lie over it, the oldest first.
    format : of its tables and notes; 0 for those of a Regard that did not say.
    """

    workspace: Workspace
    run: str
    as_of: dt.datetime
    made_at: dt.datetime
    counts: Mapping[str, int]
    facts: Mapping[str, object]
    updates: tuple[str, ...] = ()
    format: int = FORMAT

    @classmethod
    def current(cls, workspace: Workspace) -> Published:
        """The run that readers see now.

        Raises : WorkspaceError if nothing has been worked out yet, or the pointer is damaged; OutdatedError if another
                 version of Regard worked it out, whose tables this one does not read.
        """
        found = cls.pointed(workspace)
        if found.format != FORMAT:
            which = "an older" if found.format < FORMAT else "a newer"
            raise OutdatedError(
                f"What is here was worked out by {which} Regard.", hint="Work it out again with `regard run`."
            )
        return found

    @classmethod
    def pointed(cls, workspace: Workspace) -> Published:
        """What the pointer says, whether or not this Regard can read its tables.

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
            tuple(said.get("updates", ())),
            int(said.get("format", 0)),
        )

    @property
    def folder(self) -> Path:
        return self.workspace.derived / self.run

    @property
    def layers(self) -> tuple[Layer, ...]:
        """The run and what lies over it."""
        return (Layer(self.folder), *(Layer(self.folder / UPDATES / name) for name in self.updates))

    @property
    def stamp(self) -> str:
        """A name that no other state of the derived tables has."""
        return "/".join((self.run, *self.updates))

    def parts(self, name: str) -> list[Part]:
        """What has to be read of a derived table.

        Raises : TableError if there is no such table, or this run did not make it.
        """
        spec = table(name)
        if name not in self.counts:
            raise TableError(
                f"The last run did not make {spec.name!r}.",
                hint="Run `regard run`." if spec.derived else f"{spec.name!r} is a table of the ledger.",
            )
        return parts(self.layers, name)

    def note(self, name: str) -> dict[str, object] | None:
        """What the newest update that says so, or the run, noted under a name beside its tables; None if nothing.

        Raises : WorkspaceError if the note is damaged.
        """
        for layer in reversed(self.layers):
            path = _note(layer.folder, name)
            try:
                found: dict[str, object] = json.loads(path.read_text(encoding="utf-8"))
            except FileNotFoundError:
                continue
            except json.JSONDecodeError as error:
                hint = "Make it anew: regard run"
                raise WorkspaceError(f"{path} is damaged.", found=str(error), hint=hint) from error
            return found
        return None

    def kept(self, name: str, engine: Engine) -> ir.Table:
        """A table of the ledger as the run, or the newest update that did, kept it."""
        return read(parts(self.layers, name), name, engine)

    def table(self, name: str, engine: Engine) -> ir.Table:
        """A derived table as a lazy table on `engine`."""
        return read(self.parts(name), name, engine)


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
        with self._alone:
            self.counts[name] = written(
                name, expression, self.folder, self.engine, as_of=self.as_of, order_by=order_by, numbers=self._numbers
            )
        return self.engine.read(Layer(self.folder).files(name), schema(name))

    def keep(self, name: str, rows: ir.Table) -> None:
        """Keep a table of the ledger as it was read, for whoever goes on from this run."""
        self.engine.write(rows, self.folder / name)

    def note(self, name: str, said: Mapping[str, object]) -> None:
        """Keep JSON values beside the tables under a name: what goes on from this run needs and nobody reads."""
        noted(self.folder, name, said)

    def publish(self, facts: Mapping[str, object]) -> Published:
        """Let readers see this run from now on, and remove runs that nobody should still be reading."""
        synced(self.folder)
        with pointing(self.workspace):
            point(Published(self.workspace, self.run, self.as_of, self.now, self.counts, facts))
        clear_runs(self.workspace, keep=KEPT_RUNS)
        return Published.current(self.workspace)

    def abandon(self) -> None:
        """Remove what an unfinished run wrote."""
        shutil.rmtree(self.folder, ignore_errors=True)


def written(
    name: str,
    expression: ir.Table,
    folder: Path,
    engine: Engine,
    *,
    as_of: dt.datetime,
    order_by: tuple[str, ...] = (),
    numbers: ir.Table | None = None,
) -> int:
    """Write a derived table into a folder of its own under `folder`; see `Publication.write`. Returns its rows."""
    shape = schema(name)
    if "person" in shape and "person" not in expression.columns:
        expression = _numbered(expression, numbers)
    have = expression.schema()
    missing = [column for column in shape.names if column not in have and column != "as_of"]
    if missing:
        raise TableError(f"{name!r} is made without {', '.join(missing)}.", found=", ".join(have.names))
    columns = {
        column: _moment(as_of, kind)
        if column not in have
        else expression[column]
        if have[column] == kind
        else expression[column].cast(kind)
        for column, kind in shape.items()
    }
    return engine.write(expression.select(**columns), folder / name, order_by=order_by or lying(name))


def _numbered(rows: ir.Table, numbers: ir.Table | None) -> ir.Table:
    if numbers is None:
        return rows.mutate(person=ibis.null("int32"))
    return rows.left_join(numbers, "person_id").drop("person_id_right")


def noted(folder: Path, name: str, said: Mapping[str, object]) -> None:
    """Write a note beside the tables of a folder."""
    _note(folder, name).write_text(json.dumps(said), encoding="utf-8")


def synced(folder: Path) -> None:
    """Bring the tables and notes of a folder to the disk."""
    for path in (*folder.rglob("*.parquet"), *folder.glob("*.json")):
        handle = os.open(path, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


@contextmanager
def pointing(workspace: Workspace) -> Iterator[None]:
    """Be the one who looks where the pointer points, and moves it."""
    handle = os.open(workspace.pointer.with_suffix(".lock"), os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def point(published: Published) -> None:
    """Let readers see a run and its updates from now on: one atomic rename."""
    said = {
        "format": FORMAT,
        "run": published.run,
        "updates": list(published.updates),
        "as_of": published.as_of.isoformat(),
        "made_at": published.made_at.isoformat(),
        "counts": dict(published.counts),
        "facts": dict(published.facts),
    }
    draft = published.workspace.pointer.with_suffix(f".{uuid4().hex[:6]}")
    with draft.open("w", encoding="utf-8") as file:
        json.dump(said, file, indent=1)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(published.workspace.pointer)


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
