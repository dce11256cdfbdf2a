"""A workspace into a folder of backups and back: while a server runs, only what is new, and never half.

    TO/backups/20260301T120000Z.json   a backup: every file with its size, hash and mode; written last
    TO/objects/ab/abcd...              the files, by SHA-256 of what they say; shared by all backups

In it: blueprint, maps and pulls, the ledger, the log, the keys' files and the live state. Not in it: what is worked out
from those (`regard run`), and the index of ids, which the ledger makes again. The writer's lock is held while the
ledger is copied, so no change is half in it; servers go on accepting into the log meanwhile.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

import ibis.expr.types as ir

from regard.engine import Engine
from regard.errors import RegardError, WorkspaceError
from regard.ledger import Ledger
from regard.ledger.delta import synced
from regard.pipeline.flow import Say, silent
from regard.store import Store
from regard.store.export import read_in, write_out
from regard.tables import OBJECT
from regard.workspace import BLUEPRINT, Workspace

FORMAT = 1
STATE = "state.jsonl"
CHUNK = 2**20
SECRET = 0o600


class BackupError(RegardError):
    """A backup cannot be made, or is not what it was when it was made."""


@dataclass(frozen=True)
class Kept:
    """One file of a backup: path within the workspace, bytes, SHA-256, permissions, and when it was changed (ns)."""

    path: str
    size: int
    sha256: str
    mode: int
    changed: int


@dataclass(frozen=True)
class Backup:
    """What a backup holds. n_new, bytes_new : files that earlier backups did not have."""

    name: str
    files: tuple[Kept, ...]
    n_state: int
    n_new: int = 0
    bytes_new: int = 0

    def as_data(self) -> dict[str, object]:
        """For JSON."""
        total = sum(one.size for one in self.files)
        return {"name": self.name, "files": len(self.files), "bytes": total, "rows_of_live_state": self.n_state,
                "new_files": self.n_new, "new_bytes": self.bytes_new}  # fmt: skip


def back_up(workspace: Workspace, to: Path, engine: Engine, *, now: dt.datetime, say: Say = silent) -> Backup:
    """Keep the workspace as it is now beside the backups in `to`, which is made if it is not there.

    Raises : WorkspaceError if another process writes for longer than 10 s; BackupError if `to` is in the workspace.
    """
    to = to.resolve()
    if to.is_relative_to(workspace.root):
        raise BackupError("A backup within the workspace would go with it.", found=str(to), hint="Name another disk.")
    (to / "objects").mkdir(parents=True, exist_ok=True, mode=0o700)
    (to / "backups").mkdir(exist_ok=True, mode=0o700)
    known: dict[tuple[str, int, int], Kept] = {}
    with suppress(BackupError):  # without an earlier one that can be read every file is read again
        if (before := _newest(to)) is not None:
            known = {(one.path, one.size, one.changed): one for one in before.files}
    with tempfile.TemporaryDirectory(prefix="coming-", dir=to) as scratch:
        state = Path(scratch) / STATE
        say("Live state")
        store = Store.open(workspace)
        try:
            n_state = write_out(store, state)
        finally:
            store.close()
        state.chmod(SECRET)
        say("Ledger and log")
        keeping = _Keeping(to, Path(scratch))
        with Ledger.open(workspace).writing("backing up", engine, now=now):
            files = [keeping.keep(path, workspace.root, known) for path in _paths(workspace)]
        files.append(keeping.keep(state, Path(scratch), {}))
    done = Backup(f"{now:%Y%m%dT%H%M%S.%f}Z", tuple(files), n_state, keeping.n_new, keeping.bytes_new)
    said = {"format": FORMAT, "name": done.name, "n_state": n_state, "files": [asdict(one) for one in files]}
    _written(to / "backups" / f"{done.name}.json", json.dumps(said).encode())
    return done


def restore(source: Path, to: Path, engine: Engine, *, name: str | None = None, now: dt.datetime,
            forgotten: Workspace | None = None, say: Say = silent) -> Backup:  # fmt: skip
    """Make a workspace of a backup: the newest, or the one named. Every file is checked before any is put in place.

    to        : a folder that is not there yet, or is empty.
    forgotten : a workspace, or what is left of it, that knows who asked to be forgotten since: they are forgotten here.
    Raises    : BackupError for a file that is missing or not what it was; WorkspaceError if `to` is not empty.
    """
    if to.exists() and (not to.is_dir() or any(to.iterdir())):
        raise WorkspaceError(f"{to} is not empty.", allowed="a new or an empty folder", hint="Name another folder.")
    backup = _named(source, name)
    to.parent.mkdir(parents=True, exist_ok=True)
    say("Checking")
    with tempfile.TemporaryDirectory(prefix=f".{to.name}-", dir=to.parent) as scratch:
        coming = Path(scratch) / "workspace"
        for one in backup.files:
            _put(source, one, coming / one.path)
        state = coming / STATE
        store = Store.open(Workspace(coming))
        try:
            say("Live state")
            read_in(store, state)
            if forgotten is not None:
                say("Forgetting who asked for it since")
                forget_again(Workspace(coming), forgotten, store, engine, now=now)
        finally:
            store.close()
        state.unlink()
        with suppress(FileNotFoundError):
            to.rmdir()
        coming.rename(to)
    return backup


def forget_again(workspace: Workspace, newer: Workspace, store: Store, engine: Engine, *, now: dt.datetime) -> int:
    """Forget everyone of whom a newer ledger knows that they asked for it; returns how many handles and objects.

    Raises : BackupError if the two do not share the key of their tombstones.
    """
    from regard.ledger.door import forgotten_in
    from regard.ledger.tombstones import key
    from regard.store.access import trail_people

    secret = key(workspace.forget_key) if workspace.forget_key.exists() else None
    stones = Ledger.open(newer).side("tombstones", engine)
    if not engine.rows(stones.limit(1)).num_rows:
        return 0
    if secret is None:  # nobody had been forgotten yet when the backup was made
        shutil.copy2(newer.forget_key, workspace.forget_key)
        secret = key(workspace.forget_key)
    if key(newer.forget_key) != secret:
        raise BackupError(
            "These tombstones are of another workspace.", found=str(newer.root),
            hint="Name with --forgotten the workspace that this backup was made of, or what is left of it.",
        )  # fmt: skip
    ledger = Ledger.open(workspace)
    ledger.seal(engine, now=now, everything=True)
    gone = engine.rows(forgotten_in(ledger.facts(engine), stones, secret)).to_pylist()
    for at in sorted({row["at"] for row in gone}):
        mine = [(row["kind"], row["value"]) for row in gone if row["at"] == at]
        handles = [one for one in mine if not one[0].startswith(OBJECT)]
        objects = [(kind.removeprefix(OBJECT), value) for kind, value in mine if kind.startswith(OBJECT)]
        ledger.forget(handles, engine, objects=objects, now=at)
    _keep_out(ledger, stones, engine, now)
    with store.write() as db:  # who is meant by a line of the trail: it may be one of them
        db.execute(trail_people.delete())
    store.settle()
    return len(gone)


def _keep_out(ledger: Ledger, stones: ir.Table, engine: Engine, now: dt.datetime) -> None:
    """Take over tombstones that are not there yet: of people who are not in the backup at all."""
    with ledger.writing("taking over tombstones", engine, now=now), ledger.archive.staging() as (number, folder):
        fresh = stones.anti_join(ledger.side("tombstones", engine), ["hash", "at"])
        ledger.archive.seal(
            number, folder, [ledger.archive.written("tombstones", fresh, engine, number=number, folder=folder)]
        )


class _Keeping:
    """Puts files among the objects, each once."""

    def __init__(self, to: Path, scratch: Path) -> None:
        self.to, self.scratch = to, scratch
        self.n_new = self.bytes_new = 0

    def keep(self, path: Path, root: Path, known: dict[tuple[str, int, int], Kept]) -> Kept:
        said, name = path.stat(), path.relative_to(root).as_posix()
        met = known.get((name, said.st_size, said.st_mtime_ns))
        if met is not None and path.suffix == ".parquet" and _object(self.to, met.sha256).exists():
            return met  # these files are never written again
        draft = self.scratch / "draft"
        sha256, size = _copied(path, draft)
        draft.chmod(SECRET)
        target = _object(self.to, sha256)
        if not target.exists():
            target.parent.mkdir(exist_ok=True, mode=0o700)
            draft.replace(target)
            synced(target.parent)
            self.n_new, self.bytes_new = self.n_new + 1, self.bytes_new + size
        return Kept(name, size, sha256, said.st_mode & 0o777, said.st_mtime_ns)


def _paths(workspace: Workspace) -> Iterator[Path]:
    """What is kept: yours, then the log before the ledger it goes into."""
    yield workspace.root / BLUEPRINT
    for folder in (workspace.maps, workspace.pulls, workspace.log, workspace.ledger):
        known = folder / "known" if folder == workspace.ledger else None
        for path in sorted(folder.rglob("*")):
            if path.is_file() and not (known and path.is_relative_to(known)) and path.suffix not in (".draft", ".new"):
                yield path
    for path in (workspace.forget_key, workspace.access_key, workspace.secrets):
        if path.exists():
            yield path


def _newest(to: Path) -> Backup | None:
    found = sorted((to / "backups").glob("*.json"))
    return _read(found[-1]) if found else None


def _named(source: Path, name: str | None) -> Backup:
    if name is None and (newest := _newest(source)) is not None:
        return newest
    path = source / "backups" / f"{name}.json"
    there = ", ".join(one.stem for one in sorted((source / "backups").glob("*.json")))
    if name is None or not path.is_file():
        raise BackupError(
            f"There is no such backup in {source}.", found=name, allowed=there or None,
            hint="Leave --name out for the newest." if there else "Name the folder that `regard backup` was given.",
        )  # fmt: skip
    return _read(path)


def _read(path: Path) -> Backup:
    try:
        said = json.loads(path.read_bytes())
        known = said["format"] == FORMAT
        files = tuple(Kept(**one) for one in said["files"]) if known else ()
    except (ValueError, KeyError, TypeError) as error:
        raise BackupError(f"{path} cannot be read.", found=str(error), hint="Restore an earlier one: --name") from error
    if not known:
        raise BackupError(
            "Another Regard made this backup.", found=f"format {said['format']}", allowed=f"{FORMAT}",
            hint="Restore it with that Regard, or with a newer one: pip install --upgrade regard",
        )  # fmt: skip
    if astray := [one.path for one in files if Path(one.path).is_absolute() or ".." in Path(one.path).parts]:
        raise BackupError(
            f"{path} names a file that no workspace has.", found=astray[0],
            hint="It was changed after it was made; restore another: --name",
        )  # fmt: skip
    return Backup(said["name"], files, said["n_state"])


def _put(source: Path, one: Kept, target: Path) -> None:
    """Raises : BackupError unless the file is what it was."""
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        sha256, _ = _copied(_object(source, one.sha256), target)
    except FileNotFoundError:
        raise BackupError("A file of the backup is missing.", found=one.path, hint="Restore another: --name") from None
    if sha256 != one.sha256:
        raise BackupError("A file of the backup is damaged.", found=one.path, hint="Restore another: --name")
    target.chmod(one.mode)


def _copied(path: Path, to: Path) -> tuple[str, int]:
    """Copy a file onto the disk; returns its SHA-256 and size."""
    hashed, size = hashlib.sha256(), 0
    with path.open("rb") as file, to.open("wb") as copy:
        while part := file.read(CHUNK):
            hashed.update(part)
            copy.write(part)
            size += len(part)
        copy.flush()
        os.fsync(copy.fileno())
    return hashed.hexdigest(), size


def _object(to: Path, sha256: str) -> Path:
    return to / "objects" / sha256[:2] / sha256


def _written(path: Path, data: bytes) -> None:
    draft = path.with_suffix(".draft")
    with draft.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
    synced(path.parent)
