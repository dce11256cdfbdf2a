"""Interactions typed by hand, as the ledger would give them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Sequence

import pyarrow as pa
import pytest

from regard.engine import Engine, empty
from regard.identity import Resolved

DAY = dt.datetime(2025, 1, 1, tzinfo=dt.UTC)
Row = tuple[Sequence[tuple[str, str | None]] | None, Sequence[tuple[str, str]]]


def ledger(rows: Iterable[Row]) -> pa.Table:
    """Interactions an hour apart, from their handles and objects."""
    made = [
        {
            "interaction_id": f"i{number}",
            "source": "test",
            "occurred_at": DAY + dt.timedelta(hours=number),
            "sequence": number,
            "event": "seen",
            "handles": None if handles is None else [{"kind": kind, "value": value} for kind, value in handles],
            "objects": [{"type": kind, "id": value, "qualifier": None} for kind, value in objects],
        }
        for number, (handles, objects) in enumerate(rows)
    ]
    return pa.Table.from_pylist(made, schema=empty("interactions").schema)


@pytest.fixture
def interactions() -> Callable[..., pa.Table]:
    """Makes interactions from pairs of handles and objects, or from strings such as "email:a phone:1 order=7"."""

    def make(*rows: str | Row) -> pa.Table:
        return ledger(parse(row) if isinstance(row, str) else row for row in rows)

    return make


def parse(text: str) -> Row:
    words = text.split()
    handles = [tuple(word.split(":", 1)) for word in words if ":" in word]
    objects = [tuple(word.split("=", 1)) for word in words if "=" in word]
    return handles, objects


@pytest.fixture
def groups(engine: Engine) -> Callable[[Resolved], set[frozenset[str]]]:
    """The people as sets of "kind:handle", refused handles and objects left out."""

    def make(resolved: Resolved) -> set[frozenset[str]]:
        people: dict[str, set[str]] = {}
        for row in engine.rows(resolved.persons).to_pylist():
            if row["person_id"] and not row["kind"].startswith("object:"):
                people.setdefault(row["person_id"], set()).add(f"{row['kind']}:{row['handle']}")
        return {frozenset(one) for one in people.values()}

    return make


@pytest.fixture
def whose(engine: Engine) -> Callable[[Resolved], list[str | None]]:
    """The person of each interaction, in order."""

    def make(resolved: Resolved) -> list[str | None]:
        return engine.rows(resolved.assigned.order_by("occurred_at").select("person_id"))["person_id"].to_pylist()

    return make
