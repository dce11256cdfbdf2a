"""Value beside disruption."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from regard import board
from regard.pipeline.standing import given
from regard.web.gate import may
from regard.web.site import site

router = APIRouter()
SAYS = {
    "cherish": ("Worth more, calm", "keep what they have"),
    "mend": ("Worth more, disruptive", "find out why serving them costs so much"),
    "keep": ("Worth less, calm", "nothing to mend"),
    "rethink": ("Worth less, disruptive", "the way we serve them costs more than it brings"),
}


@router.get("/value")
@may("figures")
def value(request: Request) -> HTMLResponse:
    """The four quadrants, and what serving customers cost."""
    here = site(request)
    now, blueprint = here.now(), here.blueprint
    view = here.view(request, now)
    if now.published is None:
        return here.page(request, "unpublished.html", now=now, view=view, loaded=now.count("loads"))
    values = given(now, blueprint, view.segment, view.level)
    rows = {row["quadrant"]: row for row in now.ask(board.worth.quadrants(view.segment.kind), **values)}
    costs = now.ask(board.worth.costs(view.segment.kind), **values)
    whole = sum(float(str(row["cost_minor"] or 0)) for row in costs)
    ours = sum(float(str(row["cost_minor"] or 0)) for row in costs if row["ours"])
    channels = {one.id: one.label for one in blueprint.channels}
    return here.page(
        request,
        "value.html",
        now=now,
        view=view,
        quadrants=[(name, *SAYS[name], rows.get(name)) for name in SAYS],
        unknown=rows.get(None),
        expected=sum(float(str(row["value_minor"] or 0)) for row in rows.values()),
        foreseen=any(row["value_minor"] is not None for row in rows.values()),
        n=sum(int(str(row["n"])) for name, row in rows.items() if name is not None),
        costs=[{**row, "channel": channels.get(str(row["channel"]), row["channel"])} for row in costs],
        whole=whole,
        ours=ours,
    )
