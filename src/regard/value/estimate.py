"""The room's verb: from touches to purchases, value, cost to serve and models."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import ibis
import ibis.expr.types as ir
import pyarrow as pa

from regard.blueprint import Blueprint, condition
from regard.blueprint.money import exponent
from regard.engine import SECONDS_A_DAY, Engine, schema
from regard.value import bg_nbd, gamma_gamma
from regard.value.fits import Fits
from regard.value.likelihood import Estimate
from regard.value.purchases import find_given_back, find_purchases
from regard.value.quadrants import bands, place
from regard.value.relevant import NOTHING, pick
from regard.value.serving import cost_to_serve, find_served
from regard.value.worth import Models, apply, fit, summarise

LEAVING_OPEN = "too few bought again to tell who left, so p_alive and expected purchases are not known"


@dataclass(frozen=True)
class Appraised:
    """tables : purchases, value, cost_to_serve and models, in the shapes of `tables.py`. fits : what was fitted."""

    tables: dict[str, ir.Table]
    fits: Fits


def estimate(
    touches: ir.Table,
    lapses: ir.Table,
    rates: ir.Table,
    blueprint: Blueprint,
    engine: Engine,
    *,
    as_of: dt.datetime,
    horizon_s: float,
    given: Fits | None = None,
) -> Appraised:
    """What every person bought, is worth over the horizon, and costs to serve.

    touches   : the table of that name; rows later than as_of do not count.
    lapses    : the table of that name; what followed one is of our own making.
    rates     : the ledger's table, for money that is not in the workspace's currency.
    as_of     : the time of knowing, UTC; its day in the blueprint's zone ends the observation.
    horizon_s : how far ahead, seconds.
    given     : fits that stand; nothing is fitted then, and there is no `models`.
    Raises    : TableError if there is money in another currency and no rate for it.
    Source    : BG/NBD (`bg_nbd.py`), Gamma-Gamma (`gamma_gamma.py`); definitions in docs/concepts/value.md.
    """
    now = ibis.literal(as_of)
    theirs = touches.filter(touches.person_id.notnull() & (touches["at"] <= now))
    currency = blueprint.currency
    picked = pick(theirs, lapses, blueprint=blueprint, engine=engine, as_of=as_of)
    back = find_given_back(picked, rates, currency=currency, engine=engine)
    bought = engine.keep(find_purchases(picked, back, rates, currency=currency, engine=engine))
    served = find_served(picked, back, rates, blueprint=blueprint, engine=engine, as_of=as_of)
    costs = engine.keep(cost_to_serve(served, picked, lapses, window_s=blueprint.value.service_window_s))
    buyers = summarise(bought, engine, as_of=as_of, zone=blueprint.zone)
    models = fit(buyers, engine, major=10.0 ** exponent(currency)) if given is None else given.models
    worth = apply(buyers, models, engine, horizon_s=horizon_s)
    people = engine.keep(_people(theirs, worth, costs, blueprint))
    known = models.buying is not None and models.buying.leaving_known
    fits = Fits(models, bands(people, engine, expected=known)) if given is None else given
    stamped = {
        "purchases": bought,
        "value": place(people, fits.bands, expected=known).mutate(horizon_s=float(horizon_s)),
        "cost_to_serve": costs,
    }
    if given is None:
        stamped["models"] = engine.table(_models(models))
    return Appraised({name: _shaped(table, name, currency, as_of) for name, table in stamped.items()}, fits)


def _people(touches: ir.Table, worth: ir.Table, costs: ir.Table, blueprint: Blueprint) -> ir.Table:
    """One row a person we know of, buyer or not, with all that `place` needs."""
    marked = touches.select("person_id", vulnerable=condition(blueprint.value.vulnerable or NOTHING, touches))
    everyone = marked.group_by("person_id").aggregate(vulnerable=marked.vulnerable.any())
    spent = costs.group_by("person_id").aggregate(
        cost_to_serve_minor=costs.cost_minor.sum().cast("int64"),
        theirs_minor=costs.cost_minor.sum(where=~costs.ours).fill_null(0).cast("int64"),
    )
    joined = everyone.left_join(worth, "person_id").drop("person_id_right")
    joined = joined.left_join(spent, "person_id").drop("person_id_right")
    return joined.mutate(
        n_purchases=joined.n_purchases.fill_null(0),
        recency_s=joined.t_x.cast("float64") * SECONDS_A_DAY,
        tenure_s=joined.t.cast("float64") * SECONDS_A_DAY,
        mean_purchase_minor=joined.repeat_minor / joined.x.nullif(0),
        expected_value_minor=joined.expected_purchases * joined.expected_spend_minor,
        cost_to_serve_minor=joined.cost_to_serve_minor.fill_null(0),
        theirs_minor=joined.theirs_minor.fill_null(0),
    )


def _shaped(table: ir.Table, name: str, currency: str, as_of: dt.datetime) -> ir.Table:
    """The table in the columns and types of `tables.py`."""
    stamped = table.mutate(currency=ibis.literal(currency), as_of=ibis.literal(as_of))
    shape = schema(name)
    return stamped.select(**{column: stamped[column].cast(kind) for column, kind in shape.items()})


def _models(models: Models) -> pa.Table:
    """The fitted parameters as rows of `models`; a model that could not be fitted has its rows, without numbers."""
    rows: list[dict[str, object]] = []
    fitted = (
        ("bg_nbd", bg_nbd.SAYS, models.buying, "nobody has bought on two days"),
        (
            "gamma_gamma",
            gamma_gamma.SAYS,
            models.spending,
            "too few repeat buyers who spent differently",
        ),
    )
    for name, says, model, lacking in fitted:
        if model is None:
            rows += [_row(name, parameter, None, f"{meaning}; {lacking}") for parameter, meaning in says.items()]
            continue
        open_ = bg_nbd.LEAVING if model is models.buying and not models.buying.leaving_known else ()
        for one in model.estimates:
            rows.append(_row(name, one.name, one, says[one.name] + (f"; {LEAVING_OPEN}" if one.name in open_ else "")))
        reached = _row(name, "log_likelihood", None, "of the data at these parameters; natural logarithm")
        rows.append(reached | {"value": model.log_likelihood, "status": "estimated"})
    columns = ("model", "parameter", "value", "low", "high", "status", "says")
    kinds = schema("models").to_pyarrow()
    return pa.Table.from_pylist(rows, schema=pa.schema([kinds.field(column) for column in columns]))


def _row(model: str, parameter: str, one: Estimate | None, says: str) -> dict[str, object]:
    known = one is not None and one.identified
    return {
        "model": model,
        "parameter": parameter,
        "value": None if one is None else one.value,
        "low": one.low if one is not None and known else None,
        "high": one.high if one is not None and known else None,
        "status": "estimated" if known else "not identified",
        "says": says,
    }
