"""The journey map."""

from __future__ import annotations

from collections.abc import Sequence

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from regard import board
from regard.blueprint import Blueprint
from regard.pipeline.mapped import home, mapped
from regard.pipeline.standing import given
from regard.web import mapdraw, names, words
from regard.web.gate import may
from regard.web.site import site
from regard.web.view import View

router = APIRouter()
LISTED = 15


@router.get("/journeys")
@may("figures")
def journeys(request: Request) -> HTMLResponse:
    """The map of a segment over a period."""
    here = site(request)
    now, blueprint = here.now(), here.blueprint
    view = here.view(request, now)
    if now.published is None:
        return here.page(request, "unpublished.html", now=now, view=view, loaded=now.count("loads"))
    found = mapped(now, blueprint, view.segment, level=view.level, since=view.since, until=view.until)
    values = given(now, blueprint, view.segment, view.level)
    size = int(str(now.ask(board.people.counted(view.segment.kind, False), q=None, quadrant=None, **values)[0]["n"]))
    rows = now.ask(board.overview.causes(view.segment.kind), since=view.since, until=view.until, **values)
    did: dict[str, float] = {}
    for row in rows:
        place = home(blueprint, str(row["kind"]))
        if place is not None and size:
            did[place] = did.get(place, 0.0) + float(str(row["points"])) / size
    points = mapdraw.points(found.nodes, did, blueprint)
    called = {one.id: one.label for one in points}
    return here.page(
        request,
        "journeys.html",
        now=now,
        view=view,
        headline=headline(points, blueprint, view),
        drawing=mapdraw.draw(points, found.edges, blueprint) if points else None,
        points=sorted((one for one in points if not one.ghost), key=lambda one: -one.n),
        ghosts=[one for one in points if one.ghost],
        edges=found.edges[:LISTED],
        variants=[(row, [called.get(step, words.sentence(step)) for step in _steps(row)]) for row in found.variants],
        called=lambda name: called.get(str(name), words.sentence(name)),
        stage=lambda name: names.stage(blueprint, name) if name != mapdraw.ELSEWHERE else "—",
        steps=sum(int(str(row["n"])) for row in found.nodes),
    )


def _steps(row: object) -> list[str]:
    text = row["variant"] if isinstance(row, dict) else ""
    return str(text).split(" > ")


def headline(points: Sequence[mapdraw.Point], blueprint: Blueprint, view: View) -> str:
    """Where the relationship is hurt most, and where it is helped most."""
    felt = [one for one in points if one.points is not None and abs(one.points) >= 0.05]
    if not any(one.n for one in points):
        return "Nothing happened in this period"
    worst = min(felt, key=lambda one: one.points or 0.0, default=None)
    best = max(felt, key=lambda one: one.points or 0.0, default=None)
    who = names.segment(blueprint, view.segment)
    parts = []
    if worst is not None and worst.points is not None and worst.points < 0:
        parts.append(f"hurt most at {_inside(worst.label)} ({words.signed(worst.points, 1)})")
    if best is not None and best.points is not None and best.points > 0:
        parts.append(f"pleased most at {_inside(best.label)} ({words.signed(best.points, 1)})")
    if not parts:
        busiest = max(points, key=lambda one: one.n)
        return f"{who} meet us most at {_inside(busiest.label)}"
    return f"{who} were {' and '.join(parts)}"


def _inside(label: str) -> str:
    return label[:1].lower() + label[1:] if label[1:2].islower() else label
