"""Every promise made to a person: what was promised, what was delivered, and what became of it.

a purchase        says by when      promise 1 ----------------------- delivered: kept, exceeded, broken
a later purchase  of the same order promise 2 ...                     (it supersedes promise 1: void)
nothing yet       before the time   open;  after it  overdue
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence

import ibis
import ibis.expr.types as ir

from regard.blueprint import Blueprint, Promise
from regard.engine import Engine, day_start, empty, local_date, schema, seconds_between
from regard.experience import terms
from regard.experience.exceeding import threshold
from regard.experience.turns import matched

OUTCOMES = ("exceeded", "kept", "kept_in_letter", "broken", "open", "overdue", "void")


def keep_promises(
    touches: ir.Table,
    blueprint: Blueprint,
    engine: Engine,
    *,
    as_of: dt.datetime,
    beyond: Mapping[str, float | None] | None = None,
) -> ir.Table:
    """Every promise that the blueprint knows, made up to `as_of`, with what became of it by then.

    touches : the table of that name.
    as_of   : the time of knowing; what happened later is not read.
    beyond  : thresholds of "exceeded" that were estimated before and stand (`estimated_thresholds`); else estimated.
    Returns : the table `promises`. What was promised is read where it was made; an interaction that lacks the value
              promises nothing. The first delivery counts, on the same interaction or later. Early is kept; exceeded
              needs the customer's own evidence, or the blueprint's threshold. Cancelled or superseded before it was
              late is void, after it was late broken. With an object type, a later promise about the same object
              supersedes an open one; without, the next delivery to the person keeps all that are open.
    Raises  : BlueprintError if a promise of a time reads a word.
    """
    known = touches.filter(touches["at"] <= _literal(as_of))
    beyond = estimated_thresholds(touches, blueprint, engine, as_of=as_of) if beyond is None else beyond
    parts = [_kind(known, promise, blueprint, engine, as_of, beyond) for promise in blueprint.promises]
    if not parts:
        return engine.table(empty("promises"))
    return parts[0] if len(parts) == 1 else ibis.union(*parts)


def kept_rate(promises: ir.Table, start: dt.datetime, end: dt.datetime) -> ir.Table:
    """How many of the promises that fell due in a period were kept, by kind.

    promises   : the table of that name.
    start, end : the period, its end not included. A promise without a deadline falls due when it is delivered.
    Returns    : kind, n_due, n_kept (exceeded among them), n_exceeded, n_kept_in_letter, n_broken (overdue among them),
                 kept_rate. What was made void, or is still open, did not fall due.
    """
    due = ibis.coalesce(promises["due_at"], promises["delivered_at"])
    counted = promises.filter(due >= _literal(start), due < _literal(end), promises["outcome"].notin(["void", "open"]))
    kept, outcome = ("exceeded", "kept"), counted["outcome"]
    counts = counted.group_by("kind").aggregate(
        n_due=counted.count(),
        n_kept=outcome.isin(kept).sum(),
        n_exceeded=(outcome == "exceeded").sum(),
        n_kept_in_letter=(outcome == "kept_in_letter").sum(),
        n_broken=outcome.isin(("broken", "overdue")).sum(),
    )
    return counts.mutate(kept_rate=counts["n_kept"].cast("float64") / counts["n_due"].cast("float64"))


def estimated_thresholds(
    touches: ir.Table, blueprint: Blueprint, engine: Engine, *, as_of: dt.datetime
) -> dict[str, float | None]:
    """For each promise whose threshold of "exceeded" is to be estimated: from how much extra on answers are better.

    Returns : by promise, in its unit (seconds early for time); None where no threshold is supported.
    """
    known = touches.filter(touches["at"] <= _literal(as_of))
    found = {}
    for promise in blueprint.promises:
        if promise.exceeded_estimate:
            turns = matched(known, promise, blueprint, engine)
            measured = engine.keep(_measured(turns, promise, blueprint.zone, as_of))
            found[promise.id] = threshold(measured, engine)
            engine.drop(measured)
    return found


def _kind(
    known: ir.Table,
    promise: Promise,
    blueprint: Blueprint,
    engine: Engine,
    as_of: dt.datetime,
    beyond: Mapping[str, float | None],
) -> ir.Table:
    """The promises of one kind, in the shape of the table."""
    turns = matched(known, promise, blueprint, engine)
    measured = _measured(turns, promise, blueprint.zone, as_of)
    least = beyond.get(promise.id) if promise.exceeded_estimate else promise.exceeded_by
    return _shaped(_judged(measured, promise, least, as_of), promise, as_of)


def _measured(turns: ir.Table, promise: Promise, zone: str, as_of: dt.datetime) -> ir.Table:
    """Turns with how late and how good the delivery was: `extra` is in the promise's unit, seconds for time."""
    by_day = promise.deadline == "day"
    gone = ibis.coalesce(turns["voided_at"], turns["next_at"])
    gone = ibis.ifelse(turns["delivered"], ibis.null(terms.MOMENT), gone)
    until = ibis.ifelse(turns["delivered"], turns["came_at"], ibis.ifelse(gone.isnull(), _literal(as_of), NEVER))
    known = turns.mutate(gone_at=gone, until=until, due_on=local_date(turns["due_at"], zone))
    dated = known.mutate(
        day_end=day_start(known["due_on"] + ibis.interval(days=1), zone), until_on=local_date(known["until"], zone)
    )
    timed = dated.mutate(
        late_from_at=dated["day_end"] if by_day else dated["due_at"],
        late_days=dated["until_on"].delta(dated["due_on"], unit="day").cast("int64"),
        late_s=seconds_between(dated["due_at"], dated["until"]),
    )
    if promise.unit == "time":
        early = -timed["late_days"].cast("float64") * 86_400.0 if by_day else -timed["late_s"]
        return timed.mutate(extra=early, missed_by=ibis.null("float64"), fulfilled=ibis.literal(True))
    return timed.mutate(
        extra=terms.surplus(timed["promised"], timed["got"], promise),
        missed_by=terms.number(timed["got"]) - terms.number(timed["promised"]),
        fulfilled=terms.fulfilled(timed["promised"], timed["got"], promise),
    )


