"""What Regard does on the data that other tools are measured on: one function a question, for peers.py.

Each gets ready (`load`), yields, then does the work again for every `next` (`operation`) and yields a digest of the
result, made as the peers' scripts make theirs, so that a wrong answer shows.

    events_N/events.parquet   user_id, event, ts: one visitor's steps, no two at one instant
    graph_N/a.npy, b.npy      edges between numbered profiles and identifiers; edges.parquet: the same as strings
    clv_N.npz                 frequency, recency, T of N simulated buyers, weeks; N = 2357 is CDNOW's sample
"""

from __future__ import annotations

import datetime as dt
import hashlib
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

Digest = dict[str, object]
Contender = Callable[[Path, int], Iterator[Digest | None]]
NOW = dt.datetime(2026, 6, 1, tzinfo=dt.UTC)
CDNOW = 2357
BLUEPRINT = """\
name: Peers
zone: UTC
identity: {{handles: [{{kind: user, normal: exact}}]}}
journeys: {{quiet: {quiet}, by: event}}
"""
MAPPING = """\
version: 1
source: web
files: events.parquet
key: [user_id, ts, event]
handles: {user: user_id}
interactions:
  - {event: {column: event}, at: ts, direction: customer, channel: web}
"""


class Filled:
    """A workspace with the events imported, in a folder of its own that goes when the process ends."""

    def __init__(self, data: Path, rows: int, *, quiet: str) -> None:
        from regard import pipeline
        from regard.workspace import Workspace

        self.folder = Path(tempfile.mkdtemp(prefix="regard-peers-", dir=data))
        (self.folder / "blueprint.yaml").write_text(BLUEPRINT.format(quiet=quiet), encoding="utf-8")
        (self.folder / "events.map.yaml").write_text(MAPPING, encoding="utf-8")
        self.workspace = Workspace(self.folder)
        file = data / f"events_{rows}" / "events.parquet"
        done = pipeline.bring_in(self.workspace, [str(file)], mapping=self.folder / "events.map.yaml", now=NOW)
        assert done[0].n_interactions == rows, done

    def __enter__(self) -> Filled:
        return self

    def __exit__(self, *_: object) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)


def short(text: str) -> str:
    return hashlib.sha1(text.encode()).hexdigest()[:10]


def journey_map(data: Path, rows: int) -> Iterator[Digest | None]:
    """`regard import` and `regard run`, then what the journeys page asks: nodes, edges, waits, first and last steps."""
    from regard import journeys, pipeline
    from regard.engine import Reader, connect

    with Filled(data, rows, quiet="3650d") as filled:
        engine = connect("duckdb")
        pipeline.run(filled.workspace, engine, pipeline.Order(now=NOW))
        engine.close()
        reader = Reader(filled.workspace)
        now = reader.now()
        steps, names = now.tables["steps"], now.tables["step_names"]
        yield None
        while True:
            seen = journeys.journey_map(steps, names, now.rows)
            first = steps.filter(steps.position == 1).inner_join(names, steps.this == names.code)
            begun = now.rows(first.group_by("name").agg(n=first.count()))
            nodes, edges = seen.nodes, seen.edges
            counted = sorted(((row["source"], row["target"]), int(row["n"])) for row in edges)
            starts = sorted((row["name"], int(row["n"])) for row in begun)
            ends = sorted((row["touchpoint"] or row["event"], int(row["n_last"])) for row in nodes if row["n_last"])
            yield {
                "edges": len(counted),
                "total": sum(n for _, n in counted),
                "h": short("\n".join(f"{a}>{b}:{n}" for (a, b), n in counted)),
                "se": short(str(starts) + str(ends)),
                "dur_total_s": round(sum(float(row["mean_wait_s"]) * row["n"] for row in edges), 1),
            }


def ways_through(data: Path, rows: int) -> Iterator[Digest | None]:
    """The variants, from `steps`."""
    from regard import pipeline
    from regard.engine import Published, connect
    from regard.journeys.paths import SEPARATOR, variants

    with Filled(data, rows, quiet="3650d") as filled:
        engine = connect("duckdb")
        pipeline.run(filled.workspace, engine, pipeline.Order(now=NOW))
        made = Published.current(filled.workspace)
        steps, names = made.table("steps", engine), made.table("step_names", engine)
        yield None
        while True:
            ways, _ = variants(steps, names, engine)
            top = engine.rows(ways.order_by("variant_id").limit(20)).to_pylist()
            n = engine.rows(ways.count().as_table())[0][0].as_py()
            best = sorted((-row["n"], tuple(row["variant"].split(SEPARATOR))) for row in top)
            yield {"n_variants": n, "top": [-one for one, _ in best], "h": short(repr([way for _, way in best[:5]]))}


