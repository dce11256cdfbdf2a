"""A mailbox (IMAP) -> its messages since the last time, by UIDVALIDITY and UID; nothing in it is changed.

The state holds two numbers a folder, and nothing of any person. A folder that was made anew (another UIDVALIDITY) is
read from its beginning: its messages are known by their Message-ID.
"""

from __future__ import annotations

import datetime as dt
import imaplib
import ipaddress
import re
import ssl
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, suppress
from typing import TYPE_CHECKING, Any

from regard.blueprint.durations import seconds
from regard.errors import SettingError, SourceError
from regard.sources.pull.letters import Envelope, row

if TYPE_CHECKING:
    from regard.sources.pull.document import Pull

PORTS = {"tls": 993, "starttls": 143, "none": 143}
TIMEOUT_S = 60.0
BATCH = 20
FIRST_BYTES = 2**20
"""So much of a message is fetched: its text stands before its attachments."""

Said = dict[str, Any]


def resources(pull: Pull, said: Said, at_end: ExitStack) -> list[Any]:
    """The one resource: messages.

    Raises : SettingError where the password would go in the clear to another machine.
    """
    import dlt

    security = said.get("security", "tls")
    if security == "none" and not _is_here(said["host"]):
        raise SettingError(
            "A mailbox without TLS would send its password in the clear.", found=f"security: none, {said['host']}",
            allowed="tls or starttls; none for a server on this machine",
        )  # fmt: skip

    def messages() -> Iterator[list[Said]]:
        state = dlt.current.resource_state("messages")
        box = _entered(said, security)
        at_end.callback(_left, box)
        for folder in said.get("folders", ["INBOX"]):
            yield from _new(box, folder, said, state.setdefault("folders", {}))

    return [dlt.resource(messages, name="messages")]


