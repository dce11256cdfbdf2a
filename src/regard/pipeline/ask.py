"""Questions that need several rooms: any table, one person's handles, what is wrong."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from pathlib import Path

import ibis
import ibis.expr.types as ir

from regard import identity, sources
from regard.blueprint import read as read_blueprint
from regard.engine import Engine, Published, Sides, connect, where
from regard.errors import SettingError, nearest
from regard.ledger import Ledger
from regard.pipeline.forget import only_person
from regard.tables import TABLES
from regard.tables import table as spec_of
from regard.workspace import Workspace

Rows = Sequence[Mapping[str, object]]


def ledger_sides(workspace: Workspace) -> Sides:
    """The ledger's tables as files, for the reader."""
    ledger = Ledger.open(workspace)
    names = [name for name, spec in TABLES.items() if not spec.derived]
    return Sides(
        version=lambda: ledger.number,
        news=lambda: ledger.news,
        files=lambda: {name: [str(path) for path in ledger.files(name)] for name in names},
    )


def table(workspace: Workspace, engine: Engine, name: str) -> ir.Table:
    """Any table by name, lazily: of the ledger as it is now, or of the run that readers see.

    Raises : TableError for a name that is not there; WorkspaceError if nothing has been worked out.
    """
    if spec_of(name).derived:
        return Published.current(workspace).table(name, engine)
    ledger = Ledger.open(workspace)
    return ledger.read(engine) if name == "interactions" else ledger.side(name, engine)


def select(
    workspace: Workspace,
    engine: Engine,
    name: str,
    *,
    conditions: tuple[str, ...] = (),
    columns: Sequence[str] = (),
    sort: str | None = None,
    limit: int | None = None,
) -> tuple[ir.Table, int]:
    """Rows of a table as people ask for them, and how many there are without the limit.

    conditions : see `engine.where`.
    sort       : a column, "-column" for descending; by the table's key when None.
    limit      : at most so many rows; None for all.
    Raises     : TableError or SettingError naming what is there and the nearest.
    """
    found = where(table(workspace, engine, name), conditions)
    wanted = [column.strip() for column in columns]
    for column in [*wanted, *([sort.lstrip("-")] if sort else [])]:
        if column not in found.columns:
            close = nearest(column, found.columns)
            raise SettingError(
                f"{name!r} has no column {column!r}.",
                allowed=", ".join(found.columns),
                hint=f"Did you mean {close!r}?" if close else None,
            )
    total = int(engine.rows(found.aggregate(n=found.count())).column("n")[0].as_py())
    if sort:
        found = found.order_by(ibis.desc(sort[1:]) if sort.startswith("-") else sort)
    else:
        found = found.order_by([column for column in spec_of(name).key if column in found.columns])
    if limit is not None:
        found = found.limit(limit)
    return (found.select(*wanted) if wanted else found), total


def person_of(workspace: Workspace, engine: Engine, handle: str) -> str:
    """The person_id that a handle belongs to in the run that readers see.

    handle : "kind:value", a bare value of any kind, or a person_id.
    Raises : TableError if nobody has it, or several people have it as different kinds.
    """
    persons = table(workspace, engine, "persons")
    return only_person(handle, persons, read_blueprint(workspace.blueprint), engine)


def decide(
    workspace: Workspace,
    decision: identity.Decision,
    handle: str,
    other: str,
    *,
    by: str,
    reason: str,
    now: dt.datetime,
) -> None:
    """Note that two handles are one person, are not, or that nothing has been decided about them.

    handle, other : "kind:value", in any spelling.
    Raises        : SettingError for a handle without a kind.
    """
    blueprint = read_blueprint(workspace.blueprint)
    row = identity.decide(
        decision, _pair(handle), _pair(other), blueprint=blueprint, at=now, by=by, reason=reason or None
    )
    engine = connect("duckdb")
    try:
        Ledger.open(workspace).note("decisions", engine.table(row), engine, now=now)
    finally:
        engine.close()


def draft(file: Path, *, preview: int = 0) -> tuple[str, Rows, Rows]:
    """A drafted mapping for a file, and what its first rows give with it: (text, interactions, rejects).

    preview : rows to try; 0 for none.
    Raises  : SourceError if the file cannot be read.
    """
    engine = connect("duckdb")
    try:
        text = sources.draft(file, engine)
        if not preview:
            return text, [], []
        tried = sources.preview(text, file, engine, rows=preview)
        return text, tried.interactions, tried.rejects
    finally:
        engine.close()


def _pair(handle: str) -> tuple[str, str]:
    kind, _, value = handle.partition(":")
    if not kind or not value:
        raise SettingError(
            f"{handle!r} does not say of which kind it is.", allowed="kind:value, such as email:ada@x.org"
        )
    return kind, value
