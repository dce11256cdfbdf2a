"""Every promise made to a person: what was promised, what was delivered, and what became of it.

    a purchase        says by when      promise 1 ----------------------- delivered: kept, exceeded, broken
    a later purchase  of the same order promise 2 ...                     (it supersedes promise 1: void)
    nothing yet       before the time   open;  after it  overdue

The rows that make, keep, void or speak of a promise are put in order for each object (else person); each making opens a
turn, and what follows until the next making belongs to it.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

import ibis
import ibis.expr.types as ir

from regard.blueprint import Blueprint, Promise, Rule, ValueOf, condition
from regard.engine import Engine, day_start, empty, local_date, schema, seconds_between
from regard.experience import terms
from regard.experience.exceeding import threshold

ORDER = ("at", "sequence", "interaction_id")
TURN = ("by_object", "tie", "turn")
OUTCOMES = ("exceeded", "kept", "kept_in_letter", "broken", "open", "overdue", "void")


def keep_promises(touches: ir.Table, blueprint: Blueprint, engine: Engine, *, as_of: dt.datetime) -> ir.Table:
    """Every promise that the blueprint knows, made up to `as_of`, with what became of it by then.

    touches : the table of that name.
    as_of   : the time of knowing; what happened later is not read.
    Returns : the table `promises`. What was promised is read where it was made; an interaction that lacks the value
              promises nothing. The first delivery counts, on the same interaction or later. Early is kept; exceeded
              needs the customer's own evidence, or the blueprint's threshold. Cancelled or superseded before it was
              late is void, after it was late broken. With an object type, a later promise about the same object
              supersedes an open one; without, the next delivery to the person keeps all that are open.
    Raises  : BlueprintError if a promise of a time reads a word.
    """
    known = touches.filter(touches["at"] <= _literal(as_of))
    parts = [_kind(known, promise, blueprint, engine, as_of) for promise in blueprint.promises]
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


def _kind(known: ir.Table, promise: Promise, blueprint: Blueprint, engine: Engine, as_of: dt.datetime) -> ir.Table:
    """The promises of one kind, in the shape of the table."""
    turns = _turns(_ordered(_stream(known, promise, blueprint)))
    told = _named(_delivered_to_people(turns) if promise.about is None else _superseded(turns), promise)
    if promise.about is not None and (promise.letter or promise.exceeded):
        told = _with_loose_evidence(engine.keep(told), known, promise)
    measured = _measured(told, promise, blueprint.zone, as_of)
    if promise.exceeded_estimate:
        measured = engine.keep(measured)
        beyond = threshold(measured, engine)
    else:
        beyond = promise.exceeded_by
    return _shaped(_judged(measured, promise, beyond, as_of), promise, as_of)


def _stream(known: ir.Table, promise: Promise, blueprint: Blueprint) -> ir.Table:
    """The rows that make, keep, void or speak of a promise, once for each object that they are about."""
    answers = _answers(promise, blueprint)
    rules = (promise.made, promise.kept, promise.void, promise.letter, promise.exceeded, answers)
    said = [condition(rule, known) for rule in rules if rule is not None]
    rows = _valued(known.filter(ibis.or_(*said)), promise, blueprint.zone)
    makes = condition(promise.made, rows)
    columns = ("person_id", "source", "at", "sequence", "interaction_id", "touchpoint", "channel", "function", *VALUES)
    return rows.select(
        *columns,
        is_made=makes & rows["due_at" if promise.unit == "time" else "promised"].notnull(),
        is_kept=condition(promise.kept, rows),
        is_void=_told(promise.void, rows) & ~makes,
        is_letter=_told(promise.letter, rows),
        is_exceeded=_told(promise.exceeded, rows),
        is_answer=_told(answers, rows),
        rating=rows["rating"] if answers else ibis.null("float64"),
        object_id=_object(rows, promise.about),
    )


VALUES = ("due_at", "promised", "came_at", "came_at_precision", "got")


def _told(rule: Rule | None, rows: ir.Table) -> ir.BooleanValue:
    return condition(rule, rows) if rule is not None else ibis.literal(False)


def _valued(rows: ir.Table, promise: Promise, zone: str) -> ir.Table:
    """Every row with what it would promise and deliver: a time, or a text and when that falls due and comes."""
    if promise.unit == "time":
        timed = terms.moment("due_at", promise.promised, rows, zone)
        timed = terms.moment("came_at", promise.delivered, timed, zone)
        return timed.mutate(promised=ibis.null("string"), got=ibis.null("string"))
    timed = terms.moment("due_at", promise.due, rows, zone)
    timed = terms.moment("came_at", ValueOf(at=True), timed, zone)
    return timed.mutate(promised=terms.text(promise.promised, rows), got=terms.text(promise.delivered, rows))


def _answers(promise: Promise, blueprint: Blueprint) -> Rule | None:
    """The feedback that a threshold is estimated from: of the transaction, about the same type of object."""
    if not promise.exceeded_estimate:
        return None
    rules = tuple(
        one.when for one in blueprint.feedback if one.level == "transaction" and one.about in (None, promise.about)
    )
    return Rule(some=rules) if rules else None


def _object(rows: ir.Table, about: str | None) -> ir.StringValue:
    """The ids of the objects of that type that a row is about, a row for each; one null where there is none."""
    if about is None:
        return ibis.null("string")
    ids = rows["objects"].filter(lambda thing: thing["type"] == about).map(lambda thing: thing["id"]).unique()
    nothing = ibis.array([ibis.null("string")])
    return ibis.ifelse((ids.length() > 0).fill_null(False), ids, nothing).unnest()


def _ordered(stream: ir.Table) -> ir.Table:
    """The rows with their place in the order of their object or person, and the number of the turn they belong to."""
    tied = stream.mutate(by_object=stream["object_id"].notnull(), tie=stream["object_id"].coalesce(stream["person_id"]))
    tied = tied.filter(tied["tie"].notnull())
    inside = ("by_object", "tie")
    return tied.mutate(
        place=ibis.row_number().over(ibis.window(group_by=inside, order_by=ORDER)),
        turn=tied["is_made"].cast("int64").sum().over(ibis.cumulative_window(group_by=inside, order_by=ORDER)),
    )


def _turns(rows: ir.Table) -> ir.Table:
    """One row a promise: what made it, the first delivery after it, and what was said since, as places in the order."""
    rows = rows.filter(rows["turn"] > 0)
    made, place = rows["is_made"], rows["place"]
    return rows.group_by(TURN).aggregate(
        object_id=rows["object_id"].max(),
        made_place=place.min(),
        kept_place=place.min(where=rows["is_kept"]),
        void_place=place.min(where=rows["is_void"]),
        letter_place=place.max(where=rows["is_letter"]),
        exceeded_place=place.max(where=rows["is_exceeded"]),
        answer_place=place.max(where=rows["is_answer"]),
        rating=rows["rating"].argmax(place, where=rows["is_answer"]),
        voided_at=rows["at"].min(where=rows["is_void"]),
        made_at=rows["at"].max(where=made),
        made_by=rows["interaction_id"].max(where=made),
        made_source=rows["source"].max(where=made),
        made_person=rows["person_id"].max(where=made),
        made_where=rows["touchpoint"].coalesce(rows["channel"]).max(where=made),
        due_at=rows["due_at"].max(where=made),
        promised=rows["promised"].max(where=made),
        came_at=rows["came_at"].argmin(place, where=rows["is_kept"]),
        came_at_precision=rows["came_at_precision"].argmin(place, where=rows["is_kept"]),
        came_by=rows["interaction_id"].argmin(place, where=rows["is_kept"]),
        came_where=rows["touchpoint"].argmin(place, where=rows["is_kept"]),
        came_from=rows["function"].argmin(place, where=rows["is_kept"]),
        came_to=rows["person_id"].argmin(place, where=rows["is_kept"]),
        got=rows["got"].argmin(place, where=rows["is_kept"]),
    )


def _superseded(turns: ir.Table) -> ir.Table:
    """Turns about an object end where its next begins; those of people without an object go on (see below)."""
    following = turns["made_at"].lead().over(ibis.window(group_by=("by_object", "tie"), order_by="turn"))
    return turns.mutate(next_at=ibis.ifelse(turns["by_object"], following, ibis.null(terms.MOMENT)))


CAME = ("kept_place", "came_at", "came_at_precision", "came_by", "came_where", "came_from", "came_to", "got")


def _delivered_to_people(turns: ir.Table) -> ir.Table:
    """Turns of people, each with the next delivery and the next cancelling, even those that came in a later turn."""
    later = ibis.window(group_by="tie", order_by=ibis.desc("turn"), preceding=None, following=0)
    came = ibis.struct({name: turns[name] for name in CAME})
    nothing = ibis.null(came.type())
    packed = turns.mutate(
        came=ibis.ifelse(turns["kept_place"].notnull(), came, nothing).min().over(later),
        void_place=turns["void_place"].min().over(later),
        voided_at=turns["voided_at"].min().over(later),
        next_at=ibis.null(terms.MOMENT),
    )
    return packed.mutate(**{name: packed["came"][name] for name in CAME}).drop("came")


def _named(turns: ir.Table, promise: Promise) -> ir.Table:
    """Turns with the promise's name, and whether the promise was delivered, and told to be in letter or exceeded."""
    origin = turns["made_source"] + ":" + turns["made_by"]
    first = ibis.ifelse(turns["turn"] == 1, turns["object_id"], turns["object_id"] + ":" + origin)
    delivered = turns["kept_place"].notnull() & (
        turns["void_place"].isnull() | (turns["kept_place"] < turns["void_place"])
    )
    named = turns.mutate(
        promise_id=ibis.literal(f"{promise.id}:") + ibis.ifelse(turns["by_object"], first, origin),
        delivered=delivered,
    )
    return named.mutate(
        letter=(named["letter_place"] >= named["kept_place"]).fill_null(False),
        exceeded=(named["exceeded_place"] >= named["kept_place"]).fill_null(False),
    )


