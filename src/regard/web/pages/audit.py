"""The audit trail, for admins."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from regard.web.gate import doors, may
from regard.web.site import site

router = APIRouter()
SIZE = 100


@router.get("/audit")
@may("manage")
def audit(request: Request) -> HTMLResponse:
    """Lines of the trail, the latest first."""
    here, trail = site(request), doors(request).trail
    now, query = here.now(), request.query_params
    asked = {name: query.get(name) or None for name in ("who", "what", "whom", "person_id")}
    before = query.get("before", "")
    rows = trail.read(**asked, before=int(before) if before.isdigit() else None, most=SIZE + 1)
    return here.page(
        request,
        "audit.html",
        now=now,
        view=here.view(request, now),
        rows=rows[:SIZE],
        following=rows[SIZE - 1].entry if len(rows) > SIZE else None,
        asked=asked,
        verbs=trail.verbs(),
        first=not before,
    )
