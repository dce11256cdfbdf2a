"""From a node to a value of the kind the grammar gives it; a mistake becomes a finding and never stops the rest."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from regard.blueprint.document import Entry, Node
from regard.blueprint.durations import ALLOWED as DURATION_ALLOWED
from regard.blueprint.durations import seconds
from regard.blueprint.grammar import RULE_NUMBERS, RULE_PARTS, RULE_TEXT, VALUE_KEYS, Key, Shape
from regard.blueprint.model import Rule, ValueOf
from regard.blueprint.money import exponent, minor_exact
from regard.errors import Finding, SettingError, nearest


class Missing:
    """Stands for a value that could not be read; its finding has been made."""


MISSING = Missing()


@dataclass(frozen=True)
class Reference:
    """A word that must be the id of something in `section`."""

    section: str
    word: str
    line: int
    what: str


@dataclass(frozen=True)
class Ask:
    """A node to be read as a key's kind says; `what` names it in messages."""

    node: Node
    key: Key
    what: str

    def of(self, node: Node) -> Ask:
        """The same for another node: an item of a list, a part of a rule."""
        return Ask(node, self.key, self.what)


@dataclass
class Parser:
    """One reading of a file: values come back from `shape`, findings and references gather here."""

    file: str
    currency: str = "EUR"
    findings: list[Finding] = field(default_factory=list)
    references: list[Reference] = field(default_factory=list)

    def find(self, line: int, problem: str, hint: str | None = None, *, severity: str = "error") -> Missing:
        self.findings.append(Finding(f"{self.file}:{line}", severity, problem, hint))
        return MISSING

    def unknown(self, entry: Entry, where: str, known: list[str]) -> None:
        self.find(entry.line, f"{where} has no key {entry.name!r}.", meant(entry.name, known))

    def shape(self, node: Node, shape: Shape) -> dict[str, object]:
        """The keys of a mapping by the model's attributes, those that were there and could be read."""
        if node.kind == "scalar" and shape.bare:
            node = Node("map", node.line, entries=(Entry(shape.bare, node.line, node),))
        if node.kind != "map":
            wanted = ", ".join(key.name for key in shape.keys)
            self.find(node.line, f"A {shape.name} is keys and values; this is {node.says()}.", f"Allowed: {wanted}.")
            return {}
        self._doubled(node)
        values: dict[str, object] = {}
        names = [key.name for key in shape.keys]
        for entry in node.entries:
            key = shape.key(entry.name)
            if key is None:
                self.unknown(entry, f"A {shape.name}", names)
            elif entry.node.kind != "null":
                value = self.value(
                    Ask(entry.node, key, f"{shape.name}.{key.name}" if shape.name != "blueprint" else key.name)
                )
                if not isinstance(value, Missing):
                    values[key.attribute] = value
        for key in shape.keys:
            given = node.get(key.name)
            if key.required and (given is None or given.kind == "null"):
                self.find(node.line, f"A {shape.name} needs {key.name!r}: {key.says}.")
        return values

    def _doubled(self, node: Node) -> None:
        seen: dict[str, int] = {}
        for entry in node.entries:
            if entry.name in seen:
                self.find(
                    entry.line, f"{entry.name!r} stands here and on line {seen[entry.name]}.", "Keep one of them."
                )
            seen[entry.name] = entry.line

    def value(self, ask: Ask) -> object:
        return PARSERS[ask.key.kind](self, ask)

    def text(self, ask: Ask) -> object:
        if ask.node.kind != "scalar" or not ask.node.text.strip():
            return self.find(ask.node.line, f"{ask.what} is a word or text; this is {ask.node.says()}.")
        return ask.node.text.strip()

    def number(self, ask: Ask) -> object:
        try:
            number = float(ask.node.text) if ask.node.kind == "scalar" else math.nan
        except ValueError:
            number = math.nan
        if not math.isfinite(number):
            return self.find(
                ask.node.line, f"{ask.what} is a number; this is {ask.node.says()}.", "Write it plainly: 4.5"
            )
        return number

    def whole(self, ask: Ask) -> object:
        if ask.node.kind != "scalar" or not ask.node.text.replace("_", "").isdigit():
            return self.find(ask.node.line, f"{ask.what} is a whole number from 0; this is {ask.node.says()}.")
        return int(ask.node.text)

    def flag(self, ask: Ask) -> object:
        if ask.node.kind != "scalar" or ask.node.text.lower() not in ("true", "false"):
            return self.find(ask.node.line, f"{ask.what} is true or false; this is {ask.node.says()}.")
        return ask.node.text.lower() == "true"

    def choice(self, ask: Ask) -> object:
        if ask.node.kind != "scalar" or ask.node.text not in ask.key.choices:
            return self.find(
                ask.node.line, f"{ask.what} cannot be {ask.node.says()}.", meant(ask.node.text, list(ask.key.choices))
            )
        return ask.node.text

    def duration(self, ask: Ask) -> object:
        try:
            return seconds(ask.node.text if ask.node.kind == "scalar" else ask.node.says())
        except SettingError as error:
            problem = f"{ask.what} is a duration; this is {ask.node.says()}."
            return self.find(ask.node.line, problem, error.hint or f"Allowed: {DURATION_ALLOWED}.")

    def money(self, ask: Ask) -> object:
        number = self.number(ask)
        return minor_exact(number, self.currency) if isinstance(number, float) else number

    def zone(self, ask: Ask) -> object:
        try:
            return ZoneInfo(ask.node.text).key
        except (ZoneInfoNotFoundError, ValueError, OSError):
            return self.find(ask.node.line, f"There is no time zone {ask.node.says()}.", zone_meant(ask.node.text))

    def money_code(self, ask: Ask) -> object:
        try:
            exponent(ask.node.text)
        except SettingError as error:
            return self.find(ask.node.line, error.problem, error.hint or f"Allowed: {error.allowed}.")
        return ask.node.text

    def listed(self, ask: Ask, one: Callable[[Ask], object]) -> tuple[object, ...]:
        values = [one(ask.of(item)) for item in (ask.node.items if ask.node.kind == "list" else (ask.node,))]
        return tuple(value for value in values if not isinstance(value, Missing))

    def words(self, ask: Ask) -> object:
        return self.listed(ask, self.text)

    def numbers(self, ask: Ask) -> object:
        return self.listed(ask, self.number)

    def choices(self, ask: Ask) -> object:
        return self.listed(ask, self.choice)

    def ref(self, ask: Ask) -> object:
        word = self.text(ask)
        if isinstance(word, str) and not (ask.key.name == "touch" and word == "*"):
            self.references.append(Reference(ask.key.refers, word, ask.node.line, ask.what))
        return word

    def refs(self, ask: Ask) -> object:
        return self.listed(ask, self.ref)

    def durations(self, ask: Ask) -> object:
        if ask.node.kind != "map":
            return self.find(
                ask.node.line, f"{ask.what} is a source and a duration; this is {ask.node.says()}.", "orders: 2d"
            )
        self._doubled(ask.node)
        read = {entry.name: self.duration(ask.of(entry.node)) for entry in ask.node.entries}
        return {name: value for name, value in read.items() if isinstance(value, float)}

    def threshold(self, ask: Ask) -> object:
        """A number, a duration in seconds, or the word estimate."""
        if ask.node.text == "estimate":
            return "estimate"
        try:
            return float(ask.node.text)
        except ValueError:
            return Span(span) if isinstance(span := self.duration(ask), float) else span

    def node(self, ask: Ask) -> object:
        return ask.node

    def wait(self, ask: Ask) -> object:
        assert ask.key.of is not None
        ends = self.shape(ask.node, ask.key.of)
        return (ends["from"], ends["to"]) if len(ends) == 2 else MISSING

    def value_of(self, ask: Ask) -> object:
        if ask.node.kind != "map" or len(ask.node.entries) != 1:
            return self.find(
                ask.node.line,
                f"{ask.what} is read in one way; this is {ask.node.says()}.",
                "{property: name}, {at: occurred}, {after: 2d} or {literal: to your door}",
            )
        entry = ask.node.entries[0]
        if entry.name not in VALUE_KEYS:
            self.unknown(entry, ask.what, list(VALUE_KEYS))
            return MISSING
        if entry.name == "after":
            after = self.duration(ask.of(entry.node))
            return ValueOf(after_s=after) if isinstance(after, float) else MISSING
        word = self.text(ask.of(entry.node))
        if not isinstance(word, str):
            return MISSING
        if entry.name == "at":
            if word != "occurred":
                return self.find(entry.line, f"{ask.what} cannot be read at {word!r}.", "Allowed: {at: occurred}.")
            return ValueOf(at=True)
        return ValueOf(property=word) if entry.name == "property" else ValueOf(literal=word)

    def rule(self, ask: Ask) -> object:
        if ask.node.kind != "map" or not ask.node.entries:
            return self.find(
                ask.node.line, f"{ask.what} is a rule; this is {ask.node.says()}.", "Write it so: {event: delivered}"
            )
        self._doubled(ask.node)
        parts = [self._part(entry, ask) for entry in ask.node.entries]
        rules = tuple(part for part in parts if isinstance(part, Rule))
        if len(rules) < len(parts):
            return MISSING
        return rules[0] if len(rules) == 1 else Rule(every=rules)

    def _part(self, entry: Entry, ask: Ask) -> object:
        name, node = entry.name, entry.node
        if name in ("all", "any"):
            read = self.listed(ask.of(node), self.rule)
            parts = tuple(part for part in read if isinstance(part, Rule))
            wanted = len(node.items) if node.kind == "list" else 1
            if len(parts) < wanted or not parts:
                return MISSING if parts or wanted else self.find(entry.line, f"{name!r} needs at least one rule.")
            return Rule(every=parts) if name == "all" else Rule(some=parts)
        if name == "not":
            inner = self.rule(ask.of(node))
            return Rule(every=(inner,), negated=True) if isinstance(inner, Rule) else MISSING
        if name in RULE_NUMBERS or (name.startswith("property.") and node.kind == "map"):
            return self._range(entry, ask)
        if name in RULE_TEXT or (name.startswith("property.") and len(name) > len("property.")):
            return self._leaf(entry, ask)
        self.unknown(entry, ask.what, [*RULE_TEXT, *RULE_NUMBERS, "property.NAME", *RULE_PARTS])
        return MISSING

    def _leaf(self, entry: Entry, ask: Ask) -> object:
        words = tuple(word for word in self.listed(ask.of(entry.node), self.text) if isinstance(word, str))
        if not words:
            return (
                MISSING
                if entry.node.kind == "list" and entry.node.items
                else self.find(entry.line, f"{entry.name!r} names nothing.", "Name one value, or a list of values.")
            )
        if entry.name in ("touchpoint", "stage"):
            if ask.what == "touchpoint.when":
                return self.find(entry.line, f"A touchpoint's rule cannot ask for the {entry.name}: it makes it known.")
            self._point(entry, words, ask)
        for word in words:
            if "*" in word[:-1]:
                self.find(
                    entry.line, f"{word!r} has a * before its end.", 'Only a prefix such as "call*" is understood.'
                )
        return Rule(field=entry.name, values=words)

    def _point(self, entry: Entry, words: tuple[str, ...], ask: Ask) -> None:
        section = f"{entry.name}s"
        exact = [word for word in words if not word.endswith("*")]
        self.references += [Reference(section, word, entry.line, f"{ask.what}, {entry.name},") for word in exact]

    def _range(self, entry: Entry, ask: Ask) -> object:
        if entry.node.kind == "scalar":
            number = self.number(ask.of(entry.node))
            return Rule(field=entry.name, low=number, high=number) if isinstance(number, float) else MISSING
        if entry.node.kind != "map" or not entry.node.entries:
            return self.find(entry.line, f"{entry.name!r} is a number or a range.", "Write it so: {from: 4, to: 5}")
        ends: dict[str, float] = {}
        for end in entry.node.entries:
            if end.name not in ("from", "to"):
                self.unknown(end, f"A range of {entry.name}", ["from", "to"])
                return MISSING
            number = self.number(ask.of(end.node))
            if not isinstance(number, float):
                return MISSING
            ends[end.name] = number
        return Rule(field=entry.name, low=ends.get("from"), high=ends.get("to"))


