"""The same tables for somebody who sees a part of the organisation: only rows of its units, whoever asks what.

A touch is seen where its unit is. A person is seen who had a touch there; of their rows in other tables those that
rest on such a touch are seen, and those that are of the person as a whole (handles, scores, value). What touches
elsewhere did to a score is one row, `elsewhere`, so that contributions still sum to it. Journeys, flows and variants
are counted anew from the steps that are seen, and what a run gathers (profiles, arrivals, segments) from the touches;
what no unit can be told of (rejects, loads) is not seen at all.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping

import ibis
import ibis.expr.types as ir

from regard.engine.contract import schema
from regard.tables import OBJECT, TABLES

Tables = Mapping[str, ir.Table]
ELSEWHERE = "elsewhere"
EVERYBODYS = ("rates", "models", "calibration")
"""Facts and fits about no one in particular, seen by all."""
OF_PERSONS = ("scores", "value", "cost_to_serve")
OF_TOUCHES = {"impressions": "interaction_id", "lapses": "interaction_id", "feedback": "feedback_id"} | {
    "predictions": "feedback_id"
}
AHEAD = ("next", "wait_s", "wait_band")
"""Columns of a step that say something of the one after it."""
HIDDEN = ("rejects", "loads", "cursors", "tombstones")


def kept(whole: Tables, units: Collection[str]) -> Mapping[str, ir.Table]:
    """What is worked out once a run: the keys of touches, people, objects and handles that are seen.

    whole   : every table, unrestricted.
    Returns : seen_touches (person_id, interaction_id, source), seen_places (person_id, unit, channel), seen_people
              (person_id), seen_objects (type, id), seen_handles (kind, handle).
    """
    touches = whole["touches"]
    mine = touches.filter(touches.unit.isin(sorted(units)))
    people = mine.filter(mine.person_id.notnull()).select("person_id").distinct()
    each = mine.select(one=mine.objects.unnest())
    persons = whole["persons"]
    return {
        "seen_touches": mine.select("person_id", "interaction_id", "source").distinct(),
        "seen_places": mine.select("person_id", "unit", "channel").distinct(),
        "seen_people": people,
        "seen_objects": each.select(type=each.one["type"], id=each.one["id"]).distinct(),
        "seen_handles": persons.semi_join(people, "person_id")
        .filter(~persons.kind.startswith(OBJECT))
        .select("kind", "handle")
        .distinct(),
    }


def restricted(name: str, whole: Tables, seen: Tables, units: Collection[str]) -> ir.Table:
    """One table as such a person sees it; a table that no rule names is not seen."""
    table = whole[name]
    if name in EVERYBODYS:
        return table
    if name in ("touches", "interactions"):
        return table.filter(table.unit.isin(sorted(units)))
    if name in OF_PERSONS:
        made = table.semi_join(seen["seen_people"], "person_id")
    elif name in OF_TOUCHES:
        made = _of_touches(table, seen, OF_TOUCHES[name])
    else:
        rule = RULES.get(name)
        made = rule(whole, seen) if rule else table.filter(ibis.literal(False))
    return made.select(*schema(name).names)


def _of_touches(table: ir.Table, seen: Tables, column: str) -> ir.Table:
    touches = seen["seen_touches"]
    return table.semi_join(touches, [table.person_id == touches.person_id, table[column] == touches.interaction_id])


def _contributions(whole: Tables, seen: Tables) -> ir.Table:
    mine = whole["contributions"].semi_join(seen["seen_people"], "person_id")
    resting = mine.filter(mine.interaction_id.isnull())
    touched = mine.filter(mine.interaction_id.notnull())
    here = _of_touches(touched, seen, "interaction_id")
    touches = seen["seen_touches"]
    there = touched.anti_join(
        touches, [touched.person_id == touches.person_id, touched.interaction_id == touches.interaction_id]
    )
    sums = there.group_by("person_id", "level").aggregate(
        eta=there.eta.sum(), points=there.points.sum(), person=there.person.max(), as_of=there.as_of.max()
    )
    shape = schema("contributions")
    nothing = {name: ibis.null(shape[name]) for name in ("interaction_id", "at")}
    elsewhere = sums.mutate(kind=ibis.literal(ELSEWHERE), **nothing)
    columns = list(shape.names)
    return ibis.union(resting.select(*columns), here.select(*columns), elsewhere.select(*columns))


def _promises(whole: Tables, seen: Tables) -> ir.Table:
    table = whole["promises"]
    hits = [_of_touches(table, seen, by).select("promise_id") for by in ("made_by", "delivered_by")]
    return table.semi_join(ibis.union(*hits, distinct=True), "promise_id")


def _profiles(whole: Tables, seen: Tables) -> ir.Table:
    """A person on a level, met where the part met them."""
    touches = seen["seen_places"]
    met = touches.group_by("person_id").aggregate(
        units_here=touches.unit.collect(distinct=True), channels_here=touches.channel.collect(distinct=True)
    )
    mine = whole["profiles"].join(met, "person_id")
    return mine.mutate(units=_some(mine.units_here), channels=_some(mine.channels_here))


def _some(names: ir.ArrayValue) -> ir.Value:
    return ibis.cases((names.length() > 0, names.sort()))


def _arrivals(whole: Tables, seen: Tables) -> ir.Table:
    touches = _seen_touches(whole, seen)
    by = ("source", "event", "touchpoint", "stage", "channel", "function")
    return touches.group_by(*by).aggregate(
        n=touches.count(),
        n_nobody=touches.person_id.isnull().sum(),
        first_at=touches["at"].min(),
        last_at=touches["at"].max(),
    )


def _segments(whole: Tables, seen: Tables) -> ir.Table:
    touches = _seen_touches(whole, seen)
    found = []
    for kind in ("account", "unit", "channel"):
        named = touches.filter(touches[kind].notnull()).group_by(name=touches[kind]).aggregate(n=ibis._.count())
        found.append(named.select(kind=ibis.literal(kind), name=named.name, n=named.n))
    return ibis.union(*found)


def _seen_touches(whole: Tables, seen: Tables) -> ir.Table:
    return whole["touches"].semi_join(seen["seen_touches"], ["source", "interaction_id"])


def _persons(whole: Tables, seen: Tables) -> ir.Table:
    """Handles of people who are seen; an object that names a person is one of the part's own."""
    mine, objects = whole["persons"].semi_join(seen["seen_people"], "person_id"), seen["seen_objects"]
    plain, named = mine.filter(~mine.kind.startswith(OBJECT)), mine.filter(mine.kind.startswith(OBJECT))
    things = objects.select(kind=ibis.literal(OBJECT) + objects["type"], handle=objects.id)
    return ibis.union(plain, named.semi_join(things, ["kind", "handle"]))


