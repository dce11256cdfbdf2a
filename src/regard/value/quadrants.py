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

from collections.abc import Sequence
from dataclasses import dataclass

import ibis
import ibis.expr.types as ir

from regard.engine import Engine

BANDS = 10
UPPER_SHARE = 10  # one in ten


@dataclass(frozen=True)
class Band:
    """A tenth of the people by value, as it was when everybody was looked at.

    worth, person   : of whom it begins with, in the order of value and then of person_id.
    usual           : mean cost to serve in it, that is not our own doing.
    least, last     : cost and person_id of the last one of its most costly tenth.
    """

    worth: float
    person: str
    usual: float
    least: float
    last: str


def bands(people: ir.Table, engine: Engine, *, expected: bool) -> tuple[Band, ...]:
    """Cut the people whose worth is known into tenths, the most valuable first; fewer where there are fewer people.

    people   : person_id, expected_value_minor (null: not known), spent_minor (null: bought nothing), theirs_minor (cost
               to serve that is not ours, 0 for none), vulnerable (boolean).
    expected : whether anything can be expected of anybody; else worth is what they spent.
    """
    worth_minor = people.expected_value_minor if expected else people.spent_minor
    known = people.mutate(worth_minor=worth_minor).filter(worth_minor.notnull())
    order = [known.worth_minor.desc(), known.person_id]
    banded = known.select(
        "person_id",
        worth=known.worth_minor,
        band=ibis.ntile(BANDS).over(ibis.window(order_by=order)),
        cost=_cost(known),
    )
    within = ibis.window(group_by="band")
    ranked = banded.mutate(
        usual=banded.cost.mean().over(within),
        size=banded.count().over(within),
        first=ibis.row_number().over(ibis.window(group_by="band", order_by=[banded.worth.desc(), banded.person_id])),
        place=ibis.row_number().over(ibis.window(group_by="band", order_by=[banded.cost.desc(), banded.person_id])),
    )
    ends = ranked.place == ((ranked.size.cast("float64") / UPPER_SHARE).ceil().cast("int64") - 1)
    rows = engine.rows(ranked.filter((ranked["first"] == 0) | ends).order_by("band")).to_pylist()
    found = []
    for number in sorted({row["band"] for row in rows}):
        mine = [row for row in rows if row["band"] == number]
        first = next(row for row in mine if row["first"] == 0)
        last = next(row for row in mine if row["place"] == -(-row["size"] // UPPER_SHARE) - 1)
        found.append(Band(float(first["worth"]), first["person_id"], float(first["usual"]), float(last["cost"]),
                          last["person_id"]))  # fmt: skip
    return tuple(found)


def place(people: ir.Table, cuts: Sequence[Band], *, expected: bool) -> ir.Table:
    """The same rows with disruption_minor and quadrant.

    people, expected : as `bands` takes them. cuts : what it gave, for these people or, until all are looked at again,
                       earlier.
    Returns          : disruption_minor is what theirs_minor exceeds what is usual in the person's band by, never
                       negative. The quadrant is null where the worth is not known.
    """
    if not cuts:
        nothing = {"disruption_minor": ibis.null("int64"), "quadrant": ibis.null("string")}
        return people.mutate(**nothing)
    worth_minor = (people.expected_value_minor if expected else people.spent_minor).cast("float64")
    rows = people.mutate(cost=_cost(people), worth_minor=worth_minor, known=worth_minor.notnull())
    rows = rows.mutate(band=_band(rows, cuts))
    usual, least = (_of(rows, [getattr(cut, name) for cut in cuts]) for name in ("usual", "least"))
    over = ibis.greatest(rows.cost - usual, 0.0)
    last = (rows.cost > least) | ((rows.cost == least) & (rows.person_id <= _of(rows, [cut.last for cut in cuts])))
    rows = rows.mutate(over=over, disruptive=(over > 0) & last)
    worth = rows.band < BANDS // 2
    quadrant = ibis.cases(
        (~rows.known, ibis.null("string")),
        (worth & ~rows.disruptive, "cherish"),
        (worth & rows.disruptive, "mend"),
        (~rows.disruptive, "keep"),
        else_="rethink",
    )
    amount = rows.known.ifelse((rows.over + 0.5).floor().cast("int64"), ibis.null("int64"))
    return rows.mutate(disruption_minor=amount, quadrant=quadrant).drop(
        "cost", "worth_minor", "known", "band", "over", "disruptive"
    )


def _cost(people: ir.Table) -> ir.IntegerValue:
    return ibis.ifelse(people.vulnerable, 0, people.theirs_minor)


def _band(rows: ir.Table, cuts: Sequence[Band]) -> ir.IntegerValue:
    """The number of the band, from 0: the last one that begins before the person, or with them."""
    worth = rows.worth_minor
    begun = [(worth < cut.worth) | ((worth == cut.worth) & (rows.person_id >= cut.person)) for cut in cuts]
    later = [(condition, number) for number, condition in reversed(list(enumerate(begun))) if number]
    return ibis.cases(*later, else_=0) if later else ibis.literal(0)


def _of(rows: ir.Table, values: Sequence[float] | Sequence[str]) -> ir.Value:
    """What holds in each one's band."""
    return ibis.cases(*((rows.band == number, ibis.literal(value)) for number, value in enumerate(values)),
                      else_=ibis.literal(values[-1]))  # fmt: skip
