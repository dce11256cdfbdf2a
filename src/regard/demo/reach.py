"""How people met the company beside their web orders: visits, advertisements, mails, shops, boxes."""

from __future__ import annotations

import numpy as np

from regard.demo import company
from regard.demo.people import (
    DAY,
    END,
    HOUR,
    NEVER,
    SECOND,
    START,
    Columns,
    People,
    Times,
    at_hours,
    day_of,
    days_in_year,
)

VISITS, PROSPECTS_IN_TEN = 15.0, 2
MAILS_A_YEAR = 7
BOX_SHARE, BOX_EUR = 0.2, 24.9


def visits(rng: np.random.Generator, people: People) -> Columns:
    """Pages seen on the web, by device; the customer is known only where somebody was logged in.

    A fifth as many devices again never log in: people who looked, came through an advertisement or a review site, left.
    """
    n, strangers = len(people), len(people) * PROSPECTS_IN_TEN // 10
    pages = rng.poisson(rng.gamma(1.5, VISITS / 1.5, n))
    who = np.concatenate([np.repeat(np.arange(n), pages), np.repeat(n + np.arange(strangers), 3)])
    strange = who >= n
    at = at_hours(rng, START + days_in_year(rng, len(who)) * DAY, 6, 24)
    order = np.argsort(at, kind="stable")
    who, at, strange = who[order], at[order], strange[order]
    known = np.where(strange, 0, who)
    members = ~strange & (np.isnat(people.joined[known]) | (at > people.joined[known]))
    logged = members & (rng.uniform(size=len(who)) < 0.3)
    device = np.concatenate([people.device, np.char.add("x", np.char.zfill(np.arange(strangers).astype(str), 8))])
    origin = rng.choice(("direct", "search", "review site", "newsletter"), len(who), p=(0.5, 0.37, 0.03, 0.1))
    return {
        "page_id": np.arange(len(who), dtype=np.int64),
        "seen_at": at,
        "device": device[who],
        "customer_no": np.where(logged, people.number[known], ""),
        "page": rng.choice(company.PAGES, len(who)),
        "came_from": origin,
    }


def advertisements(rng: np.random.Generator, people: People) -> Columns:
    """Advertisements seen, by device, bought from a platform that we can only influence."""
    n = int(len(people) * 2.5)
    strangers = len(people) * PROSPECTS_IN_TEN // 10
    device = np.concatenate([people.device, np.char.add("x", np.char.zfill(np.arange(strangers).astype(str), 8))])
    at = np.sort(at_hours(rng, START + days_in_year(rng, n) * DAY, 7, 24))
    return {
        "view_id": np.arange(n, dtype=np.int64),
        "seen_at": at,
        "device": rng.choice(device, n),
        "campaign": rng.choice(company.CAMPAIGNS, n),
    }


def mails(rng: np.random.Generator, people: People) -> Columns:
    """Newsletters sent, and when they were opened."""
    n = len(people)
    who = np.tile(np.arange(n), MAILS_A_YEAR)
    sent = START + np.repeat(np.arange(MAILS_A_YEAR) * 45 + 10, n) * DAY + 9 * HOUR + who % 3600 * SECOND
    there = (np.isnat(people.joined[who]) | (sent > people.joined[who])) & (people.email[who] != "none@none.com")
    who, sent = who[there], sent[there]
    opened = sent + rng.integers(300, 2 * 86_400, len(who)).astype("timedelta64[s]")
    return {
        "mail_id": np.arange(len(who), dtype=np.int64),
        "email": people.email[who],
        "sent_at": sent,
        "opened_at": np.where((rng.uniform(size=len(who)) < 0.22) & (opened < END), opened, NEVER),
        "campaign": rng.choice(company.CAMPAIGNS, len(who)),
    }


