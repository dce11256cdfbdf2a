"""What a promise says and what came of it, read as moments, texts and numbers on any engine."""

from __future__ import annotations

import ibis
import ibis.expr.types as ir

from regard.blueprint import Promise, ValueOf
from regard.engine import day_start
from regard.errors import BlueprintError

MOMENT = "timestamp('UTC', 6)"
NUMBER = r"^[+-]?[0-9]+([.][0-9]+)?$"


def moment(name: str, value: ValueOf | None, touches: ir.Table, zone: str) -> ir.Table:
    """The rows with the time that a value names as column `name`, and its precision as `name`_precision.

    A property that holds only a date is that day's first moment in `zone`, known to the day. The text, the day and the
    moment are columns one after the other: a zone's transitions repeat their argument, which must stay short.

    Raises : BlueprintError if the value is a literal, which is no time.
    """
    precision = f"{name}_precision"
    if value is None:
        return touches.mutate(**{name: ibis.null(MOMENT), precision: ibis.null("string")})
    if value.at:
        return touches.mutate(**{name: touches["at"], precision: touches["precision"]})
    if value.after_s is not None:
        later = touches["at"] + ibis.interval(milliseconds=round(value.after_s * 1000))
        return touches.mutate(**{name: later, precision: touches["precision"]})
    if value.property is None:
        raise BlueprintError(f"{value.literal!r} is no time.", hint="Read it from a property, or with after.")
    said, day = f"{name}_said", f"{name}_on"
    told = touches.mutate(**{said: text(value, touches)})
    dated = told.mutate(
        **{day: ibis.ifelse(told[said].length() == 10, told[said], ibis.null("string")).try_cast("date")}
    )
    known = dated[day].notnull()
    return dated.mutate(
        **{
            name: ibis.ifelse(known, day_start(dated[day], zone), dated[said].try_cast(MOMENT)),
            precision: ibis.ifelse(known, "day", "instant"),
        }
    ).drop(said, day)


def text(value: ValueOf, touches: ir.Table) -> ir.StringValue:
    """The word that a value names on each row; null where the row has none."""
    if value.literal is not None:
        return ibis.literal(value.literal)
    if value.property is not None:
        return touches["properties"].get(value.property, ibis.null("string"))
    return ibis.null("string")


def number(said: ir.StringValue) -> ir.FloatingValue:
    """A text as a number where it is a plain decimal, else null."""
    return ibis.ifelse(said.re_search(NUMBER), said, ibis.null("string")).try_cast("float64")


def written(at: ir.TimestampValue, on: ir.DateValue, promise: Promise) -> ir.StringValue:
    """A time as text: its day for a promise of a day, the UTC instant for one of an instant; ISO-8601."""
    if promise.deadline == "day":
        return on.cast("string")
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
