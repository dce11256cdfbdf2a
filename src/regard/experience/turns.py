"""Which delivery keeps which promise.

The rows that make, keep, void or speak of a promise are put in order for each object, else for each person. A making
opens a turn; the rows count how many deliveries (and cancellings) came before them, so that the next one after a making
is the one with the same count: one sort and two joins on equal keys, however long a customer's history is.

    row         made   view   kept   made   kept   kept
    turn         1             1      2      2      2
    n_kept       0             0      1      1      2         the making of turn 1 meets the delivery numbered 0
"""

from __future__ import annotations

import ibis
import ibis.expr.types as ir

from regard.blueprint import Blueprint, Promise, Rule, ValueOf, condition
from regard.blueprint.rules import likely
from regard.engine import Engine
from regard.experience import terms

ORDER = ("at", "sequence", "interaction_id")
TIE = ("by_object", "tie")


def matched(known: ir.Table, promise: Promise, blueprint: Blueprint, engine: Engine) -> ir.Table:
    """One row a promise of this kind, with the delivery or cancelling that met it, and what customers said of it.

    known   : touches, up to the time of knowing.
    Returns : promise_id; made_at, made_by, made_person, made_where; due_at, promised; delivered (whether it came,
              before any cancelling) with came_at, came_at_precision, came_by, came_to, came_where, came_from, got;
              voided_at; next_at, when a later promise about the same object was made; letter, exceeded, rating.
    """
    rows = _whole(engine.keep(_ordered(_stream(known, promise, blueprint))))
    turns = _with_void(_with_delivery(_made(rows, promise), rows), rows, promise)
    turns = _with_words(turns, rows, promise)
    if promise.about is not None and (promise.letter or promise.exceeded):
        turns = _with_loose_words(engine.keep(turns), known, promise)
    return turns


def _stream(known: ir.Table, promise: Promise, blueprint: Blueprint) -> ir.Table:
    """The rows that make, keep, void or speak of a promise, once for each object that they are about.

    Only what this promise needs is carried: the sort that follows pays for every column.
    """
    answers = _answers(promise, blueprint)
    words = {
        "is_void": promise.void,
        "is_letter": promise.letter,
        "is_exceeded": promise.exceeded,
        "is_answer": answers,
    }
    rules = [promise.made, promise.kept, *(rule for rule in words.values() if rule is not None)]
    rows = known.filter(ibis.or_(*[likely(rule, known) for rule in rules]))
    rows = _valued(rows, promise, blueprint.zone)
    makes = condition(promise.made, rows)
    said = {name: condition(rule, rows) for name, rule in words.items() if rule is not None}
    if promise.void is not None:
        said["is_void"] = said["is_void"] & ~makes
    return rows.select(
        *_carried(promise),
        is_made=makes & rows["due_at" if promise.unit == "time" else "promised"].notnull(),
        is_kept=condition(promise.kept, rows),
        object_id=_object(rows, promise.about),
        **said,
    )


WHOLE = {
    "touchpoint": "string",
    "channel": "string",
    "function": "string",
    "due_at": terms.MOMENT,
    "promised": "string",
    "came_at_precision": "string",
    "got": "string",
    "rating": "float64",
    "is_void": "boolean",
    "is_letter": "boolean",
    "is_exceeded": "boolean",
    "is_answer": "boolean",
}


def _carried(promise: Promise) -> list[str]:
    """The columns whose values this promise can ask for."""
    timed = promise.unit == "time"
    wanted = {
        "touchpoint": promise.claimed_in is None or promise.touchpoint is None,
        "channel": promise.claimed_in is None,
        "function": promise.function is None,
        "due_at": timed or promise.due is not None,
        "promised": not timed,
        "came_at_precision": promise.deadline == "instant",
        "got": not timed,
        "rating": promise.exceeded_estimate,
    }
    return ["person_id", "source", *ORDER, "came_at", *[name for name, needed in wanted.items() if needed]]


def _whole(rows: ir.Table) -> ir.Table:
    """The rows with the columns that were not carried: null, or false."""
    missing = {name: kind for name, kind in WHOLE.items() if name not in rows.columns}
    return rows.mutate(
        **{name: ibis.literal(False) if kind == "boolean" else ibis.null(kind) for name, kind in missing.items()}
    )


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
    things = rows["objects"]
    ids = things.filter(lambda thing: thing["type"] == about).map(lambda thing: thing["id"]).unique()
    alone = (rows["object_type"] == about).fill_null(False) & (things.length() <= 1).fill_null(True)
    several = (ids.length() > 0).fill_null(False)
    nothing = ibis.array([ibis.null("string")])
    return ibis.cases((alone, ibis.array([rows["object_id"]])), (several, ids), else_=nothing).unnest()


def _ordered(stream: ir.Table) -> ir.Table:
    """The rows with their place and turn in the order of their object or person, and what came before and next."""
    tied = stream.mutate(by_object=stream["object_id"].notnull(), tie=stream["object_id"].coalesce(stream["person_id"]))
    tied = tied.filter(tied["tie"].notnull())
    so_far = ibis.cumulative_window(group_by=TIE, order_by=ORDER)
    to_come = ibis.window(rows=(1, None), group_by=TIE, order_by=ORDER)
    made, kept = tied["is_made"].cast("int64"), tied["is_kept"].cast("int64")
    void = tied["is_void"].cast("int64") if "is_void" in tied.columns else None
    return tied.mutate(
        place=ibis.row_number().over(ibis.window(group_by=TIE, order_by=ORDER)),
        turn=made.sum().over(so_far),
        n_kept=kept.sum().over(so_far) - kept,
        n_void=ibis.literal(0, "int64") if void is None else void.sum().over(so_far) - void,
        next_at=ibis.ifelse(tied["is_made"], tied["at"], ibis.null(terms.MOMENT)).min().over(to_come),
    )


