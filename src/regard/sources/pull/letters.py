"""An e-mail as a row: who wrote to whom, when, about what, what was said, and whether a machine wrote it.

Whatever the bytes are, a row comes of them: what cannot be read is empty or shown with marks in place of its letters.
"""

from __future__ import annotations

import datetime as dt
import email
import email.policy
import fnmatch
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from email.message import EmailMessage
from email.utils import getaddresses, parsedate_to_datetime
from html.parser import HTMLParser
from typing import TypeVar, cast

T = TypeVar("T")
LONGEST_TEXT = 100_000
UGLY = (ValueError, TypeError, LookupError, AttributeError, IndexError, AssertionError, RecursionError)
"""What the standard library raises at headers and parts that follow no standard."""
NAMED = 50
BREAKS = frozenset({"br", "p", "div", "tr", "li", "h1", "h2", "h3", "h4", "blockquote", "table", "ul", "ol"})
UNSEEN = frozenset({"script", "style", "head", "title"})
EARLIEST, LATEST = dt.datetime(1980, 1, 1, tzinfo=dt.UTC), dt.timedelta(days=2)
QUOTE = re.compile(
    r"^\s*(?:on\b.{5,200}\bwrote:|am\b.{5,200}\bschrieb\b.{0,80}:|le\b.{5,200}\ba écrit\s?:|el\b.{5,200}\bescribió:"
    r"|-{2,}\s*(?:original message|ursprüngliche nachricht|message d'origine|mensaje original)\s*-{2,}|_{10,})\s*$",
    re.IGNORECASE,
)
MACHINES = re.compile(r"^(?:mailer-daemon|postmaster)@", re.IGNORECASE)


@dataclass(frozen=True)
class Envelope:
    """What the mailbox says of a message: its folder, UIDVALIDITY and UID, when it arrived, and its size in bytes."""

    folder: str
    validity: int
    uid: int
    arrived_at: dt.datetime | None
    size: int


def row(raw: bytes, envelope: Envelope, ours: Sequence[str], *, keep_quotes: bool = False) -> dict[str, object]:
    """A message as a row.

    raw     : its bytes, or their beginning.
    ours    : our own addresses, or patterns such as "*@example.com": what they send is from us.
    Returns : id, message_id, thread, folder, at (ISO 8601), from, from_name, direction (customer, us), customers,
              subject, text, attachments (names), automatic (reply, bounce, list or None), size, cut.
    """
    message = email.message_from_bytes(raw, policy=email.policy.default)
    sender = next(iter(_addresses(message, "From")), ("", ""))
    ids = re.findall(r"<([^<>\s]+)>", f"{_header(message, 'References')} {_header(message, 'In-Reply-To')}")
    own = next(iter(re.findall(r"<([^<>\s]+)>", _header(message, "Message-ID"))), None)
    place = f"{envelope.folder}:{envelope.validity}:{envelope.uid}"
    automatic = _automatic(message, sender[1])
    from_us = automatic != "bounce" and is_ours(sender[1], ours)
    text = body(message)
    return {
        "id": own or place,
        "message_id": own,
        "thread": ids[0] if ids else own or place,
        "folder": envelope.folder,
        "at": _when(message, envelope).isoformat(),
        "from": sender[1] or None,
        "from_name": sender[0] or None,
        "direction": "us" if from_us else "customer",
        "customers": _customers(message, sender[1], ours, from_us=from_us, bounced=automatic == "bounce"),
        "subject": _header(message, "Subject") or None,
        "text": (text if keep_quotes else unquoted(text))[:LONGEST_TEXT] or None,
        "attachments": _attached(message),
        "automatic": automatic,
        "size": envelope.size,
        "cut": len(raw) < envelope.size,
    }


def is_ours(address: str, ours: Sequence[str]) -> bool:
    """Whether an address is one of ours.

    >>> is_ours("Help@Example.com", ["*@example.com"]), is_ours("ada@x.org", ["*@example.com"])
    (True, False)
    """
    return any(fnmatch.fnmatchcase(address.lower(), pattern.lower()) for pattern in ours)


def unquoted(text: str) -> str:
    """What was written, without the message that it answers; all of it where nothing else is there.

    >>> unquoted("Thanks!\\n\\nOn Mon, 2 Mar 2026 Help wrote:\\n> Done.")
    'Thanks!'
    """
    kept: list[str] = []
    lines = text.splitlines()
    for place, line in enumerate(lines):
        two = f"{line} {lines[place + 1]}" if place + 1 < len(lines) else line
        if QUOTE.match(line) or (QUOTE.match(two) and not line.lstrip().startswith(">")):
            break
        kept.append(line)
    said = "\n".join(line for line in kept if not line.lstrip().startswith(">")).strip()
    return said or text.strip()


