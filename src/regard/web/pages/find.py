"""The search: any person, touchpoint, page or table."""

from __future__ import annotations

from dataclasses import dataclass

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from regard import board
from regard.engine import Now
from regard.tables import TABLES
from regard.web import names
from regard.web.gate import may
from regard.web.site import Site, site
from regard.web.view import View

router = APIRouter()
MOST = 8


@dataclass(frozen=True)
class Hit:
    """One thing found."""

    path: str
    label: str
    says: str


@router.get("/search")
@may("figures")
def search(request: Request) -> HTMLResponse:
    """What was found, as a page."""
    here = site(request)
    now = here.now()
    view = here.view(request, now)
    q = request.query_params.get("q", "").strip()
    return here.page(request, "search.html", now=now, view=view, q=q, found=hits(here, now, view, q, most=50))


@router.get("/search/part")
@may("figures")
def search_part(request: Request) -> HTMLResponse:
    """What was found, to drop down from the field."""
    here = site(request)
    now = here.now()
    view = here.view(request, now)
    q = request.query_params.get("q", "").strip()
    page = here.templates.get_template("parts/found.html")
    return HTMLResponse(page.render(found=hits(here, now, view, q, most=MOST), q=q))


def hits(here: Site, now: Now, view: View, q: str, *, most: int) -> list[tuple[str, list[Hit]]]:
    """Groups of hits, empty ones left out."""
    if not q:
        return []
    low = q.lower()
    blueprint = here.blueprint
    rooms = [
        Hit(view.link(one.path), one.label, one.says) for one in here.rooms if low in f"{one.label} {one.says}".lower()
    ]
    points = [
        Hit(view.link("/touchpoints") + f"#{one.id}", one.label, names.stage(blueprint, one.stage))
        for one in blueprint.touchpoints
        if low in f"{one.label} {one.id}".lower()
    ]
    rows_too = here.who.may("tables")
    tables = [
        Hit(view.link(f"/tables/{name}"), name, spec.says) for name, spec in TABLES.items() if rows_too and low in name
    ]
    people: list[Hit] = []
    if now.published is not None and here.who.may("people"):
        rows = now.ask(board.people.search(), q=q, size=most)
        people = [Hit(view.link(f"/people/{r['person_id']}"), str(r["handle"]), str(r["kind"])) for r in rows]
    groups = [("People", people), ("Touchpoints", points[:most]), ("Pages", rooms[:most]), ("Tables", tables[:most])]
    return [(label, found) for label, found in groups if found]
