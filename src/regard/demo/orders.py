"""What they ordered on the web, and what became of it: payment, warehouse, courier, the door."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import numpy as np

from regard.demo import company, truths
from regard.demo.people import (
    DAY,
    HOUR,
    NEVER,
    SECOND,
    START,
    Flags,
    Floats,
    Ints,
    People,
    Times,
    Words,
    at_hours,
    day_of,
    days_in_year,
    until_end,
)  # fmt: skip

RATE_SHAPE, RATE_MEAN = 1.1, 2.8  # orders a year: Gamma with this shape and mean


@dataclass(frozen=True)
class Orders:
    """One order a place; `who` is the place of the person. `late` is days after the promised one, 0 for none."""

    number: Words
    who: Ints
    placed: Times
    failed: Times
    paid: Times
    handed: Times
    due: Times
    delivered: Times
    cancelled: Times
    late: Ints
    entrance: Flags
    packaging: Words
    warehouse: Words
    amount: Floats
    items: Ints

    def __len__(self) -> int:
        return len(self.number)


def between(moment: Times, days: tuple[dt.date, dt.date]) -> Flags:
    """Whether a moment lies on one of the days from the first to the last."""
    first, last = (np.datetime64(day, "s") for day in days)
    return np.asarray((moment >= first) & (moment < last + DAY), dtype=np.bool_)


def since(moment: Times, day: dt.date) -> Flags:
    return np.asarray(moment >= np.datetime64(day, "s"), dtype=np.bool_)


def draw(rng: np.random.Generator, people: People) -> Orders:
    """A year of orders, in time order."""
    who, placed = _placed(rng, people)
    n = len(who)
    warehouse = np.array([company.WAREHOUSE[name] for name in people.region[who]])
    struck = between(placed, truths.INCIDENT) & (people.region[who] == truths.QUIET_REGION)
    fails = rng.uniform(size=n) < np.where(struck, truths.INCIDENT_PAYMENT_FAILS, truths.USUAL_PAYMENT_FAILS)
    paid = placed + rng.integers(60, 5_400, n).astype("timedelta64[s]")
    paid[fails] += rng.integers(1, 4, int(fails.sum())) * DAY
    due = day_of(paid) + 3 * DAY
    packaging = (warehouse == "east") & since(placed, truths.PACKAGING_FROM)
    packaging &= rng.uniform(size=n) < truths.PACKAGING_SHARE
    late = _late(rng, placed, warehouse, struck)
    delivered = at_hours(rng, due + np.where(late > 0, late, -rng.integers(0, 3, n)) * DAY, 9, 19)
    cancelled = np.where(rng.uniform(size=n) < 0.015, paid + 20 * HOUR, NEVER)
    delivered = np.where(np.isnat(cancelled), delivered, NEVER)
    letter = people.flat[who] & (people.region[who] == truths.LETTER_REGION) & since(delivered, truths.LETTER_FROM)
    items = 1 + rng.poisson(1.1, n)
    return Orders(
        number=np.char.add("W", np.char.zfill((np.arange(n) + 100_000).astype(str), 7)),
        who=who,
        placed=placed,
        failed=np.where(fails, placed + 45 * SECOND, NEVER),
        paid=until_end(paid),
        handed=np.where(np.isnat(cancelled), until_end(at_hours(rng, day_of(paid) + DAY, 5, 8)), NEVER),
        due=due,
        delivered=until_end(delivered),
        cancelled=until_end(cancelled),
        late=np.where(np.isnat(delivered), 0, late),
        entrance=letter & (rng.uniform(size=n) < truths.LETTER_SHARE) & ~np.isnat(until_end(delivered)),
        packaging=np.where(packaging, "new", "old"),
        warehouse=warehouse,
        amount=np.round(items * rng.gamma(3.0, 9.0, n) + 4.0, 2),
        items=items,
    )


def _placed(rng: np.random.Generator, people: People) -> tuple[Ints, Times]:
    """Who ordered when: everyone at a rate of their own, from joining until they quietly leave."""
    eager = np.array([company.EAGERNESS[name] for name in people.region])
    rate = rng.gamma(RATE_SHAPE, RATE_MEAN / RATE_SHAPE, len(people)) * eager
    who = np.repeat(np.arange(len(people)), rng.poisson(rate))
    placed = at_hours(rng, START + days_in_year(rng, len(who)) * DAY, 7, 23)
    there = (placed < people.leaving[who]) & (np.isnat(people.joined[who]) | (placed > people.joined[who]))
    who, placed = who[there], placed[there]
    order = np.argsort(placed, kind="stable")
    return who[order], placed[order]


def _late(rng: np.random.Generator, placed: Times, warehouse: Words, struck: Flags) -> Ints:
    """Days late, 0 for none."""
    n = len(placed)
    slow = (warehouse == "east") & since(placed, truths.PACKAGING_FROM)
    share = np.where(slow, truths.SLOW_WAREHOUSE_LATE, truths.USUAL_LATE)
    share = np.where(struck, truths.INCIDENT_LATE, share)
    usual = np.minimum(rng.geometric(0.4, n), 9)
    first, last = truths.INCIDENT_LATE_DAYS
    days = np.where(struck, rng.integers(first, last + 1, n), usual)
    return np.where(rng.uniform(size=n) < share, days, 0)


def as_known(orders: Orders) -> Floats:
    """Eta that each order takes from, or adds to, what its customer says of it (story and false lead alike)."""
    late = truths.ORDER["late"] * (orders.late > 0)
    days = truths.ORDER["late_to_7_days"] * np.minimum(orders.late, 7) / 7
    entrance = truths.ORDER["left_at_entrance"] * orders.entrance
    packaging = truths.ORDER["new_packaging"] * (orders.packaging == "new")
    return np.asarray(late + days + entrance + packaging, dtype=np.float64)
