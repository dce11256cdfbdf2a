"""Answers pages: the tables that readers see now, questions compiled once, and one person's rows in milliseconds.

reader = Reader(workspace)
now = reader.now()                        tables of one moment; cheap, so ask for it on each request
now.ask(promises_due, since=a, until=b)   an expression built and compiled once, asked with other values each time
now.of("touches", person_id)              rows of one person, from the row groups that can hold them
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import TypeAlias, TypeVar, cast

import duckdb
import ibis
import ibis.expr.types as ir
import pyarrow as pa
import pyarrow.parquet as pq
import sqlglot.expressions as sge
from ibis.backends.duckdb import Backend

from regard.engine.contract import schema
from regard.engine.damage import reading
from regard.engine.duck import fitted, literal, present, quoted, translated
from regard.engine.layers import SETS, Part
from regard.engine.lookup import Lookup
from regard.engine.published import Published
from regard.engine.restricted import kept, restricted, steps
from regard.tables import TABLES
from regard.workspace import Workspace

Row = dict[str, object]
Selection: TypeAlias = ir.Table
"""Rows yet to be read: what `Now.tables` holds, for rooms that may not import Ibis."""
Tables = Mapping[str, Selection]
Files = Mapping[str, Sequence[str]]
Build = Callable[..., ir.Table]
T = TypeVar("T")

HELD_ANSWERS = 512
HELD_PARTS = 12
"""Parts of the organisation whose tables are held open at once."""
GROWN_S = 2.0
"""So long, at most, the ledger's own tables stay as they were while facts come in every second."""
MEMORY = 2 * 2**30
KEY_BITS = 18
"""Groups by small codes are counted by place, without hashing, while their keys fit into so many bits (DuckDB: 12)."""


@dataclass(frozen=True)
class Sides:
    """The ledger's own tables as files: what they are now, and a version that changes when they do.

    news : the version at which they last came to say something else that derived tables are made from.
    """

    version: Callable[[], int]
    files: Callable[[], Files]
    news: Callable[[], int] = int


NO_SIDES = Sides(version=lambda: 0, files=dict)


@dataclass(frozen=True, eq=False)
class Question:
    """An expression over Regard's tables that is asked again and again with other values.

    build : called once, with the tables by name and a placeholder for each of `given`.
    given : names of the values and their Ibis types.
    """

    build: Build
    given: Mapping[str, str]
    _held: list[tuple[tuple[str, frozenset[str]], frozenset[str]]] = field(default_factory=list)

    def compiled(self) -> tuple[str, frozenset[str]]:
        """The SQL, with `$name` where a value goes, and the values it uses; compiled at the first call."""
        return self._compiled()[0]

    @property
    def of_a_run(self) -> bool:
        """Whether it asks nothing but derived tables, so that an answer holds as long as the run is the same."""
        return all(TABLES[name].derived for name in self._compiled()[1])

    def _compiled(self) -> tuple[tuple[str, frozenset[str]], frozenset[str]]:
        if not self._held:
            holes = {name: ibis.literal(f"${name}").cast(kind) for name, kind in self.given.items()}
            used: set[str] = set()

            def hole(node: sge.Expression) -> sge.Expression:
                if isinstance(node, sge.Literal) and node.is_string and node.this[:1] == "$":
                    name = str(node.this)[1:]
                    if name in self.given:
                        used.add(name)
                        return sge.Parameter(this=sge.Var(this=name))
                return node

            tree = as_sql(self.build(unbound(), **holes)).transform(hole)
            asked = {node.name for node in tree.find_all(sge.Table)} & TABLES.keys()
            self._held.append(((str(tree.sql("duckdb")), frozenset(used)), frozenset(asked)))
        return self._held[0]


def question(**given: str) -> Callable[[Build], Question]:
    """Make a function `(tables, **given) -> expression` a question.

    given : the values it takes and their Ibis types, such as `since="timestamp('UTC', 6)"`.

    >>> @question(least="int64")
    ... def frequent(tables, least):
    ...     return tables["flows"].filter(tables["flows"].n >= least).select("source")
    >>> "CAST($least AS BIGINT)" in frequent.compiled()[0]
    True
    """
    return lambda build: Question(build, given)


@lru_cache(maxsize=1)
def unbound() -> Tables:
    """Every table by name, bound to no engine."""
    return {name: ibis.table(schema(spec), name=name) for name, spec in TABLES.items()}


_COMPILING = threading.Lock()


