"""Segment's tracking API: what its libraries send, as interactions.

    track     event as named; what it is about and what it brought: commerce.py
    page      event `page`, screen: `screen`; `kind` is its name
    identify  event `identify`; traits are properties, e-mail and telephone handles: what an anonymous id did is theirs
    group     event `group`; the account, the person's membership, and the account's traits as attributes
    alias     event `alias`; both ids are handles of it, and so of one person

The id is the sender's `messageId`. `timestamp` is when it happened by the sender's clock and `sentAt` when it was sent
by the same clock, so what counts is `receivedAt - (sentAt - timestamp)`, in which a wrong clock cancels out.
Source: Segment Spec (Common Fields, Identify, Track, Page, Screen, Group, Alias) and HTTP Tracking API.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from regard.errors import SourceError
from regard.ledger.log import Attribute, Delivery, Fact, Member
from regard.sources.push import moments
from regard.sources.push.commerce import money_of, objects_of
from regard.sources.push.heard import LONGEST_ID, Bounds, Heard, not_json, reason_of
from regard.sources.push.words import name, spread, text, without_nul

BOUNDS = Bounds(body=500 * 1024, item=32 * 1024, items=2_500)
CALLS = ("identify", "track", "page", "screen", "group", "alias")
BATCHES = ("batch", "import")
SIMPLE = ("identify", "track", "page", "screen")
"""Calls that say no more than their own interaction."""
CHANNELS = {"browser": "web", "mobile": "app"}
LIBRARIES = {"regard.js": "web", "analytics.js": "web", "analytics-next": "web", "ios": "app", "android": "app",
             "swift": "app", "kotlin": "app", "react-native": "app", "flutter": "app"}  # fmt: skip
UNKEPT = ("traits", "ip", "proof")
"""Parts of the context that are no facts of the interaction; an address of the network is personal, and not needed."""
MOST_TRAITS = 200

Id = str | int | float | None
Moment = str | int | float | None
Vouch = Callable[[str, str | None], bool]
"""Whether the sender may say that its visitor is this person: the id, and the proof it brought."""


class Message(msgspec.Struct, rename="camel", gc=False):
    """One call, of any type; what is not named here is ignored."""

    type: str | None = None
    event: str | None = None
    name: str | None = None
    category: str | None = None
    user_id: Id = None
    anonymous_id: Id = None
    previous_id: Id = None
    group_id: Id = None
    message_id: str | None = None
    timestamp: Moment = None
    original_timestamp: Moment = None
    sent_at: Moment = None
    channel: str | None = None
    properties: dict[str, Any] | None = None
    traits: dict[str, Any] | None = None
    context: dict[str, Any] | None = None


class Single(Message, rename="camel"):
    """The body of one call: the call, and the write key where it is not in the header."""

    write_key: str | None = None


class Batch(msgspec.Struct, rename="camel"):
    """The body of `batch` and `import`: calls of any type, with what they have in common."""

    batch: list[Message]
    context: dict[str, Any] | None = None
    sent_at: Moment = None
    write_key: str | None = None


class _Raw(msgspec.Struct, rename="camel"):
    batch: list[msgspec.Raw]
    context: dict[str, Any] | None = None
    sent_at: Moment = None
    write_key: str | None = None


class _Keyed(msgspec.Struct, rename="camel"):
    write_key: str | None = None


_single = msgspec.json.Decoder(Single)
_batch = msgspec.json.Decoder(Batch)
_raw = msgspec.json.Decoder(_Raw)
_message = msgspec.json.Decoder(Message)
_keyed = msgspec.json.Decoder(_Keyed)


def write_key(body: bytes) -> str | None:
    """The write key that stands in a body, for senders that cannot set a header.

    Raises : SourceError for a body that is no JSON object.
    """
    try:
        return _keyed.decode(body).write_key
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as error:
        raise not_json(error) from None


def hear(
    call: str, body: bytes, *, source: str, received_at: int, vouch: Vouch | None = None, bounds: Bounds = BOUNDS
) -> Heard:
    """What a request said.

    call   : the last part of its path: track, batch ...
    vouch  : for keys that anyone can read; None trusts every id that is sent.
    Raises : SourceError for a body that is malformed or too large; nothing of it is taken then.
    """
    heard = Heard(source, received_at, f"POST /v1/{call}")
    body = without_nul(body)
    try:
        if call in BATCHES:
            _hear_batch(heard, body, vouch, bounds)
        else:
            _hear_single(heard, call, body, vouch, bounds)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as error:
        raise not_json(error) from None
    return heard


def spoken(call: str, body: bytes, source: str, received_at: int) -> Delivery:
    """What a body in the log says; see `sound`."""
    return hear(call, body, source=source, received_at=received_at).delivery()


def sound(call: str, body: bytes, *, received_at: int, bounds: Bounds = BOUNDS) -> int:
    """How many events a body brings, if each of them can be used as it is: then it may be heard later.

    Returns : 0 where that is not so, or not certain (as with groups and aliases): `hear` says what is wrong with which.
    """
    if len(body) > bounds.item and not _short(call, body, bounds):
        return 0
    try:
        if call in BATCHES:
            whole = _batch.decode(body)
            messages, sent_at = whole.batch, whole.sent_at
        else:
            single = _single.decode(body)
            single.type = call
            messages, sent_at = [single], None
        if len(messages) > bounds.items or not all(_usable(one, sent_at, received_at) for one in messages):
            return 0
    except (ValueError, RecursionError):  # of msgspec, or ours
        return 0
    return len(messages)


def _short(call: str, body: bytes, bounds: Bounds) -> bool:
    try:
        return call in BATCHES and all(len(item) <= bounds.item for item in _raw.decode(body).batch)
    except (ValueError, RecursionError):
        return False


def _usable(one: Message, sent_at: Moment, received_at: int) -> bool:
    """Whether `_take` certainly takes it. Raises ValueError if it does not."""
    if one.type not in SIMPLE or (name(one.user_id) is None and name(one.anonymous_id) is None):
        return False
    if one.message_id and len(one.message_id) > LONGEST_ID:
        return False
    if one.type == "track":
        event = _event(one)
        if one.properties:
            money_of(event, one.properties)
    at = _occurred(one, one.sent_at if one.sent_at is not None else sent_at, received_at)
    return at - received_at <= moments.FURTHEST


def _hear_single(heard: Heard, call: str, body: bytes, vouch: Vouch | None, bounds: Bounds) -> None:
    if len(body) > bounds.item:
        raise _too_long(1, len(body), bounds)
    message = _single.decode(body)
    message.type = call
    try:
        _take(heard, message, None, None, vouch)
    except ValueError as error:
        raise SourceError(f"The {call} call cannot be used.", found=str(error), allowed="see docs/reference") from None


def _hear_batch(heard: Heard, body: bytes, vouch: Vouch | None, bounds: Bounds) -> None:
    raw = None
    if len(body) > bounds.item:
        raw = _raw.decode(body)
        for place, item in enumerate(raw.batch, 1):
            if len(item) > bounds.item:
                raise _too_long(place, len(item), bounds)
    try:
        whole = _batch.decode(body)
        n = len(whole.batch)
    except (msgspec.ValidationError, RecursionError):
        whole = None
        raw = raw or _raw.decode(body)
        n = len(raw.batch)
    if n > bounds.items:
        raise SourceError("The batch is too long.", found=f"{n:,} events", allowed=f"{bounds.items:,}")
    if whole is not None:
        for place, message in enumerate(whole.batch, 1):
            try:
                _take(heard, message, whole.context, whole.sent_at, vouch)
            except ValueError as error:
                heard.refuse(place, str(error), msgspec.json.encode(message), message.event)
    elif raw is not None:
        for place, item in enumerate(raw.batch, 1):
            try:
                _take(heard, _message.decode(item), raw.context, raw.sent_at, vouch)
            except (ValueError, RecursionError) as error:  # of msgspec, or ours
                heard.refuse(place, reason_of(error), bytes(item))


def _too_long(place: int, size: int, bounds: Bounds) -> SourceError:
    return SourceError(
        f"Event {place} is too large.",
        found=f"{size:,} bytes",
        allowed=f"{bounds.item:,} bytes an event, {bounds.body:,} a request",
        hint="Send what is long (a document, a picture) elsewhere, and its address here.",
    )


def _take(heard: Heard, one: Message, shared: dict[str, Any] | None, sent_at: Moment, vouch: Vouch | None) -> None:
    """One message as a fact, and what follows from it. Raises ValueError with the reason if it is none."""
    kind = one.type
    if kind not in CALLS:
        raise ValueError(f"type: {kind!r} is none of {', '.join(CALLS)}")
    context = {**shared, **one.context} if shared and one.context else one.context or shared or {}
    occurred_at = _occurred(one, one.sent_at if one.sent_at is not None else sent_at, heard.received_at)
    fact = Fact(
        interaction_id="", occurred_at=occurred_at, event=_event(one), direction="customer", kind=_kind(one),
        channel=_channel(one, context), language=_language(context),
    )  # fmt: skip
    traits = one.traits or {}
    _handles(fact, one, traits if kind == "identify" else {}, context, vouch)
    said = traits if kind in ("identify", "group") else one.properties or {}
    spread(said, fact.property_keys, fact.property_values)
    if one.category:
        fact.property_keys.append("category")
        fact.property_values.append(one.category)
    _context(fact, context)
    if (late := moments.ahead(occurred_at, heard.received_at)) is not None:
        fact.property_keys.append("clock_ahead_s")
        fact.property_values.append(text(late))
    if kind == "track":
        objects_of(said, fact.object_types, fact.object_ids)
        if (money := money_of(fact.event, said)) is not None:
            fact.amount_minor, fact.currency = money
    fact.account = name(one.group_id) or name(context.get("groupId"))
    if one.message_id:
        if len(one.message_id) > LONGEST_ID:
            raise ValueError(f"messageId: it has {len(one.message_id):,} characters; {LONGEST_ID:,} are allowed")
        fact.interaction_id = one.message_id
    else:
        heard.name(fact)
    if kind == "group":
        _group(heard, fact, traits)
    heard.facts.append(fact)


def _event(one: Message) -> str:
    if one.type != "track":
        return str(one.type)
    if not one.event or not one.event.strip():
        raise ValueError("event: a track call names what happened")
    return one.event


def _kind(one: Message) -> str | None:
    return one.name or None if one.type in ("page", "screen") else None


def _occurred(one: Message, sent_at: Moment, received_at: int) -> int:
    original = one.original_timestamp if one.original_timestamp is not None else one.timestamp
    if original is None or original == "":
        return received_at
    at = moments.read(original)
    if sent_at is None or sent_at == "":
        return at
    return received_at - (moments.read(sent_at) - at)


def _handles(fact: Fact, one: Message, traits: dict[str, Any], context: dict[str, Any], vouch: Vouch | None) -> None:
    """Who it was: ids of their own are handles; a person's id that nobody vouches for stays a property."""
    also = context.get("traits")
    also = also if isinstance(also, dict) else {}
    user, anonymous = name(one.user_id), name(one.anonymous_id)
    claims = [
        ("user", user),
        ("email", name(traits.get("email")) or name(also.get("email"))),
        ("phone", name(traits.get("phone")) or name(also.get("phone"))),
    ]
    if one.type == "alias":
        previous = name(one.previous_id)
        if previous is None or user is None:
            raise ValueError("an alias call needs previousId and userId")
        claims += [("anonymous", previous), ("user", previous)]  # it does not say of which kind the earlier id is
    elif user is None and anonymous is None:
        raise ValueError("a call needs userId or anonymousId")
    trusted = vouch is None or (user is not None and vouch(user, name(context.get("proof"))))
    if anonymous is not None:
        fact.handle_kinds.append("anonymous")
        fact.handle_values.append(anonymous)
    for kind, value in claims:
        if value is not None:
            where = (fact.handle_kinds, fact.handle_values) if trusted else (fact.property_keys, fact.property_values)
            where[0].append(kind if trusted else f"claimed_{kind}")
            where[1].append(value)


