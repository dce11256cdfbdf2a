"""A person's story: what happened to them, what it did to how they regard us, and what they are owed."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response

from regard.blueprint import Blueprint
from regard.pipeline.story import Story, asked
from regard.tables import OBJECT
from regard.web import names, words
from regard.web.gate import may, note
from regard.web.life import laid_out
from regard.web.site import site
from regard.web.view import View

router = APIRouter()
Row = Mapping[str, object]
SHOWN = 300


@router.get("/people/{person_id}")
@may("people")
def story(request: Request, person_id: str) -> Response:
    """One person, by their id or, where one person has it, by a handle."""
    here = site(request)
    now, blueprint = here.now(), here.blueprint
    view = here.view(request, now)
    found = asked(now, blueprint, person_id, level=view.level, coming=here.coming)
    if found.person_id != person_id:
        return RedirectResponse(view.link(f"/people/{found.person_id}"), 307)
    note(request, "read story", person_id=person_id)
    whole = request.query_params.get("all") == "1"
    touches = found.touches if whole else found.touches[-SHOWN:]
    left: dict[str, float] = {}
    for row in found.contributions:
        if row["interaction_id"] is not None:
            name = str(row["interaction_id"])
            left[name] = left.get(name, 0.0) + float(str(row["points"]))
    shown = {str(row["interaction_id"]) for row in touches}
    first = touches[0]["at"] if touches else None
    curve = [one for one in found.curve if isinstance(first, dt.datetime) and one.at >= first]
    spans = [one for one in found.spans if whole or one.made_by in shown or one.made_by is None]
    return here.page(
        request,
        "story.html",
        now=now,
        view=view,
        story=found,
        name=called(found.handles, person_id),
        things=[row for row in found.handles if str(row["kind"]).startswith(OBJECT)],
        life=laid_out(touches, curve, spans, left),
        coming=[(row, *says(row, 1, blueprint)) for row in reversed(found.coming)],
        hidden=len(found.touches) - len(touches),
        shown=shown,
        says=lambda event: says(event.row, len(event.rows), blueprint),
        headline=headline(found, view, blueprint),
        lapses=lapses(found, blueprint),
        resting=resting(found, blueprint),
        costs=costs(found, blueprint),
        label=lambda row: names.touchpoint(blueprint, row["touchpoint"], row["event"]),
        broken=[one for one in found.spans if one.outcome in ("broken", "overdue", "kept_in_letter")],
    )


def called(handles: Sequence[Row], person_id: str) -> str:
    """The handle that names somebody best."""
    rank = {"customer": 0, "email": 1, "phone": 2}
    usual = [row for row in handles if not str(row["kind"]).startswith(OBJECT)]
    best = min(usual, key=lambda row: (rank.get(str(row["kind"]), 9), str(row["handle"])), default=None)
    return str(best["handle"]) if best else person_id


def headline(found: Story, view: View, blueprint: Blueprint) -> str:
    """How this person regards us, and what their worst moment was."""
    if found.score is None and not found.touches and found.coming:
        return "is new"
    if found.score is None:
        return "has no score on this level yet"
    score = found.score["score"]
    worst = min(found.curve, key=lambda one: one.points, default=None)
    text = f"regards us at {words.signed(score)}"
    if worst is not None and worst.points <= -3:
        row = next((one for one in found.touches if str(one["interaction_id"]) in worst.by), None)
        what = names.touchpoint(blueprint, row["touchpoint"], row["event"]).lower() if row else "something"
        text += f"; {what} on {words.day(worst.at, view.zone)} cost {abs(worst.points):.0f} points"
    return text


def says(row: Row, n: int, blueprint: Blueprint) -> tuple[str, str]:
    """An interaction in words: what it was, and its particulars."""
    label = names.touchpoint(blueprint, row["touchpoint"], row["event"])
    more = []
    if isinstance(row["rating"], float):
        more.append(f"answered {row['rating']:g} on {row['scale']}")
    if isinstance(row["amount_minor"], int):
        more.append(words.money(row["amount_minor"], row["currency"], cents=True))
    if isinstance(row["duration_s"], float):
        more.append(words.span(row["duration_s"]))
    if row["text"]:
        more.append(f"“{row['text']}”")
    if row["object_id"]:
        more.append(f"{row['object_type']} {row['object_id']}")
    channels = {one.id: one.label for one in blueprint.channels}
    if row["channel"]:
        more.append(channels.get(str(row["channel"]), str(row["channel"])))
    return (f"{n} × {label}" if n > 1 else label), " · ".join(more)


@dataclass(frozen=True)
class Lapse:
    """Something that went wrong. left : share of its first weight that is still there."""

    label: str
    at: object
    record: str
    points: float
    left: float
    recovered: bool


def lapses(found: Story, blueprint: Blueprint) -> list[Lapse]:
    """What went wrong and what of it is left, the heaviest first."""
    made = []
    for row in sorted(found.lapses, key=lambda one: -float(str(one["residual"] or 0)))[:6]:
        sort, _, name = str(row["kind"]).partition(": ")
        severity, residual = float(str(row["severity"] or 0)), float(str(row["residual"] or 0))
        label = f"{words.sentence(sort)}: {names.kind(blueprint, name)}" if name else words.sentence(sort)
        share = residual / severity if severity else 0.0
        made.append(
            Lapse(label, row["at"], str(row["interaction_id"]), residual, share, row["recovered_at"] is not None)
        )
    return made


def resting(found: Story, blueprint: Blueprint) -> list[tuple[str, float]]:
    """The parts of the score that rest on no interaction: base, person, account; in points."""
    rows = [row for row in found.contributions if row["interaction_id"] is None]
    return [(names.kind(blueprint, str(row["kind"])), float(str(row["points"]))) for row in rows]


def costs(found: Story, blueprint: Blueprint) -> list[tuple[str, int, str, bool]]:
    """What serving them cost, by cause: (cause, times, money, caused by us)."""
    channels = {one.id: one.label for one in blueprint.channels}
    return [
        (
            words.sentence(row["cause"])
            + (f", {channels.get(str(row['channel']), row['channel'])}" if row["channel"] else ""),
            int(str(row["n"])),
            words.money(row["cost_minor"], row["currency"], cents=True),
            bool(row["ours"]),
        )
        for row in found.costs
    ]