def as_sql(expression: ir.Table) -> sge.Expression:
    """The expression as a tree of SQL, each step of it a subquery of its own.

    Ibis would write a column out wherever a later step names it; in long sums that made 20 kB of SQL which DuckDB took
    a second to plan.
    """
    with _COMPILING:
        ibis.options.sql.fuse_selects = False
        try:
            return cast(sge.Expression, Backend.compiler.to_sqlglot(expression))
        finally:
            ibis.options.sql.fuse_selects = True


def _sql(expression: ir.Table) -> str:
    return str(as_sql(expression).sql("duckdb"))


class Same:
    """An object as part of a key: equal to itself alone, and kept, so that no other can come to its address."""

    def __init__(self, what: object) -> None:
        self.what = what

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Same) and other.what is self.what

    def __hash__(self) -> int:
        return id(self.what)


class Now:
    """The tables of one moment. Safe for threads: each question runs on a cursor of its own.

    published : the run whose derived tables these are; None while nothing has been worked out.
    units     : the units whose rows they hold, see `restricted`; None for the whole organisation.
    """

    def __init__(
        self,
        workspace: Workspace,
        published: Published | None,
        sides: Files,
        *,
        memory: int,
        units: frozenset[str] | None = None,
        before: Now | None = None,
    ) -> None:
        self.workspace, self.published, self.units = workspace, published, units
        self._parts = {name: [Part(tuple(map(Path, files)), {})] for name, files in sides.items()}
        if published is not None:
            self._parts.update({name: published.parts(name) for name in published.counts})
        self._root = duckdb.connect(":memory:", config={"memory_limit": f"{memory // 2**20}MiB"})
        self._do("SET GLOBAL TimeZone = 'UTC'; SET GLOBAL parquet_metadata_cache = true")
        self._do(f"SET GLOBAL perfect_ht_threshold = {KEY_BITS}")
        for name in TABLES:
            self._view(name, name if units is None else f"whole_{name}")
        if units is not None:
            self._restrict(units, before if before and _same_run(before.published, published) else None)
        self._lookups: dict[tuple[str, int], Lookup] = {}
        self._moved = _moved(published)
        self._answers: OrderedDict[tuple[Question, object], list[Row]] = OrderedDict()
        self._held: dict[Hashable, object] = {}
        self._held_now: dict[Hashable, object] = {}
        self._alone = threading.Lock()

    @property
    def tables(self) -> Tables:
        """The tables, lazily, for `rows`, `stream` and `count`."""
        return unbound()

    def ask(self, asked: Question, **values: object) -> list[Row]:
        """The answer to a question, as rows; an answer once given is held, since these tables never change.

        values : one for each of the question's `given`; None is null.
        Raises : EngineError if the engine cannot answer.
        """
        sql, used = asked.compiled()
        if set(values) != set(asked.given):
            raise TypeError(f"{sorted(values)} given, {sorted(asked.given)} wanted")
        needed = {name: values[name] for name in sorted(used)}
        key = (asked, repr(needed))
        with self._alone:
            if key in self._answers:
                self._answers.move_to_end(key)
                return self._answers[key]
        answer = cast(list[Row], self._run(sql, needed).to_pylist())
        with self._alone:
            self._answers[key] = answer
            while len(self._answers) > HELD_ANSWERS:
                self._answers.popitem(last=False)
        return answer

    def of(self, name: str, person_id: str) -> list[Row]:
        """All rows of one person in a derived table, in the order in which they lie there."""
        if self.units is not None:  # the files hold the rows of every unit
            mine = unbound()[name]
            return self.rows(mine.filter(mine.person_id == person_id))
        place = next((place for place, moved in self._moved if person_id in moved), 0)
        files = self.published.layers[place].files(name) if self.published is not None else ()
        with self._alone:
            key = (name, place)
            if key not in self._lookups:
                self._lookups[key] = Lookup([str(path) for path in files], "person_id", schema(name).to_pyarrow())
            lookup = self._lookups[key]
        found = lookup.rows(person_id)
        if found is None:  # not clustered by person: the engine reads the column
            spec = unbound()[name]
            return self.rows(spec.filter(spec.person_id == person_id))
        return cast(list[Row], found.to_pylist())

    def rows(self, expression: ir.Table) -> list[Row]:
        """All rows of an expression over `tables`; compiled anew each time."""
        return cast(list[Row], self._run(_sql(expression), {}).to_pylist())

    def stream(self, expression: ir.Table, *, batch_rows: int = 16_384) -> Iterator[pa.RecordBatch]:
        """The rows of an expression over `tables`, in batches, so that memory stays flat."""
        cursor = self._root.cursor()
        try:
            yield from cursor.sql(_sql(expression)).to_arrow_reader(batch_rows)
        except duckdb.Error as error:
            raise translated(error) from error
        finally:
            cursor.close()

    def count(self, name: str) -> int:
        """Rows of a table."""
        if self.units is None and self.published is not None and name in self.published.counts:
            return self.published.counts[name]
        return cast(int, self.rows(unbound()[name].aggregate(n=ibis._.count()))[0]["n"])

    def hold(self, key: Hashable, make: Callable[[], T], *, of_a_run: bool = True) -> T:
        """What `make` gives, made once: for work that depends on nothing but these tables and the key.

        of_a_run : whether derived tables are all it depends on; it is then held as long as the run is the same.
        """
        with self._alone:
            held = self._held if of_a_run else self._held_now
            if key in held:
                return cast(T, held[key])
        made = make()
        with self._alone:
            return cast(T, held.setdefault(key, made))

    def close(self) -> None:
        self._root.close()

    def go_on_from(self, before: Now) -> None:
        """Take over what is known of the run from a moment of the same run: the ledger grew, its tables did not."""
        with before._alone:
            self._answers.update((key, rows) for key, rows in before._answers.items() if key[0].of_a_run)
            self._held.update(before._held)
            self._lookups.update((key, one) for key, one in before._lookups.items() if TABLES[key[0]].derived)

    def _run(self, sql: str, values: Mapping[str, object]) -> pa.Table:
        cursor = self._root.cursor()
        try:
            return whole(cursor.execute(sql, dict(values)).to_arrow_table())
        except duckdb.Error as error:
            raise translated(error) from error
        finally:
            cursor.close()

    def _do(self, sql: str) -> None:
        try:
            self._root.execute(sql)
        except duckdb.Error as error:
            raise translated(error) from error

    def _restrict(self, units: frozenset[str], before: Now | None) -> None:
        """Views of a part under the tables' names; what they rest on is taken over from `before`, of the same run."""
        whole = {name: ibis.table(schema(spec), name=f"whole_{name}") for name, spec in TABLES.items()}
        seen: dict[str, ir.Table] = {}
        for name, expression in kept(whole, units).items():
            seen[name] = self._keep(name, expression, before)
        seen["seen_steps"] = self._keep("seen_steps", steps(whole, seen), before)
        for name in TABLES:
            shown = fitted(restricted(name, whole, seen, units), schema(name))
            self._do(f"CREATE VIEW {quoted(name)} AS {_sql(shown)}")

    def _keep(self, name: str, expression: ir.Table, before: Now | None) -> ir.Table:
        if before is None:
            self._do(f"CREATE TABLE {quoted(name)} AS {_sql(expression)}")
        else:
            self._root.register("known", before._run(f"FROM {quoted(name)}", {}))
            self._do(f"CREATE TABLE {quoted(name)} AS FROM known")
            self._root.unregister("known")
        return ibis.table(expression.schema(), name=name)

    def _view(self, name: str, shown: str) -> None:
        """A view of a table: the rows of each layer without those whose place a higher one takes."""
        of, shape = self._parts.get(name, []), schema(name)
        if not any(part.files for part in of):
            nothing = shape.to_pyarrow().empty_table()
            self._root.register("nothing", nothing)
            self._do(f"CREATE TABLE {quoted(shown)} AS SELECT * FROM nothing")
            self._root.unregister("nothing")
            return
        selects = [self._lies(name, f"{name}_{place}", part) for place, part in enumerate(of) if part.files]
        self._do(f"CREATE VIEW {quoted(shown)} AS {' UNION ALL '.join(selects)}")

    def _lies(self, name: str, view: str, part: Part) -> str:
        columns = present([str(path) for path in part.files], schema(name))
        source = f"SELECT {', '.join(map(quoted, columns))} FROM {_parquet(part.files)}"
        for which, paths in part.without.items():
            names = ", ".join(map(quoted, SETS[which].names))
            source = f"SELECT * FROM ({source}) ANTI JOIN (SELECT {names} FROM {_parquet(paths)}) USING ({names})"
        self._do(f"CREATE VIEW {quoted('lies_' + view)} AS {source}")
        return _view_of(name, view, tuple(columns))


