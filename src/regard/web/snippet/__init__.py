"""The script that other sites' pages carry: page views and implicit signals, sent as Segment's calls.

    <script async src="https://regard.example/regard.js" data-key="WRITE_KEY"></script>

Anyone may load it, so it is served in front of sign-in, packed, and held by browsers for an hour.
"""

from __future__ import annotations

import gzip
from functools import lru_cache
from hashlib import sha256
from pathlib import Path

from starlette.types import Scope, Send

PATH = "/regard.js"
FILE = Path(__file__).parent / "regard.js"
HELD_S = 3600


@lru_cache(maxsize=1)
def _packed() -> tuple[bytes, bytes, bytes]:
    plain = FILE.read_bytes()
    return plain, gzip.compress(plain, 9, mtime=0), b'"' + sha256(plain).hexdigest()[:16].encode() + b'"'


async def answer(scope: Scope, send: Send) -> None:
    """Send the script, or say that the browser has it already."""
    plain, packed, tag = _packed()
    asked = dict(scope["headers"])
    headers = [
        (b"content-type", b"text/javascript; charset=utf-8"),
        (b"cache-control", f"public, max-age={HELD_S}".encode()),
        (b"access-control-allow-origin", b"*"),
        (b"cross-origin-resource-policy", b"cross-origin"),
        (b"x-content-type-options", b"nosniff"),
        (b"vary", b"Accept-Encoding"),
        (b"etag", tag),
    ]
    same = asked.get(b"if-none-match") == tag
    body = plain
    if b"gzip" in asked.get(b"accept-encoding", b""):
        body = packed
        headers.append((b"content-encoding", b"gzip"))
    if not same:
        headers.append((b"content-length", str(len(body)).encode()))
    await send({"type": "http.response.start", "status": 304 if same else 200, "headers": headers})
    await send({"type": "http.response.body", "body": b"" if same or scope["method"] == "HEAD" else body})
