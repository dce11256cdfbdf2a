"""Lays a person's interactions out as rows, with the score's curve and the promises beside them.

Time runs down. Every row is as high as the next one, so a busy day can be read; the curve and the spans bend with it:
a moment between two rows stands between them, in proportion.
"""

from __future__ import annotations

import bisect
import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from regard.board.story import Change, Span
from regard.web import pictures

Row = Mapping[str, object]
HEIGHT = 44
LANES = 4
FELT = 0.05
"""Points below which an interaction is said to have changed nothing."""
RUN = 3
"""So many of one kind in a row, none of which changed anything, are told as one."""


@dataclass(frozen=True)
class Event:
    """One row: an interaction, or several of one touchpoint in a row that changed nothing.

    points : what it did to the score there and then; now : what is left of that at the time of knowing.
    """

    rows: tuple[Row, ...]
    at: dt.datetime
    points: float | None
    now: float | None

    @property
    def row(self) -> Row:
        return self.rows[0]

    @property
    def id(self) -> str:
        return str(self.row["interaction_id"])


@dataclass(frozen=True)
class Owed:
    """A promise beside the rows: made to due, and due to delivered, in pixels from the top; lane from the right."""

    span: Span
    lane: int
    made: float
    due: float
    until: float
    late: bool


@dataclass(frozen=True)
class Life:
    """The whole picture. curve : a path of an SVG 100 wide and `height` high; zero : its x of score 0."""

    events: Sequence[Event]
    height: int
    axis: pictures.Axis
    curve: str
    area: str
    zero: float
    owed: Sequence[Owed]


def laid_out(touches: Sequence[Row], curve: Sequence[Change], spans: Sequence[Span], left: Mapping[str, float]) -> Life:
    """Lay a person's rows out.

    touches : in time order. left : points now, by interaction_id.
    """
    did = {one.by: one.points for one in curve if one.by}
    by_first = {ids[0]: points for ids, points in did.items()}
    special = {one for span in spans for one in (span.made_by, span.delivered_by) if one and _told(span)}
    events = _together(touches, by_first, left, special)
    where = _Places(events)
    on = pictures.axis([one.score for one in curve] or [0.0], least=20, n=3)
    steps = [(on.at(one.score), where.of(one)) for one in curve]
    path = " L".join(f"{x:.1f} {y:.1f}" for x, y in steps)
    zero = on.at(0.0)
    area = f"M{zero:.1f} {steps[0][1]:.1f} L{path} L{zero:.1f} {steps[-1][1]:.1f}Z" if steps else ""
    height = len(events) * HEIGHT
    return Life(events, height, on, f"M{path}" if steps else "", area, zero, _lanes(spans, where, height))


def _told(span: Span) -> bool:
    return span.outcome not in ("kept", "void")


def _together(
    touches: Sequence[Row], did: Mapping[str, float], left: Mapping[str, float], special: set[str]
) -> list[Event]:
    found: list[Event] = []
    run: list[Row] = []

    def close() -> None:
        if len(run) >= RUN:
            found.append(Event(tuple(run), _at(run[0]), None, None))
        else:
            found.extend(_single(row, did, left) for row in run)
        run.clear()

    for row in touches:
        name = str(row["interaction_id"])
        plain = abs(did.get(name, 0.0)) < FELT and name not in special and row["rating"] is None and not row["text"]
        if run and (not plain or run[-1]["touchpoint"] != row["touchpoint"] or run[-1]["event"] != row["event"]):
            close()
        if plain:
            run.append(row)
        else:
            found.append(_single(row, did, left))
    close()
    return found


def _single(row: Row, did: Mapping[str, float], left: Mapping[str, float]) -> Event:
    name = str(row["interaction_id"])
    return Event((row,), _at(row), did.get(name), left.get(name))


def _at(row: Row) -> dt.datetime:
    at = row["at"]
    assert isinstance(at, dt.datetime)
    return at


class _Places:
    """How far down a moment or an interaction stands."""

    def __init__(self, events: Sequence[Event]) -> None:
        self.by_id = {
            str(row["interaction_id"]): (number + 0.5) * HEIGHT
            for number, event in enumerate(events)
            for row in event.rows
        }
        self.times = [event.at for event in events]

    def of(self, change: Change) -> float:
        known = [self.by_id[one] for one in change.by if one in self.by_id]
        return known[0] if known else self.moment(change.at)

    def moment(self, at: dt.datetime) -> float:
        """Between the rows before and after it, in proportion to time."""
        after = bisect.bisect_right(self.times, at)
        if after == 0:
            return 0.0
        if after == len(self.times):
            return min((after - 0.5) * HEIGHT + (HEIGHT * 0.45 if at > self.times[-1] else 0.0), after * HEIGHT)
        earlier, later = self.times[after - 1], self.times[after]
        share = (at - earlier) / (later - earlier)
        return (after - 0.5 + share) * HEIGHT


def _lanes(spans: Sequence[Span], where: _Places, height: int) -> list[Owed]:
    found: list[Owed] = []
    free = [-1.0] * LANES
    for span in spans:
        if span.outcome == "void" or span.due_at is None:
            continue
        made = where.by_id.get(span.made_by or "", where.moment(span.made_at))
        due = where.moment(span.due_at)
        came = span.delivered_at
        ends = where.by_id.get(span.delivered_by or "", where.moment(came)) if came else float(height)
        late = span.outcome in ("broken", "overdue", "kept_in_letter")
        until = max(due, ends) if late or came is None else ends
        lane = next((number for number, end in enumerate(free) if end < made), None)
        if lane is None:
            continue
        free[lane] = max(due, until) + 2
        found.append(Owed(span, lane, made, max(due, made), max(until, made), late))
    return found
