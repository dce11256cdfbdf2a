"""Which touches matter to value? Most do not: those that do are picked out once, with what they are."""

from __future__ import annotations

import datetime as dt
from functools import reduce
from operator import or_

import ibis
import ibis.expr.types as ir

from regard.blueprint import Blueprint, Rule, condition
from regard.engine import Engine

YEAR = dt.timedelta(days=365)
NOTHING = Rule(negated=True)
"""A rule that no row matches, for what the blueprint leaves out."""


def pick(touches: ir.Table, lapses: ir.Table, *, blueprint: Blueprint, engine: Engine, as_of: dt.datetime) -> ir.Table:
    """The touches that are money, goods, service or a lapse, kept in the engine.

    touches : of identified people, not later than as_of.
    Returns : their columns that value reads, object_id (of the type `value.about`), and what they are: bought, money
              (given back), goods (sent back), contact (on a service channel in the twelve months to as_of), lapsed.
    """
    value = blueprint.value
    went_wrong = lapses.select(lapse_person="person_id", lapse_id="interaction_id", lapsed=True).distinct()
    joined = touches.left_join(
        went_wrong, [touches.person_id == went_wrong.lapse_person, touches.interaction_id == went_wrong.lapse_id]
    )
    bought = condition(value.purchase or NOTHING, joined) & (joined.amount_minor >= 0).fill_null(True)
    marked = joined.mutate(
        bought=bought,
        money=condition(value.refund or NOTHING, joined),
        goods=condition(value.returned or NOTHING, joined),
        contact=_contact(joined, blueprint) & (joined["at"] > ibis.literal(as_of - YEAR)),
        lapsed=joined.lapsed.fill_null(False),
    )
    needed = marked.filter(marked.bought | marked.money | marked.goods | marked.contact | marked.lapsed)
    return engine.keep(
        needed.select(
            *("person_id", "interaction_id", "at", "on", "channel", "objects", "duration_s"),
            *("amount_minor", "cost_minor", "currency", "bought", "money", "goods", "contact", "lapsed"),
            object_id=_object_id(needed, value.about),
        )
    )


def _object_id(touches: ir.Table, about: str | None) -> ir.StringValue:
    """The id of the object of type `about` that a touch names (the smallest, if several); null for none."""
    if about is None:
        return ibis.null("string")
    named = touches.objects.filter(lambda thing: thing["type"] == about).map(lambda thing: thing["id"])
    return ibis.ifelse((touches.object_type == about).fill_null(False), touches.object_id, named.mins())


def _contact(touches: ir.Table, blueprint: Blueprint) -> ir.BooleanValue:
    """On a service channel: what came from the customer, and what we did that has a cost or took time.

    A purchase, money or goods given back, or an answer to a survey on such a channel is not a contact.
    """
    service = [channel.id for channel in blueprint.channels if channel.service]
    if not service:
        return condition(NOTHING, touches)
    value = blueprint.value
    others = [rule for rule in (value.purchase, value.refund, value.returned) if rule is not None]
    others += [feedback.when for feedback in blueprint.feedback]
    theirs = (touches.direction != "us").fill_null(True)
    worked = touches.cost_minor.notnull() | touches.duration_s.notnull()
    there = touches.channel.isin(service).fill_null(False) & (theirs | worked)
    return there & ~reduce(or_, [condition(rule, touches) for rule in (*others, NOTHING)])
