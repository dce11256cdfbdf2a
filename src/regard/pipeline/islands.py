"""Whom something new concerns: islands of people and objects that nothing outside is linked to.

new: order 7 delivered      -> order 7 -> Ann, who placed it -> her other orders, her handles ... nobody else
new: a row of two handles   -> Ben by the one, Cyd by the other: both, and they become one person
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import ibis
import ibis.expr.types as ir

from regard import identity, journeys
from regard.blueprint import Blueprint
from regard.engine import Engine
from regard.journeys.objects import NOBODY

HANDLE = ["kind", "handle"]
OBJECT = ["type", "id"]


@dataclass(frozen=True)
class World:
    """What is known of everybody, lazily: derived tables, and decisions about identity in normal form.

    decided : kind, handle, other_kind, other_handle.
    """

    persons: ir.Table
    touches: ir.Table
    object_people: ir.Table
    promises: ir.Table
    decided: ir.Table


@dataclass(frozen=True)
class News:
    """What came and went, as touches. new has no person yet. decided : whether decisions about identity changed."""

    new: ir.Table
    gone: ir.Table
    decided: bool


@dataclass(frozen=True)
class Islands:
    """Kept tables. people : (person_id), as they were known. objects : (type, id). handles : (kind, handle)."""

    people: ir.Table
    objects: ir.Table
    handles: ir.Table


def find_islands(
    news: News, world: World, blueprint: Blueprint, engine: Engine, *, people: ir.Table, objects: ir.Table
) -> Islands:
    """The islands of what is new.

    people, objects : (person_id) and (type, id): whom it concerns for another reason.
    """
    both = news.new.union(news.gone)
    carried = identity.carried(both.rename(occurred_at="at"), blueprint).select(*HANDLE)
    if news.decided:
        carried = carried.union(_decided_handles(world))
    handles = engine.keep(carried.distinct())
    met = world.persons.semi_join(handles, HANDLE).filter(lambda t: t.person_id.notnull()).select("person_id")
    removed = news.gone.filter(news.gone.person_id.notnull()).select("person_id")
    people = engine.keep(met.union(removed).union(people).distinct())
    named = journeys.object_people(both, blueprint).select(*OBJECT)
    objects = engine.keep(named.union(objects).distinct())
    partners = engine.keep(_partners(world))
    size = -1
    while (now := _n(people, engine) + _n(objects, engine)) != size:
        size = now
        owners = world.object_people.semi_join(objects, OBJECT).filter(lambda t: t.person_id != NOBODY)
        linked = partners.semi_join(people, "person_id").select(person_id="other")
        people = engine.keep(people.union(owners.select("person_id")).union(linked).distinct())
        theirs = world.object_people.semi_join(people, "person_id").select(*OBJECT)
        objects = engine.keep(objects.union(theirs).distinct())
    known = world.persons.semi_join(people, "person_id").select(*HANDLE)
    return Islands(people, objects, engine.keep(handles.union(known).distinct()))


def of_islands(islands: Islands, world: World, engine: Engine) -> ir.Table:
    """The touches of the islands as they were known, kept: their people's, and nobody's that name their objects."""
    theirs = world.touches.semi_join(islands.people, "person_id")
    owners = world.object_people.filter(world.object_people.person_id == NOBODY)
    if not _n(owners.semi_join(islands.objects, OBJECT), engine):
        return engine.keep(theirs)
    loose = world.touches.filter(world.touches.person_id.isnull() & (world.touches.objects.length() > 0))
    each = loose.select("source", "interaction_id", one=loose.objects.unnest())
    each = each.select("source", "interaction_id", type=each.one["type"], id=each.one["id"])
    named = each.semi_join(islands.objects, OBJECT).select("source", "interaction_id").distinct()
    return engine.keep(theirs.union(loose.semi_join(named, ["source", "interaction_id"])))


def fallen_due(promises: ir.Table, as_of: dt.datetime) -> ir.Table:
    """Promises that are open as they were last looked at, and late by now."""
    late = promises.late_from_at <= ibis.literal(as_of).cast(promises.late_from_at.type())
    return promises.filter((promises.outcome == "open") & late)


def _decided_handles(world: World) -> ir.Table:
    one = world.decided.select(*HANDLE)
    return one.union(world.decided.select(kind="other_kind", handle="other_handle"))


def _partners(world: World) -> ir.Table:
    """People whom a decision names together, both ways round: (person_id, other)."""
    persons = world.persons.filter(world.persons.person_id.notnull())
    one = persons.select(*HANDLE, "person_id")
    two = persons.select(other_kind="kind", other_handle="handle", other="person_id")
    pairs = world.decided.inner_join(one, HANDLE).inner_join(two, ["other_kind", "other_handle"])
    pairs = pairs.filter(pairs.person_id != pairs.other).select("person_id", "other")
    return pairs.union(pairs.select(person_id="other", other="person_id"))


def _n(rows: ir.Table, engine: Engine) -> int:
    return int(engine.rows(rows.aggregate(n=rows.count()))["n"][0].as_py())