def _context(fact: Fact, context: dict[str, Any]) -> None:
    kept = {key: value for key, value in context.items() if key not in UNKEPT}
    spread(kept, fact.property_keys, fact.property_values, "context.")


def _channel(one: Message, context: dict[str, Any]) -> str | None:
    if one.channel in CHANNELS:
        return CHANNELS[one.channel]
    if one.type == "page":
        return "web"
    if one.type == "screen":
        return "app"
    library = context.get("library")
    library = str(library.get("name") or "") if isinstance(library, dict) else ""
    return next((channel for part, channel in LIBRARIES.items() if part in library), None)


def _language(context: dict[str, Any]) -> str | None:
    locale = context.get("locale")
    return locale[:2].lower() if isinstance(locale, str) and locale[:2].isalpha() and len(locale) >= 2 else None


def _group(heard: Heard, fact: Fact, traits: dict[str, Any]) -> None:
    if fact.account is None:
        raise ValueError("a group call needs groupId")
    fact.object_types.append("account")
    fact.object_ids.append(fact.account)
    for kind, handle in zip(fact.handle_kinds, fact.handle_values, strict=True):
        heard.members.append(Member(account=fact.account, kind=kind, handle=handle, from_at=fact.occurred_at))
    keys: list[str] = []
    values: list[str] = []
    spread(traits, keys, values)
    for key, value in list(zip(keys, values, strict=True))[:MOST_TRAITS]:
        heard.attributes.append(
            Attribute(type="account", id=fact.account, at=fact.occurred_at, attribute=key, value=value)
        )
