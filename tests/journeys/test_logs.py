"""The published figures of three real logs, and a second implementation of each on the whole log."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise

import ibis
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from regard.blueprint import Blueprint, JourneySettings
from regard.engine import empty
from regard.journeys import split, touch
from regard.sources import open_source

LOG = Blueprint("Log", journeys=JourneySettings(objects=("case",)))


def from_xes(path, engine):
    with open_source([path], None, engine) as load:
        (batch,) = load.batches()
        return engine.keep(batch.interactions.mutate(person_id=ibis.null("string")))


def from_parquet(path, engine):
    read = pq.read_table(path, columns=["concept:name", "time:timestamp", "case:concept:name"]).to_pydict()
    made = [
        {
            "interaction_id": str(number),
            "source": "receipt",
            "occurred_at": at.to_pydatetime(),
            "sequence": number,
            "event": name,
            "objects": [{"type": "case", "id": case, "qualifier": None}],
        }
        for number, (name, at, case) in enumerate(zip(*read.values(), strict=True))
    ]
    table = pa.Table.from_pylist(made, schema=empty("interactions").schema)
    return engine.table(table.append_column("person_id", pa.nulls(len(made), pa.string())))


def by_hand(engine, interactions):
    rows = engine.rows(interactions.select("objects", "event", "occurred_at", "sequence")).to_pylist()
    cases = {}
    for row in sorted(rows, key=lambda row: (row["occurred_at"], row["sequence"])):
        cases.setdefault(row["objects"][0]["id"], []).append(row["event"])
    edges = Counter(pair for steps in cases.values() for pair in pairwise(steps))
    return Counter(map(tuple, cases.values())), edges


@pytest.mark.parametrize(
    ("name", "n_events", "n_cases", "n_variants", "n_edges"),
    [
        ("helpdesk.xes.gz", 21_348, 4_580, 226, 55),
        ("receipt.parquet", 8_577, 1_434, 116, 99),
        pytest.param("bpic2012.xes.gz", 262_200, 13_087, 4_366, 125, marks=pytest.mark.slow),
    ],
)
def test_published_figures(engine, data, name, n_events, n_cases, n_variants, n_edges):
    path = data / "event_logs" / name
    interactions = from_parquet(path, engine) if name.endswith("parquet") else from_xes(path, engine)
    found = split(engine.keep(touch(interactions, LOG)), LOG, engine)
    flows, variants = (engine.rows(found[table]).to_pylist() for table in ("flows", "variants"))
    assert sum(row["n"] for row in engine.rows(found["step_names"]).to_pylist()) == n_events
    assert (sum(row["n"] for row in variants), len(variants), len(flows)) == (n_cases, n_variants, n_edges)
    ways, edges = by_hand(engine, interactions)
    assert {row["variant"]: row["n"] for row in variants} == {" > ".join(way): n for way, n in ways.items()}
    assert {(row["source"], row["target"]): row["n"] for row in flows} == edges
