"""From handles to people: link, label, name; then bring the people back to the interactions.

interactions --seen.look--> lists, handles, pairs --guards, decisions--> edges --components--> people
             <------------ through its handles, else through an object it is about -------------'
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import md5

import ibis
import ibis.expr.types as ir

from regard.blueprint.model import Blueprint
from regard.engine import Engine
from regard.identity.components import components
from regard.identity.decisions import standing
from regard.identity.merges import explain
from regard.identity.normal import SEPARATOR
from regard.identity.objects import ObjectPeople, through_objects
from regard.identity.seen import Seen, look
from regard.tables import OBJECT

CODE_BITS = 2**40
DIGITS = 16


@dataclass(frozen=True)
class Resolved:
    """Who is who.

    persons  : kept table in the shape of `persons`; refused handles are there with a null person_id.
    merges   : kept table in the shape of `merges`: links, decisions and refusals, each with its reason.
    assigned : the interactions, lazily, with person_id: string, null where nobody can be named.
    refused  : handles that a guard refuses, lazily: kind, handle, reason.
    facts    : n_people, n_handles, n_refused (handles), n_rows, n_through_object, n_unassigned (interactions).
    """

    persons: ir.Table
    merges: ir.Table
    assigned: ir.Table
    refused: ir.Table
    facts: Mapping[str, int] = field(default_factory=dict)


def resolve(
    interactions: ir.Table,
    decisions: ir.Table,
    blueprint: Blueprint,
    engine: Engine,
    *,
    elsewhere: ir.Table | None = None,
) -> Resolved:
    """Work out which handles are one person, and which person each interaction belongs to.

    interactions : in the shape of the ledger's table.
    decisions    : in the shape of the ledger's table; may be empty.
    blueprint    : `handles` (forms, limits, block lists, kinds that do not link) and `person_objects`.
    elsewhere    : where `interactions` are not all, what handles on them were seen with on others, which counts against
                   their limits: (kind, handle, other_kind, other_handle).
    Returns      : `Resolved`. A person_id is 16 hexadecimal digits of the MD5 of the person's least handle, so that it
                   depends on what was seen and not on when it was loaded.
    Source       : connected components of handles seen on one interaction, any number of hops (ADR-0007).
    """
    decided = engine.keep(standing(decisions, blueprint))
    seen = look(interactions, decided, blueprint, engine, elsewhere=elsewhere)
    coded = engine.keep(_coded(decided, seen))
    edges = engine.keep(_edges(seen, coded))
    labels = components(edges, engine)
    people = engine.keep(_people(seen, labels))
    by_list = engine.keep(_by_list(seen, people))
    through = through_objects(interactions, by_list, blueprint, engine)
    assigned = _assigned(interactions, by_list, through)
    merges = explain(seen, coded, edges, people, through, engine)
    persons = engine.keep(_persons(people, through), order_by=("kind", "handle"))
    refused = people.filter(people.refused.notnull()).select("kind", "handle", reason=people.refused)
    return Resolved(persons, merges, assigned, refused, _facts(interactions, by_list, people, through, engine))


def _coded(decided: ir.Table, seen: Seen) -> ir.Table:
    """The decisions that hold, as pairs of codes."""
    codes = seen.handles
    one = codes.select("key", a=codes.code)
    other = codes.select(other_key=codes.key, b=codes.code)
    return decided.inner_join(one, "key").inner_join(other, "other_key").select("a", "b", "decision", "at", "says")


def _edges(seen: Seen, coded: ir.Table) -> ir.Table:
    good = seen.handles.filter(seen.handles.refused.isnull())
    met = seen.pairs.select("a", "b")
    met = met.semi_join(good.select(a=good.code), "a").semi_join(good.select(b=good.code), "b")
    met = met.anti_join(coded, ["a", "b"])  # a split removes the link; a merge is added below
    merged = coded.filter(coded.decision == "merge").select("a", "b")
    return met.union(merged)


def alone(kind: str, handle: str) -> str:
    """The person_id of whoever has this handle and no lesser one: what they were called while it was all we knew.

    kind, handle : as in the table `persons`, normalised.
    """
    return md5(f"{kind}{SEPARATOR}{handle}".encode(), usedforsecurity=False).hexdigest()[:DIGITS]


def _people(seen: Seen, labels: ir.Table) -> ir.Table:
    """Every handle with its person: `person` is the code of the person's least handle, null where it is refused."""
    handles = seen.handles
    joined = handles.left_join(labels, handles.code == labels.node)
    own = joined.refused.isnull().ifelse(joined.code, ibis.null("int64"))
    joined = joined.mutate(person=ibis.coalesce(joined.label, own))
    joined = joined.select("code", "kind", "handle", "n", "first_at", "last_at", "refused", "trust", "person")
    least = handles.select(person=handles.code, person_id=handles.key.hexdigest("md5").substr(0, DIGITS))
    return joined.left_join(least, "person").drop("person_right")


