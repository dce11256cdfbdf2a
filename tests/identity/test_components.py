from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from regard.errors import TableError
from regard.identity import components

SHARED = settings(
    max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)


def table(pairs):
    kept = sorted({(min(pair), max(pair)) for pair in pairs if pair[0] != pair[1]})
    columns = {"a": pa.array([a for a, _ in kept], pa.int64()), "b": pa.array([b for _, b in kept], pa.int64())}
    return pa.table(columns)


def labels(engine, pairs, *, few):
    found = engine.rows(components(engine.table(table(pairs)), engine, few=few))
    assert len(set(found["node"].to_pylist())) == found.num_rows
    return dict(zip(found["node"].to_pylist(), found["label"].to_pylist(), strict=True))


def by_scipy(pairs):
    nodes = sorted({node for pair in pairs if pair[0] != pair[1] for node in pair})
    place = {node: index for index, node in enumerate(nodes)}
    ends = [(place[a], place[b]) for a, b in pairs if a != b]
    if not ends:
        return {}
    rows, columns = zip(*ends, strict=True)
    graph = coo_array((np.ones(len(rows)), (rows, columns)), shape=(len(nodes), len(nodes)))
    _, part = connected_components(graph, directed=False)
    least = {}
    for node in nodes:
        least.setdefault(part[place[node]], node)
    return {node: least[part[place[node]]] for node in nodes}


graphs = st.lists(st.tuples(st.integers(0, 60), st.integers(0, 60)), max_size=90)


@SHARED
@given(pairs=graphs, few=st.sampled_from([0, 3, 1000]))
def test_equals_scipy(engine, pairs, few):
    assert labels(engine, pairs, few=few) == by_scipy(pairs)


@pytest.mark.parametrize("order", ["rising", "shuffled"])
def test_a_long_chain_takes_few_rounds(engine, order, monkeypatch):
    nodes = np.arange(5001)
    if order == "shuffled":
        np.random.default_rng(1).shuffle(nodes)
    pairs = list(zip(nodes[:-1].tolist(), nodes[1:].tolist(), strict=True))
    kept = []
    monkeypatch.setattr(engine, "keep", lambda e, keep=engine.keep, **k: kept.append(1) or keep(e, **k))
    assert set(labels(engine, pairs, few=0).values()) == {0}
    assert len(kept) < 3 * 25  # two tables a round on the way in, one on the way back


def test_a_big_star_and_large_numbers(engine):
    top = 2**31 - 2
    pairs = [(top, leaf) for leaf in range(3000)]
    assert set(labels(engine, pairs, few=0).values()) == {0}


def test_no_edges(engine):
    assert labels(engine, [], few=0) == {}


def test_nodes_out_of_range_are_refused(engine):
    with pytest.raises(TableError, match="out of range"):
        labels(engine, [(0, 2**31)], few=0)
