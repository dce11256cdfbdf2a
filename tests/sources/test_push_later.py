"""A body that may be heard later is heard as it would have been at once, and nothing of it is refused then."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from regard.ledger.log import BodyHead, payload_of, payload_of_body, tables_of
from regard.sources.push import plain, segment

AT = 1_767_268_800_000_000
text = st.text(st.characters(exclude_categories=["Cs"]), max_size=6)
value = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | text,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(text, inner, max_size=3),
    max_leaves=6,
)
moment = st.sampled_from(
    [
        "2026-01-01T12:00:00Z",
        "2026-01-02T11:59:59.5+02:00",
        "2026-01-03T12:00:00Z",
        "1999-12-31T23:59:59-05:00",
        "soon",
        "",
    ]
)
money = st.sampled_from([19.99, "12", "a lot", 1e30, -3, ""])
currency = st.sampled_from(["EUR", "JPY", "nothing"])
some = {
    "handles": st.dictionaries(text, text | st.integers(0, 99), max_size=2),
    "occurred_at": moment,
    "objects": st.lists(
        st.fixed_dictionaries({"type": text, "id": text}, optional={"qualifier": st.none() | text}), max_size=2
    ),
    "amount": money,
    "currency": currency,
    "rating": st.none() | st.floats(0, 5),
    "text": text,
    "interaction_id": text,
    "properties": st.dictionaries(text, value, max_size=3),
}
interactions = st.lists(st.fixed_dictionaries({"event": text}, optional=some), max_size=4)
said = st.dictionaries(text, value, max_size=3) | st.fixed_dictionaries({"revenue": money, "currency": currency})
calls = st.lists(
    st.fixed_dictionaries(
        {"type": st.sampled_from([*segment.CALLS, "wave"])},
        optional={
            "event": text,
            "userId": text | st.integers(),
            "anonymousId": text,
            "messageId": text,
            "timestamp": moment,
            "sentAt": moment,
            "properties": said,
            "traits": said,
            "context": st.dictionaries(st.sampled_from(["locale", "ip", "traits"]), value, max_size=2),
            "groupId": text,
            "previousId": text,
        },
    ),
    max_size=4,
)


@settings(max_examples=300, deadline=None)
@given(interactions)
def test_plain_bodies(items):
    body = json.dumps(items).encode()
    if n := plain.sound(body, received_at=AT):
        same(n, plain.hear(body, source="shop", received_at=AT), BodyHead("shop", AT, "plain"), body)


@settings(max_examples=300, deadline=None)
@given(calls, moment | st.none())
def test_segment_bodies(items, sent_at):
    body = json.dumps({"batch": items, "sentAt": sent_at}).encode()
    if n := segment.sound("batch", body, received_at=AT):
        heard = segment.hear("batch", body, source="shop", received_at=AT)
        same(n, heard, BodyHead("shop", AT, "segment", "batch"), body)


@pytest.mark.parametrize("call", ["track", "identify", "page", "screen"])
def test_single_calls_of_segment(call):
    body = json.dumps({"event": "Seen", "userId": "u", "traits": {"email": "a@b.org"}}).encode()
    assert segment.sound(call, body, received_at=AT) == 1
    same(1, segment.hear(call, body, source="s", received_at=AT), BodyHead("s", AT, "segment", call), body)


def same(n, heard, head, body):
    assert (len(heard.facts), heard.refused) == (n, [])
    later = tables_of([memoryview(payload_of_body(head, body))])
    assert later == tables_of([memoryview(payload_of(heard.delivery()))])


@pytest.mark.parametrize(
    "item",
    [
        {"event": ""},
        {"event": "e", "occurred_at": "2026-01-03T12:00:00Z"},
        {"event": "e", "amount": 3},
        {"event": "e", "amount": 1e30, "currency": "EUR"},
        {"event": "e", "colour": "red"},
    ],
)
def test_what_cannot_be_used_is_said_at_once(item):
    assert plain.sound(json.dumps([{"event": "fine"}, item]).encode(), received_at=AT) == 0


def test_an_amount_the_ledger_cannot_hold_is_refused():
    body = json.dumps({"event": "Order Completed", "userId": "u", "properties": {"revenue": 1e30}}).encode()
    assert segment.sound("track", body, received_at=AT) == 0
    batch = b'{"batch":[' + body.replace(b'"event"', b'"type":"track","event"', 1) + b"]}"
    heard = segment.hear("batch", batch, source="s", received_at=AT)
    assert "is not an amount of money" in heard.refused[0].reason
