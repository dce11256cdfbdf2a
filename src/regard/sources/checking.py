"""A mapping beside its data: everything that is wrong with it, without stopping at the first."""

from __future__ import annotations

from collections.abc import Iterator
from glob import glob
from pathlib import Path

from regard.engine import Engine
from regard.engine.duck import DuckEngine
from regard.errors import Finding, MappingError, RegardError, nearest
from regard.sources.formats import recognise
from regard.sources.joining import column_of, opened_beside
from regard.sources.load import embedded
from regard.sources.mapping import Join, Mapping
from regard.sources.preparing import checked
from regard.sources.readers import staged, wanted, wanted_of
from regard.sources.reading import loaded, mapping_of, structure
from regard.sources.staging import Relation, Stage

SAMPLE_ROWS = 1_000


def check_mapping(
    path: Path | str, folder: Path | None = None, engine: Engine | None = None, *, last: str | None = None
) -> list[Finding]:
    """What is wrong with a mapping file: its grammar, its words, and the columns it names.

    folder  : where the mapping's files are; columns are compared, and the first rows tried, where there is one and an
              engine.
    last    : name of the file last loaded with it, for a mapping that does not name its files.
    Returns : findings in the order of the file; none if all is well.
    """
    place = Path(path)
    try:
        text = place.read_text(encoding="utf-8")
        document = loaded(text, place.name)
        found = list(structure(document, name=place.name))
        if found:
            return found
        mapping = mapping_of(text, name=place.name)
        checked(mapping)
    except (OSError, UnicodeDecodeError) as error:
        return [Finding(place.name, "error", f"The mapping cannot be read: {error}.")]
    except RegardError as error:
        return [_finding(error, place.name)]
    return [*_doubtful(mapping), *_data(mapping, folder, engine, last)]


def _finding(error: RegardError, name: str) -> Finding:
    """An error as a finding; one that begins with its place gives it as such."""
    where, mark, rest = error.problem.partition(": ")
    if not mark or not where.startswith(name.split(":")[0]):
        where, rest = name, error.problem
    return Finding(where, "error", rest[:1].upper() + rest[1:], error.hint or error.allowed)


def _doubtful(mapping: Mapping) -> Iterator[Finding]:
    met: dict[str, int] = {}
    for one in mapping.interactions:
        where = f"{mapping.path}:{one.line}"
        if not one.handles and not one.objects and not any(word == "account" for word, _ in one.words):
            yield Finding(
                where, "warning", f"{one.name!r} has neither handles nor objects: nobody can be told from anybody.",
                "Add `handles: {kind: column}`, or `objects: [{type: ..., id: column}]`.",
            )  # fmt: skip
        key = one.key or mapping.key
        if one.event.constant and key and one.event.constant in met:
            says = (
                f"{one.name!r} stands in lines {met[one.event.constant]} and {one.line}: both would have the same id."
            )
            yield Finding(where, "warning", says, "Give one another event, or a `key` of its own.")
        if one.event.constant:
            met[one.event.constant] = one.line
    if mapping.zone is None:
        says = "No `zone`: times without an offset are taken to be in the workspace's zone."
        yield Finding(mapping.path, "note", says, "Add `zone: Europe/Paris`, or wherever the source writes.")


def _data(mapping: Mapping, folder: Path | None, engine: Engine | None, last: str | None) -> Iterator[Finding]:
    patterns = mapping.files or ((last,) if last else ())
    if folder is None or engine is None or not patterns:
        return
    matches = sorted(path for pattern in patterns for path in _found(folder, pattern))
    if not matches:
        near = nearest(patterns[0], (other.name for other in folder.glob("*") if other.is_file()))
        hint = f"Did you mean {near!r}? Say so in `files`" if near else "Mend `files`"
        says = f"There is no {', '.join(patterns)} in {folder}."
        yield Finding(mapping.path, "warning", says, f"{hint}, or name another folder: regard check --data FOLDER")
        return
    yield from _columns(mapping, matches[0], folder, embedded(engine))


def _found(folder: Path, pattern: str) -> Iterator[Path]:
    """The files that a mapping's pattern means, as `regard import` would find them."""
    yield from (Path(one) for one in glob(str(folder / pattern), recursive=True) if Path(one).is_file())  # noqa: PTH207
    packed = folder / f"{pattern}.gz"
    if packed.is_file():
        yield packed


def _columns(mapping: Mapping, path: Path, folder: Path, engine: DuckEngine) -> Iterator[Finding]:
    stage = Stage(engine)
    try:
        guess = recognise(path, mapping.format)
        main = staged(path, guess, wanted(mapping), stage, limit=SAMPLE_ROWS).relation
        relation = main.with_made(path.name)
        relation, findings = _with_joins(relation, mapping.joins, mapping, folder, stage)
        yield from findings
        for ref in mapping.refs():
            try:
                column_of(relation, ref, where=mapping.path)
            except MappingError as error:
                yield _finding(error, mapping.path)
    except RegardError as error:
        yield _finding(error, mapping.path)
    finally:
        stage.close()


def _with_joins(
    relation: Relation, joins: tuple[Join, ...], mapping: Mapping, folder: Path, stage: Stage
) -> tuple[Relation, list[Finding]]:
    """The columns that a relation has with its joins, and what is wrong with those."""
    columns, findings = dict(relation.columns), []
    for join in joins:
        try:
            path = opened_beside(folder, join.file)
            guess = recognise(path, join.format)
            other = staged(path, guess, wanted_of(join, mapping), stage, limit=SAMPLE_ROWS).relation
            other, inner = _with_joins(other, join.joins, mapping, folder, stage)
            findings += inner
            for here, there in join.on:
                column_of(Relation("", columns), here, where=mapping.path)
                column_of(other, there, where=mapping.path)
            for one in join.aggregate:
                if one.column:
                    column_of(other, one.column, where=mapping.path)
        except RegardError as error:
            findings.append(_finding(error, mapping.path))
            continue
        made = [one.name for one in join.aggregate] or list(other.columns)
        columns |= {f"{join.name}.{name}": other.columns.get(name, next(iter(other.columns.values()))) for name in made}
    return Relation(relation.sql, columns, relation.body), findings
