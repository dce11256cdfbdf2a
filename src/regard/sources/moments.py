"""A time as the source wrote it -> UTC, its zone and its precision."""

from __future__ import annotations

import re
from dataclasses import dataclass

from regard.engine.duck import literal
from regard.sources.columns import Column, number, text
from regard.sources.mapping import Shift, Time

EARLIEST, LATEST = "1900-01-01", "2200-01-01"
OFFSET = r":.*(Z|z|[+-]\d{2}(:?\d{2})?)$"
EPOCH_US = {"epoch": 1_000_000, "epoch_ms": 1_000}
DAY_S = 86_400.0
CLOCK_CODES = re.compile(r"%-?[HIpMSfcXT]")


@dataclass(frozen=True)
class Moment:
    """SQL of a time: `at` (null where it is not one), `raw` as text, whether anything is `there`, and its precision."""

    at: str
    raw: str
    there: str
    precision: str


def moment(time: Time, columns: list[Column], *, zone: str, shifts: list[Column | None]) -> Moment:
    """The SQL of a time.

    columns : of `time.columns`, in order.
    zone    : SQL of the zone of times without an offset; null where the row's zone is not one.
    shifts  : the columns of `time.shifts`, None where the shift is constant.
    """
    moved = list(zip(time.shifts, shifts, strict=True))
    if len(columns) == 1 and not columns[0].is_text and not (columns[0].is_number and time.formats):
        return _native(time, columns[0], zone=zone, moved=moved)
    raw = _joined(columns) if columns else literal(time.constant or "")
    ways = [_read(form, raw, columns, zone=zone, moved=moved) for form in time.formats or ("iso",)]
    at = ways[0] if len(ways) == 1 else f"coalesce({', '.join(ways)})"
    if time.precision == "day":
        at = _day_of(at, zone)
    return Moment(at, raw, f"({raw}) IS NOT NULL", _precision(time, raw))


def _joined(columns: list[Column]) -> str:
    return text(columns[0]) if len(columns) == 1 else " || ' ' || ".join(text(column) for column in columns)


def _native(time: Time, column: Column, *, zone: str, moved: list[tuple[Shift, Column | None]]) -> Moment:
    raw = f"CAST({column.sql} AS VARCHAR)"
    precision = time.precision or ("day" if column.type == "DATE" else "instant")
    if column.type == "TIMESTAMP WITH TIME ZONE":
        at = _shifted(column.sql, moved, calendar=True, clock=True)
    elif column.type == "DATE" or column.type.startswith("TIMESTAMP"):
        local = column.sql if column.type == "TIMESTAMP" else f"CAST({column.sql} AS TIMESTAMP)"
        at = _zoned(local, zone, moved)
    else:
        at = "CAST(NULL AS TIMESTAMPTZ)"
    if precision == "day" and column.type != "DATE":
        at = _day_of(at, zone)
    return Moment(at, raw, f"{column.sql} IS NOT NULL", literal(precision))


def _read(form: str, raw: str, columns: list[Column], *, zone: str, moved: list[tuple[Shift, Column | None]]) -> str:
    if form in EPOCH_US:
        whole = f"TRY_CAST(TRY_CAST({raw} AS DECIMAL(24, 6)) * {EPOCH_US[form]} AS BIGINT)"
        bound = 7_300_000_000_000_000
        at = f"make_timestamptz(CASE WHEN {whole} BETWEEN {-bound} AND {bound} THEN {whole} END)"
        return _shifted(at, moved, calendar=True, clock=True)
    if form == "iso":
        absolute = _shifted(f"TRY_CAST({raw} AS TIMESTAMPTZ)", moved, calendar=True, clock=True)
        local = _zoned(f"TRY_CAST({raw} AS TIMESTAMP)", zone, moved)
        return f"CASE WHEN regexp_matches({raw}, {literal(OFFSET)}) THEN {absolute} ELSE {local} END"
    read = f"try_strptime({raw}, {literal(form)})"
    if "%z" in form or "%Z" in form:
        return _shifted(read, moved, calendar=True, clock=True)
    return _zoned(read, zone, moved)


def _zoned(local: str, zone: str, moved: list[tuple[Shift, Column | None]]) -> str:
    """A wall clock in a zone as an instant; days are added on the calendar, hours on the clock."""
    local = _shifted(local, moved, calendar=True, clock=False)
    at = f"CAST({local} AS TIMESTAMPTZ)" if zone == "'UTC'" else f"timezone({zone}, {local})"
    return _shifted(at, moved, calendar=False, clock=True)


def _shifted(sql: str, moved: list[tuple[Shift, Column | None]], *, calendar: bool, clock: bool) -> str:
    for shift, column in moved:
        in_days = shift.unit_s % DAY_S == 0 if column else shift.amount % DAY_S == 0
        if not (calendar if in_days else clock):
            continue
        amount = number(column) if column else str(shift.amount)
        step = f"to_microseconds(CAST(({amount}) * {shift.unit_s * 1_000_000:.0f} AS BIGINT))"
        if in_days:
            step = f"to_days(CAST(({amount}) * {shift.unit_s / DAY_S} AS INTEGER))"
        sql = f"({sql} {'+' if shift.sign > 0 else '-'} {step})"
    return sql


def _day_of(at: str, zone: str) -> str:
    """The first moment of the local day of an instant."""
    if zone == "'UTC'":
        return f"CAST(date_trunc('day', CAST({at} AS TIMESTAMP)) AS TIMESTAMPTZ)"
    return f"timezone({zone}, date_trunc('day', timezone({zone}, {at})))"


def _precision(time: Time, raw: str) -> str:
    if time.precision:
        return literal(time.precision)
    if not time.formats or "iso" in time.formats:
        return f"CASE WHEN contains({raw}, ':') THEN 'instant' ELSE 'day' END"
    if any(form in EPOCH_US or CLOCK_CODES.search(form) for form in time.formats):
        return "'instant'"
    return "'day'"