def _made(rows: ir.Table, promise: Promise) -> ir.Table:
    """The makings, each with the name of its promise; only an object's next promise replaces the one before."""
    made = rows.filter(rows["is_made"])
    origin = made["source"] + ":" + made["interaction_id"]
    first = ibis.ifelse(made["turn"] == 1, made["object_id"], made["object_id"] + ":" + origin)
    return made.select(
        *TIE,
        "turn",
        "object_id",
        "due_at",
        "promised",
        "n_kept",
        "n_void",
        promise_id=ibis.literal(f"{promise.id}:") + ibis.ifelse(made["by_object"], first, origin),
        made_at=made["at"],
        made_by=made["interaction_id"],
        made_person=made["person_id"],
        made_where=made["touchpoint"].coalesce(made["channel"]),
        next_at=ibis.ifelse(made["by_object"], made["next_at"], ibis.null(terms.MOMENT)),
    )


def _with_delivery(turns: ir.Table, rows: ir.Table) -> ir.Table:
    """Turns with the next delivery; about an object it must come before the next promise, to a person it need not."""
    came = rows.filter(rows["is_kept"]).select(
        "came_at",
        "came_at_precision",
        "got",
        came_object="by_object",
        came_tie="tie",
        came_n="n_kept",
        came_turn="turn",
        came_place="place",
        came_by="interaction_id",
        came_to="person_id",
        came_where="touchpoint",
        came_from="function",
    )
    met = turns.left_join(
        came,
        [
            turns["by_object"] == came["came_object"],
            turns["tie"] == came["came_tie"],
            turns["n_kept"] == came["came_n"],
            _own(turns["by_object"], turns["turn"]) == _own(came["came_object"], came["came_turn"]),
        ],
    )
    return met.drop("came_object", "came_tie", "came_n")


def _own(by_object: ir.BooleanValue, turn: ir.IntegerValue) -> ir.IntegerValue:
    """The turn where it must be the same, 0 where it need not: keys stay equal, so that the join stays a hash join."""
    return ibis.ifelse(by_object, turn, 0)


def _with_void(turns: ir.Table, rows: ir.Table, promise: Promise) -> ir.Table:
    """Turns with the next cancelling, and whether the delivery came before it."""
    if promise.void is None:
        return turns.mutate(voided_at=ibis.null(terms.MOMENT), delivered=turns["came_place"].notnull())
    gone = rows.filter(rows["is_void"]).select(
        gone_object="by_object", gone_tie="tie", gone_n="n_void", gone_turn="turn", gone_place="place", voided_at="at"
    )
    met = turns.left_join(
        gone,
        [
            turns["by_object"] == gone["gone_object"],
            turns["tie"] == gone["gone_tie"],
            turns["n_void"] == gone["gone_n"],
            _own(turns["by_object"], turns["turn"]) == _own(gone["gone_object"], gone["gone_turn"]),
        ],
    )
    in_time = met["gone_place"].isnull() | (met["came_place"] < met["gone_place"])
    return met.mutate(delivered=met["came_place"].notnull() & in_time).drop("gone_object", "gone_tie")


def _with_words(turns: ir.Table, rows: ir.Table, promise: Promise) -> ir.Table:
    """Turns with what was said since the delivery about the same object, or by the same person, in its turn."""
    said = rows["is_letter"] | rows["is_exceeded"] | rows["is_answer"]
    if not (promise.letter or promise.exceeded or promise.exceeded_estimate):
        nothing = ibis.literal(False)
        return turns.mutate(letter=nothing, exceeded=nothing, rating=ibis.null("float64"))
    spoken = rows.filter(said)
    words = spoken.group_by(said_object="by_object", said_tie="tie", said_turn="turn").aggregate(
        letter_place=spoken["place"].max(where=spoken["is_letter"]),
        exceeded_place=spoken["place"].max(where=spoken["is_exceeded"]),
        answer_place=spoken["place"].max(where=spoken["is_answer"]),
        answered=spoken["rating"].argmax(spoken["place"], where=spoken["is_answer"]),
    )
    heard = turns.left_join(
        words,
        [
            turns["by_object"] == words["said_object"],
            turns["tie"] == words["said_tie"],
            turns["came_turn"] == words["said_turn"],
        ],
    )
    since = heard["came_place"]
    return heard.mutate(
        letter=(heard["letter_place"] >= since).fill_null(False),
        exceeded=(heard["exceeded_place"] >= since).fill_null(False),
        rating=ibis.ifelse((heard["answer_place"] > since).fill_null(False), heard["answered"], ibis.null("float64")),
    ).drop("said_object", "said_tie", "said_turn")


def _with_loose_words(turns: ir.Table, known: ir.Table, promise: Promise) -> ir.Table:
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
