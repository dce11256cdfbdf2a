"""What one request said, as rows: facts, rows that did not fit, memberships, what was said of objects."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from regard.tables import INTERACTIONS


class Fact(msgspec.Struct, omit_defaults=True, kw_only=True, gc=False):
    """One interaction on its way; what is None is null in the ledger.

    occurred_at      : microseconds since 1970, UTC.
    precision        : "day", or None for "instant".
    handle_kinds ... : side by side, as long as each other; `object_qualifiers` may be empty: none has one.
    """

    interaction_id: str
    occurred_at: int
    event: str
    zone: str | None = None
    precision: str | None = None
    direction: str | None = None
    channel: str | None = None
    handle_kinds: list[str] = []
    handle_values: list[str] = []
    object_types: list[str] = []
    object_ids: list[str] = []
    object_qualifiers: list[str | None] = []
    account: str | None = None
    role: str | None = None
    unit: str | None = None
    language: str | None = None
    actor: str | None = None
    kind: str | None = None
    rating: float | None = None
    scale: str | None = None
    text: str | None = None
    amount_minor: int | None = None
    currency: str | None = None
    cost_minor: int | None = None
    duration_s: float | None = None
    corrects: str | None = None
    retracts: str | None = None
    property_keys: list[str] = []
    property_values: list[str] = []


class Refused(msgspec.Struct, omit_defaults=True, kw_only=True):
    """One row that did not fit: its place in what was sent, from 1, why, and what it said (JSON)."""

    line: int
    reason: str
    row: str
    file: str | None = None
    event: str | None = None


class Member(msgspec.Struct, omit_defaults=True, kw_only=True):
    """One row of `memberships`; times as in `Fact`."""

    account: str
    kind: str
    handle: str
    from_at: int
    parent: str | None = None
    role: str | None = None
    to_at: int | None = None


class Attribute(msgspec.Struct, omit_defaults=True, kw_only=True):
    """One row of `objects`: what was said of an object; times as in `Fact`."""

    type: str
    id: str
    at: int
    attribute: str
    value: str


@dataclass(frozen=True)
class Delivery:
    """What one accepted request said.

    source      : of the key it came with.
    received_at : microseconds since 1970, UTC.
    """

    source: str
    received_at: int
    facts: Sequence[Fact] = ()
    refused: Sequence[Refused] = ()
    members: Sequence[Member] = ()
    attributes: Sequence[Attribute] = ()

    def tables(self) -> dict[str, Sequence[msgspec.Struct]]:
        """The rows by table; tables without rows are left out."""
        rows = {
            INTERACTIONS.name: self.facts, "rejects": self.refused,
            "memberships": self.members, "objects": self.attributes,
        }  # fmt: skip
        return {name: some for name, some in rows.items() if some}
