"""What a blueprint says although each line is well formed: names that lead nowhere, doubles, scales upside down."""

from __future__ import annotations

from regard.blueprint.document import Node
from regard.blueprint.model import Blueprint, Impression, Promise, Rule, Scale
from regard.blueprint.parse import Parser, meant
from regard.errors import nearest

SOURCES = ("promise", "wait", "fact", "record", "touch", "felt")
SECTIONS = ("stages", "functions", "channels", "touchpoints", "promises", "scales", "feedback")


def check_sense(parser: Parser, blueprint: Blueprint, document: Node) -> None:
    """Add a finding for everything that cannot be meant, or hardly."""
    _references(parser, blueprint, document)
    _doubles(parser, document)
    _unreached(parser, blueprint)
    _channels(parser, blueprint)
    for scale, line in zip(blueprint.scales, _lines(document, "scales", "id"), strict=False):
        _scale(parser, scale, line)
    for promise in blueprint.promises:
        _promise(parser, promise)
    if document.get("impressions") is not None:
        for impression in blueprint.impressions:
            _impression(parser, impression)
    _numbers(parser, blueprint, document)


def _lines(document: Node, section: str, named: str) -> list[int]:
    """Lines of the items that have a name, in order; those without one were never made."""
    node = document.get(section)
    items = node.items if node is not None else ()
    return [item.line for item in items if item.kind == "scalar" or item.get(named) is not None]


def _references(parser: Parser, blueprint: Blueprint, document: Node) -> None:
    ids = {section: [one.id for one in getattr(blueprint, section)] for section in SECTIONS}
    for section in SECTIONS:  # an item with a mistake is no model, but its id is known
        node = document.get(section)
        for item in node.items if node is not None else ():
            name = item.get("id")
            if name is not None and name.text not in ids[section]:
                ids[section].append(name.text)
    one = {"feedback": "feedback"}
    for ref in parser.references:
        if ref.word not in ids[ref.section]:
            called = one.get(ref.section, ref.section.removesuffix("s"))
            parser.find(ref.line, f"{ref.what}: unknown {called} {ref.word!r}.", meant(ref.word, ids[ref.section]))


def _doubles(parser: Parser, document: Node) -> None:
    for section in (*SECTIONS, "impressions"):
        node = document.get(section)
        named = "kind" if section == "impressions" else "id"
        seen: dict[str, int] = {}
        for item in node.items if node is not None and node.kind == "list" else ():
            name = item if item.kind == "scalar" else item.get(named)
            if name is None or name.kind != "scalar":
                continue
            if name.text in seen:
                problem = f"{section} has {name.text!r} twice, here and on line {seen[name.text]}."
                parser.find(name.line, problem, "Give one of them another name.")
            seen.setdefault(name.text, name.line)


def _unreached(parser: Parser, blueprint: Blueprint) -> None:
    """Touchpoints that an earlier one hides: the same rule, or events that earlier ones take whatever else is said."""
    taken: dict[str, str] = {}
    rules: dict[Rule, str] = {}
    for one in blueprint.touchpoints:
        if one.when is None:
            continue
        events = _events(one.when)
        first = rules.get(one.when) or (taken[events[0]] if events and all(word in taken for word in events) else None)
        if first is not None:
            problem = (
                f"Touchpoint {one.id!r} is never reached: {first!r} stands before it and takes the same interactions."
            )
            parser.find(one.line, problem, "Move it before that one, or say what tells them apart.", severity="warning")
        rules.setdefault(one.when, one.id)
        if one.when.field == "event" and not one.when.negated:
            for word in events:
                taken.setdefault(word, one.id)


def _events(rule: Rule) -> tuple[str, ...]:
    """The events that a rule is limited to, if it is: exact ones only."""
    if rule.negated:
        return ()
    if rule.field == "event" and not any(word.endswith("*") for word in rule.values):
        return rule.values
    return next((found for part in rule.every if (found := _events(part))), ())


def _channels(parser: Parser, blueprint: Blueprint) -> None:
    """A channel need not be declared, but one that nearly is was meant to be."""
    known = [channel.id for channel in blueprint.channels]
    for one in blueprint.touchpoints:
        if one.channel and one.channel not in known and (close := nearest(one.channel, known)):
            parser.find(
                one.line,
                f"Touchpoint {one.id!r} has channel {one.channel!r}, which is not among the channels.",
                f"Did you mean {close!r}? Otherwise declare it.",
                severity="warning",
            )


