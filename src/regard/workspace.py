"""Where everything lives: one folder, the names in it, and nothing about what the files mean.

shop/
  blueprint.yaml          what we intend (yours, versioned)
  maps/*.map.yaml         how files become interactions (yours, versioned)
  pulls/*.pull.yaml       what is fetched from where, and how often (yours, versioned)
  .regard/                what Regard keeps (never edited by hand)
    ledger/<table>/       Delta tables: what happened
    ledger/known/         hashes of the ids that the ledger holds
    log/                  what was accepted and is not in the ledger yet
    derived/<run>/<table> Parquet: what was worked out, one folder a run, what is new since in its updates/
    current.json          the one pointer to the run that readers see
    forget.key            the key of the tombstones' hashes
    writer.lock           held by the one process that writes
    follower.lock         held by the one follower that seals
    tables.lock           held by the one that keeps the tables up to date
    pulse/NAME.json       what those two last said of themselves
    pulls/NAME.lock       held by whoever fetches that pull
    pulls.lock            held by the one that watches when pulls are due
    secrets.json          secrets of pulls by name, if they are kept here and not in the environment
    tmp/                  scratch of running commands, emptied by the next writer
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from regard.errors import WorkspaceError

BLUEPRINT = "blueprint.yaml"
VARIABLE = "REGARD_WORKSPACE"


@dataclass(frozen=True)
class Workspace:
    """A workspace folder and the paths in it; creating one touches no file."""

    root: Path

    @property
    def blueprint(self) -> Path:
        return self.root / BLUEPRINT

    @property
    def maps(self) -> Path:
        return self.root / "maps"

    @property
    def pulls(self) -> Path:
        return self.root / "pulls"

    @property
    def secrets(self) -> Path:
        return self.state / "secrets.json"

    def pull_lock(self, name: str) -> Path:
        """Held by whoever fetches that pull."""
        return self.state / "pulls" / f"{name}.lock"

    @property
    def state(self) -> Path:
        return self.root / ".regard"

    @property
    def ledger(self) -> Path:
        return self.state / "ledger"

    @property
    def log(self) -> Path:
        return self.state / "log"

    @property
    def derived(self) -> Path:
        return self.state / "derived"

    @property
    def pointer(self) -> Path:
        return self.state / "current.json"

    @property
    def forget_key(self) -> Path:
        return self.state / "forget.key"

    @property
    def store(self) -> Path:
        return self.state / "store.db"

    @property
    def access_key(self) -> Path:
        return self.state / "access.key"

    @property
    def server_lock(self) -> Path:
        return self.state / "server.lock"

    @property
    def writer_lock(self) -> Path:
        return self.state / "writer.lock"

    @property
    def follower_lock(self) -> Path:
        return self.state / "follower.lock"

    @property
    def watch_lock(self) -> Path:
        return self.state / "pulls.lock"

    @property
    def tables_lock(self) -> Path:
        return self.state / "tables.lock"

    def pulse(self, name: str) -> Path:
        """What a process that runs beside the server last said of itself."""
        return self.state / "pulse" / f"{name}.json"

    @property
    def scratch(self) -> Path:
        return self.state / "tmp"

    @classmethod
    def find(cls, folder: str | os.PathLike[str] | None = None) -> Workspace:
        """The workspace at `folder`, else at $REGARD_WORKSPACE, else here.

        Raises : WorkspaceError if the folder has no blueprint.yaml, naming the command that makes one.
        """
        named = folder or os.environ.get(VARIABLE)
        root = Path(named).expanduser() if named else Path.cwd()
        if not (root / BLUEPRINT).is_file():
            raise WorkspaceError(
                f"{root} is not a Regard workspace.",
                found="no blueprint.yaml in it" if root.is_dir() else "no such folder",
                hint="Make one with `regard init NAME`, or name one with `-w DIR` or $REGARD_WORKSPACE.",
            )
        return cls(root.resolve())
