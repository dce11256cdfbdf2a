"""What will they buy and spend? The two models, fitted on groups and applied to everyone in the engine."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from zoneinfo import ZoneInfo

import ibis
import ibis.expr.types as ir
import numpy as np
import pyarrow as pa

from regard.engine import SECONDS_A_DAY, Engine
from regard.value import bg_nbd, gamma_gamma
from regard.value.bg_nbd import BgNbd, Groups
from regard.value.gamma_gamma import GammaGamma
from regard.value.likelihood import Ints

WEEK = 7.0


@dataclass(frozen=True)
class Models:
    """What was fitted; None where there was too little to fit.

    major : minor units in one major unit. mean : what a purchase day of everybody's brings in, minor units.
    """

    buying: BgNbd | None
    spending: GammaGamma | None
    major: float
    mean: float | None


def summarise(purchases: ir.Table, engine: Engine, *, as_of: dt.datetime, zone: str) -> ir.Table:
    """One row a buyer, kept: x, t_x, t (whole days), n_purchases, spent_minor, first and repeat spend.

    Purchases on one day count once, as in the published figures; the first day is no repeat. repeat_minor is what the
    repeat days brought in, net of what came back of it, never less than nothing a day.
    """
    today = (as_of.astimezone(ZoneInfo(zone)).date() - dt.date(1970, 1, 1)).days
    net = purchases.amount_minor - purchases.returned_minor
    days = purchases.group_by("person_id", day=purchases.on.epoch_days().cast("int64")).aggregate(
        n=purchases.count(), spent=net.sum(), known=purchases.amount_minor.notnull().any()
    )
    first = days.day.min().over(ibis.window(group_by="person_id"))
    marked = days.mutate(repeat=days.day > first, spent=days.spent.cast("int64"))
    person = marked.group_by("person_id").aggregate(
        x=marked.count() - 1,
        first_day=marked.day.min(),
        last_day=marked.day.max(),
        n_purchases=marked.n.sum(),
        spent_minor=marked.spent.sum(),
        repeat_minor=ibis.greatest(marked.spent, 0).sum(where=marked.repeat),
        known=marked.known.any(),
    )
    return engine.keep(
        person.select(
            "person_id",
            x=person.x.cast("int64"),
            t_x=(person.last_day - person.first_day).cast("int64"),
            t=ibis.greatest(today - person.first_day, 0).cast("int64"),
            n_purchases=person.n_purchases.cast("int64"),
            spent_minor=person.spent_minor.cast("int64"),
            repeat_minor=person.repeat_minor.fill_null(0).cast("int64"),
            known=person.known,
        )
    )


def fit(buyers: ir.Table, engine: Engine, *, major: float) -> Models:
    """Fit both models on people counted by what the models know of them; the grid is whole days.

    The groups are sorted, so that sums, and with them the fits, are the same on every engine and in every run.
    """
    keys = ["x", "t_x", "t"]
    grouped = engine.rows(buyers.group_by(keys).aggregate(n=buyers.count()))
    x, t_x, t, n = _sorted(grouped, [*keys, "n"])
    buying = bg_nbd.fit(Groups(x, t_x / WEEK, t / WEEK, n)) if len(x) else None
    spenders = buyers.filter(buyers.known & (buyers.x > 0) & (buyers.repeat_minor > 0))
    times, spent = _sorted(engine.rows(spenders.select("x", "repeat_minor")), ["x", "repeat_minor"])
    return Models(buying, gamma_gamma.fit(times, spent / major), major, _mean(buyers, engine))


def _mean(buyers: ir.Table, engine: Engine) -> float | None:
    totals = engine.rows(
        buyers.filter(buyers.known).aggregate(spent=buyers.spent_minor.sum(), days=(buyers.x + 1).sum())
    ).to_pylist()[0]
    return float(totals["spent"]) / float(totals["days"]) if totals["days"] else None


def _sorted(rows: pa.Table, columns: list[str]) -> list[Ints]:
    arrays = [rows.column(name).to_numpy().astype(np.int64) for name in columns]
    order = np.lexsort(tuple(reversed(arrays)))
    return [array[order] for array in arrays]


def apply(buyers: ir.Table, models: Models, engine: Engine, *, horizon_s: float) -> ir.Table:
    """Everyone who ever bought: person_id, p_alive, expected_purchases, expected_spend_minor, and the summary.

    p_alive and spend are closed forms, worked out in the engine; the series for expected purchases depends on x and t
    alone, so it is worked out once for each pair that occurs and joined back. Where the data do not say how customers
    leave, both are null: what is expected of somebody depends on whether they are still there.
    """
    spend = _spend(buyers, models)
    if models.buying is None or not models.buying.leaving_known:
        nothing = ibis.null("float64")
        return buyers.mutate(p_alive=nothing, expected_purchases=nothing, expected_spend_minor=spend)
    pairs = engine.rows(buyers.select("x", "t").distinct())
    x, t = _sorted(pairs, ["x", "t"])
    weeks = horizon_s / SECONDS_A_DAY / WEEK
    ahead = bg_nbd.expected_if_alive(models.buying, x, t / WEEK, weeks=weeks)
    table = engine.table(pa.table({"pair_x": x, "pair_t": t, "ahead": ahead}))
    scored = buyers.mutate(expected_spend_minor=spend, p_alive=_p_alive(buyers, models.buying))
    joined = scored.inner_join(table, [scored.x == table.pair_x, scored.t == table.pair_t])
    return joined.mutate(expected_purchases=joined.p_alive * joined.ahead).drop("pair_x", "pair_t", "ahead")


def _p_alive(buyers: ir.Table, model: BgNbd) -> ir.FloatingValue:
    """`bg_nbd.p_alive` as an expression.

    Columns are doubles before they meet a literal: Spark reads a literal as a decimal, and rounds.
    """
    r, alpha, a, b = model.parameters
    x, t_x, t = (buyers[name].cast("float64") for name in ("x", "t_x", "t"))
    ago = ((t / WEEK + alpha).ln() - (t_x / WEEK + alpha).ln()) * (x + r)
    odds = a / (x + (b - 1.0)).nullif(0.0) * ago.exp()
    return ibis.ifelse(x > 0, 1.0 / (odds + 1.0), 1.0)


def _spend(buyers: ir.Table, models: Models) -> ir.FloatingValue:
    """What a purchase day of theirs brings in, minor units: Gamma-Gamma, drawn towards everyone's mean.

    Where the model is not identified: a customer's own mean of repeats, else everyone's mean purchase day.
    """
    model = models.spending
    if model is not None and all(estimate.identified for estimate in model.estimates):
        p, q, v = model.parameters
        spent = buyers.repeat_minor.cast("float64") + v * models.major
        x = buyers.x.cast("float64")
        return ibis.ifelse(buyers.known, spent * p / (x * p + (q - 1.0)), ibis.null("float64"))
    own = buyers.repeat_minor / buyers.x.nullif(0)
    return ibis.ifelse(buyers.known, ibis.coalesce(own, ibis.literal(models.mean, "float64")), ibis.null("float64"))
