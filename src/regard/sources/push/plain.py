"""Our own convention: an interaction, or a list of them, as JSON; the fields are those of the table `interactions`.

{"event": "call", "occurred_at": "2026-01-31T12:00:00Z", "channel": "phone", "handles": {"email": "ada@x.org"},
 "objects": [{"type": "case", "id": "C-1"}], "rating": 4, "scale": "stars", "text": "...", "properties": {"n": 1}}
"""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Any, Literal

import msgspec

from regard.blueprint.money import minor
from regard.errors import SettingError, SourceError
from regard.ledger.log import Delivery, Fact
from regard.sources.push import moments
from regard.sources.push.heard import LONGEST_ID, Bounds, Heard, not_json, reason_of
from regard.sources.push.words import spread, text, without_nul

BOUNDS = Bounds(body=5 * 2**20, item=256 * 1024, items=10_000)
INT64 = 2**63

Word = Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
Name = Annotated[str, msgspec.Meta(min_length=1, max_length=LONGEST_ID)]
Time = Annotated[dt.datetime, msgspec.Meta(tz=True, description="ISO 8601 with an offset")]
Whole = Annotated[int, msgspec.Meta(ge=-INT64, lt=INT64)]


class Handle(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """An identifier seen on it."""

    kind: Word
    value: Name | int


class Thing(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """What it was about."""

    type: Word
    id: Name | int
    qualifier: str | None = None


class Interaction(msgspec.Struct, forbid_unknown_fields=True, kw_only=True, gc=False):
    """One interaction. Without `interaction_id` it is known by its content; without `occurred_at` it happened now."""

    event: Word
    interaction_id: Name | None = None
    occurred_at: Time | None = None
    zone: Word | None = None
    precision: Literal["instant", "day"] | None = None
    direction: Literal["customer", "us", "neither"] | None = None
    channel: Word | None = None
    handles: dict[Word, Name | int] | list[Handle] = {}
    objects: list[Thing] = []
    account: Name | None = None
    role: Word | None = None
    unit: Word | None = None
    language: Word | None = None
    actor: Word | None = None
    kind: Word | None = None
    rating: float | None = None
    scale: Word | None = None
    text: str | None = None
    amount: float | Annotated[str, msgspec.Meta(max_length=40)] | None = None
    currency: Word | None = None
    cost: float | Annotated[str, msgspec.Meta(max_length=40)] | None = None
    duration_s: float | None = None
    corrects: Name | None = None
    retracts: Name | None = None
    properties: dict[str, Any] = {}


_all = msgspec.json.Decoder(list[Interaction] | Interaction)
_one = msgspec.json.Decoder(Interaction)
_raws = msgspec.json.Decoder(list[msgspec.Raw])


def hear(body: bytes, *, source: str, received_at: int, bounds: Bounds = BOUNDS) -> Heard:
    """What a request said. Items that do not fit are refused one by one, each with its reason.

    Raises : SourceError for a body that is no JSON, or too long; nothing of it is taken then.
    """
    heard = Heard(source, received_at, "POST /api/v1/interactions")
    body = without_nul(body)
    try:
        items = _all.decode(body)
    except (msgspec.ValidationError, RecursionError):
        return _one_by_one(heard, body, bounds)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise not_json(error) from None
    items = items if isinstance(items, list) else [items]
    _bounded(len(items), bounds)
    for place, item in enumerate(items, 1):
        try:
            take(heard, item)
        except ValueError as error:
            heard.refuse(place, str(error), msgspec.json.encode(item), item.event)
    return heard


def spoken(call: str, body: bytes, source: str, received_at: int) -> Delivery:
    """What a body in the log says; see `sound`."""
    return hear(body, source=source, received_at=received_at).delivery()


def sound(body: bytes, *, received_at: int, bounds: Bounds = BOUNDS) -> int:
    """How many interactions a body brings, if each of them can be used as it is: then it may be heard later.

    Returns : 0 where that is not so, or not certain: `hear` says what is wrong with which.
    """
    try:
        items = _all.decode(body)
        items = items if isinstance(items, list) else [items]
        latest = moments.latest(received_at)
        for one in items:
            if one.occurred_at is not None and one.occurred_at > latest:
                return 0
            if one.amount is not None or one.cost is not None:
                _worth(one)
    except (ValueError, RecursionError):  # of msgspec, or ours
        return 0
    return len(items) if len(items) <= bounds.items else 0


def _one_by_one(heard: Heard, body: bytes, bounds: Bounds) -> Heard:
    try:
        raws = _raws.decode(body) if body.lstrip()[:1] == b"[" else [msgspec.Raw(body)]
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as error:
        raise not_json(error) from None
    _bounded(len(raws), bounds)
    for place, raw in enumerate(raws, 1):
        try:
            take(heard, _one.decode(raw))
        except (ValueError, RecursionError) as error:
            heard.refuse(place, reason_of(error), bytes(raw))
    return heard


def _bounded(n: int, bounds: Bounds) -> None:
    if n > bounds.items:
        raise SourceError("The list is too long.", found=f"{n:,} interactions", allowed=f"{bounds.items:,}")


def take(heard: Heard, one: Interaction) -> None:
    """One interaction as a fact. Raises ValueError with the reason if it is none."""
    occurred_at = moments.micros(one.occurred_at) if one.occurred_at is not None else heard.received_at
    fact = Fact(
        interaction_id=one.interaction_id or "", occurred_at=occurred_at, event=one.event, zone=one.zone,
        precision=one.precision, direction=one.direction, channel=one.channel, account=one.account, role=one.role,
        unit=one.unit, language=one.language, actor=one.actor, kind=one.kind, rating=one.rating, scale=one.scale,
        text=one.text, duration_s=one.duration_s, corrects=one.corrects, retracts=one.retracts,
    )  # fmt: skip
    _who_and_what(fact, one)
    if one.amount is not None or one.cost is not None:
        fact.amount_minor, fact.cost_minor = _worth(one)
        fact.currency = one.currency
    spread(one.properties, fact.property_keys, fact.property_values)
    if occurred_at > heard.received_at and (late := moments.ahead(occurred_at, heard.received_at)) is not None:
        fact.property_keys.append("clock_ahead_s")
        fact.property_values.append(text(late))
    if not fact.interaction_id:
        heard.name(fact)
    heard.facts.append(fact)


def _who_and_what(fact: Fact, one: Interaction) -> None:
    if isinstance(one.handles, dict):
        fact.handle_kinds = list(one.handles)
        fact.handle_values = [value if type(value) is str else str(value) for value in one.handles.values()]
    else:
        fact.handle_kinds = [handle.kind for handle in one.handles]
        fact.handle_values = [str(handle.value) for handle in one.handles]
    if one.objects:
        fact.object_types = [thing.type for thing in one.objects]
        fact.object_ids = [str(thing.id) for thing in one.objects]
        qualifiers = [thing.qualifier for thing in one.objects]
        if qualifiers.count(None) < len(qualifiers):
            fact.object_qualifiers = qualifiers


def _worth(one: Interaction) -> tuple[int | None, int | None]:
    """Amount and cost in minor units. Raises ValueError if they are none."""
    if one.currency is None:
        raise ValueError("currency: an amount needs one, such as EUR")
    try:
        amount, cost = (minor(said, one.currency) if said is not None else None for said in (one.amount, one.cost))
    except (SettingError, OverflowError, ValueError) as error:
        raise ValueError(f"amount: {error.problem if isinstance(error, SettingError) else error}") from None
    if any(not -INT64 <= n < INT64 for n in (amount, cost) if n is not None):
        raise ValueError("amount: it is too large")
    return amount, cost
