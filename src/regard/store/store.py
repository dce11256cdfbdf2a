"""The live state: one database, opened and up to date, read and written in transactions."""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import URL, Connection, make_url

from regard.errors import SettingError, StoreError
from regard.store.migrate import bring_up
from regard.store.trouble import told
from regard.workspace import Workspace

VARIABLE = "REGARD_STORE"
WAIT_S = 5.0
"""How long a statement waits for another writer."""
PAUSE_S = 0.01


@dataclass(frozen=True, eq=False)
class Store:
    """An open store. Safe for threads; close it when the process is done with it."""

    workspace: Workspace
    engine: sa.Engine = field(repr=False)

    @classmethod
    def open(
        cls, workspace: Workspace, *, url: str | None = None, environment: Mapping[str, str] = os.environ
    ) -> Store:
        """Open the workspace's store and bring it up to date; two processes may do so at once.

        url    : a database URL; else $REGARD_STORE, else SQLite in the workspace.
        Raises : SettingError for a URL that cannot be used; StoreError if the database does not answer, is damaged,
                 locked, full, or was made by a newer Regard.
        """
        where = _where(workspace, url or environment.get(VARIABLE) or "")
        if where.get_backend_name() == "sqlite":
            workspace.state.mkdir(parents=True, exist_ok=True)
            engine = _sqlite(where)
        else:
            engine = _postgres(where)
        store = cls(workspace, engine)
        try:
            bring_up(engine, store.place)
        except BaseException:
            engine.dispose()
            raise
        return store

    @property
    def embedded(self) -> bool:
        """Whether it is SQLite, and so belongs to one server."""
        return self.engine.dialect.name == "sqlite"

    @property
    def place(self) -> str:
        """Where it lies, without a password."""
        return self.engine.url.render_as_string(hide_password=True)

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A transaction that sees one state of everything.

        Raises : StoreError if the database does not answer.
        """
        with told(self.place), self.engine.connect() as db, db.begin():
            yield db

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """A transaction that is done whole at the end of the block, or not at all where the block raises.

        Raises : StoreError if the database does not answer, is locked by another for 5 s, or is full.
        """
        with told(self.place), self.engine.connect() as plain:
            db = plain.execution_options(regard_write=True)
            with db.begin():
                yield db

    def ask(self) -> None:
        """Ask it for nothing, to see whether it answers.

        Raises : StoreError if it does not.
        """
        with self.read() as db:
            db.execute(sa.select(1))

    def settle(self) -> None:
        """Let nothing that was deleted linger in the files of SQLite; PostgreSQL's own vacuum does that."""
        if self.embedded:
            with told(self.place), self.engine.connect() as db:
                raw: Any = db.connection.dbapi_connection
                raw.execute("PRAGMA wal_checkpoint(TRUNCATE)").close()

    @staticmethod
    def there(workspace: Workspace, *, environment: Mapping[str, str] = os.environ) -> bool:
        """Whether this workspace has live state already."""
        return bool(environment.get(VARIABLE)) or workspace.store.is_file()

    def close(self) -> None:
        """Let the connections go."""
        self.engine.dispose()


def _where(workspace: Workspace, text: str) -> URL:
    if not text:
        return URL.create("sqlite", database=str(workspace.store))
    allowed = "postgresql+psycopg://user:password@host/database, or nothing for SQLite in the workspace"
    try:
        url = make_url(text)
    except sa.exc.ArgumentError as error:
        raise SettingError(f"${VARIABLE} is not a database URL.", allowed=allowed) from error
    if url.get_backend_name() == "postgresql":
        return url.set(drivername="postgresql+psycopg")
    if url.get_backend_name() == "sqlite" and url.database and url.database != ":memory:":
        return url
    raise SettingError(f"${VARIABLE} names a database that cannot be used.", found=url.drivername, allowed=allowed)


def _sqlite(url: URL) -> sa.Engine:
    engine = sa.create_engine(url, connect_args={"timeout": WAIT_S, "check_same_thread": False})

    @sa.event.listens_for(engine, "connect")
    def opened(connection: Any, record: object) -> None:
        connection.isolation_level = None  # the driver begins no transactions: `begun` does
        _journal(connection)
        for line in (
            "synchronous = FULL",
            "foreign_keys = ON",
            "secure_delete = ON",
            f"busy_timeout = {WAIT_S * 1e3:.0f}",
        ):
            connection.execute(f"PRAGMA {line}").close()

    @sa.event.listens_for(engine, "begin")
    def begun(db: Connection) -> None:
        # a writer says so at once: one that begins reading and then writes may be refused without waiting
        db.exec_driver_sql("BEGIN IMMEDIATE" if db.get_execution_options().get("regard_write") else "BEGIN")

    return engine


def _journal(connection: Any) -> None:
    """Have the database write ahead. The mode stays with the file: only one process, once, has to set it.

    SQLite does not wait for others here, whatever its timeout: where several open a new file at once, we do.
    """
    end = time.monotonic() + WAIT_S
    while connection.execute("PRAGMA journal_mode").fetchone()[0] != "wal":
        try:
            connection.execute("PRAGMA journal_mode = WAL").close()
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() > end:
                raise
            time.sleep(PAUSE_S)


def _postgres(url: URL) -> sa.Engine:
    try:
        return sa.create_engine(
            url,
            pool_pre_ping=True,
            pool_size=5,
            max_overflow=10,
            connect_args={"connect_timeout": 10, "options": f"-c timezone=UTC -c lock_timeout={WAIT_S * 1e3:.0f}"},
        )
    except ModuleNotFoundError as error:
        raise StoreError(
            "The driver for PostgreSQL is not installed.", found=str(error), hint="pip install 'regard[postgres]'"
        ) from error
