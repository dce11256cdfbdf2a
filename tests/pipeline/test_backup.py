"""A backup is tested by restoring it: ledger, log, live state and keys are what they were, whatever dies when."""

from __future__ import annotations

import datetime as dt
import json
import signal
import subprocess
import sys
import time

import pytest

from regard.access import Accounts, Keys
from regard.errors import WorkspaceError
from regard.ledger import Ledger
from regard.ledger.log import Delivery, Fact, LogWriter, payload_of
from regard.pipeline.backup import BackupError, back_up, restore
from regard.store import Store
from regard.store.export import write_out
from regard.workspace import Workspace

NOW = dt.datetime(2026, 3, 1, 12, tzinfo=dt.UTC)
AT = int(NOW.timestamp() * 1e6)


def fact(name, email):
    return Fact(interaction_id=name, occurred_at=AT - 1, event="visit", handle_kinds=["email"], handle_values=[email])


def accept(workspace, *facts):
    writer = LogWriter(workspace.log)
    writer.append([payload_of(Delivery("shop", AT, facts=facts))])
    writer.close()


@pytest.fixture
def shop(workspace, engine):
    """Two people in the ledger, a third in the log only, a key, an account, a map and a secret."""
    accept(workspace, fact("i-1", "ada@example.com"), fact("i-2", "bob@example.com"))
    Ledger.open(workspace).seal(engine, now=NOW, everything=True)
    accept(workspace, fact("i-3", "eve@example.com"))
    workspace.maps.mkdir()
    (workspace.maps / "a.map.yaml").write_text("version: 1\n", encoding="utf-8")
    workspace.secrets.write_text("{}", encoding="utf-8")
    workspace.secrets.chmod(0o600)
    return workspace


@pytest.fixture
def secret(shop):
    store = Store.open(shop)
    Accounts(store).create("ada@shop.example", role="admin")
    made = Keys(store).create("shop").secret
    store.close()
    return made


def rows(workspace, engine, name="interactions"):
    return sorted(engine.rows(Ledger.open(workspace).side(name, engine)).to_pylist(), key=str)


def state(workspace, path):
    store = Store.open(workspace)
    write_out(store, path)
    store.close()
    return path.read_text(encoding="utf-8")


def test_what_is_restored_is_what_was_backed_up(shop, secret, engine, tmp_path):
    back_up(shop, tmp_path / "kept", engine, now=NOW)
    restore(tmp_path / "kept", tmp_path / "again", engine, now=NOW)
    again = Workspace(tmp_path / "again")
    assert len(rows(shop, engine)) == 3  # one of them from the log
    for name in ("interactions", "rejects", "loads", "memberships", "decisions", "tombstones"):
        assert rows(again, engine, name) == rows(shop, engine, name)
    logs = [[bytes(one.payload) for one in Ledger.open(one).archive.log.take().records] for one in (shop, again)]
    assert logs[0] == logs[1]
    assert len(logs[0]) == 1
    assert state(again, tmp_path / "b") == state(shop, tmp_path / "a")
    store = Store.open(again)
    assert Keys(store).find(secret).name == "shop"
    store.close()
    assert (again.maps / "a.map.yaml").read_text(encoding="utf-8") == "version: 1\n"
    for path in (again.access_key, again.secrets):
        assert path.stat().st_mode & 0o777 == 0o600
    Ledger.open(again).seal(engine, now=NOW, everything=True)  # and it goes on from there
    accept(again, fact("i-1", "ada@example.com"), fact("i-4", "dan@example.com"))
    assert Ledger.open(again).seal(engine, now=NOW, everything=True).n_interactions == 1
    assert len(rows(again, engine)) == 4


def test_only_what_is_new_is_copied_and_each_backup_can_be_restored(shop, secret, engine, tmp_path):
    first = back_up(shop, tmp_path / "kept", engine, now=NOW)
    accept(shop, fact("i-9", "new@example.com"))
    second = back_up(shop, tmp_path / "kept", engine, now=NOW + dt.timedelta(hours=1))
    assert second.n_new < first.n_new / 2
    for name, n in ((first.name, 3), (second.name, 4), (None, 4)):
        to = tmp_path / f"of-{name}"
        restore(tmp_path / "kept", to, engine, name=name, now=NOW)
        assert len(rows(Workspace(to), engine)) == n


def test_a_damaged_or_missing_file_is_named_and_nothing_is_left_behind(shop, secret, engine, tmp_path):
    kept = tmp_path / "kept"
    backup = back_up(shop, kept, engine, now=NOW)
    one = next(one for one in backup.files if one.path.endswith(".parquet"))
    path = kept / "objects" / one.sha256[:2] / one.sha256
    data = path.read_bytes()
    path.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
    with pytest.raises(BackupError, match="damaged") as told:
        restore(kept, tmp_path / "again", engine, now=NOW)
    assert told.value.found == one.path
    path.unlink()
    with pytest.raises(BackupError, match="missing"):
        restore(kept, tmp_path / "again", engine, now=NOW)
    assert not (tmp_path / "again").exists()
    assert not list(tmp_path.glob(".again-*"))


