"""Signing in and out, and the one-time link with which somebody sets their password."""

from __future__ import annotations

from urllib.parse import quote

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from starlette.concurrency import run_in_threadpool

from regard.access.sessions import LASTS
from regard.errors import AccessError, RegardError
from regard.web.gate import COOKIE, address_of, doors, may, whose
from regard.web.site import Site, bare

router = APIRouter()
HOME = "/"


@router.get("/sign-in")
@may("anyone")
def sign_in_page(request: Request) -> Response:
    """The form; whoever is signed in already goes on."""
    if "who" in request.scope["state"]:
        return RedirectResponse(onward(request.query_params.get("next")), 303)
    return _page(request, "sign_in.html", following=onward(request.query_params.get("next")), email="")


@router.post("/sign-in")
@may("anyone", proof=False)
async def sign_in(request: Request) -> Response:
    """Take an address and a password."""
    form = await request.form()
    email, password, following = (str(form.get(name, "")) for name in ("email", "password", "next"))
    if request.headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
        raise AccessError("Another site asked for this.")
    here = doors(request)
    try:
        account, token = await run_in_threadpool(
            here.sessions.sign_in,
            email,
            password,
            address=address_of(request),
            device=request.headers.get("user-agent", ""),
        )
    except AccessError as error:
        wait = getattr(error, "wait_s", None)
        page = _page(
            request,
            "sign_in.html",
            status=429 if wait else 401,
            following=onward(following),
            email=email,
            error=error,
        )
        if wait:
            page.headers["Retry-After"] = str(max(1, round(wait)))
        return page
    request.state.who = here.sessions.who(token)
    await run_in_threadpool(here.trail.note, whose(request), "sign in", account.email, address=address_of(request))
    return signed_in(request, token, onward(following))


@router.post("/sign-out")
@may("oneself")
def sign_out(request: Request) -> Response:
    """End this session, or with `everywhere` all of them."""
    who, here = whose(request), doors(request)
    assert who.account_id is not None
    everywhere = request.query_params.get("everywhere") == "1"
    here.sessions.end(who.account_id, None if everywhere else who.session)
    here.trail.note(who, "sign out everywhere" if everywhere else "sign out", who.name, address=address_of(request))
    answer = RedirectResponse("/sign-in", 303)
    answer.delete_cookie(COOKIE)
    return answer


@router.get("/welcome/{code}")
@may("anyone")
def welcome(request: Request, code: str) -> Response:
    """Set the first password, or a new one, with a link that works once."""
    account = doors(request).sessions.accounts.invited(code)
    if account is None:
        return _page(request, "welcome.html", status=404, account=None)
    return _page(request, "welcome.html", account=account)


@router.post("/welcome/{code}")
@may("anyone", proof=False)
async def welcomed(request: Request, code: str) -> Response:
    """Take the password and sign in."""
    form = await request.form()
    password, again = (str(form.get(name, "")) for name in ("password", "again"))
    here = doors(request)
    account = await run_in_threadpool(here.sessions.accounts.invited, code)
    if account is None:
        return _page(request, "welcome.html", status=404, account=None)
    try:
        if password != again:
            raise AccessError("The two are not the same.", hint="Type it again in both fields.")
        account = await run_in_threadpool(here.sessions.accounts.accept, code, password)
    except RegardError as error:
        return _page(request, "welcome.html", status=400, account=account, error=error)
    token = await run_in_threadpool(
        here.sessions.begin,
        account,
        address=address_of(request),
        device=request.headers.get("user-agent", ""),
    )
    here.sessions.changed()
    request.state.who = here.sessions.who(token)
    await run_in_threadpool(here.trail.note, whose(request), "set password", account.email, address=address_of(request))
    return signed_in(request, token, HOME)


def signed_in(request: Request, token: str, following: str) -> Response:
    """Go on with a session's cookie: not for scripts, not for other sites, and over TLS only where there is TLS."""
    answer = RedirectResponse(following, 303)
    answer.set_cookie(
        COOKIE,
        token,
        max_age=int(LASTS.total_seconds()),
        httponly=True,
        samesite="lax",
        secure=request.url.scheme == "https",
    )
    return answer


def to_sign_in(request: Request) -> Response:
    """Send whoever is not signed in to the form, and afterwards to where they wanted to go."""
    if request.headers.get("hx-request"):
        return Response(status_code=401, headers={"HX-Redirect": "/sign-in"})
    wanted = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    more = f"?next={quote(wanted)}" if request.method == "GET" and wanted != HOME else ""
    return RedirectResponse(f"/sign-in{more}", 303)


def onward(path: str | None) -> str:
    """A page of ours to go on to; whatever leads elsewhere leads to the first one.

    >>> onward("/people?q=ada"), onward("//evil.example"), onward("https://evil.example")
    ('/people?q=ada', '/', '/')
    """
    safe = path is not None and path.startswith("/") and path[1:2] not in ("/", "\\") and path.isprintable()
    return path if safe and path is not None else HOME


def _page(request: Request, template: str, *, status: int = 200, **more: object) -> HTMLResponse:
    here: Site = bare(request)
    made = here.templates.get_template(template)
    try:
        name = here.blueprint.name
    except RegardError:  # whoever is to mend it must be able to sign in
        name = here.workspace.root.name
    text = made.render(name=name, **{"error": None, **more})
    return HTMLResponse(text, status, headers={"Cache-Control": "no-store"})
