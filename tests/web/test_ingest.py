"""What programs send over HTTP: every convention, every refusal, and what is in the ledger afterwards."""

from __future__ import annotations

import asyncio
import base64
import datetime as dt
import gzip
import json
import os
from collections.abc import Callable, Coroutine
from typing import Any

import httpx
import pytest

from regard.access import Keys, Pace
from regard.ledger import Ledger
from regard.store import Store
from regard.web import create_app

NOW = dt.datetime(2026, 1, 1, 12, tzinfo=dt.UTC)
Ask = Callable[[Callable[[httpx.AsyncClient], Coroutine[Any, Any, Any]]], Any]


@pytest.fixture
def keys(workspace):
    store = Store.open(workspace)
    yield Keys(store)
    store.close()


@pytest.fixture
def app(workspace, keys):
    return create_app(workspace, clock=lambda: NOW, keys=keys, pace=Pace())


@pytest.fixture
def ask(app) -> Ask:
    def run(talk):
        async def main():
            async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://regard") as client:
                return await talk(client)

        return asyncio.run(main())

    return run


@pytest.fixture
def post(ask, keys):
    secret = keys.create("shop").secret

    def send(path: str, body: Any, *, key: str | None = secret, packed: bool = False, **headers: str) -> httpx.Response:
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        said = {"authorization": "Basic " + base64.b64encode(f"{key}:".encode()).decode()} if key else {}
        if packed:
            data, said["content-encoding"] = gzip.compress(data), "gzip"
        said |= {name.replace("_", "-"): value for name, value in headers.items()}
        return ask(lambda client: client.post(path, content=data, headers=said))

    send.secret = secret
    return send


@pytest.fixture
def held(workspace, engine):
    def read(table: str = "interactions") -> list[dict[str, Any]]:
        ledger = Ledger.open(workspace)
        ledger.seal(engine, now=NOW, everything=True)
        rows = engine.rows(ledger.side(table, engine)).to_pylist()
        for row in rows:
            if isinstance(row.get("properties"), list):
                row["properties"] = dict(row["properties"])
        return sorted(rows, key=lambda row: str(row.get("interaction_id")))

    return read


def handles(row: dict[str, Any]) -> dict[str, str]:
    return {one["kind"]: one["value"] for one in row["handles"] or []}


# -- Segment -------------------------------------------------------------------------------------------------------


def test_a_batch_of_every_call_becomes_interactions_of_one_person(post, held):
    answer = post(
        "/v1/batch",
        {
            "sentAt": "2026-01-01T12:10:00Z",
            "context": {"locale": "de-DE", "ip": "10.0.0.1", "library": {"name": "l", "version": "1"}},
            "integrations": {"All": False},
            "batch": [
                {
                    "type": "page",
                    "messageId": "1",
                    "anonymousId": "an",
                    "name": "Home",
                    "timestamp": "2026-01-01T12:09:00Z",
                    "properties": {"url": "https://shop.example/"},
                },
                {
                    "type": "identify",
                    "messageId": "2",
                    "anonymousId": "an",
                    "userId": 7,
                    "traits": {"email": "ada@x.org", "phone": "+49 1", "address": {"city": "Ulm"}},
                },
                {
                    "type": "track",
                    "messageId": "3",
                    "userId": "7",
                    "event": "Order Completed",
                    "properties": {
                        "order_id": "o1",
                        "revenue": 19.99,
                        "currency": "EUR",
                        "products": [{"product_id": "p1"}, {"sku": "s2"}],
                    },
                },
                {"type": "group", "messageId": "4", "userId": "7", "groupId": "acme", "traits": {"plan": "gold"}},
                {"type": "alias", "messageId": "5", "previousId": "an2", "userId": "7"},
                {"type": "screen", "messageId": "6", "userId": "7", "name": "Cart", "context": {"locale": "fr"}},
            ],
        },
    )
    assert (answer.status_code, answer.json()) == (200, {"success": True})
    rows = held()
    assert [row["event"] for row in rows] == ["page", "identify", "Order Completed", "group", "alias", "screen"]
    assert {row["source"] for row in rows} == {"shop"}
    page, identify, order, group, alias, screen = rows
    assert page["occurred_at"] == NOW - dt.timedelta(minutes=1)  # ten minutes fast, a minute before it was sent
    assert (page["kind"], page["channel"], page["language"]) == ("Home", "web", "de")
    assert page["properties"]["url"] == "https://shop.example/"
    assert page["properties"]["context.library.name"] == "l"
    assert not any("ip" in key for key in page["properties"])
    assert handles(identify) == {"anonymous": "an", "user": "7", "email": "ada@x.org", "phone": "+49 1"}
    assert identify["properties"]["address.city"] == "Ulm"
    assert (order["amount_minor"], order["currency"]) == (1999, "EUR")
    assert [(one["type"], one["id"]) for one in order["objects"]] == [
        ("order", "o1"),
        ("product", "p1"),
        ("product", "s2"),
    ]
    assert group["account"] == "acme"
    assert handles(alias)["user"] in ("an2", "7")
    assert (screen["kind"], screen["channel"], screen["language"]) == ("Cart", "app", "fr")
    assert [row["handle"] for row in held("memberships")] == ["7"]
    assert [(row["id"], row["attribute"], row["value"]) for row in held("objects")] == [("acme", "plan", "gold")]


