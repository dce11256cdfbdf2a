"""One person's score over time, and what each interaction did to it: asked for by a page, so worked out on request."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from regard.experience.cumulative import score_of
from regard.experience.model import Model

Floats = NDArray[np.float64]
Rows = Sequence[Mapping[str, object]]
US = 1_000_000


@dataclass(frozen=True)
class Moment:
    """The score at a moment; `by` are its interactions, and `points` what they did to the score there and then."""

    at: dt.datetime
    score: float
    points: float
    by: tuple[str, ...]


def curve(contributions: Rows, model: Model, as_of: dt.datetime, *, between: int = 6) -> list[Moment]:
    """The score before and after each moment that changed it, with some moments between so that fading shows.

    contributions : one person's rows of that table.
    between       : moments drawn between two that changed it.
    Returns       : in time order, the last one at `as_of` and equal to the score in the table `scores`.
    """
    mine = [row for row in contributions if row["level"] == model.level]
    fixed = sum(_float(row["eta"]) for row in mine if row["interaction_id"] is None)
    moving = sorted((row for row in mine if row["interaction_id"] is not None), key=lambda row: str(row["at"]))
    if not moving:
        return [Moment(as_of, _score(fixed, model), 0.0, ())]
    at = np.array([_us(row["at"]) for row in moving])
    eta = np.array([_float(row["eta"]) for row in moving])
    loss = eta < 0
    now = _us(as_of)
    raw = eta / model.memory.of(np.maximum(now - at, 0) / US, loss)

    def total(when: int, *, inclusive: bool) -> float:
        there = at <= when if inclusive else at < when
        return fixed + float((raw[there] * model.memory.of((when - at[there]) / US, loss[there])).sum())

    steps = sorted(set(at.tolist()))
    found: list[Moment] = []
    for place, when in enumerate(steps):
        before, after = total(when, inclusive=False), total(when, inclusive=True)
        by = tuple(str(row["interaction_id"]) for row, t in zip(moving, at, strict=True) if t == when)
        found.append(Moment(_moment(when), _score(before, model), 0.0, ()))
        found.append(Moment(_moment(when), _score(after, model), _score(after, model) - _score(before, model), by))
        until = steps[place + 1] if place + 1 < len(steps) else now
        for part in range(1, between + 1):
            on_way = when + (until - when) * part // (between + 1)
            if when < on_way < until:
                found.append(Moment(_moment(on_way), _score(total(on_way, inclusive=True), model), 0.0, ()))
    return [*found, Moment(as_of, _score(total(now, inclusive=True), model), 0.0, ())]


def _score(eta: float, model: Model) -> float:
    return float(score_of(np.array(eta), np.array(model.width)))


def _us(value: object) -> int:
    assert isinstance(value, dt.datetime)
    return round((value - dt.datetime(1970, 1, 1, tzinfo=dt.UTC)) / dt.timedelta(microseconds=1))


def _moment(us: int) -> dt.datetime:
    return dt.datetime(1970, 1, 1, tzinfo=dt.UTC) + dt.timedelta(microseconds=us)


def _float(value: object) -> float:
    return float(value) if isinstance(value, int | float) else 0.0
