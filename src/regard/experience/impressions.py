"""What each interaction adds to perception, before memory: its kind and its signed size x.

Two tables hold all of it. `made` has one row for each impression at the moment it was made and never changes.
`standing` has one row for each thing that lasts: an overdue promise or a wait, whose x grows until it ends. Seen from a
moment, the one gives what came before it, the other what lasted at it: nothing after a moment is ever seen from it.

    promise due ------------> delivered        at "now" before delivery: standing, x = now - due
         |----- standing -----|- made -->      at "now" after it:        made, x = delivered - due
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import reduce

import ibis
import ibis.expr.types as ir

from regard.blueprint import Blueprint, Promise, condition
from regard.engine import epoch_ms
from regard.errors import BlueprintError
from regard.experience.kinds import Kind
from regard.experience.records import record_so_far

MADE = {
    "person_id": "string",
    "interaction_id": "string",
    "at": "timestamp('UTC', 6)",
    "at_ms": "int64",
    "kind": "int16",
    "x": "float64",
    "object_type": "string",
    "object_id": "string",
    "touchpoint": "string",
    "function": "string",
}
STANDING = {**MADE, "until_ms": "int64", "origin_ms": "int64", "full_ms": "int64"}
DAY_MS = 86_400_000
NUMBER = r"^[-+]?[0-9]*[.]?[0-9]+([eE][-+]?[0-9]+)?$"
MEASURES = ("amount_minor", "cost_minor", "duration_s", "rating")


def made(
    touches: ir.Table,
    promises: ir.Table,
    feedback: ir.Table,
    blueprint: Blueprint,
    kinds: Sequence[Kind],
    *,
    around: tuple[ir.Table, ir.Table] | None = None,
) -> ir.Table:
    """Every impression at the moment it was made.

    around  : touches and feedback of everybody, where `touches` is of some: records so far are made by all.
    Returns : table of `MADE`: at_ms is the moment in epoch milliseconds, kind the kind's code, x in the kind's units.
    """
    touches = touches.filter(touches.person_id.notnull())
    parts: list[ir.Table] = []
    for kind in kinds:
        if kind.source == "promise":
            parts.append(_delivered(promises, blueprint, kind))
        elif kind.source in ("letter", "exceeded"):
            parts.append(_shown(touches, promises, blueprint, kind))
        elif kind.source == "wait":
            parts.append(_waited(touches, kind))
        elif kind.source == "fact":
            parts.append(_fact(touches, kind))
        elif kind.source == "record":
            parts.append(_record(touches, *(around or (touches, feedback)), kind))
        elif kind.source == "felt":
            parts.append(_felt(feedback, blueprint, kind))
    parts += _touched(touches, [kind for kind in kinds if kind.source == "touch"])
    return _union(parts, touches, MADE)


def standing(touches: ir.Table, promises: ir.Table, blueprint: Blueprint, kinds: Sequence[Kind]) -> ir.Table:
    """Everything that lasts for a while: overdue promises and waits.

    Returns : table of `STANDING`: at_ms is when it began to count, until_ms when it ended (null: it has not), x at a
              moment is (moment - origin_ms) in the kind's units, full_ms the moment from which it grows no more.
    """
    touches = touches.filter(touches.person_id.notnull())
    parts = [_overdue(promises, blueprint, kind) for kind in kinds if kind.source == "overdue"]
    parts += [_waiting(touches, kind) for kind in kinds if kind.source == "waiting"]
    return _union(parts, touches, STANDING)


def unit_ms(kind: Kind) -> float:
    """Milliseconds that count as 1 for a kind that measures time."""
    return kind.spec.unit_s * 1000.0


def _delivered(promises: ir.Table, blueprint: Blueprint, kind: Kind) -> ir.Table:
    promise = _promise(blueprint, kind)
    rows = _of(promises, promise).filter(lambda p: p.delivered_at.notnull() & p.delivered_by.notnull())
    rows = rows.filter(rows.voided_at.isnull() | (rows.voided_at > rows.delivered_at))
    rows = rows.mutate(x=_missed(rows, promise, kind)).filter(lambda p: p.x.notnull())
    rows = rows.group_by("person_id", "delivered_by", "delivered_at").agg(
        x=rows.x.max(), **{name: rows[name].max() for name in ("object_type", "object_id", "touchpoint", "function")}
    )
    return _row(rows, kind, at=rows.delivered_at, x=rows.x, interaction_id=rows.delivered_by)


def _missed(rows: ir.Table, promise: Promise, kind: Kind) -> ir.FloatingValue:
    """By how much a delivered promise was missed, in units, positive when it was the customer's loss."""
    if promise.unit == "time":
        if promise.deadline == "day":
            return rows.late_days.cast("float64") * (DAY_MS / unit_ms(kind))
        return rows.late_s * (1000.0 / unit_ms(kind))
    different = rows.outcome.isin(["broken", "kept_in_letter"]).ifelse(1.0, 0.0)
    if not kind.spec.knots:
        return different
    sign = {"lower": rows.missed_by, "higher": -rows.missed_by, "same": rows.missed_by.abs()}[promise.better]
    return ibis.coalesce(sign, different)