@pytest.mark.parametrize("call", ["identify", "track", "page", "screen", "group", "alias"])
def test_each_call_alone_with_the_key_in_the_header_or_in_the_body(post, held, call):
    body = {"userId": "7", "event": "e", "groupId": "g", "previousId": "p", "messageId": f"{call}-1"}
    assert post(f"/v1/{call}", body).status_code == 200
    in_body = {**body, "messageId": f"{call}-2", "writeKey": post.secret}
    assert post(f"/v1/{call}", in_body, key=None, content_type="text/plain").status_code == 200
    assert [row["interaction_id"] for row in held()] == [f"{call}-1", f"{call}-2"]


def test_gzip_is_unpacked_and_a_retry_counts_once(post, held):
    body = {"batch": [{"type": "track", "event": "e", "userId": "u", "messageId": str(n)} for n in range(50)]}
    for _ in range(3):
        assert post("/v1/batch", body, packed=True).status_code == 200
    assert len(held()) == 50


def test_an_item_that_does_not_fit_is_a_reject_and_the_others_arrive(post, held):
    body = {
        "batch": [
            {"type": "track", "event": "e", "userId": "u", "messageId": "1"},
            {"type": "track", "event": "e", "messageId": "2"},
            {"type": "dance", "userId": "u"},
            17,
            {"type": "track", "event": "Order Completed", "userId": "u", "properties": {"revenue": "a lot"}},
            {"type": "track", "event": "e", "userId": "u", "timestamp": "yesterday"},
            {"type": "track", "event": "e", "userId": "u", "timestamp": "2027-01-01T00:00:00Z"},
        ]
    }
    assert post("/v1/batch", body).status_code == 200
    assert [row["interaction_id"] for row in held()] == ["1"]
    reasons = sorted((row["line"], row["reason"]) for row in held("rejects"))
    assert [line for line, _ in reasons] == [2, 3, 4, 5, 6, 7]
    assert post("/v1/batch", {"batch": body["batch"][1:]}).status_code == 400
    assert len(held("rejects")) == 12
    for (_, reason), word in zip(reasons, ("anonymousId", "dance", "object", "a lot", "ISO 8601", "24 h"), strict=True):
        assert word in reason


def test_a_clock_a_little_ahead_is_kept_and_said(post, held):
    post("/v1/track", {"event": "e", "userId": "u", "messageId": "1", "timestamp": "2026-01-01T13:00:00Z"})
    (row,) = held()
    assert row["occurred_at"] == NOW + dt.timedelta(hours=1)
    assert row["properties"]["clock_ahead_s"] == "3600"


