"""The record so far: what earlier answers said of everything that shares a label (a seller, a category, a state)."""

from __future__ import annotations

import ibis
import ibis.expr.types as ir

from regard.engine import epoch_ms


def record_so_far(
    labelled: ir.Table, feedback: ir.Table, *, strength: float, about: ir.Table | None = None
) -> ir.Table:
    """The shrunken mean of earlier answers about things with the same label, less the mean of all earlier answers.

    labelled : table (person_id, interaction_id, at_ms, object_type, object_id, label), one row a label.
    feedback : the table `feedback`; only answers of a transaction count.
    about    : labels of everything that answers may be about, as `labelled`; the same where it is None.
    strength : answers' worth of the overall mean that a label starts with.
    Returns  : person_id, interaction_id, record: float64, -2 to 2 on the scale of classes (-1, 0, 1); the mean over
               labels where an interaction has several. Answers at the very moment do not count, nor later ones.
    """
    named = labelled if about is None else about
    things = named.filter(named.object_id.notnull()).select("object_type", "object_id", "label").distinct()
    answers = feedback.filter((feedback.level == "transaction") & feedback.object_id.notnull())
    answers = answers.select(
        "object_type", "object_id", at_ms=epoch_ms(answers.at), said=answers["class"].cast("float64")
    )
    told = answers.join(things, ["object_type", "object_id"]).select("label", "at_ms", "said")
    moments = _running(answers, labelled)
    events = ibis.union(
        told.mutate(n=ibis.literal(1.0), person_id=ibis.null("string"), interaction_id=ibis.null("string")),
        labelled.select(
            "label",
            "at_ms",
            said=ibis.literal(0.0),
            n=ibis.literal(0.0),
            person_id=labelled.person_id,
            interaction_id=labelled.interaction_id,
        ),
    )
    before = ibis.cumulative_window(group_by="label", order_by=["at_ms", "n", "interaction_id"])
    summed = events.mutate(total=events.said.sum().over(before), count=events.n.sum().over(before))
    asked = summed.filter(summed.interaction_id.notnull()).join(moments, "at_ms")
    usual = asked.usual
    value = (asked.total - asked["count"] * usual) / (asked["count"] + strength)
    asked = asked.select("person_id", "interaction_id", record=value)
    # Rounded, since engines add in different orders and a fit must not tell them apart.
    return asked.group_by("person_id", "interaction_id").agg(record=asked.record.mean().round(12))


def _running(answers: ir.Table, labelled: ir.Table) -> ir.Table:
    """The mean of all answers before each moment that asks; 0 before the first."""
    asks = labelled.select("at_ms").distinct()
    per_moment = answers.group_by("at_ms").agg(said=answers.said.sum(), n=answers.count().cast("float64"))
    events = ibis.union(
        per_moment.select("at_ms", "said", "n", asks=ibis.literal(0)),
        asks.select("at_ms", said=ibis.literal(0.0), n=ibis.literal(0.0), asks=ibis.literal(1)),
    )
    before = ibis.cumulative_window(order_by=["at_ms", ibis.desc("asks")])
    summed = events.mutate(total=events.said.sum().over(before), count=events.n.sum().over(before))
    summed = summed.filter(summed.asks == 1)
    return summed.select("at_ms", usual=(summed["count"] > 0).ifelse(summed.total / summed["count"].nullif(0.0), 0.0))
