"""All live state as lines of JSON, and back: the same from SQLite and PostgreSQL, so that a backup suits either."""

from __future__ import annotations

import base64
import datetime as dt
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from regard.errors import StoreError
from regard.store.schema import metadata
from regard.store.store import Store
from regard.store.trouble import told

AT_ONCE = 1_000


def write_out(store: Store, path: Path) -> int:
    """Write every row of every table into a file, as of one moment; returns how many.

    Raises : StoreError if the database does not answer.
    """
    n = 0
    with told(store.place), store.engine.connect() as plain, path.open("w", encoding="utf-8") as file:
        db = plain if store.embedded else plain.execution_options(isolation_level="REPEATABLE READ")
        with db.begin():
            for table in metadata.sorted_tables:
                for row in db.execute(table.select()).mappings():
                    said = {name: _told(value) for name, value in row.items()}
                    file.write(json.dumps({"table": table.name, "row": said}, ensure_ascii=False) + "\n")
                    n += 1
    return n


def read_in(store: Store, path: Path) -> int:
    """Bring rows that were written out into a store without any, all of them or none; returns how many.

    Raises : StoreError if there are rows in it, or a newer Regard wrote them.
    """
    n = 0
    with store.write() as db:
        full = [one.name for one in metadata.sorted_tables if db.execute(one.select().limit(1)).first() is not None]
        if full:
            raise StoreError(
                f"The live state at {store.place} is not empty.", found=f"rows in {', '.join(full)}",
                hint="Restore into a database of its own: $REGARD_STORE names it.",
            )  # fmt: skip
        for name, rows in _batches(path):
            table = metadata.tables.get(name)
            if table is None or any(set(row) - set(table.columns.keys()) for row in rows):
                raise StoreError(
                    "The backup holds live state of a newer Regard.", found=name,
                    hint="Install that Regard again: pip install --upgrade regard",
                )  # fmt: skip
            db.execute(table.insert(), rows)
            n += len(rows)
        if not store.embedded:
            newest = "(SELECT coalesce(max(entry), 0) + 1 FROM trail)"
            db.execute(sa.text(f"SELECT setval(pg_get_serial_sequence('trail', 'entry'), {newest}, false)"))
    return n


def _batches(path: Path) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    name, rows = "", list[dict[str, Any]]()
    with path.open(encoding="utf-8") as file:
        for line in file:
            said = json.loads(line)
            if rows and (said["table"] != name or len(rows) == AT_ONCE):
                yield name, rows
                rows = []
            name = said["table"]
            rows.append({column: _meant(value) for column, value in said["row"].items()})
    if rows:
        yield name, rows


def _told(value: object) -> object:
    if isinstance(value, dt.datetime):
        return {"at": value.isoformat()}
    if isinstance(value, bytes):
        return {"bytes": base64.b64encode(value).decode()}
    return list(value) if isinstance(value, tuple) else value


def _meant(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    return dt.datetime.fromisoformat(value["at"]) if "at" in value else base64.b64decode(value["bytes"])
