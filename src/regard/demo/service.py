"""What people had to come to us for, what we gave back, and what our own staff thought of it."""

from __future__ import annotations

import numpy as np

from regard.demo import company, truths
from regard.demo.orders import Orders
from regard.demo.people import (
    DAY,
    END,
    HOUR,
    SECOND,
    START,
    Columns,
    Flags,
    Floats,
    Ints,
    People,
    Times,
    Words,
    at_hours,
    day_of,
)

APOLOGY_SHARE, APOLOGY_EUR = 0.35, 10.0
USUAL_MINUTES = 5.0
MINUTES = {"where is my order": 8.0, "payment failed": 9.0, "not at door": 6.0, "needs assistance": 40.0}


def contacts(rng: np.random.Generator, people: People, orders: Orders) -> Columns:
    """Every contact with the service desk, in time order."""
    late = _some(rng, (orders.late > 0) & ~np.isnat(orders.delivered), 0.25)
    failed = _some(rng, ~np.isnat(orders.failed), 0.20)
    downstairs = _some(rng, orders.entrance, 0.06)
    asked = np.repeat(np.arange(len(people)), rng.poisson(0.12, len(people)))
    needy = np.repeat(np.flatnonzero(people.vulnerable), 5)
    quiet = rng.choice(company.REASONS[1:], len(asked))
    number = orders.number
    parts = [
        _part(rng, orders.who[late], orders.delivered[late] + DAY, "where is my order", number[late]),
        _part(rng, orders.who[failed], orders.failed[failed] + 2 * HOUR, "payment failed", number[failed]),
        _part(
            rng, orders.who[downstairs], orders.delivered[downstairs] + DAY, "not at door", orders.number[downstairs]
        ),
        _part(rng, asked, START + rng.integers(0, 365, len(asked)) * DAY, quiet, np.full(len(asked), "")),
        _part(rng, needy, START + rng.integers(0, 365, len(needy)) * DAY, "needs assistance", np.full(len(needy), "")),
    ]
    whole = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    keep = whole["at"] < END
    order = np.argsort(whole["at"][keep], kind="stable")
    return reached(people, {name: column[keep][order] for name, column in whole.items()})


def _some(rng: np.random.Generator, happened: Flags, share: float) -> Ints:
    return np.flatnonzero(happened & (rng.uniform(size=len(happened)) < share))


def _part(rng: np.random.Generator, who: Ints, day: Times, reason: str | Words, order: Words) -> Columns:
    n = len(who)
    minutes = MINUTES.get(reason, USUAL_MINUTES) if isinstance(reason, str) else USUAL_MINUTES
    return {
        "who": who,
        "at": at_hours(rng, day_of(day), 8, 20),
        "channel": rng.choice(("phone", "chat", "service_email"), n, p=(0.5, 0.3, 0.2)),
        "reason": np.full(n, reason) if isinstance(reason, str) else reason,
        "order_no": order,
        "minutes": np.round(rng.gamma(4.0, minutes / 4.0, n) + 0.5, 1),
        "agent": np.char.add("agent-", rng.integers(1, 25, n).astype(str)),
    }


def reached(people: People, said: Columns) -> Columns:
    """The columns as the service desk exports them: a telephone knows a number, an e-mail an address."""
    who = said["who"].astype(np.int64)
    by_phone = said["channel"] == "phone"
    number = np.arange(len(who)).astype(str)
    return {
        "contact_no": np.char.add("K", np.char.zfill(number, 6)),
        **{name: column for name, column in said.items() if name != "who"},
        "phone": np.where(by_phone, people.phone[who], ""),
        "email": np.where(by_phone, "", people.email[who]),
        "what": np.where(said["reason"] == "not at door", "complaint", "contact"),
    }


def apologies(rng: np.random.Generator, people: People, orders: Orders) -> tuple[Ints, Columns]:
    """The places of late orders with an apology, and the vouchers; on the coast nobody got round to it."""
    wronged = (orders.late > 0) & ~np.isnat(orders.delivered) & (people.region[orders.who] != truths.QUIET_REGION)
    which = _some(rng, wronged, APOLOGY_SHARE)
    at = at_hours(rng, day_of(orders.delivered[which]) + 4 * DAY, 9, 17)
    which, at = which[at < END], at[at < END]
    return which, {
        "action_no": np.char.add("A", np.char.zfill(np.arange(len(which)).astype(str), 6)),
        "at": at,
        "action": np.full(len(which), "apology_voucher"),
        "customer_no": people.number[orders.who[which]],
        "order_no": orders.number[which],
        "cost": np.full(len(which), APOLOGY_EUR),
    }


def money_back(rng: np.random.Generator, orders: Orders) -> Columns:
    """Goods sent back and refunded, and refunds for goods that stayed."""
    came = ~np.isnat(orders.delivered)
    back = _some(rng, came, 0.05)
    goodwill = _some(rng, came & (orders.late > 3), 0.15)
    parts: list[tuple[str, Ints, int, Floats]] = [
        ("goods_returned", back, 9, np.zeros(len(back))),
        ("refunded", back, 12, orders.amount[back]),
        ("refunded", goodwill, 6, np.round(orders.amount[goodwill] * 0.2, 2)),
    ]
    columns = {
        "what": np.concatenate([np.full(len(which), what) for what, which, _, _ in parts]),
        "at": np.concatenate([orders.delivered[which] + days * DAY for _, which, days, _ in parts]),
        "order_no": np.concatenate([orders.number[which] for _, which, _, _ in parts]),
        "amount": np.concatenate([amount for _, _, _, amount in parts]),
    }
    keep = np.flatnonzero(columns["at"] < END)
    keep = keep[np.argsort(columns["at"][keep], kind="stable")]
    number = np.char.add("R", np.char.zfill(np.arange(len(keep)).astype(str), 6))
    return {"booking_no": number, **{name: column[keep] for name, column in columns.items()}}


def staff_notes(rng: np.random.Generator, people: People, orders: Orders) -> Columns:
    """What couriers wrote after their rounds, and the rating they expected; those in the hills write most."""
    share = np.where(people.region[orders.who] == truths.LETTER_REGION, 0.12, 0.03)
    told = np.flatnonzero(~np.isnat(orders.delivered) & (rng.uniform(size=len(orders)) < share))
    at = orders.delivered[told] + 1_800 * SECOND
    told = told[np.argsort(at, kind="stable")]
    n = len(told)
    high = truths.STAFF_RATING - 4.0  # they write 4 or 5, so that the mean is STAFF_RATING
    return {
        "note_no": np.char.add("N", np.char.zfill(np.arange(n).astype(str), 6)),
        "at": orders.delivered[told] + 1_800 * SECOND,
        "courier": np.char.add("courier-", rng.integers(1, 60, n).astype(str)),
        "order_no": orders.number[told],
        "expected_rating": 4 + (rng.uniform(size=n) < high).astype(np.int64),
        "note": rng.choice(company.PRAISE, n),
    }
