"""The published schema is made from the grammar, and agrees with the reader on what is right and wrong."""

import dataclasses
import json
import re
from pathlib import Path

import jsonschema
import pytest
from ruamel.yaml import YAML

from regard.blueprint import model
from regard.blueprint.grammar import BLUEPRINT, FEEDBACK, IMPRESSION, PROMISE, SCALE, TOUCHPOINT
from regard.blueprint.schema import FILE, text

ROOT = Path(__file__).resolve().parents[2]
FILES = [*sorted(ROOT.glob("examples/*/blueprint.yaml")), ROOT / "src" / "regard" / "blueprint" / "template.yaml"]


@pytest.fixture(scope="module")
def validator():
    schema = json.loads(FILE.read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


def test_the_file_is_fresh():
    assert FILE.read_text(encoding="utf-8") == text(), "Run: .venv/bin/python -m regard.blueprint.schema"


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.parent.name)
def test_real_blueprints_fit(validator, path):
    assert [error.message for error in validator.iter_errors(YAML(typ="safe").load(path))] == []


@pytest.mark.parametrize(
    "line",
    [
        "zones: UTC",
        "currency: EURO",
        "live: 1",
        "journeys: {quiet: 30}",
        "touchpoints: [{id: a}]",
        "touchpoints: [{id: a, stage: use, control: mine}]",
        "touchpoints: [{id: a, stage: use, when: {evnt: x}}]",
        "touchpoints: [{id: a, stage: use, when: {}}]",
        "promises: [{id: p, made: {event: a}, kept: {event: b}, promised: {after: 2d, at: occurred}}]",
        "units: [{id: a, children: [{id: b, child: c}]}]",
    ],
)
def test_what_the_reader_refuses_the_schema_refuses(validator, tmp_path, line):
    from regard.blueprint import check

    path = tmp_path / "blueprint.yaml"
    path.write_text(f"name: X\n{line}\n", encoding="utf-8")
    assert list(validator.iter_errors(YAML(typ="safe").load(path)))
    assert check(path)


@pytest.mark.parametrize(
    ("shape", "kind", "apart"),
    [
        (TOUCHPOINT, model.Touchpoint, {"line"}),
        (PROMISE, model.Promise, {"line", "exceeded_estimate"}),
        (SCALE, model.Scale, set()),
        (FEEDBACK, model.Feedback, {"line"}),
        (IMPRESSION, model.Impression, {"line"}),
    ],
    ids=lambda value: getattr(value, "name", None) or getattr(value, "__name__", "apart"),
)
def test_every_attribute_of_the_model_can_be_written(shape, kind, apart):
    attributes = {field.name for field in dataclasses.fields(kind)} - apart
    assert {key.attribute for key in shape.keys} == attributes


def test_every_key_is_in_the_reference_page():
    page = (ROOT / "docs" / "reference" / "blueprint.md").read_text(encoding="utf-8")
    shapes, seen = [BLUEPRINT], []
    while shapes:
        shape = shapes.pop()
        seen.append(shape.name)
        shapes += [key.of for key in shape.keys if key.of is not None]
        for key in shape.keys:
            row = re.search(rf"^\| `{key.name}` \| .* \| {re.escape(key.says)}( \(required\))? \|$", page, re.MULTILINE)
            assert row, f"Every key section, {shape.name}: {key.name} does not say {key.says!r}"
            assert bool(row[1]) == key.required
    assert len(seen) == 18
