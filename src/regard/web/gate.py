"""The gate: every route says what it takes to be asked, and nothing answers before that is looked at.

@router.get("/people")
@may("people", notes="list people")         declares it; without it the application does not start
"""

from __future__ import annotations

import hmac
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar, cast

from fastapi import Depends, FastAPI, Request
from fastapi.routing import APIRoute
from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from regard import access
from regard.access import PERMISSIONS, Asking, Keys, Sessions, Tokens, Trail, Who
from regard.errors import AccessError
from regard.store import Store

F = TypeVar("F", bound=Callable[..., Any])
DECLARED = "regard_needs"
COOKIE = "regard_session"
SAFE = ("GET", "HEAD", "OPTIONS")
FIELD, HEADER = "proof", "x-regard-proof"


@dataclass(frozen=True)
class Needs:
    """What a route takes.

    permission : of `access.PERMISSIONS`.
    notes      : what the audit trail says was done by asking; None for what is not worth a line, or notes itself.
    of         : the path's parameter that names what it was done to.
    proof      : whether a form must carry its page's proof; false only where a key or a code is the proof.
    """

    permission: str
    notes: str | None = None
    of: str | None = None
    proof: bool = True


class NotSignedIn(AccessError):  # noqa: N818
    """Nobody is known to ask, and somebody must be."""


@dataclass(frozen=True)
class Doors:
    """What the gate asks: who somebody is, and where it writes what they did."""

    store: Store
    sessions: Sessions
    tokens: Tokens
    keys: Keys
    trail: Trail
    chain: tuple[access.Authenticator, ...]

    @classmethod
    def of(cls, store: Store, clock: Callable[[], Any], keys: Keys | None = None) -> Doors:
        """The doors of a store."""
        sessions, tokens = Sessions(store, clock=clock), Tokens(store, clock=clock)
        chain = tuple(access.usual(sessions, tokens))
        keys = keys or Keys(store, clock=clock)
        return cls(store, sessions, tokens, keys, Trail(store, clock=clock), chain)


def may(permission: str, *, notes: str | None = None, of: str | None = None, proof: bool = True) -> Callable[[F], F]:
    """Declare what a route takes; see `Needs`."""
    assert permission in PERMISSIONS, permission
    needs = Needs(permission, notes, of, proof)

    def declared(endpoint: F) -> F:
        setattr(endpoint, DECLARED, needs)
        return endpoint

    return declared


def needs_of(endpoint: object) -> Needs | None:
    """What was declared of an endpoint."""
    return cast(Needs | None, getattr(endpoint, DECLARED, None))


def doors(request: HTTPConnection) -> Doors:
    """The doors of the application a request came to."""
    return cast(Doors, request.app.state.doors)


def whose(request: HTTPConnection) -> Who:
    """Who a request comes from, once the gate has let it in.

    Raises : AccessError before that, so that a page nobody declared shows nothing.
    """
    found = request.scope.get("state", {}).get("who")
    if not isinstance(found, Who):
        raise AccessError("This was asked for without passing the gate.", hint="It is our mistake; please report it.")
    return found


def address_of(request: HTTPConnection) -> str:
    """Where a request comes from; a proxy's word is taken only from those that `regard serve` trusts."""
    return request.client.host if request.client else ""


def asking(request: HTTPConnection) -> Asking:
    """What a request says of itself."""
    scheme, _, bearer = request.headers.get("authorization", "").partition(" ")
    return Asking(
        cookie=request.cookies.get(COOKIE),
        bearer=bearer.strip() if scheme.lower() == "bearer" else None,
        address=address_of(request),
        host=request.url.hostname or "",
        forwarded="x-forwarded-for" in request.headers or "forwarded" in request.headers,
    )


def admitted(request: Request) -> None:
    """Let a request in, if whoever it comes from may do what its route is declared to need, and note what they do.

    Raises : NotSignedIn where nobody is known; AccessError where somebody may not.
    """
    needs = needs_of(request.scope.get("endpoint"))
    if needs is None:
        raise AccessError("Nobody has said who may ask for this.", hint="It is our mistake; please report it.")
    request.state.at_gate = True  # from here on only what passes answers, or the refusal below
    found = access.who(asking(request), doors(request).chain)
    if found is None and needs.permission != "anyone":
        raise NotSignedIn("Sign in first.", hint="Sign in at /sign-in; programs send a token: regard token create NAME")
    if found is not None:
        request.state.who = found
        found.must(needs.permission)
    if found is not None and needs.notes and request.method in SAFE:
        note(request, needs.notes, str(request.path_params.get(needs.of, "")) if needs.of else "")


def note(request: Request, what: str, whom: str = "", *, person_id: str | None = None) -> None:
    """Write a line into the audit trail: what whoever asks did, to what or to which customer."""
    doors(request).trail.note(whose(request), what, whom, address=address_of(request), person_id=person_id)


async def proven(request: Request) -> None:
    """A form or a script of ours sent this, and not another site: it carries the proof that its page was given.

    Raises : AccessError where it does not.
    """
    needs = needs_of(request.scope.get("endpoint"))
    found = request.scope.get("state", {}).get("who")
    if request.method in SAFE or needs is None or not needs.proof or (isinstance(found, Who) and found.via == "token"):
        return
    said = request.headers.get(HEADER)
    if said is None:
        said = str((await request.form()).get(FIELD, ""))
    right = found.proof if isinstance(found, Who) else ""
    if not right or not hmac.compare_digest(said.encode(), right.encode()):
        raise AccessError(
            "This form is of another sign-in, or was sent by another site.",
            hint="Open the page again and send it from there.",
        )


GATED = [Depends(admitted), Depends(proven)]
"""What every route of the application depends on."""


class Closed:
    """Lets no answer out of a route that did not pass the gate: what is not declared is refused, not shown."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        scope.setdefault("state", {})

        async def checked(message: Message) -> None:
            if message["type"] == "http.response.start" and message["status"] < 400:
                needs = needs_of(scope.get("endpoint"))
                public = needs is not None and needs.permission == "anyone"
                if not public and not scope["state"].get("at_gate"):
                    raise AccessError("A route answered without passing the gate.", found=str(scope.get("path")))
            await send(message)

        await self.app(scope, receive, checked)


def routes_of(app: FastAPI) -> list[tuple[str, frozenset[str], object]]:
    """Every route of an application: path, methods, endpoint; those of routers that were included too."""
    found: list[tuple[str, frozenset[str], object]] = []

    def walk(routes: list[Any], prefix: str) -> None:
        for route in routes:
            inner = getattr(route, "original_router", None)
            if inner is not None:
                walk(inner.routes, prefix + route.include_context.prefix)
            else:
                endpoint = getattr(route, "endpoint", None) or getattr(route, "app", None)
                methods = frozenset(getattr(route, "methods", None) or ("GET",))
                found.append((prefix + route.path, methods, endpoint))

    walk(list(app.router.routes), "")
    return found


def check_declared(app: FastAPI) -> None:
    """Refuse to start with a route that says of nobody who may ask for it.

    Raises : AccessError naming them.
    """
    missing = [path for path, _, endpoint in routes_of(app) if needs_of(endpoint) is None]
    if missing:
        raise AccessError(
            "Routes without a declared permission.",
            found=", ".join(missing),
            allowed=", ".join(PERMISSIONS),
            hint="Put @may(PERMISSION) under the route's decorator.",
        )


__all__ = ["GATED", "APIRoute", "Closed", "Doors", "Needs", "NotSignedIn", "check_declared", "may", "note", "whose"]