def _overdue(promises: ir.Table, blueprint: Blueprint, kind: Kind) -> ir.Table:
    """From the moment it is late to the delivery; for a promise of a day, from the end of the due day."""
    promise = _promise(blueprint, kind)
    rows = _of(promises, promise).filter(lambda p: p.late_from_at.notnull() & p.made_by.notnull())
    starts = epoch_ms(rows.late_from_at)
    origin = starts - DAY_MS if promise.deadline == "day" else starts
    ended = ibis.least(
        ibis.coalesce(epoch_ms(rows.delivered_at), epoch_ms(rows.voided_at)),
        ibis.coalesce(epoch_ms(rows.voided_at), epoch_ms(rows.delivered_at)),
    )
    rows = rows.mutate(starts_ms=starts, origin_ms=origin, until_ms=ended)
    rows = rows.filter(rows.until_ms.isnull() | (rows.until_ms > rows.starts_ms))
    return _lasting(rows, kind, at=rows.late_from_at, interaction_id=rows.made_by)


def _shown(touches: ir.Table, promises: ir.Table, blueprint: Blueprint, kind: Kind) -> ir.Table:
    """The evidence that a promise was kept in letter only, or exceeded, at the moment it was given."""
    promise = _promise(blueprint, kind)
    rule = promise.letter if kind.source == "letter" else promise.exceeded
    if rule is None:
        raise BlueprintError(f"Promise {promise.id!r} has no rule for {kind.source!r}.")
    outcome = "kept_in_letter" if kind.source == "letter" else "exceeded"
    rows = _of(promises, promise)
    rows = rows.filter(rows.outcome == outcome)
    shared = ["person_id", "object_id"] if promise.about is not None else ["person_id"]
    told = touches.filter(condition(rule, touches)).semi_join(rows.select(*shared), shared)
    return _row(told, kind, at=told.at, x=ibis.literal(1.0), interaction_id=told.interaction_id)


def _touched(touches: ir.Table, kinds: Sequence[Kind]) -> list[ir.Table]:
    if not kinds:
        return []
    codes = [(touches.touchpoint == kind.spec.touch, ibis.literal(kind.code, "int16")) for kind in kinds]
    rows = touches.filter(touches.touchpoint.isin([kind.spec.touch for kind in kinds]))
    rows = rows.mutate(code=ibis.cases(*codes, else_=ibis.null("int16")))
    return [_row(rows, rows.code, at=rows.at, x=ibis.literal(1.0), interaction_id=rows.interaction_id)]


def _fact(touches: ir.Table, kind: Kind) -> ir.Table:
    rows = _at(touches, kind.spec.on)
    name = kind.spec.fact or ""
    if name in MEASURES:
        value = rows[name].cast("float64")
    else:
        text = rows.properties.get(name)
        value = text.re_search(NUMBER).ifelse(text, ibis.null("string")).cast("float64")
    rows = rows.mutate(x=value).filter(lambda t: t.x.notnull())
    return _row(rows, kind, at=rows.at, x=rows.x, interaction_id=rows.interaction_id)


def _record(touches: ir.Table, everyone: ir.Table, feedback: ir.Table, kind: Kind) -> ir.Table:
    """The record of the thing that the interaction names: a property, or an object of that type."""
    rows = _at(touches, kind.spec.on)
    about = _labelled(_at(everyone.filter(everyone.person_id.notnull()), kind.spec.on), kind)
    found = record_so_far(_labelled(rows, kind), feedback, about=about, strength=kind.spec.strength)
    rows = rows.join(found, ["person_id", "interaction_id"])
    return _row(rows, kind, at=rows.at, x=rows.record, interaction_id=rows.interaction_id)


def _labelled(rows: ir.Table, kind: Kind) -> ir.Table:
    """The rows once for each label they name."""
    name = kind.spec.record or ""
    places = {"person_id": rows.person_id, "interaction_id": rows.interaction_id, "at_ms": epoch_ms(rows.at)}
    whole = rows.select(
        **places, object_type=rows.object_type, object_id=rows.object_id, label=rows.properties.get(name)
    )
    each = rows.mutate(thing=rows.objects.unnest())
    each = each.filter(each.thing["type"] == name)
    places = {"person_id": each.person_id, "interaction_id": each.interaction_id, "at_ms": epoch_ms(each.at)}
    several = each.select(**places, object_type=each.object_type, object_id=each.object_id, label=each.thing["id"])
    return ibis.union(whole.filter(whole.label.notnull()), several).distinct()


def _felt(feedback: ir.Table, blueprint: Blueprint, kind: Kind) -> ir.Table:
    """A rating of a transaction, from -1 to 1 over its scale."""
    number, item = next((n, one) for n, one in enumerate(blueprint.feedback) if one.id == kind.spec.felt)
    scale = next(one for one in blueprint.scales if one.id == item.scale)
    rows = feedback.filter((feedback.item == number) & (feedback.level == "transaction"))
    middle, half = (scale.high + scale.low) / 2, (scale.high - scale.low) / 2
    rows = rows.mutate(function=ibis.null("string"))
    return _row(rows, kind, at=rows.at, x=(rows.rating - middle) / half, interaction_id=rows.feedback_id)


