"""What came of promises, kind by kind: how many, where, what customers said of it, and what we expected them to say."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from regard.blueprint import Blueprint
from regard.web import names, words

Row = Mapping[str, object]
SHOWN = ("exceeded", "kept", "kept_in_letter", "broken", "overdue")
TONES = {
    "exceeded": "feel-p3",
    "kept": "feel-p1",
    "kept_in_letter": "feel-n1",
    "broken": "feel-n2",
    "overdue": "feel-n3",
}
APART = 1.5
"""How many times everybody's share a unit's must be before it is named."""


@dataclass(frozen=True)
class Rated:
    """A mean rating with how many gave it. top : the highest the scale allows, None where it is not stated."""

    mean: float
    n: int
    top: float | None

    def __str__(self) -> str:
        return f"{self.mean:.1f}" + (f" of {self.top:g}" if self.top is not None else "")


@dataclass(frozen=True)
class Outcome:
    """One outcome of one kind of promise. heard : customers; expected : our own people; None where nobody rated."""

    name: str
    n: int
    share: float
    tone: str
    heard: Rated | None
    expected: Rated | None


@dataclass(frozen=True)
class Place:
    """A unit: promises of one kind that fell due there, and the shares that were missed or kept in letter only."""

    label: str
    unit: str
    n: int
    missed: float
    letter: float


@dataclass(frozen=True)
class Kind:
    """One kind of promise in the period; void and open ones are left out."""

    id: str
    label: str
    n: int
    outcomes: Sequence[Outcome]
    places: Sequence[Place]


def kinds(
    counts: Sequence[Row], heard: Sequence[Row], expected: Sequence[Row], by_unit: Sequence[Row], blueprint: Blueprint
) -> list[Kind]:
    """Rows of the questions in `board.promises`, kind by kind in the blueprint's order."""
    tops = {one.id: one.high for one in blueprint.scales}
    said, hoped = _rated(heard, tops), _rated(expected, tops)
    units = {one.id: one.label for one in blueprint.units}
    found = []
    for one in blueprint.promises:
        of = {str(row["outcome"]): int(str(row["n"])) for row in counts if row["kind"] == one.id}
        n = sum(of.get(name, 0) for name in SHOWN)
        if not n:
            continue
        outcomes = [
            Outcome(name, of[name], of[name] / n, TONES[name], said.get((one.id, name)), hoped.get((one.id, name)))
            for name in SHOWN
            if of.get(name)
        ]
        places = [
            Place(
                units.get(str(row["unit"]), str(row["unit"])),
                str(row["unit"]),
                m,
                _share(row["missed"], m),
                _share(row["letter"], m),
            )
            for row in by_unit
            if row["kind"] == one.id and (m := int(str(row["n"]))) >= words.SMALL
        ]
        places.sort(key=lambda place: -(place.missed + place.letter))
        found.append(Kind(one.id, names.promise(blueprint, one.id), n, outcomes, places[:12]))
    return found


def _rated(rows: Sequence[Row], tops: Mapping[str, float]) -> dict[tuple[str, str], Rated]:
    """By kind and outcome, on the scale that most rated on: scales are never mixed in one mean."""
    found: dict[tuple[str, str], Rated] = {}
    for row in sorted(rows, key=lambda one: int(str(one["n"]))):
        top = tops.get(str(row["scale"]))
        found[str(row["kind"]), str(row["outcome"])] = Rated(float(str(row["mean"])), int(str(row["n"])), top)
    return found


def _share(part: object, whole: int) -> float:
    return int(str(part)) / whole


def sentences(found: Sequence[Kind]) -> list[str]:
    """What was kept in letter only: how often, where, what customers said of it, and what we expected."""
    told = []
    for kind in found:
        letter = next((one for one in kind.outcomes if one.name == "kept_in_letter"), None)
        if letter is None:
            continue
        text = f"“{kind.label}” was kept in letter only {words.plural(letter.n, 'time')}"
        worst = max(kind.places, key=lambda place: place.letter, default=None)
        if worst is not None and worst.letter > APART * letter.share:
            there, everywhere = words.percent(worst.letter), words.percent(letter.share, 1)
            text += f", most in {worst.label} ({there} there, {everywhere} in all)"
        told.append(text + "." + _beside(letter, kind))
    return told


def _beside(letter: Outcome, kind: Kind) -> str:
    kept = next((one for one in kind.outcomes if one.name == "kept"), None)
    if letter.heard is None or letter.heard.n < words.SMALL:
        return ""
    text = f" Customers rate it {letter.heard}"
    if kept is not None and kept.heard is not None:
        text += f", where it was kept {kept.heard.mean:.1f}"
    if letter.expected is not None:
        text += f"; our own people expected {letter.expected.mean:.1f}"
    return text + "."
