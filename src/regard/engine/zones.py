"""Local days and times, the same on every engine.

Engines differ in how they convert zones, so the transitions of a zone are laid out as one CASE expression of UTC
offsets, taken from the standard library's zone data, and added as plain seconds.
"""

from __future__ import annotations

import datetime as dt
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import ibis
import ibis.expr.types as ir

from regard.errors import SettingError

FIRST_YEAR, LAST_YEAR = 1970, 2060


@lru_cache(maxsize=64)
def transitions(zone: str) -> tuple[tuple[dt.datetime, int], ...]:
    """When the zone's offset changes: (UTC moment, seconds east of UTC from then on), found to the second.

    Raises : SettingError if there is no such zone.
    """
    try:
        info = ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise SettingError(
            f"There is no time zone {zone!r}.", allowed="an IANA name such as Europe/Paris, or UTC"
        ) from error

    def offset(moment: dt.datetime) -> int:
        delta = moment.astimezone(info).utcoffset()
        return int(delta.total_seconds()) if delta is not None else 0

    start = dt.datetime(FIRST_YEAR, 1, 1, tzinfo=dt.UTC)
    end = dt.datetime(LAST_YEAR, 1, 1, tzinfo=dt.UTC)
    step = dt.timedelta(days=7)
    found = [(start, offset(start))]
    at = start
    while at < end:
        after = at + step
        if offset(after) != offset(at):
            low, high = at, after
            while high - low > dt.timedelta(seconds=1):
                middle = low + dt.timedelta(seconds=int((high - low).total_seconds() // 2))
                low, high = (middle, high) if offset(middle) == offset(at) else (low, middle)
            found.append((high, offset(high)))
        at = after
    return tuple(found)


def local_time(at: ir.TimestampValue, zone: str) -> ir.TimestampValue:
    """The wall clock in `zone` at a UTC timestamp, as a timestamp that still says UTC.

    at     : timestamp UTC; before 1970 and after 2060 the offset of the nearest year known is used.
    zone   : IANA name.
    Raises : SettingError if there is no such zone.
    """
    changes = transitions(zone)
    offsets = {seconds for _, seconds in changes}
    if offsets == {0}:
        return at
    if len(offsets) == 1:
        return at + ibis.interval(seconds=changes[0][1])
    branches = [(at >= ibis.literal(moment), at + ibis.interval(seconds=s)) for moment, s in reversed(changes[1:])]
    return ibis.cases(*branches, else_=at + ibis.interval(seconds=changes[0][1]))


def local_date(at: ir.TimestampValue, zone: str) -> ir.DateValue:
    """The calendar day in `zone` of a UTC timestamp; see `local_time`."""
    return local_time(at, zone).date()


def day_start(day: ir.DateValue, zone: str) -> ir.TimestampValue:
    """The UTC moment at which a calendar day begins in `zone`: its midnight, or the first moment after it if skipped.

    day    : date; the way back from `local_date`.
    Raises : SettingError if there is no such zone.
    """
    midnight = day.cast("timestamp('UTC', 6)")
    changes = transitions(zone)
    offsets = [(moment + dt.timedelta(seconds=s), midnight - ibis.interval(seconds=s)) for moment, s in changes]
    branches = [(midnight >= ibis.literal(wall), back) for wall, back in reversed(offsets[1:])]
    return ibis.cases(*branches, else_=offsets[0][1]) if branches else offsets[0][1]
