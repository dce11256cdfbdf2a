"""Fit a level's score on answers: weights, cut-points and memory, and which of them the answers identify."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from regard.experience.cumulative import Answers, Prior, covariance, fit, hold
from regard.experience.features import features, memory_slopes, usual
from regard.experience.memory import Memory
from regard.experience.model import Model
from regard.experience.reach import reached
from regard.experience.seen import Met

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
IDENTIFIED = 0.8
"""A parameter is identified when its posterior sd has fallen to four fifths of its prior's."""
ROUNDS, MOST_STEPS, ENOUGH = 3, 12, 15_000
LONGEST, SETTLED = 0.7, 1e-3
"""How far memory may move in one step, in its coordinates, and the step at which it has settled. It is looked for in
the latest `ENOUGH` answers; whether it is identified is judged on all."""
DIGITS = 10


@dataclass(frozen=True)
class Said:
    """Answers and what came before each: classes -1, 0, 1, and the number of each one's scale in `model.scales`."""

    met: Met
    classes: Ints
    scale: Ints

    def last(self, n: int) -> Said:
        """The latest n answers only."""
        met = self.met.last(n)
        return Said(met, self.classes[-met.n :], self.scale[-met.n :]) if met.n else self

    def with_features(self, features: Floats, model: Model) -> Answers:
        """As the likelihood takes them."""
        return Answers(features, self.classes, self.scale, len(model.scales), np.zeros(self.met.n))


def learn(model: Model, said: Said, *, memory: bool) -> Model:
    """The model fitted anew on answers, starting from where it stands.

    memory  : estimate memory as well, where the answers identify it; else it keeps its value.
    Returns : the model with weights, intervals and what is known; what is not identified stands at its prior.
    """
    model = replace(model, reference=usual(said.met, model), n_answers=said.met.n)
    model, columns = _weigh(model, said)
    joint = _joint_covariance(model, said, columns)
    if memory:
        model, columns, joint = _remember(model, said, columns, joint)
    n = len(model.theta)
    known = np.sqrt(np.diag(joint))[:n] <= IDENTIFIED * model.prior.sd
    theta = model.theta
    if not known.all():
        start = np.where(known, theta, model.prior.mean)
        theta = fit(said.with_features(columns, model), hold(model.prior, ~known), start)
    # Rounded beyond any meaning, so that the last bit, which differs from run to run, does not show.
    low, high = reached(columns)
    reach = low.round(DIGITS), high.round(DIGITS)
    return replace(model, theta=theta.round(DIGITS), covariance=joint.round(DIGITS), known=known, reach=reach)


def _weigh(model: Model, said: Said) -> tuple[Model, Floats]:
    """Weights at the memory as it stands; again while the side (loss or gain) of some impression turns."""
    for _ in range(ROUNDS):
        before, columns = model.theta, features(said.met, model)
        model = replace(model, theta=fit(said.with_features(columns, model), model.prior, before))
        if np.array_equal(np.sign(before), np.sign(model.theta)):
            break
    return model, columns


def _remember(model: Model, said: Said, columns: Floats, joint: Floats) -> tuple[Model, Floats, Floats]:
    """Memory and weights together; a coordinate that is not identified goes back to its prior."""
    stated = model.stated_memory.point
    known = _identified(model, joint)
    recent = said.last(ENOUGH)
    few = features(recent.met, model) if known.any() else columns
    for _ in range(MOST_STEPS if known.any() else 0):
        before = model.memory.point
        model = _step(model, recent, few)
        few = features(recent.met, model)
        if np.max(np.abs(model.memory.point - before)) < SETTLED:
            break
    model, columns = _weigh(model, said) if known.any() else (model, columns)
    known = known & _identified(model, _joint_covariance(model, said, columns))
    point = np.where(known, model.memory.point, stated).round(DIGITS)
    model = replace(model, memory=Memory.at(point) if known.any() else model.stated_memory)
    model, columns = _weigh(model, said)
    return replace(model, known_memory=known), columns, _joint_covariance(model, said, columns)


def _step(model: Model, said: Said, columns: Floats) -> Model:
    """One step of weights and memory together: eta is linear in the coordinates of memory for a little way."""
    prior, point, n = _joint_prior(model), model.memory.point, len(model.theta)
    prior.mean[n:] = model.stated_memory.point - point
    prior.lower[n:], prior.upper[n:] = -LONGEST, LONGEST
    whole = said.with_features(np.hstack([columns, memory_slopes(said.met, model)]), model)
    found = fit(whole, prior, np.concatenate([model.theta, np.zeros(len(point))]))
    return replace(model, theta=found[:n], memory=Memory.at(point + found[n:]))


def _identified(model: Model, joint: Floats) -> NDArray[np.bool_]:
    return np.asarray(np.sqrt(np.diag(joint))[len(model.theta) :] <= IDENTIFIED * model.memory_sd)


def _joint_covariance(model: Model, said: Said, columns: Floats) -> Floats:
    """Of theta and the coordinates of memory together."""
    whole = said.with_features(np.hstack([columns, memory_slopes(said.met, model)]), model)
    return covariance(np.concatenate([model.theta, np.zeros(len(model.memory_sd))]), whole, _joint_prior(model))


def _joint_prior(model: Model) -> Prior:
    """Of theta, and of how far memory is from where it stands."""
    free = np.full(len(model.memory_sd), np.inf)
    return Prior(
        np.concatenate([model.prior.mean, np.zeros(len(model.memory_sd))]),
        np.concatenate([model.prior.sd, model.memory_sd]),
        np.concatenate([model.prior.lower, -free]),
        np.concatenate([model.prior.upper, free]),
    )