def _scale(parser: Parser, scale: Scale, line: int) -> None:
    if not scale.low <= scale.detractor_to < scale.promoter_from <= scale.high:
        parser.find(
            line,
            f"Scale {scale.id!r} is not in order: low {scale.low:g}, detractor_to {scale.detractor_to:g}, "
            f"promoter_from {scale.promoter_from:g}, high {scale.high:g}.",
            "low <= detractor_to < promoter_from <= high. Where a low answer is the good one, turn it in the mapping.",
        )


def _promise(parser: Parser, promise: Promise) -> None:
    timed = promise.unit == "time"
    if timed and promise.promised.literal is not None:
        parser.find(promise.line, f"Promise {promise.id!r} promises a time, and {promise.promised.literal!r} is none.",
                    "Read it from a property or with after, or name another unit.")  # fmt: skip
    if timed and promise.due is not None:
        parser.find(promise.line, f"Promise {promise.id!r} is its own deadline and has a due as well.",
                    "Leave due out, or name the unit of what is promised.")  # fmt: skip
    if timed and promise.tolerance:
        parser.find(promise.line, f"Promise {promise.id!r} has a tolerance, which is for numbers.",
                    "Use deadline: day, or promise a later time.")  # fmt: skip
    if timed and not promise.delivered.at and promise.delivered.property is None:
        parser.find(promise.line, f"Promise {promise.id!r} cannot tell when it was delivered.",
                    "delivered: {at: occurred}")  # fmt: skip
    if not timed and promise.delivered.at:
        parser.find(promise.line, f"Promise {promise.id!r} compares {promise.unit}, and delivers a time.",
                    "Say where the value is read: delivered: {property: ...}")  # fmt: skip
    if not timed and promise.promised.after_s is not None:
        parser.find(promise.line, f"Promise {promise.id!r} promises a duration as {promise.unit}.",
                    "Put it under due, or leave unit out.")  # fmt: skip
    if not timed and promise.better == "same" and (promise.exceeded_by is not None or promise.exceeded_estimate):
        parser.find(promise.line, f"Promise {promise.id!r} cannot be exceeded_by: no way of differing is better.",
                    "Add better: higher, or better: lower.")  # fmt: skip
    if promise.due is not None and promise.due.literal is not None:
        parser.find(promise.line, f"Promise {promise.id!r} is due {promise.due.literal!r}, which is no time.",
                    "Read it from a property or with after.")  # fmt: skip


def _impression(parser: Parser, impression: Impression) -> None:
    given = [source for source in SOURCES if getattr(impression, source) is not None]
    if len(given) != 1:
        found = ", ".join(given) or "none"
        parser.find(impression.line, f"Impression {impression.kind!r} has {found} as its source.",
                    f"Exactly one of {', '.join(SOURCES)}.")  # fmt: skip
        return
    if given[0] in ("fact", "record") and impression.on is None:
        parser.find(impression.line, f"Impression {impression.kind!r} needs `on`: the touchpoint that carries it.")
    if given[0] == "felt" and "transaction" in impression.levels and len(impression.levels) == 1:
        parser.find(impression.line, f"Impression {impression.kind!r} would be an input to its own prediction.",
                    "levels: relationship")  # fmt: skip
    if list(impression.knots) != sorted(set(impression.knots)):
        parser.find(impression.line, f"The knots of impression {impression.kind!r} do not rise.", "knots: [0, 3, 7]")


def _numbers(parser: Parser, blueprint: Blueprint, document: Node) -> None:
    shares = (("memory", "floor", blueprint.memory.floor), ("everyone", "alive_over", blueprint.alive_over))
    for section, name, share in shares:
        node = document.get(section)
        if node is not None and not 0 <= share <= 1:
            parser.find(_line_of(node, name), f"{section}'s {name} is a share; this is {share:g}.", "From 0 to 1.")


def _line_of(node: Node, name: str) -> int:
    found = node.get(name)
    return found.line if found is not None else node.line
