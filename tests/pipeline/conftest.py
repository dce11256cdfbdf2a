"""A small shop whose every figure can be worked out by hand."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.pipeline import stream

from regard import pipeline
from regard.engine import Engine, connect
from regard.workspace import Workspace

NOW = dt.datetime(2026, 3, 1, 10, 15, tzinfo=dt.UTC)

BLUEPRINT = """\
# A shop of three customers
name: Shop
zone: Europe/Berlin
currency: EUR
functions: [{id: logistics, label: Logistics}, {id: service, label: Service}]
channels: [{id: phone, label: Telephone, service: true, cost_per_contact: 4.00}]
identity:
  handles: [{kind: email, normal: email}, {kind: customer, normal: exact}]
  person_objects: [order]
touchpoints:
  - {id: order_placed, label: Order, stage: purchase, function: logistics, when: {event: purchase}}
  - {id: parcel, label: Parcel, stage: use, function: logistics, when: {event: delivered}}
  - {id: call, label: Call, stage: use, function: service, channel: phone, when: {event: call}}
  - {id: asked, label: Review, stage: advocacy, function: service, when: {event: review}}
promises:
  - id: on_time
    label: Delivered by the day promised
    made: {event: purchase}
    about: order
    promised: {property: due}
    unit: time
    deadline: day
    kept: {event: delivered}
    delivered: {at: occurred}
scales: [{id: stars, low: 1, high: 5, detractor_to: 2, promoter_from: 4, asks: satisfaction}]
feedback: [{id: review, level: transaction, when: {event: review}, scale: stars, about: order}]
impressions: [{kind: lateness, promise: on_time, unit: 1d, knots: [0, 3]}, {kind: call, touch: call}]
journeys: {objects: [order], quiet: 30d}
value: {purchase: {event: purchase}, about: order, horizon: 52w}
"""

ORDERS_MAP = """\
version: 1
source: shop
files: orders.csv
zone: Europe/Berlin
key: [order]
handles: {customer: customer, email: email}
objects: [{type: order, id: order}]
interactions:
  - event: purchase
    at: placed
    direction: customer
    amount: {column: total, currency: EUR}
    properties: {due: {column: due, type: time}}
  - {event: delivered, at: delivered, direction: us, channel: courier}
"""

VOICE_MAP = """\
version: 1
source: desk
files: voice.csv
zone: Europe/Berlin
key: [id]
objects: [{type: order, id: order}]
interactions:
  - event: review
    at: at
    when: {column: what, is: [review]}
    direction: customer
    rating: {column: stars, scale: stars}
    text: said
  - event: call
    at: at
    when: {column: what, is: [call]}
    direction: customer
    channel: phone
    text: said
"""

ORDERS = """\
order,customer,email,placed,due,delivered,total
A1,K1,Ada@example.org,2025-01-02 10:00,2025-01-06 00:00,2025-01-06 18:00,20.00
A2,K1,,2025-02-02 10:00,2025-02-06 00:00,2025-02-09 09:00,30.00
B1,K2,ben@example.org,2025-01-03 11:00,2025-01-07 00:00,2025-01-05 12:00,15.50
C1,,cyd@example.org,2025-03-01 09:00,2025-03-04 00:00,,9.99
"""

VOICE = """\
id,order,at,what,stars,said
1,A1,2025-01-07 09:00,review,5,Fine
2,A2,2025-02-08 10:00,call,,Where is my parcel? Ask ada@example.org
3,A2,2025-02-10 10:00,review,1,Three days late
4,B1,2025-01-06 10:00,review,4,
5,Z9,2025-01-06 10:00,review,4,an order nobody knows
6,B1,not a time,review,3,
"""


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    """DuckDB, closed after the file."""
    opened = connect("duckdb", memory=2**30)
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def year(tmp_path_factory: pytest.TempPathFactory, engine: Engine) -> Workspace:
    """The shop of `stream.py` after its year, worked out once."""
    found = stream.make(tmp_path_factory.mktemp("year") / "shop")
    stream.bring(found, stream.past(), engine)
    pipeline.run(found, engine, pipeline.Order(now=stream.NOW))
    return found


@pytest.fixture
def shop(tmp_path: Path) -> Workspace:
    """The shop's workspace with maps and files, nothing imported."""
    root = tmp_path / "shop"
    (root / "maps").mkdir(parents=True)
    (root / "blueprint.yaml").write_text(BLUEPRINT, encoding="utf-8")
    (root / "maps" / "orders.map.yaml").write_text(ORDERS_MAP, encoding="utf-8")
    (root / "maps" / "voice.map.yaml").write_text(VOICE_MAP, encoding="utf-8")
    (root / "orders.csv").write_text(ORDERS, encoding="utf-8")
    (root / "voice.csv").write_text(VOICE, encoding="utf-8")
    return Workspace(root)


def load(shop: Workspace) -> list[pipeline.Brought]:
    """Import both files."""
    return [
        one
        for name in ("orders", "voice")
        for one in pipeline.bring_in(
            shop, [str(shop.root / f"{name}.csv")], mapping=shop.maps / f"{name}.map.yaml", now=NOW
        )
    ]
