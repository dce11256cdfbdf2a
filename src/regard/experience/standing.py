"""How a group of people regards us: its score now with an interval, and the same people's score at earlier moments.

A group's score is the mean of its people's. Its interval comes from the joint fit, by its gradient: what people share
(weights, memory, cut-points) does not average out, what is their own does; ends of intervals are never averaged. At an
earlier moment each contribution is what it was then, re-read with what is known now: raw size times memory at that age.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import ibis
import ibis.expr.types as ir
import numpy as np
from numpy.typing import NDArray

from regard.engine import epoch_ms, seconds_between
from regard.experience.cumulative import score_of, slope_of
from regard.experience.model import Z90, Model

Floats = NDArray[np.float64]
Rows = Sequence[Mapping[str, object]]


@dataclass(frozen=True)
class Standing:
    """A group's score at a moment. low, high : ends of its 90 % interval; None before the time of knowing."""

    at: dt.datetime
    score: float
    n: int
    low: float | None = None
    high: float | None = None


def rated(eta: ir.FloatingValue, model: Model) -> ir.FloatingValue:
    """The expected net rating, -100 to 100, in the engine."""
    half = model.width / 2
    return 100.0 * (_logistic(eta - half) - _logistic(-eta - half))


def _logistic(z: ir.FloatingValue) -> ir.FloatingValue:
    return 1.0 / (1.0 + (-z).exp())


def at_moments(
    contributions: ir.Table, members: ir.Table, model: Model, *, as_of: dt.datetime, moments: Sequence[dt.datetime]
) -> ir.Table:
    """The score of the members at each moment, and how many of them we knew by then.

    members : table (person_id, first_at: when we first met them, answered).
    moments : in time order, at most as_of.
    Returns : a row for each value of answered: sums of scores sum_0, sum_1 ... and counts n_0, n_1 ...
    """
    memory, ends = model.memory, [moment.timestamp() for moment in moments]
    rows = contributions.filter(contributions.level == model.level).semi_join(members, "person_id")
    rows = rows.select("person_id", "eta", t=epoch_ms(rows.at) / 1000.0, lasting=rows.interaction_id.isnull())
    rows = rows.mutate(
        loss=rows.eta < 0,
        age=ibis.greatest(as_of.timestamp() - rows.t, 0.0),
        place=rows.lasting.ifelse(0, sum(((rows.t > end).ifelse(1, 0) for end in ends), ibis.literal(0))),
    )
    rows = rows.filter(rows.place < len(ends))
    rows = rows.mutate(raw=rows.eta / memory.expression(rows.age, rows.loss))
    wait = ibis.greatest(ibis.array(ends)[rows.place] - rows.t, 0.0)
    rows = rows.mutate(
        fades=rows.raw * (1 - memory.floor) * (-wait / rows.loss.ifelse(memory.loss_s, memory.gain_s)).exp()
    )
    parts = rows.group_by("person_id", "place").agg(
        stays=rows.lasting.ifelse(rows.eta, rows.raw * memory.floor).sum(),
        loss=rows.fades.sum(where=~rows.lasting & rows.loss),
        gain=rows.fades.sum(where=~rows.lasting & ~rows.loss),
    )
    parts = parts.mutate(loss=parts.loss.coalesce(0.0), gain=parts.gain.coalesce(0.0))
    sums = {}
    for number, end in enumerate(ends):
        left = [
            [math.exp(-(end - before) / tau) for before in ends[: number + 1]] for tau in (memory.loss_s, memory.gain_s)
        ]
        then = parts.stays + sum(
            parts[name] * ibis.array(shares)[parts.place] for name, shares in zip(("loss", "gain"), left, strict=True)
        )
        sums[f"eta_{number}"] = then.sum(where=parts.place <= number)
    people = parts.group_by("person_id").agg(**sums).join(members, "person_id")
    found = {}
    for number, end in enumerate(ends):
        known = epoch_ms(people.first_at) / 1000.0 <= end
        found[f"sum_{number}"] = rated(people[f"eta_{number}"], model).sum(where=known)
        found[f"n_{number}"] = known.ifelse(1, 0).sum()
    return people.group_by("answered").agg(**found)


def series(rows: Rows, moments: Sequence[dt.datetime]) -> list[Standing]:
    """Rows of `at_moments` together as standings; moments at which nobody was known are left out."""
    found = []
    for number, moment in enumerate(moments):
        n = sum(_number(row[f"n_{number}"]) for row in rows)
        if n:
            found.append(Standing(moment, sum(_number(row[f"sum_{number}"]) for row in rows) / n, int(n)))
    return found


