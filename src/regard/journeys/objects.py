"""Whose interactions name an object: how one finds everybody whom news about an order can concern."""

from __future__ import annotations

import ibis.expr.types as ir

from regard.blueprint import Blueprint

NOBODY = ""


def object_kinds(blueprint: Blueprint) -> list[str]:
    """Types of objects by which what happens to one person can bear on another.

    Those that name a person, those of journeys, and those that promises are about.
    """
    about = {promise.about for promise in blueprint.promises if promise.about is not None}
    return sorted({*blueprint.person_objects, *blueprint.journeys.objects, *about})


def object_people(touches: ir.Table, blueprint: Blueprint) -> ir.Table:
    """Every object of such a type, or of a journey, with everybody whose touches name it: `object_people`.

    touches : in the shape of `touches`.
    """
    own = touches.filter(touches.object_id.notnull())
    found = _row(own, own.object_type, own.object_id)
    kinds = object_kinds(blueprint)
    if kinds:
        some = touches.filter(touches.objects.length() > 0)
        each = some.select("person_id", one=some.objects.unnest())
        each = each.select("person_id", type=each.one["type"], id=each.one["id"])
        each = each.filter(each["type"].isin(kinds) & each.id.notnull())
        found = found.union(_row(each, each["type"], each.id))
    return found.distinct()


def _row(rows: ir.Table, kind: ir.StringValue, name: ir.StringValue) -> ir.Table:
    return rows.select(type=kind, id=name, person_id=rows.person_id.fill_null(NOBODY))
