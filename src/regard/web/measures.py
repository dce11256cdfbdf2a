"""Requests counted and timed by route, in front of everything: what this one server process did since it started.

No label says anything of a customer, an address or a key: routes stand as templates; what no route knows is `other`.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from http import HTTPStatus

from prometheus_client import CollectorRegistry, Counter, Histogram, ProcessCollector
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from regard.sources.push.segment import BATCHES, CALLS
from regard.web.ingest import CLOUD, HOOK, PLAIN, SHORT
from regard.web.snippet import PATH as SNIPPET

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
BUCKETS_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)
SLOW_S = 5.0
"""An answer that takes longer gets a line in the log, and so does one that broke."""
LOG = logging.getLogger("regard.web")
OTHER, STATIC, HOOKS = "other", "/static", "/hooks/{name}"
REFUSED: Mapping[int, str] = {
    400: "unusable", 401: "unknown_key", 403: "not_allowed", 404: "no_such_webhook", 405: "method", 408: "slow",
    413: "too_large", 415: "packing", 429: "too_fast", 503: "not_writable",
}  # fmt: skip
"""Why intake turned a request away, by its status."""


class Measures:
    """The figures of one server process. registry : what they are read from."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        self.requests = Counter(
            "regard_http_requests", "Requests answered.", ["route", "method", "status"], registry=self.registry
        )
        self.seconds = Histogram(
            "regard_http_request_seconds", "From a request's head to the end of its answer.", ["route"],
            buckets=BUCKETS_S, registry=self.registry,
        )  # fmt: skip
        self.refused = Counter(
            "regard_ingest_refused_requests", "Requests that intake turned away.", ["reason"], registry=self.registry
        )
        self.sign_ins = Counter("regard_sign_in_failures", "Sign-ins that did not succeed.", registry=self.registry)

    def note(self, route: str, method: str, status: int, took_s: float) -> None:
        """One request was answered. status : 0 where its sender left before."""
        method = method if method in METHODS else OTHER
        self.requests.labels(route, method, str(status) if status else "gone").inc()
        self.seconds.labels(route).observe(took_s)
        if status in REFUSED and route in INTAKE:
            self.refused.labels(REFUSED[status]).inc()
        if status == HTTPStatus.INTERNAL_SERVER_ERROR or took_s > SLOW_S:
            told = {"route": route, "method": method, "status": status, "seconds": round(took_s, 3)}
            LOG.warning("An answer %s.", "broke" if status == 500 else f"took {took_s:.1f} s", extra=told)
        if route == "/sign-in" and method == "POST" and status >= HTTPStatus.BAD_REQUEST:
            self.sign_ins.inc()


class Measured:
    """The application with every request counted."""

    def __init__(self, app: ASGIApp, measures: Measures) -> None:
        self.app, self.measures = app, measures

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        began, status = time.perf_counter(), 0

        async def told(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self.app(scope, receive, told)
        finally:
            self.measures.note(template(scope), scope["method"], status, time.perf_counter() - began)


SEGMENTS = {f"/v1/{call}" for call in (*SHORT, *CALLS, *BATCHES)}
INTAKE = frozenset((*SEGMENTS, CLOUD, PLAIN, HOOKS))


def template(scope: Scope) -> str:
    """The route of a request that was answered, with its parameters as names.

    >>> template({"path": "/hooks/shop"}), template({"path": "/v1/batch/"}), template({"path": "/etc/passwd"})
    ('/hooks/{name}', '/v1/batch', 'other')
    """
    route = getattr(scope.get("route"), "path", None)
    if isinstance(route, str):
        return route
    path: str = scope["path"]
    if path in (CLOUD, PLAIN, SNIPPET):
        return path
    if HOOK.fullmatch(path):
        return HOOKS
    if (call := path.rstrip("/")) in SEGMENTS:
        return call
    return STATIC if path.startswith(STATIC + "/") else OTHER