def _pairs(name: str) -> Callable[[Tables, Tables], ir.Table]:
    """Rows about two handles, both of people who are seen."""

    def of(whole: Tables, seen: Tables) -> ir.Table:
        table, handles = whole[name], seen["seen_handles"]
        first = table.semi_join(handles, ["kind", "handle"])
        others = handles.select(other_kind=handles.kind, other_handle=handles.handle)
        return first.semi_join(others, ["other_kind", "other_handle"])

    return of


def _handles(name: str) -> Callable[[Tables, Tables], ir.Table]:
    return lambda whole, seen: whole[name].semi_join(seen["seen_handles"], ["kind", "handle"])


def _objects(whole: Tables, seen: Tables) -> ir.Table:
    table, objects = whole["objects"], seen["seen_objects"]
    mine = table.semi_join(objects, ["type", "id"])
    alone = mine.filter(mine.related_id.isnull())
    related = mine.filter(mine.related_id.notnull())
    others = objects.select(related_type=objects["type"], related_id=objects.id)
    return ibis.union(alone, related.semi_join(others, ["related_type", "related_id"]))


def _object_people(whole: Tables, seen: Tables) -> ir.Table:
    mine = whole["object_people"].semi_join(seen["seen_people"], "person_id")
    return mine.semi_join(seen["seen_objects"], ["type", "id"])


def _purchases(whole: Tables, seen: Tables) -> ir.Table:
    table, touches, objects = whole["purchases"], seen["seen_touches"], seen["seen_objects"]
    mine = table.semi_join(seen["seen_people"], "person_id")
    ids = ibis.union(touches.select(id=touches.interaction_id), objects.select("id")).distinct()
    return mine.semi_join(ids, [mine.purchase_id == ids.id])


def _leanings(whole: Tables, seen: Tables) -> ir.Table:
    table, people = whole["leanings"], seen["seen_people"]
    return table.filter(table.of == "person").semi_join(people, [ibis._.id == people.person_id])