@lru_cache(maxsize=512)
def _view_of(name: str, view: str, columns: tuple[str, ...]) -> str:
    """A table in its whole shape, from files that have some of its columns."""
    shape = schema(name)
    return _sql(fitted(ibis.table({column: shape[column] for column in columns}, name=f"lies_{view}"), shape))


def _parquet(paths: Sequence[Path]) -> str:
    listed = ", ".join(literal(str(path)) for path in paths)
    return f"read_parquet([{listed}], union_by_name=true)"


def _moved(published: Published | None) -> list[tuple[int, frozenset[str]]]:
    """Whose rows each update holds, the newest first, with its place among the layers."""
    if published is None:
        return []
    found = []
    for place, layer in reversed(list(enumerate(published.layers))[1:]):
        people = [_people_in(path) for path in layer.gone("person")]
        found.append((place, frozenset(person for some in people for person in some)))
    return found


def _people_in(path: Path) -> list[str]:
    with reading(str(path)):
        return cast(list[str], pq.read_table(path)["person_id"].to_pylist())


def whole(answer: pa.Table) -> pa.Table:
    """The same with DuckDB's sums of integers, which come as decimals, as int64."""
    for place, column in enumerate(answer.schema):
        if pa.types.is_decimal(column.type) and column.type.scale == 0:
            answer = answer.set_column(place, column.name, answer.column(place).cast(pa.int64()))
    return answer


