"""The fitted score of one level: what each kind of impression weighs, how long it lasts, and how sure that is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import ibis
import ibis.expr.types as ir
import numpy as np
from numpy.typing import NDArray

from regard.blueprint import Blueprint
from regard.experience.cumulative import Prior
from regard.experience.kinds import Floats, Kind, Term
from regard.experience.memory import Memory, prior_sd

BASE, BASE_SD, WIDTH, WIDTH_SD = 1.0, 1.5, 0.0, 0.7
"""Prior of a scale's base (eta of a person without impressions; about +40 in net rating) and log width of "passive"."""
STATED_SCALE = "stated"
"""The scale of a level on which nobody is asked: its cut-points are the prior's."""
FEWEST = 30
"""Fewer answers do not calibrate a score, whatever its prior."""
Z90 = 1.6448536269514722


@dataclass(frozen=True)
class Model:
    """A level's score.

    scales      : scales in use, the printed one first. theta : bases, log widths (one each a scale), then weights.
    reference   : what is usual, one entry a weight (0 where a term counts from zero).
    covariance  : of theta and the coordinates of memory. prior : of theta.
    known       : which of theta the answers identify; known_memory : which of memory.
    person_var, account_var : variance of what people and accounts say beyond what their impressions explain.
    reach       : the least and the most of each term that answers had met (`reach.py`).
    n_answers, until_ms : what it was fitted on; 0 and None on stated priors.
    """

    level: str
    kinds: tuple[Kind, ...]
    scales: tuple[str, ...]
    theta: Floats
    reference: Floats
    memory: Memory
    stated_memory: Memory
    covariance: Floats
    prior: Prior
    memory_sd: Floats
    known: NDArray[np.bool_]
    known_memory: NDArray[np.bool_]
    person_var: float
    account_var: float
    reach: tuple[Floats, Floats]
    n_answers: int = 0
    until_ms: int | None = None

    @cached_property
    def slots(self) -> tuple[tuple[Kind, Term], ...]:
        """The terms in the order of the weights."""
        return tuple((kind, term) for kind in self.kinds for term in kind.terms)

    @cached_property
    def span(self) -> Mapping[int, slice]:
        """Where a kind's weights stand, by its code."""
        found, start = {}, 0
        for kind in self.kinds:
            found[kind.code] = slice(start, start + len(kind.terms))
            start += len(kind.terms)
        return found

    @property
    def weights(self) -> Floats:
        """The weights, in the order of `slots`."""
        return self.theta[2 * len(self.scales) :]

    @property
    def base(self) -> float:
        """Eta of somebody without impressions, on the printed scale."""
        return float(self.theta[0])

    @property
    def width(self) -> float:
        """The width of "passive" on the printed scale, in eta."""
        return float(np.exp(self.theta[len(self.scales)]))

    @property
    def calibrated(self) -> bool:
        """Whether customers' answers, and not stated priors, set its level."""
        return bool(self.n_answers >= FEWEST and self.known[0])

    def parameters(self) -> list[str]:
        """Names of theta, then of memory."""
        names = [f"base.{scale}" for scale in self.scales] + [f"log_width.{scale}" for scale in self.scales]
        return [*names, *(kind.parameter(term) for kind, term in self.slots), *self.memory.names]

    def raw(self, kind: Kind, x: Floats) -> Floats:
        """Each impression's eta before memory."""
        weights, usual = self.weights[self.span[kind.code]], self.reference[self.span[kind.code]]
        return sum((w * (t.of(x) - r) for w, t, r in zip(weights, kind.terms, usual, strict=True)), np.zeros(len(x)))

    def eta(self, kind: ir.IntegerValue, x: ir.FloatingValue) -> ir.FloatingValue:
        """The same as `raw`, in the engine, for rows of any kind."""
        plain, branches = [], []
        for one in self.kinds:
            terms = zip(self.weights[self.span[one.code]], one.terms, self.reference[self.span[one.code]], strict=True)
            value = sum((float(w) * (t.expression(x) - float(r)) for w, t, r in terms), ibis.literal(0.0))
            if [t.shape for t in one.terms] == ["linear"] and not self.reference[self.span[one.code]].any():
                plain.append((kind == one.code, ibis.literal(float(self.weights[self.span[one.code]][0]))))
            else:
                branches.append((kind == one.code, value))
        rest = x * ibis.cases(*plain, else_=0.0) if plain else ibis.literal(0.0)
        return ibis.cases(*branches, else_=rest) if branches else rest


