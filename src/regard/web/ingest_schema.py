"""The intake as OpenAPI says it, made from the same structures that read the bodies."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from regard.sources.push import plain, segment
from regard.web.ingest import CLOUD, PLAIN, SHORT

PREFIX = "Sent"
BODIES = (plain.Interaction, segment.Single, segment.Batch)
SAYS = {
    "track": "What somebody did.",
    "identify": "Who somebody is: traits, e-mail and telephone number.",
    "page": "A page that was seen.",
    "screen": "A screen of an app that was seen.",
    "group": "To which account somebody belongs.",
    "alias": "That two ids are one person.",
    "batch": "Calls of any type, 2,500 and 500 KB at most.",
    "import": "Calls of the past; the same as batch.",
}
REFUSALS = {
    "400": "The body cannot be used, or is too large; the reason is in it.",
    "401": "There is no write key, or it is not known.",
    "403": "The key may not send here, or not from this origin.",
    "408": "The body did not come in time.",
    "413": "The body is too large.",
    "415": "The body is packed as something other than gzip.",
    "429": "Too fast, or more under way than fits in memory: again after `Retry-After` seconds.",
    "503": "The log cannot be written (the disk is full): again after `Retry-After` seconds. Nothing was taken.",
}
Document = dict[str, Any]


def described(document: Document) -> Document:
    """An OpenAPI document with the intake added to it."""
    shapes, components = msgspec.json.schema_components(BODIES, ref_template=f"#/components/schemas/{PREFIX}{{name}}")
    one, single, batch = shapes
    schemas = document.setdefault("components", {}).setdefault("schemas", {})
    schemas |= {f"{PREFIX}{name}": said for name, said in components.items()}
    schemas[f"{PREFIX}Counts"] = COUNTS
    document["components"].setdefault("securitySchemes", {}).update(KEYS)
    paths = document.setdefault("paths", {})
    for call in (*segment.CALLS, *segment.BATCHES):
        paths[f"/v1/{call}"] = {"post": _segment(call, batch if call in segment.BATCHES else single)}
    for short, call in SHORT.items():
        paths[f"/v1/{short}"] = {"post": _segment(call, single, short=short)}
    either = {"oneOf": [one, {"type": "array", "items": one}]}
    paths.setdefault(PLAIN, {})["post"] = _counted(
        "send_interactions", "Interactions as JSON, one or a list; items that do not fit are named in the answer.",
        {"application/json": {"schema": either}},
    )  # fmt: skip
    paths[CLOUD] = {
        "post": _counted("send_cloudevents", "CloudEvents 1.0: binary, structured or batched.", CLOUDEVENTS)
    }
    paths["/hooks/{name}"] = {"post": _hook()}
    return document


def describe(openapi: Callable[[], Document]) -> Callable[[], Document]:
    """The application's own `openapi`, with the intake in it; worked out once."""
    held: list[Document] = []

    def said() -> Document:
        if not held:
            held.append(described(openapi()))
        return held[0]

    return said


KEYS = {
    "write_key": {"type": "http", "scheme": "basic", "description": "The write key as user name, no password."},
    "write_key_token": {"type": "http", "scheme": "bearer", "description": "The write key."},
}
SECURITY: Sequence[Document] = [{"write_key": []}, {"write_key_token": []}]
EVENT = {"type": "object", "required": ["specversion", "id", "source", "type"], "additionalProperties": True}
CLOUDEVENTS = {
    "application/cloudevents+json": {"schema": EVENT},
    "application/cloudevents-batch+json": {"schema": {"type": "array", "items": EVENT}},
}
COUNTS: Document = {
    "title": f"{PREFIX}Counts",
    "description": "What was taken, and why the rest was not.",
    "type": "object",
    "required": ["accepted", "rejected", "errors"],
    "properties": {
        "accepted": {"type": "integer"},
        "rejected": {"type": "integer"},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["index", "reason"],
                "properties": {"index": {"type": "integer"}, "reason": {"type": "string"}},
            },
        },
    },
}


def _segment(call: str, body: Document, *, short: str | None = None) -> Document:
    done = {"type": "object", "required": ["success"], "properties": {"success": {"type": "boolean"}}}
    # the browsers' sendBeacon says text/plain
    media = {"application/json": {"schema": body}, "text/plain": {"schema": {"type": "string"}}}
    return {
        "operationId": f"segment_{short or call}",
        "summary": SAYS[call],
        "description": "As Segment's libraries send it. The key may also stand in the body as `writeKey`.",
        "tags": ["intake"],
        "security": [*SECURITY, {}],
        "requestBody": {"required": True, "content": media},
        "responses": {"200": _answer("It is safe.", done), **_refusals()},
    }


def _counted(name: str, says: str, content: Document) -> Document:
    return {
        "operationId": name,
        "summary": says,
        "tags": ["intake"],
        "security": SECURITY,
        "requestBody": {"required": True, "content": content},
        "responses": {
            "202": _answer("It is safe.", {"$ref": f"#/components/schemas/{PREFIX}Counts"}),
            **_refusals(),
        },
    }


def _hook() -> Document:
    body: Document = {"application/json": {"schema": {}}}
    said = _counted("receive_webhook", "Any JSON, read by the mapping maps/NAME.map.yaml and signed as it says.", body)
    said["parameters"] = [{"name": "name", "in": "path", "required": True, "schema": {"type": "string"}}]
    said["security"] = [*SECURITY, {}]
    said["responses"]["404"] = {**said["responses"]["400"], "description": "There is no such webhook."}
    return said


def _answer(says: str, schema: Document) -> Document:
    return {"description": says, "content": {"application/json": {"schema": schema}}}


def _refusals() -> Document:
    problem = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
    return {status: {"description": says, "content": problem} for status, says in REFUSALS.items()}
