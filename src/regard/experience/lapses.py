"""What went wrong for a person, what was done about it, and what of it is left: it fades and never goes (R24)."""

from __future__ import annotations

import datetime as dt

import ibis
import ibis.expr.types as ir

from regard.blueprint import Blueprint
from regard.engine import epoch_ms
from regard.experience.kinds import STATED, Kind
from regard.experience.model import Model
from regard.experience.scoring import contributed

NAMES = {"promise": "broken promise", "overdue": "overdue promise", "letter": "kept in letter", "touch": "incident"}
BAD_FEELING = "bad feeling"
COLUMNS = ("person_id", "interaction_id", "at", "kind", "touchpoint", "function", "severity", "residual")


def lapses(
    impressions: ir.Table, feedback: ir.Table, blueprint: Blueprint, model: Model, *, as_of: dt.datetime
) -> ir.Table:
    """Broken and overdue promises, those kept in letter only, incidents and bad feelings, each with what is left of it.

    impressions : of the relationship as of now, with code, x and age_s, one row each. model : of the relationship.
    feedback    : the table `feedback`; every detractor's answer is a bad feeling, weighed as what is felt.
    Returns     : the table `lapses` without as_of; severity and residual are positive eta. Recovery is what all
                  recoveries after it, about the same object or about none, add as of now.
    """
    wrong = [kind for kind in model.kinds if kind.lapse]
    codes = [kind.code for kind in wrong]
    rows = impressions.filter((impressions.code.isin(codes) if codes else ibis.literal(False)) & (impressions.x > 0))
    broken = rows.select(
        "person_id",
        "interaction_id",
        "at",
        "touchpoint",
        "function",
        "object_id",
        "age_s",
        severity=-model.eta(rows.code, rows.x),
        kind=_named(rows, wrong),
    )
    every = ibis.union(broken, _felt(feedback, blueprint, model, as_of).select(broken.columns))
    every = every.mutate(residual=every.severity * model.memory.expression(every.age_s, ibis.literal(True)))
    return _recovered(every, _recoveries(impressions, blueprint, model))


def _named(rows: ir.Table, wrong: list[Kind]) -> ir.StringValue:
    """What sort of lapse, and of which kind, since one interaction can break several promises."""
    names = [(rows.code == kind.code, f"{NAMES[kind.source]}: {kind.name}") for kind in wrong]
    return ibis.cases(*names, else_="") if names else ibis.literal("")


def _felt(feedback: ir.Table, blueprint: Blueprint, model: Model, as_of: dt.datetime) -> ir.Table:
    """Answers of detractors: how far below the middle of the scale, times the weight of what is felt."""
    weights = {kind.spec.felt: float(model.weights[model.span[kind.code]][0]) for kind in model.kinds if kind.spec.felt}
    scales = {scale.id: scale for scale in blueprint.scales}
    rows = feedback.filter(feedback["class"] == -1)
    sizes = []
    for number, one in enumerate(blueprint.feedback):
        scale, weight = scales[one.scale], weights.get(one.id, STATED["felt"][0])
        middle, half = (scale.high + scale.low) / 2, (scale.high - scale.low) / 2
        least = abs(middle - scale.detractor_to) / half or 1.0 / (scale.high - scale.low)
        depth = (middle - rows.rating) / half
        sizes.append((rows.item == number, weight * (depth > least).ifelse(depth, least)))
    severity = ibis.cases(*sizes, else_=0.0) if sizes else ibis.literal(0.0)
    return rows.select(
        "person_id",
        "at",
        "touchpoint",
        "object_id",
        interaction_id=rows.feedback_id,
        function=ibis.null("string"),
        age_s=(int(as_of.timestamp() * 1000) - epoch_ms(rows.at)).cast("float64") / 1000.0,
        severity=severity,
        kind=ibis.literal(BAD_FEELING),
    )


def _recoveries(impressions: ir.Table, blueprint: Blueprint, model: Model) -> ir.Table:
    codes = [kind.code for kind in model.kinds if kind.source == "touch" and kind.spec.touch in blueprint.recovery]
    rows = impressions.filter(impressions.code.isin(codes) if codes else ibis.literal(False))
    done = contributed(rows.drop("kind").rename(kind="code"), model)
    return done.select("person_id", made_good_at=done.at, made_good=done.eta, about=done.object_id)


def _recovered(every: ir.Table, done: ir.Table) -> ir.Table:
    key = ["person_id", "interaction_id", "kind"]
    met = every.join(done, "person_id")
    met = met.filter(
        (met.made_good_at > met.at) & (met.about.isnull() | met.object_id.isnull() | (met.about == met.object_id))
    )
    made_good = met.group_by(key).agg(recovered_at=met.made_good_at.min(), recovery=met.made_good.sum())
    joined = every.left_join(made_good, key)
    return joined.select(*COLUMNS, "recovered_at", recovery=ibis.coalesce(joined.recovery, 0.0))
