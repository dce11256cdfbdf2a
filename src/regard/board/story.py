"""What one person's rows say: promises as spans, deposits and withdrawals, a story whose every sentence has a record.

Only rows come in, so that a shell, a page and an API tell the same story. Words are the reader's: "promised by 12 May,
came 15 May, 3 days late".
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from zoneinfo import ZoneInfo

from regard.blueprint import Blueprint

Row = Mapping[str, object]
Rows = Sequence[Row]
SWING = 3.0
"""Points of the score at once that a story tells of."""
SHARE = 0.08
"""And the part of the largest swing below which one is passed over."""
TOLD = 9
"""Swings a story tells of, the largest."""
LEAST_DUE = 2
"""Promises that must have come due before a story counts them."""


@dataclass(frozen=True)
class Sentence:
    """One sentence, and the record it rests on: an interaction_id, a promise_id, or the score itself."""

    text: str
    record: str
    table: str = "touches"


@dataclass(frozen=True)
class Span:
    """One promise from made over due to delivered."""

    promise_id: str
    label: str
    made_at: dt.datetime
    due_at: dt.datetime | None
    delivered_at: dt.datetime | None
    outcome: str
    says: str
    made_by: str | None
    delivered_by: str | None


@dataclass(frozen=True)
class Balance:
    """The bank of perceptions over one stretch of time: what was put in, what was taken out, what faded."""

    since: dt.datetime
    until: dt.datetime
    opening: float
    deposits: float
    withdrawals: float
    fading: float
    closing: float


@dataclass(frozen=True)
class Change:
    """What the score did at a moment: before and after, and the interactions that did it."""

    at: dt.datetime
    score: float
    points: float
    by: tuple[str, ...]


def spans(promises: Rows, blueprint: Blueprint) -> list[Span]:
    """A person's promises in the order in which they were made."""
    labels = {promise.id: promise.label for promise in blueprint.promises}
    zone = ZoneInfo(blueprint.zone)
    found = []
    for row in sorted(promises, key=lambda one: (str(one["made_at"]), str(one["promise_id"]))):
        made = _moment(row["made_at"])
        if made is None:
            continue
        label = labels.get(str(row["kind"]), str(row["kind"]))
        found.append(
            Span(
                promise_id=str(row["promise_id"]),
                label=label,
                made_at=made,
                due_at=_moment(row["due_at"]),
                delivered_at=_moment(row["delivered_at"]),
                outcome=str(row["outcome"]),
                says=kept_in_words(row, zone),
                made_by=_text(row["made_by"]),
                delivered_by=_text(row["delivered_by"]),
            )
        )
    return found


def kept_in_words(row: Row, zone: ZoneInfo) -> str:
    """What was promised and what came, such as "promised by 12 May, came 15 May, 3 days late"."""
    due, came, late = _moment(row["due_at"]), _moment(row["delivered_at"]), row["late_days"]
    outcome = str(row["outcome"])
    days = late if isinstance(late, int) else 0
    if due is None or row["unit"] not in ("day", "instant", "time"):
        promised, delivered = _text(row["promised_value"]), _text(row["delivered_value"])
        first = f"promised {promised}" if promised else "promised"
        second = f"got {delivered}" if delivered else ("came " + _day(came, zone) if came else "nothing came yet")
        return f"{first}, {second}" + (", kept in letter only" if outcome == "kept_in_letter" else "")
    first = f"promised by {_day(due, zone)}"
    if outcome == "void":
        return f"{first}, no longer owed"
    if came is None:
        return f"{first}, {days} {_days(days)} overdue" if outcome == "overdue" else f"{first}, not due yet"
    said = f"{first}, came {_day(came, zone)}"
    if outcome == "broken":
        return f"{said}, {days} {_days(days)} late" if days > 0 else f"{said}, too late on the day"
    if outcome == "kept_in_letter":
        return f"{said}, kept in letter only"
    return f"{said}, better than promised" if outcome == "exceeded" else said


def balance(changes: Sequence[Change], bounds: Sequence[dt.datetime]) -> list[Balance]:
    """Deposits and withdrawals between each two of `bounds` (R27); opening + deposits + withdrawals + fading = closing.

    changes : the score at moments in time order, as the curve has them.
    """
    if not changes:
        return []
    found = []
    for since, until in pairwise(bounds):
        within = [one for one in changes if since < one.at <= until]
        before = [one for one in changes if one.at <= since]
        opening = before[-1].score if before else changes[0].score
        closing = within[-1].score if within else opening
        put = sum(one.points for one in within if one.points > 0)
        taken = sum(one.points for one in within if one.points < 0)
        fading = closing - opening - put - taken
        found.append(Balance(since, until, opening, put, taken, fading, closing))
    return found


