"""A made-up town of customers: touches, promises and answers from a seed, with truths that tests can recover."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import ibis.expr.types as ir
import numpy as np
import pyarrow as pa

from regard.blueprint import (
    Blueprint,
    Feedback,
    Impression,
    JourneySettings,
    Memory,
    Promise,
    Rule,
    Scale,
    Touchpoint,
    ValueOf,
)
from regard.engine import Engine, schema

START = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
DAY = 86_400.0
Row = Mapping[str, object]


def moment(days: float) -> dt.datetime:
    return START + dt.timedelta(seconds=round(days * DAY))


def table(engine: Engine, name: str, rows: Sequence[Row]) -> ir.Table:
    """Rows as the table of that name; columns that a row leaves out are null."""
    shape = schema(name).to_pyarrow()
    arrays = [pa.array([row.get(column.name) for row in rows], column.type) for column in shape]
    return engine.table(pa.Table.from_arrays(arrays, schema=shape))


def touch(person: str, days: float, touchpoint: str, n: int, **more: object) -> Row:
    return {
        "person_id": person,
        "interaction_id": f"{person}-{n}",
        "source": "town",
        "at": moment(days),
        "sequence": n,
        "precision": "instant",
        "event": touchpoint,
        "touchpoint": touchpoint,
        **more,
    }


def point(name: str) -> Touchpoint:
    return Touchpoint(name, name, "use", Rule("event", (name,)), function="care")


DELIVERY = Promise(
    "arrival", "Arrives on the day", made=Rule("event", ("order",)), kept=Rule("event", ("arrival",)),
    promised=ValueOf(property="due"), delivered=ValueOf(at=True), about="order",
)  # fmt: skip
BLUEPRINT = Blueprint(
    "Town",
    touchpoints=tuple(point(name) for name in ("order", "arrival", "call", "apology", "visit", "review", "survey")),
    promises=(DELIVERY,),
    scales=(Scale("stars", 1, 5, 2, 4), Scale("nps", 0, 10, 6, 9, asks="recommend")),
    feedback=(
        Feedback("stars", "transaction", Rule("touchpoint", ("review",)), "stars", about="order"),
        Feedback("nps", "relationship", Rule("touchpoint", ("survey",)), "nps"),
    ),
    impressions=(
        Impression("arrival", promise="arrival", knots=(0, 3), carries=True),
        Impression("delay", wait=("order", "arrival"), knots=(0, 5, 15)),
        Impression("size", fact="items", on="order", transform="log"),
        Impression("shop", record="shop", on="order", strength=5),
        Impression("call", touch="call"),
        Impression("visit", touch="visit"),
        Impression("stars", felt="stars"),
    ),
    recovery=("apology",),
    journeys=JourneySettings(objects=("order",)),
    memory=Memory(loss_s=60 * DAY, gain_s=20 * DAY, floor=0.2, spread=1.0),
)


@dataclass
class Town:
    """What happened."""

    touches: list[Row] = field(default_factory=list)
    promises: list[Row] = field(default_factory=list)

    def tables(self, engine: Engine) -> tuple[ir.Table, ir.Table]:
        return table(engine, "touches", self.touches), table(engine, "promises", self.promises)


def lively(n_persons: int, seed: int) -> Town:
    """Orders with due days, deliveries (some late, some never), calls, apologies, visits, stars and surveys."""
    rng, town = np.random.default_rng(seed), Town()
    for number in range(n_persons):
        _live(f"p{number:05d}", rng, town)
    return town


def _live(person: str, rng: np.random.Generator, town: Town) -> None:
    n, mood = 0, float(rng.normal())
    account = f"firm{rng.integers(5)}" if rng.random() < 0.3 else None

    def add(days: float, touchpoint: str, **more: object) -> str:
        nonlocal n
        n += 1
        town.touches.append(touch(person, days, touchpoint, n, account=account, **more))
        return f"{person}-{n}"

    for _ in range(int(rng.integers(1, 4))):
        bought = float(rng.uniform(0, 300))
        order, items = f"o-{person}-{n}", int(rng.integers(1, 5))
        about = {"object_type": "order", "object_id": order}
        shop = f"shop{rng.integers(6)}"
        things = [("order", order, None), ("shop", shop, None)]
        objects = [dict(zip(("type", "id", "qualifier"), thing, strict=True)) for thing in things]
        made_by = add(bought, "order", properties={"items": str(items)}, objects=objects, **about)
        late, due = int(rng.integers(-4, 6)), float(np.floor(bought) + 7)
        came = rng.random() < 0.93
        brought = due + late + float(rng.uniform(0.2, 0.8))
        brought_by = add(brought, "arrival", **about) if came else None
        town.promises.append(
            {
                "promise_id": order, "person_id": person, "kind": "arrival", **about, "made_by": made_by,
                "made_at": moment(bought), "due_at": moment(due), "late_from_at": moment(due + 1),
                "delivered_at": moment(brought) if came else None, "delivered_by": brought_by,
                "late_days": late if came else None, "touchpoint": "arrival", "function": "care",
                "outcome": ("broken" if late > 0 else "kept") if came else "overdue",
            }
        )  # fmt: skip
        eta = 1.0 + mood * 0.5 - (1.5 if came and late > 0 else 0.0) - 2.0 * (not came) - 0.3 * np.log(items)
        eta += 0.5 * (shop in ("shop0", "shop1"))
        if rng.random() < 0.7:
            stars = 1 + int(np.searchsorted([0.1, 0.25, 0.4, 0.7], 1 / (1 + np.exp(-eta - rng.logistic()))))
            add(
                max(brought, due + 1) + float(rng.uniform(0.5, 5)),
                "review",
                rating=float(stars),
                scale="stars",
                **about,
            )
    for name, rate in (("call", 1.0), ("apology", 0.3), ("visit", 3.0)):
        for _ in range(int(rng.poisson(rate))):
            add(float(rng.uniform(0, 330)), name)
    if rng.random() < 0.6:
        add(float(rng.uniform(100, 340)), "survey", rating=float(rng.integers(0, 11)), scale="nps")
