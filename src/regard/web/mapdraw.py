"""Draws the journey map: stages from left to right, functions as lanes, a bar a touchpoint, a line of feeling above.

+-- stage ----+-- stage --+
|   o--- feeling ----o    |    points of the score for each person, by stage
| [=====] order           |    width: how often; colour: what it did to the score; dashed: designed, not lived
|    \\--- 3 d --> [==]   |    ways between, with the usual wait
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from regard.blueprint import Blueprint
from regard.web import pictures, words

Row = Mapping[str, object]
WIDTH, LANE_NAMES, NARROWEST = 1160, 128, 62
HEAD, FEELING, ROW, PAD, BAR = 30, 92, 40, 10, 13
WAYS, TIP = 18, 8
"""How many ways are drawn, and how long their arrowheads are."""
Box = tuple[float, float, float, float]
"""Left, top, right, bottom."""
ELSEWHERE = "no stage"


@dataclass(frozen=True)
class Point:
    """One touchpoint (or an event that none recognises) on the map."""

    id: str
    label: str
    stage: str
    function: str
    n: int
    n_people: int
    points: float | None
    wait_s: float | None
    ghost: bool
    touchpoint: bool
    x: float = 0.0
    y: float = 0.0
    width: float = 0.0
    tone: str = "0"


@dataclass(frozen=True)
class Way:
    """A way from one point to another. wait : in words, empty where the picture has no room for it."""

    source: str
    target: str
    n: int
    path: str
    stroke: float
    wait: str
    x: float
    y: float
    says: str


@dataclass(frozen=True)
class Stage:
    """A column. feeling : points of the score for each person; None where nothing was felt."""

    id: str
    label: str
    x: float
    width: float
    feeling: float | None
    y: float
    tone: str


@dataclass(frozen=True)
class Lane:
    """A row of the map: a function."""

    label: str
    y: float
    height: float


@dataclass(frozen=True)
class Drawing:
    """The whole map, in pixels."""

    width: int
    height: int
    stages: Sequence[Stage]
    lanes: Sequence[Lane]
    points: Sequence[Point]
    ways: Sequence[Way]
    feeling: str
    zero: float
    strong: float


def points(nodes: Sequence[Row], did: Mapping[str, float], blueprint: Blueprint) -> list[Point]:
    """Touchpoints as lived and, where nothing was recorded, as designed.

    did : points of the score for each person, by touchpoint.
    """
    by_name = {str(row["name"]): row for row in nodes}
    functions = {one.id: one.label for one in blueprint.functions}
    found = []
    for one in blueprint.touchpoints:
        row = by_name.pop(one.id, None)
        n = int(str(row["n"])) if row else 0
        found.append(
            Point(
                one.id,
                one.label,
                one.stage,
                functions.get(one.function or "", one.function or "no function"),
                n,
                int(str(row["n_people"])) if row else 0,
                did.get(one.id),
                _float(row["median_wait_s"]) if row else None,
                ghost=not n,
                touchpoint=True,
            )
        )
    for name, row in sorted(by_name.items(), key=lambda pair: -int(str(pair[1]["n"])))[:8]:
        function = str(row["function"]) if row["function"] else "no function"
        stage = str(row["stage"]) if row["stage"] else ELSEWHERE
        n, people = int(str(row["n"])), int(str(row["n_people"]))
        wait = _float(row["median_wait_s"])
        label = words.sentence(name)
        found.append(Point(name, label, stage, functions.get(function, function), n, people, None, wait, False, False))
    return found


def draw(found: Sequence[Point], edges: Sequence[Row], blueprint: Blueprint) -> Drawing:
    """Place everything."""
    names = [(stage.id, stage.label) for stage in blueprint.stages]
    if any(one.stage == ELSEWHERE for one in found):
        names.append((ELSEWHERE, "No stage"))
    columns = _columns(names, found)
    strong = max((abs(one.points) for one in found if one.points is not None), default=0.0)
    lanes, placed = _placed(found, columns, strong)
    stages, feeling, zero = _felt(names, columns, found)
    height = int(lanes[-1].y + lanes[-1].height) + 4 if lanes else HEAD + FEELING
    return Drawing(WIDTH, height, stages, lanes, placed, _ways(edges, placed), feeling, zero, strong)


def _columns(names: Sequence[tuple[str, str]], found: Sequence[Point]) -> dict[str, tuple[float, float]]:
    used = {one.stage for one in found}
    room = WIDTH - LANE_NAMES
    empty = sum(stage not in used for stage, _ in names)
    wide = (room - empty * NARROWEST) / max(1, len(names) - empty)
    columns, x = {}, float(LANE_NAMES)
    for stage, _ in names:
        width = wide if stage in used else float(NARROWEST)
        columns[stage] = (x, width)
        x += width
    return columns


def _placed(
    found: Sequence[Point], columns: Mapping[str, tuple[float, float]], strong: float
) -> tuple[list[Lane], list[Point]]:
    most = max((one.n for one in found), default=1) or 1
    functions = list(
        dict.fromkeys(one.function for one in sorted(found, key=lambda one: one.function == "no function"))
    )
    lanes, placed, y = [], [], float(HEAD + FEELING)
    for function in functions:
        cells: dict[str, int] = {}
        mine = sorted((one for one in found if one.function == function), key=lambda one: (one.ghost, -one.n))
        for one in mine:
            row = cells.get(one.stage, 0)
            cells[one.stage] = row + 1
            x, width = columns[one.stage]
            room = width - 2 * PAD
            size = room if one.ghost else max(4.0, room * (one.n / most) ** 0.5)
            tone = pictures.feeling(one.points, strong)
            placed.append(
                replace(one, x=x + PAD, y=y + PAD + row * ROW + 14, width=size if not one.ghost else 34.0, tone=tone)
            )
        height = max(cells.values(), default=1) * ROW + PAD
        lanes.append(Lane(function, y, height))
        y += height
    return lanes, placed


def _felt(
    names: Sequence[tuple[str, str]], columns: Mapping[str, tuple[float, float]], found: Sequence[Point]
) -> tuple[list[Stage], str, float]:
    sums = {}
    for stage, _ in names:
        mine = [one.points for one in found if one.stage == stage and one.points is not None]
        sums[stage] = sum(mine) if mine else None
    strong = max((abs(value) for value in sums.values() if value is not None), default=0.0) or 1.0
    zero = HEAD + FEELING / 2
    stages = []
    for stage, label in names:
        x, width = columns[stage]
        value = sums[stage]
        y = zero - (value or 0.0) / strong * (FEELING / 2 - 26)
        stages.append(Stage(stage, label, x, width, value, y, pictures.feeling(value, strong)))
    felt = [(one.x + one.width / 2, one.y) for one in stages if one.feeling is not None]
    line = "M" + " L".join(f"{x:.0f} {y:.1f}" for x, y in felt) if len(felt) > 1 else ""
    return stages, line, zero


def _ways(edges: Sequence[Row], placed: Sequence[Point]) -> list[Way]:
    where = {one.id: one for one in placed}
    shown = [
        row for row in edges if row["source"] in where and row["target"] in where and row["source"] != row["target"]
    ]
    shown = shown[:WAYS]
    most = max((int(str(row["n"])) for row in shown), default=1)
    taken = [(one.x, one.y - 15, one.x + 6.6 * len(one.label), one.y + BAR) for one in placed]
    found: list[Way] = []
    for row in shown:
        source, target, n = where[str(row["source"])], where[str(row["target"])], int(str(row["n"]))
        path, x, y = _path(source, target)
        wait = words.brief(row["median_wait_s"])
        says = f"{source.label} to {target.label}: {n:,} times, after {words.span(row['median_wait_s'])} (median)"
        stroke = round(1 + 7 * (n / most) ** 0.5, 1)
        box = (x - 3.2 * len(wait), y - 14, x + 3.2 * len(wait), y + 1)
        free = source.stage != target.stage and not any(_meet(box, other) for other in taken)
        if free:
            taken.append(box)
        found.append(Way(source.id, target.id, n, path, stroke, wait if free else "", x, y, says))
    return found


def _meet(one: Box, other: Box) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]


def _path(source: Point, target: Point) -> tuple[str, float, float]:
    """A curve from the end of one bar to where an arrowhead begins that points at the other, and its middle."""
    y0, y1 = source.y + BAR / 2, target.y + BAR / 2
    if target.x > source.x:
        x0, x1 = source.x + source.width, target.x - TIP
        bend = max(24.0, (x1 - x0) / 2)
        path = f"M{x0:.0f} {y0:.0f} C{x0 + bend:.0f} {y0:.0f} {x1 - bend:.0f} {y1:.0f} {x1:.0f} {y1:.0f}"
        return path, (x0 + x1) / 2, (y0 + y1) / 2
    if target.x == source.x:  # within a stage: bent round the bars
        x0, x1 = source.x + source.width, target.x + target.width
        out, x1 = max(x0, x1) + 26, x1 + TIP
        return f"M{x0:.0f} {y0:.0f} C{out:.0f} {y0:.0f} {out:.0f} {y1:.0f} {x1:.0f} {y1:.0f}", out, (y0 + y1) / 2
    x0, x1 = source.x + source.width / 2, target.x + target.width / 2
    below = max(y0, y1) + 26
    path = f"M{x0:.0f} {y0 + 6:.0f} C{x0:.0f} {below:.0f} {x1:.0f} {below:.0f} {x1:.0f} {y1 + 6 + TIP:.0f}"
    return path, (x0 + x1) / 2, below - 6


def _float(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) else None
