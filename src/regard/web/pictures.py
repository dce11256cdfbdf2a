"""Where things stand in a picture, in per cent of its box: axes with round ticks, lines, the colour of a feeling."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

TONES = ("n3", "n2", "n1", "0", "p1", "p2", "p3")


@dataclass(frozen=True)
class Axis:
    """From low to high, with ticks at round values."""

    low: float
    high: float
    ticks: tuple[float, ...]

    def at(self, value: float) -> float:
        """The place of a value, 0 to 100, clipped."""
        place = (value - self.low) / (self.high - self.low) * 100
        return round(min(100.0, max(0.0, place)), 2)


def axis(values: Sequence[float], *, zero: bool = True, least: float = 10.0, n: int = 4) -> Axis:
    """An axis that holds all values, and zero where it belongs.

    least : the smallest stretch it covers, so that noise does not look like news.

    >>> axis([31.0, 44.0]).ticks
    (0.0, 20.0, 40.0, 60.0)
    """
    low = min([*values, *([0.0] if zero else [])], default=0.0)
    high = max([*values, *([0.0] if zero else [])], default=0.0)
    if high - low < least:
        middle = (high + low) / 2
        low, high = (min(low, middle - least / 2), max(high, middle + least / 2)) if not zero else (low, high)
        high = max(high, low + least)
    step = _step((high - low) / n)
    first, last = math.floor(low / step), math.ceil(high / step)
    return Axis(first * step, last * step, tuple(number * step for number in range(first, last + 1)))


def _step(rough: float) -> float:
    size = 10 ** math.floor(math.log10(rough))
    return float(next(size * factor for factor in (1, 2, 5, 10) if size * factor >= rough * 0.999))


@dataclass(frozen=True)
class Line:
    """One line: its label stands at its end. path : of an SVG of 100 by 100."""

    label: str
    tone: str
    path: str
    last: float
    label_at: float


@dataclass(frozen=True)
class Lines:
    """Lines over time. whens : (text, place in per cent, first, last or empty)."""

    axis: Axis
    lines: tuple[Line, ...]
    whens: tuple[tuple[str, float, str], ...]
    says: str


def line(label: str, tone: str, points: Sequence[tuple[float, float]], on: Axis) -> Line:
    """A line through points (place 0 to 1, value)."""
    steps = [f"{x * 100:.2f} {100 - on.at(y):.2f}" for x, y in points]
    last = points[-1][1]
    return Line(label, tone, "M" + " L".join(steps), last, 100 - on.at(last))


def apart(lines: Sequence[Line], least: float = 8.5) -> tuple[Line, ...]:
    """The lines with their labels moved apart where they would lie on each other, in per cent of the height."""
    placed: list[Line] = []
    at = -math.inf
    for one in sorted(lines, key=lambda each: each.label_at):
        at = max(one.label_at, at + least)
        placed.append(Line(one.label, one.tone, one.path, one.last, at))
    over = max(0.0, (placed[-1].label_at if placed else 0.0) - 104)
    return tuple(Line(one.label, one.tone, one.path, one.last, one.label_at - over) for one in placed)


def feeling(value: float | None, strong: float) -> str:
    """The step of the diverging scale for a value: n3 to p3; `strong` and beyond take the ends.

    >>> feeling(-9.0, 8.0), feeling(0.2, 8.0), feeling(3.0, 8.0), feeling(None, 8.0)
    ('n3', '0', 'p1', '0')
    """
    if value is None or not math.isfinite(value) or strong <= 0:
        return "0"
    share = value / strong
    return TONES[3 + max(-3, min(3, math.copysign(math.ceil(abs(share) * 3 - 0.25), share).__int__()))]


def wilson(k: int, n: int, z: float = 1.6448536269514722) -> tuple[float, float]:
    """The 90 % interval of a share (Wilson 1927).

    >>> [round(end, 3) for end in wilson(9, 10)]
    [0.652, 0.977]
    """
    if not n:
        return 0.0, 1.0
    p = k / n
    middle = (p + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    return max(0.0, middle - half), min(1.0, middle + half)
