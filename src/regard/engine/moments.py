"""Arithmetic on moments, the same on every engine.

`epoch_seconds()` rounds on DuckDB and floors on Spark, so models count in whole milliseconds.
"""

from __future__ import annotations

import ibis.expr.types as ir

SECONDS_A_DAY = 86_400.0


def epoch_ms(at: ir.TimestampValue) -> ir.IntegerValue:
    """Milliseconds since 1970-01-01 UTC, floored; int64, null for null."""
    return at.truncate("s").epoch_seconds().cast("int64") * 1000 + at.millisecond().cast("int64")


def seconds_between(earlier: ir.TimestampValue, later: ir.TimestampValue) -> ir.FloatingValue:
    """Seconds from `earlier` to `later`, to the millisecond; negative when `later` is the earlier one."""
    return (epoch_ms(later) - epoch_ms(earlier)) / 1000.0
