"""What is asked from outside by machines: does it live, can it work, and every figure that a monitor keeps."""

from __future__ import annotations

import time
from dataclasses import asdict

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from regard.access import Keys
from regard.access.asking import at_this_machine
from regard.errors import AccessError
from regard.pipeline.ready import Check, checks
from regard.web.api import Problem
from regard.web.gate import NotSignedIn, asking, doors, may
from regard.web.site import Site

HOLD_S = 1.0
"""So long an answer to /readyz holds: anybody may ask, and asking writes to the disk."""
SCOPE = "metrics"
PATHS = ("/healthz", "/readyz", "/metrics")
router = APIRouter(tags=["operation"])


@router.get("/healthz", summary="Whether the process lives.", responses={200: {"description": "It does."}})
@may("anyone")
async def healthz() -> dict[str, str]:
    """Whether the process lives: it answers."""
    return {"status": "alive"}


@router.get(
    "/readyz",
    summary="Whether it can do its work: store, log and follower.",
    responses={200: {"description": "All is well."}, 503: {"description": "Something is not; which, and why."}},
)
@may("anyone")
def readyz(request: Request) -> JSONResponse:
    """Whether it can do its work, with what was looked at."""
    found = _held(request)
    well = all(one.well for one in found)
    said = {"status": "ready" if well else "not ready", "checks": [{**asdict(one), "well": one.well} for one in found]}
    return JSONResponse(said, 200 if well else 503, headers={"Cache-Control": "no-store"})


@router.get(
    "/metrics",
    summary="Every figure, as Prometheus reads it.",
    response_class=Response,
    responses={
        200: {"description": "The figures.", "content": {"text/plain": {"schema": {"type": "string"}}}},
        401: {"description": "Neither from this machine nor with a key.", "model": Problem},
        403: {"description": "The key has not the scope `metrics`.", "model": Problem},
        503: {"description": "The live state does not answer.", "model": Problem},
    },
)
@may("anyone")
def metrics(request: Request) -> Response:
    """Every figure: to this machine, to a key with the scope `metrics`, and to a token of an admin."""
    _admitted(request)
    return Response(generate_latest(request.app.state.measures.registry), media_type=CONTENT_TYPE_LATEST)


def _admitted(request: Request) -> None:
    """Raises : NotSignedIn or AccessError for whoever may not."""
    asked, keys = asking(request), doors(request).keys
    who = request.scope["state"].get("who")
    if who is not None and who.may("manage"):
        return
    if asked.bearer is None and at_this_machine(asked):
        return
    if not asked.bearer:
        raise NotSignedIn(
            "A key is needed from elsewhere.",
            hint="Send `Authorization: Bearer KEY`: regard key create monitor --scope metrics",
        )
    _must(keys, asked.bearer)


def _must(keys: Keys, secret: str) -> None:
    key = keys.find(secret)
    if key is None:
        raise NotSignedIn("The key is not known.", hint="regard key create monitor --scope metrics")
    if not key.may(SCOPE):
        raise AccessError(f"The key {key.name!r} may not read figures.", allowed=f"a key with the scope {SCOPE}")


def _held(request: Request) -> list[Check]:
    state, here = request.app.state, request.app.state.site
    assert isinstance(here, Site)
    at: tuple[float, list[Check]] | None = getattr(state, "ready", None)
    if at is None or time.monotonic() - at[0] > HOLD_S:
        at = (time.monotonic(), checks(here.workspace, doors(request).store, now=here.clock()))
        state.ready = at
    return at[1]
