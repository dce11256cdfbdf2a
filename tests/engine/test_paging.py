"""Pages of a table: together they are the table, in the order of its key, whatever their size."""

from __future__ import annotations

import datetime as dt
import random

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from regard.engine import Engine, cursor_of, page
from regard.errors import SettingError

KEY = ("name", "number", "at", "on")


def rows(seed: int, n: int) -> pa.Table:
    chance = random.Random(seed)
    found = {
        (
            chance.choice([None, "", "a", "b", "ü"]),
            chance.choice([None, -1, 0, 7]),
            chance.choice([None, dt.datetime(2026, 1, chance.randint(1, 3), tzinfo=dt.UTC)]),
            chance.choice([None, dt.date(2026, 1, 1)]),
        )
        for _ in range(n)
    }
    shape = pa.schema(
        [("name", pa.string()), ("number", pa.int64()), ("at", pa.timestamp("us", "UTC")), ("on", pa.date32())]
    )
    # a null and the least value of its kind are one to a cursor, so a key has one of them only
    kept = {tuple("" if value is None and place == 0 else value for place, value in enumerate(row)) for row in found}
    return pa.Table.from_pylist([dict(zip(KEY, row, strict=True)) for row in kept], schema=shape)


@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 10_000), size=st.integers(1, 9))
def test_pages_are_the_table(engine: Engine, seed: int, size: int) -> None:
    table = engine.table(rows(seed, 40))
    found: list[dict[str, object]] = []
    cursor = None
    while True:
        got = engine.rows(page(table, KEY, size=size, cursor=cursor)).to_pylist()
        found.extend(got[:size])
        if len(got) <= size:
            break
        cursor = cursor_of(got[size - 1], KEY)
    everything = engine.rows(table).to_pylist()
    assert len(found) == len(everything)
    assert sorted(map(repr, found)) == sorted(map(repr, everything))


@pytest.mark.parametrize("cursor", ["", "nonsense", "W10", "WyJhIl0", "////"])
def test_a_cursor_of_another_list_is_refused(engine: Engine, cursor: str) -> None:
    with pytest.raises(SettingError, match="not a cursor"):
        page(engine.table(rows(1, 5)), KEY, size=3, cursor=cursor)
