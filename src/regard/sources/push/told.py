"""What our own people were told: anyone who meets customers notes what one said or felt, in the words it was said.

A note is an interaction of the source `staff`, event `staff_note`. How the customer seemed is what an employee
believes, so it is the property `seemed`, -2 to 2, and never a rating: only the customer can say. Taking a note back is
a fact too.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from uuid import UUID

from regard.errors import SettingError
from regard.ledger.log import Fact
from regard.sources.push.heard import Heard

SOURCE = "staff"
EVENT = "staff_note"
SEEMED = {-2: "very unhappy", -1: "unhappy", 0: "neither", 1: "happy", 2: "very happy"}
LONGEST = 4_000
"""Characters of one note."""
EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")
PHONE = re.compile(r"\+?[\d][\d ()/.-]{5,}")


@dataclass(frozen=True)
class Note:
    """What somebody filled in; empty text is None.

    note_id    : made with the form, so that pressing the button twice changes nothing.
    by         : who noted it.
    handle     : (kind, value) of the customer, where one is known; `customer` is what was typed, where none is.
    about      : (type, id) of an order, a case ...
    seemed     : a key of SEEMED.
    """

    note_id: str
    by: str
    text: str | None = None
    seemed: int | None = None
    handle: tuple[str, str] | None = None
    customer: str | None = None
    about: tuple[str, str] | None = None
    touchpoint: str | None = None
    unit: str | None = None
    channel: str | None = None
    department: str | None = None


def hear(note: Note, *, at: int) -> Heard:
    """A note as it goes into the log.

    at     : now, microseconds since 1970 UTC.
    Raises : SettingError for a note that says nothing, or too much.
    """
    if note.text is None and note.seemed is None:
        raise SettingError("There is nothing in the note.", hint="Write what was said, or choose how they seemed.")
    if note.text is not None and len(note.text) > LONGEST:
        raise SettingError(
            "The note is too long.", found=f"{len(note.text):,} characters", allowed=f"{LONGEST:,}",
            hint="Keep to what the customer said; send documents where they belong.",
        )  # fmt: skip
    heard = Heard(SOURCE, at, "staff note")
    said = {
        "seemed": str(note.seemed) if note.seemed is not None else None,
        "customer": note.customer,
        "about": note.touchpoint,
        "department": note.department,
    }
    kept = {key: value for key, value in said.items() if value is not None}
    heard.facts.append(
        Fact(
            interaction_id=_id(note.note_id),
            occurred_at=at,
            event=EVENT,
            direction="customer",
            kind="said" if note.text is not None else "seemed",
            text=note.text,
            actor=note.by,
            channel=note.channel,
            unit=note.unit,
            handle_kinds=[note.handle[0]] if note.handle else [],
            handle_values=[note.handle[1]] if note.handle else [],
            object_types=[note.about[0]] if note.about else [],
            object_ids=[note.about[1]] if note.about else [],
            property_keys=list(kept),
            property_values=list(kept.values()),
        )
    )
    return heard


def take_back(note_id: str, *, by: str, at: int) -> Heard:
    """The fact that a note is taken back; the note itself stays in the ledger, and counts no more."""
    noted = _id(note_id)
    heard = Heard(SOURCE, at, "staff note")
    heard.facts.append(
        Fact(interaction_id=f"{noted}~back", occurred_at=at, event=EVENT, actor=by, retracts=noted, kind="taken back")
    )
    return heard


def handle_of(text: str) -> tuple[str, str] | None:
    """The handle that a text is by its form: an e-mail address or a telephone number; None for anything else.

    >>> handle_of("ada@example.com"), handle_of("+44 20 7946 0000"), handle_of("the lady with the dog")
    (('email', 'ada@example.com'), ('phone', '+44 20 7946 0000'), None)
    """
    text = text.strip()
    if EMAIL.fullmatch(text):
        return "email", text
    return ("phone", text) if PHONE.fullmatch(text) else None


def _id(text: str) -> str:
    try:
        return f"note:{UUID(text)}"
    except ValueError:
        raise SettingError(f"{text[:80]!r} is not the id of a note.", hint="Open the form again: /tell") from None
