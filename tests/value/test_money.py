"""Money of several currencies: converted by rates or refused."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence

import ibis.expr.types as ir
import pyarrow as pa
import pytest

from regard.engine import Engine
from regard.errors import TableError
from regard.value.money import convert

DAY = dt.date(2025, 3, 10)
Make = Callable[[str, list[dict[str, object]]], ir.Table]


def said(engine: Engine, money: Sequence[tuple[int | None, str | None, dt.date]]) -> ir.Table:
    amounts, currencies, days = zip(*money, strict=True)
    return engine.table(
        pa.table(
            {"amount_minor": pa.array(amounts, pa.int64()), "currency": pa.array(currencies, pa.string()), "on": days}
        )
    )


def test_yen_and_dinars_keep_their_digits(engine: Engine, rows: Make) -> None:
    rates = rows("rates", [{"currency": "JPY", "on": DAY, "rate": 0.006}, {"currency": "KWD", "on": DAY, "rate": 3.0}])
    money = said(
        engine, [(1000, "JPY", DAY), (1000, "KWD", DAY), (1234, "EUR", DAY), (7, None, DAY), (-500, "JPY", DAY)]
    )
    table = convert(money, rates, amounts=("amount_minor",), currency="EUR", engine=engine)
    assert sorted(engine.rows(table).column("amount_minor").to_pylist()) == [-300, 7, 300, 600, 1234]
    assert "currency" not in table.columns


def test_the_latest_rate_not_older_than_a_month_holds(engine: Engine, rows: Make) -> None:
    rates = rows(
        "rates",
        [
            {"currency": "USD", "on": DAY - dt.timedelta(days=9), "rate": 0.8},
            {"currency": "USD", "on": DAY - dt.timedelta(days=2), "rate": 0.9},
            {"currency": "USD", "on": DAY + dt.timedelta(days=1), "rate": 0.5},
        ],
    )
    table = convert(said(engine, [(100, "USD", DAY)]), rates, amounts=("amount_minor",), currency="EUR", engine=engine)
    assert engine.rows(table).column("amount_minor").to_pylist() == [90]


@pytest.mark.parametrize("age", [None, 32, -1])
def test_money_without_a_rate_is_refused_by_name(engine: Engine, rows: Make, age: int | None) -> None:
    known = [] if age is None else [{"currency": "USD", "on": DAY - dt.timedelta(days=age), "rate": 0.8}]
    money = said(engine, [(100, "USD", DAY)])
    with pytest.raises(TableError, match="money in USD") as refused:
        convert(money, rows("rates", known), amounts=("amount_minor",), currency="EUR", engine=engine)
    assert "2025-03-10" in str(refused.value)


def test_another_currency_without_money_needs_no_rate(engine: Engine, rows: Make) -> None:
    money = said(engine, [(None, "USD", DAY), (5, "EUR", DAY)])
    table = convert(money, rows("rates", []), amounts=("amount_minor",), currency="EUR", engine=engine)
    assert sorted(engine.rows(table).column("amount_minor").to_pylist(), key=str) == [5, None]
