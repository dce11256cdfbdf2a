"""Deposits and withdrawals of one person, typed by hand."""

from __future__ import annotations

import pytest
import town

from regard.engine import Engine
from regard.experience import bank


def test_deposits_and_withdrawals_make_the_balance(engine: Engine) -> None:
    parts = [
        (None, "base", 40.0),
        (None, "person", -5.0),
        ("a", "visit", 3.0),
        ("b", "late", -20.0),
        ("c", "gift", 1.5),
    ]
    rows = [
        {"person_id": "p", "level": "relationship", "interaction_id": name, "kind": kind, "points": points, "eta": 0.0}
        for name, kind, points in parts
    ]
    other = {"person_id": "q", "level": "relationship", "interaction_id": None, "kind": "base", "points": 40.0}
    found = engine.rows(bank(town.table(engine, "contributions", [*rows, other])).order_by("person_id")).to_pylist()
    assert found == [
        {
            "person_id": "p", "level": "relationship", "opening": 35.0, "deposits": 4.5, "withdrawals": -20.0,
            "balance": pytest.approx(19.5), "n_deposits": 2, "n_withdrawals": 1,
        },
        {
            "person_id": "q", "level": "relationship", "opening": 40.0, "deposits": 0.0, "withdrawals": 0.0,
            "balance": 40.0, "n_deposits": 0, "n_withdrawals": 0,
        },
    ]  # fmt: skip
