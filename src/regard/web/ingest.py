"""Where programs send: Segment's calls, CloudEvents, plain interactions and webhooks, answered when they are safe.

    body -> bounded, unpacked -> key -> convention (sources.push) -> the log, synced -> 2xx

These routes stand in front of the pages' middleware: they are asked thousands of times a second, by other sites' pages
too, and neither sessions nor the origin check are theirs. What they answer is described in `ingest_schema.py`.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import datetime as dt
import json
import os
import re
import zlib
from collections.abc import Awaitable, Callable
from collections.abc import Mapping as Mapped
from contextlib import suppress
from dataclasses import dataclass
from urllib.parse import unquote

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from regard.access import Key, Keys, Pace
from regard.blueprint import read as read_blueprint
from regard.errors import BlueprintError, LogError, MappingError, RegardError, SourceError, StoreError
from regard.ledger.log import BodyHead, Gauges, GroupCommit, payload_of, payload_of_body
from regard.sources import Mapping, read_mapping
from regard.sources.push import Bounds, Heard, cloudevents, hooks, plain, segment
from regard.sources.push.signatures import verify
from regard.web import snippet
from regard.web.answers import RefusedError, preflight, refuse, say
from regard.workspace import Workspace

BODY_S = 30.0
"""So long a sender may take for a body."""
REST_S = 5.0
NOTE_TURNS = 6
"""When keys were last used is noted every half minute."""
RETRY_S = 1
FULL_RETRY_S = 30
SAID = 20
"""Reasons that one answer names at most."""
SEGMENT = re.compile(rf"/v1/({'|'.join((*segment.CALLS, *segment.BATCHES))})/?")
SHORT = {"t": "track", "p": "page", "i": "identify", "s": "screen", "g": "group", "a": "alias"}
"""What analytics.js calls them in its addresses."""
PLAIN = "/api/v1/interactions"
CLOUD = "/api/v1/cloudevents"
WEBHOOK = "one with a file maps/NAME.map.yaml"
HOOK = re.compile(r"/hooks/([A-Za-z0-9][A-Za-z0-9_-]{0,79})")


@dataclass(frozen=True)
class Asked:
    """A request whose body has been read: headers by name in lower case, the body unpacked."""

    headers: Mapped[str, str]
    body: bytes


Answer = Callable[[Asked], Awaitable[tuple[int, dict[str, object]]]]


class Ingest:
    """The application with the intake in front of it.

    keys  : None where nobody can have one: every request is refused then.
    clock : the time now, UTC; given, so that tests can stop it.
    """

    def __init__(
        self, app: ASGIApp, workspace: Workspace, keys: Keys | None, pace: Pace | None,
        clock: Callable[[], dt.datetime], log: GroupCommit | None = None,
    ) -> None:  # fmt: skip
        self.app, self.workspace, self.keys, self.pace, self.clock = app, workspace, keys, pace, clock
        self.log = log or GroupCommit(workspace.log)
        self._mappings: dict[str, tuple[int, Mapping, str]] = {}
        self._resting: asyncio.Task[None] | None = None

    @property
    def gauges(self) -> Gauges:
        """What intake has done since the server started."""
        return self.log.gauges

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self.app(scope, self._closing(receive), send)
            return
        if scope["type"] == "http" and scope["path"] == snippet.PATH and scope["method"] in ("GET", "HEAD"):
            await snippet.answer(scope, send)
            return
        found = self._route(scope) if scope["type"] == "http" else None
        if found is None:
            await self.app(scope, receive, send)
            return
        answer, bounds, methods = found
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        origin = headers.get("origin")
        if scope["method"] == "OPTIONS":
            await preflight(send, origin, methods)
            return
        held = 0
        try:
            if scope["method"] != "POST":
                raise RefusedError(405, "This address takes what is sent by POST.", allowed=methods)
            held = self._room(headers, bounds, scope["path"])
            async with asyncio.timeout(BODY_S):
                body = await _body(receive, bounds, scope["path"])
            body = _unpacked(body, headers, bounds, scope["path"])
            status, said = await answer(Asked(headers, body))
            await say(send, status, json.dumps(said).encode(), origin)
        except TimeoutError:
            await refuse(send, RefusedError(408, f"The body did not come within {BODY_S:g} s."), origin)
        except RefusedError as refusal:
            self.gauges.turned_away += refusal.status == 429
            await refuse(send, refusal, origin)
        except _GoneError:
            return
        finally:
            self.gauges.bytes_in_flight -= held

    def _route(self, scope: Scope) -> tuple[Answer, Bounds, str] | None:
        path: str = scope["path"]
        if (call := SEGMENT.fullmatch(path)) is not None:
            return lambda asked: self._segment(call[1], asked), segment.BOUNDS, "POST, OPTIONS"
        if path.startswith("/v1/") and path[4:] in SHORT:
            return lambda asked: self._segment(SHORT[path[4:]], asked), segment.BOUNDS, "POST, OPTIONS"
        if path == PLAIN and scope["method"] in ("POST", "OPTIONS"):
            return self._plain, plain.BOUNDS, "POST, OPTIONS"
        if (hook := HOOK.fullmatch(path)) is not None:
            return lambda asked: self._hook(hook[1], asked), hooks.BOUNDS, "POST, OPTIONS"
        if path == CLOUD:
            return self._cloud, cloudevents.BOUNDS, "POST, OPTIONS"
        return None

    # -- conventions -------------------------------------------------------------------------------------------

    async def _segment(self, call: str, asked: Asked) -> tuple[int, dict[str, object]]:
        secret = _secret(asked.headers)
        try:
            key = self._key(secret or segment.write_key(asked.body), asked, ("ingest", "browser"))
            now = self._now()
            if secret and key.may("ingest") and (n := segment.sound(call, asked.body, received_at=now)):
                await self._keep(key, n, BodyHead(key.source, now, "segment", call), asked.body)
                return 200, {"success": True}
            heard = segment.hear(call, asked.body, source=key.source, received_at=now, vouch=self._vouch(key))
        except SourceError as error:
            raise _unusable(error) from None
        await self._keep_heard(key, heard)
        _some_fits(heard)
        return 200, {"success": True}

    async def _plain(self, asked: Asked) -> tuple[int, dict[str, object]]:
        key = self._key(_secret(asked.headers), asked, ("ingest",))
        now = self._now()
        if n := plain.sound(asked.body, received_at=now):
            await self._keep(key, n, BodyHead(key.source, now, "plain"), asked.body)
            return 202, {"accepted": n, "rejected": 0, "errors": []}
        try:
            heard = plain.hear(asked.body, source=key.source, received_at=now)
        except SourceError as error:
            raise _unusable(error) from None
        return await self._counted(key, heard)

    async def _cloud(self, asked: Asked) -> tuple[int, dict[str, object]]:
        key = self._key(_secret(asked.headers), asked, ("ingest",))
        try:
            heard = cloudevents.hear(asked.headers, asked.body, source=key.source, received_at=self._now())
        except SourceError as error:
            raise _unusable(error) from None
        return await self._counted(key, heard)

    async def _counted(self, key: Key | None, heard: Heard) -> tuple[int, dict[str, object]]:
        await self._keep_heard(key, heard)
        _some_fits(heard)
        errors = [{"index": one.line - 1, "reason": one.reason} for one in heard.refused]
        return 202, {"accepted": len(heard.facts), "rejected": len(errors), "errors": errors}

    async def _hook(self, name: str, asked: Asked) -> tuple[int, dict[str, object]]:
        """A webhook: signed as its mapping says, or with a write key of the scope `hooks`."""
        mapping, zone = self._mapping(name)
        key: Key | None = None
        try:
            if mapping.hook is None:
                key = self._key(_secret(asked.headers), asked, ("hooks",))
            else:
                secret = os.environ.get(mapping.hook.secret)
                if not secret:
                    raise RefusedError(
                        503,
                        "The secret of this webhook is not set here.",
                        retry_s=FULL_RETRY_S,
                        hint=f"Start the server with {mapping.hook.secret} in its environment.",
                    )
                verify(mapping.hook, secret, asked.headers, asked.body, now_s=self.clock().timestamp())
        except SourceError as error:
            raise RefusedError(401, error.problem, detail=error.found, allowed=error.allowed, hint=error.hint) from None
        try:
            delivery = asked.headers.get("webhook-id")
            heard = hooks.hear(mapping, asked.body, received_at=self._now(), zone=zone, delivery=delivery)
        except SourceError as error:
            raise _unusable(error) from None
        return await self._counted(key, heard)

    def _mapping(self, name: str) -> tuple[Mapping, str]:
        """The mapping of a webhook as its file says it now, and the workspace's zone."""
        path = self.workspace.maps / f"{name}.map.yaml"
        try:
            changed = path.stat().st_mtime_ns
        except FileNotFoundError:
            raise RefusedError(404, f"There is no webhook {name!r}.", allowed=WEBHOOK) from None
        held = self._mappings.get(name)
        if held is None or held[0] != changed:
            try:
                held = (changed, read_mapping(path), read_blueprint(self.workspace.blueprint).zone)
            except (MappingError, BlueprintError) as error:
                raise RefusedError(
                    503,
                    "The mapping of this webhook cannot be read.",
                    detail=error.problem,
                    hint="Say `regard check` there.",
                    retry_s=FULL_RETRY_S,
                ) from None
            self._mappings[name] = held
        return held[1], held[2]

    # -- what they share ---------------------------------------------------------------------------------------

    def _now(self) -> int:
        return int(self.clock().timestamp() * 1_000_000)

    def _key(self, secret: str | None, asked: Asked, scopes: tuple[str, ...]) -> Key:
        if not secret:
            raise RefusedError(
                401, "A write key is needed.",
                hint="Send one as user name of Basic authentication, or as bearer token: `regard key create NAME`.",
            )  # fmt: skip
        key = self.keys.find(secret) if self.keys is not None else None
        if key is None:
            raise RefusedError(401, "The write key is not known.", hint="Make one with `regard key create NAME`.")
        if not any(key.may(scope) for scope in scopes):
            raise RefusedError(
                403, f"The key {key.name!r} may not send here.", allowed=f"a key for {' or '.join(scopes)}"
            )
        if not key.from_origin(asked.headers.get("origin")):
            raise RefusedError(403, f"Pages of {asked.headers.get('origin')} may not send with the key {key.name!r}.")
        return key

    def _vouch(self, key: Key) -> segment.Vouch | None:
        if key.may("ingest") or self.keys is None:
            return None
        keys = self.keys
        return lambda person, proof: keys.vouched(key, person, proof)

    async def _keep_heard(self, key: Key | None, heard: Heard) -> None:
        self._paced(key, heard.n)
        if heard.n:
            await self._synced(payload_of(heard.delivery()))
            self.gauges.events += len(heard.facts)
            self.gauges.rejects += len(heard.refused)

    async def _keep(self, key: Key, n: int, head: BodyHead, body: bytes) -> None:
        """A body of which everything can be used, as it is: what is not an answer to its sender is done later."""
        self._paced(key, n)
        await self._synced(payload_of_body(head, body))
        self.gauges.events += n

    def _paced(self, key: Key | None, n: int) -> None:
        if self.pace is not None and key is not None and (wait := self.pace.take(key.name, n, rate=key.rate)):
            raise RefusedError(429, f"The key {key.name!r} sends faster than it may.", retry_s=wait,
                          allowed=f"{key.rate:g} events a second")  # fmt: skip

    async def _synced(self, payload: bytes) -> None:
        """Answer for it only when it is on the disk."""
        if self._resting is None:
            self._resting = asyncio.get_running_loop().create_task(self._rest())
        try:
            await self.log.append(payload)
        except LogError as error:
            raise RefusedError(503, error.problem, detail=error.found, hint=error.hint, retry_s=FULL_RETRY_S) from None
        self.gauges.requests += 1

    def _room(self, headers: Mapped[str, str], bounds: Bounds, path: str) -> int:
        """Take room in memory for a body of the size it says, or of the largest there may be."""
        said = headers.get("content-length", "")
        size = int(said) if said.isdigit() else bounds.body
        if size > bounds.body:
            raise _too_large(path, bounds, size)
        size = bounds.body if headers.get("content-encoding") else size
        if self.gauges.bytes_in_flight + size > self.log.most_in_flight:
            raise RefusedError(
                429, "More is under way than fits in memory.", retry_s=RETRY_S, hint="Send it again then."
            )
        self.gauges.bytes_in_flight += size
        return size

    async def _rest(self) -> None:
        turn = 0
        while True:
            await asyncio.sleep(REST_S)
            turn += 1
            with suppress(OSError):
                await self.log.rest()
            if turn % NOTE_TURNS == 0 and self.keys is not None:
                with suppress(StoreError):
                    await asyncio.to_thread(self.keys.note_used)

    def _closing(self, receive: Receive) -> Receive:
        async def told() -> Message:
            message = await receive()
            if message["type"] == "lifespan.shutdown":
                if self._resting is not None:
                    self._resting.cancel()
                await self.log.close()
            return message

        return told


