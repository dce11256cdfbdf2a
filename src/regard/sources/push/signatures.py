"""Who sent a webhook: a signature over its body that only the sender and we can make.

    standard   Standard Webhooks: `webhook-id`, `webhook-timestamp`, `webhook-signature` (several, any may be right)
    hmac       an HMAC of the body in a header of the sender's choice, as hexadecimal or base64, behind a prefix

Source: Standard Webhooks specification 1.0, "Signature scheme" and "Verifying webhook authenticity".
"""

from __future__ import annotations

import base64
import binascii
import hmac
from collections.abc import Mapping

from regard.errors import SourceError
from regard.sources.mapping import Hook

MARK = "whsec_"
VERSION = "v1"


def verify(hook: Hook, secret: str, headers: Mapping[str, str], body: bytes, *, now_s: float) -> None:
    """Refuse a webhook that the sender did not sign.

    secret  : as the sender shows it; of Standard Webhooks base64 behind "whsec_", else the text itself.
    headers : by name in lower case.
    body    : exactly as it came.
    now_s   : seconds since 1970; a signed time further away than the hook's tolerance is a replay.
    Raises  : SourceError if a header is missing, the time is too far away, or no signature is right.
    """
    if hook.signature == "standard":
        _verify_standard(hook, secret, headers, body, now_s)
        return
    found = headers.get(hook.header.lower(), "")
    if not found:
        raise SourceError("The webhook is not signed.", allowed=f"a signature in the header {hook.header}")
    said = found.removeprefix(hook.prefix)
    digest = hmac.new(secret.encode(), body, hook.algorithm).digest()
    right = digest.hex() if hook.encoding == "hex" else base64.b64encode(digest).decode()
    said = said.lower() if hook.encoding == "hex" else said
    if not hmac.compare_digest(right.encode(), said.encode("utf-8", "replace")):
        raise _wrong()


def _verify_standard(hook: Hook, secret: str, headers: Mapping[str, str], body: bytes, now_s: float) -> None:
    named = {name: headers.get(f"webhook-{name}", "") for name in ("id", "timestamp", "signature")}
    missing = [f"webhook-{name}" for name, value in named.items() if not value]
    if missing:
        raise SourceError("The webhook is not signed.", found=f"no {', '.join(missing)}")
    if not named["timestamp"].isdigit() or abs(now_s - int(named["timestamp"])) > hook.tolerance_s:
        raise SourceError(
            "The webhook is too old, or its time is wrong.",
            found=f"webhook-timestamp {named['timestamp'][:20]}",
            allowed=f"within {hook.tolerance_s:g} s of now",
        )
    content = f"{named['id']}.{named['timestamp']}.".encode() + body
    right = base64.b64encode(hmac.new(_key(secret), content, "sha256").digest())
    for one in named["signature"].split():
        version, _, said = one.partition(",")
        if version == VERSION and hmac.compare_digest(right, said.encode("utf-8", "replace")):
            return
    raise _wrong()


def _key(secret: str) -> bytes:
    try:
        return base64.b64decode(secret.removeprefix(MARK), validate=True)
    except (binascii.Error, ValueError):
        return secret.encode()


def _wrong() -> SourceError:
    return SourceError(
        "The signature of the webhook is not right.",
        hint="Compare the secret here with the sender's; the body must come as it was sent.",
    )