def stated(level: str, kinds: Sequence[Kind], blueprint: Blueprint) -> Model:
    """The score before anybody has answered: the blueprint's priors, or ours where it states none."""
    mine = tuple(
        kind for kind in kinds if level in kind.spec.levels and (level != "transaction" or kind.source != "felt")
    )
    asked = [one.scale for one in blueprint.feedback if one.level == level]
    scales = tuple(dict.fromkeys(asked)) or (STATED_SCALE,)
    terms = [term for kind in mine for term in kind.terms]
    n, k = len(scales), len(terms)
    free = np.full(2 * n, np.inf)
    prior = Prior(
        np.array([BASE] * n + [WIDTH] * n + [term.mean for term in terms]),
        np.array([BASE_SD] * n + [WIDTH_SD] * n + [term.sd for term in terms]),
        np.concatenate([-free, [term.lower for term in terms]]),
        np.concatenate([free, [term.upper for term in terms]]),
    )
    prior = replace(prior, mean=np.clip(prior.mean, prior.lower, prior.upper))
    memory_sd = prior_sd(blueprint.memory)
    return Model(
        level=level,
        kinds=mine,
        scales=scales,
        theta=prior.mean.copy(),
        reference=np.zeros(k),
        memory=Memory.stated(blueprint.memory),
        stated_memory=Memory.stated(blueprint.memory),
        covariance=np.diag(np.concatenate([prior.sd, memory_sd]) ** 2),
        prior=prior,
        memory_sd=memory_sd,
        known=np.zeros(2 * n + k, dtype=bool),
        known_memory=np.zeros(len(memory_sd), dtype=bool),
        person_var=PERSON_VAR,
        account_var=ACCOUNT_VAR,
        reach=(np.zeros(k), np.zeros(k)),
    )


PERSON_VAR, ACCOUNT_VAR = 0.5, 0.1
"""Prior variance of what a person, and an account, says beyond what their impressions explain (eta squared)."""


def rows_of(model: Model) -> list[dict[str, object]]:
    """The model as rows of the table `models`, for people to read; `fits.save` keeps the whole of it."""
    name = f"score.{model.level}"
    values = np.concatenate([model.theta, model.memory.values])
    sd = np.sqrt(np.diag(model.covariance))
    known = np.concatenate([model.known, model.known_memory])
    rows: list[dict[str, object]] = []
    for place, parameter in enumerate(model.parameters()):
        low, high = _ends(place - len(model.theta), values[place], sd[place])
        rows.append(
            _row(name, parameter, values[place], low, high, _status(model, bool(known[place])), _says(parameter))
        )
    fitted = "estimated" if model.n_answers else "stated"
    variances = ("person_var", model.person_var, PERSON_VAR), ("account_var", model.account_var, ACCOUNT_VAR)
    for parameter, value, prior in variances:
        status = "not identified" if model.n_answers and value == prior else fitted
        rows.append(_row(name, parameter, value, None, None, status, _says(parameter)))
    rows.append(_row(name, "n_answers", float(model.n_answers), None, None, "estimated", "answers it was fitted on"))
    return rows


def _row(
    model: str, parameter: str, value: float | None, low: float | None, high: float | None, status: str, says: str
) -> dict[str, object]:
    return {
        "model": model,
        "parameter": parameter,
        "value": None if value is None else float(value),
        "low": low,
        "high": high,
        "status": status,
        "says": says,
    }


def _ends(memory_place: int, value: float, sd: float) -> tuple[float, float]:
    """The 90 % interval, in the coordinates in which the parameter is normal."""
    if memory_place < 0:
        return float(value - Z90 * sd), float(value + Z90 * sd)
    if memory_place != 2:
        return float(value * np.exp(-Z90 * sd)), float(value * np.exp(Z90 * sd))
    middle = np.log(value / (1 - value))
    return float(1 / (1 + np.exp(Z90 * sd - middle))), float(1 / (1 + np.exp(-Z90 * sd - middle)))


def _status(model: Model, known: bool) -> str:
    if not model.n_answers:
        return "stated"
    return "estimated" if known else "not identified"


def _says(parameter: str) -> str:
    meaning = {
        "memory.loss_s": "seconds after which what fades of a loss has fallen to 1/e",
        "memory.gain_s": "seconds after which what fades of a gain has fallen to 1/e",
        "memory.floor": "part of an impression that never fades, 0 to 1",
        "memory.worst": "times by which the worst impression before a question counts for more than its share",
        "memory.best": "times by which the best impression before a question counts for more than its share",
        "memory.last": "times by which the last impression before a question counts for more than its share",
        "person_var": "variance of what people say beyond what their impressions explain, eta squared",
        "account_var": "variance of what accounts say beyond what impressions explain, eta squared",
    }
    if parameter.startswith("base."):
        return "eta of somebody without impressions, on this scale"
    if parameter.startswith("log_width."):
        return "log of the width of 'passive' on this scale; its cut-points are at minus and plus half of it, in eta"
    return meaning.get(parameter, "eta for one unit of it, at the moment it was made")
