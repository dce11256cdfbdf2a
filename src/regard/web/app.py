"""The application: routes, assets, and what a reader sees when something is wrong."""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from http import HTTPStatus

from anyio import to_thread
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, JSONResponse, Response
from fastapi.staticfiles import StaticFiles
from starlette.exceptions import HTTPException
from starlette.middleware.gzip import GZipMiddleware

from regard.access import Keys, Pace, TooManyTries, Who
from regard.errors import (
    AccessError,
    BlueprintError,
    RegardError,
    SettingError,
    StoreError,
    TableError,
    WorkspaceError,
)
from regard.ledger.log import GroupCommit
from regard.store import Store
from regard.web import api, outside
from regard.web.figures import Figures
from regard.web.gate import GATED, Closed, Doors, NotSignedIn, check_declared, may
from regard.web.ingest import Ingest
from regard.web.ingest_schema import describe
from regard.web.measures import Measured, Measures
from regard.web.pages import ROUTERS
from regard.web.pages.sign_in import to_sign_in
from regard.web.site import HERE, ROOMS, Site
from regard.workspace import Workspace

STATUS: dict[type[RegardError], int] = {
    SettingError: 400,
    TableError: 404,
    BlueprintError: 409,
    WorkspaceError: 409,
    NotSignedIn: 401,
    TooManyTries: 429,
    AccessError: 403,
    StoreError: 503,
}
NOTED_EVERY_S = 30.0
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
    store: Store | None = None,
    keys: Keys | None = None,
    pace: Pace | None = None,
) -> FastAPI:
    """An ASGI application over one workspace.

    clock  : the time now; given, so that tests can stop it.
    store  : the live state, opened; else that of the keys, else the workspace's.
    keys   : the write keys; else the store's.
    pace   : how fast keys may send; None: as fast as they like.
    Raises : AccessError for a route of which nobody has said who may ask for it.
    """
    app = FastAPI(
        title="Regard",
        version=VERSION,
        description="How customers regard us: every table and every story, as JSON. Times are ISO 8601 in UTC.",
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        dependencies=GATED,
        lifespan=_living,
    )
    app.state.site = Site(workspace, clock)
    store = store or (keys.store if keys else Store.open(workspace))
    doors = Doors.of(store, clock, keys)
    app.state.doors = doors
    app.add_middleware(Closed)
    app.add_middleware(GZipMiddleware, minimum_size=2_000, compresslevel=4)
    app.middleware("http")(_guarded)
    static = may("anyone")(StaticFiles(directory=HERE / "static"))
    app.mount("/static", static, name="static")
    app.include_router(api.router)
    app.include_router(outside.router)
    for router in ROUTERS:
        app.include_router(router, include_in_schema=False)
    app.exception_handler(RegardError)(_wrong)
    app.exception_handler(HTTPException)(_refused)
    app.exception_handler(RequestValidationError)(_unreadable)
    app.exception_handler(Exception)(_broken)
    app.openapi = describe(app.openapi)  # type: ignore[method-assign]
    app.state.log = GroupCommit(workspace.log)
    app.add_middleware(Ingest, workspace=workspace, keys=doors.keys, pace=pace, clock=clock, log=app.state.log)
    app.state.measures = measures = Measures()
    measures.registry.register(Figures(app.state.site, store, app.state.log.gauges))
    app.add_middleware(Measured, measures=measures)
    check_declared(app)
    return app


@asynccontextmanager
async def _living(app: FastAPI) -> AsyncIterator[None]:
    """While the application runs, keys' last use is stored every half minute."""
    doors: Doors = app.state.doors

    async def note_used() -> None:
        while True:
            await asyncio.sleep(NOTED_EVERY_S)
            with suppress(StoreError):  # it is tried again, and whoever needs the store is told
                await to_thread.run_sync(doors.keys.note_used)

    noting = asyncio.create_task(note_used())
    try:
        yield
    finally:
        noting.cancel()
        with suppress(StoreError):
            doors.keys.note_used()


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
    if isinstance(error, NotSignedIn) and not _for_programs(request):
        return to_sign_in(request)
    answer = _said(request, status, error.problem, found=error.found, allowed=error.allowed, hint=error.hint)
    if status == HTTPStatus.UNAUTHORIZED:
        answer.headers["WWW-Authenticate"] = 'Bearer realm="regard"'
    if isinstance(error, TooManyTries):
        answer.headers["Retry-After"] = str(max(1, round(error.wait_s)))
    elif isinstance(error, StoreError):
        answer.headers["Retry-After"] = "5"
    return answer


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


def _for_programs(request: Request) -> bool:
    return request.url.path.startswith(("/api/", "/v1/", "/hooks/")) or request.url.path in outside.PATHS


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
    if _for_programs(request):
        said = {"type": "about:blank", "title": problem, "status": status}
        said |= {name: text for name, text in (("detail", found), ("allowed", allowed), ("hint", hint)) if text}
        return JSONResponse(said, status, media_type="application/problem+json")
    here: Site = request.app.state.site
    page = here.templates.get_template("problem.html")
    more = {"problem": problem, "found": found, "allowed": allowed, "hint": hint, "status": status}
    who = request.scope.get("state", {}).get("who")
    rooms = [one for one in ROOMS if isinstance(who, Who) and who.may(one.needs)]
    return HTMLResponse(page.render(request=request, rooms=rooms, name=here.workspace.root.name, **more), status)
