"""Other files whose columns are added to a row: the first row of a key, or figures over all rows of a key."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from regard.engine.duck import literal, quoted
from regard.errors import MappingError, nearest
from regard.sources.columns import Column, number, text
from regard.sources.mapping import MADE_COLUMNS, Aggregate, Format, Join, Ref
from regard.sources.staging import BODY, Relation, Stage

BROKEN, PARTNER = "__broken", "__partner"
Open = Callable[[Join], Relation]
"""Opens the file of a join."""


def column_of(relation: Relation, ref: Ref, *, where: str) -> Column:
    """The column that a mapping names.

    Raises : MappingError with the nearest column that is there.
    """
    found = relation.columns.get(ref.name)
    if found is None:
        shown = [name for name in relation.columns if name not in MADE_COLUMNS and not name.startswith("__")]
        close = nearest(ref.name, shown)
        raise MappingError(
            f"{where}:{ref.line}: there is no column {ref.name!r}.",
            found=", ".join(shown),
            hint=f"Did you mean {close!r}?" if close else "Name one of the columns that are there.",
        )
    return found


def joined(main: Relation, joins: tuple[Join, ...], stage: Stage, *, opening: Open, where: str) -> Relation:
    """The rows of `main` with the columns of the joined files, written once; the same rows in the same order.

    Raises : MappingError for a column that is not there; SourceError for a file that is not.
    """
    if not joins:
        return main
    selected, sources = ["m.*"], [f"FROM {main.sql} m"]
    columns = dict(main.columns)
    for place, join in enumerate(joins):
        alias = f"j{place}"
        sql, made, on = _right(Relation(main.sql, columns), join, stage, opening=opening, where=where, alias=alias)
        sources.append(f"LEFT JOIN ({sql}) {alias} ON {on}")
        for name, column in made.items():
            full = f"{join.name}.{name}"
            selected.append(f"{alias}.{quoted(name)} AS {quoted(full)}")
            columns[full] = Column(quoted(full), column.type, column.format)
        # a later join may lean on columns of an earlier one: each join is a layer of its own
        layer = f"(SELECT {', '.join(selected)} {' '.join(sources)})"
        selected, sources = ["m.*"], [f"FROM {layer} m"]
    return Relation(_written(sources[0], stage), columns, main.body)


def _written(source: str, stage: Stage) -> str:
    place = literal(str(stage.path()))
    stage.engine.sql(f"COPY (SELECT * {source}) TO {place} (FORMAT parquet, COMPRESSION lz4)")
    return f"read_parquet({place})"


def _right(
    left: Relation, join: Join, stage: Stage, *, opening: Open, where: str, alias: str
) -> tuple[str, dict[str, Column], str]:
    """The other file as SQL with one row a key, the columns it brings, and the condition of the join."""
    other = joined(opening(join), join.joins, stage, opening=opening, where=where)
    heres = [column_of(left, here, where=where) for here, _ in join.on]
    theres = [column_of(other, there, where=f"{where} ({join.file})") for _, there in join.on]
    keys = [f"{text(column)} AS __key{place}" for place, column in enumerate(theres)]
    conditions = [f"{text(_of('m', here))} = {alias}.__key{place}" for place, here in enumerate(heres)]
    groups = ", ".join(f"__key{place}" for place in range(len(keys)))
    if join.aggregate:
        made, figures = _figures(other, join, stage, where=where)
        sql = f"SELECT {', '.join([*keys, *figures])}, 1 AS {PARTNER} FROM {other.sql} GROUP BY {groups}"
    else:
        made = {name: column for name, column in other.columns.items() if name not in ("_row", "_file", "_content")}
        plain = [f"{column.sql} AS {quoted(name)}" for name, column in made.items()]
        sql = (
            f"SELECT {', '.join([*keys, *plain])}, 1 AS {PARTNER} FROM {other.sql} "
            f"QUALIFY row_number() OVER (PARTITION BY {groups} ORDER BY {BODY}) = 1"
        )
    made[PARTNER] = Column(PARTNER, "INTEGER")
    return sql, made, " AND ".join(conditions)


def _of(alias: str, column: Column) -> Column:
    return Column(f"{alias}.{column.sql}", column.type, column.format)


def _figures(other: Relation, join: Join, stage: Stage, *, where: str) -> tuple[dict[str, Column], list[str]]:
    made: dict[str, Column] = {}
    figures: list[str] = []
    broken: list[str] = []
    for one in join.aggregate:
        column = column_of(other, one.column, where=f"{where} ({join.file})") if one.column else None
        sql, kind = _figure(one, column, other, stage)
        figures.append(f"{sql} AS {quoted(one.name)}")
        made[one.name] = Column(one.name, kind, column.format if column else Format())
        if column and (one.how in ("sum", "mean") or (column.is_text and kind == "DOUBLE")):
            broken.append(
                f"CASE WHEN {text(column)} IS NOT NULL AND {number(column)} IS NULL THEN {_says(one, column)} END"
            )
    if broken:
        figures.append(f"any_value(coalesce({', '.join(broken)}, NULL)) AS {BROKEN}")
        made[BROKEN] = Column(BROKEN)
    return made, figures


def _says(one: Aggregate, column: Column) -> str:
    name = one.column.name if one.column else ""
    return f"{literal(f'{name} holds ')} || '\"' || {text(column)} || '\", which is not a number'"


def _figure(one: Aggregate, column: Column | None, other: Relation, stage: Stage) -> tuple[str, str]:
    """The SQL of one figure and its type."""
    if column is None or one.how == "count":
        return "count(*)", "BIGINT"
    if one.how == "distinct":
        return f"count(DISTINCT {text(column)})", "BIGINT"
    if one.how == "list":
        return f"list(DISTINCT {text(column)} ORDER BY {text(column)}) FILTER ({text(column)} IS NOT NULL)", "VARCHAR[]"
    if one.how == "first":
        return f"arg_min({text(column)}, {BODY}) FILTER ({text(column)} IS NOT NULL)", "VARCHAR"
    if one.how in ("sum", "mean"):
        exact = column.type if column.type.startswith("DECIMAL") else None
        value = column.sql if exact else f"TRY_CAST({number(column)} AS DECIMAL(28, 6))"
        return (
            (f"CAST(sum({value}) AS DECIMAL(38, 6))", "DECIMAL(38,6)")
            if one.how == "sum"
            else (
                f"avg({number(column)})",
                "DOUBLE",
            )
        )
    if column.is_text and _numbers(column, other, stage):
        return f"{one.how}({number(column)})", "DOUBLE"
    return f"{one.how}({column.sql if not column.is_text else text(column)})", column.type


def _numbers(column: Column, other: Relation, stage: Stage) -> bool:
    """Whether most values are numbers, so that the largest of "9" and "10" is 10; the others are then faults."""
    row = stage.engine.sql(f"SELECT count({text(column)}), count({number(column)}) FROM {other.sql}").fetchone()
    return row is not None and row[1] > row[0] / 2


def every_join(joins: tuple[Join, ...]) -> Iterator[Join]:
    """The joins and those inside them, in the order of the mapping."""
    for join in joins:
        yield join
        yield from every_join(join.joins)


def opened_beside(folder: Path, name: str) -> Path:
    """A joined file in the folder of the data.

    Raises : MappingError with the nearest file that is there.
    """
    path = folder / name
    if path.is_file():
        return path
    packed = path.with_name(path.name + ".gz")
    if packed.is_file():
        return packed
    close = nearest(name, (other.name for other in folder.glob("*") if other.is_file()))
    raise MappingError(
        f"The joined file {name} is not in {folder}.",
        hint=f"Did you mean {close!r}?" if close else "Put it beside the file, or name the folder with --data.",
    )
