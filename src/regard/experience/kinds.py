"""The kinds of impression a blueprint names, each a short sum of bounded terms with stated priors.

    kind "lateness" with knots [0, 3, 7]        step 0|----      -> one weight: late at all
                                                ramp 0..3 |  /--  -> one weight: from on time to three days
                                                ramp 3..7 |   /-  -> one weight: from three days to seven
    kind "contact" (a touch)                    x itself          -> one weight

A ramp runs from 0 to 1 between its ends and is flat outside them, so that its weight is eta gained or lost over it, no
single value can run away with a score, and a prior means the same whatever the unit.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Literal

import ibis
import ibis.expr.types as ir
import numpy as np
from numpy.typing import NDArray

from regard.blueprint import Blueprint, Impression

Floats = NDArray[np.float64]
Shape = Literal["linear", "log", "log1p", "step", "ramp"]
Source = Literal["promise", "overdue", "letter", "exceeded", "wait", "waiting", "fact", "record", "touch", "felt"]

LEAST = 0.01
"""The least that a lapse takes away, and the least that a good rating adds, in eta for each unit: never nothing."""

LATE_KNOTS = (0.0, 1.0, 3.0, 7.0)
STATED: dict[Source, tuple[float, float]] = {
    "promise": (-0.4, 0.7),
    "overdue": (-0.4, 0.7),
    "letter": (-0.8, 0.7),
    "exceeded": (0.4, 0.5),
    "wait": (-0.2, 0.5),
    "waiting": (-0.2, 0.5),
    "fact": (0.0, 0.5),
    "record": (1.0, 1.0),
    "touch": (0.0, 0.3),
    "felt": (0.8, 0.5),
}
"""Prior mean and sd of one term's weight, in eta, where the blueprint states none. A detractor-to-promoter move on a
typical scale is about 4 eta."""
EARLY = (0.0, 0.3)
RECOVERY = (0.3, 0.3)
TRAITS: tuple[Source, ...] = ("wait", "waiting", "fact", "record")
"""What describes a thing rather than happens: it does not fade while the question is about that thing."""
LAPSES: tuple[Source, ...] = ("promise", "overdue", "letter")


@dataclass(frozen=True)
class Term:
    """One weight of a kind.

    shape    : linear (x), log (of x; below 1 it goes on straight, so that 0 has a value), log1p (of a wait: it begins
               at 0), step (x > low), ramp (0 to 1 between low and high).
    mean, sd : prior of its weight. lower, upper : bounds, so that a lapse never helps and a good word never hurts.
    centred  : measured from what is usual here (the mean of the answers fitted on) rather than from zero.
    """

    shape: Shape
    mean: float
    sd: float
    low: float = 0.0
    high: float = 0.0
    lower: float = -np.inf
    upper: float = np.inf
    centred: bool = False

    @property
    def label(self) -> str:
        """The shape and its ends as text, such as "0..3" or ">0"."""
        ends = {"step": f">{self.low:g}", "ramp": f"{self.low:g}..{self.high:g}"}
        return ends.get(self.shape, "" if self.shape == "linear" else "log")

    def of(self, x: Floats) -> Floats:
        """The term's value for each x, before centring."""
        if self.shape == "step":
            return (x > self.low).astype(np.float64)
        if self.shape == "ramp":
            return np.clip((x - self.low) / (self.high - self.low), 0.0, 1.0) - self.at_zero
        if self.shape == "log1p":
            return np.log1p(np.maximum(x, 0.0))
        return np.where(x >= 1, np.log(np.maximum(x, 1.0)), x - 1) if self.shape == "log" else x

    def expression(self, x: ir.FloatingValue) -> ir.FloatingValue:
        """The same, in the engine."""
        if self.shape == "step":
            return (x > self.low).ifelse(1.0, 0.0)
        if self.shape == "ramp":
            along = (x - self.low) / (self.high - self.low)
            return ibis.cases((along <= 0, 0.0), (along >= 1, 1.0), else_=along) - self.at_zero
        if self.shape == "log1p":
            return (1.0 + (x > 0).ifelse(x, 0.0)).ln()
        return (x >= 1).ifelse((x >= 1).ifelse(x, 1.0).ln(), x - 1) if self.shape == "log" else x

    @property
    def at_zero(self) -> float:
        """What a ramp has already run at x = 0, so that what was promised adds nothing."""
        return 0.0 if self.centred else float(np.clip(-self.low / (self.high - self.low), 0.0, 1.0))


@dataclass(frozen=True)
class Kind:
    """A kind of impression.

    name     : as the blueprint has it; a kind with two sides has a second one named with a suffix (.overdue, .waiting).
    code     : its number in tables that are being worked on.
    standing : its x still grows: an open promise that is overdue, a wait that has not ended.
    """

    name: str
    code: int
    source: Source
    spec: Impression
    terms: tuple[Term, ...]
    standing: bool = False

    @property
    def lapse(self) -> bool:
        """Whether a positive x is something that went wrong."""
        return self.source in LAPSES or (self.source == "touch" and self.terms[0].upper < 0)

    def parameter(self, term: Term) -> str:
        """Name of a term's weight, as in the table `models`."""
        return f"{self.name}[{term.label}]" if term.label else self.name


