"""The whole river, every derived table of it, is the same on every engine.

`regard run` on DuckDB and `regard run --engine sc://host:port` on each server read copies of one ledger with everything
in it (`everything.py`). What pages and `regard show` make of these tables (the room `board`) always runs on DuckDB
inside the process that answers, whichever engine made them, so that equal tables are all that can differ there.
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pytest
from click.testing import CliRunner
from tests.conftest import ordered, same

sys.path.insert(0, str(Path(__file__).parent))

import everything

from regard.cli import main
from regard.engine import Published, connect
from regard.experience.promises import OUTCOMES
from regard.ledger import Ledger
from regard.tables import TABLES
from regard.workspace import Workspace

pytestmark = pytest.mark.conformance

DERIVED = [name for name, spec in TABLES.items() if spec.derived]


@dataclass(frozen=True)
class World:
    """What each engine made of one ledger: rows in the order of the key, and the counts that the run wrote down."""

    tables: dict[str, dict[str, pa.Table]]
    counts: dict[str, dict[str, int]]
    facts: pa.Table
    holding: pa.Table


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory, servers: dict[str, str]) -> Iterator[World]:
    root = tmp_path_factory.mktemp("everything")
    reader = connect("duckdb", scratch=root / "scratch", memory=2**30)
    filled = everything.build(root / "duckdb", reader)
    ledger = Ledger.open(filled)
    world = World({}, {}, reader.rows(ledger.facts(reader)), reader.rows(ledger.read(reader)))
    for name, address in {"duckdb": "duckdb", **servers}.items():
        if name != "duckdb":
            shutil.copytree(filled.root, root / name, ignore=shutil.ignore_patterns("derived", "current*"))
        workspace = Workspace(root / name)
        done = CliRunner().invoke(main, ["-w", str(workspace.root), "--quiet", "run", "--engine", address])
        assert done.exit_code == 0, f"{name}: {done.output} {done.exception!r}"
        published = Published.current(workspace)
        assert published.facts["engine"] == ("duckdb" if name == "duckdb" else "spark")
        world.counts[name] = dict(published.counts)
        found = {table: reader.rows(published.table(table, reader)) for table in published.counts}
        world.tables[name] = {table: ordered(table, rows) for table, rows in found.items()}
    yield world
    reader.close()


def test_the_ledger_has_everything_in_it(world):
    """Else the tables below would be equal for want of anything to differ in."""
    made = world.tables["duckdb"]

    def values(table, column):
        return set(made[table][column].to_pylist())

    assert values("promises", "outcome") == set(OUTCOMES)
    assert {"due_at", "delivered_at", "voided_at", "missed_by", "late_days"} <= gappy(made["promises"])
    assert values("promises", "unit") == {"day", "instant", "room type", "EUR"}
    assert values("feedback", "scale") == {"stars", "effort", "nps", "smiles"}
    assert len(values("scores", "account")) > 4
    assert values("merges", "outcome") == {"linked", "decided", "split", "refused"}
    assert values("cost_to_serve", "cause") == {"contact", "refund", "return"}
    assert values("cost_to_serve", "ours") == {True, False}
    assert values("value", "quadrant") == {"cherish", "mend", "keep", "rethink", None}
    assert values("models", "status") == {"estimated", "not identified"}
    assert {kind.split(":")[0] for kind in values("lapses", "kind")} >= {"broken promise", "bad feeling", "incident"}
    assert set(world.facts["currency"].to_pylist()) == set(everything.CURRENCIES)
    assert world.facts.num_rows - world.holding.num_rows > 10  # corrected, retracted, and what did so
    assert min(world.facts["occurred_at"].to_pylist()).year == 1969
    at = made["steps"].group_by(["journey", "at"]).aggregate([([], "count_all")])
    assert max(at["count_all"].to_pylist()) > 1, "no instant is tied"


def gappy(table: pa.Table) -> set[str]:
    """Columns with nulls as well as values."""
    return {name for name in table.column_names if 0 < table[name].null_count < table.num_rows}


@pytest.mark.parametrize("name", DERIVED)
def test_every_derived_table_is_equal(world, name):
    first = world.tables["duckdb"][name]
    assert first.num_rows > 0, f"everything.py has nothing that gives a row of {name!r}: put something in"
    for engine, tables in world.tables.items():
        assert world.counts[engine][name] == tables[name].num_rows == first.num_rows, engine
        same(first, tables[name], f"{engine}: {name}")


def test_no_other_table_is_made(world):
    assert {engine: set(tables) for engine, tables in world.tables.items()} == {
        engine: set(DERIVED) for engine in world.tables
    }