def till(rng: np.random.Generator, people: People) -> Columns:
    """Receipts of the shops, with a loyalty card."""
    near = np.flatnonzero(np.isin(people.town, ("Ardenby", "Korst", "Mellow Ford", "Quennel", "Brackmoor", "Saltmere")))
    who = np.repeat(near, rng.poisson(rng.gamma(1.0, 2.4, len(near))))
    at = at_hours(rng, START + days_in_year(rng, len(who)) * DAY, 9, 19)
    there = (at < people.leaving[who]) & (np.isnat(people.joined[who]) | (at > people.joined[who]))
    who, at = who[there], at[there]
    order = np.argsort(at, kind="stable")
    who, at = who[order], at[order]
    store = np.char.add("store-", np.char.replace(np.char.lower(people.town[who]), " ", "-"))
    cents = (rng.gamma(2.5, 1_100.0, len(who)) + 150).astype(np.int64)
    return {
        "Reçu": np.char.add("T", np.char.zfill(np.arange(len(who)).astype(str), 7)),
        "Date": at,
        "Store": store,
        "Card": people.number[who],
        "Total": cents,
    }


def boxes(rng: np.random.Generator, people: People) -> Columns:
    """The monthly pantry box: sent, delivered, and for some the end of it, with an exit survey."""
    n = len(people)
    takers = np.flatnonzero(rng.uniform(size=n) < BOX_SHARE)
    begun: Times = np.where(np.isnat(people.joined[takers]), START, day_of(people.joined[takers]) + 7 * DAY)
    ended: Times = begun + rng.exponential(600.0, len(takers)).astype(np.int64) * DAY
    box = np.repeat(np.arange(len(takers)), 12)
    sent: Times = START + np.tile(np.arange(12) * 30 + 4, len(takers)) * DAY + 6 * HOUR + box % 3600 * SECOND
    there = (sent >= begun[box]) & (sent < ended[box])
    box, sent = box[there], sent[there]
    arrived = at_hours(rng, day_of(sent) + rng.integers(1, 4, len(sent)) * DAY, 9, 19)
    rows = [("box_sent", box, sent), ("box_delivered", box, _known(arrived))]
    over = np.flatnonzero(ended < END)
    rows.append(("subscription_cancelled", over, ended[over] + 19 * HOUR))
    what = np.concatenate([np.full(len(which), name) for name, which, _ in rows])
    which, at = np.concatenate([row[1] for row in rows]), np.concatenate([row[2] for row in rows])
    keep = np.flatnonzero(~np.isnat(at) & (at < END))
    keep = keep[np.argsort(at[keep], kind="stable")]
    what, which, at = what[keep], which[keep], at[keep]
    return {
        "line_no": np.arange(len(what), dtype=np.int64),
        "at": at,
        "what": what,
        "subscription_no": np.char.add("S", np.char.zfill(which.astype(str), 5)),
        "customer_no": people.number[takers[which]],
        "price": np.where(what == "box_sent", BOX_EUR, 0.0),
        "exit_score": np.where(what == "subscription_cancelled", rng.integers(1, 5, len(what)).astype(str), ""),
    }


def _known(moment: Times) -> Times:
    return np.where(moment < END, moment, NEVER)


def strangers_asked(rng: np.random.Generator, people: People) -> Columns:
    """A panel of people who are not customers, asked what they think of the brand; one in ten joins later."""
    n = len(people) // 40
    later = rng.choice(np.flatnonzero(~np.isnat(people.joined)), n // 10, replace=False)
    email = np.char.add(np.char.add("panel", np.arange(n).astype(str)), "@panel.example")
    later = later[people.email[later] != "none@none.com"]
    email[: len(later)] = people.email[later]
    at = at_hours(rng, START + rng.integers(0, 30, n) * DAY, 9, 21)
    order = np.argsort(at, kind="stable")
    return {
        "panel_no": np.char.add("P", np.char.zfill(np.arange(n).astype(str), 5)),
        "at": at[order],
        "email": email[order],
        "impression": rng.integers(2, 10, n),
        "said": rng.choice(("Nice windows, never been in.", "My sister buys there.", "A bit dear?", ""), n),
    }
