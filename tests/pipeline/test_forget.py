"""Whoever is forgotten is nowhere: not in a file, a log, an old version, a reject or a fit; and does not come back."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from tests.pipeline.conftest import NOW, load

from regard import pipeline
from regard.engine import Published, connect
from regard.errors import TableError
from regard.ledger import Ledger

TRACES = ("ada@example.org", "Ada@example.org", '"K1"', "A1:purchase", "Three days late")


def everything_said(root: Path) -> str:
    """Every byte Regard keeps, Parquet decoded."""
    said = []
    for path in sorted(root.rglob("*")):
        if path.suffix == ".parquet":
            said.append(json.dumps(pq.read_table(path).to_pylist(), default=str))
            said.append(str(pq.read_metadata(path).to_dict()))
        elif path.is_file():
            said.append(path.read_bytes().decode("latin-1"))
    return "\n".join(said)


@pytest.fixture
def forgotten(shop):
    """The shop after Ada, who placed A1 and A2 and whose orders the desk knows, was forgotten."""
    load(shop)
    engine = connect("duckdb", memory=2**30)
    before = pipeline.run(shop, engine, pipeline.Order(now=NOW))
    assert all(trace in everything_said(shop.state) for trace in TRACES)
    gone = pipeline.forget(shop, "ada@example.org", engine, now=NOW)
    yield shop, engine, before, gone
    engine.close()


def test_no_trace_is_left_and_everything_is_worked_out_anew(forgotten):
    shop, engine, before, gone = forgotten
    said = everything_said(shop.state)
    assert [trace for trace in TRACES if trace in said] == []
    after = Published.current(shop)
    assert (after.run, after.as_of) == (gone.run, before.as_of)
    assert after.counts["feedback"] == before.counts["feedback"] - 2
    assert gone.removed["interactions"] == 7
    assert engine.rows(after.table("touches", engine)).num_rows == 5


def test_a_re_import_does_not_bring_them_back(forgotten):
    shop, _engine, _, _ = forgotten
    (shop.root / "again.csv").write_text((shop.root / "orders.csv").read_text() + "\n", encoding="utf-8")
    done = pipeline.bring_in(shop, [str(shop.root / "again.csv")], mapping=shop.maps / "orders.map.yaml", now=NOW)
    assert (done[0].n_interactions, done[0].n_forgotten) == (0, 4)
    (shop.root / "voice2.csv").write_text((shop.root / "voice.csv").read_text() + "\n", encoding="utf-8")
    done = pipeline.bring_in(shop, [str(shop.root / "voice2.csv")], mapping=shop.maps / "voice.map.yaml", now=NOW)
    assert (done[0].n_interactions, done[0].n_forgotten) == (0, 3)  # known by their orders alone
    assert [trace for trace in TRACES if trace in everything_said(shop.state)] == []


def test_the_others_are_untouched(forgotten):
    shop, engine, _, _ = forgotten
    ids = set(engine.rows(Ledger.open(shop).read(engine)).column("interaction_id").to_pylist())
    assert {"B1:purchase", "B1:delivered", "4:review", "5:review"} <= ids
    assert pipeline.story(shop, "ben@example.org", level="transaction").touches


def test_somebody_who_is_not_there_cannot_be_forgotten(shop):
    load(shop)
    engine = connect("duckdb", memory=2**30)
    with pytest.raises(TableError, match="Nobody here"):
        pipeline.forget(shop, "nobody@example.org", engine, now=NOW)
    engine.close()
