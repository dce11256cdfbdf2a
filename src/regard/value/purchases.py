"""What did they buy, and what came back? One row a purchase, in the workspace's currency.

A purchase is the object that the blueprint names (`about: order`), however many rows it took, else the interaction.
Money given back lowers the purchase when the goods came back; a refund for goods that stayed is a cost to serve.
"""

from __future__ import annotations

import ibis
import ibis.expr.types as ir

from regard.engine import Engine, schema
from regard.value.money import convert


def find_purchases(picked: ir.Table, back: ir.Table, rates: ir.Table, *, currency: str, engine: Engine) -> ir.Table:
    """One row a purchase: person_id, purchase_id, at, on, amount_minor, returned_minor.

    picked   : as `relevant.pick` makes it.
    back     : as `find_given_back` makes it.
    currency : the workspace's.
    """
    rows = picked.filter(picked.bought)
    said = rows.select(
        *("person_id", "at", "on", "currency", "amount_minor"),
        purchase_id=ibis.coalesce(rows.object_id, rows.interaction_id),
    )
    money = convert(said, rates, amounts=("amount_minor",), currency=currency, engine=engine)
    bought = engine.keep(
        money.group_by(["person_id", "purchase_id"]).aggregate(
            at=money["at"].min(), on=money.on.min(), amount_minor=money.amount_minor.sum().cast("int64")
        )
    )
    returned = _returned(bought, back, engine)
    joined = bought.left_join(returned, ["person_id", "purchase_id"])
    return joined.select(
        "person_id", "purchase_id", "at", "on", "amount_minor", returned_minor=joined.returned_minor.fill_null(0)
    )


def find_given_back(picked: ir.Table, rates: ir.Table, *, currency: str, engine: Engine) -> ir.Table:
    """Rows by which money or goods came back, kept in the engine.

    Returns : person_id, interaction_id, at, on, object_id (null where none is named), goods (they came back, not
              money alone), amount_minor (positive) and cost_minor (the row's own), in the workspace's currency.
    """
    rows = picked.filter(picked.money | picked.goods)
    said = rows.select(
        *("person_id", "interaction_id", "at", "on", "object_id", "goods", "currency", "cost_minor"),
        amount_minor=rows.amount_minor.abs().fill_null(0),
    )
    known = convert(said, rates, amounts=("amount_minor", "cost_minor"), currency=currency, engine=engine)
    return engine.keep(known.select(*_BACK.names).cast(dict(_BACK)))


_BACK = ibis.schema(
    {
        **{name: schema("touches")[name] for name in ("person_id", "interaction_id", "at", "on")},
        "object_id": "string",
        "goods": "boolean",
        "amount_minor": "int64",
        "cost_minor": "int64",
    }
)


def came_back(back: ir.Table) -> ir.Table:
    """Objects whose goods came back: person_id, object_id, at, credit (what was given back for them, once).

    A return may state its worth and be followed by the refund of the same money: the larger of the two counts.
    """
    about = back.filter(back.object_id.notnull())
    summed = about.group_by(["person_id", "object_id"]).aggregate(
        at=about["at"].min(),
        goods=about.goods.any(),
        worth=about.amount_minor.sum(where=about.goods).fill_null(0),
        refunded=about.amount_minor.sum(where=~about.goods).fill_null(0),
    )
    returned = summed.filter(summed.goods)
    return returned.select(
        "person_id", "object_id", "at", credit=ibis.greatest(returned.worth, returned.refunded).cast("int64")
    )


def _returned(bought: ir.Table, back: ir.Table, engine: Engine) -> ir.Table:
    """What came back of each purchase: person_id, purchase_id, returned_minor.

    Goods that name no purchase lower the person's latest one before them (the first, if there is none before).
    """
    objects = came_back(back)
    known = objects.semi_join(bought, ["person_id", objects.object_id == bought.purchase_id])
    matched = known.select("person_id", purchase_id=known.object_id, credit=known.credit)
    unnamed = back.filter(back.goods & back.object_id.isnull()).select("person_id", "at", credit="amount_minor")
    unknown = objects.anti_join(bought, ["person_id", objects.object_id == bought.purchase_id])
    loose = engine.keep(unnamed.union(unknown.select("person_id", "at", "credit")))
    if engine.rows(loose.aggregate(n=loose.count())).column("n")[0].as_py():
        matched = matched.union(_attached(bought, loose))
    return matched.group_by(["person_id", "purchase_id"]).aggregate(returned_minor=matched.credit.sum().cast("int64"))


def _attached(bought: ir.Table, loose: ir.Table) -> ir.Table:
    """Loose credits with the purchase they are taken to be of: person_id, purchase_id, credit."""
    line = bought.select("person_id", "at", "purchase_id", credit=ibis.literal(0, "int64"), bought=1).union(
        loose.select("person_id", "at", purchase_id=ibis.null("string"), credit="credit", bought=0)
    )
    order = [line["at"], line.bought.desc(), line.purchase_id]
    upto = ibis.window(group_by="person_id", order_by=order, preceding=None, following=0)
    counted = line.mutate(nth=ibis.greatest(line.bought.sum().over(upto), 1))
    owners = counted.filter(counted.bought == 1).select("person_id", "nth", "purchase_id")
    returns = counted.filter(counted.bought == 0).select("person_id", "nth", "credit")
    return owners.inner_join(returns, ["person_id", "nth"]).select("person_id", "purchase_id", "credit")
