"""Make interactions of a fictional shop as canonical Parquet, from a seed: the input of the benchmarks.

    python benchmarks/generate.py FOLDER --interactions 10000000 --people 400000 --seed 20260101

Thirteen kinds of event within a year. Orders are objects; the courier knows only the order; people browse under a
device before they log in under an e-mail address. Every row is in the shape of `tables.INTERACTIONS`; files are made
one chunk at a time, and a chunk depends on the seed and its number only, so that memory stays flat and any machine
makes the same rows.
"""

from __future__ import annotations

import argparse
import datetime as dt
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from regard.engine import schema

START_US = int(dt.datetime(2025, 1, 1, tzinfo=dt.UTC).timestamp()) * 1_000_000
HOUR_US = 3_600_000_000
YEAR_US = 365 * 24 * HOUR_US
SOURCES = ("web", "shop", "courier", "desk", "survey")
# (event, source, channel, direction, mean hours since the event before it, known by)
ORDER_STORY = (
    ("search", "web", "web", "customer", 0.0, "device"),
    ("view", "web", "web", "customer", 0.1, "device"),
    ("basket", "web", "web", "customer", 0.2, "both"),
    ("login", "web", "web", "customer", 0.05, "both"),
    ("purchase", "shop", "web", "customer", 0.1, "both"),
    ("confirmed", "shop", "email", "us", 0.02, "both"),
    ("shipped", "courier", "courier", "us", 20.0, "none"),
    ("delivered", "courier", "courier", "us", 48.0, "none"),
)
AFTERMATH = (
    ("review", "survey", "email", "customer", 72.0, "both"),
    ("service_call", "desk", "phone", "customer", 60.0, "both"),
    ("refund", "shop", "web", "us", 90.0, "both"),
)
IDLE = (
    ("newsletter", "web", "email", "us", 0.0, "both"),
    ("visit", "web", "web", "customer", 0.0, "both"),
)
STORY = ORDER_STORY + AFTERMATH + IDLE
EVENTS = [story[0] for story in STORY]


@dataclass(frozen=True)
class Size:
    """How much to make; people have a heavy-tailed number of visits, from a device or two of their own."""

    interactions: int
    people: int
    seed: int = 20260101
    chunk: int = 500_000


def word(prefix: str, numbers: np.ndarray, suffix: str = "") -> pa.Array:
    text = pc.cast(pa.array(numbers), pa.string())
    parts = [pa.scalar(prefix), text, pa.scalar(suffix), pa.scalar("")]
    return pc.binary_join_element_wise(*parts)


def stories(rng: np.random.Generator, rows: int, people: int) -> dict[str, np.ndarray]:
    """Rows of whole stories: about nine in ten belong to orders, the rest are newsletters and visits."""
    orders = int(rows * 0.88 / (len(ORDER_STORY) + 0.62))
    person = np.minimum((rng.beta(0.9, 1.6, orders) * people).astype(np.int64), people - 1)
    start = START_US + (rng.random(orders) * YEAR_US).astype(np.int64)
    first = len(ORDER_STORY)
    taken = np.ones((orders, first + len(AFTERMATH)), dtype=bool)
    taken[:, first:] = rng.random((orders, len(AFTERMATH))) < (0.32, 0.22, 0.08)
    hours = np.array([story[4] for story in ORDER_STORY + AFTERMATH])
    gaps = rng.exponential(1.0, taken.shape) * hours
    gaps[:, first:] += gaps[:, :first].sum(axis=1, keepdims=True)
    gaps[:, :first] = gaps[:, :first].cumsum(axis=1)
    order, event = np.nonzero(taken)
    at = start[order] + (gaps[order, event] * HOUR_US).astype(np.int64)
    late = (gaps[order, 7] - gaps[order, 6]) > 110.0
    idle = rows - len(order)
    return {
        "order": np.concatenate([order, np.full(idle, -1)]),
        "event": np.concatenate([event, first + len(AFTERMATH) + rng.integers(0, len(IDLE), idle)]),
        "person": np.concatenate([person[order], rng.integers(0, people, idle)]),
        "at": np.concatenate([at, START_US + (rng.random(idle) * YEAR_US).astype(np.int64)]) // 1000 * 1000,
        "late": np.concatenate([late, np.zeros(idle, dtype=bool)]),
    }


def lists(wanted: list[tuple[np.ndarray, pa.StructArray]], rows: int) -> pa.ListArray:
    """A list a row, from structs that only some rows (a mask each) have; lists keep the order of `wanted`."""
    masks = np.stack([mask for mask, _ in wanted], axis=1)
    offsets = np.concatenate([[0], masks.sum(axis=1).cumsum()]).astype(np.int32)
    pool = pa.concat_arrays([values for _, values in wanted])
    index = np.arange(rows)[:, None] + np.arange(len(wanted))[None, :] * rows
    return pa.ListArray.from_arrays(pa.array(offsets), pool.take(pa.array(index[masks])))


def pair(kind: str, values: pa.Array, names: tuple[str, ...]) -> pa.StructArray:
    kinds = pa.DictionaryArray.from_arrays(pa.array(np.zeros(len(values), np.int8)), [kind]).cast(pa.string())
    columns = [kinds, values, pa.nulls(len(values), pa.string())][: len(names)]
    return pa.StructArray.from_arrays(columns, names=list(names))


