"""A small shop that things keep happening to, and a way to hold its tables against those worked out from nothing."""

from __future__ import annotations

import datetime as dt
import math
import shutil
from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa

from regard import pipeline
from regard.engine import Engine, Published, schema
from regard.ledger import Batch, Ledger
from regard.tables import TABLES, table
from regard.workspace import Workspace

START = dt.datetime(2025, 1, 1, 9, tzinfo=dt.UTC)
NOW = dt.datetime(2026, 3, 1, 10, 15, tzinfo=dt.UTC)
SOURCE = "shop"

BLUEPRINT = """\
# A shop of few customers
name: Shop
zone: Europe/Berlin
currency: EUR
functions: [{id: logistics, label: Logistics}, {id: service, label: Service}]
channels: [{id: phone, label: Telephone, service: true, cost_per_contact: 4.00}]
identity:
  handles:
    - {kind: email, normal: email}
    - {kind: customer, normal: exact}
    - {kind: phone, limit: 2, block: ["000*"]}
    - {kind: postcode, links: false}
  person_objects: [order]
touchpoints:
  - {id: order_placed, label: Order, stage: purchase, function: logistics, when: {event: purchase}}
  - {id: parcel, label: Parcel, stage: use, function: logistics, when: {event: delivered}}
  - {id: call, label: Call, stage: use, function: service, channel: phone, when: {event: call}}
  - {id: apology, label: Apology, stage: use, function: service, when: {event: apology}}
  - {id: asked, label: Review, stage: advocacy, function: service, when: {event: review}}
  - {id: whole, label: Recommend, stage: advocacy, function: service, when: {event: nps}}
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
    void: {event: cancelled}
  - id: call_back
    label: Called back within a day
    made: {event: call}
    promised: {after: 1d}
    unit: time
    deadline: instant
    kept: {event: apology}
    delivered: {at: occurred}
scales:
  - {id: stars, low: 1, high: 5, detractor_to: 2, promoter_from: 4, asks: satisfaction}
  - {id: ten, low: 0, high: 10, detractor_to: 6, promoter_from: 9, asks: recommend}
feedback:
  - {id: review, level: transaction, when: {event: review}, scale: stars, about: order}
  - {id: nps, level: relationship, when: {event: nps}, scale: ten}
impressions:
  - {kind: lateness, promise: on_time, unit: 1d, knots: [0, 3]}
  - {kind: call_back, promise: call_back, unit: 1h}
  - {kind: wait, wait: {from: order_placed, to: parcel}, unit: 1d}
  - {kind: call, touch: call}
  - {kind: felt, felt: review}
recovery: [apology]
journeys: {objects: [order], quiet: 30d}
value: {purchase: {event: purchase}, refund: {event: refund}, about: order, horizon: 52w}
"""
RECORD = "  - {kind: seller_record, record: seller, on: order_placed, strength: 5}\n"


def make(root: Path, *, records: bool = False) -> Workspace:
    root.mkdir(parents=True)
    text = BLUEPRINT.replace("recovery:", f"{RECORD}recovery:") if records else BLUEPRINT
    (root / "blueprint.yaml").write_text(text, encoding="utf-8")
    return Workspace(root)


def event(name: str, what: str, day: float, *handles: tuple[str, str], **said: object) -> dict[str, object]:
    """One interaction; `day` counts from the start."""
    order, seller = said.pop("order", None), said.pop("seller", None)
    objects = [
        {"type": kind, "id": one, "qualifier": None} for kind, one in (("order", order), ("seller", seller)) if one
    ]
    return {
        "interaction_id": name,
        "occurred_at": START + dt.timedelta(days=day),
        "event": what,
        "direction": "customer",
        "channel": "phone" if what == "call" else "web",
        "handles": [{"kind": kind, "value": value} for kind, value in handles],
        "objects": objects,
        "currency": "EUR" if "amount_minor" in said else None,
        "scale": {"review": "stars", "nps": "ten"}.get(what),
        **said,
    }


def bring(shop: Workspace, rows: Sequence[dict[str, object]], engine: Engine, *, at: dt.datetime = NOW) -> None:
    """Append interactions in one batch."""
    shape = schema("interactions").to_pyarrow()
    batch = Batch(source=SOURCE, interactions=engine.table(pa.Table.from_pylist(list(rows), schema=shape)))
    done = Ledger.open(shop).append(batch, engine, now=at)
    assert done.n_rejects == 0, done.sample


def note(shop: Workspace, name: str, rows: Sequence[dict[str, object]], engine: Engine) -> None:
    """Add rows to another table of the ledger."""
    table_ = pa.Table.from_pylist(list(rows), schema=schema(name).to_pyarrow())
    Ledger.open(shop).note(name, engine.table(table_), engine, now=NOW)


def past(n_people: int = 40) -> list[dict[str, object]]:
    """A year of orders, calls and answers, enough to fit something on."""
    rows: list[dict[str, object]] = []
    for who in range(n_people):
        mail, number = ("email", f"p{who}@x.org"), ("customer", f"K{who}")
        for nth in range(1 + who % 4):
            day, order = 3.0 * who % 200 + 40 * nth, f"o{who}-{nth}"
            late = (who * 7 + nth) % 6
            due = (START + dt.timedelta(days=day + 4)).strftime("%Y-%m-%dT%H:%M:%SZ")
            handles = (mail, number) if nth == 0 else (mail,)
            rows += [
                event(f"{order}:b", "purchase", day, *handles, order=order, seller=f"s{who % 3}",
                      amount_minor=1000 + 37 * who + 100 * nth, properties=[("due", due)]),
                event(f"{order}:d", "delivered", day + 2 + late, order=order),
                event(f"{order}:r", "review", day + 8, mail, order=order, rating=float(1 + (5 - late + who % 2) % 5)),
            ]  # fmt: skip
        if who % 3 == 0:
            rows.append(
                event(f"c{who}", "call", 100.5 + who, number, ("phone", f"49301{who // 6}"), ("postcode", "10115"))
            )
        if who % 5 == 0:
            rows.append(event(f"n{who}", "nps", 240.0 + who % 7, mail, rating=float(4 + who % 7)))
        rows.append(event(f"v{who}", "visit", 20.0 + who, ("cookie", f"w{who}")))
    return rows


