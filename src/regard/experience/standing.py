"""How a group of people regards us at several moments: the mean of its people's scores.

At an earlier moment each contribution is what it was then, re-read with what is known now: raw size times memory at
that age. How sure the score now is stands in `certainty.py`.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import ibis
import ibis.expr.types as ir

from regard.engine import epoch_ms
from regard.experience.model import Model

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
    return 100.0 * (logistic(eta - half) - logistic(-eta - half))


def logistic(z: ir.FloatingValue) -> ir.FloatingValue:
    """1 / (1 + exp(-z)), in the engine."""
    return 1.0 / (1.0 + (-z).exp())


def at_moments(contributions: ir.Table, members: ir.Table, model: Model, *, moments: Sequence[dt.datetime]) -> ir.Table:
    """The score of the members at each moment, and how many of them we knew by then.

    contributions : each as of its own time.

    members : table (person_id, first_at: when we first met them, answered).
    moments : in time order, at most as_of.
    Returns : a row for each value of answered: sums of scores sum_0, sum_1 ... and counts n_0, n_1 ...
    """
    memory, ends = model.memory, [moment.timestamp() for moment in moments]
    rows = contributions.filter(contributions.level == model.level).semi_join(members, "person_id")
    rows = rows.select(
        "person_id",
        "eta",
        t=epoch_ms(rows.at) / 1000.0,
        known_s=epoch_ms(rows.as_of) / 1000.0,
        lasting=rows.interaction_id.isnull(),
    )
    rows = rows.mutate(
        loss=rows.eta < 0,
        age=ibis.greatest(rows.known_s - rows.t, 0.0),
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


def _number(value: object) -> float:
    return float(value) if isinstance(value, int | float) else 0.0