def _by_list(seen: Seen, people: ir.Table) -> ir.Table:
    """The person of each list of handles: a handle that no guard refuses before one that only a decision links, then
    the blueprint's order of kinds, then the least handle. They differ only after a split, or by a decision."""
    named = people.filter(people.person.notnull())
    each = seen.members.select("set", "code").inner_join(named, "code")
    rank = each.refused.notnull().cast("int64") * 1024 + ibis.least(each.trust, ibis.literal(1023, "int64"))
    best = each.mutate(best=rank * CODE_BITS + each.code).group_by("set").agg(best=ibis._.best.min())
    best = best.select("set", code=best.best % CODE_BITS)
    found = best.inner_join(named.select("code", "person", "person_id"), "code")
    joined = seen.sets.left_join(found, "set")
    return joined.select("handles", "n", "person", "person_id")


def _assigned(interactions: ir.Table, by_list: ir.Table, through: ObjectPeople | None) -> ir.Table:
    named = by_list.filter(by_list.person_id.notnull()).select("person_id", its_handles=by_list.handles)
    rows = interactions.left_join(named, interactions.handles == named.its_handles).drop("its_handles")
    if through is None:
        return rows
    reached = through.by_list.filter(through.by_list.person_id.notnull())
    reached = reached.select(its_objects=reached.objects, through=reached.person_id)
    unknown = rows.person_id.isnull().ifelse(rows.objects, ibis.null(rows.objects.type()))
    rows = rows.mutate(unknown_objects=unknown)
    rows = rows.left_join(reached, rows.unknown_objects == reached.its_objects)
    return rows.mutate(person_id=ibis.coalesce(rows.person_id, rows.through)).drop(
        "unknown_objects", "its_objects", "through"
    )


def _persons(people: ir.Table, through: ObjectPeople | None) -> ir.Table:
    rows = people.select("kind", "handle", "person_id", "first_at", "last_at", n_interactions=people.n)
    if through is None:
        return rows
    of = through.objects
    named = of.select(
        "person_id", "first_at", "last_at", kind=ibis.literal(OBJECT) + of["type"], handle=of.id, n_interactions=of.n
    )
    return rows.union(named.select(rows.columns))


def _facts(
    interactions: ir.Table, by_list: ir.Table, people: ir.Table, through: ObjectPeople | None, engine: Engine
) -> dict[str, int]:
    """Counts for the run's account; the rows that belong to nobody are counted, not hidden."""
    named = by_list.filter(by_list.person_id.notnull())
    n_rows = _number(interactions.count(), engine)
    n_named = _number(named.n.sum(), engine)
    reached = through.by_list.filter(through.by_list.person_id.notnull()) if through else None
    n_through = _number(reached.n.sum(), engine) if reached is not None else 0
    return {
        "n_people": _number(people.filter(people.person == people.code).count(), engine),
        "n_handles": _number(people.count(), engine),
        "n_refused": _number(people.filter(people.refused.notnull()).count(), engine),
        "n_rows": n_rows,
        "n_through_object": n_through,
        "n_unassigned": n_rows - n_named - n_through,
    }


def _number(value: ir.Scalar, engine: Engine) -> int:
    return int(engine.rows(value.as_table())[0][0].as_py() or 0)