def test_money_follows_the_exponents_of_currencies_and_refunds_are_negative(post, held):
    cases = [
        ("Order Completed", {"revenue": 1500, "currency": "JPY"}),
        ("Order Refunded", {"total": "1.2345", "currency": "KWD"}),
        ("Order Completed", {"total": 5}),
        ("Product Viewed", {"price": 9.99}),
        ("Tip", {"revenue": 1, "currency": "EUR"}),
    ]
    batch = [
        {"type": "track", "event": event, "userId": "u", "messageId": str(n), "properties": said}
        for n, (event, said) in enumerate(cases)
    ]
    post("/v1/batch", {"batch": batch})
    assert [(row["amount_minor"], row["currency"]) for row in held()] == [
        (1500, "JPY"),
        (-1234, "KWD"),
        (500, "USD"),
        (None, None),
        (100, "EUR"),
    ]


def test_a_key_that_pages_carry_names_nobody_without_a_proof(post, keys, held):
    import hmac

    made = keys.create("site", scopes=("browser",), origins=("https://shop.example",))
    proof = hmac.new(keys.signing_secret(made.key).encode(), b"7", "sha256").hexdigest()
    body = {"anonymousId": "an", "userId": "7", "traits": {"email": "ada@x.org"}}
    said = {"key": made.secret, "origin": "https://shop.example"}
    assert post("/v1/identify", {**body, "messageId": "1"}, **said).status_code == 200
    assert post("/v1/identify", {**body, "messageId": "2", "context": {"proof": proof}}, **said).status_code == 200
    claimed, proven = held()
    assert handles(claimed) == {"anonymous": "an"}
    assert claimed["properties"]["claimed_user"] == "7"
    assert handles(proven) == {"anonymous": "an", "user": "7", "email": "ada@x.org"}
    assert "context.proof" not in proven["properties"]
    assert post("/v1/track", body, key=made.secret, origin="https://evil.example").status_code == 403
    assert post("/api/v1/interactions", [{"event": "e"}], **said).status_code == 403


def test_pages_of_other_sites_may_ask_first_and_send(ask, post):
    said = {"origin": "https://shop.example", "access-control-request-method": "POST"}
    answer = ask(lambda client: client.options("/v1/t", headers=said))
    assert answer.status_code == 204
    assert answer.headers["access-control-allow-origin"] == "https://shop.example"
    assert "authorization" in answer.headers["access-control-allow-headers"]
    sent = post("/v1/t", {"event": "e", "userId": "u"}, origin="https://shop.example", content_type="text/plain")
    assert sent.status_code == 200
    assert sent.headers["access-control-allow-origin"] == "https://shop.example"


# -- plain and CloudEvents -----------------------------------------------------------------------------------------


def test_plain_interactions_one_or_many_with_a_reason_for_each_that_does_not_fit(post, held):
    one = {
        "event": "call",
        "interaction_id": "a",
        "handles": {"email": "a@x.org"},
        "rating": 4,
        "scale": "stars",
        "objects": [{"type": "case", "id": 5, "qualifier": "opened"}],
        "amount": "12.50",
        "currency": "EUR",
        "occurred_at": "2025-12-31T23:00:00+01:00",
        "properties": {"n": 1},
    }
    answer = post("/api/v1/interactions", one)
    assert (answer.status_code, answer.json()) == (202, {"accepted": 1, "rejected": 0, "errors": []})
    answer = post("/api/v1/interactions", [{"event": "call", "interaction_id": "b"}, {"evnt": "call"}, {"event": 1}])
    assert answer.status_code == 202
    assert [error["index"] for error in answer.json()["errors"]] == [1, 2]
    assert "evnt" in answer.json()["errors"][0]["reason"]
    answer = post("/api/v1/interactions", [{"evnt": "call"}])
    assert answer.status_code == 400
    assert answer.headers["content-type"] == "application/problem+json"
    first, second = held()
    assert first["occurred_at"] == dt.datetime(2025, 12, 31, 22, tzinfo=dt.UTC)
    assert first["objects"] == [{"type": "case", "id": "5", "qualifier": "opened"}]
    assert (first["amount_minor"], first["rating"], first["properties"]["n"]) == (1250, 4.0, "1")
    assert second["occurred_at"] == NOW


