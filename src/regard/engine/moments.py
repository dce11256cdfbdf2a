"""Arithmetic on moments, the same on every engine.

`epoch_seconds()` rounds on DuckDB and floors on Spark, so models count in whole milliseconds, read from the stored
microseconds: on DuckDB everything else on a timestamp with a zone goes through ICU and costs 20 times as much.
"""

from __future__ import annotations

import ibis
import ibis.expr.types as ir

SECONDS_A_DAY = 86_400.0
INSTANT = ibis.dtype("timestamp('UTC', 6)")


def _unix_micros(at: object) -> object:
    """Microseconds since 1970-01-01 UTC, by the name that every engine knows."""


_MICROS = ibis.udf.scalar.builtin(_unix_micros, name="unix_micros", signature=((INSTANT,), ibis.dtype("int64")))


def epoch_ms(at: ir.TimestampValue) -> ir.IntegerValue:
    """Milliseconds since 1970-01-01 UTC, floored; int64, null for null."""
    return _MICROS(at if at.type() == INSTANT else at.cast(INSTANT)) // 1000


def seconds_between(earlier: ir.TimestampValue, later: ir.TimestampValue) -> ir.FloatingValue:
    """Seconds from `earlier` to `later`, to the millisecond; negative when `later` is the earlier one."""
    return (epoch_ms(later) - epoch_ms(earlier)).cast("float64") / 1000.0
