"""CloudEvents 1.0 over HTTP: binary, structured and batched, in JSON.

An event is known by its `source` and `id` together, as the specification has it. `type` is what happened, `time` when,
`subject` and extensions are properties. `data` may be an interaction in the fields of plain.py (handles, objects,
channel ...), whatever else it holds becomes properties; data that is not JSON is kept as text.
Source: CloudEvents 1.0.2, HTTP Protocol Binding 1.0.2, JSON Format 1.0.2.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote

import msgspec

from regard.errors import SourceError
from regard.sources.push.heard import LONGEST_ID, Bounds, Heard, not_json, reason_of
from regard.sources.push.plain import Interaction, take
from regard.sources.push.words import without_nul

BOUNDS = Bounds(body=1 * 2**20, item=256 * 1024, items=1_000)
STRUCTURED = "application/cloudevents+json"
BATCHED = "application/cloudevents-batch+json"
PREFIX = "ce-"
NAMED = ("specversion", "id", "source", "type", "time", "data", "data_base64")
FIELDS = {field.name for field in msgspec.structs.fields(Interaction)} - {"event", "interaction_id", "occurred_at"}

_objects = msgspec.json.Decoder(dict[str, Any])
_lists = msgspec.json.Decoder(list[msgspec.Raw])


def hear(headers: Mapping[str, str], body: bytes, *, source: str, received_at: int, bounds: Bounds = BOUNDS) -> Heard:
    """What a request said.

    headers : by name in lower case.
    Raises  : SourceError for a request that is no CloudEvent, is malformed or too large.
    """
    heard = Heard(source, received_at, "POST /api/v1/cloudevents")
    media = headers.get("content-type", "").split(";")[0].strip().lower()
    body = without_nul(body)
    try:
        if media == BATCHED:
            _hear_all(heard, _lists.decode(body), bounds)
        elif media == STRUCTURED:
            _take(heard, _objects.decode(body))
        else:
            _take(heard, _binary(headers, body, media))
    except ValueError as error:
        if isinstance(error, msgspec.DecodeError | UnicodeDecodeError):
            raise not_json(error) from None
        raise SourceError("The event cannot be used.", found=reason_of(error)) from None
    except RecursionError as error:
        raise not_json(error) from None
    return heard


def _hear_all(heard: Heard, raws: list[msgspec.Raw], bounds: Bounds) -> None:
    if len(raws) > bounds.items:
        raise SourceError("The batch is too long.", found=f"{len(raws):,} events", allowed=f"{bounds.items:,}")
    for place, raw in enumerate(raws, 1):
        try:
            _take(heard, _objects.decode(raw))
        except (ValueError, RecursionError) as error:
            heard.refuse(place, reason_of(error), bytes(raw))


def _binary(headers: Mapping[str, str], body: bytes, media: str) -> dict[str, Any]:
    event: dict[str, Any] = {
        name[len(PREFIX) :]: unquote(value) for name, value in headers.items() if name.startswith(PREFIX)
    }
    if "specversion" not in event:
        raise SourceError(
            "The request is no CloudEvent.",
            found=f"content-type {media or 'none'}, no header ce-specversion",
            allowed=f"{STRUCTURED}, {BATCHED}, or headers ce-specversion, ce-id, ce-source, ce-type",
        )
    if body:
        is_json = media.endswith("json") or not media
        event["data"] = msgspec.json.decode(body) if is_json else body.decode("utf-8", "replace")
    return event


def _take(heard: Heard, event: dict[str, Any]) -> None:
    if event.get("specversion") != "1.0":
        raise ValueError(f"specversion: {event.get('specversion')!r} is not 1.0")
    for name in ("id", "source", "type"):
        if not isinstance(event.get(name), str) or not event[name]:
            raise ValueError(f"{name}: every event has one, a text that is not empty")
    known = f"{event['source']}#{event['id']}"
    if len(known) > LONGEST_ID:
        raise ValueError(f"id: source and id have {len(known):,} characters together; {LONGEST_ID:,} are allowed")
    data = _data(event)
    fields = {name: value for name, value in data.items() if name in FIELDS and value is not None}
    rest = {name: value for name, value in data.items() if name not in FIELDS}
    more = {name: value for name, value in event.items() if name not in NAMED}
    said = fields.pop("properties", None)
    properties = {**more, **rest, **(said if isinstance(said, dict) else {})}
    made = {**fields, "event": event["type"], "interaction_id": known, "properties": properties}
    if event.get("time"):
        made["occurred_at"] = event["time"]
    take(heard, msgspec.convert(made, Interaction))


def _data(event: dict[str, Any]) -> dict[str, Any]:
    if "data_base64" in event:
        try:
            return {"data": base64.b64decode(event["data_base64"], validate=True).decode("utf-8", "replace")}
        except (binascii.Error, TypeError, ValueError):
            raise ValueError("data_base64: it is not base64") from None
    data = event.get("data")
    return data if isinstance(data, dict) else {} if data is None else {"data": data}
