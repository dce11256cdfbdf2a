"""A staged file and its mapping -> SQL of its interactions, and its rejects, written down and counted."""

from __future__ import annotations

from collections.abc import Iterable
from collections.abc import Mapping as Mapped
from dataclasses import dataclass, field, replace
from pathlib import Path

from regard.blueprint.money import EXPONENTS, exponent
from regard.engine.duck import literal, quoted
from regard.errors import EngineError, MappingError, SettingError
from regard.sources.beside import beside
from regard.sources.columns import text
from regard.sources.formats import recognise
from regard.sources.joining import joined, opened_beside
from regard.sources.mapping import CONTENT, Join, Mapping, Time, Word
from regard.sources.moments import EPOCH_US
from regard.sources.readers import staged, wanted_of
from regard.sources.reading import known_zone, zone_finding
from regard.sources.selecting import Scene, Selected, row_hash, selected
from regard.sources.shape import canonical
from regard.sources.staging import BODY, LINE, Relation, Stage, Staged


@dataclass(frozen=True)
class Prepared:
    """A file ready to be loaded.

    rows       : SQL of its interactions.
    rejects    : Parquet file with line, event, reason, row.
    n_rows     : rows read, bad lines among them.
    n_rejects  : rejects.
    n_left_out : rows that no interaction's `when` means.
    sides      : SQL of rows for other tables of the ledger, by table; without `source`.
    """

    rows: str
    rejects: Path
    n_rows: int
    n_rejects: int
    n_left_out: int
    sides: Mapped[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Settings:
    """What a load was asked for beside its files and mapping.

    limit     : so many rows are read of each file, all where None.
    forgiving : a column that no row has is empty, instead of a mistake of the mapping.
    """

    zone: str
    folder: Path
    scales: Mapped[str, tuple[float, float]]
    limit: int | None = None
    forgiving: bool = False


def prepared(file: Staged, name: str, mapping: Mapping, stage: Stage, settings: Settings) -> Prepared:
    """The SQL of a file's interactions; the rejects are written and counted, so that --strict can decide first.

    Raises : MappingError if the mapping names what the file does not have.
    """
    checked(mapping)

    def opening(join: Join) -> Relation:
        path = opened_beside(settings.folder, join.file)
        return staged(path, recognise(path, join.format), wanted_of(join, mapping), stage).relation

    relation = joined(file.relation, mapping.joins, stage, opening=opening, where=mapping.path)
    if any(ref.name == CONTENT for ref in mapping.refs()):
        relation = with_content(relation, stage)
    relation = relation.with_made(name)
    scene = Scene(relation, mapping, zone=mapping.zone or settings.zone, file=name, scales=settings.scales)
    _formats(mapping, stage)
    scene = replace(scene, zones=_zones(scene, stage), currencies=_currencies(scene, stage))
    alone = len(mapping.interactions) == 1 and not mapping.beside
    parts = [selected(one, scene, alone=alone) for one in mapping.interactions]
    others = [beside(one, scene) for one in mapping.beside]
    place = stage.path()
    n_rejects = _written(file, parts, others, scene, stage, place)
    clean = n_rejects == file.n_bad
    layers = [part.unchecked if clean else part.checked for part in parts]
    rows = " UNION ALL ".join(f"({ordered(layer, number, len(parts))})" for number, layer in enumerate(layers))
    sides: dict[str, list[str]] = {}
    for said, found in zip(mapping.beside, others, strict=True):
        sides.setdefault(said.table, []).append(f"({found.checked})")
    left_out = 0 if others else _left_out(mapping, parts, scene, stage)
    return Prepared(
        rows or f"SELECT {canonical({})} WHERE false", place, file.n_rows + file.n_bad, n_rejects, left_out,
        {table: " UNION ALL BY NAME ".join(found) for table, found in sides.items()},
    )  # fmt: skip


def ordered(rows: str, place: int, of: int) -> str:
    """Rows whose sequence tells the interactions of a row apart, in the order of the mapping."""
    if of == 1:
        return rows
    return f'SELECT * REPLACE ("sequence" * {of} + {place} AS "sequence") FROM ({rows})'


def with_content(relation: Relation, stage: Stage) -> Relation:
    """The rows with `_content`: the row's hash and its occurrence number in the file."""
    place = literal(str(stage.path()))
    hashed = f"substr({row_hash(relation)}, 1, 16)"
    numbered = f"row_number() OVER (PARTITION BY __hash ORDER BY {BODY})"
    stage.engine.sql(
        f"COPY (SELECT * EXCLUDE (__hash), __hash || '-' || {numbered} AS {quoted(CONTENT)} "
        f"FROM (SELECT *, {hashed} AS __hash FROM {relation.sql})) TO {place} (FORMAT parquet, COMPRESSION lz4)"
    )
    return replace(relation, sql=f"read_parquet({place})")


def checked(mapping: Mapping) -> None:
    """Refuse a mapping whose words cannot be meant, whatever the data.

    Raises : MappingError with the line, for a zone, currency or format that does not exist.
    """
    for one in mapping.interactions:
        where = f"{mapping.path}:{one.line}"
        for money in (one.amount, one.cost):
            if money and money.currency.constant is not None:
                try:
                    exponent(money.currency.constant)
                except SettingError as error:
                    raise MappingError(f"{where}: {error.problem}", allowed=error.allowed, hint=error.hint) from None
        times = [one.at, *(said.time for said in one.properties if said.time)]
        _zones_exist(times, where)
    for said in mapping.beside:
        _zones_exist([time for _, time in said.times], f"{mapping.path}:{said.line}")


def _zones_exist(times: Iterable[Time], where: str) -> None:
    for zone in (time.zone.constant for time in times if time.zone and time.zone.constant):
        if not known_zone(zone):
            finding = zone_finding(zone, where)
            raise MappingError(f"{where}: {finding.problem}", hint=finding.hint)


def _formats(mapping: Mapping, stage: Stage) -> None:
    for one in mapping.interactions:
        for time in (one.at, *(said.time for said in one.properties if said.time)):
            for form in time.formats:
                _format(form, f"{mapping.path}:{one.line}", stage)
    for said in mapping.beside:
        for form in (form for _, time in said.times for form in time.formats):
            _format(form, f"{mapping.path}:{said.line}", stage)


def _format(form: str, where: str, stage: Stage) -> None:
    if form == "iso" or form in EPOCH_US:
        return
    try:
        stage.engine.sql(f"SELECT try_strptime('', {literal(form)})").fetchall()
        wrong = "%" not in form
    except EngineError:
        wrong = True
    if wrong:
        raise MappingError(
            f"{where}: {form!r} is not a format of times.",
            allowed="strftime codes such as %d/%m/%Y %H:%M:%S, or iso, epoch, epoch_ms",
        )


def _zones(scene: Scene, stage: Stage) -> tuple[str, ...]:
    """Names in the zone columns that are zones, for Python and for the engine."""
    found = _said({one.at.zone for one in scene.mapping.interactions if one.at.zone}, scene, stage)
    if not found:
        return ()
    known = {str(row[0]) for row in stage.engine.sql("SELECT name FROM pg_timezone_names()").fetchall()}
    return tuple(sorted(zone for zone in found if zone in known and known_zone(zone)))


def _currencies(scene: Scene, stage: Stage) -> tuple[str, ...]:
    """Codes in the currency columns that are currencies."""
    amounts = [money for one in scene.mapping.interactions for money in (one.amount, one.cost) if money]
    found = _said({money.currency for money in amounts}, scene, stage)
    return tuple(sorted({code.upper() for code in found} & set(EXPONENTS)))


def _said(words: set[Word], scene: Scene, stage: Stage) -> set[str]:
    """All that the columns of some words hold, translated; a list in SQL of what is there is shorter than of all."""
    found: set[str] = set()
    for word in words:
        if word.column is None:
            continue
        found |= {to for _, to in word.map} | ({word.otherwise} if word.otherwise else set())
        column = scene.column(word.column)
        rows = stage.engine.sql(f"SELECT DISTINCT {text(column)} FROM {scene.relation.sql} LIMIT 2000").fetchall()
        found |= {str(row[0]) for row in rows if row[0] is not None}
    return found


def _written(
    file: Staged, parts: list[Selected], others: list[Selected], scene: Scene, stage: Stage, place: Path
) -> int:
    """Write all rejects of a file; returns how many."""
    found = [part.rejects for part in (*parts, *others)]
    if len(parts) > 1 and not others:
        found.append(_nothing(parts, scene))
    if file.bad is not None:
        found.append(f"SELECT line, '' AS event, reason, row FROM read_parquet({literal(str(file.bad))})")
    union = " UNION ALL ".join(f"({one})" for one in found)
    row = stage.engine.sql(f"COPY ({union}) TO {literal(str(place))} (FORMAT parquet)").fetchone()
    return int(row[0]) if row else 0


def _nothing(parts: list[Selected], scene: Scene) -> str:
    """Rows that some interaction is meant for and that give none, because all its times are empty."""
    applies = " OR ".join(part.applies for part in parts)
    happens = " OR ".join(part.happens for part in parts)
    body = ", ".join(f"{literal(name)}: {quoted(name)}" for name in scene.relation.body)
    times = dict.fromkeys(ref.name for one in scene.mapping.interactions for ref in one.at.columns)
    says = f"It gives no interaction: {', '.join(quoted(name) for name in times)} are empty."
    return (
        f"SELECT {LINE} AS line, '' AS event, {literal(says)} AS reason, "
        f"CAST(to_json({{{body}}}) AS VARCHAR) AS row FROM {scene.relation.sql} "
        f"WHERE ({applies}) AND NOT ({happens})"
    )


def _left_out(mapping: Mapping, parts: list[Selected], scene: Scene, stage: Stage) -> int:
    if not all(one.when for one in mapping.interactions):
        return 0
    applies = " OR ".join(part.applies for part in parts)
    row = stage.engine.sql(f"SELECT count(*) FROM {scene.relation.sql} WHERE NOT ({applies})").fetchone()
    return int(row[0]) if row else 0
