"""What a reader looks at: period, segment and level, kept in the address so that every view is a link."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, replace
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from regard.board import Segment
from regard.errors import SettingError, nearest

PERIODS = {"30d": ("30 days", 30), "90d": ("90 days", 90), "12m": ("12 months", 365), "all": ("All time", None)}
LEVELS = ("relationship", "transaction")
DEFAULTS = {"period": "12m", "segment": "everyone", "level": "relationship"}
STEPS = 12
"""Stretches into which the course over a period is cut."""


@dataclass(frozen=True)
class View:
    """A period that ends at the time of knowing or earlier, of a segment, on a level of the score.

    since, until : the period, until not included. known_since : of the first interaction, what "all" begins with.
    usual        : the level that is shown where the address names none.
    """

    period: str
    segment: Segment
    level: str
    since: dt.datetime
    until: dt.datetime
    as_of: dt.datetime
    zone: str
    usual: str = DEFAULTS["level"]

    @classmethod
    def read(
        cls,
        query: Mapping[str, str],
        *,
        as_of: dt.datetime,
        known_since: dt.datetime,
        zone: str,
        usual: str = DEFAULTS["level"],
    ) -> View:
        """From the query of an address.

        Raises : SettingError for a period, segment or level that there is not.
        """
        level = query.get("level") or usual
        if level not in LEVELS:
            raise SettingError(f"{level!r} is not a level.", allowed=", ".join(LEVELS))
        period = query.get("period") or DEFAULTS["period"]
        until = as_of + dt.timedelta(microseconds=1)
        if ".." in period:
            since, until = _days(period, zone, until)
        elif period in PERIODS:
            days = PERIODS[period][1]
            since = known_since if days is None else as_of - dt.timedelta(days=days)
        else:
            close = nearest(period, PERIODS)
            raise SettingError(
                f"{period!r} is not a period.",
                allowed=f"{', '.join(PERIODS)}, or two days such as 2026-01-01..2026-03-31",
                hint=f"Did you mean {close!r}?" if close else None,
            )
        segment = Segment.parse(query.get("segment") or DEFAULTS["segment"])
        return cls(period, segment, level, since, until, as_of, zone, usual)

    @property
    def first_day(self) -> dt.date:
        return self.since.astimezone(ZoneInfo(self.zone)).date()

    @property
    def last_day(self) -> dt.date:
        """The last day that belongs to it."""
        return (self.until - dt.timedelta(microseconds=1)).astimezone(ZoneInfo(self.zone)).date()

    @property
    def moments(self) -> tuple[dt.datetime, ...]:
        """Evenly spaced moments from its beginning to its end, at which the course is drawn."""
        end = min(self.until, self.as_of)
        step = (end - self.since) / STEPS
        return (*(self.since + step * number for number in range(STEPS)), end)

    @property
    def query(self) -> dict[str, str]:
        """What the address must say, the usual left out."""
        said = {"period": self.period, "segment": str(self.segment), "level": self.level}
        usual = {**DEFAULTS, "level": self.usual}
        return {name: value for name, value in said.items() if value != usual[name]}

    def link(self, path: str, **more: object) -> str:
        """The address of a page in this view; `more` adds to the query, None takes away."""
        query = {**self.query, **{name: str(value) for name, value in more.items() if value is not None}}
        query = {name: value for name, value in query.items() if more.get(name, value) is not None}
        return f"{path}?{urlencode(query)}" if query else path

    def of(self, segment: Segment) -> View:
        """The same view of another segment."""
        return replace(self, segment=segment)


def _days(text: str, zone: str, latest: dt.datetime) -> tuple[dt.datetime, dt.datetime]:
    first, _, last = text.partition("..")
    try:
        since, until = dt.date.fromisoformat(first), dt.date.fromisoformat(last) + dt.timedelta(days=1)
    except ValueError:
        raise SettingError(f"{text!r} is not a period.", allowed="two days such as 2026-01-01..2026-03-31") from None
    begins, ends = (dt.datetime.combine(one, dt.time(), ZoneInfo(zone)).astimezone(dt.UTC) for one in (since, until))
    if begins >= min(ends, latest):
        raise SettingError(
            f"The period {text} holds no time that is known.",
            allowed=f"days before {latest.astimezone(dt.UTC):%Y-%m-%d}",
        )
    return begins, min(ends, latest)
