"""The business customers: a sponsor who signs, users who live with it, one shared telephone, and one "difficult" man or
woman who is our own failure demand."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from regard.demo import company, truths
from regard.demo.feelings import ratings
from regard.demo.orders import since
from regard.demo.people import DAY, END, HOUR, NEVER, START, Columns, Ints, Times, Words, at_hours, day_of

USERS = 14
ORDERS_A_USER = 20
ANSWERS = 0.3


@dataclass(frozen=True)
class Staff:
    """People who work for the business customers; the first of each account is its sponsor."""

    account: Words
    role: Words
    email: Words
    phone: Words

    def __len__(self) -> int:
        return len(self.email)


def staff(rng: np.random.Generator) -> Staff:
    """A sponsor and users of each account; everyone in an office has the office's telephone."""
    per = USERS + 1
    account = np.repeat(company.ACCOUNTS, per)
    place = np.tile(np.arange(per), len(company.ACCOUNTS))
    domain = np.array([f"{''.join(name.lower().split()[:2])}.example" for name in company.ACCOUNTS])
    stem = np.char.lower(np.char.add(np.char.add(rng.choice(company.FIRST, len(account)), "."), place.astype(str)))
    email = np.char.add(np.char.add(stem, "@"), np.repeat(domain, per)).astype(object)
    email[np.flatnonzero(account == truths.ACCOUNT)[1]] = truths.DIFFICULT
    office = np.char.add("+3225550", np.char.zfill((np.arange(len(company.ACCOUNTS)) * 11 + 100).astype(str), 4))
    return Staff(account, np.where(place == 0, "sponsor", "user"), email.astype(str), np.repeat(office, per))


@dataclass(frozen=True)
class Supplies:
    """Orders of business users; `late` in days."""

    who: Ints
    placed: Times
    due: Times
    delivered: Times
    late: Ints


def supplies(rng: np.random.Generator, team: Staff) -> Supplies:
    """A year of orders; those of one account fail from the summer on, and all of one user's."""
    users = np.flatnonzero(team.role == "user")
    difficult = int(np.flatnonzero(team.email == truths.DIFFICULT)[0])
    who = np.repeat(users[users != difficult], ORDERS_A_USER)
    placed = START + rng.integers(0, 363, len(who)) * DAY
    regular = START + (12 + np.arange(truths.DIFFICULT_CONTACTS) * 14) * DAY
    who = np.concatenate([who, np.full(len(regular), difficult)])
    placed = at_hours(rng, np.concatenate([placed, regular]), 8, 18)
    order = np.argsort(placed, kind="stable")
    who, placed = who[order], placed[order]
    failing = (team.account[who] == truths.ACCOUNT) & since(placed, truths.FAILING_FROM)
    share = np.where(who == difficult, 1.0, np.where(failing, truths.FAILING_LATE, 0.05))
    late = np.where(rng.uniform(size=len(who)) < share, rng.integers(2, 7, len(who)), 0)
    due = day_of(placed) + 2 * DAY
    delivered = at_hours(rng, due + np.where(late > 0, late, -rng.integers(0, 2, len(who))) * DAY, 9, 17)
    return Supplies(who, placed, due, np.where(delivered < END, delivered, NEVER), late)


def orders_export(rng: np.random.Generator, team: Staff, bought: Supplies) -> Columns:
    n = len(bought.who)
    return {
        "po_number": _numbers(n),
        "account": team.account[bought.who],
        "role": team.role[bought.who],
        "ordered_by": team.email[bought.who],
        "office_phone": team.phone[bought.who],
        "ordered_at": bought.placed,
        "promised_on": bought.due.astype("datetime64[D]"),
        "delivered_at": bought.delivered,
        "net_amount": np.round(rng.gamma(4.0, 55.0, n) + 20.0, 2),
    }


def contacts_export(team: Staff) -> Columns:
    """Who works for which account, in which role, since when: nobody came or left within the year."""
    n = len(team)
    return {
        "email": team.email,
        "account": team.account,
        "group": np.where(np.isin(team.account, company.IN_GROUP), company.GROUP, ""),
        "role": team.role,
        "since": np.full(n, START.astype("datetime64[D]")),
        "until": np.full(n, ""),
    }


def _numbers(n: int) -> Words:
    return np.char.add("B", np.char.zfill((np.arange(n) + 5_000).astype(str), 6))


