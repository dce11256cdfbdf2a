"""One's own account: what one may see, where one is signed in, and the password."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from starlette.concurrency import run_in_threadpool

from regard.access import PERMISSIONS
from regard.errors import AccessError, RegardError
from regard.web.gate import address_of, doors, may, whose
from regard.web.site import site

router = APIRouter()
SAID = {
    "password": "Your password is changed, and you are signed out everywhere else.",
    "session": "That session is ended.",
}
SEES = {"figures": "figures", "people": "people and their stories", "tables": "tables and exports"} | {
    "files": "files and mappings",
    "manage": "accounts, keys and the audit trail",
}


@router.get("/account")
@may("oneself")
def account(request: Request) -> HTMLResponse:
    """Oneself."""
    return _page(request)


@router.post("/account/password")
@may("oneself")
async def password(request: Request) -> Response:
    """Change one's password."""
    form = await request.form()
    old, new, again = (str(form.get(name, "")) for name in ("old", "new", "again"))
    who, here = whose(request), doors(request)
    assert who.account_id is not None
    try:
        if new != again:
            raise AccessError("The two new passwords are not the same.", hint="Type it again in both fields.")
        await run_in_threadpool(
            here.sessions.accounts.change_password, who.account_id, old=old, new=new, keep=who.session
        )
    except RegardError as error:
        return await run_in_threadpool(_page, request, error, 400)
    here.sessions.changed()
    await run_in_threadpool(here.trail.note, who, "change password", who.name, address=address_of(request))
    return RedirectResponse("/account?said=password", 303)


@router.post("/account/sessions")
@may("oneself")
async def end_session(request: Request) -> Response:
    """Sign out another place."""
    form = await request.form()
    who, here = whose(request), doors(request)
    assert who.account_id is not None
    await run_in_threadpool(here.sessions.end, who.account_id, str(form.get("session", "")))
    await run_in_threadpool(here.trail.note, who, "sign out", who.name, address=address_of(request))
    return RedirectResponse("/account?said=session", 303)


def _page(request: Request, error: RegardError | None = None, status: int = 200) -> HTMLResponse:
    here, who = site(request), whose(request)
    assert who.account_id is not None
    now = here.now()
    return here.page(
        request,
        "account.html",
        now=now,
        view=here.view(request, now),
        status=status,
        sessions=doors(request).sessions.of(who.account_id),
        sees=[SEES[one] for one in PERMISSIONS if one in SEES and who.may(one)],
        said=SAID.get(request.query_params.get("said", "")),
        error=error,
    )
