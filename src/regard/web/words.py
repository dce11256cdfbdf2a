"""Figures in the reader's words: signs, units, days, money, and never more digits than are known."""

from __future__ import annotations

import datetime as dt
import math
from zoneinfo import ZoneInfo

from regard.blueprint import exponent

MINUS = "\N{MINUS SIGN}"
DASH = "\N{EN DASH}"
NONE = "\N{EM DASH}"
SYMBOLS = {"EUR": "€", "USD": "$", "GBP": "£", "BRL": "R$", "JPY": "¥", "CHF": "CHF"}
UNITS = ((86_400, "d"), (3_600, "h"), (60, "min"), (1, "s"))
WEEK_S = 7 * 86_400
LONG_S = 8 * WEEK_S
"""From here on whole weeks are said as weeks: a horizon is meant in them."""
SMALL = 30
"""A figure of fewer than so many is greyed and says so."""


def number(value: object, digits: int = 0) -> str:
    """A number with separators; a dash where nothing is known.

    >>> number(1234567.8), number(None)
    ('1,234,568', '—')
    """
    if not isinstance(value, int | float) or (isinstance(value, float) and not math.isfinite(value)):
        return NONE
    return f"{value:,.{digits}f}".replace("-", MINUS)


def signed(value: object, digits: int = 0) -> str:
    """A number with its sign, a real minus, and no sign on what rounds to nothing.

    >>> signed(31.4), signed(-0.2), signed(-2.06, 1)
    ('+31', '0', '−2.1')
    """
    if not isinstance(value, int | float) or (isinstance(value, float) and not math.isfinite(value)):
        return NONE
    text = f"{abs(value):,.{digits}f}"
    if not float(text.replace(",", "")):
        return text
    return ("+" if value > 0 else MINUS) + text


def percent(value: object, digits: int = 0) -> str:
    """A share between 0 and 1 as a percentage.

    >>> percent(0.9217, 1)
    '92.2\\xa0%'
    """
    return f"{value * 100:.{digits}f}\N{NO-BREAK SPACE}%" if isinstance(value, int | float) else NONE


def money(minor: object, currency: object, *, cents: bool = False) -> str:
    """An amount in minor units in words, such as "€ 1,234"; with its cents where they matter.

    >>> money(123456, "EUR"), money(123456, "EUR", cents=True), money(500, "JPY")
    ('€\\xa01,235', '€\\xa01,234.56', '¥\\xa0500')
    """
    if not isinstance(minor, int | float) or not isinstance(currency, str):
        return NONE
    places = exponent(currency)
    amount = number(minor / 10**places, places if cents else 0)
    return f"{SYMBOLS.get(currency, currency)}\N{NO-BREAK SPACE}{amount}"


def day(at: object, zone: str, *, year: bool = True) -> str:
    """The day of a moment in the workspace's zone, such as "3 Mar 2026"."""
    if not isinstance(at, dt.datetime):
        return NONE
    local = at.astimezone(ZoneInfo(zone))
    return f"{local.day}\N{NO-BREAK SPACE}{local:%b}" + (f"\N{NO-BREAK SPACE}{local:%Y}" if year else "")


def clock(at: object, zone: str) -> str:
    """The time of day in the workspace's zone."""
    return f"{at.astimezone(ZoneInfo(zone)):%H:%M}" if isinstance(at, dt.datetime) else NONE


def exact(at: object, zone: str) -> str:
    """A moment to the second, with its zone: what one sees on hover."""
    if not isinstance(at, dt.datetime):
        return NONE
    return f"{at.astimezone(ZoneInfo(zone)):%Y-%m-%d %H:%M:%S} {zone}"


def span(seconds: object) -> str:
    """A stretch of time, in its two largest units at most.

    >>> span(90), span(3 * 86400 + 7200), span(52 * 7 * 86400), span(None)
    ('1\\xa0min 30\\xa0s', '3\\xa0d 2\\xa0h', '52\\xa0weeks', '—')
    """
    if not isinstance(seconds, int | float):
        return NONE
    left = round(abs(seconds))
    if left >= LONG_S and not left % WEEK_S:
        return f"{left // WEEK_S}\N{NO-BREAK SPACE}weeks"
    parts = []
    for size, name in UNITS:
        n, left = divmod(left, size)
        if n:
            parts.append(f"{n:,}\N{NO-BREAK SPACE}{name}")
        elif parts:
            break
    days = round(abs(seconds)) // 86_400
    return " ".join(parts[:1] if days > 9 else parts[:2]) or "0\N{NO-BREAK SPACE}s"


def brief(seconds: object) -> str:
    """A stretch of time in its largest unit, rounded.

    >>> brief(3 * 86400 + 50000), brief(5400)
    ('4\\xa0d', '2\\xa0h')
    """
    if not isinstance(seconds, int | float):
        return NONE
    left = abs(seconds)
    size, name = next((one for one in UNITS if left >= one[0] * 0.95), UNITS[-1])
    return f"{round(left / size):,}\N{NO-BREAK SPACE}{name}"


def plural(n: object, one: str, many: str | None = None) -> str:
    """A count with its noun.

    >>> plural(1, "person", "people"), plural(1200, "answer")
    ('1 person', '1,200 answers')
    """
    return f"{number(n)} {one if n == 1 else many or one + 's'}"


def sentence(text: object) -> str:
    """The text with a capital first letter and nothing else changed; underscores and dots become spaces.

    >>> sentence("delivery_date.overdue")
    'Delivery date overdue'
    """
    plain = str(text).replace("_", " ").replace(".", " ")
    return plain[:1].upper() + plain[1:]
