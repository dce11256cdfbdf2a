"""Olist's files as `touches` and a blueprint, without the rooms before this one; for the score's own tests."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import ibis
import ibis.expr.types as ir
import pyarrow as pa
import pyarrow.csv as csv

from regard.blueprint import Blueprint, Feedback, Impression, Promise, Rule, Scale, Touchpoint, ValueOf
from regard.engine import Engine, schema

TIMES = (
    "order_purchase_timestamp", "order_approved_at", "order_delivered_carrier_date", "order_delivered_customer_date",
    "order_estimated_delivery_date", "review_answer_timestamp", "review_creation_date",
)  # fmt: skip
DELIVERY = Promise(
    "delivery_date",
    "Delivered by the date promised",
    made=Rule("event", ("purchase",)),
    kept=Rule("event", ("delivered",)),
    promised=ValueOf(property="estimated_delivery"),
    delivered=ValueOf(at=True),
    about="order",
)
IMPRESSIONS = (
    Impression("lateness", promise="delivery_date", knots=(-20, 0, 3, 7, 21)),
    Impression("delivery_wait", wait=("purchase", "delivery"), knots=(0, 8, 15, 30)),
    Impression("items", fact="items", on="purchase", transform="log"),
    Impression("sellers", fact="n_sellers", on="purchase", transform="log"),
    Impression("price", fact="price", on="purchase", transform="log"),
    Impression("freight", fact="freight_ratio", on="purchase"),
    Impression("seller_record", record="seller", on="purchase", strength=10),
    Impression("category_record", record="category", on="purchase", strength=30),
    Impression("state_record", record="state", on="purchase", strength=30),
    Impression("felt_order", felt="order_review"),
)


def _point(name: str, stage: str) -> Touchpoint:
    return Touchpoint(name, name, stage, Rule("event", (name,)))


BLUEPRINT = Blueprint(
    "Olist",
    touchpoints=(_point("purchase", "purchase"), _point("delivery", "use"), _point("review", "use")),
    promises=(DELIVERY,),
    scales=(Scale("review", 1, 5, 2, 4),),
    feedback=(Feedback("order_review", "transaction", Rule("touchpoint", ("review",)), "review", about="order"),),
    impressions=IMPRESSIONS,
)


def read(folder: Path, name: str) -> pa.Table:
    return csv.read_csv(
        folder / f"{name}.csv",
        parse_options=csv.ParseOptions(newlines_in_values=True),
        convert_options=csv.ConvertOptions(
            column_types={time: pa.timestamp("us") for time in TIMES},
            timestamp_parsers=["%Y-%m-%d %H:%M:%S"],
            strings_can_be_null=True,
        ),
    )


def touches(folder: Path, engine: Engine) -> ir.Table:
    """Purchases, deliveries and reviews."""
    tables = {
        name: engine.table(read(folder, name)) for name in ("orders", "customers", "items", "products", "reviews")
    }
    items = tables["items"].join(
        tables["products"].select("product_id", "product_category_name"), "product_id", how="left"
    )
    per_order = items.group_by("order_id").agg(
        n=items.count(),
        n_sellers=items.seller_id.nunique(),
        price=items.price.sum(),
        freight=items.freight_value.sum(),
        seller=items.seller_id.min(),
        category=items.product_category_name.min(),
    )
    orders = tables["orders"].join(tables["customers"], "customer_id")
    orders = orders.left_join(per_order, "order_id")
    text = {
        "estimated_delivery": orders.order_estimated_delivery_date.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "items": orders.n.cast("string"),
        "n_sellers": orders.n_sellers.cast("string"),
        "price": orders.price.cast("string"),
        "freight_ratio": (orders.freight / orders.price).cast("string"),
        "seller": orders.seller,
        "category": orders.category,
        "state": orders.customer_state,
    }
    facts = ibis.map(ibis.array(list(text)), ibis.array(list(text.values())))
    bought = _events(orders, "purchase", orders.order_purchase_timestamp, orders.order_id, properties=facts)
    brought = _events(orders, "delivery", orders.order_delivered_customer_date, orders.order_id)
    said = tables["reviews"].join(orders.select("order_id", "customer_unique_id"), "order_id")
    answer = ibis.literal(":") + said.review_id
    told = _events(said, "review", said.review_answer_timestamp, said.order_id + answer, rating=said.review_score)
    return engine.keep(ibis.union(bought, brought, told))


def promises(touches: ir.Table, engine: Engine, as_of: dt.datetime) -> ir.Table:
    from regard.experience import keep_promises

    return engine.keep(keep_promises(touches, BLUEPRINT, engine, as_of=as_of))


def _events(rows: ir.Table, event: str, at: ir.TimestampValue, key: ir.StringValue, **more: ir.Value) -> ir.Table:
    known = {
        "person_id": rows.customer_unique_id,
        "interaction_id": key + f":{event}",
        "source": ibis.literal("olist"),
        "at": at,
        "on": at.date(),
        "sequence": ibis.literal(0),
        "precision": ibis.literal("instant"),
        "event": ibis.literal({"delivery": "delivered"}.get(event, event)),
        "touchpoint": ibis.literal(event),
        "object_type": ibis.literal("order"),
        "object_id": rows.order_id,
        **more,
    }
    shape = schema("touches")
    columns = {name: known.get(name, ibis.null(kind)) for name, kind in shape.items()}
    return rows.filter(at.notnull()).select(**{name: value.cast(shape[name]) for name, value in columns.items()})