def test_without_an_id_the_same_sent_again_is_known_and_the_same_twice_at_once_is_two(post, held):
    twice = [{"event": "call", "occurred_at": "2026-01-01T00:00:00Z"}] * 2
    for _ in range(2):
        assert post("/api/v1/interactions", twice).json()["accepted"] == 2
    assert len(held()) == 2


def test_cloudevents_in_all_three_modes_known_by_source_and_id(post, held):
    event = {
        "specversion": "1.0",
        "id": "1",
        "source": "/a",
        "type": "order.placed",
        "subject": "o1",
        "time": "2026-01-01T00:00:00Z",
        "traceparent": "t",
        "data": {"handles": {"email": "a@x.org"}, "total": 5},
    }
    structured = {"content_type": "application/cloudevents+json; charset=utf-8"}
    assert post("/api/v1/cloudevents", event, **structured).json()["accepted"] == 1
    assert post("/api/v1/cloudevents", event, **structured).json()["accepted"] == 1
    batch = [{**event, "source": "/b"}, {**event, "id": ""}]
    answer = post("/api/v1/cloudevents", batch, content_type="application/cloudevents-batch+json")
    assert (answer.json()["accepted"], answer.json()["errors"][0]["index"]) == (1, 1)
    binary = {"ce_specversion": "1.0", "ce_id": "2", "ce_source": "/a", "ce_type": "note", "content_type": "text/plain"}
    assert post("/api/v1/cloudevents", "grüß Gott".encode(), **binary).status_code == 202
    rows = held()
    assert [row["interaction_id"] for row in rows] == ["/a#1", "/a#2", "/b#1"]
    assert handles(rows[0]) == {"email": "a@x.org"}
    assert rows[0]["properties"] == {"subject": "o1", "traceparent": "t", "total": "5"}
    assert rows[1]["properties"]["data"] == "grüß Gott"
    assert post("/api/v1/cloudevents", {"a": 1}).status_code == 400


# -- webhooks ------------------------------------------------------------------------------------------------------

SHOP = """
version: 1
source: webshop
key: [id]
format: {at: data.lines}
hook: {signature: standard, secret: REGARD_TEST_HOOK}
handles: {email: customer.email}
objects: [{type: order, id: data.order}, {type: product, id: skus}]
interactions:
  - event: {column: kind, map: {sold: purchase}}
    at: at
    when: {column: kind, not: [noise]}
    amount: {column: price, currency: {column: data.currency}}
    properties: {n: {column: n, type: number}, gift: {column: gift, type: boolean}}
"""
GIFT = {"n": 2, "gift": True}
LINES = {
    "customer": {"email": "ada@x.org"},
    "data": {
        "order": "o1",
        "currency": "EUR",
        "lines": [
            {"id": 1, "kind": "sold", "at": "2026-01-01T10:00:00Z", "price": 9.99, "skus": ["a", "b"]} | GIFT,
            {"id": 2, "kind": "noise"},
            {"id": 3, "kind": "seen", "at": 1767261600},
            {"id": 4, "kind": "seen", "at": "soon"},
            {"kind": "seen", "at": "2026-01-01T10:00:00Z"},
        ],
    },
}


def signed(secret: bytes, body: bytes, *, name: str = "msg_1", at: dt.datetime = NOW) -> dict[str, str]:
    import hmac

    said = f"{name}.{int(at.timestamp())}.".encode() + body
    signature = base64.b64encode(hmac.new(secret, said, "sha256").digest()).decode()
    return {
        "webhook_id": name,
        "webhook_timestamp": str(int(at.timestamp())),
        "webhook_signature": f"v1,bm90IGl0 v1,{signature}",
    }


