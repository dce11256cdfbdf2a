"""Tables and queries of a database -> dlt's resources, from the cursor on."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.engine import URL, make_url

from regard.blueprint.durations import seconds
from regard.errors import SettingError, SourceError

if TYPE_CHECKING:
    from regard.sources.pull.document import Pull

CHUNK = 10_000
MARK = "pulled"
DRIVERS = {"postgresql": "postgresql+psycopg"}
"""The driver that comes with `regard[postgres]`, where the URL names none."""

Said = dict[str, Any]


def resources(pull: Pull, said: Said, at_end: ExitStack) -> list[Any]:
    """One resource for each table and query.

    said   : what stands under `sql_database`, secrets filled in.
    Raises : SettingError for a URL that is none; SourceError for a table that is not there.
    """
    engine = sa.create_engine(_url(said["url"]), poolclass=sa.pool.NullPool)
    at_end.callback(engine.dispose)
    for one in (*said.get("tables", []), *said.get("queries", [])):
        _lag_can_be(one, engine)
    tables = [_table(one, engine, said.get("schema")) for one in said.get("tables", [])]
    return tables + [_query(one, engine) for one in said.get("queries", [])]


def _url(text: str) -> URL:
    try:
        url = make_url(text)
    except sa.exc.ArgumentError:
        raise SettingError(
            "The `url` of sql_database is not a database URL.", allowed="postgresql://user:password@host/database"
        ) from None
    backend = url.get_backend_name()
    if backend == "sqlite" and url.database and not Path(url.database).is_file():
        raise SourceError(f"There is no database file {url.database}.", hint="Name it with its whole path.")
    return url.set(drivername=DRIVERS[backend]) if url.drivername in DRIVERS else url


def _table(one: Said, engine: sa.Engine, schema: str | None) -> Any:
    from dlt.sources.sql_database import sql_table

    start = one.get("start")
    metadata = _reflected(one, engine, schema)

    def from_start(query: Any, table: sa.Table, since: Any, _: object) -> Any:
        """The rows from `start` on, as long as no cursor says more; in the order of the cursor."""
        if since is None:
            return query
        column = table.c[one["cursor"]]
        if start is not None and since.start_value is None:
            query = query.where(sa.or_(column >= _typed(column, start), column.is_(None)))
        return query.order_by(column)

    try:
        return sql_table(
            credentials=engine,
            table=one["table"],
            schema=schema,
            metadata=metadata,
            incremental=_since(one, days=_counts_days(metadata, one, schema)),
            chunk_size=CHUNK,
            reflection_level="minimal",
            query_adapter_callback=from_start,
        )
    except KeyError as error:
        raise SourceError(str(error.args[0])) from None


def _reflected(one: Said, engine: sa.Engine, schema: str | None) -> sa.MetaData:
    """The table as the database has it, its name and columns being there, in metadata of its own and without a key.

    SQLite keeps times and decimals as whatever was written: to compare and to read them they must stay that.
    """
    from regard.errors import nearest

    try:
        table = sa.Table(one["table"], sa.MetaData(schema=schema), autoload_with=engine, resolve_fks=False)
    except sa.exc.NoSuchTableError:
        there = sa.inspect(engine)
        names = there.get_table_names(schema) + there.get_view_names(schema)
        near = nearest(one["table"], names)
        hint = f"Did you mean {near!r}?" if near else f"There are: {', '.join(sorted(names)) or 'none'}."
        raise SourceError(f"The database has no table {one['table']!r}.", hint=hint) from None
    for name in [*([one["cursor"]] if "cursor" in one else []), *one.get("columns", [])]:
        if name not in table.c:
            near = nearest(name, table.c.keys())
            hint = f"Did you mean {near!r}?" if near else f"Its columns: {', '.join(table.c.keys())}."
            raise SourceError(f"The table {one['table']!r} has no column {name!r}.", hint=hint)
    raw = engine.dialect.name == "sqlite"
    taken = [column for column in table.c if column.name in one.get("columns", table.c.keys())]
    columns = [sa.Column(column.name, sa.types.NullType() if raw else column.type) for column in taken]
    return sa.Table(one["table"], sa.MetaData(schema=schema), *columns).metadata


def _typed(column: sa.Column[Any], start: object) -> object:
    """`start` as the column's kind, where it is a time."""
    try:
        kind = column.type.python_type
    except NotImplementedError:
        return start
    if kind is dt.datetime:
        return dt.datetime.fromisoformat(str(start))
    return dt.date.fromisoformat(str(start)) if kind is dt.date else start


def _query(one: Said, engine: sa.Engine) -> Any:
    import dlt

    query, name = one["query"].strip().rstrip(";").replace(":", "\\:"), one["name"]
    if "cursor" not in one:
        return dlt.resource(lambda: _rows(engine, query, {}), name=name)
    quoted = engine.dialect.identifier_preparer.quote(one["cursor"])

    since_then = _since(one)

    def rows(since: Any = since_then) -> Iterator[list[Said]]:
        begin = since.start_value if since.start_value is not None else one.get("start")
        where = f" WHERE {quoted} >= :begin OR {quoted} IS NULL" if begin is not None else ""
        text = f"SELECT * FROM ({query}) {MARK}{where} ORDER BY {quoted}"
        return _rows(engine, text, {"begin": begin} if begin is not None else {})

    return dlt.resource(rows, name=name)


def _rows(engine: sa.Engine, text: str, values: Said) -> Iterator[list[Said]]:
    # text is given as such, so that the database takes it for what the column is
    binds = [sa.bindparam(k, v, type_=sa.types.NullType() if isinstance(v, str) else None) for k, v in values.items()]
    statement = sa.text(text).bindparams(*binds)
    with engine.connect() as db:
        result = db.execution_options(yield_per=CHUNK).execute(statement)
        for part in result.mappings().partitions():
            yield [dict(row) for row in part]


def _counts_days(metadata: sa.MetaData, one: Said, schema: str | None) -> bool:
    """Whether the cursor is a column of days."""
    if "cursor" not in one:
        return False
    kind = metadata.tables[f"{schema}.{one['table']}" if schema else one["table"]].c[one["cursor"]].type
    return isinstance(kind, sa.Date)


def _since(one: Said, *, days: bool = False) -> Any:
    """dlt's cursor. Rows without one are read each time: they would be lost otherwise.

    With a `lag`, what lies that far before the last cursor is read again: rows whose transaction ended after that of a
    later one. dlt counts a lag in seconds, and in `days` where the cursor is a column of days.

    dlt passes over rows that it met at the cursor's value. It tells them apart by all that they hold, and not by a
    key: a row that changed within the tick of the cursor is another one.
    """
    if "cursor" not in one:
        return None
    from dlt.sources import incremental

    return incremental(one["cursor"], on_cursor_value_missing="include", lag=_lag(one.get("lag", 0), days=days))


def _lag_can_be(one: Said, engine: sa.Engine) -> None:
    """Refuse what would fail at the second pull: SQLite keeps times as text, from which no duration can be taken."""
    if engine.dialect.name == "sqlite" and isinstance(one.get("lag"), str):
        raise SettingError(
            "SQLite keeps times as text, so a `lag` cannot be a duration.", found=str(one["lag"]),
            allowed="a number, for a cursor that counts (an id, or seconds since 1970)",
        )  # fmt: skip


def _lag(said: object, *, days: bool) -> float:
    """`lag` as dlt counts it: a number for a cursor that is one, else a duration."""
    if isinstance(said, int | float):
        return said
    found = seconds(str(said))
    return math.ceil(found / 86_400) if days else found