@dataclass(frozen=True)
class _Held:
    """Open tables, what they were opened from, when, and when last for more than the ledger's growth."""

    stamp: tuple[object, int]
    now: Now
    updated_at: float
    opened_at: float


class Reader:
    """Gives the tables that readers see now, and opens them anew when a run was published or the ledger grew.

    sides  : the ledger's tables as files; none by default.
    memory : bytes that questions may hold.
    hold_s : seconds for which tables stay as they are while the run has no more than updates; what pages have worked
             out by then serves others for so long.
    """

    def __init__(
        self, workspace: Workspace, sides: Sides = NO_SIDES, *, memory: int = MEMORY, hold_s: float = 0.0
    ) -> None:
        self.workspace, self.sides, self.memory, self.hold_s = workspace, sides, memory, hold_s
        self._alone, self._opening = threading.Lock(), threading.Lock()
        self._held: OrderedDict[frozenset[str] | None, _Held] = OrderedDict()

    def now(self, units: frozenset[str] | None = None) -> Now:
        """The tables as they are now; the same object until something changes.

        units  : only what these units of the organisation may see, see `restricted`; None for everything.
        Raises : WorkspaceError if the pointer is damaged.
        """
        stamp = (self._pointer(), self.sides.version())
        if (held := self._fresh(units, stamp)) is not None:
            return held
        with self._opening:  # those whose tables are open need not wait for it
            if (held := self._fresh(units, stamp)) is not None:
                return held
            was = self._held.get(units)
            opened = self._open(units, was.now if was else None)
            same = was is not None and _same_run(was.now.published, opened.published)
            with self._alone:
                at = time.monotonic()
                self._held[units] = _Held(stamp, opened, was.updated_at if was and same else at, at)
                self._held.move_to_end(units)
                while len(self._held) > HELD_PARTS:
                    self._held.popitem(last=False)
            return opened

    def _fresh(self, units: frozenset[str] | None, stamp: tuple[object, int]) -> Now | None:
        with self._alone:
            held = self._held.get(units)
            if held is None or (held.stamp != stamp and not self._holding(held, stamp)):
                return None
            self._held.move_to_end(units)
            return held.now

    def _holding(self, held: _Held, stamp: tuple[object, int]) -> bool:
        """Whether what is new is but an update, or facts in the ledger, so soon after the last that it can wait."""
        published = held.now.published
        if held.stamp[0] == stamp[0]:
            return time.monotonic() - held.opened_at < min(GROWN_S, self.hold_s)
        if published is None or time.monotonic() - held.updated_at > self.hold_s:
            return False
        there = Published.current(self.workspace) if self.workspace.pointer.is_file() else None
        return there is not None and there.run == published.run and there.stamp != published.stamp

    def close(self) -> None:
        for held in self._held.values():
            held.now.close()

    def _pointer(self) -> object:
        try:
            stat = self.workspace.pointer.stat()
        except FileNotFoundError:
            return None
        return stat.st_ino, stat.st_mtime_ns

    def _open(self, units: frozenset[str] | None, before: Now | None) -> Now:
        published = Published.current(self.workspace) if self.workspace.pointer.is_file() else None
        files = self.sides.files()
        now = Now(self.workspace, published, files, memory=self.memory, units=units, before=before)
        if before is not None and _same_run(before.published, published):
            now.go_on_from(before)
        return now


def _same_run(one: Published | None, other: Published | None) -> bool:
    return one is not None and other is not None and one.stamp == other.stamp
