"""Questions that need several rooms: any table, one person's handles, what is wrong."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

import ibis
import ibis.expr.types as ir

from regard.engine import Engine, Published, where
from regard.errors import SettingError, TableError, nearest
from regard.ledger import Ledger
from regard.tables import table as spec_of
from regard.workspace import Workspace


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
    elif limit is not None:
        found = found.order_by([column for column in spec_of(name).key if column in found.columns])
    if limit is not None:
        found = found.limit(limit)
    return (found.select(*wanted) if wanted else found), total


def person_of(workspace: Workspace, engine: Engine, handle: str) -> str:
    """The person_id that a handle belongs to.

    handle : "kind:value", a bare value of any kind, or a person_id.
    Raises : TableError if nobody has it, or several people have it as different kinds.
    """
    persons = table(workspace, engine, "persons")
    matches = [persons.person_id == handle, persons.handle.lower() == handle.strip().lower()]
    kind, _, value = handle.partition(":")
    if value:
        matches.append((persons.kind == kind) & (persons.handle.lower() == value.strip().lower()))
    hits = engine.rows(persons.filter(ibis.or_(*matches)).select("kind", "handle", "person_id").limit(20)).to_pylist()
    found = sorted({row["person_id"] for row in hits})
    if not found:
        kinds = engine.rows(persons.select("kind").distinct()).column("kind").to_pylist()
        raise TableError(
            f"Nobody here has the handle {handle!r}.",
            allowed=f"kind:value with one of the kinds {', '.join(sorted(kinds))}" if kinds else None,
            hint='Look with `regard show persons --where "handle ~ PART"`.',
        )
    if len(found) > 1:
        raise TableError(
            f"{handle!r} is a handle of {len(found)} people.",
            found=", ".join(f"{row['kind']}:{row['handle']} ({row['person_id']})" for row in hits),
            hint="Name the kind too: kind:value.",
        )
    return found[0]


def decide(
    workspace: Workspace, handle: str, other: str, decision: str, *, by: str, reason: str, now: dt.datetime
) -> None:
    """Note that two handles are one person, are not, or that nothing has been decided about them.

    handle, other : "kind:value", as the ledger has them.
    decision      : "merge", "split" or "undo".
    Raises        : SettingError for a handle without a kind.
    """
    from regard import identity

    rows = identity.decide(_pair(handle), _pair(other), decision, by=by, reason=reason, at=now)
    Ledger.open(workspace).note("decisions", rows)


def _pair(handle: str) -> tuple[str, str]:
    kind, _, value = handle.partition(":")
    if not kind or not value:
        raise SettingError(
            f"{handle!r} does not say of which kind it is.", allowed="kind:value, such as email:ada@x.org"
        )
    return kind, value
