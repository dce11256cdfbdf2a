"""Accounts: who can sign in, as what, and which part of the organisation they see."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import FormData

from regard.access import ROLES, Invited
from regard.errors import RegardError
from regard.web.gate import address_of, doors, may, whose
from regard.web.site import site

router = APIRouter()
MEANS = {
    "viewer": "figures, no customer by name",
    "agent": "and people, their stories, promises",
    "analyst": "and tables, exports, mappings",
    "admin": "and accounts, keys, the audit trail",
}


@router.get("/accounts")
@may("manage")
def accounts(request: Request) -> HTMLResponse:
    """All accounts."""
    return _page(request)


@router.post("/accounts")
@may("manage")
async def invite(request: Request) -> Response:
    """Make an account, and show the link for its first password once."""
    form, who, here = await request.form(), whose(request), doors(request)
    email = str(form.get("email", ""))
    try:
        made = await run_in_threadpool(
            here.sessions.accounts.create,
            email,
            role=str(form.get("role", "")),
            units=_units(form),
            by=who.name,
        )
    except RegardError as error:
        return await run_in_threadpool(_page, request, error=error, status=400)
    await run_in_threadpool(here.trail.note, who, "create account", made.account.email, address=address_of(request))
    return await run_in_threadpool(_page, request, made=made)


@router.post("/accounts/change")
@may("manage")
async def change(request: Request) -> Response:
    """Another role or part, or whether somebody may sign in; with `invite` another link for a password."""
    form, who, here = await request.form(), whose(request), doors(request)
    email, act = str(form.get("email", "")), str(form.get("act", "change"))
    made: Invited | None = None
    try:
        if act == "invite":
            made = await run_in_threadpool(here.sessions.accounts.invite, email)
        elif act in ("disable", "enable"):
            await run_in_threadpool(here.sessions.accounts.change, email, disabled=act == "disable")
        else:
            units = _units(form)
            await run_in_threadpool(
                here.sessions.accounts.change,
                email,
                role=str(form.get("role", "")),
                units=units,
                whole=units is None,
            )
    except RegardError as error:
        return await run_in_threadpool(_page, request, error=error, status=400)
    here.sessions.changed()
    await run_in_threadpool(here.trail.note, who, f"{act} account", email, address=address_of(request))
    if made is not None:
        return await run_in_threadpool(_page, request, made=made)
    return RedirectResponse("/accounts?said=changed", 303)


def _units(form: FormData) -> tuple[str, ...] | None:
    """The units that were ticked; None where the whole organisation was."""
    if form.get("part") != "units":
        return None
    return tuple(str(one) for one in form.getlist("units"))


def _page(
    request: Request, *, made: Invited | None = None, error: RegardError | None = None, status: int = 200
) -> HTMLResponse:
    here = site(request)
    now = here.now()
    page = here.page(
        request,
        "accounts.html",
        now=now,
        view=here.view(request, now),
        status=status,
        accounts=doors(request).sessions.accounts.list(),
        roles=[(one, MEANS[one]) for one in ROLES],
        units=[(one.id, one.label) for one in here.blueprint.units],
        link=f"{request.url.scheme}://{request.url.netloc}/welcome/{made.code}" if made else None,
        made=made,
        error=error,
        said="Changed." if request.query_params.get("said") else None,
    )
    page.headers["Cache-Control"] = "no-store"
    return page