def _late(at: ir.TimestampValue, turns: ir.Table, promise: Promise) -> ir.BooleanValue:
    """Whether a moment is past the deadline: the due day is over, or the due moment is past."""
    if promise.deadline == "day":
        return (at >= turns["day_end"]).fill_null(False)
    return (at > turns["due_at"]).fill_null(False)


def _judged(turns: ir.Table, promise: Promise, beyond: float | None, as_of: dt.datetime) -> ir.Table:
    """Turns with their outcome and the reason for it; the first that applies is the one."""
    came, late = turns["delivered"], _late(turns["came_at"], turns, promise)
    if promise.deadline == "instant":  # where only the day of delivery is known, only the day can be late
        by_day = (turns["came_at"] >= turns["day_end"]).fill_null(False)
        late = ibis.ifelse((turns["came_at_precision"] == "day").fill_null(False), by_day, late)
    gone = turns["gone_at"].notnull()
    better = (turns["extra"] >= beyond).fill_null(False) if beyond is not None else ibis.literal(False)
    other = "came as " + turns["got"] + " where " + turns["promised"] + " was promised"
    overdue = _late(_literal(as_of), turns, promise)
    cases: Sequence[tuple[ir.BooleanValue, str, str | ir.StringValue]] = (
        (came & late, "broken", "came late"),
        (came & ~turns["fulfilled"], "broken", other),
        (came & turns["letter"], "kept_in_letter", "the customer says it was kept in letter only"),
        (came & turns["exceeded"], "exceeded", "the customer says it was more than promised"),
        (came & better, "exceeded", "better than promised by the threshold or more"),
        (came & turns["due_at"].isnull(), "kept", "came as promised"),
        (came, "kept", "came in time"),
        (gone & _late(turns["gone_at"], turns, promise), "broken", "cancelled or replaced when it was late already"),
        (gone & turns["voided_at"].notnull(), "void", "cancelled"),
        (gone, "void", "replaced by a later promise"),
        (overdue, "overdue", "not delivered, and the time is past"),
    )
    return turns.mutate(
        outcome=ibis.cases(*[(when, outcome) for when, outcome, _ in cases], else_="open"),
        reason=ibis.cases(*[(when, reason) for when, _, reason in cases], else_="not delivered yet"),
    )


def _shaped(turns: ir.Table, promise: Promise, as_of: dt.datetime) -> ir.Table:
    """The columns of the table, in its order and types."""
    timed, came = promise.unit == "time", turns["delivered"]
    missing = ibis.null("string")
    values = {
        "person_id": ibis.coalesce(turns["made_person"], turns["came_to"]),
        "kind": ibis.literal(promise.id),
        "object_type": ibis.ifelse(turns["by_object"], ibis.literal(promise.about, "string"), missing),
        "touchpoint": _said(promise.touchpoint, ibis.ifelse(came, turns["came_where"], missing)),
        "function": _said(promise.function, ibis.ifelse(came, turns["came_from"], missing)),
        "claimed_in": _said(promise.claimed_in, turns["made_where"]),
        "delivered_at": ibis.ifelse(came, turns["came_at"], NEVER),
        "delivered_by": ibis.ifelse(came, turns["came_by"], missing),
        "voided_at": turns["gone_at"],
        "promised_value": terms.written(turns["due_at"], turns["due_on"], promise) if timed else turns["promised"],
        "delivered_value": ibis.ifelse(
            came, terms.written(turns["came_at"], turns["until_on"], promise) if timed else turns["got"], missing
        ),
        "unit": ibis.literal(promise.deadline if timed else promise.unit),
        "missed_by": ibis.ifelse(came, turns["missed_by"], ibis.null("float64")),
        "as_of": _literal(as_of),
    }
    shape = schema("promises")
    names = [name for name in shape.names if name != "person"]  # which is filled in when the table is written
    columns = {name: values.get(name, turns[name] if name in turns.columns else None) for name in names}
    return turns.select(**columns).cast({name: shape[name] for name in names})


def _said(word: str | None, otherwise: ir.StringValue) -> ir.StringValue:
    return ibis.literal(word) if word is not None else otherwise


def _literal(at: dt.datetime) -> ir.TimestampValue:
    return ibis.literal(at).cast(terms.MOMENT)


NEVER = ibis.null(terms.MOMENT)
