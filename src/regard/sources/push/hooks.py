"""Any JSON by a mapping file: the mapping of a file, applied to the body of a webhook.

Columns are names in the body, with dots into what is nested ("data.customer.email", "items.0.sku"). `format: {at: ...}`
names a list whose items are the rows; a name that an item does not have is looked up in the whole body.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping as Mapped
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from regard.blueprint.money import exponent, minor
from regard.errors import SettingError, SourceError
from regard.ledger.log import Fact
from regard.sources.mapping import Condition, Interaction, Mapping, Money, Object, Rating, Ref, Refs, Time, Word
from regard.sources.push import moments, words
from regard.sources.push.heard import LONGEST_ID, Bounds, Heard, not_json, reason_of

BOUNDS = Bounds(body=1 * 2**20, item=2**20, items=5_000)
YES, NO = ("true", "yes", "1"), ("false", "no", "0")


@dataclass(frozen=True)
class Row:
    """One row: an item of the body, and the body around it."""

    item: object
    body: object
    nulls: tuple[str, ...]

    def value(self, ref: Ref) -> object:
        """What a name stands for; None where there is nothing, or a text that means nothing."""
        found = _inside(self.item, ref.name)
        found = _inside(self.body, ref.name) if found is None else found
        return None if isinstance(found, str) and found.strip() in self.nulls else found

    def text(self, ref: Ref) -> str | None:
        found = self.value(ref)
        return None if found is None else words.text(found).strip()

    def joined(self, refs: Refs, between: str) -> str | None:
        """The texts of several columns; None where all are empty."""
        texts = [text for ref in refs if (text := self.text(ref))]
        return between.join(texts) if texts else None

    def number(self, ref: Ref) -> float | None:
        text = self.text(ref)
        if text is None:
            return None
        try:
            return float(text)
        except ValueError:
            raise ValueError(f"{ref.name} holds {text[:60]!r}, which is not a number") from None


def hear(mapping: Mapping, body: bytes, *, received_at: int, zone: str, delivery: str | None = None) -> Heard:
    """What a webhook said.

    zone     : of times written without an offset, where the mapping names none.
    delivery : the sender's id of the delivery, by which rows without a key are known.
    Raises   : SourceError for a body that is no JSON, or has more rows than it may.
    """
    heard = Heard(mapping.source, received_at, f"POST /hooks, {mapping.path}")
    try:
        said = msgspec.json.decode(words.without_nul(body))
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as error:
        raise not_json(error) from None
    items = _inside(said, mapping.format.at) if mapping.format.at else said
    rows = items if isinstance(items, list) else [] if items is None else [items]
    if len(rows) > BOUNDS.items:
        raise SourceError("The webhook has too many rows.", found=f"{len(rows):,}", allowed=f"{BOUNDS.items:,}")
    for place, item in enumerate(rows, 1):
        row = Row(item, said, mapping.format.nulls)
        for meant in mapping.interactions:
            _take(heard, mapping, meant, row, place, zone, delivery)
    return heard


def _take(
    heard: Heard, mapping: Mapping, meant: Interaction, row: Row, place: int, zone: str, delivery: str | None
) -> None:
    event = meant.event.constant
    try:
        if meant.when is not None and not holds(meant.when, row):
            return
        event = word(meant.event, row)
        if not event:
            raise ValueError(f"{meant.name} is empty: there is no event")
        at = occurred(meant.at, row, mapping.zone or zone)
        if at is None:
            if meant.required:
                raise ValueError("there is no time, and it is required")
            return
        fact = _fact(mapping, meant, row, event, at)
        if not fact.interaction_id and delivery:
            fact.interaction_id = f"{delivery}:{place}:{event}"[:LONGEST_ID]
        if not fact.interaction_id:
            heard.name(fact)
        if (late := moments.ahead(at, heard.received_at)) is not None:
            fact.property_keys.append("clock_ahead_s")
            fact.property_values.append(words.text(late))
        heard.facts.append(fact)
    except (ValueError, SettingError) as error:
        reason = error.problem if isinstance(error, SettingError) else reason_of(error)
        heard.refuse(place, reason, msgspec.json.encode(row.item), event)


def _fact(mapping: Mapping, meant: Interaction, row: Row, event: str, at: int) -> Fact:
    fact = Fact(interaction_id=_id(mapping, meant, row, event), occurred_at=at, event=event)
    fact.precision = "day" if meant.at.precision == "day" else None
    for name, said in meant.words:
        setattr(fact, name, word(said, row))
    for handle in meant.handles:
        for value in _several(row.value(handle.column)):
            fact.handle_kinds.append(handle.kind)
            fact.handle_values.append(value)
    _objects(fact, meant.objects, row)
    if (meant.handles or meant.objects) and not fact.handle_values and not fact.object_ids:
        raise ValueError("handles and objects are empty: it is about nobody and nothing")
    if meant.rating is not None and (rating := _rated(meant.rating, row)) is not None:
        fact.rating, fact.scale = rating, word(meant.rating.scale, row)
        low, high = meant.rating.low, meant.rating.high
        if (low is not None and rating < low) or (high is not None and rating > high):
            raise ValueError(f"{meant.rating.column.name} holds {rating:g}, which is not on the scale")
    fact.text = row.joined(meant.text, "\n")
    for name, money in (("amount_minor", meant.amount), ("cost_minor", meant.cost)):
        if money is not None:
            _money(fact, name, money, row)
    if meant.duration is not None and (length := row.number(meant.duration.column)) is not None:
        fact.duration_s = length * meant.duration.factor
    fact.corrects, fact.retracts = row.joined(meant.corrects, ":"), row.joined(meant.retracts, ":")
    _properties(fact, mapping, meant, row)
    return fact


def _id(mapping: Mapping, meant: Interaction, row: Row, event: str) -> str:
    """The values of the key and the event, as a file of the same mapping would have it."""
    key = meant.key or mapping.key
    parts = []
    for ref in key:
        text = row.text(ref)
        if not text:
            raise ValueError(f"{ref.name} is empty: it is part of the key")
        parts.append(text)
    made = ":".join([*parts, event]) if parts else ""
    if len(made) > LONGEST_ID:
        raise ValueError(f"the key has {len(made):,} characters; {LONGEST_ID:,} are allowed")
    return made


def word(said: Word, row: Row) -> str | None:
    """A word, None where its column is empty."""
    if said.column is None:
        return said.constant
    text = row.text(said.column)
    mapped = dict(said.map)
    if text is not None and mapped:
        text = mapped.get(text, said.otherwise or text)
    return text or said.otherwise or None


def occurred(said: Time, row: Row, zone: str) -> int | None:
    """A time in microseconds since 1970, None where there is none. Raises ValueError if it cannot be read."""
    if said.constant is not None:
        raw: object = said.constant
    elif len(said.columns) == 1 and isinstance(number := row.value(said.columns[0]), int | float):
        return _shifted(said, moments.read(number), row)
    else:
        raw = row.joined(said.columns, " ")
    if raw is None:
        return None
    named = word(said.zone, row) if said.zone is not None else zone
    return _shifted(said, moments.micros(_parsed(str(raw), said, ZoneInfo(named or zone))), row)


def _parsed(raw: str, said: Time, zone: ZoneInfo) -> dt.datetime:
    for form in said.formats:
        try:
            at = dt.datetime.strptime(raw, form)  # noqa: DTZ007
        except ValueError:
            continue
        return at if at.tzinfo else at.replace(tzinfo=zone)
    try:
        if said.formats:
            raise ValueError(raw)
        at = dt.datetime.fromisoformat(raw)
    except ValueError:
        wanted = " or ".join(said.formats) or "ISO 8601, such as 2026-01-31T12:00:00Z"
        raise ValueError(
            f"{' '.join(ref.name for ref in said.columns)} holds {raw[:60]!r}, no time as {wanted}"
        ) from None
    return at if at.tzinfo else at.replace(tzinfo=zone)


def _shifted(said: Time, at: int, row: Row) -> int:
    for shift in said.shifts:
        amount = row.number(shift.column) if shift.column is not None else shift.amount
        at += int(shift.sign * (amount or 0.0) * shift.unit_s * moments.SECOND)
    return at


def holds(said: Condition, row: Row) -> bool:
    """Whether a `when` holds; nothing counts as not."""
    if not all(holds(one, row) for one in said.every) or (said.some and not any(holds(one, row) for one in said.some)):
        return False
    if said.column is None:
        return True
    text = row.text(said.column)
    if said.among is not None and text not in said.among:
        return False
    if said.outside is not None and text in said.outside:
        return False
    if said.present is not None and (text is not None) != said.present:
        return False
    for ref, same in ((said.same, True), (said.other, False)):
        if ref is not None and (text is None or (beside := row.text(ref)) is None or (text == beside) != same):
            return False
    bounds = ((said.above, "gt"), (said.below, "lt"), (said.at_least, "ge"), (said.at_most, "le"))
    if any(bound is not None for bound, _ in bounds):
        number = row.number(said.column)
        return number is not None and all(
            bound is None or getattr(number, f"__{how}__")(bound) for bound, how in bounds
        )
    return True


def _objects(fact: Fact, meant: tuple[Object, ...], row: Row) -> None:
    for said in meant:
        if said.split:
            values = [part.strip() for part in (row.text(said.id[0]) or "").split(said.split) if part.strip()]
        elif len(said.id) == 1:
            values = _several(row.value(said.id[0]))
        else:
            values = [made] if (made := row.joined(said.id, ":")) else []
        qualifier = word(said.qualifier, row) if said.qualifier is not None else None
        for value in values:
            fact.object_types.append(said.type)
            fact.object_ids.append(value)
            fact.object_qualifiers.append(qualifier)
    if not any(fact.object_qualifiers):
        fact.object_qualifiers = []


def _money(fact: Fact, name: str, said: Money, row: Row) -> None:
    text = row.text(said.column)
    currency = word(said.currency, row)
    if text is None:
        return
    if not currency:
        raise ValueError(f"{said.column.name} holds an amount without a currency")
    amount = _minor(text, currency.upper(), said)
    for factor in said.times:
        amount = round(amount * (row.number(factor) or 0.0))
    setattr(fact, name, -amount if said.negate else amount)
    fact.currency = fact.currency or currency.upper()


def _rated(said: Rating, row: Row) -> float | None:
    numbers = dict(said.map)
    text = row.text(said.column)
    return numbers[text] if text in numbers else row.number(said.column)


def _minor(text: str, currency: str, said: Money) -> int:
    """An amount as written, in minor units of ISO 4217."""
    digits = exponent(currency)
    try:
        return minor(Decimal(text).scaleb(said.shift(currency, digits=digits) - digits), currency)
    except InvalidOperation:
        return minor(text, currency)  # which says what is wrong with it


def _properties(fact: Fact, mapping: Mapping, meant: Interaction, row: Row) -> None:
    found: dict[str, str | None] = {}
    if meant.rest and isinstance(row.item, dict):
        keys: list[str] = []
        values: list[str] = []
        words.spread(row.item, keys, values)
        named = {ref.name for ref in mapping.refs()}
        found |= {key: value for key, value in zip(keys, values, strict=True) if key not in named}
    for said in meant.properties:
        if said.time is not None:
            at = occurred(said.time, row, mapping.zone or "UTC")
            found[said.name] = None if at is None else f"{moments.EPOCH + at * moments.MICRO:%Y-%m-%dT%H:%M:%SZ}"
        elif said.word is not None:
            found[said.name] = word(said.word, row)
        elif said.column is not None:
            found[said.name] = _property(said.type, said.column, row)
    kept = {key: value for key, value in found.items() if value is not None}
    fact.property_keys, fact.property_values = list(kept), list(kept.values())


def _property(kind: str, column: Ref, row: Row) -> str | None:
    if kind == "number":
        number = row.number(column)
        return None if number is None else words.text(number)
    text = row.text(column)
    if kind == "boolean" and text is not None:
        if text.lower() not in (*YES, *NO):
            raise ValueError(f"{column.name} holds {text[:60]!r}, which is not yes or no")
        return "true" if text.lower() in YES else "false"
    return text


def _several(value: object) -> list[str]:
    """The ids in a value: of a list each, of a single one itself."""
    each = value if isinstance(value, list) else [value]
    return [text for one in each if (text := words.name(one))]


def _inside(value: object, path: str | None) -> Any:
    """What stands at a dotted path; a name with dots in it is found first."""
    if path is None:
        return value
    if isinstance(value, Mapped) and path in value:
        return value[path]
    for part in path.split("."):
        if isinstance(value, Mapped):
            value = value.get(part)
        elif isinstance(value, list) and part.isdigit():
            value = value[int(part)] if int(part) < len(value) else None
        else:
            return None
    return value