def steps(whole: Tables, seen: Tables) -> ir.Table:
    """Steps that a seen touch stands behind, of people who are seen; what follows is cut where it is not."""
    about = whole["journeys"].select("journey", "person_id", "object_type", "object_id")
    found = whole["steps"].join(about, "journey")
    keys = _walked(whole, seen)
    by_object = [found[name] == keys[name] for name in ("object_type", "object_id", "at")]
    alone = found.object_id.isnull() & keys.object_id.isnull()
    by_person = [found.person_id == keys.person_id, found["at"] == keys["at"], alone]
    mine = ibis.union(
        found.semi_join(keys, [*by_object, found.this == keys.code]),
        found.semi_join(keys, [*by_person, found.this == keys.code]),
    )
    mine = mine.left_join(seen["seen_people"], "person_id", rname="{name}_seen")
    walk = ibis.window(group_by=mine.journey, order_by=mine.position)
    follows = mine.position.lead().over(walk) == mine.position + 1
    ahead = {name: ibis.cases((follows, mine[name])) for name in AHEAD}
    person = ibis.cases((mine.person_id_seen.notnull(), mine.person))
    return mine.mutate(person=person, **ahead).select(*schema("steps").names)


def _walked(whole: Tables, seen: Tables) -> ir.Table:
    """What a step can be known by: its journey's object or person, its moment, and either of its names."""
    touches = _seen_touches(whole, seen)
    keys = [
        touches.select("person_id", "object_type", "object_id", "at", name=touches[name])
        for name in ("touchpoint", "event")
    ]
    return ibis.union(*keys, distinct=True).join(whole["step_names"].select("name", "code"), "name")


def _journeys(whole: Tables, seen: Tables) -> ir.Table:
    walked = seen["seen_steps"]
    counted = walked.group_by("journey").aggregate(
        started_at=walked["at"].min(), ended_at=walked["at"].max(), n_steps=walked.count()
    )
    rest = whole["journeys"].select("journey_id", "journey", "person_id", "object_type", "object_id")
    found = rest.join(counted, "journey").left_join(seen["seen_people"], "person_id", rname="{name}_seen")
    return found.mutate(person_id=found.person_id_seen, variant_id=ibis.null("int64"))


def _step_names(whole: Tables, seen: Tables) -> ir.Table:
    walked = seen["seen_steps"]
    counted = walked.group_by(code=walked.this).aggregate(n=walked.count())
    return whole["step_names"].drop("n").join(counted, "code")


def _flows(whole: Tables, seen: Tables) -> ir.Table:
    walked = seen["seen_steps"].filter(ibis._.next.notnull())
    names = whole["step_names"]
    first = names.select(this=names.code, source=names.name)
    then = names.select(next=names.code, target=names.name)
    named = walked.join(first, "this").join(then, "next")
    return named.group_by("source", "target").aggregate(
        n=named.count(), median_wait_s=named.wait_s.median(), mean_wait_s=named.wait_s.mean()
    )


def _variants(whole: Tables, seen: Tables) -> ir.Table:
    walked, names = seen["seen_steps"], whole["step_names"]
    named = walked.join(names.select(this=names.code, name=names.name), "this")
    ways = named.group_by("journey").aggregate(
        variant=named.name.group_concat(" > ", order_by=named.position), n_steps=named.count()
    )
    found = ways.group_by("variant", "n_steps").aggregate(n=ways.count())
    share = found.n / found.n.sum().over(ibis.window())
    order = ibis.row_number().over(order_by=[ibis.desc(found.n), found.variant])
    return found.mutate(share=share, variant_id=(order + 1).cast("int64"))


RULES: Mapping[str, Callable[[Tables, Tables], ir.Table]] = {
    "contributions": _contributions,
    "promises": _promises,
    "profiles": _profiles,
    "arrivals": _arrivals,
    "segments": _segments,
    "persons": _persons,
    "merges": _pairs("merges"),
    "decisions": _pairs("decisions"),
    "consents": _handles("consents"),
    "memberships": _handles("memberships"),
    "objects": _objects,
    "purchases": _purchases,
    "object_people": _object_people,
    "leanings": _leanings,
    "steps": lambda whole, seen: seen["seen_steps"],
    "step_names": _step_names,
    "journeys": _journeys,
    "flows": _flows,
    "variants": _variants,
}


def ruled() -> frozenset[str]:
    """Every table that a rule names; a test holds it to be all of them."""
    return frozenset((*EVERYBODYS, *OF_PERSONS, *OF_TOUCHES, *HIDDEN, *RULES, "touches", "interactions")) & set(TABLES)
