"""Files and a mapping -> batches for the ledger, one for each file."""

from __future__ import annotations

import hashlib
import shutil
import sys
from collections.abc import Iterator, Sequence
from collections.abc import Mapping as Mapped
from dataclasses import dataclass
from glob import glob, has_magic
from pathlib import Path, PurePath
from types import TracebackType
from typing import IO

import ibis.expr.types as ir

from regard.engine import Engine
from regard.engine.duck import DuckEngine, literal
from regard.errors import EngineError, Finding, SourceError, nearest
from regard.ledger import Batch
from regard.sources.builtin import built_in
from regard.sources.formats import recognise
from regard.sources.joining import every_join, opened_beside
from regard.sources.mapping import Format, Mapping
from regard.sources.ocel import prepared_ocel
from regard.sources.preparing import Prepared, Settings, prepared
from regard.sources.readers import staged, wanted
from regard.sources.staging import Progress, Stage, file_hash

STDIN, PIPED = "-", "stdin"


def silent(done: int, total: int | None) -> None:
    """Nobody is told."""


@dataclass(frozen=True)
class File:
    """A file to be loaded: where it is, and how people call it."""

    path: Path
    name: str


@dataclass(frozen=True)
class Mark:
    """By what a file is known again without reading its rows.

    content : hash of its bytes, and of those of the files joined to it.
    mapping : hash of the mapping, or of what stands for one.
    source  : the system; None where it is but the name of the file, which may change.
    """

    content: str
    mapping: str
    source: str | None


@dataclass(frozen=True)
class Ready:
    """A file that has been read and checked; `sides` is SQL of rows for other tables of the ledger, by name."""

    prepared: Prepared
    source: str
    on_change: str
    sides: Mapped[str, str]


class Load:
    """Files on their way into the ledger: see `open_source`. Use it as a context, or close it.

    notes : what was guessed or is worth knowing, filled as the files are read.
    """

    def __init__(self, files: Sequence[File], mapping: Mapping | None, stage: Stage, settings: Settings) -> None:
        self.files = tuple(files)
        self.notes: list[Finding] = []
        self._mapping, self._stage, self._settings = mapping, stage, settings
        self._done: dict[Path, Ready] = {}
        self._marks: dict[Path, Mark] = {}
        self._hashes: dict[Path, str] = {}

    def mark(self, file: File) -> Mark:
        """By what a file is known again: it costs a hash, and nothing of its rows is read.

        Raises : SourceError or MappingError for a file, or one joined to it, that is not there or of no known kind.
        """
        if file.path not in self._marks:
            self._marks[file.path] = self._marked(file)
        return self._marks[file.path]

    def batches(self, *, strict: bool = False) -> Iterator[Batch]:
        """A batch for each file, in order; each is read when its turn comes."""
        return (self.batch(file, strict=strict) for file in self.files)

    def batch(self, file: File, *, strict: bool = False) -> Batch:
        """A file as a batch for the ledger.

        Raises : SourceError or MappingError for a file that cannot be read as the mapping says.
        """
        ready, mark = self._prepared(file), self.mark(file)
        rejects = f"read_parquet({literal(str(ready.prepared.rejects))})"
        return Batch(
            source=ready.source,
            interactions=self._view(ready.prepared.rows),
            rejects=self._view(f"SELECT {literal(file.name)} AS file, * FROM {rejects}"),
            sides={name: self._view(self._sourced(sql, ready.source)) for name, sql in ready.sides.items()},
            file=file.name,
            folder=self._folder(file),
            content=mark.content,
            mapping=mark.mapping,
            n_rows=ready.prepared.n_rows,
            on_change=ready.on_change,
            strict=strict,
        )

    def n_rejects(self, files: Sequence[File] | None = None) -> int:
        """Rejects in these files (all); they are read for it, so that nothing need be loaded where one is too many."""
        return sum(self._prepared(file).prepared.n_rejects for file in (self.files if files is None else files))

    def rejects(self, files: Sequence[File] | None = None, *, limit: int = 1000) -> list[dict[str, object]]:
        """The first rejects of these files (all): file, line, event, reason and row (JSON)."""
        found: list[dict[str, object]] = []
        for file in self.files if files is None else files:
            place = literal(str(self._prepared(file).prepared.rejects))
            sql = f"SELECT line, event, reason, row FROM read_parquet({place}) ORDER BY line, event LIMIT {limit}"
            for line, event, reason, row in self._stage.engine.sql(sql).fetchall():
                found.append({"file": file.name, "line": line, "event": event, "reason": reason, "row": row})
        return found[:limit]

    def counts(self) -> dict[str, int]:
        """Rows read, rejects, and rows that no `when` means, over all files."""
        found = [self._prepared(file).prepared for file in self.files]
        return {
            "n_rows": sum(one.n_rows for one in found),
            "n_rejects": sum(one.n_rejects for one in found),
            "n_left_out": sum(one.n_left_out for one in found),
        }

    def close(self) -> None:
        """Remove what was staged."""
        self._stage.close()

    def __enter__(self) -> Load:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _prepared(self, file: File) -> Ready:
        if file.path not in self._done:
            self._done[file.path] = self._read(file)
        return self._done[file.path]

    def _read(self, file: File) -> Ready:
        guess = recognise(file.path, self._mapping.format if self._mapping else Format())
        if guess.guessed:
            self.notes.append(Finding(file.name, "note", f"{file.name} was read as {', '.join(guess.guessed)}."))
        if guess.type == "ocel" and self._mapping is None:
            log = prepared_ocel(file.path, guess.format, self._stage)
            return Ready(log.prepared, PurePath(file.name).name.split(".")[0], "reject", {"objects": log.objects})
        mapping = self._mapping or built_in(guess, file.name)
        read = staged(
            file.path, guess, wanted(mapping), self._stage, limit=self._settings.limit,
            forgiving=self._mapping is None or self._settings.forgiving,
        )  # fmt: skip
        found = prepared(read, file.name, mapping, self._stage, self._settings)
        if found.n_left_out:
            says = f"{found.n_left_out:,} rows are left out by `when`."
            self.notes.append(Finding(file.name, "note", says))
        return Ready(found, mapping.source, mapping.on_change, found.sides)

    def _marked(self, file: File) -> Mark:
        mapping = self._mapping
        if mapping is None:
            guess = recognise(file.path, Format())
            digest = guess.type if guess.type == "ocel" else built_in(guess, file.name).digest
            return Mark(self._hash(file.path), digest, None)
        joined = [opened_beside(self._settings.folder, join.file) for join in every_join(mapping.joins)]
        content = self._hash(file.path)
        if joined:
            content = hashlib.sha256("".join([content, *map(self._hash, joined)]).encode()).hexdigest()
        return Mark(content, mapping.digest, mapping.source)

    def _hash(self, path: Path) -> str:
        if path not in self._hashes:
            self._hashes[path] = file_hash(path)
        return self._hashes[path]

    def _folder(self, file: File) -> str:
        """Where it came from, so that `regard check` can look at it again; "" for what came through a pipe."""
        return "" if file.name == PIPED else str(self._settings.folder.resolve())

    def _view(self, sql: str) -> ir.Table:
        return self._stage.view(sql)

    @staticmethod
    def _sourced(sql: str, source: str) -> str:
        return f"SELECT *, {literal(source)} AS source FROM ({sql})"


