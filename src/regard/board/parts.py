"""The parts of everyone side by side: units, and accounts by role, so that one who falls alone is seen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import ibis
import ibis.expr.types as ir

from regard.engine import Tables

COMPARED = ("unit", "account")
BETWEEN = "\x1f"
"""Stands between kind, name, role and whether they answered, in the label of a part."""


def side_by_side(tables: Tables, mine: ir.Table, names: Mapping[str, Sequence[str]]) -> ir.Table:
    """The members with the parts they belong to; somebody in two units stands in both.

    mine    : table (person_id, first_at, answered), from `members`.
    names   : of the units and accounts to compare, by kind.
    Returns : table (person_id, first_at, answered), a row a person and part; `answered` is the label of the part: kind,
              name, role (of accounts; else empty) and "yes" or "no" with `BETWEEN` between.
    """
    touches = tables["touches"].filter(tables["touches"].person_id.notnull())
    found = []
    for kind in COMPARED:
        if names.get(kind):
            rows = touches.filter(touches[kind].isin(list(names[kind])))
            rows = rows.select("person_id", name=rows[kind], role=rows.role if kind == "account" else ibis.literal(""))
            by_person = rows.group_by("person_id", "name").agg(role=rows.role.max().fill_null(""))
            found.append(by_person.mutate(kind=ibis.literal(kind)))
    belonging = ibis.union(*found)
    told = mine.answered.ifelse("yes", "no")
    rows = mine.select("person_id", "first_at", told=told).join(belonging, "person_id")
    label = rows.kind + BETWEEN + rows.name + BETWEEN + rows.role + BETWEEN + rows.told
    return rows.select("person_id", "first_at", answered=label)