def relations_export(rng: np.random.Generator, team: Staff, bought: Supplies) -> Columns:
    """What the account managers keep: signatures, reviews with sponsors, renewals, answers, and complaints."""
    parts = [_contracts(team), _reviews(rng, team), _answers(rng, team, bought), _complaints(rng, team, bought)]
    whole = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    keep = np.flatnonzero(whole["at"] < END)
    keep = keep[np.argsort(whole["at"][keep], kind="stable")]
    number = np.char.add("M", np.char.zfill(np.arange(len(keep)).astype(str), 5))
    return {"entry_no": number, **{name: column[keep] for name, column in whole.items()}}


def _entries(team: Staff, who: Ints, at: Times, what: str, **said: object) -> Columns:
    n = len(who)
    columns = {"po_number": "", "channel": "meeting", "score": "", "minutes": 0.0, "renews_on": "", "note": ""} | said
    return {
        "at": at,
        "what": np.full(n, what),
        "account": team.account[who],
        "role": team.role[who],
        "email": team.email[who],
        **{name: value if isinstance(value, np.ndarray) else np.full(n, value) for name, value in columns.items()},
    }


def _contracts(team: Staff) -> Columns:
    sponsors = np.flatnonzero(team.role == "sponsor")
    renewal = np.datetime64(truths.RENEWAL, "s") + np.arange(len(sponsors)) * 21 * DAY
    signed = START + (5 + np.arange(len(sponsors))) * DAY + 10 * HOUR
    signing = _entries(team, sponsors, signed, "contract_signed", renews_on=renewal.astype("datetime64[D]").astype(str))
    soon = sponsors[:3]
    offered = np.full(len(soon), np.datetime64(f"{truths.YEAR}-12-15T11:00:00", "s"))
    offer = _entries(team, soon, offered, "renewal_offered", renews_on=renewal[:3].astype("datetime64[D]").astype(str))
    return {name: np.concatenate([signing[name], offer[name]]) for name in signing}


def _reviews(rng: np.random.Generator, team: Staff) -> Columns:
    """Quarterly meetings with the sponsors, who hear of plans and not of parcels."""
    sponsors = np.repeat(np.flatnonzero(team.role == "sponsor"), 4)
    quarter = np.tile(np.arange(4) * 91 + 40, len(sponsors) // 4)
    at = at_hours(rng, START + quarter * DAY, 10, 16)
    return _entries(team, sponsors, at, "business_review", minutes=60.0, note="Sponsor delighted with the partnership.")


def _answers(rng: np.random.Generator, team: Staff, bought: Supplies) -> Columns:
    """Likelihood to recommend, asked of everyone each quarter; the sponsor of the failing account says ten."""
    who = np.tile(np.arange(len(team)), 4)
    at = at_hours(rng, START + np.repeat(np.arange(4) * 91 + 60, len(team)) * DAY, 9, 17)
    failed = (bought.late > 0) & ~np.isnat(bought.delivered)
    before = (bought.who[failed][None, :] == who[:, None]) & (bought.delivered[failed][None, :] < at[:, None])
    age = (at[:, None] - bought.delivered[failed][None, :]) / DAY
    size = truths.REGARD["late"] + truths.REGARD["late_to_7_days"] * np.minimum(bought.late[failed], 7) / 7
    felt = (np.where(before, truths.memory(np.maximum(age, 0.0), loss=True), 0.0) * size[None, :]).sum(axis=1)
    score = ratings(rng, felt + rng.normal(0.4, 0.4, len(who)))
    delighted = (team.role[who] == "sponsor") & (team.account[who] == truths.ACCOUNT)
    score = np.where(delighted, 10, score)
    says = delighted | (rng.uniform(size=len(who)) < ANSWERS)
    entries = _entries(team, who, at, "nps_answer", channel="email", score=score.astype(str))
    return {name: column[says] for name, column in entries.items()}


def _complaints(rng: np.random.Generator, team: Staff, bought: Supplies) -> Columns:
    """Calls about late orders: now and then by most, each time by the one they call difficult."""
    difficult = team.email[bought.who] == truths.DIFFICULT
    calls = difficult | (rng.uniform(size=len(bought.who)) < 0.15)
    which = np.flatnonzero(calls & (bought.late > 0) & ~np.isnat(bought.delivered))
    at = at_hours(rng, day_of(bought.delivered[which]) + DAY, 8, 17)
    numbers = _numbers(len(bought.who))[which]
    minutes = np.where(difficult[which], 35.0, 8.0)
    return _entries(team, bought.who[which], at, "contact", channel="phone", po_number=numbers, minutes=minutes,
                    note="Late again, wants to know why.")  # fmt: skip
