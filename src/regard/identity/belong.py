"""For which account did a person act? What the row itself says, else their membership at that time."""

from __future__ import annotations

import ibis
import ibis.expr.types as ir

from regard.blueprint.model import Blueprint
from regard.engine import Engine
from regard.identity.normal import normalised

ROW = ["source", "interaction_id"]


def belong(
    assigned: ir.Table, memberships: ir.Table, persons: ir.Table, blueprint: Blueprint, engine: Engine
) -> ir.Table:
    """The interactions with account and role filled from memberships, where the row itself says neither or only one.

    assigned    : interactions with person_id.
    memberships : the ledger's table; a membership holds from from_at until before to_at.
    persons     : who a membership's handle is.
    Returns     : the same rows and columns. Of several memberships at the time, the one that began last holds, then the
                  least account; a row that names its account takes only a role in that account.
    """
    theirs = memberships.filter(memberships.handle.notnull() & memberships.account.notnull())
    if engine.rows(theirs.limit(1)).num_rows == 0:
        return assigned
    named = theirs.mutate(handle=normalised(theirs.kind, theirs.handle, blueprint))
    known = persons.filter(persons.person_id.notnull()).select("kind", "handle", "person_id")
    spans = named.inner_join(known, ["kind", "handle"])
    spans = engine.keep(
        spans.select("person_id", "from_at", "to_at", in_account=spans.account, in_role=spans.role).distinct()
    )
    open_ = assigned.filter(assigned.person_id.notnull() & (assigned.account.isnull() | assigned.role.isnull()))
    met = open_.select(*ROW, "person_id", "occurred_at", "account").inner_join(spans, "person_id")
    met = met.filter(
        met.from_at <= met.occurred_at,
        met.to_at.isnull() | (met.occurred_at < met.to_at),
        met.account.isnull() | (met.account == met.in_account),
    )
    order = [met.from_at.desc(), met.in_account, met.in_role]
    ranked = met.mutate(place=ibis.row_number().over(ibis.window(group_by=ROW, order_by=order)))
    found = engine.keep(ranked.filter(ranked.place == 0).select(*ROW, "in_account", "in_role"))
    rows = assigned.left_join(found, ROW)
    filled = rows.mutate(
        account=ibis.coalesce(rows.account, rows.in_account), role=ibis.coalesce(rows.role, rows.in_role)
    )
    return filled.select(*assigned.columns)
