"""Write keys: which systems send interactions, as which source, and how fast."""

from __future__ import annotations

import datetime as dt

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import FormData

from regard.access import SCOPES, Issued
from regard.errors import RegardError, SettingError
from regard.web.gate import address_of, doors, may, whose
from regard.web.site import site

router = APIRouter()
GRACE = dt.timedelta(days=1)


@router.get("/keys")
@may("manage")
def keys(request: Request) -> HTMLResponse:
    """All keys."""
    return _page(request)


@router.post("/keys")
@may("manage")
async def create(request: Request) -> Response:
    """Make a key, and show it once."""
    form, who, here = await request.form(), whose(request), doors(request)
    try:
        made = await run_in_threadpool(
            here.keys.create,
            str(form.get("name", "")).strip(),
            source=str(form.get("source", "")).strip() or None,
            scopes=(str(form.get("scope", "")),),
            origins=str(form.get("origins", "")).split(),
            rate=_rate(form),
            by=who.name,
        )
    except RegardError as error:
        return await run_in_threadpool(_page, request, error=error, status=400)
    await run_in_threadpool(here.trail.note, who, "create key", made.key.name, address=address_of(request))
    return await run_in_threadpool(_page, request, made=made)


@router.post("/keys/change")
@may("manage")
async def change(request: Request) -> Response:
    """Give a key another secret, or revoke it."""
    form, who, here = await request.form(), whose(request), doors(request)
    name, act = str(form.get("name", "")), str(form.get("act", ""))
    made: Issued | None = None
    try:
        if act == "rotate":
            made = await run_in_threadpool(here.keys.rotate, name, grace=GRACE)
        elif act == "revoke":
            await run_in_threadpool(here.keys.revoke, name)
        else:
            raise SettingError(f"{act!r} cannot be done to a key.", allowed="rotate, revoke")
    except RegardError as error:
        return await run_in_threadpool(_page, request, error=error, status=400)
    await run_in_threadpool(here.trail.note, who, f"{act} key", name, address=address_of(request))
    return await run_in_threadpool(_page, request, made=made) if made else RedirectResponse("/keys", 303)


def _rate(form: FormData) -> float | None:
    text = str(form.get("rate", "")).strip()
    try:
        return float(text) if text else None
    except ValueError:
        raise SettingError(f"{text!r} is not a rate.", allowed="a number of events a second over 0") from None


def _page(
    request: Request, *, made: Issued | None = None, error: RegardError | None = None, status: int = 200
) -> HTMLResponse:
    here = site(request)
    now = here.now()
    held = doors(request).keys
    page = here.page(
        request,
        "keys.html",
        now=now,
        view=here.view(request, now),
        status=status,
        keys=held.list(),
        scopes=SCOPES,
        made=made,
        signing=held.signing_secret(made.key) if made and made.key.may("browser") else None,
        error=error,
    )
    page.headers["Cache-Control"] = "no-store"
    return page