class _GoneError(Exception):
    """The sender left in the middle of its request."""


async def _body(receive: Receive, bounds: Bounds, path: str) -> bytes:
    parts: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise _GoneError
        part = message.get("body", b"")
        size += len(part)
        if size > bounds.body:
            raise _too_large(path, bounds, None)
        parts.append(part)
        if not message.get("more_body"):
            return parts[0] if len(parts) == 1 else b"".join(parts)


def _unpacked(body: bytes, headers: Mapped[str, str], bounds: Bounds, path: str) -> bytes:
    """The body without its compression; never more of it than it may have."""
    encoding = headers.get("content-encoding", "identity").strip().lower()
    if encoding in ("identity", ""):
        return body
    if encoding not in ("gzip", "x-gzip"):
        raise RefusedError(415, f"The body is packed as {encoding}.", allowed="gzip, or not packed at all")
    unpack = zlib.decompressobj(wbits=31)
    try:
        out = unpack.decompress(body, bounds.body + 1)
    except zlib.error as error:
        raise RefusedError(400, "The body is no gzip.", detail=str(error)) from None
    if len(out) > bounds.body:
        raise _too_large(path, bounds, None)
    if not unpack.eof:
        raise RefusedError(400, "The body is no whole gzip.", detail="its end is missing")
    return out


