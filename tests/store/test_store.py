"""One store on both databases: opened by many at once, never half written, and trouble in words."""

from __future__ import annotations

import datetime as dt
import multiprocessing
import os
import re
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from regard.errors import SettingError, StoreError
from regard.store import Store, alone, migrate, seal
from regard.store.access import write_keys
from regard.store.schema import metadata
from regard.workspace import Workspace

NOW = dt.datetime(2026, 3, 1, 12, tzinfo=dt.UTC)


def row(name: str, **more: object) -> dict[str, object]:
    plain = {"key_id": name, "name": name, "source": name, "scopes": ("ingest",), "origins": (), "created_by": "t"}
    return {**plain, "created_at": NOW, **more}


def names(store: Store) -> list[str]:
    with store.read() as db:
        return sorted(db.execute(sa.select(write_keys.c.name)).scalars())


def test_migrations_make_the_tables_that_the_code_declares(store):
    with store.read() as db:
        assert compare_metadata(MigrationContext.configure(db, opts={"compare_type": True}), metadata) == []


def test_the_newest_migration_is_known():
    files = sorted((migrate.FOLDER / "versions").glob("*.py"))
    assert files[-1].name.startswith(migrate.NEWEST)
    assert [re.match(r"\d{4}", path.name)[0] for path in files] == [f"{n:04}" for n in range(1, len(files) + 1)]


def test_what_was_written_is_read_again_with_its_zone(store):
    east = dt.timezone(dt.timedelta(hours=5, minutes=30))
    with store.write() as db:
        db.execute(write_keys.insert().values(row("shop", created_at=NOW.astimezone(east), rate=2.5)))
    with store.read() as db:
        found = db.execute(sa.select(write_keys)).one()
    assert found.created_at == NOW and found.created_at.tzinfo is dt.UTC
    assert found.scopes == ("ingest",) and found.rate == 2.5


def test_a_time_without_a_zone_is_refused(store):
    with pytest.raises(sa.exc.StatementError, match="has no zone"), store.write() as db:
        db.execute(write_keys.insert().values(row("shop", created_at=NOW.replace(tzinfo=None))))


def test_a_block_that_raises_leaves_nothing(store):
    with pytest.raises(ZeroDivisionError), store.write() as db:
        db.execute(write_keys.insert().values(row("shop")))
        1 / 0  # noqa: B018
    assert names(store) == []


def test_references_are_kept(store):
    from regard.store.access import write_key_secrets

    with pytest.raises(sa.exc.IntegrityError), store.write() as db:
        values = {"prefix": "x", "key_id": "nobody", "hash": b"x", "created_at": NOW}
        db.execute(write_key_secrets.insert().values(values))


def _open_and_write(root: str, url: str, name: str, start) -> None:
    start.wait()
    store = Store.open(Workspace(Path(root)), url=url)
    with store.write() as db:
        db.execute(write_keys.insert().values(row(name)))
    store.close()


def test_processes_that_open_an_empty_store_at_once_make_it_once(store_url, workspace):
    context = multiprocessing.get_context("spawn")
    start = context.Barrier(4)
    crowd = [
        context.Process(target=_open_and_write, args=(str(workspace.root), store_url, f"k{n}", start)) for n in range(4)
    ]
    for one in crowd:
        one.start()
    for one in crowd:
        one.join(60)
    assert [one.exitcode for one in crowd] == [0] * 4
    store = Store.open(workspace, url=store_url)
    assert names(store) == ["k0", "k1", "k2", "k3"]
    store.close()


def test_a_store_of_a_newer_regard_is_refused(store, store_url, workspace):
    with store.write() as db:
        db.execute(sa.text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(StoreError, match="newer Regard") as caught:
        Store.open(workspace, url=store_url)
    assert "version 9999" in caught.value.found and migrate.NEWEST in caught.value.allowed


def test_a_failing_migration_leaves_the_store_as_it_was(store_url, workspace, monkeypatch):
    from alembic import command

    upgrade = command.upgrade

    def dies(*args: object) -> None:
        upgrade(*args)
        raise RuntimeError("killed here")

    with monkeypatch.context() as broken:
        broken.setattr(command, "upgrade", dies)
        with pytest.raises(RuntimeError):
            Store.open(workspace, url=store_url)
    engine = sa.create_engine(store_url)
    assert sa.inspect(engine).get_table_names() == []
    engine.dispose()
    Store.open(workspace, url=store_url).close()


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("mysql://here/x", "names a database that cannot be used"),
        ("no url", "is not a database URL"),
        ("sqlite://", "names a database that cannot be used"),
    ],
)
def test_a_url_that_cannot_be_used_is_refused_with_what_can(workspace, url, says):
    with pytest.raises(SettingError, match=says) as caught:
        Store.open(workspace, url=url)
    assert "postgresql+psycopg://" in caught.value.allowed


