"""Who the customers are: drawn once, with what they bring along and how they can be reached."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from regard.demo import company, truths

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Words = npt.NDArray[np.str_]
Flags = npt.NDArray[np.bool_]
Times = npt.NDArray[np.datetime64]
Column = npt.NDArray[np.generic]
Columns = dict[str, Column]

START = np.datetime64(f"{truths.YEAR}-01-01T00:00:00", "s")
END = np.datetime64(f"{truths.YEAR + 1}-01-01T00:00:00", "s")
DAY = np.timedelta64(86_400, "s")
HOUR = np.timedelta64(3_600, "s")
SECOND = np.timedelta64(1, "s")
DAYS = int((END - START) / DAY)
NEVER = np.datetime64("NaT", "s")


@dataclass(frozen=True)
class People:
    """Consumers, one place in each array a person; local times of the company's zone.

    leaving : when they quietly stop buying; leaning : eta they bring along; joined : NaT for those of earlier years.
    """

    number: Words
    first: Words
    last: Words
    email: Words
    phone: Words
    device: Words
    region: Words
    town: Words
    flat: Flags
    leaning: Floats
    joined: Times
    leaving: Times
    vulnerable: Flags

    def __len__(self) -> int:
        return len(self.number)


def draw(rng: np.random.Generator, n: int) -> People:
    """`n` consumers."""
    region = rng.choice(company.REGIONS, n, p=company.SHARES)
    towns = {name: np.array(company.TOWNS[name]) for name in company.REGIONS}
    town = np.array([towns[name][pick] for name, pick in zip(region, rng.integers(0, 3, n), strict=True)])
    first, last = rng.choice(company.FIRST, n), rng.choice(company.LAST, n)
    place = np.arange(n)
    stem = np.char.lower(np.char.add(np.char.add(first, "."), last))
    email = np.char.add(np.char.add(stem, place.astype(str)), "@mail.example")
    joined = START + (rng.uniform(0, DAYS * 86_400 * 0.9, n)).astype("timedelta64[s]")
    joined[rng.uniform(size=n) < 0.7] = NEVER
    begun = np.where(np.isnat(joined), START, joined)
    return People(
        number=np.char.add("C", np.char.zfill(place.astype(str), 6)),
        first=first,
        last=last,
        email=np.where(rng.uniform(size=n) < 0.02, "none@none.com", email),
        phone=np.char.add("+324", np.char.zfill((place * 37 + 10_000_000).astype(str), 8)),
        device=np.char.add("d", np.char.zfill((place * 7919 % 10_000_019).astype(str), 8)),
        region=region,
        town=town,
        flat=rng.uniform(size=n) < np.array([company.FLATS[name] for name in region]),
        leaning=rng.normal(0.0, truths.LEANING_SD, n),
        joined=joined,
        leaving=begun + (rng.exponential(3.0 * DAYS * 86_400, n)).astype("timedelta64[s]"),
        vulnerable=place % max(n // truths.VULNERABLE, 1) == 5,
    )


def days_in_year(rng: np.random.Generator, size: int, *, winter: float = 1.7) -> Ints:
    """Days of the year, 0 to 364; November and December `winter` times as busy."""
    weight = np.ones(DAYS)
    weight[304:] = winter
    return np.asarray(rng.choice(DAYS, size, p=weight / weight.sum()), dtype=np.int64)


def at_hours(rng: np.random.Generator, days: Times, first: int, last: int) -> Times:
    """A moment between two hours of each day."""
    moment: Times = days + rng.integers(first * 3600, last * 3600, len(days)).astype("timedelta64[s]")
    return moment


def day_of(moment: Times) -> Times:
    """The first second of each moment's day."""
    return moment.astype("datetime64[D]").astype("datetime64[s]")


def until_end(moment: Times) -> Times:
    """The moments, and NaT for those the exports, drawn at the year's end, cannot know."""
    return np.where(moment < END, moment, NEVER)