def gradient(
    scores: ir.Table, impressions: ir.Table, members: ir.Table, model: Model, *, as_of: dt.datetime
) -> tuple[ir.Table, ir.Table]:
    """What `interval` needs, as two tables of sums with a row for each value of answered: of people, of what they met.

    Returns : (answered, n, score, base, width, spread), and the sum over people of the score's slope times the feature
              of each weight and each part of memory: answered, slot_0, slot_1 ... memory_0, memory_1, memory_2.
    """
    mine = scores.filter(scores.level == model.level).drop("answered").join(members, "person_id")
    mine = mine.select("person_id", "answered", "score", "eta")
    mine = mine.mutate(p=_logistic(-mine.eta - model.width / 2), q=_logistic(mine.eta - model.width / 2))
    mine = mine.mutate(p=mine.p * (1 - mine.p), q=mine.q * (1 - mine.q))
    mine = mine.mutate(slope=100.0 * (mine.p + mine.q))
    people = mine.group_by("answered").agg(
        n=mine.count(),
        score=mine.score.sum(),
        base=mine.slope.sum(),
        width=(50.0 * model.width * (mine.p - mine.q)).sum(),
        spread=(mine.slope * mine.slope).sum(),
    )
    felt = impressions.filter(impressions.level == model.level)
    felt = felt.select("person_id", "kind", "x", age=ibis.greatest(seconds_between(felt.at, ibis.literal(as_of)), 0.0))
    felt = felt.join(mine.select("person_id", "answered", "slope"), "person_id")
    code = ibis.cases(*((felt.kind == kind.name, kind.code) for kind in model.kinds), else_=-1)
    felt = felt.mutate(code=code)
    felt = felt.mutate(raw=model.eta(felt.code, felt.x))
    felt = felt.mutate(loss=felt.raw < 0)
    felt = felt.mutate(left=model.memory.expression(felt.age, felt.loss) * felt.slope, raw=felt.raw * felt.slope)
    return people, felt.group_by("answered").agg(**_slots(felt, model), **_memory(felt, model))


def _slots(felt: ir.Table, model: Model) -> dict[str, ir.FloatingScalar]:
    found = {}
    for number, (kind, term) in enumerate(model.slots):
        value = (term.expression(felt.x) - float(model.reference[number])) * felt.left
        found[f"slot_{number}"] = value.sum(where=felt.code == kind.code)
    return found


def _memory(felt: ir.Table, model: Model) -> dict[str, ir.FloatingScalar]:
    memory = model.memory
    tau = felt.loss.ifelse(memory.loss_s, memory.gain_s)
    fading = (-felt.age / tau).exp()
    by_tau = felt.raw * (1 - memory.floor) * fading * felt.age / tau
    by_floor = felt.raw * (1 - fading) * memory.floor * (1 - memory.floor)
    return {
        "memory_0": by_tau.sum(where=felt.loss),
        "memory_1": by_tau.sum(where=~felt.loss),
        "memory_2": by_floor.sum(),
    }


def interval(people: Rows, met: Rows, model: Model, at: dt.datetime) -> Standing | None:
    """A group's score with its 90 % interval; None for a group of nobody.

    people, met : rows of `gradient`.
    """

    def total(rows: Rows, name: str) -> float:
        return sum(_number(row[name]) for row in rows)

    n = int(total(people, "n"))
    if not n:
        return None
    scales, slots = len(model.scales), len(model.weights)
    g = np.zeros(len(model.theta) + 3)
    g[0], g[scales] = total(people, "base"), total(people, "width")
    g[2 * scales : 2 * scales + slots] = [total(met, f"slot_{number}") for number in range(slots)]
    g[-3:] = [total(met, f"memory_{place}") for place in range(3)]
    g /= n
    own = total(people, "spread") / n**2 * (model.person_var + model.account_var)
    sd = math.sqrt(float(g @ model.covariance @ g) + own)
    score = total(people, "score") / n
    like = _eta_of(score, model)
    steep = float(slope_of(np.array(like), np.array(model.width)))
    if steep <= 0:
        return Standing(at, score, n)
    half = Z90 * sd / steep
    return Standing(at, score, n, _score(like - half, model), _score(like + half, model))


def _eta_of(score: float, model: Model) -> float:
    """The eta of somebody whose score is the group's, so that the ends of the interval stay between -100 and 100."""
    low, high = -60.0, 60.0
    while high - low > 1e-9:
        middle = (low + high) / 2
        low, high = (middle, high) if _score(middle, model) < score else (low, middle)
    return (low + high) / 2


def _score(eta: float, model: Model) -> float:
    return float(score_of(np.array(eta), np.array(model.width)))


def _number(value: object) -> float:
    return float(value) if isinstance(value, int | float) else 0.0
