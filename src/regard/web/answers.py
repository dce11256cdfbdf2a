"""What senders are answered, pages of other sites among them: an answer, or a reason (RFC 9457)."""

from __future__ import annotations

import json

from starlette.types import Send

ALLOWED_HEADERS = "authorization, content-type, content-encoding, webhook-id, webhook-timestamp, webhook-signature"


class RefusedError(Exception):
    """A request that is answered with a reason instead."""

    def __init__(self, status: int, title: str, *, detail: str | None = None, allowed: str | None = None,
                 hint: str | None = None, retry_s: float | None = None) -> None:  # fmt: skip
        super().__init__(title)
        self.status, self.retry_s = status, retry_s
        self.said = {"type": "about:blank", "title": title, "status": status}
        self.said |= {k: v for k, v in (("detail", detail), ("allowed", allowed), ("hint", hint)) if v}


def _cors(origin: str | None) -> list[tuple[bytes, bytes]]:
    """Any page may ask; which pages may send is said by the key."""
    if origin is None:
        return []
    said = origin.encode("latin-1", "replace")
    return [
        (b"access-control-allow-origin", said), (b"access-control-allow-credentials", b"true"), (b"vary", b"Origin"),
    ]  # fmt: skip


async def preflight(send: Send, origin: str | None, methods: str) -> None:
    headers = [
        *_cors(origin), (b"access-control-allow-methods", methods.encode()),
        (b"access-control-allow-headers", ALLOWED_HEADERS.encode()), (b"access-control-max-age", b"86400"),
    ]  # fmt: skip
    await send({"type": "http.response.start", "status": 204, "headers": headers})
    await send({"type": "http.response.body", "body": b""})


async def refuse(send: Send, refusal: RefusedError, origin: str | None) -> None:
    more: list[tuple[bytes, bytes]] = []
    if refusal.retry_s is not None:
        more.append((b"retry-after", str(max(1, round(refusal.retry_s + 0.5))).encode()))
    if refusal.status == 401:
        more.append((b"www-authenticate", b'Basic realm="write key"'))
    if refusal.status == 405:
        more.append((b"allow", b"POST, OPTIONS"))
    body = json.dumps(refusal.said, ensure_ascii=False).encode()
    await say(send, refusal.status, body, origin, kind=b"application/problem+json", more=more)


async def say(
    send: Send, status: int, body: bytes, origin: str | None, *, kind: bytes = b"application/json",
    more: list[tuple[bytes, bytes]] | None = None,
) -> None:  # fmt: skip
    headers = [(b"content-type", kind), (b"content-length", str(len(body)).encode()), *_cors(origin), *(more or [])]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