def body(message: EmailMessage) -> str:
    """The plain part, or the HTML part without its marks."""
    for kind, read in (("text/plain", str), ("text/html", plain)):
        parts = [part for part in _parts(message) if part.get_content_type() == kind and not _name(part)]
        said = "\n".join(read(_text(part)) for part in parts).replace("\x00", "").replace("\r\n", "\n").strip()
        if said:
            return said
    return ""


def plain(html: str) -> str:
    """HTML as text: what is shown, a line for each block."""
    reader = _Shown()
    try:
        reader.feed(html)
        reader.close()
    except UGLY:
        pass  # what was read so far is more than nothing
    lines = (" ".join(line.split()) for line in "".join(reader.said).splitlines())
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()


class _Shown(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.said: list[str] = []
        self.unseen = 0

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.unseen += tag in UNSEEN
        if tag in BREAKS:
            self.said.append("\n")

    def handle_endtag(self, tag: str) -> None:
        self.unseen = max(0, self.unseen - (tag in UNSEEN))

    def handle_data(self, data: str) -> None:
        if not self.unseen:
            self.said.append(data.replace("\n", " "))


def _parts(message: EmailMessage) -> Iterator[EmailMessage]:
    """The parts that are no containers; those of a message inside the message are its own affair."""
    waiting = [message]
    for _ in range(1000):
        if not waiting:
            return
        part = waiting.pop(0)
        if part.get_content_maintype() == "message":
            continue
        inside = part.get_payload()
        if part.is_multipart() and isinstance(inside, list):
            waiting = [*cast(list[EmailMessage], inside), *waiting]
        else:
            yield part


def _text(part: EmailMessage) -> str:
    raw = _tried(lambda: cast(object, part.get_payload(decode=True)), None)
    content = raw if isinstance(raw, bytes) else b""
    said = _tried(lambda: part.get_content_charset(), None)
    for charset in (said, "utf-8", "cp1252"):
        try:
            return content.decode(str(charset or "utf-8"))
        except UGLY:
            continue
    return content.decode("latin-1")


def _attached(message: EmailMessage) -> list[str]:
    names = [name for part in _parts(message) if (name := _name(part))]
    names += ["message" for part in message.walk() if part.get_content_type() == "message/rfc822"]
    return [name[:200] for name in names[:NAMED]]


def _name(part: EmailMessage) -> str:
    name = _tried(part.get_filename, None)
    attached = _tried(part.get_content_disposition, None) == "attachment"
    return _clean(str(name)) if name else part.get_content_type() if attached else ""


def _automatic(message: EmailMessage, sender: str) -> str | None:
    if MACHINES.match(sender) or "delivery-status" in _header(message, "Content-Type"):
        return "bounce"
    if _header(message, "Auto-Submitted").lower() not in ("", "no") or any(
        _header(message, name) for name in ("X-Autoreply", "X-Autorespond", "X-Auto-Response-Suppress")
    ):
        return "reply"
    if _header(message, "Precedence").lower() in ("bulk", "list", "junk", "auto_reply") or _header(message, "List-Id"):
        return "list"
    return None


def _customers(message: EmailMessage, sender: str, ours: Sequence[str], *, from_us: bool, bounced: bool) -> list[str]:
    """Whose story it belongs to: who wrote; whom we wrote to; whom a bounce did not reach."""
    if bounced:
        found = re.findall(r"(?im)^final-recipient:\s*rfc822;\s*(\S+@\S+)", _tried(message.as_string, ""))
    elif from_us:
        found = [one for name in ("To", "Cc") for _, one in _addresses(message, name)]
    else:
        found = [sender]
    return list(dict.fromkeys(one.lower() for one in found if one and not is_ours(one, ours)))


def _addresses(message: EmailMessage, name: str) -> list[tuple[str, str]]:
    none: list[tuple[str, str]] = []
    found = _tried(lambda: getaddresses([_header(message, name)]), none)
    return [(_clean(said), _clean(one).lower()) for said, one in found if "@" in one]


def _when(message: EmailMessage, envelope: Envelope) -> dt.datetime:
    """When it was sent, if that can be; else when it arrived."""
    arrived = envelope.arrived_at
    sent = _tried(lambda: parsedate_to_datetime(_header(message, "Date")), None)
    if sent is not None:
        sent = sent if sent.tzinfo else sent.replace(tzinfo=dt.UTC)
        if sent > EARLIEST and (arrived is None or sent < arrived + LATEST):
            return sent
    return arrived or EARLIEST


def _header(message: EmailMessage, name: str) -> str:
    """A header as text; as it stands where it follows no standard."""
    try:
        found = message[name]
        return _clean(str(found)) if found is not None else ""
    except UGLY:
        raw = next((value for key, value in message.raw_items() if key.lower() == name.lower()), "")
        return _clean(str(raw))


def _clean(text: str) -> str:
    """Without line breaks, and with a mark for each byte that is no letter."""
    return " ".join(text.encode("utf-8", "surrogateescape").decode("utf-8", "replace").replace("\x00", "").split())


def _tried(read: Callable[[], T], instead: T) -> T:
    try:
        return read()
    except UGLY:
        return instead
