"""Brings a store up to date when it is opened: safe for two processes at once, and never backwards."""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from regard.errors import StoreError
from regard.store.trouble import told

FOLDER = Path(__file__).parent / "migrations"
NEWEST = "0003"
"""The last of migrations/versions; a test holds it so. Known here, so that opening a store costs one query."""
ONE_AT_A_TIME = 7_306_001_994
"""The advisory lock of PostgreSQL under which a store is brought up to date."""


def bring_up(engine: sa.Engine, place: str) -> None:
    """Run the migrations that this store has not seen, all of them or none.

    place  : where the store is, for people.
    Raises : StoreError if it was made by a newer Regard, or the database does not do what is asked.
    """
    with told(place):
        with engine.connect() as db, db.begin():
            if _version(db) == NEWEST:
                return
        with engine.connect() as plain:
            db = plain.execution_options(regard_write=True)
            with db.begin():
                if engine.dialect.name == "postgresql":
                    db.execute(sa.text("SELECT pg_advisory_xact_lock(:number)"), {"number": ONE_AT_A_TIME})
                if (version := _version(db)) != NEWEST:  # another process may have been first
                    _upgrade(db, version, place)


def _version(db: Connection) -> str | None:
    if not sa.inspect(db).has_table("alembic_version"):
        return None
    found = db.execute(sa.text("SELECT version_num FROM alembic_version")).scalar()
    return None if found is None else str(found)


def _upgrade(db: Connection, version: str | None, place: str) -> None:
    from alembic import command
    from alembic.config import Config
    from alembic.script import ScriptDirectory

    config = Config()
    config.set_main_option("script_location", str(FOLDER).replace("%", "%%"))
    config.attributes["connection"] = db
    known = {one.revision for one in ScriptDirectory.from_config(config).walk_revisions()}
    if version is not None and version not in known:
        raise StoreError(
            "The live state was written by a newer Regard.",
            found=f"version {version} in {place}",
            allowed=f"versions up to {NEWEST}",
            hint="Install the newer Regard again: pip install --upgrade regard",
        )
    command.upgrade(config, "head")
