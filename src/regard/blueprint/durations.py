"""Durations as people write them: "30m", "2d", "26w", "1h30m"; never a bare number."""

from __future__ import annotations

import re

from regard.errors import SettingError

UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3_600.0, "d": 86_400.0, "w": 604_800.0}
PATTERN = r"(?:\d+(?:\.\d+)?(?:ms|s|m|h|d|w))+"
ALLOWED = 'a number with a unit, such as "90s", "30m", "12h", "2d" or "26w"'


def seconds(text: str) -> float:
    """The seconds that a duration stands for; a day has 86,400, a week seven of them.

    Raises : SettingError if it is not a duration, or has no unit.

    >>> seconds("1h30m"), seconds("26w")
    (5400.0, 15724800.0)
    """
    said = text.strip().replace(" ", "")
    if not re.fullmatch(PATTERN, said):
        hint = f'Did you mean "{said}d"?' if re.fullmatch(r"\d+(\.\d+)?", said) else None
        raise SettingError(f"{text!r} is not a duration.", allowed=ALLOWED, hint=hint)
    parts = re.findall(r"(\d+(?:\.\d+)?)(ms|s|m|h|d|w)", said)
    return sum(float(number) * UNITS[unit] for number, unit in parts)


def written(span_s: float) -> str:
    """A duration as text, in the largest unit that divides it.

    >>> written(5400), written(86400 * 14), written(0)
    ('90m', '2w', '0s')
    """
    for unit in ("w", "d", "h", "m"):
        if span_s and span_s % UNITS[unit] == 0:
            return f"{int(span_s // UNITS[unit])}{unit}"
    return f"{span_s:g}s"