def sessions(data: Path, rows: int) -> Iterator[Digest | None]:
    """Journeys ended by half an hour of silence, with steps, flows and variants, all from touches."""
    from regard import identity, journeys
    from regard.blueprint import read
    from regard.engine import connect
    from regard.ledger import Ledger

    with Filled(data, rows, quiet="30m") as filled:
        engine = connect("duckdb")
        blueprint = read(filled.workspace.blueprint)
        ledger = Ledger.open(filled.workspace)
        resolved = identity.resolve(ledger.read(engine), ledger.side("decisions", engine), blueprint, engine)
        touches = engine.keep(journeys.touch(resolved.assigned, blueprint), order_by=journeys.TOUCH_ORDER)
        yield None
        while True:
            found = journeys.split(touches, blueprint, engine)["journeys"]
            spent = found.ended_at.delta(found.started_at, unit="microsecond")
            summed = found.agg(sessions=found.count(), sumsq=(found.n_steps * found.n_steps).sum(), dur_us=spent.sum())
            yield {name: int(value) for name, value in engine.rows(summed).to_pylist()[0].items()}


def parts(labels: np.ndarray) -> Digest:
    """Sizes of the parts of a partition."""
    _, sizes = np.unique(labels, return_counts=True)
    squares = int((sizes.astype(np.int64) ** 2).sum())
    return {"components": len(sizes), "max": int(sizes.max()), "sumsq": squares}


def components(data: Path, rows: int) -> Iterator[Digest | None]:
    """Connected components of numbered edges."""
    import pyarrow as pa

    from regard import identity
    from regard.engine import connect

    engine = connect("duckdb")
    a, b = (np.load(data / f"graph_{rows}" / f"{end}.npy").astype(np.int64) for end in "ab")
    edges = engine.table(pa.table({"a": a, "b": b}))
    yield None
    while True:
        once = engine.keep(edges.filter(edges.a != edges.b).distinct())
        found = identity.components(once, engine)
        digest = parts(engine.rows(found)["label"].to_numpy())
        engine.drop(once)
        yield digest


def people(data: Path, rows: int) -> Iterator[Digest | None]:
    """`identity.resolve` on facts with two handles each: components from strings, with reasons, guards and persons."""
    import ibis
    import pyarrow.parquet as pq

    from regard import identity
    from regard.blueprint import Blueprint, Handle
    from regard.engine import connect, empty

    engine = connect("duckdb")
    edges = engine.table(pq.read_table(data / f"graph_{rows}" / "edges.parquet"))
    shape = empty("interactions").schema
    nulls = engine.table(shape.empty_table()).schema()
    kinds = {"profile": edges.profile, "identifier": edges.identifier}
    handles = ibis.array([ibis.struct({"kind": kind, "value": value}) for kind, value in kinds.items()])
    number = ibis.row_number().cast("int64")
    known = {
        "interaction_id": number.cast("string"),
        "source": ibis.literal("graph"),
        "event": ibis.literal("seen"),
        "occurred_at": ibis.literal(NOW).cast(nulls["occurred_at"]),
        "sequence": number,
        "handles": handles.cast(nulls["handles"]),
    }
    facts = engine.keep(edges.select(**{n: known.get(n, ibis.null(kind)) for n, kind in nulls.items()}))
    engine.drop(edges)
    decisions = engine.table(empty("decisions"))
    blueprint = Blueprint("Graph", handles=tuple(Handle(kind, normal="exact") for kind in kinds))
    yield None
    while True:
        found = identity.resolve(facts, decisions, blueprint, engine)
        yield parts(engine.rows(found.persons.select("person_id"))["person_id"].combine_chunks().dictionary_encode()
                    .indices.to_numpy())  # fmt: skip


def buyers(data: Path, rows: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    if rows == CDNOW:
        read = np.genfromtxt(data / "cdnow_customers_summary.csv", delimiter=",", names=True)
        named = read.dtype.names or ()
        return read[named[1]], read[named[2]], read[named[3]]
    read = np.load(data / f"clv_{rows}.npz")
    return read["frequency"], read["recency"], read["T"]


def bg_nbd(data: Path, rows: int) -> Iterator[Digest | None]:
    """BG/NBD: people counted by what the model knows of them, then the likeliest parameters."""
    from regard.value import bg_nbd as model

    x, t_x, T = buyers(data, rows)
    yield None
    while True:
        known, n = np.unique(np.column_stack([x, t_x, T]), axis=0, return_counts=True)
        groups = model.Groups(known[:, 0].astype(np.int64), known[:, 1], known[:, 2], n)
        fitted = model.fit(groups)
        assert fitted is not None
        names = ("r", "alpha", "a", "b")
        figures = {name: round(value, 4) for name, value in zip(names, fitted.parameters, strict=True)}
        yield {**figures, "LL": round(fitted.log_likelihood, 2), "rows": len(n)}


OURS: dict[str, tuple[str, Contender]] = {
    "regard_journey_map": ("map", journey_map),
    "regard_variants": ("variants", ways_through),
    "regard_split": ("sessions", sessions),
    "regard_components": ("components", components),
    "regard_resolve": ("people", people),
    "regard_bg_nbd": ("bg_nbd", bg_nbd),
}
