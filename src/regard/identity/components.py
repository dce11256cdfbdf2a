"""Connected components of a graph that lives in an engine.

    a-b-c-d-e-f        each node goes to the neighbour, or itself, that comes first in a shuffled order:
     \\|   |/           the graph shrinks by a constant share a round, a chain as fast as a star
      a - e            ... until few edges are left, which are finished here in one go

Source : Bögeholz, Brand and Todor 2020, In-database connected component analysis, ICDE (randomised contraction); the
         shuffles are affine maps modulo a prime, the same in every run (ADR-0007).
"""

from __future__ import annotations

from typing import cast

import ibis
import ibis.expr.types as ir
import numpy as np
import pyarrow as pa
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from regard.engine import Engine
from regard.errors import TableError

PRIME = 2**31 - 1
FEW_EDGES = 4_000_000


def components(edges: ir.Table, engine: Engine, *, few: int = FEW_EDGES) -> ir.Table:
    """Label every node that has an edge with the least node of its component.

    edges   : table (a: int64, b: int64), nodes from 0 to 2**31 - 2; distinct, a != b; kept.
    few     : so many edges or fewer are finished in this process (90 bytes an edge); 0 contracts to the end.
    Returns : kept table (node: int64, label: int64).
    Raises  : TableError if a node is out of range.
    """
    _check(edges, engine)
    rounds: list[ir.Table] = []
    left = edges
    while (n_edges := _count(left, engine)) > max(few, 0):
        chosen = engine.keep(_choose(left, *_shuffle(len(rounds))))
        after = engine.keep(_contract(left, chosen))
        if left is not edges:
            engine.drop(left)
        rounds.append(chosen)
        left = after
    found = engine.table(_finish(engine.rows(left) if n_edges else None))
    for chosen in reversed(rounds):
        found = engine.keep(_compose(chosen, found))
        engine.drop(chosen)
    return engine.keep(_least(found)) if rounds else found


def _shuffle(number: int) -> tuple[int, int]:
    return pow(48271, number + 1, PRIME), pow(69621, number + 1, PRIME)


def _choose(edges: ir.Table, times: int, plus: int) -> ir.Table:
    """For each node its representative: the first of itself and its neighbours in the shuffled order."""
    both = edges.select("a", "b").union(edges.select(a=edges.b, b=edges.a))
    nearest = both.group_by("a").agg(other=_scramble(both.b, times, plus).min())
    own = _scramble(nearest.a, times, plus)
    first = ibis.least(nearest.other, own)
    back = pow(times, -1, PRIME)
    return nearest.select(node=nearest.a, chosen=(first - plus + PRIME) % PRIME * back % PRIME)


def _scramble(node: ir.IntegerValue, times: int, plus: int) -> ir.IntegerValue:
    return cast(ir.IntegerValue, (node * times + plus) % PRIME)


def _contract(edges: ir.Table, chosen: ir.Table) -> ir.Table:
    """Edges between representatives, once each."""
    of_a = chosen.select(a=chosen.node, left=chosen.chosen)
    of_b = chosen.select(b=chosen.node, right=chosen.chosen)
    moved = edges.inner_join(of_a, "a").inner_join(of_b, "b").select("left", "right")
    moved = moved.filter(moved.left != moved.right)
    return moved.select(a=ibis.least(moved.left, moved.right), b=ibis.greatest(moved.left, moved.right)).distinct()


def _compose(chosen: ir.Table, found: ir.Table) -> ir.Table:
    later = found.select(chosen=found.node, later=found.label)
    joined = chosen.left_join(later, "chosen")
    return joined.select("node", label=ibis.coalesce(joined.later, joined.chosen))


def _least(found: ir.Table) -> ir.Table:
    least = found.group_by("label").agg(least=found.node.min())
    joined = found.inner_join(least, "label")
    return joined.select("node", label=joined.least)


def _finish(edges: pa.Table | None) -> pa.Table:
    """The components of what is left, by SciPy."""
    if edges is None or not edges.num_rows:
        return pa.table({"node": pa.array([], pa.int64()), "label": pa.array([], pa.int64())})
    ends = np.concatenate([edges["a"].to_numpy(), edges["b"].to_numpy()])
    nodes, codes = np.unique(ends, return_inverse=True)
    half = len(ends) // 2
    graph = coo_array((np.ones(half, np.int8), (codes[:half], codes[half:])), shape=(len(nodes), len(nodes)))
    n_found, part = connected_components(graph, directed=False)
    least = np.full(n_found, PRIME, np.int64)
    np.minimum.at(least, part, nodes)
    return pa.table({"node": nodes, "label": least[part]})


def _count(edges: ir.Table, engine: Engine) -> int:
    return int(engine.rows(edges.count().as_table())[0][0].as_py())


def _check(edges: ir.Table, engine: Engine) -> None:
    ends = engine.rows(
        edges.agg(low=ibis.least(edges.a.min(), edges.b.min()), high=ibis.greatest(edges.a.max(), edges.b.max()))
    )
    low, high = ends["low"][0].as_py(), ends["high"][0].as_py()
    if low is not None and (low < 0 or high >= PRIME):
        raise TableError(
            "The nodes of the graph are out of range.", found=f"{low} to {high}", allowed=f"0 to {PRIME - 1}"
        )
