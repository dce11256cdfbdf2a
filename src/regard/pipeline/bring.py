"""Files -> sources -> ledger, one commit a file."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from regard import sources
from regard.blueprint import read as read_blueprint
from regard.engine import Engine, connect
from regard.errors import RegardError, SettingError
from regard.ledger import Appended, Ledger
from regard.workspace import Workspace

Progress = Callable[[int, int | None], None]
"""Called with rows done and rows in all, None while that is not known."""

LOAD_MEMORY = 2**30


def unseen(done: int, total: int | None) -> None:
    """Show no progress."""


@dataclass(frozen=True)
class Brought:
    """What came of one file."""

    file: str
    source: str
    already: bool
    refused: bool
    n_rows: int
    n_interactions: int
    n_known: int
    n_rejects: int
    n_forgotten: int
    n_sides: int
    sample: tuple[tuple[int | None, str], ...]

    def as_data(self) -> dict[str, object]:
        """For JSON."""
        return asdict(self)

    def line(self) -> str:
        """For people."""
        if self.already:
            return f"{self.file}: loaded before, nothing to do."
        if self.refused:
            return f"{self.file}: nothing loaded, {self.n_rejects:,} rows do not fit and --strict was asked."
        parts = [f"{self.n_interactions:,} new interactions from {self.n_rows:,} rows"]
        for n, word in (
            (self.n_sides, "new beside them (objects, memberships, consents or rates)"),
            (self.n_known, "known already"),
            (self.n_rejects, "rejects"),
            (self.n_forgotten, "of the forgotten"),
        ):
            if n:
                parts.append(f"{n:,} {word}")
        return f"{self.file}: {', '.join(parts)}."


def bring_in(
    workspace: Workspace,
    files: Sequence[str],
    *,
    mapping: Path | None,
    now: dt.datetime,
    data: Path | None = None,
    strict: bool = False,
    progress: Progress = unseen,
) -> list[Brought]:
    """Load files into the ledger; each is wholly there or not at all.

    files   : paths, globs, or "-" for stdin; none: those that the mapping names, in `data` or beside it.
    mapping : how columns become interactions; None for event logs.
    strict  : a single row that does not fit, and nothing of any file is loaded.
    now     : UTC.
    Raises  : SourceError, MappingError, WorkspaceError, each saying what to do.
    """
    meant = sources.read_mapping(mapping) if mapping else None
    if not files and not (meant and data):
        raise SettingError(
            "No file is named.", hint="regard import FILE --map MAP.yaml, or regard import --map MAP.yaml --data FOLDER"
        )
    ledger = Ledger.open(workspace)
    blueprint = read_blueprint(workspace.blueprint)
    engine = connect("duckdb", memory=LOAD_MEMORY)
    try:
        scales = {scale.id: (scale.low, scale.high) for scale in blueprint.scales}
        with (
            sources.open_source(
                files, meant, engine, folder=data, zone=blueprint.zone, scales=scales, progress=progress
            ) as load,
            ledger.writing("importing", engine, now=now),
        ):
            if strict:
                fresh = [
                    file for file in load.files if (met := _met(load, file, ledger, engine)) is None or met.n_rejects
                ]
                if n := load.n_rejects(fresh):
                    rejects = tuple((_line(row["line"]), str(row["reason"])) for row in load.rejects(fresh, limit=20))
                    return [_refused(" ".join(file.name for file in fresh), n, rejects)]
            done: list[Brought] = []
            try:
                for file in load.files:
                    done.append(_each(load, file, ledger, engine, strict=strict, now=now))  # noqa: PERF401
            except RegardError as error:
                error.hint = _with_loaded(error.hint, done)
                raise
            return done
    finally:
        engine.close()


def _with_loaded(hint: str | None, done: Sequence[Brought]) -> str | None:
    """What to do about a file that cannot be loaded, and which files before it were."""
    if not done:
        return hint
    said = f"Loaded before it: {', '.join(one.file for one in done)}; they are passed over when you import again."
    return f"{hint} {said}" if hint else said


def _met(load: sources.Load, file: sources.File, ledger: Ledger, engine: Engine) -> Appended | None:
    """What came of the file when it was loaded before: asked by its hash, before any of its rows is read."""
    mark = load.mark(file)
    return ledger.loaded(mark.content, mark.mapping, engine, source=mark.source)


def _each(
    load: sources.Load, file: sources.File, ledger: Ledger, engine: Engine, *, strict: bool, now: dt.datetime
) -> Brought:
    earlier = _met(load, file, ledger, engine)
    if earlier is not None:
        return _brought(file.name, earlier.source, earlier)
    batch = load.batch(file, strict=strict)
    return _brought(file.name, batch.source, ledger.append(batch, engine, now=now))


def _brought(file: str, source: str, came: Appended) -> Brought:
    return Brought(
        file=file,
        source=source,
        already=came.already,
        refused=came.refused,
        n_rows=came.n_rows,
        n_interactions=came.n_interactions,
        n_known=came.n_known,
        n_rejects=came.n_rejects,
        n_forgotten=came.n_forgotten,
        n_sides=came.n_sides,
        sample=came.sample,
    )


def _refused(file: str, n_rejects: int, sample: tuple[tuple[int | None, str], ...]) -> Brought:
    return Brought(file, "", already=False, refused=True, n_rows=0, n_interactions=0, n_known=0, n_rejects=n_rejects,
                   n_forgotten=0, n_sides=0, sample=sample)  # fmt: skip


def _line(value: object) -> int | None:
    return value if isinstance(value, int) else None