def test_a_signed_webhook_is_read_by_its_mapping(post, held, workspace, monkeypatch):
    workspace.maps.mkdir()
    (workspace.maps / "shop.map.yaml").write_text(SHOP)
    secret = b"0123456789abcdef"
    monkeypatch.setenv("REGARD_TEST_HOOK", "whsec_" + base64.b64encode(secret).decode())
    body = json.dumps(LINES).encode()
    answer = post("/hooks/shop", body, key=None, **signed(secret, body))
    assert answer.status_code == 202
    assert (answer.json()["accepted"], [one["index"] for one in answer.json()["errors"]]) == (2, [3, 4])
    assert "soon" in answer.json()["errors"][0]["reason"]
    assert post("/hooks/shop", body, key=None, **signed(secret, body, name="msg_2")).status_code == 202
    sold, seen = held()
    assert (sold["interaction_id"], sold["event"], sold["source"]) == ("1:purchase", "purchase", "webshop")
    assert (sold["amount_minor"], sold["currency"]) == (999, "EUR")
    assert handles(sold) == {"email": "ada@x.org"}
    assert [one["id"] for one in sold["objects"]] == ["o1", "a", "b"]
    assert sold["properties"] == {"n": "2", "gift": "true"}
    assert seen["occurred_at"] == dt.datetime(2026, 1, 1, 10, tzinfo=dt.UTC)


def test_a_webhook_may_send_money_in_minor_units(post, held, workspace, monkeypatch):
    workspace.maps.mkdir()
    minor = SHOP.replace("{column: price,", "{column: price, in: minor, digits: {ISK: 2},")
    (workspace.maps / "shop.map.yaml").write_text(minor)
    secret = b"0123456789abcdef"
    monkeypatch.setenv("REGARD_TEST_HOOK", "whsec_" + base64.b64encode(secret).decode())
    line = {"kind": "sold", "at": "2026-01-01T10:00:00Z"}
    lines = [line | {"id": 1, "price": 999}, line | {"id": 2, "price": "12.5"}, line | {"id": 3, "price": "much"}]
    for name, currency in (("msg_1", "eur"), ("msg_2", "isk")):
        sent = [one | {"id": f"{currency}{one['id']}"} for one in lines]
        body = json.dumps({"customer": {"email": "a@x.org"}, "data": {"currency": currency, "lines": sent}}).encode()
        answer = post("/hooks/shop", body, key=None, **signed(secret, body, name=name))
        assert (answer.json()["accepted"], "much" in answer.json()["errors"][0]["reason"]) == (2, True)
    money = [(one["interaction_id"], one["amount_minor"], one["currency"]) for one in held()]
    assert money == [
        ("eur1:purchase", 999, "EUR"),
        ("eur2:purchase", 12, "EUR"),
        ("isk1:purchase", 10, "ISK"),
        ("isk2:purchase", 0, "ISK"),
    ]


def test_a_webhook_that_is_not_signed_or_comes_too_late_is_refused(post, workspace, monkeypatch):
    workspace.maps.mkdir()
    (workspace.maps / "shop.map.yaml").write_text(SHOP)
    body, secret = json.dumps(LINES).encode(), b"0123456789abcdef"
    assert post("/hooks/shop", body, key=None, **signed(secret, body)).status_code == 503
    monkeypatch.setenv("REGARD_TEST_HOOK", "whsec_" + base64.b64encode(secret).decode())
    late = signed(secret, body, at=NOW - dt.timedelta(minutes=6))
    for refused in ({}, late, signed(b"another", body), signed(secret, body + b" ")):
        assert post("/hooks/shop", body, key=None, **refused).status_code == 401
    assert post("/hooks/none", body, key=None).status_code == 404
    assert post("/hooks/../shop", body, key=None).status_code in (404, 405)


