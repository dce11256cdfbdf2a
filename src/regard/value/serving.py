"""What does serving them cost, why, and whose doing was it?

A row is a contact on a service channel, a refund for goods that stayed, or goods that came back. It is `ours` when a
lapse came before it: one about the same object, at any distance, or any lapse of the person within the blueprint's
service window.
"""

from __future__ import annotations

import datetime as dt

import ibis
import ibis.expr.types as ir

from regard.blueprint import Blueprint, Channel
from regard.engine import Engine, epoch_ms
from regard.value.money import convert
from regard.value.purchases import came_back
from regard.value.relevant import YEAR

SERVED = ("person_id", "interaction_id", "at", "cause", "channel", "duration_s", "cost_minor")


def cost_to_serve(served: ir.Table, picked: ir.Table, lapses: ir.Table, *, window_s: float) -> ir.Table:
    """One row a person, cause, channel and `ours`: n, duration_s, cost_minor.

    served   : as `find_served` makes it, kept.
    picked   : as `relevant.pick` makes it.
    window_s : seconds within which any lapse of the person makes a contact ours.
    """
    ours = _of_our_making(served, picked, lapses, window_s=window_s)
    joined = served.left_join(ours, ["person_id", "interaction_id"])
    marked = joined.select(
        *("person_id", "cause", "channel", "duration_s", "cost_minor"), ours=joined.ours.fill_null(False)
    )
    return marked.group_by(["person_id", "cause", "channel", "ours"]).aggregate(
        n=marked.count(),
        duration_s=marked.duration_s.sum().fill_null(0.0),
        cost_minor=marked.cost_minor.sum().cast("int64"),
    )


def find_served(
    picked: ir.Table, back: ir.Table, rates: ir.Table, *, blueprint: Blueprint, engine: Engine, as_of: dt.datetime
) -> ir.Table:
    """What we did to serve in the twelve months to as_of, one row each, costs in the workspace's currency; kept.

    picked : as `relevant.pick` makes it.
    back   : as `find_given_back` makes it.
    """
    late = back.filter(back["at"] > ibis.literal(as_of - YEAR))
    contacts = _contacts(picked.filter(picked.contact), rates, blueprint=blueprint, engine=engine)
    returns = _returns(late, blueprint.value.returned_cost_minor)
    return engine.keep(contacts.union(_refunds(late, back)).union(returns))


def _contacts(rows: ir.Table, rates: ir.Table, *, blueprint: Blueprint, engine: Engine) -> ir.Table:
    said = rows.select("person_id", "interaction_id", "at", "on", "channel", "duration_s", "cost_minor", "currency")
    known = convert(said, rates, amounts=("cost_minor",), currency=blueprint.currency, engine=engine)
    service = [channel for channel in blueprint.channels if channel.service]
    cost = ibis.coalesce(known.cost_minor, _standard_cost(known, service)) if service else known.cost_minor
    return known.mutate(
        cause=ibis.literal("contact"), duration_s=known.duration_s.cast("float64"), cost_minor=cost.cast("int64")
    ).select(*SERVED)


def _standard_cost(contacts: ir.Table, service: list[Channel]) -> ir.IntegerValue:
    """What a contact on its channel costs, whole minor units, halves up."""
    minutes = contacts.duration_s.cast("float64").fill_null(0.0) / 60.0
    exact = ibis.cases(
        *[
            (
                contacts.channel == channel.id,
                float(channel.cost_per_contact_minor) + minutes * float(channel.cost_per_minute_minor),
            )
            for channel in service
        ],
        else_=0.0,
    )
    return (exact + 0.5).floor().cast("int64")


def _refunds(late: ir.Table, back: ir.Table) -> ir.Table:
    """Refunds for goods that stayed with the customer: all of it is a cost."""
    returned = came_back(back)
    kept = late.filter(~late.goods).anti_join(returned, ["person_id", "object_id"])
    return _cost_row(kept, "refund", kept.amount_minor + kept.cost_minor.fill_null(0))


def _returns(late: ir.Table, handling_minor: float) -> ir.Table:
    """Goods that came back: what handling them cost."""
    goods = late.filter(late.goods)
    return _cost_row(goods, "return", goods.cost_minor.fill_null(int(handling_minor + 0.5)))


def _cost_row(rows: ir.Table, cause: str, cost: ir.IntegerValue) -> ir.Table:
    return rows.mutate(
        cause=ibis.literal(cause),
        channel=ibis.literal(""),
        duration_s=ibis.null("float64"),
        cost_minor=cost.cast("int64"),
    ).select(*SERVED)


def _of_our_making(served: ir.Table, picked: ir.Table, lapses: ir.Table, *, window_s: float) -> ir.Table:
    """person_id, interaction_id and ours (true), for what followed a lapse."""
    soon = _within_window(served, lapses, window_s=window_s)
    return soon.union(_about_same_object(served, picked, lapses)).distinct().mutate(ours=ibis.literal(True))


def _within_window(served: ir.Table, lapses: ir.Table, *, window_s: float) -> ir.Table:
    """The last lapse before each row, as a running maximum; a lapse of the same moment does not come before."""
    line = served.select(
        "person_id", "interaction_id", ms=epoch_ms(served["at"]), lapse_ms=ibis.null("int64"), lapse=0
    ).union(
        lapses.select(
            "person_id", "interaction_id", ms=epoch_ms(lapses["at"]), lapse_ms=epoch_ms(lapses["at"]), lapse=1
        )
    )
    upto = ibis.window(group_by="person_id", order_by=[line.ms, line.lapse], preceding=None, following=0)
    seen = line.mutate(last_ms=line.lapse_ms.max().over(upto))
    near = (seen.ms - seen.last_ms) <= int(window_s * 1000)
    return seen.filter((seen.lapse == 0) & near.fill_null(False)).select("person_id", "interaction_id")


def _about_same_object(served: ir.Table, picked: ir.Table, lapses: ir.Table) -> ir.Table:
    """Rows about an object on which something had gone wrong before."""
    failed = _objects_of(lapses.select("person_id", "interaction_id", "at"), picked.filter(picked.lapsed))
    first = failed.group_by(["person_id", "type", "id"]).aggregate(first_ms=epoch_ms(failed["at"]).min())
    serving = picked.filter(picked.contact | picked.money | picked.goods)
    about = _objects_of(served.select("person_id", "interaction_id", "at"), serving)
    joined = about.inner_join(first, ["person_id", "type", "id"])
    return joined.filter(joined.first_ms < epoch_ms(joined["at"])).select("person_id", "interaction_id")


def _objects_of(rows: ir.Table, picked: ir.Table) -> ir.Table:
    """The rows once for each object of their interaction: person_id, interaction_id, at, type, id."""
    things = picked.select("person_id", "interaction_id", thing=picked.objects.unnest())
    each = things.select("person_id", "interaction_id", type=things.thing["type"], id=things.thing["id"])
    return rows.distinct().inner_join(each, ["person_id", "interaction_id"])
