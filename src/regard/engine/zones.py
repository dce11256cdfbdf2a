"""Local days and times, the same on every engine.

Ibis has no word for a wall clock in another zone, and engines name it differently, so three operations are added to it
here and told to each engine's compiler. They were a CASE over a zone's transitions once: equal everywhere, but 17,000
characters of SQL each time, and twice as slow.
"""

from __future__ import annotations

from functools import lru_cache
from typing import cast
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import ibis.expr.datatypes as types
import ibis.expr.operations as ops
import ibis.expr.rules as rules
import ibis.expr.types as ir
import sqlglot.expressions as sge
from ibis.backends.sql.compilers.base import SQLGlotCompiler
from ibis.backends.sql.compilers.duckdb import DuckDBCompiler
from ibis.backends.sql.compilers.pyspark import PySparkCompiler

from regard.errors import SettingError

UTC = types.Timestamp(timezone="UTC", scale=6)


class LocalTime(ops.Value):  # type: ignore[misc]
    """The wall clock in a zone at a UTC timestamp, as a timestamp that still says UTC."""

    arg: ops.Value[types.Timestamp]
    zone: str
    shape = rules.shape_like("arg")
    dtype = UTC


class LocalDate(ops.Value):  # type: ignore[misc]
    """The calendar day in a zone of a UTC timestamp."""

    arg: ops.Value[types.Timestamp]
    zone: str
    shape = rules.shape_like("arg")
    dtype = types.date


class DayStart(ops.Value):  # type: ignore[misc]
    """The UTC moment at which a calendar day begins in a zone."""

    arg: ops.Value[types.Date]
    zone: str
    shape = rules.shape_like("arg")
    dtype = UTC


def _duck_time(self: SQLGlotCompiler, op: LocalTime, *, arg: sge.Expression, zone: str) -> sge.Expression:
    return cast(sge.Expression, self.f.anon.timezone("UTC", self.f.anon.timezone(zone, arg)))


def _duck_date(self: SQLGlotCompiler, op: LocalDate, *, arg: sge.Expression, zone: str) -> sge.Expression:
    return cast(sge.Expression, self.cast(self.f.anon.timezone(zone, arg), types.date))


def _duck_start(self: SQLGlotCompiler, op: DayStart, *, arg: sge.Expression, zone: str) -> sge.Expression:
    return cast(sge.Expression, self.f.anon.timezone(zone, self.cast(arg, types.Timestamp())))


def _spark_time(self: SQLGlotCompiler, op: LocalTime, *, arg: sge.Expression, zone: str) -> sge.Expression:
    return cast(sge.Expression, self.f.anon.from_utc_timestamp(arg, zone))


def _spark_date(self: SQLGlotCompiler, op: LocalDate, *, arg: sge.Expression, zone: str) -> sge.Expression:
    return cast(sge.Expression, self.cast(self.f.anon.from_utc_timestamp(arg, zone), types.date))


def _spark_start(self: SQLGlotCompiler, op: DayStart, *, arg: sge.Expression, zone: str) -> sge.Expression:
    return cast(sge.Expression, self.f.anon.to_utc_timestamp(self.cast(arg, UTC), zone))


DuckDBCompiler.visit_LocalTime = _duck_time
DuckDBCompiler.visit_LocalDate = _duck_date
DuckDBCompiler.visit_DayStart = _duck_start
PySparkCompiler.visit_LocalTime = _spark_time
PySparkCompiler.visit_LocalDate = _spark_date
PySparkCompiler.visit_DayStart = _spark_start


@lru_cache(maxsize=64)
def known(zone: str) -> str:
    """The zone's name, if there is such a zone.

    Raises : SettingError if there is not.
    """
    try:
        return ZoneInfo(zone).key
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise SettingError(
            f"There is no time zone {zone!r}.", allowed="an IANA name such as Europe/Paris, or UTC"
        ) from error


def local_time(at: ir.TimestampValue, zone: str) -> ir.TimestampValue:
    """The wall clock in `zone` at a UTC timestamp, as a timestamp that still says UTC.

    at     : timestamp UTC.
    zone   : IANA name.
    Raises : SettingError if there is no such zone.
    """
    return cast(ir.TimestampValue, at if known(zone) == "UTC" else LocalTime(at, zone).to_expr())


def local_date(at: ir.TimestampValue, zone: str) -> ir.DateValue:
    """The calendar day in `zone` of a UTC timestamp; see `local_time`."""
    return cast(ir.DateValue, LocalDate(at, known(zone)).to_expr())


def day_start(day: ir.DateValue, zone: str) -> ir.TimestampValue:
    """The UTC moment at which a calendar day begins in `zone`: its midnight, or the first moment after it if skipped.

    day    : date; the way back from `local_date`.
    Raises : SettingError if there is no such zone.
    """
    return cast(ir.TimestampValue, DayStart(day, known(zone)).to_expr())
