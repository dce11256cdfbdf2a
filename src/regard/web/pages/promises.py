"""Promises: what was promised, what came, and by how much it was missed."""

from __future__ import annotations

from zoneinfo import ZoneInfo

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from regard import board
from regard.board.story import kept_in_words
from regard.errors import SettingError
from regard.pipeline.standing import given
from regard.web import names
from regard.web.gate import may
from regard.web.pages import kept
from regard.web.site import site

router = APIRouter()
BAD = ("broken", "overdue", "kept_in_letter")


@router.get("/promises")
@may("people")
def promises(request: Request) -> HTMLResponse:
    """Promises that fell due in the period, or all of one person's."""
    here = site(request)
    now, blueprint = here.now(), here.blueprint
    view = here.view(request, now)
    if now.published is None:
        return here.page(request, "unpublished.html", now=now, view=view, loaded=now.count("loads"))
    query = request.query_params
    outcome = query.get("outcome") or None
    if outcome is not None and outcome not in board.promises.OUTCOMES:
        raise SettingError(f"{outcome!r} is not an outcome.", allowed=", ".join(board.promises.OUTCOMES))
    asked = {"kind": query.get("kind") or None, "outcome": outcome, "person": query.get("q") or None}
    values = {**given(now, blueprint, view.segment, view.level), "since": view.since, "until": view.until}
    of = view.segment.kind
    rows = now.ask(board.promises.listed(of), **asked, **values)
    counts = now.ask(board.promises.counted(of), **{**asked, "outcome": None}, **values)
    by_outcome = {
        name: sum(int(str(r["n"])) for r in counts if r["outcome"] == name) for name in board.promises.OUTCOMES
    }
    whole = {**asked, "outcome": None}
    found = kept.kinds(
        counts,
        now.ask(board.promises.heard(of), **whole, **values),
        now.ask(board.promises.expected(of), **whole, **values),
        now.ask(board.promises.by_unit(of), **whole, **values),
        blueprint,
    )
    ids = sorted({str(row["person_id"]) for row in rows if row["person_id"]})
    called = {row["person_id"]: row["handle"] for row in now.ask(board.people.names(), people=ids)} if ids else {}
    zone = ZoneInfo(blueprint.zone)
    return here.page(
        request,
        "promises.html",
        now=now,
        view=view,
        rows=rows,
        asked=asked,
        outcomes=by_outcome,
        found=found,
        news=kept.sentences(found),
        n=sum(by_outcome.values()),
        missed=sum(by_outcome[name] for name in BAD),
        kinds=[(one.id, one.label) for one in blueprint.promises],
        called=called,
        says=lambda row: kept_in_words(row, zone),
        label=lambda name: names.promise(blueprint, name),
        function=lambda name: names.function(blueprint, name),
        bad=BAD,
        shown=board.promises.SHOWN,
    )
