"""What pages ask again and again, worked out once a run, so that a first view of ten million interactions is quick.

profiles   a person on a level: score, value, when and where we met them   lists, segments and bands read this alone
arrivals   what was recorded, by source, event and touchpoint              data health and the inventory read this
segments   accounts, units and channels by name                            what the segment can be set to
"""

from __future__ import annotations

from collections.abc import Mapping

import ibis
import ibis.expr.types as ir

from regard.engine import Engine

PLACES = ("unit", "channel")
"""Where a person was met; each becomes a list in `profiles`, named in the plural."""
WORTH = (
    *("p_alive", "spent_minor", "expected_value_minor", "cost_to_serve_minor", "disruption_minor"),
    *("quadrant", "currency"),
)


def number_people(touches: ir.Table) -> ir.Table:
    """People by number, as `steps` knows them: (person_id, person: int32 from 1, in the order of person_id).

    touches : in the shape of `touches`.
    """
    people = touches.filter(touches.person_id.notnull()).select("person_id").distinct()
    return people.mutate(person=(ibis.row_number().over(order_by=people.person_id) + 1).cast("int32"))


def number_more(touches: ir.Table, profiles: ir.Table) -> ir.Table:
    """Numbers of the people of some touches: those that are known stay, new ones come after the highest.

    profiles : of everybody, as they were. Returns : as `number_people`.
    """
    people = touches.filter(touches.person_id.notnull()).select("person_id").distinct()
    known = profiles.filter(profiles.person.notnull())
    old = known.semi_join(people, "person_id").group_by("person_id").agg(known=ibis._.person.min())
    joined = people.left_join(old, "person_id").drop("person_id_right")
    joined = joined.cross_join(known.aggregate(highest=known.person.max().fill_null(0)))
    order = ibis.row_number().over(order_by=[joined.known.notnull(), joined.person_id]) + 1
    return joined.select("person_id", person=ibis.coalesce(joined.known, joined.highest + order).cast("int32"))


def gather(tables: Mapping[str, ir.Table], engine: Engine) -> dict[str, ir.Table]:
    """Gather what pages ask from a run's own tables.

    tables  : touches, persons, scores, value as written, and numbers as `number_people` gives them.
    Returns : profiles, arrivals and segments in the shapes of `tables.py`.
    """
    return {
        "profiles": _profiles(tables, engine),
        "arrivals": _arrivals(tables["touches"]),
        "segments": _segments(tables["touches"]),
    }


def gather_more(
    tables: Mapping[str, ir.Table], told: Mapping[str, ir.Table], old: ir.Table, engine: Engine, *, taken: bool
) -> dict[str, ir.Table]:
    """The same after some people's tables were made anew: their profiles, and arrivals and segments of everybody.

    tables : as `gather` takes them, of these people only, and everyone: all touches as they are now.
    told   : arrivals and segments as they were. old : these people's touches as they were.
    taken  : whether some of those are gone for good, so that the first or the last may be another.
    """
    touches = tables["touches"]
    sums = {name: _sum(told[name], make(touches), make(old), name) for name, make in COUNTED.items()}
    if taken:
        sums["arrivals"] = _arrivals(tables["everyone"])
    return {"profiles": _profiles(tables, engine), **sums}


def _sum(told: ir.Table, new: ir.Table, old: ir.Table, name: str) -> ir.Table:
    """Counts as they were, and what new rows add to them, less what old rows did."""
    counts = [column for column in ("n", "n_nobody") if column in told.columns]
    ends = [column for column in ("first_at", "last_at") if column in told.columns]
    less = old.mutate(**{column: -old[column] for column in counts})
    every = ibis.union(told.select(new.columns), new, less.select(new.columns))
    best = {"first_at": every.first_at.min(), "last_at": every.last_at.max()} if ends else {}
    keys = [column for column in new.columns if column not in (*counts, *ends)]
    summed = every.group_by(keys).agg(**{column: every[column].sum() for column in counts}, **best)
    return summed.filter(summed.n > 0)


def _profiles(tables: Mapping[str, ir.Table], engine: Engine) -> ir.Table:
    persons = tables["persons"]
    met = persons.group_by("person_id").agg(first_at=persons.first_at.min(), last_at=persons.last_at.max())
    worth = tables["value"].select("person_id", *WORTH)
    rows = tables["scores"].inner_join(met, "person_id")
    for more in (tables["numbers"], worth, _been(tables["touches"], engine)):
        rows = rows.left_join(more, "person_id").drop("person_id_right")
    return rows


def _been(touches: ir.Table, engine: Engine) -> ir.Table:
    """The units and channels in which each person was met, in order of their names; null where there is none.

    Returns : (person_id, units, channels).
    """
    mine = touches.filter(touches.person_id.notnull())
    seen = engine.keep(mine.select("person_id", *PLACES).distinct())
    named = {f"{place}s": seen[place].collect(distinct=True).sort() for place in PLACES}
    been = seen.group_by("person_id").agg(**named)
    nowhere = ibis.null("array<string>")  # an empty list is null on one engine and empty on another
    return been.mutate(**{name: (been[name].length() > 0).ifelse(been[name], nowhere) for name in named})


def _arrivals(touches: ir.Table) -> ir.Table:
    return touches.group_by("source", "event", "touchpoint", "stage", "channel", "function").agg(
        n=touches.count(),
        n_nobody=touches.person_id.isnull().ifelse(1, 0).sum(),
        first_at=touches["at"].min(),
        last_at=touches["at"].max(),
    )


def _segments(touches: ir.Table) -> ir.Table:
    found = []
    for kind in ("account", *PLACES):
        named = touches.filter(touches[kind].notnull()).group_by(name=touches[kind]).agg(n=ibis._.count())
        found.append(named.select(kind=ibis.literal(kind), name=named.name, n=named.n))
    return ibis.union(*found)


COUNTED = {"arrivals": _arrivals, "segments": _segments}
