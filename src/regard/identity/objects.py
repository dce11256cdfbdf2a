"""People reached through what an interaction is about: a courier knows only the order.

An object names a person when every handled row about it belongs to the same one. Objects never make two people one.
"""

from __future__ import annotations

from dataclasses import dataclass

import ibis
import ibis.expr.types as ir

from regard.blueprint.model import Blueprint
from regard.engine import Engine


@dataclass(frozen=True)
class ObjectPeople:
    """Kept tables.

    objects : (type, id, person, person_id, n, first_at, last_at); the person is null where the rows name several.
    by_list : (objects, n, person_id): the distinct lists of objects on rows that no handle names, null where the list
              reaches nobody or several people.
    """

    objects: ir.Table
    by_list: ir.Table


def through_objects(
    interactions: ir.Table, by_list: ir.Table, blueprint: Blueprint, engine: Engine
) -> ObjectPeople | None:
    """Who the objects of `person_objects` belong to; None where the blueprint names no such type.

    interactions : in the shape of the ledger's table.
    by_list      : kept table (handles, n, person, person_id) of distinct lists of handles, person null where refused.
    """
    if not blueprint.person_objects:
        return None
    objects = engine.keep(_objects(interactions, by_list, blueprint))
    lists = engine.keep(_unnamed(interactions, by_list, engine))
    return ObjectPeople(objects, engine.keep(_reached(lists, objects)))


def _objects(interactions: ir.Table, by_list: ir.Table, blueprint: Blueprint) -> ir.Table:
    named = by_list.filter(by_list.person.notnull()).select("person", its_handles=by_list.handles)
    rows = interactions.select("handles", "objects", "occurred_at").filter(interactions.objects.length() > 0)
    rows = rows.left_join(named, rows.handles == named.its_handles)
    each = rows.select("person", "occurred_at", one=rows.objects.unnest())
    each = each.select("person", "occurred_at", type=each.one["type"], id=each.one["id"])
    each = each.filter(each["type"].isin(blueprint.person_objects) & each.id.notnull())
    known = each.group_by("type", "id").agg(
        least=each.person.min(),
        most=each.person.max(),
        n=each.count(),
        first_at=each.occurred_at.min(),
        last_at=each.occurred_at.max(),
    )
    known = known.filter(known.least.notnull())
    known = known.mutate(person=(known.least == known.most).ifelse(known.least, ibis.null("int64"))).drop(
        "least", "most"
    )
    ids = by_list.filter(by_list.person.notnull()).select("person", "person_id").distinct()
    return known.left_join(ids, "person").drop("person_right")


def _unnamed(interactions: ir.Table, by_list: ir.Table, engine: Engine) -> ir.Table:
    """The distinct lists of objects on rows that their handles do not name."""
    rows = interactions.select("handles", "objects").filter(interactions.objects.length() > 0)
    without = rows.filter(rows.handles.isnull() | (rows.handles.length() == 0)).select("objects")
    refused = by_list.filter(by_list.person.isnull()).select("handles")
    if engine.rows(refused.limit(1)).num_rows:
        without = without.union(rows.semi_join(refused, "handles").select("objects"))
    return without.group_by("objects").agg(n=without.count())


def _reached(lists: ir.Table, objects: ir.Table) -> ir.Table:
    numbered = lists.mutate(list=ibis.row_number().over(order_by=lists.n).cast("int64"))
    each = numbered.select("list", one=numbered.objects.unnest())
    each = each.select("list", type=each.one["type"], id=each.one["id"])
    each = each.inner_join(objects, ["type", "id"])
    agreed = each.group_by("list").agg(
        least=each.person.min(),
        most=each.person.max(),
        person_id=each.person_id.max(),
        unsure=each.person.isnull().any(),
    )
    agreed = agreed.filter((agreed.least == agreed.most) & ~agreed.unsure).select("list", "person_id")
    return numbered.left_join(agreed, "list").select("objects", "n", "person_id")