def open_source(
    files: Sequence[str | Path],
    mapping: Mapping | None,
    engine: Engine,
    *,
    folder: Path | None = None,
    zone: str = "UTC",
    scales: Mapped[str, tuple[float, float]] | None = None,
    stdin: IO[bytes] | None = None,
    progress: Progress = silent,
) -> Load:
    """Files on their way into the ledger, one batch each.

    files    : paths, globs, or "-" for `stdin`; none: the mapping's own `files`, in `folder`.
    mapping  : how columns become interactions; None for event logs (XES, OCEL 2.0), which need none.
    engine   : the embedded one; it reads, checks and streams.
    folder   : where the mapping's files and joined files are; the folder of the first file where None.
    zone     : IANA zone of times without an offset, where the mapping names none: the workspace's.
    scales   : lowest and highest answer by scale, from the blueprint; ratings outside are rejects.
    progress : called with rows read so far, and their number where it is known.
    Raises   : SourceError if there are no such files; EngineError if the engine is not the embedded one.
    """
    stage = Stage(embedded(engine), progress=progress)
    named = list(files) or _of_mapping(mapping, folder)
    found = [file for name in named for file in _resolved(str(name), stage, stdin)]
    beside = folder or found[0].path.parent
    return Load(found, mapping, stage, Settings(zone=zone, folder=beside, scales=dict(scales or {})))


def open_rows(
    file: File,
    mapping: Mapping,
    engine: Engine,
    *,
    folder: Path,
    zone: str = "UTC",
    scales: Mapped[str, tuple[float, float]] | None = None,
    forgiving: bool = False,
) -> Load:
    """One file that is known by another name than its own, on its way into the ledger; see `open_source`.

    forgiving : a column that no row has is empty: a few rows of an API leave out what is empty in all of them.
    """
    settings = Settings(zone=zone, folder=folder, scales=dict(scales or {}), forgiving=forgiving)
    return Load([file], mapping, Stage(embedded(engine)), settings)


def embedded(engine: Engine) -> DuckEngine:
    """The engine, if it is the embedded one.

    Raises : EngineError otherwise.
    """
    if not isinstance(engine, DuckEngine):
        raise EngineError("Files are read by the embedded engine.", found=engine.name, allowed="duckdb")
    return engine


def _of_mapping(mapping: Mapping | None, folder: Path | None) -> list[str | Path]:
    if mapping is None or not mapping.files:
        raise SourceError(
            "There is nothing to read.", hint="Name files, or give the mapping a line `files: orders*.csv`."
        )
    return [(folder or Path()) / pattern for pattern in mapping.files]


def _resolved(name: str, stage: Stage, stdin: IO[bytes] | None) -> list[File]:
    """The files that a path or glob means, sorted by name."""
    if name == STDIN:
        place = stage.path(".stdin")
        with place.open("wb") as copy:
            shutil.copyfileobj(stdin or sys.stdin.buffer, copy)
        if not place.stat().st_size:
            raise SourceError("Standard input is empty.", hint="Pipe a file into it: regard import - --map MAP < FILE")
        return [File(place, PIPED)]
    path = Path(name)
    if path.is_file():
        return [File(path, path.name)]
    if path.is_dir():
        raise SourceError(f"{name} is a folder.", hint=f"Name the files in it: '{name}/*.csv'")
    packed = path.with_name(path.name + ".gz")
    if packed.is_file():
        return [File(packed, packed.name)]
    # glob and not Path.glob, since what people type may begin at the root
    matches = sorted(one for one in map(Path, glob(name, recursive=True)) if one.is_file())  # noqa: PTH207
    if not matches and has_magic(name):
        raise SourceError(f"No file matches {name}.", hint=f"Look at what is there: ls {path.parent}")
    if not matches and not path.parent.is_dir():
        raise SourceError(f"There is no folder {path.parent}.", hint="Name the folder that holds the files.")
    if not matches:
        near = nearest(path.name, (other.name for other in path.parent.glob("*")) if path.parent.is_dir() else ())
        raise SourceError(f"There is no file {name}.", hint=f"Did you mean {near!r}?" if near else None)
    return [File(match, match.name) for match in matches]
