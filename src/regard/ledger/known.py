"""Which ids the ledger may hold already: 64-bit hashes in sorted runs, so that a sealing turn need not read history.

A hash that is not there proves an id new; one that is there is looked at in the ledger itself, so the answer is exact.
Runs are files that are mapped, not loaded: ten million ids are 80 MB of page cache. The index is made from the ledger
and names the files it covers; without it, or when it lags, the ids are read again.

    .regard/ledger/known/
      state.json            the runs, and the ledger's files they cover
      00000042-0.npy        sorted hashes
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from regard.errors import LedgerError
from regard.ledger.delta import synced
from regard.ledger.ids import APART
from regard.ledger.journal import read_json, write_json

Hashes = npt.NDArray[np.uint64]

MOST_IN_MEMORY = 2_000_000
"""Hashes that are kept in memory before they become a run; this many ids are read again after a kill."""
RATIO = 4
"""Runs are merged when the older one is less than so many times as long."""


def hashes_of(sources: Sequence[str], ids: Sequence[str]) -> Hashes:
    """A hash of each (source, id): the first half of an MD5, the same in every process and version."""
    digests = [
        hashlib.md5(f"{source}{APART}{one}".encode(), usedforsecurity=False).digest()
        for source, one in zip(sources, ids, strict=True)
    ]
    return np.frombuffer(b"".join(digests), dtype="<u8")[::2].astype(np.uint64)


class Known:
    """The index of one ledger. Changing it is for the holder of the writer's lock; reading needs none."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.covered: set[str] = set()
        self._runs: list[tuple[str, Hashes]] = []
        self._recent: list[Hashes] = []
        self._loaded: tuple[int, int] | None = None
        self._load()

    @property
    def state(self) -> Path:
        return self.folder / "state.json"

    def __len__(self) -> int:
        return sum(len(run) for run in self._all())

    def seen(self, hashes: Hashes) -> npt.NDArray[np.bool_]:
        """Whether each hash is among the known ones."""
        order = np.argsort(hashes)
        wanted = hashes[order]
        found = np.zeros(len(hashes), dtype=bool)
        for run in self._all():
            at = np.searchsorted(run, wanted)
            inside = at < len(run)
            found[inside] |= run[at[inside]] == wanted[inside]
        answer = np.empty(len(hashes), dtype=bool)
        answer[order] = found
        return answer

    def catch_up(self, files: Iterable[Path]) -> None:
        """Read the ids of files that are not covered yet, and no longer name files that are gone."""
        here = {path.name: path for path in files}
        for name in sorted(set(here) - self.covered):
            for sources, ids in _ids(here[name]):
                self.add(hashes_of(sources, ids), ())
            self.covered.add(name)
        self.covered &= set(here)

    def add(self, hashes: Hashes, files: Iterable[str]) -> None:
        """Take in the ids of files that have just come into the ledger."""
        self.covered.update(files)
        if len(hashes):
            self._recent.append(np.sort(hashes))
            _merge(self._recent)
        if sum(map(len, self._recent)) > MOST_IN_MEMORY:
            self.keep()

    def moved(self, gone: Iterable[str], come: Iterable[str]) -> None:
        """The same rows now lie in other files."""
        if set(gone) <= self.covered:
            self.covered = (self.covered - set(gone)) | set(come)

    def keep(self) -> None:
        """Write what is in memory, so that the next process need not read it from the ledger."""
        if not self._recent and self.covered == set((read_json(self.state) or {}).get("files", [])):
            return
        self.folder.mkdir(parents=True, exist_ok=True)
        before = {name for name, _ in self._runs}
        runs = [run for _, run in self._runs] + ([np.unique(np.concatenate(self._recent))] if self._recent else [])
        n_same = min(_merge(runs), len(self._runs))
        kept = self._runs[:n_same]
        for run in runs[n_same:]:
            kept.append((self._write(run), run))
        write_json(self.state, {"runs": [[name, len(run)] for name, run in kept], "files": sorted(self.covered)})
        self._load()
        for name in before - {name for name, _ in kept}:
            (self.folder / name).unlink(missing_ok=True)

    def drop(self) -> None:
        """Empty the index: nothing of anybody is left in it, and it is made again when it is needed."""
        if self.folder.is_dir():
            write_json(self.state, {"runs": [], "files": []})
            for path in self.folder.glob("*.npy"):
                path.unlink()
        self._load()

    def renew(self) -> None:
        """Let go of what another process has replaced since."""
        if self._stamp() != self._loaded:
            self._load()

    def _stamp(self) -> tuple[int, int] | None:
        try:
            stat = self.state.stat()
        except FileNotFoundError:
            return None
        return stat.st_mtime_ns, stat.st_ino

    def _all(self) -> list[Hashes]:
        return [run for _, run in self._runs] + self._recent

    def _write(self, run: Hashes) -> str:
        taken = {path.name for path in self.folder.glob("*.npy")}
        name = next(name for n in range(10**8) if (name := f"{n:08d}.npy") not in taken)
        with (self.folder / name).open("wb") as file:
            np.save(file, run)
        synced(self.folder / name)
        return name

    def _load(self) -> None:
        """What a process before this one kept; anything odd about it, and there is no index."""
        self.covered, self._runs, self._recent = set(), [], []
        self._loaded = self._stamp()
        with suppress(OSError, ValueError, KeyError, LedgerError):
            said = read_json(self.state)
            if said is None:
                return
            runs = []
            for name, n in said["runs"]:
                run = np.load(self.folder / name, mmap_mode="r")
                if run.dtype != np.uint64 or len(run) != n:
                    raise ValueError(name)
                runs.append((name, run))
            self._runs, self.covered = runs, set(said["files"])


def _merge(runs: list[Hashes]) -> int:
    """Merge the last runs while they are of a size, in place; returns how many at the beginning stayed as they were."""
    same = len(runs)
    while len(runs) > 1 and len(runs[-2]) < RATIO * len(runs[-1]):
        last = runs.pop()
        runs[-1] = np.unique(np.concatenate((runs[-1], last)))
        same = min(same, len(runs) - 1)
    return same


def _ids(path: Path) -> Iterable[tuple[list[str], list[str]]]:
    file = pq.ParquetFile(path)
    try:
        for batch in file.iter_batches(batch_size=200_000, columns=["source", "interaction_id"]):
            rows = pa.Table.from_batches([batch])
            yield rows.column("source").to_pylist(), rows.column("interaction_id").to_pylist()
    finally:
        file.close()
