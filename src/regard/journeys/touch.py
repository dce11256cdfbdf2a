"""Interactions become touches: with their person, their meaning and the object of their journey."""

from __future__ import annotations

import ibis
import ibis.expr.types as ir

from regard.blueprint import Blueprint, recognise
from regard.engine import local_date
from regard.tables import table

TOUCH_ORDER = ("person_id", "at", "sequence", "interaction_id")
"""How touches lie on disk: a person's story is one stretch of the file, in order."""


def touch(assigned: ir.Table, blueprint: Blueprint) -> ir.Table:
    """Apply the blueprint's meaning to every interaction.

    assigned  : in the shape of `interactions`, plus person_id: string; where account and role were filled in from
                memberships, own_account and own_role are what the row itself said.
    blueprint : touchpoints, `journeys.objects` and `zone`.
    Returns   : in the shape of `touches`, a row an interaction, lazily; to be written in `TOUCH_ORDER`. The object of
                the journey is the first, in the list, of the first type of `journeys.objects` that the row has; a
                row without a person and without such an object has its first object (an event log's case).
    """
    known = recognise(assigned, blueprint)
    own = {f"own_{name}": known[name] for name in ("account", "role") if f"own_{name}" not in known.columns}
    full = known.mutate(at=known.occurred_at, on=local_date(known.occurred_at, blueprint.zone), **own)
    return with_object(full, blueprint).select(*table("touches").names)


def with_object(rows: ir.Table, blueprint: Blueprint) -> ir.Table:
    """The rows with the object of their journey, which depends on whether they have a person.

    rows : has objects and person_id.
    """
    types = blueprint.journeys.objects
    about = _of_types(rows["objects"], types).coalesce(_of_nobody(rows)) if types else _of_nobody(rows)
    return rows.mutate(object_type=about["type"], object_id=about["id"])


def _of_nobody(rows: ir.Table) -> ir.StructValue:
    objects = rows["objects"]
    some = rows.person_id.isnull() & (objects.length() > 0)
    return some.ifelse(objects[0], ibis.null(objects.type().value_type))


def _of_types(objects: ir.ArrayValue, types: tuple[str, ...]) -> ir.StructValue:
    """The object as a struct, null where there is none; most rows have one object, which is told without a lambda."""
    nothing = ibis.null(objects.type().value_type)
    first = objects[0]
    found = [objects.filter(lambda thing, name=name: thing["type"] == name) for name in types]
    return ibis.cases(
        (objects.isnull() | (objects.length() == 0), nothing),
        (objects.length() == 1, first["type"].isin(types).ifelse(first, nothing)),
        *[(some.length() > 0, some[0]) for some in found],
        else_=nothing,
    )
