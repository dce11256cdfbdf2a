"""Everybody's score as of one time, opened to what made it.

In points of the score, contribution_i = c_i * (S(eta) - S(base)) / (eta - base), its limit S'(base): the parts sum to
eta, and in points to the score, exactly.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import ibis
import ibis.expr.types as ir
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from regard.engine import Engine
from regard.experience.cumulative import score_of, slope_of
from regard.experience.features import features, memory_slopes
from regard.experience.kinds import Kind
from regard.experience.leanings import Leanings
from regard.experience.model import Z90, Model
from regard.experience.peaks import heightened, mark
from regard.experience.reach import beyond, unsure
from regard.experience.seen import Met, Sight, before

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
BATCH = 1_048_576
CLOSE = 1e-9


@dataclass(frozen=True)
class Asked:
    """Whom to score on a level: persons in order, what their question is about, and the number of their account."""

    rows: pa.Table
    person: Ints
    account: Ints


@dataclass(frozen=True)
class Scored:
    """A level's tables: scores, contributions and the impressions behind them, lazily, without `as_of`."""

    scores: ir.Table
    contributions: ir.Table
    impressions: ir.Table
    model: Model


def points_per_eta(eta: Floats, model: Model) -> Floats:
    """Points of the score for one eta of contribution: the chord from base to eta, its limit where they meet."""
    base, width = model.base, np.array(model.width)
    gap = eta - base
    near = np.abs(gap) < CLOSE
    chord = (score_of(eta, width) - score_of(np.array(base), width)) / np.where(near, 1.0, gap)
    return np.where(near, slope_of(np.array(base), width), chord)


def rate(
    asked: Asked, made: ir.Table, standing: ir.Table, model: Model, leanings: Leanings, *, engine: Engine, sight: Sight
) -> Scored:
    """Score every person asked about.

    asked.rows : person_id, account, object_type, object_id, at (the time of knowing), at_ms, answered.
    """
    n = asked.rows.num_rows
    numbered = asked.rows.append_column("ask", pa.array(np.arange(n)))
    question = engine.table(numbered.select(["ask", "person_id", "at_ms", "object_type", "object_id"]))
    seen = before(question, made, standing, model.kinds, sight=sight)
    met = engine.keep(mark(seen, model) if model.memory.heights else seen)
    columns, slopes, counts = _summed(met, model, n, engine)
    u, v, left = leanings.of(asked.person, asked.account, model.person_var, model.account_var)
    eta = model.base + columns @ model.weights + u + v
    scores = _scores(numbered, eta, _sd(columns, slopes, left, model), counts, model)
    per_eta = points_per_eta(eta, model)
    rest = engine.table(_rest(numbered, u, v, per_eta, model))
    held = engine.table(pa.table({"ask": np.arange(n), "per_eta": per_eta}))
    each = contributed(met, model).join(held, "ask")
    each = each.select("person_id", "level", "interaction_id", "at", "kind", "eta", points=each.eta * each.per_eta)
    return Scored(
        scores=engine.table(scores),
        contributions=ibis.union(rest, each.select(rest.columns)),
        impressions=named(met.mutate(level=ibis.literal(model.level)), model.kinds),
        model=model,
    )


def contributed(met: ir.Table, model: Model) -> ir.Table:
    """Each impression's eta at the moment of its question: what it weighed, and what memory left of it."""
    weighed = met.mutate(raw=model.eta(met.kind, met.x))
    height = heightened(weighed.marks, np.array(model.memory.heights)) if model.memory.heights else 1.0
    return named(
        weighed.mutate(
            level=ibis.literal(model.level),
            eta=weighed.raw * model.memory.expression(weighed.age_s, weighed.raw < 0) * height,
        ),
        model.kinds,
    )


def named(rows: ir.Table, kinds: Sequence[Kind]) -> ir.Table:
    """The kind's name for its code."""
    names = [(rows.kind == kind.code, kind.name) for kind in kinds]
    return rows.mutate(code=rows.kind, kind=ibis.cases(*names, else_="") if names else ibis.literal(""))


def _summed(met: ir.Table, model: Model, n: int, engine: Engine) -> tuple[Floats, Floats, Ints]:
    columns, slopes = np.zeros((n, len(model.slots))), np.zeros((n, len(model.memory_sd)))
    wanted = ("ask", "kind", "x", "age_s", *(("marks",) if model.memory.heights else ()))
    for batch in engine.stream(met.select(*wanted), batch_rows=BATCH):
        part = Met.of(pa.Table.from_batches([batch]), first=0, n=n)
        low, high = (int(part.ask[0]), int(part.ask[-1]) + 1) if len(part.ask) else (0, 0)
        here = Met(part.ask - low, part.kind, part.x, part.age_s, high - low, part.marks)
        columns[low:high] += features(here, model)
        slopes[low:high] += memory_slopes(here, model)
    moments = met.select("ask", "at").distinct().group_by("ask").agg(n=ibis._.count())
    found = engine.rows(moments)
    counts = np.zeros(n, dtype=np.int64)
    counts[found["ask"].to_numpy()] = found["n"].to_numpy()
    return columns, slopes, counts


def _sd(columns: Floats, slopes: Floats, left: Floats, model: Model) -> Floats:
    """Standard deviation of eta: of the joint fit, beyond its answers' reach, and beyond what impressions explain."""
    n = len(model.scales)
    keep = np.r_[0, np.arange(2 * n, len(model.covariance))]
    root = np.linalg.cholesky(model.covariance[np.ix_(keep, keep)])
    loadings = np.hstack([np.ones((len(columns), 1)), columns, slopes]) @ root
    farther = beyond(columns, model) * unsure(model)
    return np.asarray(np.sqrt((loadings**2).sum(1) + (farther**2).sum(1) + left), dtype=np.float64)


def _scores(numbered: pa.Table, eta: Floats, sd: Floats, counts: Ints, model: Model) -> pa.Table:
    n, width = len(eta), np.array(model.width)
    return pa.table(
        {
            "person_id": numbered["person_id"],
            "level": pa.array([model.level] * n, pa.string()),
            "at": numbered["at"],
            "score": score_of(eta, width),
            "low": score_of(eta - Z90 * sd, width),
            "high": score_of(eta + Z90 * sd, width),
            "scale": pa.array([model.scales[0]] * n, pa.string()),
            "calibrated": pa.array(np.full(n, model.calibrated)),
            "eta": eta,
            "eta_sd": sd,
            "n_interactions": counts,
            "answered": numbered["answered"],
            "account": numbered["account"],
        }
    )


def _rest(numbered: pa.Table, u: Floats, v: Floats, per_eta: Floats, model: Model) -> pa.Table:
    """What has no interaction: the base of everyone, and what an account and a person say beyond it."""
    base = np.full(len(u), model.base)
    parts = [(np.arange(len(u)), "base", base, score_of(base, np.array(model.width)))]
    for kind, value in (("account", u), ("person", v)):
        some = np.flatnonzero(value)
        parts.append((some, kind, value[some], value[some] * per_eta[some]))
    tables = [
        pa.table(
            {
                "person_id": numbered["person_id"].take(pa.array(where)),
                "level": pa.array([model.level] * len(where), pa.string()),
                "interaction_id": pa.nulls(len(where), pa.string()),
                "at": numbered["at"].take(pa.array(where)),
                "kind": pa.array([kind] * len(where), pa.string()),
                "eta": eta,
                "points": points,
            }
        )
        for where, kind, eta, points in parts
    ]
    return pa.concat_tables(tables)
