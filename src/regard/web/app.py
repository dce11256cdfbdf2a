"""The application: routes, assets, and what a reader sees when something is wrong."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from http import HTTPStatus

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, JSONResponse, Response
from fastapi.staticfiles import StaticFiles
from starlette.exceptions import HTTPException
from starlette.middleware.gzip import GZipMiddleware

from regard.access import Keys, Pace
from regard.errors import BlueprintError, RegardError, SettingError, TableError, WorkspaceError
from regard.ledger.log import GroupCommit
from regard.web import api
from regard.web.ingest import Ingest
from regard.web.ingest_schema import describe
from regard.web.pages import ROUTERS
from regard.web.site import HERE, ROOMS, Site
from regard.workspace import Workspace

STATUS: dict[type[RegardError], int] = {SettingError: 400, TableError: 404, BlueprintError: 409, WorkspaceError: 409}
POLICY = (
    "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; base-uri 'none'; form-action 'self'"
)
VERSION = "1"


def utc_now() -> dt.datetime:
    """The time now, UTC."""
    return dt.datetime.now(dt.UTC)


def create_app(
    workspace: Workspace,
    *,
    clock: Callable[[], dt.datetime] = utc_now,
    keys: Keys | None = None,
    pace: Pace | None = None,
) -> FastAPI:
    """An ASGI application over one workspace.

    clock : the time now; given, so that tests can stop it.
    keys  : the write keys; None: nothing can be sent.
    pace  : how fast keys may send; None: as fast as they like.
    """
    app = FastAPI(
        title="Regard",
        version=VERSION,
        description="How customers regard us: every table and every story, as JSON. Times are ISO 8601 in UTC.",
        docs_url=None,
        redoc_url=None,
        openapi_url="/api/v1/openapi.json",
    )
    app.state.site = Site(workspace, clock)
    app.add_middleware(GZipMiddleware, minimum_size=2_000, compresslevel=4)
    app.middleware("http")(_guarded)
    app.mount("/static", StaticFiles(directory=HERE / "static"), name="static")
    app.include_router(api.router)
    for router in ROUTERS:
        app.include_router(router, include_in_schema=False)
    app.exception_handler(RegardError)(_wrong)
    app.exception_handler(HTTPException)(_refused)
    app.exception_handler(RequestValidationError)(_unreadable)
    app.exception_handler(Exception)(_broken)
    app.openapi = describe(app.openapi)  # type: ignore[method-assign]
    app.state.log = GroupCommit(workspace.log)
    app.add_middleware(Ingest, workspace=workspace, keys=keys, pace=pace, clock=clock, log=app.state.log)
    return app


async def _guarded(request: Request, follow: Callable[[Request], object]) -> Response:
    """Nothing from elsewhere is loaded, and no other site can post to this one."""
    origin = request.headers.get("origin")
    if request.method not in ("GET", "HEAD") and origin and origin.split("://")[-1] != request.headers.get("host"):
        return JSONResponse({"title": "Another site asked for this."}, HTTPStatus.FORBIDDEN)
    answer: Response = await follow(request)  # type: ignore[misc]
    answer.headers["Content-Security-Policy"] = POLICY
    answer.headers["X-Content-Type-Options"] = "nosniff"
    answer.headers["Referrer-Policy"] = "same-origin"
    if request.url.path.startswith("/static/vendor/"):
        answer.headers["Cache-Control"] = "public, max-age=86400"
    elif request.url.path.startswith("/static/"):
        answer.headers["Cache-Control"] = "no-cache"
    return answer


def _wrong(request: Request, error: Exception) -> Response:
    assert isinstance(error, RegardError)
    status = next((code for kind, code in STATUS.items() if isinstance(error, kind)), 500)
    return _said(request, status, error.problem, found=error.found, allowed=error.allowed, hint=error.hint)


def _refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    if error.status_code == HTTPStatus.NOT_FOUND:
        return _said(request, 404, "There is no such page.", found=request.url.path, hint="Choose one in the rail.")
    return _said(request, error.status_code, HTTPStatus(error.status_code).phrase)


def _unreadable(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    found = "; ".join(f"{'.'.join(map(str, one['loc'][1:]))}: {one['msg']}" for one in error.errors())
    return _said(
        request, 400, "The request has a value that cannot be used.", found=found, hint="See the API reference."
    )


def _broken(request: Request, error: Exception) -> Response:
    hint = "It is our mistake, not yours. What the server printed says where; please report it."
    return _said(request, 500, "Something broke while this was made.", found=type(error).__name__, hint=hint)


def _said(
    request: Request,
    status: int,
    problem: str,
    *,
    found: str | None = None,
    allowed: str | None = None,
    hint: str | None = None,
) -> Response:
    """A problem as RFC 9457 has it for programs, as a page for people."""
    if request.url.path.startswith("/api/"):
        said = {"type": "about:blank", "title": problem, "status": status}
        said |= {name: text for name, text in (("detail", found), ("allowed", allowed), ("hint", hint)) if text}
        return JSONResponse(said, status, media_type="application/problem+json")
    here: Site = request.app.state.site
    page = here.templates.get_template("problem.html")
    more = {"problem": problem, "found": found, "allowed": allowed, "hint": hint, "status": status}
    return HTMLResponse(page.render(request=request, rooms=ROOMS, name=here.workspace.root.name, **more), status)
