"""Bodies in the log as they were sent: read in their order, and lost in no case."""

from __future__ import annotations

import json

import pytest

from regard.errors import LedgerError
from regard.ledger.log import BodyHead, Delivery, Fact, payload_of, payload_of_body, tables_of


def body(*names: str) -> bytes:
    return json.dumps([{"event": "e", "interaction_id": name} for name in names]).encode()


def test_rows_and_bodies_stand_in_the_order_in_which_they_came():
    def rows(name: str, at: int) -> memoryview:
        return memoryview(payload_of(Delivery("shop", at, [Fact(interaction_id=name, occurred_at=at, event="e")])))

    def sent(at: int, *names: str) -> memoryview:
        return memoryview(payload_of_body(BodyHead("app", at, "plain"), body(*names)))

    facts = tables_of([rows("a", 10), sent(20, "b", "c"), rows("d", 30), sent(40, "e")])["interactions"]
    assert facts.column("interaction_id").to_pylist() == ["a", "b", "c", "d", "e"]
    assert facts.column("source").to_pylist() == ["shop", "app", "app", "shop", "app"]
    assert facts.column("sequence").to_pylist() == [10, 20, 21, 30, 40]


@pytest.mark.parametrize("wrong", [b"[{", b'[{"event": 1}]'])
def test_a_body_that_cannot_be_read_after_all_is_a_reject_with_all_of_it(wrong):
    tables = tables_of([memoryview(payload_of_body(BodyHead("app", 1, "plain"), wrong))])
    assert "interactions" not in tables
    (reject,) = tables["rejects"].to_pylist()
    assert wrong.decode().strip("[]") in reject["row"]
    assert reject["reason"]
    assert reject["source"] == "app"


def test_our_own_mistake_neither_loses_a_body_nor_holds_up_others(monkeypatch):
    from regard.ledger.log import bodies

    def broken(*_: object) -> Delivery:
        raise TypeError("oh")

    monkeypatch.setattr(bodies, "_found", {"broken": broken})
    tables = tables_of(
        [
            memoryview(payload_of_body(BodyHead("app", 1, "broken"), body("lost?"))),
            memoryview(payload_of_body(BodyHead("app", 2, "plain"), body("next"))),
        ]
    )
    assert tables["interactions"].column("interaction_id").to_pylist() == ["next"]
    (reject,) = tables["rejects"].to_pylist()
    assert reject["row"] == body("lost?").decode()
    assert "please report it" in reject["reason"]


def test_a_convention_of_a_newer_regard_is_left_in_the_log():
    with pytest.raises(LedgerError, match="upgrade"):
        tables_of([memoryview(payload_of_body(BodyHead("app", 1, "later"), b"[]"))])
