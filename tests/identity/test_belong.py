"""Whose account a person acted for, at the time."""

from __future__ import annotations

import datetime as dt

import pyarrow as pa
from tests.identity.conftest import DAY

from regard.blueprint import Blueprint
from regard.engine import empty
from regard.identity import belong, resolve

HOUR = dt.timedelta(hours=1)


def member(account: str | None, handle: str | None, since: int, until: int | None = None, **more) -> dict[str, object]:
    return {"account": account, "kind": handle and "email", "handle": handle, "from_at": DAY + since * HOUR,
            "to_at": None if until is None else DAY + until * HOUR, "source": "crm", **more}  # fmt: skip


def test_account_and_role_are_those_of_the_time_unless_the_row_says_otherwise(engine, interactions):
    rows = interactions(*["email:ann@x.org"] * 5, "email:ben@x.org", "phone:7").to_pylist()
    rows[3] |= {"account": "Bolt"}
    rows[4] |= {"account": "Own", "role": "boss"}
    table = engine.table(pa.Table.from_pylist(rows, schema=empty("interactions").schema))
    held = [
        member("Acme", " Ann@X.org ", 1, 2, role="user"),
        member("Bolt", "ann@x.org", 2, role="sponsor"),
        member("Aged", "ann@x.org", 2, role="user", to_at=DAY),
        member("Acme", None, 0, parent="Holding"),
    ]
    memberships = engine.table(pa.Table.from_pylist(held, schema=empty("memberships").schema))
    blueprint = Blueprint("Test")
    resolved = resolve(table, engine.table(empty("decisions")), blueprint, engine)
    filled = belong(resolved.assigned, memberships, resolved.persons, blueprint, engine)
    assert filled.columns == resolved.assigned.columns
    said = engine.rows(filled.order_by("occurred_at").select("account", "role")).to_pylist()
    assert [(row["account"], row["role"]) for row in said] == [
        (None, None), ("Acme", "user"), ("Bolt", "sponsor"), ("Bolt", "sponsor"), ("Own", "boss"), (None, None),
        (None, None),
    ]  # fmt: skip


def test_without_memberships_nothing_is_asked(engine, interactions):
    table = engine.table(interactions("email:ann@x.org"))
    resolved = resolve(table, engine.table(empty("decisions")), Blueprint("Test"), engine)
    none = engine.table(empty("memberships"))
    assert belong(resolved.assigned, none, resolved.persons, Blueprint("Test"), engine) is resolved.assigned
