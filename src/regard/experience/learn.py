"""Fit a level's score on answers: weights, cut-points and memory, and which of them the answers identify."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from regard.experience.cumulative import TINY, Answers, Prior, covariance, fit, hold, probabilities, residuals
from regard.experience.memory import LEAST_FLOOR, MOST_FLOOR, Memory
from regard.experience.model import Model, features, usual
from regard.experience.seen import Met

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
IDENTIFIED = 0.8
"""A parameter is identified when its posterior sd has fallen to four fifths of its prior's."""
ROUNDS = 3
DIGITS = 10


def learn(model: Model, met: Met, classes: Ints, scale: Ints, *, memory: bool) -> Model:
    """The model fitted anew on answers, starting from where it stands.

    met     : what came before each answer. classes : -1, 0, 1. scale : number of the answer's scale in `model.scales`.
    memory  : estimate memory as well, where the answers identify it; else it keeps its value.
    Returns : the model with weights, intervals and what is known; what is not identified stands at its prior.
    """
    model = replace(model, reference=usual(met, model), n_answers=met.n)
    model = _weigh(model, met, classes, scale)
    if memory:
        model = _remember(model, met, classes, scale)
    joint = _joint_covariance(model, met, classes, scale)
    n = len(model.theta)
    sd = np.sqrt(np.diag(joint))
    known = sd[:n] <= IDENTIFIED * model.prior.sd
    theta = model.theta
    if not known.all():
        answers = _answers(model, met, classes, scale)
        theta = fit(answers, hold(model.prior, ~known), np.where(known, theta, model.prior.mean))
    # Rounded beyond any meaning, so that the last bit, which differs from run to run, does not show.
    return replace(model, theta=theta.round(DIGITS), covariance=joint.round(DIGITS), known=known)


def _weigh(model: Model, met: Met, classes: Ints, scale: Ints) -> Model:
    """Weights at the memory as it stands; again while the side (loss or gain) of some impression turns."""
    for _ in range(ROUNDS):
        before = model.theta
        model = replace(model, theta=fit(_answers(model, met, classes, scale), model.prior, before))
        if np.array_equal(np.sign(before), np.sign(model.theta)):
            break
    return model


def _remember(model: Model, met: Met, classes: Ints, scale: Ints) -> Model:
    """Memory and weights in turn; a coordinate that is not identified goes back to its prior."""
    stated = model.stated_memory.point
    if not _identified(model, met, classes, scale).any():
        return replace(
            _weigh(replace(model, memory=Memory.at(stated)), met, classes, scale), known_memory=np.zeros(3, dtype=bool)
        )
    for _ in range(ROUNDS):
        point = _best_point(model, met, classes, scale, stated)
        model = _weigh(replace(model, memory=Memory.at(point)), met, classes, scale)
    known = _identified(model, met, classes, scale)
    if not known.all():
        model = replace(model, memory=Memory.at(np.where(known, model.memory.point, stated)))
        model = _weigh(model, met, classes, scale)
    return replace(model, known_memory=known)


def _best_point(model: Model, met: Met, classes: Ints, scale: Ints, stated: Floats) -> Floats:
    """Memory of greatest posterior density with the weights as they stand."""
    raw = np.zeros(len(met.x))
    for kind in model.kinds:
        mine = met.kind == kind.code
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


def _identified(model: Model, met: Met, classes: Ints, scale: Ints) -> NDArray[np.bool_]:
    sd = np.sqrt(np.diag(_joint_covariance(model, met, classes, scale)))[-3:]
    return np.asarray(sd <= IDENTIFIED * model.memory_sd)


def _joint_covariance(model: Model, met: Met, classes: Ints, scale: Ints) -> Floats:
    """Of theta and the coordinates of memory together."""
    columns, slopes = features(met, model)
    free = np.full(3, np.inf)
    prior = Prior(
        np.concatenate([model.prior.mean, np.zeros(3)]),
        np.concatenate([model.prior.sd, model.memory_sd]),
        np.concatenate([model.prior.lower, -free]),
        np.concatenate([model.prior.upper, free]),
    )
    whole = Answers(np.hstack([columns, slopes]), classes, scale, len(model.scales), np.zeros(met.n))
    return covariance(np.concatenate([model.theta, np.zeros(3)]), whole, prior)


def _answers(model: Model, met: Met, classes: Ints, scale: Ints) -> Answers:
    return Answers(features(met, model)[0], classes, scale, len(model.scales), np.zeros(met.n))
