"""Predictions in rolling blocks: each block of answers is predicted by a model that had seen only earlier blocks.

time ---[ block 1 ]---[ block 2 ]---[ block 3 ]--->
stated priors | fit on 1 ----| fit on 1, 2 -| ...   the fit after the last block is the one that scores everyone
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from regard.blueprint import ScoreSettings
from regard.experience.cumulative import probabilities, residuals
from regard.experience.features import features
from regard.experience.leanings import Leanings
from regard.experience.learn import Said, learn
from regard.experience.model import ACCOUNT_VAR, PERSON_VAR, Model
from regard.experience.seen import Met

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
FEWEST_BLOCKS, MOST_BLOCKS = 10, 48
SWIFT = 20_000
"""Fits on the way see at most so many of the latest answers; the last one, which scores everyone, sees the sample."""
FIRST_MEMORY = 200
"""Memory is estimated from so many answers on, and again whenever twice as many have come."""


@dataclass(frozen=True)
class Told:
    """Answers of one level in time order: moment, person, account (-1: none), class and scale, as numbers."""

    at_ms: Ints
    person: Ints
    account: Ints
    classes: Ints
    scale: Ints
    n_persons: int
    n_accounts: int

    def __len__(self) -> int:
        return len(self.at_ms)


@dataclass(frozen=True)
class Rolled:
    """What was expected of each answer, and the model and leanings after the last of them.

    chances : P(detractor), P(passive), P(promoter), one row an answer. until_ms : the last answer the model had seen,
    -1 on stated priors. n_met : impressions that contributed.
    """

    chances: Floats
    until_ms: Ints
    n_met: Ints
    model: Model
    leanings: Leanings


def edges(at_ms: Ints, block_s: float) -> Ints:
    """Numbers of the answers at which blocks begin, and the number of answers.

    A block is `block_s` long, but a history has at least 10 and at most 48 blocks, so that any horizon works.
    """
    span = int(at_ms[-1] - at_ms[0]) + 1
    block = int(min(max(block_s * 1000, span / MOST_BLOCKS), span / FEWEST_BLOCKS)) or 1
    starts = np.arange(at_ms[0], at_ms[-1] + 1, block)
    places = np.unique(np.searchsorted(at_ms, starts, side="left"))
    return np.append(places, len(at_ms)).astype(np.int64)


def roll(model: Model, told: Told, met: Callable[[int, int], Met], settings: ScoreSettings) -> Rolled:
    """Predict every answer from those of earlier blocks.

    model : on stated priors. met : what answers `first` to `last - 1` had met before they were given.
    """
    chances, until = np.zeros((len(told), 3)), np.full(len(told), -1, dtype=np.int64)
    counts = np.zeros(len(told), dtype=np.int64)
    leanings = Leanings.none(told.n_persons, told.n_accounts)
    kept = Met.nothing()
    remembered = FIRST_MEMORY // 2
    bounds = edges(told.at_ms, settings.block_s) if len(told) else np.zeros(1, dtype=np.int64)
    for first, last in pairwise(bounds.tolist()):
        now = slice(first, last)
        block = met(first, last)
        chances[now], plain, width = _chances(model, leanings, told, now, block)
        counts[now] = np.bincount(block.ask, minlength=block.n)
        until[now] = model.until_ms if model.until_ms is not None else -1
        leanings.add(told.person[now], told.account[now], *residuals(plain, width, told.classes[now]))
        kept = block.after(kept).last(settings.sample)
        used = kept if last == len(told) else kept.last(SWIFT)
        seen = slice(last - used.n, last)
        again = last >= 2 * remembered
        remembered = last if again else remembered
        model = learn(model, Said(used, told.classes[seen], told.scale[seen]), memory=again)
        person_var, account_var = leanings.variances(PERSON_VAR, ACCOUNT_VAR)
        until_ms = int(told.at_ms[last - 1])
        model = replace(model, person_var=person_var, account_var=account_var, until_ms=until_ms)
    return Rolled(chances, until, counts, model, leanings)


def expect(model: Model, leanings: Leanings, told: Told, met: Callable[[int, int], Met]) -> Rolled:
    """What a fit that stands expects of answers that came after it; it learns nothing from them.

    told : person and account as the leanings number them; -1 for who had not answered.
    """
    n, block = len(told), met(0, len(told))
    chances, _, _ = _chances(model, leanings, told, slice(0, n), block)
    until = np.full(n, -1 if model.until_ms is None else model.until_ms, dtype=np.int64)
    return Rolled(chances, until, np.bincount(block.ask, minlength=n), model, leanings)


def _chances(model: Model, leanings: Leanings, told: Told, now: slice, block: Met) -> tuple[Floats, Floats, Floats]:
    """Chances of each class, eta by impressions alone, and the width of "passive"."""
    plain = model.theta[told.scale[now]] + features(block, model) @ model.weights
    width = np.exp(model.theta[len(model.scales) + told.scale[now]])
    u, v, _ = leanings.of(told.person[now], told.account[now], model.person_var, model.account_var)
    return np.column_stack(probabilities(plain + u + v, width)), plain, width