def _with_loose_evidence(turns: ir.Table, known: ir.Table, promise: Promise) -> ir.Table:
    """What a person says without naming the object is about the latest thing delivered to them."""
    loose = known.filter(
        _told(promise.letter, known) | _told(promise.exceeded, known),
        known["person_id"].notnull(),
        ~condition(Rule(field="object", values=(str(promise.about),)), known),
    )
    words = loose.select(
        word=loose["source"] + ":" + loose["interaction_id"],
        who=loose["person_id"],
        said_at=loose["at"],
        loose_letter=_told(promise.letter, loose).cast("int8"),
        loose_exceeded=_told(promise.exceeded, loose).cast("int8"),
    )
    came = turns.filter(turns["delivered"]).select("promise_id", "made_person", "came_at")
    pairs = words.join(came, [words["who"] == came["made_person"], came["came_at"] <= words["said_at"]])
    latest = pairs.group_by("word").aggregate(
        about=ibis.struct({"at": pairs["came_at"], "id": pairs["promise_id"]}).max(),
        loose_letter=pairs["loose_letter"].max(),
        loose_exceeded=pairs["loose_exceeded"].max(),
    )
    meant = latest.mutate(meant_id=latest["about"]["id"])
    heard = meant.group_by("meant_id").aggregate(
        loose_letter=meant["loose_letter"].max(), loose_exceeded=meant["loose_exceeded"].max()
    )
    joined = turns.left_join(heard, turns["promise_id"] == heard["meant_id"])
    return joined.mutate(
        letter=joined["letter"] | (joined["loose_letter"] == 1).fill_null(False),
        exceeded=joined["exceeded"] | (joined["loose_exceeded"] == 1).fill_null(False),
    )


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
    columns = {name: values.get(name, turns[name] if name in turns.columns else None) for name in shape.names}
    return turns.select(**columns).cast(dict(shape.items()))


def _said(word: str | None, otherwise: ir.StringValue) -> ir.StringValue:
    return ibis.literal(word) if word is not None else otherwise


def _literal(at: dt.datetime) -> ir.TimestampValue:
    return ibis.literal(at).cast(terms.MOMENT)


NEVER = ibis.null(terms.MOMENT)
