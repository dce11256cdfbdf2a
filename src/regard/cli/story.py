"""One customer's story as lines of text."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, cast
from zoneinfo import ZoneInfo

from regard.tables import OBJECT

if TYPE_CHECKING:
    from regard.blueprint import Blueprint
    from regard.pipeline import Story

Row = Mapping[str, object]


def lines(story: Story, blueprint: Blueprint) -> list[str]:
    """The story for a terminal: who, how they regard us, in sentences, each interaction, promises, worth.

    blueprint : its labels, and its zone for times.
    """
    return [
        *_who(story),
        "",
        *(sentence.text for sentence in story.sentences),
        "",
        *_time_line(story, blueprint),
        *_coming(story, blueprint),
        *_promises(story, blueprint),
        *_worth(story),
        *_allowed(story),
    ]


def _who(story: Story) -> Iterator[str]:
    own = [f"{row['kind']}:{row['handle']}" for row in story.handles if not _is_thing(row)]
    things = Counter(str(row["kind"]).removeprefix(OBJECT) for row in story.handles if _is_thing(row))
    handles = ", ".join([*own, *(_several(n, kind) for kind, n in sorted(things.items()))])
    yield f"Person {story.person_id} ({handles})" if handles else f"Person {story.person_id}"
    if story.score is None:
        yield f"No {story.level} score: nothing that touches it is known by {story.as_of:%Y-%m-%d}."
        return
    score = story.score
    calibrated = "" if score["calibrated"] else "; not calibrated, it rests on stated priors"
    yield (
        f"Regards us at {_number(score['score']):+.0f} (90 % between {_number(score['low']):+.0f} and "
        f"{_number(score['high']):+.0f}), {story.level}, on the scale {score['scale'] or 'that the priors assume'}, "
        f"as of {story.as_of:%Y-%m-%d}{calibrated}."
    )


def _is_thing(handle: Row) -> bool:
    return str(handle["kind"]).startswith(OBJECT)


def _several(n: int, noun: str) -> str:
    return f"{n} {noun}{'' if n == 1 else 's'}"


def _time_line(story: Story, blueprint: Blueprint) -> Iterator[str]:
    zone, labels = ZoneInfo(blueprint.zone), {one.id: one.label for one in blueprint.touchpoints}
    channels = {one.id: one.label for one in blueprint.channels}
    points: dict[object, float] = {}
    for row in story.contributions:
        points[row["interaction_id"]] = points.get(row["interaction_id"], 0.0) + _number(row["points"])
    then = {name: one.points for one in story.curve for name in one.by}
    yield f"{'when':<17} {'then':>7} {'now':>7}  what happened (points at the time and now; {blueprint.zone})"
    if None in points:
        yield f"{'':<17} {'':>7} {points[None]:>+7.1f}  where everybody starts, and what is this person's own"
    for touch in story.touches:
        done = points.get(touch["interaction_id"])
        what = labels.get(str(touch["touchpoint"]), str(touch["touchpoint"] or touch["event"]))
        at_once = then.get(str(touch["interaction_id"])) if done is not None else None
        figures = " ".join(f"{_points(one):>7}" for one in (at_once, done))
        yield f"{_when(touch, zone):<17} {figures}  {what}{_detail(touch, channels)}"


def _coming(story: Story, blueprint: Blueprint) -> Iterator[str]:
    zone, labels = ZoneInfo(blueprint.zone), {one.id: one.label for one in blueprint.touchpoints}
    channels = {one.id: one.label for one in blueprint.channels}
    if story.coming:
        yield ""
        yield "Just in, not in the score yet (`regard refresh` brings it in)"
    for touch in story.coming:
        what = labels.get(str(touch["touchpoint"]), str(touch["touchpoint"] or touch["event"]))
        yield f"{_when(touch, zone):<17}  {what}{_detail(touch, channels)}"


def _when(touch: Row, zone: ZoneInfo) -> str:
    at = cast(dt.datetime, touch["at"]).astimezone(zone)
    return f"{at:%Y-%m-%d}" if touch["precision"] == "day" else f"{at:%Y-%m-%d %H:%M}"


def _points(value: float | None) -> str:
    """With its sign; nothing where there is none, and a bare 0 for what rounds to it."""
    if value is None:
        return ""
    return f"{value:+.1f}" if abs(value) >= 0.05 else "0"


def _detail(touch: Row, channels: Mapping[str, str]) -> str:
    parts = []
    if touch["channel"]:
        parts.append(channels.get(str(touch["channel"]), str(touch["channel"])))
    if touch["object_id"]:
        parts.append(f"{touch['object_type']} {touch['object_id']}")
    if touch["rating"] is not None:
        parts.append(f"answered {_number(touch['rating']):g} on {touch['scale']}")
    if touch["text"]:
        parts.append(f'"{touch["text"]}"')
    return f" ({', '.join(parts)})" if parts else ""


def _promises(story: Story, blueprint: Blueprint) -> Iterator[str]:
    zone, labels = ZoneInfo(blueprint.zone), {one.id: one.label for one in blueprint.promises}
    if story.promises:
        yield ""
        yield "Promises"
    for row in story.promises:
        due = f", due {cast(dt.datetime, row['due_at']).astimezone(zone):%Y-%m-%d}" if row["due_at"] else ""
        late = row["late_days"]
        missed = f", {late} day{'' if late == 1 else 's'} late" if isinstance(late, int) and late > 0 else ""
        outcome = str(row["outcome"]).replace("_", " ")
        reason = f" ({row['reason']})" if row["reason"] else ""
        about = f" ({row['object_type']} {row['object_id']})" if row["object_id"] else ""
        yield f"  {labels.get(str(row['kind']), row['kind'])}{about}: {outcome}{due}{missed}{reason}"


def _worth(story: Story) -> Iterator[str]:
    if story.value is None:
        return
    from regard.blueprint import exponent

    value = story.value
    currency = str(value["currency"])
    unit = 10 ** exponent(currency)
    yield ""
    served = _number(value["cost_to_serve_minor"]) / unit
    cost = f"cost to serve {served:,.2f} {currency} in twelve months."
    if value["expected_value_minor"] is None:
        spent = _number(value["spent_minor"]) / unit
        yield f"Spent {spent:,.2f} {currency} so far; what they will spend is not known; {cost}"
        return
    spend = _number(value["expected_value_minor"]) / unit
    yield (
        f"Worth {spend:,.2f} {currency} over the next {_number(value['horizon_s']) / 86_400:.0f} days "
        f"({_number(value['expected_purchases']):.2f} purchases expected, still a customer with probability "
        f"{_number(value['p_alive']):.2f}); {cost}"
    )


def _allowed(story: Story) -> Iterator[str]:
    if not story.consents:
        return
    yield ""
    for row in story.consents:
        by = f" by {row['channel']}" if row["channel"] else ""
        until = row["to_at"]
        over = isinstance(until, dt.datetime) and until <= story.as_of
        ends = f", until {until:%Y-%m-%d}" if isinstance(until, dt.datetime) else ""
        since = cast(dt.datetime, row["from_at"])
        from_when = f" since {since:%Y-%m-%d}" if since.year > 1970 else ""
        yield f"{'Allowed' if over else 'Allows'} {row['purpose']}{by}{from_when}{ends}."


def _number(value: object) -> float:
    return float(value) if isinstance(value, int | float) else 0.0