def test_the_environment_names_the_store(workspace, tmp_path):
    store = Store.open(workspace, environment={"REGARD_STORE": f"sqlite:///{tmp_path / 'elsewhere.db'}"})
    store.close()
    assert (tmp_path / "elsewhere.db").is_file() and not workspace.store.exists()


def test_a_server_that_does_not_answer_is_named_without_its_password(workspace):
    with pytest.raises(StoreError, match="does not answer") as caught:
        Store.open(workspace, url="postgresql://ada:hunter2@127.0.0.1:1/regard")
    assert "hunter2" not in str(caught.value) and "127.0.0.1" in caught.value.found


def test_a_database_that_is_not_there_is_said_to_be_missing(workspace, postgres):
    url = sa.make_url(postgres()).set(database="nowhere").render_as_string(hide_password=False)
    with pytest.raises(StoreError, match="no such database"):
        Store.open(workspace, url=url)


def test_without_the_driver_a_sentence_says_what_to_install(workspace):
    code = (
        "import sys; sys.modules['psycopg'] = None\n"
        "from regard.store import Store; from regard.workspace import Workspace; from pathlib import Path\n"
        f"Store.open(Workspace(Path({str(workspace.root)!r})), url='postgresql://h/d')"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert "pip install 'regard[postgres]'" in done.stderr


def test_a_damaged_file_is_said_to_be_damaged(workspace):
    workspace.state.mkdir()
    workspace.store.write_bytes(b"this was once a database" * 1000)
    with pytest.raises(StoreError, match="damaged"):
        Store.open(workspace)


def test_a_locked_file_is_waited_for_and_then_said_to_be_locked(workspace, monkeypatch):
    monkeypatch.setattr("regard.store.store.WAIT_S", 0.2)
    store = Store.open(workspace)
    other = sqlite3.connect(workspace.store)
    other.execute("BEGIN IMMEDIATE")
    assert names(store) == []  # readers go on
    with pytest.raises(StoreError, match="did not end in time"), store.write():
        pass
    other.close()
    with store.write():
        pass
    store.close()


def test_rows_locked_on_postgresql_are_waited_for_and_then_said_to_be_locked(workspace, postgres, monkeypatch):
    monkeypatch.setattr("regard.store.store.WAIT_S", 0.2)
    store = Store.open(workspace, url=postgres())
    with store.write() as db:
        db.execute(sa.text("LOCK TABLE write_keys"))
        with pytest.raises(StoreError, match="did not end in time"), store.write() as other:
            other.execute(write_keys.insert().values(row("shop")))
    store.close()


@pytest.fixture
def small_disk(tmp_path: Path):
    """A file system of 2 MiB; mounting one needs root."""
    folder = tmp_path / "small"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=2m", "regard-test", str(folder)]
    made = subprocess.run(mount, capture_output=True, text=True, check=False)
    if made.returncode:
        pytest.skip(f"a small disk cannot be mounted here: {made.stderr.strip()}")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def test_a_full_disk_is_said_to_be_full_and_what_stood_there_stays(small_disk):
    store = Store.open(Workspace(small_disk))
    with store.write() as db:
        db.execute(write_keys.insert().values(row("first")))
    with pytest.raises(StoreError, match="no room left"), store.write() as db:
        for number in range(4_000):
            db.execute(write_keys.insert().values(row(f"k{number}", origins=(os.urandom(500).hex(),))))
    assert names(store) == ["first"]
    store.close()


def test_a_second_server_on_sqlite_says_so_and_commands_run_beside_it(workspace):
    store, again = Store.open(workspace), Store.open(workspace)
    with alone(store, doing="serving http://127.0.0.1:8123", now=NOW):
        with pytest.raises(StoreError, match="Another server runs") as caught, alone(again, doing="x", now=NOW):
            pass
        assert f"process {os.getpid()}" in caught.value.found and "8123" in caught.value.found
        with again.write() as db:
            db.execute(write_keys.insert().values(row("shop")))
    with alone(again, doing="x", now=NOW):
        pass
    assert names(store) == ["shop"]
    store.close()
    again.close()


def test_many_servers_may_share_a_postgresql(workspace, postgres):
    url = postgres()
    store, again = Store.open(workspace, url=url), Store.open(workspace, url=url)
    with alone(store, doing="x", now=NOW), alone(again, doing="y", now=NOW):
        pass
    store.close()
    again.close()


def test_the_key_of_hashes_is_made_once_and_is_its_owners_alone(workspace):
    first = seal(workspace.access_key)
    assert len(first) == 32 and seal(workspace.access_key) == first
    assert workspace.access_key.stat().st_mode & 0o077 == 0
    assert list(workspace.state.glob("access.key.*")) == []
    workspace.access_key.write_text("not a key")
    with pytest.raises(StoreError, match="does not hold a key"):
        seal(workspace.access_key)