def kinds(blueprint: Blueprint) -> tuple[Kind, ...]:
    """Every kind of impression the blueprint names; where it names none, promises, touchpoints and what was felt.

    Returns : kinds in a fixed order, numbered from 0.
    """
    found: list[Kind] = []
    for spec in _expanded(blueprint):
        for source, name, standing in _sides(spec, blueprint):
            terms = _terms(source, spec, blueprint)
            found.append(Kind(name, len(found), source, spec, terms, standing))
    return tuple(found)


def stated(blueprint: Blueprint) -> tuple[Impression, ...]:
    """The impressions of a blueprint that names none: every promise, every touchpoint, everything felt."""
    promises = [Impression(promise.id, promise=promise.id, carries=True) for promise in blueprint.promises]
    answers = [Impression(f"felt {one.id}", felt=one.id) for one in blueprint.feedback if one.level == "transaction"]
    return (*promises, Impression("touch", touch="*"), *answers)


def _expanded(blueprint: Blueprint) -> list[Impression]:
    """The blueprint's impressions with `touch: "*"` spelt out, and recoveries that it does not name added."""
    named = blueprint.impressions or stated(blueprint)
    taken = {spec.touch for spec in named}
    answers = {one.touchpoint for one in blueprint.feedback}
    result: list[Impression] = []
    for spec in named:
        if spec.touch != "*":
            result.append(spec)
            continue
        free = [point.id for point in blueprint.touchpoints if point.id not in taken | answers]
        result.extend(replace(spec, kind=point, touch=point) for point in free)
        taken |= set(free)
    missing = [point for point in blueprint.recovery if point not in taken]
    return [*result, *(Impression(point, touch=point) for point in missing)]


def _sides(spec: Impression, blueprint: Blueprint) -> list[tuple[Source, str, bool]]:
    if spec.promise is not None:
        promise = next(one for one in blueprint.promises if one.id == spec.promise)
        sides: list[tuple[Source, str, bool]] = [("promise", spec.kind, False)]
        if promise.unit == "time" or promise.due is not None:
            sides.append(("overdue", f"{spec.kind}.overdue", True))
        if promise.letter is not None:
            sides.append(("letter", f"{spec.kind}.letter", False))
        if promise.exceeded is not None:
            sides.append(("exceeded", f"{spec.kind}.exceeded", False))
        return sides
    if spec.wait is not None:
        return [("wait", spec.kind, False), ("waiting", f"{spec.kind}.waiting", True)]
    single: dict[str, str | None] = {"fact": spec.fact, "record": spec.record, "touch": spec.touch, "felt": spec.felt}
    source = next(name for name, value in single.items() if value is not None)
    return [(source, spec.kind, False)]  # type: ignore[list-item]


def _terms(source: Source, spec: Impression, blueprint: Blueprint) -> tuple[Term, ...]:
    mean, sd = STATED[source]
    if source == "touch" and spec.touch in blueprint.recovery:
        mean, sd = RECOVERY
    mean = mean if spec.weight is None or source in ("letter", "exceeded") else spec.weight
    sd = sd if spec.weight_sd is None or source in ("letter", "exceeded") else spec.weight_sd
    upper = -LEAST if source in LAPSES or (source == "touch" and mean < 0) else np.inf
    lower = LEAST if source in ("felt", "exceeded") else -np.inf
    centred = source in ("wait", "fact", "record")
    whole = Term("linear", mean, sd, lower=lower, upper=upper, centred=centred)
    knots = spec.knots
    if source in ("promise", "overdue"):
        if not _in_time(spec, blueprint) and not knots:
            return (replace(whole, shape="step"),)
        knots = knots or LATE_KNOTS
        knots = tuple(knot for knot in knots if knot >= 0) or (0.0, 1.0) if source == "overdue" else knots
    elif source in ("letter", "exceeded", "touch", "felt", "record"):
        return (whole,)
    if not knots:
        shape: Shape = "log1p" if source in ("wait", "waiting") else "log" if spec.transform == "log" else "linear"
        return (replace(whole, shape=shape),)
    return _knotted(whole, knots, source, spread=spec.weight is not None)


def _knotted(whole: Term, knots: tuple[float, ...], source: Source, *, spread: bool) -> tuple[Term, ...]:
    """Ramps between the knots and a step at 0; a weight that the blueprint states is spread over them."""
    step = 0.0 in knots and source in ("promise", "overdue", "waiting")
    late = [pair for pair in pairwise(knots) if source != "promise" or pair[0] >= 0]
    early = [pair for pair in pairwise(knots) if pair not in late]
    mean = whole.mean / (len(late) + step) if spread and late else whole.mean
    whole = replace(whole, mean=mean)
    terms = [replace(whole, shape="step", low=0.0)] if step else []
    terms += [Term("ramp", *EARLY, low=low, high=high) for low, high in early]
    return (*terms, *(replace(whole, shape="ramp", low=low, high=high) for low, high in late))


def _in_time(spec: Impression, blueprint: Blueprint) -> bool:
    return next(one for one in blueprint.promises if one.id == spec.promise).unit == "time"
