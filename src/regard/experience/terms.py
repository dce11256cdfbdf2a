"""What a promise says and what came of it, read as moments, texts and numbers on any engine."""

from __future__ import annotations

import ibis
import ibis.expr.types as ir

from regard.blueprint import Promise, ValueOf
from regard.engine import day_start, local_date
from regard.errors import BlueprintError

MOMENT = "timestamp('UTC', 6)"
NUMBER = r"^[+-]?[0-9]+([.][0-9]+)?$"


def moment(value: ValueOf, touches: ir.Table, zone: str) -> ir.TimestampValue:
    """The time that a value names on each row; a property that holds only a date is that day's first moment in `zone`.

    Raises : BlueprintError if the value is a literal, which is no time.
    """
    if value.at:
        return touches["at"]
    if value.after_s is not None:
        return touches["at"] + ibis.interval(milliseconds=round(value.after_s * 1000))
    said = text(value, touches)
    if value.property is None:
        raise BlueprintError(f"{value.literal!r} is no time.", hint="Read it from a property, or with after.")
    day = said.try_cast("date")
    return ibis.ifelse(said.length() == 10, day_start(day, zone), said.try_cast(MOMENT))


def text(value: ValueOf, touches: ir.Table) -> ir.StringValue:
    """The word that a value names on each row; null where the row has none."""
    if value.literal is not None:
        return ibis.literal(value.literal)
    if value.property is not None:
        return touches["properties"].get(value.property, ibis.null("string"))
    return ibis.null("string")


def precision(value: ValueOf, touches: ir.Table) -> ir.StringValue:
    """Whether the time a value names is known to the instant or only to the day."""
    if value.property is None:
        return touches["precision"]
    return ibis.ifelse(text(value, touches).length() == 10, "day", "instant")


def number(said: ir.StringValue) -> ir.FloatingValue:
    """A text as a number where it is a plain decimal, else null."""
    return ibis.ifelse(said.re_search(NUMBER), said, ibis.null("string")).try_cast("float64")


def days_between(earlier: ir.TimestampValue, later: ir.TimestampValue, zone: str) -> ir.IntegerValue:
    """Calendar days in `zone` from one moment's day to another's; negative when `later` is the earlier."""
    return local_date(later, zone).delta(local_date(earlier, zone), unit="day").cast("int64")


def day_end(at: ir.TimestampValue, zone: str) -> ir.TimestampValue:
    """The moment at which the calendar day of `at` is over in `zone`."""
    return day_start(local_date(at, zone) + ibis.interval(days=1), zone)


def written(at: ir.TimestampValue, promise: Promise, zone: str) -> ir.StringValue:
    """A time as text: the day in `zone` for a promise of a day, the UTC instant for one of an instant; ISO-8601."""
    if promise.deadline == "day":
        return local_date(at, zone).cast("string")
    return at.date().cast("string") + "T" + at.strftime("%H:%M:%S") + "Z"


def surplus(promised: ir.StringValue, got: ir.StringValue, promise: Promise) -> ir.FloatingValue:
    """By how much more than promised was delivered, in the better direction; null unless both are numbers."""
    more = number(got) - number(promised)
    return -more if promise.better == "lower" else more


def fulfilled(promised: ir.StringValue, got: ir.StringValue, promise: Promise) -> ir.BooleanValue:
    """Whether the value delivered is what was promised: the same words, or a number within tolerance or better.

    Where what was delivered is not recorded it is taken as fulfilled: nobody can say otherwise.
    """
    more = surplus(promised, got, promise)
    near = more.abs() <= promise.tolerance if promise.better == "same" else more >= -promise.tolerance
    return got.isnull() | (got.strip() == promised.strip()) | near.fill_null(False)
