"""The first rows of a file through a mapping: for the page on which one finishes it."""

from __future__ import annotations

from collections.abc import Mapping as Mapped
from dataclasses import dataclass
from pathlib import Path

from regard.engine import Engine
from regard.errors import Finding, RegardError
from regard.sources.formats import recognise
from regard.sources.load import File, Load, embedded
from regard.sources.mapping import Format
from regard.sources.preparing import Settings
from regard.sources.readers import staged
from regard.sources.reading import loaded, mapping_of, structure
from regard.sources.staging import Stage


@dataclass(frozen=True)
class Preview:
    """What some rows would give.

    columns      : the file's columns.
    rows         : its first rows, as text.
    interactions : what they become, columns without a value left out.
    rejects      : line, event, reason and row of those that do not fit.
    findings     : what is wrong with the mapping itself, with its line; then there are no interactions.
    """

    columns: tuple[str, ...]
    rows: tuple[tuple[str | None, ...], ...]
    interactions: list[dict[str, object]]
    rejects: list[dict[str, object]]
    findings: list[Finding]


def preview(
    text: str,
    file: Path | str,
    engine: Engine,
    *,
    rows: int = 50,
    zone: str = "UTC",
    scales: Mapped[str, tuple[float, float]] | None = None,
) -> Preview:
    """Try a mapping on the first rows of a file.

    text   : the mapping, as it is being written; what is wrong with it comes back as findings.
    Raises : SourceError if the file itself cannot be read.
    """
    place = Path(file)
    stage = Stage(embedded(engine))
    try:
        columns, first = _first(place, _format_of(text), stage, rows)
        try:
            findings = list(structure(loaded(text, "mapping"), name="mapping"))
            if findings:
                return Preview(columns, first, [], [], findings)
            settings = Settings(zone=zone, folder=place.parent, scales=dict(scales or {}), limit=rows)
            load = Load([File(place, place.name)], mapping_of(text), stage, settings)
            batch = next(load.batches())
            found = engine.rows(batch.interactions.order_by("sequence")).to_pylist()
        except RegardError as error:
            return Preview(columns, first, [], [], [Finding("mapping", "error", error.problem, error.hint)])
        said = [{key: value for key, value in row.items() if value not in (None, [])} for row in found]
        return Preview(columns, first, said, load.rejects(), load.notes)
    finally:
        stage.close()


def _format_of(text: str) -> Format:
    try:
        return mapping_of(text).format
    except RegardError:
        return Format()


def _first(
    place: Path, form: Format, stage: Stage, rows: int
) -> tuple[tuple[str, ...], tuple[tuple[str | None, ...], ...]]:
    relation = staged(place, recognise(place, form), (), stage, limit=rows).relation
    names = tuple(relation.columns)
    shown = ", ".join(f"CAST({column.sql} AS VARCHAR)" for column in relation.columns.values()) or "NULL"
    found = stage.engine.sql(f"SELECT {shown} FROM {relation.sql} ORDER BY __row LIMIT {rows}").fetchall()
    return names, tuple(found)
