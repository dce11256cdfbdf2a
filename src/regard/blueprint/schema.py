"""The JSON Schema of blueprint.yaml, for editors: made from the grammar, so that the two cannot differ.

`python -m regard.blueprint.schema` writes it anew.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from regard.blueprint.durations import PATTERN
from regard.blueprint.grammar import BLUEPRINT, RULE_NUMBERS, RULE_PARTS, RULE_TEXT, UNIT, VALUE_KEYS, Key, Shape
from regard.blueprint.money import EXPONENTS

Json = dict[str, object]

FILE = Path(__file__).with_name("blueprint.schema.json")
WORD: Json = {"type": ["string", "number", "boolean"]}
NUMBER: Json = {"type": "number"}
DURATION: Json = {"type": "string", "pattern": f"^{PATTERN}$", "examples": ["30m", "2d", "26w"]}


def schema() -> Json:
    """The schema as JSON values (draft 2020-12)."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "https://regard.example/blueprint.schema.json",
        "title": "A blueprint of Regard",
        **_shape(BLUEPRINT),
        "$defs": {"rule": _rule(), "value": _value(), "unit": _shape(UNIT)},
    }


def text() -> str:
    """The schema as the file holds it."""
    return json.dumps(schema(), indent=1, ensure_ascii=False) + "\n"


def _shape(shape: Shape) -> Json:
    return {
        "description": shape.says,
        "type": "object",
        "properties": {key.name: _key(key) for key in shape.keys},
        "required": [key.name for key in shape.keys if key.required],
        "additionalProperties": False,
    }


def _key(key: Key) -> Json:
    return {"description": key.says, **KINDS[key.kind](key)}


def _one_or_many(one: Json) -> Json:
    return {"anyOf": [one, {"type": "array", "items": one}]}


def _items(key: Key) -> Json:
    shape = key.of
    item: Json = {"$ref": "#/$defs/unit"} if shape is None or shape is UNIT else _shape(shape)
    bare = shape is None or bool(shape.bare)
    return {"type": "array", "items": {"anyOf": [{"type": "string"}, item]} if bare else item}


def _item(key: Key) -> Json:
    assert key.of is not None
    return _shape(key.of)


KINDS: dict[str, Callable[[Key], Json]] = {
    "id": lambda _: {"type": ["string", "number"]},
    "word": lambda _: WORD,
    "text": lambda _: WORD,
    "flag": lambda _: {"type": "boolean"},
    "number": lambda _: NUMBER,
    "whole": lambda _: {"type": "integer", "minimum": 0},
    "duration": lambda _: DURATION,
    "durations": lambda _: {"type": "object", "additionalProperties": DURATION},
    "money": lambda _: NUMBER,
    "zone": lambda _: {"type": "string", "examples": ["Europe/Paris", "UTC"]},
    "currency": lambda _: {"type": "string", "enum": sorted(EXPONENTS)},
    "words": lambda _: _one_or_many(WORD),
    "numbers": lambda _: _one_or_many(NUMBER),
    "choice": lambda key: {"type": "string", "enum": list(key.choices)},
    "choices": lambda key: _one_or_many({"type": "string", "enum": list(key.choices)}),
    "ref": lambda _: WORD,
    "refs": lambda _: _one_or_many(WORD),
    "rule": lambda _: {"$ref": "#/$defs/rule"},
    "value": lambda _: {"$ref": "#/$defs/value"},
    "threshold": lambda _: {"anyOf": [NUMBER, DURATION, {"const": "estimate"}]},
    "wait": _item,
    "item": _item,
    "items": _items,
}


def _rule() -> Json:
    rule: Json = {"$ref": "#/$defs/rule"}
    span: Json = {
        "anyOf": [
            NUMBER,
            {
                "type": "object",
                "properties": {"from": NUMBER, "to": NUMBER},
                "minProperties": 1,
                "additionalProperties": False,
            },
        ]
    }
    words = {name: {"description": says, **_one_or_many(WORD)} for name, says in RULE_TEXT.items()}
    numbers = {name: {"description": says, **span} for name, says in RULE_NUMBERS.items()}
    parts = {
        name: {"description": says, **(rule if name == "not" else _one_or_many(rule))}
        for name, says in RULE_PARTS.items()
    }
    return {
        "description": "Which interactions are meant: several keys are all of them, a list is any of its values, "
        '"word*" is a prefix, "*" anything.',
        "type": "object",
        "properties": {**words, **numbers, **parts},
        "patternProperties": {r"^property\..+": {"anyOf": [*_any(_one_or_many(WORD)), *_any(span)]}},
        "minProperties": 1,
        "additionalProperties": False,
    }


def _any(either: Json) -> list[object]:
    found = either["anyOf"]
    assert isinstance(found, list)
    return found


def _value() -> Json:
    kinds: dict[str, Json] = {"property": WORD, "at": {"const": "occurred"}, "after": DURATION, "literal": WORD}
    return {
        "description": "Where a value is read, in exactly one way.",
        "type": "object",
        "properties": {name: {"description": says, **kinds[name]} for name, says in VALUE_KEYS.items()},
        "minProperties": 1,
        "maxProperties": 1,
        "additionalProperties": False,
    }


if __name__ == "__main__":
    FILE.write_text(text(), encoding="utf-8")
