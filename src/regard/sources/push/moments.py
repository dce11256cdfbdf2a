"""Times as senders write them, as microseconds since 1970; and what is done where a clock is wrong.

A time up to a day ahead of ours is kept, and says by how much it is ahead (`clock_ahead_s`): the order of what one
device sent stays right. Further ahead it cannot have happened, and is a reject. The past has no limit.
"""

from __future__ import annotations

import datetime as dt

EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
MICRO = dt.timedelta(microseconds=1)
SECOND = 1_000_000
FLAGGED = 60 * SECOND
FURTHEST = 86_400 * SECOND
MILLIS_FROM = 10**11
"""A number from here on is milliseconds, below it seconds: as seconds it would be the year 5138."""


def micros(at: dt.datetime) -> int:
    """Microseconds since 1970; a time without an offset is UTC."""
    return ((at if at.tzinfo else at.replace(tzinfo=dt.UTC)) - EPOCH) // MICRO


def read(said: str | float) -> int:
    """A time written in ISO 8601, or as seconds or milliseconds since 1970.

    Raises : ValueError naming what was found.

    >>> read("2026-01-01T00:00:00Z") == read(1767225600) == read(1767225600000) == 1767225600000000
    True
    """
    if isinstance(said, str):
        try:
            return micros(dt.datetime.fromisoformat(said))
        except (ValueError, OverflowError):
            raise ValueError(f"{said[:60]!r} is not a time in ISO 8601, such as 2026-01-31T12:00:00Z") from None
    seconds = said / 1000 if abs(said) >= MILLIS_FROM else said
    try:
        return micros(EPOCH + dt.timedelta(seconds=seconds))
    except (OverflowError, ValueError):
        raise ValueError(f"{said!r} is not a time in seconds or milliseconds since 1970") from None


def latest(received_at: int) -> dt.datetime:
    """The latest moment that something received then may say it happened at: see `ahead`."""
    return EPOCH + (received_at + FURTHEST) * MICRO


def ahead(occurred_at: int, received_at: int) -> float | None:
    """Seconds by which a time is ahead of ours, if that is worth saying.

    Raises : ValueError if it is too far ahead to have happened.
    """
    gap = occurred_at - received_at
    if gap <= FLAGGED:
        return None
    if gap > FURTHEST:
        at = EPOCH + occurred_at * MICRO
        raise ValueError(
            f"it says that it happened at {at:%Y-%m-%d %H:%M} UTC, {gap / SECOND / 3600:,.0f} h from now; "
            "at most 24 h are allowed: look at the sender's clock"
        )
    return gap / SECOND