class Span(float):
    """A threshold that was written as a duration, in seconds."""


PARSERS: dict[str, Callable[[Parser, Ask], object]] = {
    "id": Parser.text,
    "word": Parser.text,
    "text": Parser.text,
    "flag": Parser.flag,
    "number": Parser.number,
    "whole": Parser.whole,
    "duration": Parser.duration,
    "durations": Parser.durations,
    "money": Parser.money,
    "zone": Parser.zone,
    "currency": Parser.money_code,
    "words": Parser.words,
    "numbers": Parser.numbers,
    "choice": Parser.choice,
    "choices": Parser.choices,
    "ref": Parser.ref,
    "refs": Parser.refs,
    "rule": Parser.rule,
    "value": Parser.value_of,
    "threshold": Parser.threshold,
    "wait": Parser.wait,
    "item": Parser.node,
    "items": Parser.node,
}


def meant(word: str, known: list[str]) -> str:
    """The nearest known word and all that are allowed, as a hint."""
    close = nearest(word, known)
    start = f"Did you mean {close!r}? " if close else ""
    return f"{start}Allowed: {', '.join(known) or 'none is declared'}."


def zone_meant(word: str) -> str:
    from zoneinfo import available_timezones

    close = nearest(word, available_timezones())
    start = f"Did you mean {close!r}? " if close else ""
    return f"{start}Allowed: an IANA name such as Europe/Paris, or UTC."
