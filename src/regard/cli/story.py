"""One customer's story as lines of text."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from regard.pipeline import Story

Row = Mapping[str, object]


def lines(story: Story) -> list[str]:
    """The story for a terminal: who, how they regard us, in sentences, each interaction, promises, worth."""
    return [
        *_who(story),
        "",
        *(sentence.text for sentence in story.sentences),
        "",
        *_time_line(story),
        *_promises(story),
        *_worth(story),
    ]


def _who(story: Story) -> Iterator[str]:
    handles = ", ".join(f"{row['kind']}:{row['handle']}" for row in story.handles)
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


def _time_line(story: Story) -> Iterator[str]:
    points: dict[object, float] = {}
    for row in story.contributions:
        points[row["interaction_id"]] = points.get(row["interaction_id"], 0.0) + _number(row["points"])
    yield f"{'when (UTC)':<17} {'points':>7}  what"
    if None in points:
        yield f"{'':<17} {points[None]:>+7.1f}  where everybody starts, and what is this person's own"
    for touch in story.touches:
        at = cast(dt.datetime, touch["at"])
        when = f"{at:%Y-%m-%d}" if touch["precision"] == "day" else f"{at:%Y-%m-%d %H:%M}"
        done = points.get(touch["interaction_id"])
        what = str(touch["touchpoint"] or touch["event"])
        yield f"{when:<17} {'' if done is None else f'{done:+.1f}':>7}  {what}{_detail(touch)}"


def _detail(touch: Row) -> str:
    parts = []
    if touch["channel"]:
        parts.append(f"by {touch['channel']}")
    if touch["object_id"]:
        parts.append(f"{touch['object_type']} {touch['object_id']}")
    if touch["rating"] is not None:
        parts.append(f"answered {_number(touch['rating']):g} on {touch['scale']}")
    if touch["text"]:
        parts.append(f'"{touch["text"]}"')
    return f" ({', '.join(parts)})" if parts else ""


def _promises(story: Story) -> Iterator[str]:
    if story.promises:
        yield ""
        yield "Promises"
    for row in story.promises:
        due = f", due {cast(dt.datetime, row['due_at']):%Y-%m-%d}" if row["due_at"] else ""
        late = row["late_days"]
        missed = f", {late} days late" if isinstance(late, int) and late > 0 else ""
        outcome = str(row["outcome"]).replace("_", " ")
        reason = f" ({row['reason']})" if row["reason"] else ""
        yield f"  {row['kind']}: {outcome}{due}{missed}{reason}"


def _worth(story: Story) -> Iterator[str]:
    if story.value is None:
        return
    from regard.blueprint import exponent

    value = story.value
    currency = str(value["currency"])
    unit = 10 ** exponent(currency)
    yield ""
    spend = _number(value["expected_value_minor"]) / unit
    served = _number(value["cost_to_serve_minor"]) / unit
    yield (
        f"Worth {spend:,.2f} {currency} over the next {_number(value['horizon_s']) / 86_400:.0f} days "
        f"({_number(value['expected_purchases']):.2f} purchases expected, still a customer with probability "
        f"{_number(value['p_alive']):.2f}); cost to serve {served:,.2f} {currency} in twelve months."
    )


def _number(value: object) -> float:
    return float(value) if isinstance(value, int | float) else 0.0
