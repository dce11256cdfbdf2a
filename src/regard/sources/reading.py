"""mapping.yaml as text -> `Mapping`, with line numbers and a suggestion for whatever is not understood."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from collections.abc import Mapping as Mapped
from functools import cache
from importlib.resources import files
from pathlib import Path
from zoneinfo import ZoneInfo

from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError

from regard.errors import Finding, MappingError, nearest
from regard.sources.mapping import Mapping
from regard.sources.parsing import Node, parsed

GUIDE = "See docs/reference/mapping.md, or draft one with: regard map FILE"


@cache
def schema() -> dict[str, object]:
    """The published JSON Schema of a mapping."""
    text = (files("regard.sources") / "mapping.schema.json").read_text(encoding="utf-8")
    return dict(json.loads(text))


def read_mapping(path: Path | str) -> Mapping:
    """Read and validate a mapping file.

    Raises : MappingError with the line of the first thing wrong and what was probably meant.
    """
    place = Path(path)
    try:
        text = place.read_text(encoding="utf-8")
    except FileNotFoundError:
        near = nearest(place.name, (other.name for other in place.parent.glob("*.y*ml")))
        hint = f"Did you mean {near!r}?" if near else "Draft one with: regard map FILE > NAME.map.yaml"
        raise MappingError(f"There is no mapping {place}.", hint=hint) from None
    except (OSError, UnicodeDecodeError) as error:
        raise MappingError(f"The mapping {place} cannot be read.", found=str(error), hint=GUIDE) from error
    return mapping_of(text, name=place.name)


def mapping_of(text: str, *, name: str = "mapping") -> Mapping:
    """A mapping from its text; see `read_mapping`."""
    document = loaded(text, name)
    for finding in structure(document, name=name):
        raise MappingError(f"{finding.where}: {finding.problem}", hint=finding.hint or GUIDE)
    mapping = parsed(Node(document), name=name, digest=hashlib.sha256(text.encode()).hexdigest())
    for finding in _zone(mapping, document):
        raise MappingError(f"{finding.where}: {finding.problem}", hint=finding.hint)
    return mapping


def structure(
    document: object, *, name: str, follows: dict[str, object] | None = None, whole: str = "the mapping"
) -> Iterator[Finding]:
    """What in a loaded document does not follow the schema, one finding each, in the order of the file.

    follows, whole : another schema than a mapping's, and what is described by it.
    """
    errors = [_deepest(error) for error in Draft202012Validator(follows or schema()).iter_errors(document)]
    for error in sorted(errors, key=lambda error: _line(document, error)):
        yield _said(error, f"{name}:{_line(document, error)}", whole)


def known_zone(zone: str) -> bool:
    """Whether there is a time zone of that name."""
    try:
        ZoneInfo(zone)
    except (ValueError, OSError, KeyError):
        return False
    return True


def loaded(text: str, name: str) -> object:
    """The document of a mapping file, which knows its lines.

    Raises : MappingError if it is not YAML.
    """
    try:
        document: object = YAML(typ="rt").load(text)
    except MarkedYAMLError as error:
        mark = error.problem_mark
        line = mark.line + 1 if mark else 1
        raise MappingError(f"{name}:{line}: this is not YAML.", found=str(error.problem), hint=GUIDE) from error
    if not isinstance(document, Mapped):
        raise MappingError(f"{name}:1: a mapping is a list of `name: value` lines.", hint=GUIDE)
    return document


def _zone(mapping: Mapping, document: object) -> Iterator[Finding]:
    if mapping.zone is not None and not known_zone(mapping.zone):
        yield zone_finding(mapping.zone, f"{mapping.path}:{Node(document).line('zone')}")


def zone_finding(zone: str, where: str) -> Finding:
    """What is said of a zone that is not one."""
    from zoneinfo import available_timezones

    near = nearest(zone, available_timezones())
    hint = f"Did you mean {near!r}?" if near else "Use an IANA name such as Europe/Paris, or UTC."
    return Finding(where, "error", f"There is no time zone {zone!r}.", hint)


def _deepest(error: ValidationError) -> ValidationError:
    """Of the alternatives of an `anyOf`, the complaint of the one that was probably meant."""
    while error.context:
        fitting = [one for one in error.context if not (one.validator == "type" and len(one.relative_path) == 0)]
        if not fitting:
            return error
        error = max(fitting, key=lambda one: len(one.relative_path))
    return error


def _said(error: ValidationError, where: str, whole: str) -> Finding:
    path = [str(part) for part in error.absolute_path if not isinstance(part, int)]
    inside = f"`{path[-1]}`" if path else whole
    if error.validator == "additionalProperties":
        known = list(error.schema.get("properties", {}))
        unknown = next(key for key in error.instance if key not in known)
        near = nearest(str(unknown), known)
        hint = f"Did you mean {near!r}?" if near else f"Allowed here: {', '.join(known)}."
        return Finding(where, "error", f"{inside} has no field {unknown!r}.", hint)
    if error.validator == "enum":
        allowed = [str(one) for one in error.validator_value]
        near = nearest(str(error.instance), allowed)
        hint = (f"Did you mean {near!r}? " if near else "") + f"Allowed: {', '.join(map(repr, allowed))}."
        return Finding(where, "error", f"{inside} cannot be {str(error.instance)!r}.", hint)
    if error.validator == "required":
        missing = next(key for key in error.validator_value if key not in error.instance)
        return Finding(where, "error", f"{inside} lacks the field {missing!r}.", f"Add a line `{missing}: ...`.")
    if error.validator == "pattern" and "aggregate" in path:
        hint = "Write count, or one of sum, min, max, mean, first, list, distinct and a column: `sum price`."
        return Finding(where, "error", f"{inside} cannot be {error.instance!r}.", hint)
    says = error.schema.get("description") if isinstance(error.schema, Mapped) else None
    return Finding(where, "error", f"{inside} cannot be {error.instance!r}.", f"It is {says}." if says else None)


def _line(document: object, error: ValidationError) -> int:
    node, line = document, 1
    for part in error.absolute_path:
        line = Node(node).line(part)
        node = node[part]  # type: ignore[index]
    if error.validator == "additionalProperties" and isinstance(error.instance, Mapped):
        known = error.schema.get("properties", {})
        unknown = next((key for key in error.instance if key not in known), None)
        line = Node(node).line(unknown) if unknown is not None else line
    return line