@pytest.mark.parametrize(("encoding", "algorithm"), [("hex", "sha256"), ("base64", "sha1")])
def test_an_hmac_in_a_header_of_the_senders_choice(post, held, workspace, monkeypatch, encoding, algorithm):
    import hmac

    workspace.maps.mkdir()
    hook = "{signature: hmac, secret: REGARD_TEST_HOOK, header: X-Hub-Signature, prefix: 'sig=', "
    hook += f"encoding: {encoding}, algorithm: {algorithm}}}"
    text = SHOP.replace("{signature: standard, secret: REGARD_TEST_HOOK}", hook)
    (workspace.maps / "hub.map.yaml").write_text(text)
    monkeypatch.setenv("REGARD_TEST_HOOK", "quiet")
    body = json.dumps(LINES).encode()
    digest = hmac.new(b"quiet", body, algorithm).digest()
    said = digest.hex() if encoding == "hex" else base64.b64encode(digest).decode()
    assert post("/hooks/hub", body, key=None, x_hub_signature=f"sig={said}").status_code == 202
    assert post("/hooks/hub", body, key=None, x_hub_signature="sig=" + "0" * 64).status_code == 401
    assert len(held()) == 2


def test_a_webhook_without_a_signature_needs_a_key_for_webhooks(post, keys, held, workspace):
    workspace.maps.mkdir()
    plain = "\n".join(line for line in SHOP.splitlines() if not line.startswith("hook:"))
    (workspace.maps / "shop.map.yaml").write_text(plain)
    assert post("/hooks/shop", LINES).status_code == 403
    assert post("/hooks/shop", LINES, key=keys.create("hooks", scopes=("hooks",)).secret).status_code == 202
    assert len(held()) == 2


# -- refusals ------------------------------------------------------------------------------------------------------

HOSTILE = {
    "nothing": b"",
    "no json": b"hello",
    "half": b'{"batch":[',
    "a number": b"1",
    "a list": b"[]",
    "deep": b"[" * 400_000,
    "deep inside": b'{"batch":' + b"[" * 30_000 + b"]" * 30_000 + b"}",
    "not utf-8": b'{"batch":["\xff\xfe"]}',
    "surrogate": b'{"userId":"\\ud800"}',
    "wrong kinds": b'{"batch":{"a":1}}',
    "a long number": b'{"userId":' + b"9" * 20_000 + b"}",
}


@pytest.mark.parametrize("path", ["/v1/batch", "/v1/track", "/api/v1/interactions", "/api/v1/cloudevents"])
@pytest.mark.parametrize("body", HOSTILE.values(), ids=HOSTILE)
def test_hostile_bodies_get_a_clear_4xx(post, path, body):
    answer = post(path, body, content_type="application/cloudevents+json" if "cloud" in path else "application/json")
    assert 400 <= answer.status_code < 500 or (answer.status_code == 202 and body == b"[]")
    if answer.status_code != 202:
        assert answer.json()["title"]


def test_too_large_is_said_with_what_is_allowed(post):
    long = {"event": "e", "userId": "u", "properties": {"a": "x" * 40_000}}
    for path, body in (("/v1/track", long), ("/v1/batch", {"batch": [{**long, "type": "track"}]})):
        answer = post(path, body)
        assert answer.status_code == 400
        assert "32,768" in answer.json()["allowed"]
    assert post("/v1/batch", b"x" * 600_000).status_code == 400
    many = {"batch": [{"type": "track", "event": "e", "userId": "u"}] * 2_501}
    assert "2,500" in post("/v1/batch", many).json()["allowed"]
    assert post("/api/v1/interactions", b"[" + b" " * 6_000_000).status_code == 413
    assert post("/api/v1/interactions", b"[" + b" " * 6_000_000, content_length="5").status_code == 413


