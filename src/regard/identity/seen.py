"""What was seen together: the ledger's rows reduced to the distinct lists of handles they carry.

Ten million rows carry perhaps a million different lists, so everything after this works on the small side.
"""

from __future__ import annotations

from dataclasses import dataclass

import ibis
import ibis.expr.types as ir

from regard.blueprint.model import Blueprint
from regard.engine import Engine
from regard.identity.guards import blocked, shared, trust
from regard.identity.normal import SEPARATOR, normalised


@dataclass(frozen=True)
class Seen:
    """Kept tables.

    sets    : (set, handles, n, first_at, last_at), a row a distinct list of handles.
    members : (set, code), the handles in each.
    handles : (code, kind, handle, n, first_at, last_at, refused, trust), codes in the order of kind and value;
              refused says why a handle links nobody.
    pairs   : (a, b, n, since), a < b: handles that rows carry together.
    """

    sets: ir.Table
    members: ir.Table
    handles: ir.Table
    pairs: ir.Table


def look(
    interactions: ir.Table,
    standing: ir.Table,
    blueprint: Blueprint,
    engine: Engine,
    *,
    elsewhere: ir.Table | None = None,
) -> Seen:
    """Reduce the interactions, and bring the handles that decisions name beside those that were seen.

    elsewhere : (kind, handle, other_kind, other_handle), what handles were seen with on interactions that are not here.
    """
    sets = engine.keep(_sets(interactions))
    named = engine.keep(_members(sets, blueprint))
    coded = engine.keep(_handles(named, standing, blueprint))
    members = engine.keep(named.inner_join(coded, "key").select("set", "code", "n", "first_at", "blocked"))
    pairs = engine.keep(_pairs(members))
    handles = engine.keep(_guarded(coded, pairs, elsewhere, blueprint))
    engine.drop(named)
    engine.drop(coded)
    return Seen(sets, members, handles, pairs)


def _sets(interactions: ir.Table) -> ir.Table:
    with_handles = interactions.filter(interactions.handles.length() > 0)
    sets = with_handles.group_by("handles").agg(
        n=with_handles.count(), first_at=with_handles.occurred_at.min(), last_at=with_handles.occurred_at.max()
    )
    return sets.mutate(set=ibis.row_number().over(order_by=[sets.n, sets.first_at]).cast("int64"))


def _members(sets: ir.Table, blueprint: Blueprint) -> ir.Table:
    each = sets.select("set", "n", "first_at", "last_at", one=sets.handles.unnest())
    each = each.mutate(kind=each.one.kind, raw=each.one.value).filter(
        each.one.kind.notnull() & each.one.value.notnull()
    )
    each = each.mutate(handle=normalised(each.kind, each.raw, blueprint))
    each = each.select("set", "n", "first_at", "last_at", "kind", "handle", key=each.kind + SEPARATOR + each.handle)
    return each.distinct()


def _handles(named: ir.Table, standing: ir.Table, blueprint: Blueprint) -> ir.Table:
    seen = named.group_by("key", "kind", "handle").agg(
        n=named.n.sum(), first_at=named.first_at.min(), last_at=named.last_at.max()
    )
    one = standing.select("key", "kind", "handle")
    other = standing.select(key=standing.other_key, kind=standing.other_kind, handle=standing.other_handle)
    only_decided = one.union(other, distinct=True).anti_join(seen, "key")
    moment = seen.schema()["first_at"]
    unseen = only_decided.mutate(n=ibis.literal(0, "int64"), first_at=ibis.null(moment), last_at=ibis.null(moment))
    handles = seen.union(unseen.select(seen.columns))
    return handles.mutate(
        code=ibis.row_number().over(order_by=handles.key).cast("int64"),
        blocked=blocked(handles.kind, handles.handle, blueprint),
        trust=trust(handles.kind, blueprint),
    )


def _pairs(members: ir.Table) -> ir.Table:
    left = members.select("set", "n", "first_at", a=members.code)
    right = members.select("set", b=members.code)
    both = left.inner_join(right, ["set", left.a < right.b])
    return both.group_by("a", "b").agg(n=both.n.sum(), since=both.first_at.min())


def carried(interactions: ir.Table, blueprint: Blueprint) -> ir.Table:
    """The handles on each interaction, normalised, once each: source, interaction_id, occurred_at, kind, handle."""
    rows = interactions.filter(interactions.handles.length() > 0)
    each = rows.select("source", "interaction_id", "occurred_at", one=rows.handles.unnest())
    each = each.filter(each.one.kind.notnull() & each.one.value.notnull())
    each = each.mutate(kind=each.one.kind, handle=normalised(each.one.kind, each.one.value, blueprint))
    return each.drop("one").distinct()


def _guarded(coded: ir.Table, pairs: ir.Table, elsewhere: ir.Table | None, blueprint: Blueprint) -> ir.Table:
    """The handles with the reason for a refusal: what they say, else how many others they were seen with."""
    good = coded.filter(coded.blocked.isnull())
    both = pairs.select("a", "b").union(pairs.select(a=pairs.b, b=pairs.a))
    both = both.semi_join(good, both.b == good.code)
    if elsewhere is None:
        met = both.group_by("a").agg(n_others=both.b.count())
    else:
        met = _with(both, coded, elsewhere, blueprint)
    joined = coded.left_join(met, coded.code == met.a)
    many = shared(joined.kind, joined.n_others.fill_null(0), blueprint)
    return joined.mutate(refused=ibis.coalesce(joined.blocked, many)).select(
        "code", "key", "kind", "handle", "n", "first_at", "last_at", "refused", "trust"
    )


def _with(both: ir.Table, coded: ir.Table, elsewhere: ir.Table, blueprint: Blueprint) -> ir.Table:
    """How many others each handle was seen with, here or elsewhere: (a, n_others)."""
    here = both.inner_join(coded.select(b=coded.code, other=coded.key), "b").select("a", "other")
    fine = elsewhere.filter(blocked(elsewhere.other_kind, elsewhere.other_handle, blueprint).isnull())
    there = fine.select(key=fine.kind + SEPARATOR + fine.handle, other=fine.other_kind + SEPARATOR + fine.other_handle)
    there = there.inner_join(coded.select("key", a=coded.code), "key").select("a", "other")
    every = here.union(there).distinct()
    return every.group_by("a").agg(n_others=every.count())