def test_it_takes_no_folder_in_which_something_is(shop, secret, engine, tmp_path):
    back_up(shop, tmp_path / "kept", engine, now=NOW)
    with pytest.raises(WorkspaceError, match="not empty"):
        restore(tmp_path / "kept", shop.root, engine, now=NOW)
    with pytest.raises(BackupError, match="within the workspace"):
        back_up(shop, shop.root / "kept", engine, now=NOW)


def test_who_was_forgotten_since_does_not_come_back(shop, secret, engine, tmp_path):
    back_up(shop, tmp_path / "kept", engine, now=NOW)
    Ledger.open(shop).forget([("email", "ada@example.com")], engine, now=NOW)
    restore(tmp_path / "kept", tmp_path / "plain", engine, now=NOW)
    assert "ada@example.com" in str(rows(Workspace(tmp_path / "plain"), engine))
    restore(tmp_path / "kept", tmp_path / "again", engine, now=NOW, forgotten=shop)
    again = Workspace(tmp_path / "again")
    assert [row["interaction_id"] for row in rows(again, engine)] == ["i-2", "i-3"]
    held = b"".join(path.read_bytes() for path in again.root.rglob("*") if path.is_file())
    assert b"ada@example.com" not in held
    assert rows(again, engine, "tombstones") == rows(shop, engine, "tombstones")
    accept(again, fact("i-1", "ada@example.com"))
    assert Ledger.open(again).seal(engine, now=NOW, everything=True).n_forgotten == 1


@pytest.mark.parametrize("wait_s", [0.6, 0.9, 1.2, 1.5, 1.8])
def test_a_kill_in_the_middle_leaves_the_last_backup_as_it_was(shop, secret, engine, tmp_path, wait_s):
    kept = tmp_path / "kept"
    first = back_up(shop, kept, engine, now=NOW)
    accept(shop, fact("i-9", "new@example.com"))
    command = [sys.executable, "-m", "regard", "-w", str(shop.root), "backup", str(kept)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    time.sleep(wait_s)
    process.send_signal(signal.SIGKILL)
    process.wait()
    restore(kept, tmp_path / "again", engine, name=first.name, now=NOW)
    assert len(rows(Workspace(tmp_path / "again"), engine)) == 3
    third = back_up(shop, kept, engine, now=NOW + dt.timedelta(hours=2))
    restore(kept, tmp_path / "last", engine, name=third.name, now=NOW)
    assert len(rows(Workspace(tmp_path / "last"), engine)) == 4
    for path in (kept / "backups").glob("*.json"):
        assert json.loads(path.read_text(encoding="utf-8"))["format"] == 1


def test_what_a_server_writes_meanwhile_is_whole_or_left_out(shop, secret, engine, tmp_path):
    writer = LogWriter(shop.log)  # a server that lives, with half a record on its way
    writer.append([payload_of(Delivery("shop", AT, facts=[fact("i-5", "eve@example.com")]))])
    newest = max(shop.log.glob("*.seg"))
    with newest.open("ab") as file:
        file.write(b"RGRD\x01\xff\x00\x00\x00half")
    back_up(shop, tmp_path / "kept", engine, now=NOW)
    restore(tmp_path / "kept", tmp_path / "again", engine, now=NOW)
    writer.close()
    again = Ledger.open(Workspace(tmp_path / "again"))
    assert again.seal(engine, now=NOW, everything=True).n_interactions == 2
    assert [one.torn for one in again.damage()] == [True]


def test_a_manifest_that_was_tampered_with_puts_nothing_elsewhere(shop, engine, tmp_path):
    kept = tmp_path / "kept"
    done = back_up(shop, kept, engine, now=NOW)
    path = kept / "backups" / f"{done.name}.json"
    said = json.loads(path.read_text(encoding="utf-8"))
    said["files"][0]["path"] = "../astray.yaml"
    path.write_text(json.dumps(said), encoding="utf-8")
    with pytest.raises(BackupError, match="no workspace has"):
        restore(kept, tmp_path / "again", engine, now=NOW)
    assert not (tmp_path / "astray.yaml").exists()
    assert not (tmp_path / "again").exists()


def test_a_manifest_that_cannot_be_read_does_not_keep_the_next_backup_from_being_made(shop, engine, tmp_path):
    kept = tmp_path / "kept"
    first = back_up(shop, kept, engine, now=NOW)
    (kept / "backups" / f"{first.name}.json").write_text("{", encoding="utf-8")
    second = back_up(shop, kept, engine, now=NOW + dt.timedelta(hours=1))
    assert restore(kept, tmp_path / "again", engine, now=NOW).name == second.name


def test_a_backup_of_another_format_says_so(shop, engine, tmp_path):
    kept = tmp_path / "kept"
    done = back_up(shop, kept, engine, now=NOW)
    path = kept / "backups" / f"{done.name}.json"
    said = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps({**said, "format": 2, "files": [{"new": 1}]}), encoding="utf-8")
    with pytest.raises(BackupError, match="Another Regard") as told:
        restore(kept, tmp_path / "again", engine, now=NOW)
    assert told.value.hint
