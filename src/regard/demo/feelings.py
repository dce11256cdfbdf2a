"""What they feel and what of it they say: the stated model of `truths`, and who answers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from regard.demo import company, truths
from regard.demo.orders import Orders, as_known
from regard.demo.people import (
    DAY,
    END,
    NEVER,
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

ASKED_A_YEAR = 3


@dataclass(frozen=True)
class Moments:
    """What happened to people that stays with them: whose, when, how much (eta), and whether it was bad."""

    who: Ints
    at: Times
    size: Floats
    loss: Flags


def moments(orders: Orders, apologies: tuple[Ints, Times]) -> Moments:
    """Everything that counts towards how people regard the company.

    apologies : whose and when.
    """
    regard, there = truths.REGARD, ~np.isnat(orders.delivered)
    late, failed = there & (orders.late > 0), ~np.isnat(orders.failed)
    good = there & (orders.late == 0) & ~orders.entrance
    lateness = regard["late"] + regard["late_to_7_days"] * np.minimum(orders.late, 7) / 7
    parts = [
        (orders.who[late], orders.delivered[late], lateness[late]),
        (orders.who[failed], orders.failed[failed], np.full(int(failed.sum()), regard["payment_failed"])),
        (
            orders.who[orders.entrance],
            orders.delivered[orders.entrance],
            np.full(int(orders.entrance.sum()), regard["left_at_entrance"]),
        ),
        (orders.who[good], orders.delivered[good], np.full(int(good.sum()), regard["good"])),
        (*apologies, np.full(len(apologies[0]), regard["apology"])),
    ]
    who, at, size = (np.concatenate([part[place] for part in parts]) for place in range(3))
    order = np.lexsort((at, who))
    return Moments(who[order], at[order], size[order], size[order] < 0)


def regard_at(people: People, lived: Moments, who: Ints, at: Times) -> Floats:
    """How the people `who` regard the company at the moments `at`, in eta."""
    first = np.searchsorted(lived.who, who, side="left")
    n = np.searchsorted(lived.who, who, side="right") - first
    ask = np.repeat(np.arange(len(who)), n)
    offset = np.arange(len(ask)) - np.repeat(np.cumsum(n) - n, n)
    event = np.repeat(first, n) + offset
    days = (at[ask] - lived.at[event]) / DAY
    faded = np.where(lived.loss[event], truths.memory(days, loss=True), truths.memory(days, loss=False))
    felt = np.where(days > 0, lived.size[event] * faded, 0.0)
    return np.asarray(people.leaning[who] + np.bincount(ask, weights=felt, minlength=len(who)), dtype=np.float64)


def answers(rng: np.random.Generator, people: People, orders: Orders, lived: Moments, *, response: float) -> Columns:
    """Every survey sent, and what came back: columns of the survey tool's export, in time order.

    response : share that answers at a middling regard.
    """
    parts = [_about_orders(rng, people, orders, lived, response), _about_us(rng, people, lived, response)]
    whole = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    order = np.argsort(whole["sent_at"], kind="stable")
    return {name: column[order] for name, column in whole.items()}


def _about_orders(rng: np.random.Generator, people: People, orders: Orders, lived: Moments, response: float) -> Columns:
    came = np.flatnonzero(~np.isnat(orders.delivered))
    sent = at_hours(rng, day_of(orders.delivered[came]) + DAY, 9, 12)
    came, sent = came[sent < END], sent[sent < END]
    who = orders.who[came]
    answered = _answered(rng, people, who, sent, regard_at(people, lived, who, sent), response)
    eta = people.leaning[who] + as_known(orders)[came]
    score = 1 + _drawn(rng, eta, truths.CSAT_CUTS)
    upset = np.where(orders.entrance[came], rng.choice(company.NOT_AT_DOOR, len(came)), _comment(rng, score <= 3))
    comment = np.where(score >= 4, _comment(rng, score <= 3), upset)
    return _rows(people, "order", who, sent, answered, score, orders.number[came], comment)


def _about_us(rng: np.random.Generator, people: People, lived: Moments, response: float) -> Columns:
    who = np.repeat(np.arange(len(people)), ASKED_A_YEAR)
    day: Times = START + rng.integers(20, 364, len(who)) * DAY
    sent = at_hours(rng, day, 9, 12)
    known = (np.isnat(people.joined[who]) | (sent > people.joined[who] + 14 * DAY)) & (sent < people.leaving[who])
    who, sent = who[known], sent[known]
    eta = regard_at(people, lived, who, sent)
    answered = _answered(rng, people, who, sent, eta, response)
    score = ratings(rng, eta)
    return _rows(people, "nps", who, sent, answered, score, np.full(len(who), ""), _comment(rng, score <= 6))


def ratings(rng: np.random.Generator, eta: Floats) -> Ints:
    """Likelihood to recommend, 0 to 10: the class from the model, the answer within it as people use the scale."""
    kind = _drawn(rng, eta, truths.NPS_CUTS)
    low = rng.choice(7, len(eta), p=(0.05, 0.04, 0.06, 0.10, 0.15, 0.28, 0.32))
    middle, high = rng.choice((7, 8), len(eta), p=(0.45, 0.55)), rng.choice((9, 10), len(eta), p=(0.45, 0.55))
    return np.asarray(np.choose(kind, (low, middle, high)), dtype=np.int64)


def _drawn(rng: np.random.Generator, eta: Floats, cuts: tuple[float, ...]) -> Ints:
    """A class for each eta from the cumulative logit P(class <= k) = logistic(cut_k - eta)."""
    felt = eta + rng.logistic(size=len(eta))
    return np.asarray(np.searchsorted(np.array(cuts), felt), dtype=np.int64)


def _answered(rng: np.random.Generator, people: People, who: Ints, sent: Times, eta: Floats, response: float) -> Times:
    """When they answered, NaT for most: the pleased answer more, the quiet region hardly at all."""
    share = np.where(people.region[who] == truths.QUIET_REGION, truths.QUIET_RESPONSE, response)
    logit = np.log(share / (1 - share)) + truths.RESPONSE_SLOPE * eta
    says = rng.uniform(size=len(who)) < 1 / (1 + np.exp(-logit))
    when = sent + rng.integers(600, 4 * 86_400, len(who)).astype("timedelta64[s]")
    return np.where(says & (when < END), when, NEVER)


def _comment(rng: np.random.Generator, sorry: Flags) -> Words:
    n = len(sorry)
    said = np.where(sorry, rng.choice(company.SORRY, n), rng.choice(company.GLAD, n))
    return np.where(rng.uniform(size=n) < 0.5, said, "")


def _rows(
    people: People, survey: str, who: Ints, sent: Times, answered: Times, score: Ints, order: Words, comment: Words,
) -> Columns:  # fmt: skip
    silent = np.isnat(answered)
    return {
        "survey": np.full(len(who), survey),
        "sent_at": sent,
        "answered_at": answered,
        "customer_no": people.number[who],
        "order_no": order,
        "score": np.where(silent, "", score.astype(str)),
        "comment": np.where(silent, "", comment),
    }