def test_a_bomb_is_not_unpacked(post):
    bomb = gzip.compress(b"[" + b" " * 200_000_000, 9)
    assert len(bomb) < 500_000
    answer = post("/v1/batch", bomb, content_encoding="gzip")
    assert answer.status_code == 400
    assert "too large" in answer.json()["title"]
    assert post("/api/v1/interactions", bomb, content_encoding="gzip").status_code == 413
    assert post("/v1/batch", b"no gzip", content_encoding="gzip").status_code == 400
    assert post("/v1/batch", gzip.compress(b"{}" * 90)[:-9], content_encoding="gzip").status_code == 400
    assert post("/v1/batch", b"{}", content_encoding="br").status_code == 415


def test_who_has_no_key_or_another_may_not_send(post, keys):
    event = {"event": "e", "userId": "u"}
    for refused in (post("/v1/track", event, key=None), post("/v1/track", event, key="rgd_wrong")):
        assert refused.status_code == 401
        assert "www-authenticate" in refused.headers
    assert post("/v1/track", event, key=None, authorization="Basic !!!").status_code == 401
    hooks = keys.create("hooks", scopes=("hooks",)).secret
    assert post("/v1/track", event, key=hooks).status_code == 403
    assert (
        post("/api/v1/interactions", {"event": "e"}, key=None, authorization=f"Bearer {post.secret}").status_code == 202
    )
    assert post("/v1/dance", event).status_code == 404


def test_a_key_that_sends_too_fast_is_told_when_to_go_on(post, keys):
    slow = keys.create("slow", rate=10).secret
    body = {"batch": [{"type": "track", "event": "e", "userId": "u"}] * 30}
    assert post("/v1/batch", body, key=slow).status_code == 200
    answer = post("/v1/batch", body, key=slow)
    assert answer.status_code == 429
    assert int(answer.headers["retry-after"]) >= 1


def test_when_memory_is_taken_the_next_is_told_to_come_again(post, app):
    app.state.log.gauges.bytes_in_flight = app.state.log.most_in_flight
    answer = post("/v1/track", {"event": "e", "userId": "u"})
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "2")
    app.state.log.gauges.bytes_in_flight = 0
    assert post("/v1/track", {"event": "e", "userId": "u"}).status_code == 200
    assert app.state.log.gauges.bytes_in_flight == 0


def test_a_full_disk_is_a_503_and_it_goes_on_by_itself(post, monkeypatch, held):
    import errno

    with monkeypatch.context() as patched:
        patched.setattr(os, "writev", lambda number, parts: (_ for _ in ()).throw(OSError(errno.ENOSPC, "no room")))
        answer = post("/v1/track", {"event": "e", "userId": "u", "messageId": "1"})
    assert answer.status_code == 503
    assert "disk is full" in answer.json()["title"]
    assert int(answer.headers["retry-after"]) > 1
    assert post("/v1/track", {"event": "e", "userId": "u", "messageId": "2"}).status_code == 200
    assert [row["interaction_id"] for row in held()] == ["2"]


def test_the_pages_and_the_api_behind_are_untouched(ask):
    assert ask(lambda client: client.get("/v1/track")).status_code == 405
    assert ask(lambda client: client.get("/api/v1/openapi.json")).status_code == 200
    assert ask(lambda client: client.get("/static/base.css")).status_code in (200, 404)


def test_what_was_accepted_is_sealed_rejected_or_known_whichever_way_it_came(post, held):
    good = [{"event": "seen", "interaction_id": f"m-{at}"} for at in range(6)]
    sent = [good[:3], [*good[3:5], {"event": 1}], [good[0], good[5]], [{**good[1], "channel": "phone"}]]
    answers = [post("/api/v1/interactions", items).json() for items in sent]
    assert [(one["accepted"], one["rejected"]) for one in answers] == [(3, 0), (2, 1), (2, 0), (1, 0)]
    facts, rejects = held(), held("rejects")
    assert [row["interaction_id"] for row in facts] == [f"m-{at}" for at in range(6)]
    assert facts[1]["channel"] is None
    known = 1  # m-0 came twice, word for word
    assert sum(one["accepted"] + one["rejected"] for one in answers) == len(facts) + len(rejects) + known
