"""What things are called on a page: the blueprint's labels for the ids that stand in tables."""

from __future__ import annotations

from regard.blueprint import Blueprint
from regard.board import Segment
from regard.web.words import sentence

SIDES = {
    "overdue": "still owed",
    "letter": "kept in letter only",
    "exceeded": "better than promised",
    "waiting": "still waiting",
}

RESTING = {"base": "Where everyone starts", "person": "What this person says beyond it", "account": "Their account"}


def kind(blueprint: Blueprint, name: str) -> str:
    """A kind of impression: the label of its touchpoint or promise, else its own name."""
    if name in ("base", "person", "account"):
        return {
            "base": "Where everyone starts",
            "person": "What this person says beyond it",
            "account": "Their account",
        }[name]
    plain, dot, side = name.rpartition(".")
    if not dot or side not in SIDES:
        plain, side = name, ""
    touched = {one.kind: one.touch for one in blueprint.impressions if one.touch and one.touch != "*"}
    labels = {one.id: one.label for one in blueprint.promises} | {one.id: one.label for one in blueprint.touchpoints}
    label = labels.get(touched.get(plain, plain), sentence(plain))
    return f"{label}, {SIDES[side]}" if side else label


def touchpoint(blueprint: Blueprint, name: object, event: object = None) -> str:
    """A touchpoint's label, else the event in its source's word."""
    labels = {one.id: one.label for one in blueprint.touchpoints}
    if isinstance(name, str):
        return labels.get(name, sentence(name))
    return sentence(event) if event is not None else "Something"


def promise(blueprint: Blueprint, name: object) -> str:
    """A promise's label."""
    return {one.id: one.label for one in blueprint.promises}.get(str(name), sentence(name))


def function(blueprint: Blueprint, name: object) -> str:
    """A department's label."""
    labels = {one.id: one.label for one in blueprint.functions}
    return labels.get(str(name), sentence(name)) if name is not None else "no function named"


def stage(blueprint: Blueprint, name: object) -> str:
    """A stage's label."""
    return {one.id: one.label for one in blueprint.stages}.get(str(name), sentence(name)) if name else "no stage named"


def segment(blueprint: Blueprint, one: Segment) -> str:
    """A segment at the start of a sentence: "Customers", "The quiet", "Customers of account-3"."""
    if one.kind == "everyone":
        return "Customers"
    if one.kind in ("answered", "quiet"):
        return "Those who answered" if one.kind == "answered" else "The quiet ones"
    units = {unit.id: unit.label for unit in blueprint.units}
    channels = {channel.id: channel.label for channel in blueprint.channels}
    if one.kind == "account":
        return f"People at {one.name}"
    if one.kind == "unit":
        return f"Customers in {units.get(str(one.name), one.name)}"
    return f"Customers who use {channels.get(str(one.name), one.name)}"
