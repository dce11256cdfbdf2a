"""Who stands apart, for the overview: the picture of units and accounts, and the sentences that it comes to."""

from __future__ import annotations

from collections.abc import Sequence

from regard.blueprint import Blueprint
from regard.board import Segment
from regard.experience.standing import Standing
from regard.pipeline.apart import Part
from regard.web import pictures, words
from regard.web.pages.shapes import Dot
from regard.web.view import View

GAP = 30.0
"""Points between two roles of one account from which the account is spoken of."""
SHOWN = 8
FEW_ANSWER = 0.6
"""A part answers seldom if its share of people who ever answered is below this times everyone's."""


def picture(parts: Sequence[Part], whole: Standing, view: View, blueprint: Blueprint) -> list[tuple[str, list[Dot]]]:
    """Dots in groups (Units, Accounts), the lowest first, all on one axis; an account's roles stand below it."""
    found = []
    for kind, label in (("unit", "Units"), ("account", "Accounts")):
        rows: list[Dot] = []
        mine = [part for part in parts if part.kind == kind and part.role is None]
        if len(mine) > SHOWN:
            label += f": the lowest {SHOWN} of {len(mine)}"
        for one in mine[:SHOWN]:
            rows.append(_dot(one, whole, view, blueprint))
            roles = [part for part in parts if (part.kind, part.name) == (kind, one.name) and part.role]
            if _differ(roles):
                rows += [_dot(part, whole, view, blueprint) for part in roles]
        if rows:
            found.append((label, rows))
    return found


def axis(groups: Sequence[tuple[str, Sequence[Dot]]], whole: Standing) -> pictures.Axis:
    """An axis that holds all dots with their intervals, and everyone's score."""
    dots = [dot for _, rows in groups for dot in rows]
    ends = [end for dot in dots for end in (dot.score, dot.low, dot.high) if end is not None]
    return pictures.axis([*ends, whole.score])


def _dot(one: Part, whole: Standing, view: View, blueprint: Blueprint) -> Dot:
    tone = "s1" if not one.apart(whole) else "worse" if one.now.score < whole.score else "better"
    said = [words.plural(one.now.n, "person", "people")]
    if one.now.n < words.SMALL:
        said.append("few")
    said.append(f"{words.percent(one.told / one.now.n)} ever answered")
    if one.change is not None:
        said.append(moved(one.change))
    link = "" if one.role else view.link("/", segment=str(Segment(one.kind, one.name)))
    label = words.sentence(one.role) if one.role else called(one, blueprint)
    row = one.now
    return Dot(label, ", ".join(said), row.score, row.low, row.high, row.n, tone, link=link, inner=bool(one.role))


def moved(change: float) -> str:
    """How a score changed, in words.

    >>> moved(-26.8), moved(0.2)
    ('27 points down', 'steady')
    """
    size = round(abs(change))
    return f"{size} point{'s' if size != 1 else ''} {'up' if change > 0 else 'down'}" if size else "steady"


def sentences(parts: Sequence[Part], whole: Standing, told: float, blueprint: Blueprint) -> list[str]:
    """What a leader should know of parts: the unit that stands lowest, and accounts whose roles do not agree.

    told : share of everyone who ever answered.
    """
    found = []
    units = [one for one in parts if one.kind == "unit" and one.role is None and one.apart(whole)]
    lowest = min(units, key=lambda one: one.now.score, default=None)
    if lowest is not None and lowest.now.score < whole.score:
        text = f"{called(lowest, blueprint)} stands apart at {words.signed(lowest.now.score)}"
        if lowest.change is not None:
            text += f", {moved(lowest.change)}"
        share = lowest.told / lowest.now.n
        if share < FEW_ANSWER * told:
            text += f", and hardly tells us: {words.percent(share)} of its people ever answered"
            text += f", {words.percent(told)} of everyone"
        found.append(text + ".")
    accounts = sorted({one.name for one in parts if one.kind == "account"})
    split = [(name, _differ([one for one in parts if one.name == name and one.role])) for name in accounts]
    for name, pair in sorted((one for one in split if one[1]), key=lambda one: -_gap(one[1]))[:1]:
        low, high = pair
        verb = "stands" if high.now.n == 1 else "stand"
        best = f"{words.plural(high.now.n, str(high.role))} {verb} at {words.signed(high.now.score)}"
        found.append(f"At {name}, {best}, {words.plural(low.now.n, str(low.role))} at {words.signed(low.now.score)}.")
    return found


def called(one: Part, blueprint: Blueprint) -> str:
    """The label of a unit in the blueprint's tree, else its own name."""
    return {unit.id: unit.label for unit in blueprint.units}.get(one.name, one.name) if one.kind == "unit" else one.name


def _differ(roles: Sequence[Part]) -> tuple[Part, ...]:
    """The lowest and the highest role of an account, where they are far apart beyond their intervals."""
    if len(roles) < 2:
        return ()
    low, high = min(roles, key=lambda one: one.now.score), max(roles, key=lambda one: one.now.score)
    return (low, high) if _gap((low, high)) >= GAP and low.apart(high.now) else ()


def _gap(pair: Sequence[Part]) -> float:
    return pair[1].now.score - pair[0].now.score
