"""The whole river, every derived table of it, is the same on every engine.

`regard run` on DuckDB and `regard run --engine sc://host:port` on each server read copies of one ledger with everything
in it (`everything.py`). What pages and `regard show` make of these tables (the room `board`) always runs on DuckDB
inside the process that answers, whichever engine made them, so that equal tables are all that can differ there.
"""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa
import pytest
from tests.engine import everything
from tests.engine.rivers import Tables, hold_equal, run_on_each

from regard.engine import connect
from regard.experience.promises import OUTCOMES
from regard.ledger import Ledger
from regard.tables import TABLES

pytestmark = pytest.mark.conformance

DERIVED = [name for name, spec in TABLES.items() if spec.derived]


@dataclass(frozen=True)
class World:
    """The ledger as it was filled (facts) and as it holds (holding), and what each engine made of it."""

    facts: pa.Table
    holding: pa.Table
    tables: dict[str, Tables]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory, servers: dict[str, str]) -> World:
    root = tmp_path_factory.mktemp("everything")
    engine = connect("duckdb", scratch=root / "scratch", memory=2**30)
    filled = everything.build(root / "filled", engine)
    ledger = Ledger.open(filled)
    facts, holding = engine.rows(ledger.facts(engine)), engine.rows(ledger.read(engine))
    engine.close()
    return World(facts, holding, run_on_each(filled, servers, root))


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
    hold_equal(world.tables, name)


def test_no_other_table_is_made(world):
    assert {engine: set(tables) for engine, tables in world.tables.items()} == {
        engine: set(DERIVED) for engine in world.tables
    }