def tell(touches: Rows, promises: Rows, changes: Sequence[Change], blueprint: Blueprint) -> list[Sentence]:
    """The person's story so far (R75): how it began, what moved their score most, what is owed, how it stands.

    touches : in time order. changes : as the curve has them.
    """
    if not touches:
        return []
    zone = ZoneInfo(blueprint.zone)
    labels = {touchpoint.id: touchpoint.label for touchpoint in blueprint.touchpoints}
    by_id = {str(row["interaction_id"]): row for row in touches}
    told = [_beginning(touches, labels, zone), *_kept(promises)]
    largest = max((abs(one.points) for one in changes), default=0.0)
    least = max(SWING, largest * SHARE)
    swings = sorted((one for one in changes if abs(one.points) >= least and one.by), key=lambda one: -abs(one.points))
    owed = {str(row["delivered_by"]): row for row in promises if row["delivered_by"]}
    latest = sorted(swings[:TOLD], key=lambda swing: swing.at)
    told.extend(_swing(one, by_id, owed, labels, zone) for one in latest)
    told.extend(_open(promises, blueprint, zone))
    last = touches[-1]
    told.append(
        Sentence(
            f"The last we heard was {_what(last, labels)} on {_day(_moment(last['at']), zone)}.",
            str(last["interaction_id"]),
        )
    )
    return told


def _beginning(touches: Rows, labels: Mapping[str, str], zone: ZoneInfo) -> Sentence:
    first = touches[0]
    channels = sorted({str(row["channel"]) for row in touches if row["channel"]})
    ways = f" through {len(channels)} channels" if len(channels) > 1 else ""
    n = len(touches) - 1
    return Sentence(
        f"It began on {_day(_moment(first['at']), zone, year=True)} with {_what(first, labels)}; "
        f"{n:,} more interaction{'s' if n != 1 else ''} followed{ways}."
        if n
        else f"There is one interaction: {_what(first, labels)} on {_day(_moment(first['at']), zone, year=True)}.",
        str(first["interaction_id"]),
    )


def _kept(promises: Rows) -> list[Sentence]:
    """How many promises were kept, where at least two have come due; it rests on the latest that was not."""
    due = [row for row in promises if row["outcome"] not in ("open", "void")]
    missed = [row for row in due if row["outcome"] not in ("kept", "exceeded")]
    if len(due) < LEAST_DUE:
        return []
    shown = max(missed or due, key=lambda row: (str(row["due_at"] or row["made_at"]), str(row["promise_id"])))
    were = "was" if len(missed) == 1 else "were"
    text = f"Of {len(due)} promises that came due, {len(missed)} {were} not kept as meant."
    if not missed:
        text = f"All {len(due)} promises that came due were kept."
    return [Sentence(text, str(shown["promise_id"]), "promises")]


def _swing(
    change: Change, by_id: Mapping[str, Row], owed: Mapping[str, Row], labels: Mapping[str, str], zone: ZoneInfo
) -> Sentence:
    row = next((by_id[one] for one in change.by if one in by_id), None)
    record = change.by[0]
    did = f"took away {-change.points:.0f} points" if change.points < 0 else f"added {change.points:.0f} points"
    when = _day(change.at, zone)
    if row is None:
        return Sentence(f"On {when} something {did}.", record)
    record = str(row["interaction_id"])
    promise = owed.get(record)
    what = _what(row, labels)
    if promise is not None and promise["outcome"] in ("broken", "kept_in_letter", "exceeded"):
        return Sentence(f"On {when}, {what}: {kept_in_words(promise, zone)}. It {did}.", record)
    rating = row["rating"]
    if isinstance(rating, float):
        return Sentence(f"On {when} they answered {rating:g} ({row['scale']}); it {did}.", record)
    return Sentence(f"On {when}, {what} {did}.", record)


def _open(promises: Rows, blueprint: Blueprint, zone: ZoneInfo) -> list[Sentence]:
    labels = {promise.id: promise.label for promise in blueprint.promises}
    pending = [row for row in promises if row["outcome"] in ("open", "overdue")]
    return [
        Sentence(
            f"{'Still owed' if row['outcome'] == 'overdue' else 'Promised'}: "
            f"{_lower(labels.get(str(row['kind']), str(row['kind'])))}, {kept_in_words(row, zone)}.",
            str(row["promise_id"]),
            "promises",
        )
        for row in sorted(pending, key=lambda one: str(one["due_at"]))[:3]
    ]


def _what(row: Row, labels: Mapping[str, str]) -> str:
    touchpoint = row["touchpoint"]
    name = labels.get(str(touchpoint), str(touchpoint)) if touchpoint else str(row["event"])
    said = _lower(name)
    return f"{said} ({row['object_type']} {row['object_id']})" if row["object_id"] else said


def _lower(label: str) -> str:
    """The label inside a sentence; abbreviations keep their capitals."""
    return label[:1].lower() + label[1:] if label[1:2].islower() or label[1:2] == " " else label


def _day(at: dt.datetime | None, zone: ZoneInfo, *, year: bool = False) -> str:
    if at is None:
        return "an unknown day"
    local = at.astimezone(zone)
    return f"{local.day} {local:%B %Y}" if year else f"{local.day} {local:%b %Y}"


def _days(n: int) -> str:
    return "day" if n == 1 else "days"


def _moment(value: object) -> dt.datetime | None:
    return value if isinstance(value, dt.datetime) else None


def _text(value: object) -> str | None:
    return str(value) if value is not None else None
