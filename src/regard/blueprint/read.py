"""From blueprint.yaml to a `Blueprint`, with every mistake found at once and the line it stands on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TypeVar, cast

from regard.blueprint import defaults
from regard.blueprint.document import Node, load
from regard.blueprint.grammar import BLUEPRINT, HANDLE, UNIT, Key, Shape
from regard.blueprint.model import (
    Blueprint,
    Channel,
    Feedback,
    Function,
    Handle,
    Impression,
    JourneySettings,
    Memory,
    Promise,
    Scale,
    ScoreSettings,
    Stage,
    Touchpoint,
    Unit,
    ValueOf,
    ValueSettings,
)
from regard.blueprint.money import EXPONENTS
from regard.blueprint.parse import Parser, Span
from regard.blueprint.sense import check_sense
from regard.errors import BlueprintError, Finding

SHOWN = 20
Item = TypeVar("Item")
Values = dict[str, object]


def read(path: Path | str) -> Blueprint:
    """The blueprint in a file.

    path   : blueprint.yaml.
    Raises : BlueprintError with every mistake, its file and line, and the nearest right word.
    """
    blueprint, findings = _read(Path(path))
    errors = [finding for finding in findings if finding.severity == "error"]
    if blueprint is None or errors:
        raise BlueprintError(_message(Path(path), errors), hint="Mend these lines, then run `regard check`.")
    return blueprint


def check(path: Path | str) -> list[Finding]:
    """All that is wrong or doubtful in a blueprint, in the order of its lines; an empty list when nothing is.

    Raises : BlueprintError if the file cannot be opened.
    """
    _, findings = _read(Path(path))
    return sorted(findings, key=lambda finding: int(finding.where.rpartition(":")[2]))


def _message(path: Path, errors: list[Finding]) -> str:
    lines = [f"  {one.where}: {one.problem}" + (f" {one.hint}" if one.hint else "") for one in errors[:SHOWN]]
    more = [f"  ... and {len(errors) - SHOWN} more"] if len(errors) > SHOWN else []
    count = "one mistake" if len(errors) == 1 else f"{len(errors)} mistakes"
    return "\n".join([f"{path} has {count}.", *lines, *more])


def _read(path: Path) -> tuple[Blueprint | None, list[Finding]]:
    document = load(path)
    if isinstance(document, Finding):
        return None, [document]
    parser = Parser(path.name)
    if document.kind == "null":
        parser.find(1, "The file is empty.", "Begin with `name: Your organisation`, or run `regard init NAME`.")
        return None, parser.findings
    currency = document.get("currency")
    parser.currency = currency.text if currency is not None and currency.text in EXPONENTS else "EUR"
    values = parser.shape(document, BLUEPRINT)
    blueprint = _build(parser, values)
    check_sense(parser, blueprint, document)
    return blueprint, parser.findings


def _build(parser: Parser, values: Values) -> Blueprint:
    def items(section: str, make: Callable[[Values, int], Item | None]) -> tuple[Item, ...]:
        key = cast(Key, BLUEPRINT.key(section))
        made = [make(read, line) for read, line in _items(parser, values.get(section), cast(Shape, key.of))]
        return tuple(one for one in made if one is not None)

    stages = items("stages", lambda read, _: _named(Stage, read)) or defaults.STAGES
    touchpoints = items("touchpoints", _touchpoint)
    functions = items("functions", lambda read, _: _named(Function, read))
    promises = items("promises", lambda read, line: _promise(parser, read, line))
    feedback = items("feedback", lambda read, line: _make(Feedback, read, line, ("id", "level", "when", "scale")))
    impressions = items("impressions", lambda read, line: _make(Impression, read, line, ("kind",)))
    everyone = _item(parser, values, "everyone")
    identity = _item(parser, values, "identity")
    plain: Values = {
        name: values[name] for name in ("zone", "currency", "live", "recovery", "freshness") if name in values
    }
    handles = tuple(_handles(parser, identity.pop("handles", None)))
    rest: Values = {**plain, **everyone, **identity}
    return Blueprint(
        name=str(values.get("name", "")),
        stages=stages,
        functions=functions or _implied(touchpoints),
        channels=items("channels", lambda read, _: _named(Channel, read)),
        units=tuple(_units(parser, values.get("units"), None)),
        handles=handles,
        touchpoints=touchpoints,
        promises=tuple(_owned(one, touchpoints) for one in promises),
        scales=items("scales", lambda read, _: _make(Scale, read, 0, ("id", "low", "high", *CUTS))),
        feedback=feedback,
        impressions=impressions if "impressions" in values else defaults.impressions(touchpoints, promises, feedback),
        journeys=JourneySettings(**_item(parser, values, "journeys")),  # type: ignore[arg-type]
        memory=Memory(**_item(parser, values, "memory")),  # type: ignore[arg-type]
        score=ScoreSettings(**_item(parser, values, "score")),  # type: ignore[arg-type]
        value=ValueSettings(**_item(parser, values, "value")),  # type: ignore[arg-type]
        **rest,  # type: ignore[arg-type]
    )


CUTS = ("detractor_to", "promoter_from")


def _items(parser: Parser, node: object, shape: Shape) -> Iterator[tuple[Values, int]]:
    if not isinstance(node, Node):
        return
    if node.kind != "list":
        parser.find(node.line, f"Here a list of {shape.name}s is expected; this is {node.says()}.", "- {id: ...}")
        return
    for item in node.items:
        yield parser.shape(item, shape), item.line


def _item(parser: Parser, values: Values, section: str) -> Values:
    node, key = values.get(section), cast(Key, BLUEPRINT.key(section))
    return parser.shape(node, cast(Shape, key.of)) if isinstance(node, Node) else {}


def _named(kind: Callable[..., Item], values: Values) -> Item | None:
    if "id" not in values:
        return None
    values.setdefault("label", defaults.label(str(values["id"])))
    return kind(**values)


def _make(kind: Callable[..., Item], values: Values, line: int, needed: tuple[str, ...]) -> Item | None:
    if any(name not in values for name in needed):
        return None
    return kind(**values, line=line) if line else kind(**values)


def _touchpoint(values: Values, line: int) -> Touchpoint | None:
    if "id" not in values or "stage" not in values:
        return None
    values.setdefault("label", defaults.label(str(values["id"])))
    values.setdefault("when", None)
    return _make(Touchpoint, values, line, ("id", "stage"))


def _promise(parser: Parser, values: Values, line: int) -> Promise | None:
    values.setdefault("delivered", ValueOf(at=True))
    threshold = values.pop("exceeded_by", None)
    if threshold == "estimate":
        values["exceeded_estimate"] = True
    elif threshold is not None:
        timed = values.get("unit", "time") == "time"
        if timed != isinstance(threshold, Span):
            wanted = 'a duration such as "2d"' if timed else "a number in the promise's unit"
            parser.find(line, f"exceeded_by of this promise is {wanted}.", "Or: exceeded_by: estimate")
        else:
            values["exceeded_by"] = float(cast(float, threshold))
    values.setdefault("label", defaults.label(str(values.get("id", ""))))
    return _make(Promise, values, line, ("id", "made", "kept", "promised"))


def _owned(promise: Promise, touchpoints: tuple[Touchpoint, ...]) -> Promise:
    """The promise with its touchpoint's function and owner, where it names none."""
    touchpoint = next((one for one in touchpoints if one.id == promise.touchpoint), None)
    if touchpoint is None:
        return promise
    return replace(promise, function=promise.function or touchpoint.function, owner=promise.owner or touchpoint.owner)


def _implied(touchpoints: tuple[Touchpoint, ...]) -> tuple[Function, ...]:
    """Functions that touchpoints name, where the file declares none."""
    names = dict.fromkeys(one.function for one in touchpoints if one.function)
    return tuple(Function(name, defaults.label(name)) for name in names)


def _units(parser: Parser, node: object, parent: str | None) -> Iterator[Unit]:
    for values, _ in _items(parser, node, UNIT):
        children = values.pop("children", None)
        if "id" in values:
            name = str(values["id"])
            yield Unit(name, str(values.get("label", defaults.label(name))), parent)
            yield from _units(parser, children, name)


def _handles(parser: Parser, node: object) -> Iterator[Handle]:
    for values, _ in _items(parser, node, HANDLE):
        if "kind" in values:
            yield Handle(**values)  # type: ignore[arg-type]