def _some_fits(heard: Heard) -> None:
    """Where nothing could be used the sender is told, too; the rows stand among the rejects."""
    if heard.refused and not heard.facts:
        reasons = "; ".join(f"item {one.line}: {one.reason}" for one in heard.refused[:SAID])
        raise RefusedError(400, "None of it can be used.", detail=reasons)


def _secret(headers: Mapped[str, str]) -> str | None:
    """The key of the header: user name of Basic authentication, or a bearer token."""
    kind, _, said = headers.get("authorization", "").partition(" ")
    if kind.lower() == "bearer":
        return said.strip() or None
    if kind.lower() != "basic":
        return None
    try:
        return unquote(base64.b64decode(said.strip(), validate=True).decode().partition(":")[0]) or None
    except (binascii.Error, UnicodeDecodeError, ValueError):
        raise RefusedError(401, "The header `authorization` cannot be read.", allowed="Basic base64(KEY:)") from None


def _too_large(path: str, bounds: Bounds, size: int | None) -> RefusedError:
    status = 400 if path.startswith("/v1/") else 413  # Segment's own says 400
    found = f"{size:,} bytes" if size is not None else f"more than {bounds.body:,} bytes"
    return RefusedError(status, "The body is too large.", detail=found, allowed=f"{bounds.body:,} bytes, unpacked",
                   hint="Send it in several requests.")  # fmt: skip


def _unusable(error: RegardError) -> RefusedError:
    return RefusedError(400, error.problem, detail=error.found, allowed=error.allowed, hint=error.hint)
