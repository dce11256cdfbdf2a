"""A row that may be there already: two processes that write it at once leave one, and neither is refused."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import Table
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Connection


def insert_new(db: Connection, table: Table, row: Mapping[str, object]) -> None:
    """Insert a row unless one with its key is there."""
    if db.dialect.name == "sqlite":
        db.execute(sqlite.insert(table).values(dict(row)).on_conflict_do_nothing())
    else:
        db.execute(postgresql.insert(table).values(dict(row)).on_conflict_do_nothing())
