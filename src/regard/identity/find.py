"""From what somebody types to a handle that is known."""

from __future__ import annotations

from functools import reduce
from operator import or_

import ibis.expr.types as ir

from regard.blueprint.model import Blueprint
from regard.identity.normal import known_kinds, spelled
from regard.tables import OBJECT

DIGITS = 16


def find(text: str, persons: ir.Table, blueprint: Blueprint) -> ir.Table:
    """The rows of `persons` that a text may mean.

    text    : a value ("Ann@example.org"), "kind:value" ("phone:+49 30 12", "order:7"), or a person_id.
    persons : in the shape of `persons`.
    Returns : the matching rows, lazily; several where the value is known under several kinds, none where it is unknown.
    """
    kind, colon, value = text.partition(":")
    spellings = {spelled(any_kind, text, blueprint) for any_kind in [*known_kinds(blueprint), ""]} | {text}
    conditions = [persons.handle.isin(sorted(spellings))]
    if len(text) == DIGITS:
        conditions.append(persons.person_id == text)
    if colon and kind and value:
        conditions.append((persons.kind == kind) & (persons.handle == spelled(kind, value, blueprint)))
        conditions.append((persons.kind == f"{OBJECT}{kind}") & (persons.handle == value))
    return persons.filter(reduce(or_, conditions))
