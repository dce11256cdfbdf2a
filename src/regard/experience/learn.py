"""Fit a level's score on answers: weights, cut-points and memory, and which of them the answers identify."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from regard.experience.cumulative import TINY, Answers, Prior, covariance, fit, hold, probabilities, residuals
from regard.experience.memory import LEAST_FLOOR, MOST_FLOOR, Memory
from regard.experience.model import Model, features, memory_slopes, usual
from regard.experience.seen import Met

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
IDENTIFIED = 0.8
"""A parameter is identified when its posterior sd has fallen to four fifths of its prior's."""
ROUNDS = 3
DIGITS = 10


@dataclass(frozen=True)
class Said:
    """Answers and what came before each: classes -1, 0, 1, and the number of each one's scale in `model.scales`."""

    met: Met
    classes: Ints
    scale: Ints

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
    return replace(model, theta=theta.round(DIGITS), covariance=joint.round(DIGITS), known=known)


def _weigh(model: Model, said: Said) -> tuple[Model, Floats]:
    """Weights at the memory as it stands; again while the side (loss or gain) of some impression turns."""
    for _ in range(ROUNDS):
        before, columns = model.theta, features(said.met, model)
        model = replace(model, theta=fit(said.with_features(columns, model), model.prior, before))
        if np.array_equal(np.sign(before), np.sign(model.theta)):
            break
    return model, columns


def _remember(model: Model, said: Said, columns: Floats, joint: Floats) -> tuple[Model, Floats, Floats]:
    """Memory and weights in turn; a coordinate that is not identified goes back to its prior."""
    stated = model.stated_memory.point
    known = _identified(model, joint)
    for _ in range(ROUNDS if known.any() else 0):
        model = replace(model, memory=Memory.at(_best_point(model, said, stated)))
        model, columns = _weigh(model, said)
        joint = _joint_covariance(model, said, columns)
        known = _identified(model, joint)
    point = np.where(known, model.memory.point, stated)
    if not np.array_equal(point, model.memory.point):
        model, columns = _weigh(replace(model, memory=Memory.at(point)), said)
        joint = _joint_covariance(model, said, columns)
    return replace(model, known_memory=known), columns, joint


def _best_point(model: Model, said: Said, stated: Floats) -> Floats:
    """Memory of greatest posterior density with the weights as they stand."""
    met, classes, scale = said.met, said.classes, said.scale
    raw = np.zeros(len(met.x))
    for kind in model.kinds:
        mine = met.of_kind.get(kind.code)
        if mine is not None:
            raw[mine] = model.raw(kind, met.x[mine])
    loss = raw < 0
    bases, widths = model.theta[: len(model.scales)], np.exp(model.theta[len(model.scales) : 2 * len(model.scales)])

    def density(z: Floats) -> tuple[float, Floats]:
        memory = Memory.at(stated + z * model.memory_sd)
        eta = bases[scale] + np.bincount(met.ask, raw * memory.of(met.age_s, loss), minlength=met.n)
        by_eta, _ = residuals(eta, widths[scale], classes)
        slopes = memory.slopes(met.age_s, loss) * (raw * by_eta[met.ask])[:, None]
        chance = _chance(eta, widths[scale], classes)
        return 0.5 * float(z @ z) - float(np.log(chance).sum()), z - slopes.sum(0) * model.memory_sd

    ends = np.log(np.array([LEAST_FLOOR, MOST_FLOOR]) / (1 - np.array([LEAST_FLOOR, MOST_FLOOR])))
    bounds = [(-4.0, 4.0), (-4.0, 4.0), tuple((ends - stated[2]) / model.memory_sd[2])]
    start = (model.memory.point - stated) / model.memory_sd
    found = minimize(density, start, jac=True, method="L-BFGS-B", bounds=bounds)
    return np.asarray(stated + found.x * model.memory_sd, dtype=np.float64)


def _chance(eta: Floats, width: Floats, classes: Ints) -> Floats:
    low, passive, high = probabilities(eta, width)
    return np.maximum(np.where(classes < 0, low, np.where(classes > 0, high, passive)), TINY)


def _identified(model: Model, joint: Floats) -> NDArray[np.bool_]:
    return np.asarray(np.sqrt(np.diag(joint))[-3:] <= IDENTIFIED * model.memory_sd)


def _joint_covariance(model: Model, said: Said, columns: Floats) -> Floats:
    """Of theta and the coordinates of memory together."""
    free = np.full(3, np.inf)
    prior = Prior(
        np.concatenate([model.prior.mean, np.zeros(3)]),
        np.concatenate([model.prior.sd, model.memory_sd]),
        np.concatenate([model.prior.lower, -free]),
        np.concatenate([model.prior.upper, free]),
    )
    whole = said.with_features(np.hstack([columns, memory_slopes(said.met, model)]), model)
    return covariance(np.concatenate([model.theta, np.zeros(3)]), whole, prior)