def _waits(touches: ir.Table, kind: Kind) -> ir.Table:
    """The first start of each object, and the first end at or after it."""
    start, end = kind.spec.wait or ("", "")
    mine = touches.filter(touches.object_id.notnull())
    key = ["person_id", "object_type", "object_id"]
    starts = mine.filter(mine.touchpoint == start)
    starts = _first(starts, key)
    ends = mine.filter(mine.touchpoint == end)
    ends = ends.select(*key, end_at=ends.at, end_by=ends.interaction_id, end_function=ends.function)
    same = [starts[name] == ends[name] for name in key]
    both = starts.left_join(ends, [*same, ends.end_at >= starts.at], rname="{name}_end")
    within = ibis.window(group_by=key, order_by=["end_at", "end_by"])
    return both.mutate(place=ibis.row_number().over(within)).filter(lambda t: t.place == 0)


def _first(rows: ir.Table, key: list[str]) -> ir.Table:
    order = ibis.window(group_by=key, order_by=["at", "sequence", "interaction_id"])
    rows = rows.mutate(place=ibis.row_number().over(order)).filter(lambda t: t.place == 0)
    return rows.select(*key, "at", "interaction_id", "touchpoint", "function")


def _waited(touches: ir.Table, kind: Kind) -> ir.Table:
    rows = _waits(touches, kind).filter(lambda t: t.end_at.notnull())
    end = (kind.spec.wait or ("", ""))[1]
    x = (epoch_ms(rows.end_at) - epoch_ms(rows.at)).cast("float64") / unit_ms(kind)
    rows = rows.mutate(x=x, touchpoint=ibis.literal(end), function=rows.end_function)
    return _row(rows, kind, at=rows.end_at, x=rows.x, interaction_id=rows.end_by)


def _waiting(touches: ir.Table, kind: Kind) -> ir.Table:
    rows = _waits(touches, kind)
    rows = rows.mutate(starts_ms=epoch_ms(rows.at), origin_ms=epoch_ms(rows.at), until_ms=epoch_ms(rows.end_at))
    return _lasting(rows, kind, at=rows.at, interaction_id=rows.interaction_id)


def _lasting(rows: ir.Table, kind: Kind, *, at: ir.TimestampValue, interaction_id: ir.StringValue) -> ir.Table:
    full = max((term.high if term.shape == "ramp" else term.low for term in kind.terms), default=0.0)
    columns = {
        **_columns(rows, ibis.literal(kind.code, "int16"), at, ibis.null("float64"), interaction_id),
        "at_ms": rows.starts_ms,
        "until_ms": rows.until_ms,
        "origin_ms": rows.origin_ms,
        "full_ms": rows.origin_ms + ibis.literal(int(full * unit_ms(kind)), "int64"),
    }
    return rows.select(**{name: columns[name].cast(kind_) for name, kind_ in STANDING.items()})


def _row(
    rows: ir.Table,
    kind: Kind | ir.IntegerValue,
    *,
    at: ir.TimestampValue,
    x: ir.FloatingValue,
    interaction_id: ir.StringValue,
) -> ir.Table:
    code = ibis.literal(kind.code, "int16") if isinstance(kind, Kind) else kind
    columns = _columns(rows, code, at, x, interaction_id)
    return rows.select(**{name: columns[name].cast(kind_) for name, kind_ in MADE.items()})


def _columns(
    rows: ir.Table, code: ir.IntegerValue, at: ir.TimestampValue, x: ir.FloatingValue, interaction_id: ir.StringValue
) -> dict[str, ir.Value]:
    shared = {name: rows[name] for name in ("person_id", "object_type", "object_id", "touchpoint", "function")}
    return {**shared, "interaction_id": interaction_id, "at": at, "at_ms": epoch_ms(at), "kind": code, "x": x}


def _of(promises: ir.Table, promise: Promise) -> ir.Table:
    return promises.filter((promises.kind == promise.id) & promises.person_id.notnull())


def _at(touches: ir.Table, touchpoint: str | None) -> ir.Table:
    return touches if touchpoint is None else touches.filter(touches.touchpoint == touchpoint)


def _promise(blueprint: Blueprint, kind: Kind) -> Promise:
    return next(one for one in blueprint.promises if one.id == kind.spec.promise)


def _union(parts: list[ir.Table], touches: ir.Table, shape: dict[str, str]) -> ir.Table:
    if not parts:
        columns = {name: ibis.null(kind) for name, kind in shape.items()} | {"person_id": touches.person_id}
        return touches.filter(ibis.literal(False)).select(**columns)
    together: Callable[[ir.Table, ir.Table], ir.Table] = ibis.union
    return reduce(together, parts)