def _is_here(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _entered(said: Said, security: str) -> imaplib.IMAP4:
    host, port = said["host"], said.get("port", PORTS[security])
    timeout = seconds(said["timeout"]) if "timeout" in said else TIMEOUT_S
    trust = ssl.create_default_context(cafile=said.get("ca_file"))
    box: imaplib.IMAP4
    if security == "tls":
        box = imaplib.IMAP4_SSL(host, port, ssl_context=trust, timeout=timeout)
    else:
        box = imaplib.IMAP4(host, port, timeout=timeout)
        if security == "starttls":
            box.starttls(trust)
    try:
        if said["user"].isascii() and said["password"].isascii():
            box.login(said["user"], said["password"])
        else:
            token = f"\0{said['user']}\0{said['password']}".encode()
            box.authenticate("PLAIN", lambda _: token)
    except imaplib.IMAP4.error as error:
        _left(box)
        raise SourceError(
            "The mail server does not let us in.", found=_said(error),
            hint="Look at `user` and the secret of `password`; some servers want a password made for applications.",
        ) from None  # fmt: skip
    return box


def _left(box: imaplib.IMAP4) -> None:
    with suppress(OSError, imaplib.IMAP4.error):
        box.logout()
    with suppress(OSError):
        box.shutdown()  # a connection that broke has not been closed by that


def _new(box: imaplib.IMAP4, folder: str, said: Said, state: Said) -> Iterator[list[Said]]:
    """The messages of a folder after the last one; `state` is moved on behind them."""
    quoted = '"' + folder.replace("\\", "\\\\").replace('"', '\\"') + '"'
    answer, found = box.select(quoted, readonly=True)
    if answer != "OK":
        raise SourceError(f"The mailbox has no folder {folder!r}.", found=_shown(found), hint=_folders(box))
    validity = _number(box, "UIDVALIDITY")
    before = state.get(folder, {})
    last = before.get("uid", 0) if before.get("validity") == validity else 0
    uids = _uids(box, last, said.get("since"))
    for begin in range(0, len(uids), BATCH):
        part = uids[begin : begin + BATCH]
        yield [row(raw, envelope, said.get("ours", []), keep_quotes=said.get("quoted") == "keep")
               for envelope, raw in _fetched(box, folder, validity, part)]  # fmt: skip
        state[folder] = {"validity": validity, "uid": part[-1]}
    state.setdefault(folder, {"validity": validity, "uid": last})
    state[folder] = {**state[folder], "validity": validity}


def _uids(box: imaplib.IMAP4, last: int, since: str | None) -> list[int]:
    """UIDs after the last one, ascending. The range n:* always holds the newest message, an old one, too."""
    asked = ["UID", f"{last + 1}:*"]
    if since is not None:
        asked += ["SINCE", f"{dt.date.fromisoformat(since[:10]):%d-%b-%Y}"]
    try:
        _, found = box.uid("SEARCH", *asked)
    except imaplib.IMAP4.error as error:
        raise SourceError(
            "The mail server cannot tell what is new.", found=_said(error),
            hint="If the folder is huge, say `since: 2026-01-01` for the first time.",
        ) from None  # fmt: skip
    numbers = [int(one) for line in found if isinstance(line, bytes) for one in line.split()]
    return sorted({one for one in numbers if one > last})


def _fetched(box: imaplib.IMAP4, folder: str, validity: int, uids: Sequence[int]) -> Iterator[tuple[Envelope, bytes]]:
    """Messages by UID, in order; one that was deleted meanwhile is left out."""
    wanted = f"(UID INTERNALDATE RFC822.SIZE BODY.PEEK[]<0.{FIRST_BYTES}>)"
    answer, found = box.uid("FETCH", ",".join(map(str, uids)), wanted)
    if answer != "OK":
        raise SourceError(f"The mail server does not give messages of {folder!r}.", found=_shown(found))
    got: dict[int, tuple[Envelope, bytes]] = {}
    for place, one in enumerate(found):
        if not isinstance(one, tuple):
            continue
        after = found[place + 1] if place + 1 < len(found) else b""
        said = one[0] + b" " + (after if isinstance(after, bytes) else b"")
        uid, size = re.search(rb"\bUID (\d+)", said), re.search(rb"RFC822\.SIZE (\d+)", said)
        if uid is None:
            raise SourceError("The mail server gives a message without its UID.", found=_shown([one[0]]))
        envelope = Envelope(folder, validity, int(uid[1]), _arrived(said), int(size[1]) if size else len(one[1]))
        got[int(uid[1])] = (envelope, one[1])
    yield from (got[uid] for uid in uids if uid in got)


def _arrived(said: bytes) -> dt.datetime | None:
    found = re.search(rb'INTERNALDATE "\s*([^"]+)"', said)
    try:
        return dt.datetime.strptime(found[1].decode("ascii"), "%d-%b-%Y %H:%M:%S %z") if found else None
    except ValueError:
        return None


def _number(box: imaplib.IMAP4, name: str) -> int:
    _, found = box.response(name)
    if not found or not isinstance(found[0], bytes) or not found[0].isdigit():
        raise SourceError(f"The mail server does not say its {name}, by which messages are known.", found=_shown(found))
    return int(found[0])


def _folders(box: imaplib.IMAP4) -> str:
    """What folders there are, as the next step after a wrong one."""
    _, found = box.list()
    lines = [line.decode("ascii", "replace") for line in found if isinstance(line, bytes)]
    names = [said[1].strip('"') for line in lines if (said := re.match(r'\(.*?\) (?:"[^"]*"|NIL) (.+)', line))]
    return f"There are: {', '.join(names[:30])}." if names else "Name it as the server does."


def _shown(found: Sequence[object]) -> str:
    return " ".join(one.decode("ascii", "replace") for one in found if isinstance(one, bytes))[:200] or "nothing"


def _said(error: imaplib.IMAP4.error) -> str:
    """What the server said; the library hands it on as bytes."""
    first = error.args[0] if error.args else ""
    return (first.decode("ascii", "replace") if isinstance(first, bytes) else str(first))[:200]