def chunk(size: Size, number: int, rows: int) -> pa.Table:
    rng = np.random.default_rng([size.seed, number])
    made = stories(rng, rows, size.people)
    event, person, has_order = made["event"], made["person"], made["order"] >= 0
    known = np.array([story[5] for story in STORY])[event]
    second = rng.random(rows) < 0.25  # a person's other device, the same for all of one order
    device = person * 2 + np.where(has_order, second[made["order"]], second)
    numbers = np.arange(rows) + number * size.chunk
    order = word(f"o{number}-", made["order"])
    handles = lists(
        [
            (np.isin(known, ["both", "device"]), pair("device", word("d", device), ("kind", "value"))),
            (np.isin(known, ["both", "email"]), pair("email", word("p", person, "@example.org"), ("kind", "value"))),
        ],
        rows,
    )
    objects = lists([(has_order, pair("order", order, ("type", "id", "qualifier")))], rows)
    columns = {
        "interaction_id": word("i", numbers),
        "occurred_at": pa.array(made["at"], pa.timestamp("us", tz="UTC")),
        "sequence": pa.array(numbers, pa.int64()),
        "received_at": pa.array(made["at"] + 1_000_000, pa.timestamp("us", tz="UTC")),
        "event": pa.array(EVENTS).take(pa.array(event)),
        "handles": handles,
        "objects": objects,
        "properties": promised(made, rows),
        **worded(event, rows),
        **measured(rng, made, rows),
    }
    shape = schema("interactions").to_pyarrow()
    full = [columns[f.name].cast(f.type) if f.name in columns else pa.nulls(rows, f.type) for f in shape]
    return pa.Table.from_arrays(full, schema=shape)


def worded(event: np.ndarray, rows: int) -> dict[str, pa.Array]:
    def pick(column: int) -> pa.Array:
        return pa.array([story[column] for story in STORY]).take(pa.array(event))

    same = pa.array(["UTC", "instant"])
    return {
        "source": pick(1),
        "channel": pick(2),
        "direction": pick(3),
        "zone": same.take(pa.array(np.zeros(rows, np.int8))),
        "precision": same.take(pa.array(np.ones(rows, np.int8))),
    }


def measured(rng: np.random.Generator, made: dict[str, np.ndarray], rows: int) -> dict[str, pa.Array]:
    """Ratings fall with lateness; purchases have money, calls a duration."""
    event = made["event"]
    review, bought, called = (event == EVENTS.index(name) for name in ("review", "purchase", "service_call"))
    back = event == EVENTS.index("refund")
    rating = np.clip(np.round(4.4 - 1.9 * made["late"] + rng.normal(0, 0.9, rows)), 1, 5)
    money = np.round(rng.lognormal(8.2, 0.7, rows)).astype(np.int64) * np.where(back, -1, 1)
    euro = pa.array(["EUR"]).take(pa.array(np.zeros(rows, np.int8)))
    stars = pa.array(["stars"]).take(pa.array(np.zeros(rows, np.int8)))
    return {
        "rating": pa.array(rating, mask=~review),
        "scale": pc.if_else(pa.array(review), stars, None),
        "amount_minor": pa.array(money, mask=~(bought | back)),
        "currency": pc.if_else(pa.array(bought | back), euro, None),
        "duration_s": pa.array(np.round(rng.exponential(300.0, rows)), mask=~called),
    }


def promised(made: dict[str, np.ndarray], rows: int) -> pa.MapArray:
    """Purchases promise delivery within five days."""
    bought = np.nonzero(made["event"] == EVENTS.index("purchase"))[0]
    due = pa.array((made["at"][bought] + 5 * 24 * HOUR_US) // 1_000_000, pa.timestamp("s"))
    text = pc.strftime(due, format="%Y-%m-%dT%H:%M:%SZ")
    counts = np.zeros(rows, np.int32)
    counts[bought] = 1
    offsets = pa.array(np.concatenate([[0], counts.cumsum()]).astype(np.int32))
    keys = pa.array(["due"]).take(pa.array(np.zeros(len(bought), np.int8)))
    return pa.MapArray.from_arrays(offsets, keys, text)


def generate(folder: Path, size: Size) -> list[Path]:
    """Write the files, one a chunk, and return them in order."""
    folder.mkdir(parents=True, exist_ok=True)
    files = []
    for number, first in enumerate(range(0, size.interactions, size.chunk)):
        path = folder / f"part-{number:05d}.parquet"
        table = chunk(size, number, min(size.chunk, size.interactions - first))
        pq.write_table(table, path, compression="zstd", compression_level=1, row_group_size=122_880)
        files.append(path)
    return files


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--interactions", type=int, default=1_000_000)
    parser.add_argument("--people", type=int, default=40_000)
    parser.add_argument("--seed", type=int, default=20260101)
    said = parser.parse_args()
    files = generate(said.folder, Size(said.interactions, said.people, said.seed))
    print(f"{said.interactions:,} interactions of {said.people:,} people in {len(files)} files under {said.folder}")


if __name__ == "__main__":
    main()
