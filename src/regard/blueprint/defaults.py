"""What a blueprint means where it says nothing."""

from __future__ import annotations

from collections.abc import Sequence

from regard.blueprint.model import Feedback, Impression, Promise, Rule, Stage, Touchpoint

STAGES = (
    Stage("awareness", "Awareness"),
    Stage("discovery", "Discovery"),
    Stage("attraction", "Attraction"),
    Stage("interaction", "Interaction"),
    Stage("purchase", "Purchase"),
    Stage("use", "Use"),
    Stage("cultivation", "Cultivation"),
    Stage("advocacy", "Advocacy"),
    Stage("disengagement", "Disengagement"),
)
DAY_S = 86_400.0
KNOTS = (0.0, 3.0, 7.0)


def impressions(
    touchpoints: Sequence[Touchpoint], promises: Sequence[Promise], feedback: Sequence[Feedback]
) -> tuple[Impression, ...]:
    """The impressions of a blueprint that names none: every promise, our touchpoints, what was felt of transactions.

    Touchpoints of ours are the recorded ones that we own or influence; one that is itself the answer to a question is
    left out, since an answer is never an input to its own prediction. Lateness bends at 0, 3 and 7 days; a promise of
    less than a day counts in its own length.
    """
    kept = [
        Impression(f"promise_{one.id}", promise=one.id, unit_s=_unit_s(one), knots=KNOTS if one.unit == "time" else ())
        for one in promises
    ]
    answers = {one.when for one in feedback}
    asked = {word for rule in answers for word in _points(rule)}
    ours = [
        Impression(f"touch_{one.id}", touch=one.id)
        for one in touchpoints
        if one.when is not None and one.control != "uncontrolled" and one.when not in answers and one.id not in asked
    ]
    felt = [
        Impression(f"felt_{one.id}", felt=one.id, levels=("relationship",))
        for one in feedback
        if one.level == "transaction"
    ]
    return (*kept, *ours, *felt)


def _points(rule: Rule) -> tuple[str, ...]:
    """The touchpoints that a rule names."""
    own = rule.values if rule.field == "touchpoint" else ()
    return (*own, *(word for part in (*rule.every, *rule.some) for word in _points(part)))


def _unit_s(promise: Promise) -> float:
    within = promise.promised.after_s
    return min(within, DAY_S) if within else DAY_S


def label(name: str) -> str:
    """An id in plain words.

    >>> label("service_call")
    'Service call'
    """
    words = name.replace("_", " ").replace("-", " ").strip()
    return words[:1].upper() + words[1:]
