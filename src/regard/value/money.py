"""Money of several currencies in one: converted by the ledger's `rates`, or refused; never mixed silently."""

from __future__ import annotations

import datetime as dt
from bisect import bisect_right
from functools import reduce
from operator import or_

import ibis.expr.types as ir
import pyarrow as pa

from regard.blueprint.money import exponent
from regard.engine import Engine
from regard.errors import TableError

STALE_DAYS = 31
"""A rate may be this old: markets close, but a rate of another season is another price."""


def convert(rows: ir.Table, rates: ir.Table, *, amounts: tuple[str, ...], currency: str, engine: Engine) -> ir.Table:
    """The same rows with `amounts` in minor units of the workspace's currency, without the column currency.

    rows     : has the columns on (date), currency (ISO 4217; null is the workspace's) and `amounts` (minor units).
    rates    : the ledger's table; the latest rate of the day or of the 31 days before holds.
    currency : the workspace's.
    Raises   : TableError naming the currency and the first day that has no rate.
    """
    said = reduce(or_, [rows[amount].notnull() for amount in amounts])
    foreign = rows.currency.notnull() & (rows.currency != currency) & said
    used = engine.rows(rows.filter(foreign).select("currency", "on").distinct().order_by("currency", "on"))
    if used.num_rows == 0:
        return rows.drop("currency")
    factors = engine.table(_factors(used, rates, currency=currency, engine=engine))
    joined = rows.left_join(factors, [rows.currency == factors.of_currency, rows.on == factors.of_on])
    converted = {amount: _times(joined[amount], joined.factor.fill_null(1.0)) for amount in amounts}
    return joined.mutate(**converted).drop("currency", "of_currency", "of_on", "factor")


def _times(amount: ir.IntegerValue, factor: ir.FloatingValue) -> ir.IntegerValue:
    """Whole minor units, halves away from zero: the same for a sale and for its return."""
    exact = amount.cast("float64") * factor
    return ((exact.abs() + 0.5).floor() * exact.sign()).cast("int64")


def _factors(used: pa.Table, rates: ir.Table, *, currency: str, engine: Engine) -> pa.Table:
    """What one minor unit was worth in minor units of the workspace's currency, for each currency and day used."""
    wanted = sorted(set(used.column("currency").to_pylist()))
    known = engine.rows(rates.filter(rates.currency.isin(wanted)).select("currency", "on", "rate"))
    series: dict[str, list[tuple[dt.date, float]]] = {name: [] for name in wanted}
    for row in known.to_pylist():
        series[row["currency"]].append((row["on"], row["rate"]))
    for days in series.values():
        days.sort()
    factors = []
    for row in used.to_pylist():
        rate = _rate(series[row["currency"]], row["on"])
        if rate is None:
            raise TableError(
                f"There is money in {row['currency']} and no rate to bring it into {currency}.",
                found=f"no rate on {row['on']} or in the {STALE_DAYS} days before",
                allowed=f"money in {currency}, or a row of `rates` for every month with money in another currency",
                hint=f"Import rates of {row['currency']}, or set `currency:` in blueprint.yaml.",
            )
        factors.append(rate * 10.0 ** (exponent(currency) - exponent(row["currency"])))
    return pa.table({"of_currency": used.column("currency"), "of_on": used.column("on"), "factor": factors})


def _rate(days: list[tuple[dt.date, float]], on: dt.date) -> float | None:
    place = bisect_right(days, (on, float("inf")))
    if place == 0 or (on - days[place - 1][0]).days > STALE_DAYS:
        return None
    return days[place - 1][1]
