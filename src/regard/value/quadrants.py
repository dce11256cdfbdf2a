"""Who is worth most, and who disrupts most? Value beside disruption, for people, never against them.

    worth more  | cherish | mend          cherish : keep what they have
    worth less  | keep    | rethink       mend    : worth much, and serving them costs unusually much: find out why
                  calm      disruptive    rethink : the way we serve them costs more than it brings

Disruption counts only what is not our own doing: a cost that followed our lapse is failure demand, and the
customer who bears it is not difficult. A vulnerable customer has no disruption at all, whatever they cost.

Worth is what is expected of them; where nothing can be expected of anybody, since too few have bought again, it is what
buyers have spent.
"""

from __future__ import annotations

import ibis
import ibis.expr.types as ir

BANDS = 10
UPPER_SHARE = 10  # one in ten


def place(people: ir.Table, *, expected: bool) -> ir.Table:
    """The same rows with disruption_minor and quadrant.

    people   : person_id, expected_value_minor (null: not known), spent_minor (null: bought nothing), theirs_minor (cost
               to serve that is not ours, 0 for none), vulnerable (boolean).
    expected : whether anything can be expected of anybody; else worth is what they spent.
    Returns  : disruption_minor is what theirs_minor exceeds the mean of the person's band of worth by, never negative;
               bands are tenths of the people whose worth is known, by worth. The quadrant is null where it is not.
    """
    worth_minor = people.expected_value_minor if expected else people.spent_minor
    known = people.mutate(worth_minor=worth_minor).filter(worth_minor.notnull())
    order = [known.worth_minor.desc(), known.person_id]
    banded = known.select(
        "person_id",
        band=ibis.ntile(BANDS).over(ibis.window(order_by=order)),
        cost=ibis.ifelse(known.vulnerable, 0, known.theirs_minor),
    )
    within = ibis.window(group_by="band")
    ranked = banded.mutate(
        usual=banded.cost.mean().over(within),
        size=banded.count().over(within),
        place=ibis.row_number().over(ibis.window(group_by="band", order_by=[banded.cost.desc(), banded.person_id])),
    )
    over = ibis.greatest(ranked.cost - ranked.usual, 0.0)
    disruptive = (over > 0) & (ranked.place < ranked.size / UPPER_SHARE)
    worth = ranked.band < BANDS // 2
    named = ranked.select(
        "person_id",
        disruption_minor=(over + 0.5).floor().cast("int64"),
        quadrant=ibis.cases(
            (worth & ~disruptive, "cherish"), (worth & disruptive, "mend"), (~disruptive, "keep"), else_="rethink"
        ),
    )
    return people.left_join(named, "person_id").drop("person_id_right")