# -- holding two states of the tables against each other ------------------------------------------------------------

Rows = list[dict[str, object]]


def read(published: Published, engine: Engine) -> dict[str, Rows]:
    """All derived tables, with names in the place of numbers."""
    found = {name: engine.rows(published.table(name, engine)).to_pylist() for name in published.counts}
    codes = {row["code"]: row["name"] for row in found["step_names"]} | {None: None}
    ways = {row["variant_id"]: row["variant"] for row in found["variants"]}
    walked = {row["journey"]: row for row in found["journeys"]}
    assert len(walked) == len(found["journeys"]), "a number of a journey stands for two"
    people = {row["person_id"]: row["person"] for row in found["profiles"]} | {None: None}
    numbers = {number: who for who, number in people.items()}
    assert len(numbers) == len(people), "a number of a person stands for two"
    for row in found["steps"]:
        assert numbers[row["person"]] == walked[row["journey"]]["person_id"]
        row.update(journey=walked[row["journey"]]["journey_id"], this=codes[row["this"]], next=codes[row["next"]],
                   person=numbers[row["person"]])  # fmt: skip
    for row in found["journeys"]:
        row.update(variant_id=ways[row["variant_id"]], journey=None)
    for row in found["step_names"]:
        row["code"] = None
    for row in found["variants"]:
        row["variant_id"] = None
    for name in ("contributions", "promises", "feedback", "profiles"):
        for row in found[name]:
            assert row.pop("person") == people[row["person_id"]], f"{name} does not know {row['person_id']}"
    for name, rows in found.items():
        assert len(rows) == published.counts[name], f"{name} has {len(rows)} rows, {published.counts[name]} are said"
    return found


def from_nothing(shop: Workspace, engine: Engine, *, as_of: dt.datetime, beside: Path) -> dict[str, Rows]:
    """What a run from nothing gives on the same fits, as of a time, in a copy of the workspace."""
    if beside.exists():
        shutil.rmtree(beside)
    shutil.copytree(shop.root, beside)
    order = pipeline.Order(now=NOW, as_of=as_of, keep_fits=True)
    return read(pipeline.run(Workspace(beside), engine, order), engine)


OF_FITS = ("models", "leanings", "calibration")


def hold(shop: Workspace, engine: Engine, beside: Path, *, everything: bool = False) -> None:
    """Assert that the tables that readers see are those worked out from nothing, each row as of its own time.

    everything : rows of an earlier time are held against a run as of that time, too.
    """
    published = Published.current(shop)
    have = read(published, engine)
    moments = {row["person_id"]: row["as_of"] for row in have["value"]}
    if not everything:
        older = {who for who, at in moments.items() if at != published.as_of}
        have = {
            name: [row for row in rows if "as_of" not in row or row["person_id"] not in older]
            if name not in OF_FITS
            else []
            for name, rows in have.items()
        }
    want = {
        at: from_nothing(shop, engine, as_of=at, beside=beside)
        for at in ({*moments.values(), published.as_of} if everything else {published.as_of})
        if isinstance(at, dt.datetime)
    }
    now = want[published.as_of]
    assert set(moments) == {row["person_id"] for row in now["value"]}
    for name in published.counts:
        if name in OF_FITS:
            continue
        if "as_of" not in table(name).names:
            same(name, have[name], now[name])
            continue
        wanted = [
            row
            for at, found in want.items()
            for row in found[name]
            if (moments.get(row["person_id"]) if row["person_id"] is not None else published.as_of) == at
        ]
        same(name, have[name], wanted)


def same(name: str, have: Rows, want: Rows) -> None:
    """Assert that two lists hold the same rows, floats to a billionth."""
    mine, theirs = (sorted(rows, key=lambda row: key_of(name, row)) for rows in (have, want))
    keys, others = ([key_of(name, row) for row in rows] for rows in (mine, theirs))
    extra, missing = sorted(set(keys) - set(others)), sorted(set(others) - set(keys))
    assert keys == others, f"{name}: {extra[:3]} should not be there, {missing[:3]} should"
    for one, other in zip(mine, theirs, strict=True):
        differ = {
            column: (one[column], other[column])
            for column in one
            if not alike(one[column], other[column])
            and not (column == "as_of" and name == "promises" and one["person_id"] is None)
        }
        assert not differ, f"{name} {key_of(name, one)}: (have, want) {differ}"


def key_of(name: str, row: dict[str, object]) -> str:
    columns = {"step_names": ("name",), "variants": ("variant",)}.get(name, TABLES[name].key)
    return repr([row[column] for column in columns])


def alike(one: object, other: object) -> bool:
    if isinstance(one, float) and isinstance(other, float):
        return math.isclose(one, other, rel_tol=1e-9, abs_tol=1e-9)
    if isinstance(one, list) and isinstance(other, list):
        return sorted(map(repr, one)) == sorted(map(repr, other))
    return one == other
