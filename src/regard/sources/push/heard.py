"""What came of a body: facts, and a reason for each item that is none."""

from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import dataclass, field

import msgspec

from regard.errors import SourceError
from regard.ledger.log import Attribute, Delivery, Fact, Member, Refused

LONGEST_ROW = 8_000
"""Characters of an item that are kept with the reason why it was refused."""
LONGEST_ID = 1_000
MADE = "body:"

_encoder = msgspec.json.Encoder()


@dataclass(frozen=True)
class Bounds:
    """How much one request may bring. Bytes count after they are unpacked."""

    body: int
    item: int
    items: int


@dataclass
class Heard:
    """What one request said, as it goes into the log.

    source, received_at : of the key, and now, microseconds since 1970 UTC.
    wants               : name of the convention, for the table of rejects.
    """

    source: str
    received_at: int
    wants: str
    facts: list[Fact] = field(default_factory=list)
    refused: list[Refused] = field(default_factory=list)
    members: list[Member] = field(default_factory=list)
    attributes: list[Attribute] = field(default_factory=list)
    _made: Counter[str] = field(default_factory=Counter)

    def refuse(self, place: int, reason: str, row: bytes | str, event: str | None = None) -> None:
        """Note an item that does not fit: its place, from 1, and why."""
        text = row if isinstance(row, str) else row.decode("utf-8", "replace")
        said = text[:LONGEST_ROW].replace("\x00", "\ufffd")
        self.refused.append(Refused(line=place, reason=reason, row=said, file=self.wants, event=event))

    def name(self, fact: Fact) -> None:
        """Give a fact an id made of what it says: sent again it is known, said twice in one request it counts twice."""
        digest = hashlib.md5(_encoder.encode(fact), usedforsecurity=False).hexdigest()
        self._made[digest] += 1
        again = self._made[digest]
        fact.interaction_id = f"{MADE}{digest}" + (f".{again}" if again > 1 else "")

    @property
    def n(self) -> int:
        """Items that were sent."""
        return len(self.facts) + len(self.refused)

    def delivery(self) -> Delivery:
        """For the log."""
        return Delivery(self.source, self.received_at, self.facts, self.refused, self.members, self.attributes)


def not_json(error: Exception) -> SourceError:
    """The body is not what it is said to be."""
    if isinstance(error, RecursionError):
        return SourceError("The body is nested too deeply.", allowed="a few dozen levels")
    return SourceError("The body cannot be read.", found=str(error), allowed="JSON in UTF-8, as the reference has it")


def reason_of(error: Exception) -> str:
    """A validation error as a reason.

    >>> reason_of(ValueError("Expected `str`, got `int` - at `$.event`"))
    'event: expected str, got int'
    """
    if isinstance(error, RecursionError):
        return "it is nested too deeply"
    said, _, path = str(error).partition(" - at `$")
    said = said.replace("`", "")
    where = path.rstrip("`").lstrip(".")
    return f"{where}: {said[:1].lower()}{said[1:]}" if where else f"{said[:1].lower()}{said[1:]}"
