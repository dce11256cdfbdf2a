"""A ledger with everything in it that engines could see differently, from a seed, and small enough for every check.

People under several handles, some shared by a crowd; orders known to the courier by number only; tied instants, days
without a time, moments before 1970, text that sorts differently; answers on four scales; promises of every outcome;
accounts; four currencies; goods and money that come back; facts that arrive late, correct and retract one another.
"""

from __future__ import annotations

import datetime as dt
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
import pyarrow as pa

from regard.blueprint import read
from regard.engine import Engine, empty
from regard.identity import decide
from regard.ledger import Batch, Ledger
from regard.workspace import Workspace

PEOPLE, ORDERS, BOOKINGS, IDLE = 70, 240, 60, 260
START = dt.datetime(2025, 1, 5, 3, 30, tzinfo=dt.UTC)  # a change of summer time in Sao Paulo's past and in its future
NOW = dt.datetime(2026, 3, 1, tzinfo=dt.UTC)
CURRENCIES = ("EUR", "EUR", None, "USD", "JPY", "KWD")
WORDS = ("view", "search", "Ärger > groß", "σίγμας", "newsletter", "outage")
Row = dict[str, object]


def build(root: Path, engine: Engine) -> Workspace:
    """The workspace under `root`, its ledger filled in three loads."""
    root.mkdir(parents=True)
    shutil.copy(Path(__file__).parent / "everything.blueprint.yaml", root / "blueprint.yaml")
    workspace = Workspace(root)
    ledger = Ledger.open(workspace)
    facts = [*stories(np.random.default_rng(20260101))]
    late = [row for number, row in enumerate(facts) if number % 17 == 0]  # long known elsewhere, loaded after the rest
    first = [row for number, row in enumerate(facts) if number % 17 != 0]
    for name, rows in {"first": first, "late": late, "amended": [*amendments(facts)]}.items():
        for source in sorted({str(row["source"]) for row in rows}):
            mine = [row for row in rows if row["source"] == source]
            table = engine.table(pa.Table.from_pylist(mine, schema=empty("interactions").schema))
            ledger.append(Batch(source, table, file=f"{name}-{source}.csv"), engine, now=NOW)
    for side, rows in {"rates": rates(), "decisions": decisions(workspace)}.items():
        ledger.note(side, engine.table(rows), engine, now=NOW)
    return workspace


def stories(rng: np.random.Generator) -> Iterator[Row]:
    """Every fact, numbered in the order in which it was written down."""
    told = [
        *(row for number in range(ORDERS) for row in order(rng, number)),
        *(row for number in range(BOOKINGS) for row in booking(rng, number)),
        *(row for _ in range(IDLE) for row in idle(rng)),
        *(row for person in range(PEOPLE) for row in asked(rng, person)),
    ]
    for number, row in enumerate(told):
        yield {
            "interaction_id": f"i{number:05}",
            "sequence": number // 7,  # several rows share it, so that the id decides between tied instants
            "received_at": NOW,
            "zone": "America/Sao_Paulo",
            "precision": "instant",
            "direction": "customer",
            "source": "web",
            **row,
        }


def handles(rng: np.random.Generator, person: int) -> list[Mapping[str, str | None]]:
    """Some of a person's handles; office telephones and nobody's addresses among them."""
    known = [
        {"kind": "email", "value": f" P{person}@Example.org "},
        {"kind": "phone", "value": f"+49 30 555-{person if person % 9 else 0:03}"},
        {"kind": "device", "value": f"GerÄt{person * 2 + int(rng.integers(0, 2))}"},
        {"kind": "email", "value": ("info@x.org", "none@none.com", None)[person % 3]},
    ]
    return [handle for handle in known if rng.random() < 0.55]


def fact(rng: np.random.Generator, person: int, at: dt.datetime, event: str, **more: object) -> Row:
    """One fact of a person; every fifth customer buys for an account, and some rows name nobody."""
    business = {"account": f"acme-{person % 4}", "role": ("buyer", "user")[person % 2]} if person % 5 == 0 else {}
    return {"occurred_at": at, "event": event, "handles": handles(rng, person), **business, **more}


def thing(kind: str, number: object, qualifier: str | None = None) -> Row:
    return {"type": kind, "id": f"{kind[0]}{number}", "qualifier": qualifier}


def later(rng: np.random.Generator, at: dt.datetime, days: float) -> dt.datetime:
    """Some time after `at`: often to the whole hour, so that moments are tied, else to the microsecond."""
    then = at + dt.timedelta(days=float(days))
    return then.replace(minute=0, second=0, microsecond=0) if rng.random() < 0.35 else then


def moment(rng: np.random.Generator) -> dt.datetime:
    return later(rng, START, 340 * rng.random() ** 0.8)


def order(rng: np.random.Generator, number: int) -> Iterator[Row]:
    """From purchase to review; what the courier writes down names the order only."""
    person = int(PEOPLE * rng.random() ** 1.7)
    about = [thing("order", number), thing("seller", int(rng.integers(0, 6)), "sold by")]
    bought, currency = moment(rng), str(rng.choice([one or "" for one in CURRENCIES])) or None
    due = bought + dt.timedelta(days=int(rng.integers(2, 9)))
    said = [f"{due:%Y-%m-%dT%H:%M:%SZ}", f"{due:%Y-%m-%d}", "soon"][int(rng.choice(3, p=[0.8, 0.15, 0.05]))]
    facts = [("due", said), ("items", str(int(rng.integers(1, 9)))), ("note", f"n°{number}")]
    money = int(rng.integers(500, 90_000))
    yield fact(rng, person, bought, "purchase", objects=about, properties=facts, amount_minor=money,
               currency=currency, channel="web", unit=("north", "south", None)[number % 3])  # fmt: skip
    came = later(rng, bought, float(rng.gamma(4.0, 1.4)))
    fate = rng.choice(["cancelled", "never", "came"], p=[0.1, 0.08, 0.82])
    if fate == "cancelled":
        yield fact(rng, person, later(rng, bought, 6 * rng.random()), "cancelled", objects=about)
    elif fate == "came":
        day = rng.random() < 0.2
        midnight = came.replace(hour=3, minute=0, second=0, microsecond=0)  # in Sao Paulo
        yield {"occurred_at": midnight if day else came, "precision": "day" if day else "instant", "handles": [],
               "event": "delivered", "objects": about[:1], "source": "courier", "direction": "us"}  # fmt: skip
        yield from aftermath(rng, person, came, about, money, currency, late=max(0.0, (came - due).days))


def aftermath(
    rng: np.random.Generator,
    person: int,
    came: dt.datetime,
    about: list[Row],
    money: int,
    currency: str | None,
    *,
    late: float,
) -> Iterator[Row]:
    """What customers say and send back once the parcel has come."""
    said = ["praise", "complaint", "quiet"][int(rng.choice(3, p=[0.08, 0.12, 0.8]))]
    kind = "not at the door" if rng.random() < 0.6 else "dented"
    if said != "quiet":
        yield fact(rng, person, later(rng, came, 0.5), said, objects=about[:1], kind=kind)
    if rng.random() < 0.62:
        stars = float(np.clip(round(4.3 - 0.6 * late + rng.normal(0, 1.0)), 1, 5))
        yield fact(rng, person, later(rng, came, 2 * rng.random()), "review", objects=about[:1], rating=stars,
                   scale="stars", text="Später, größer · ok" if stars < 3 else None, language="de")  # fmt: skip
    if rng.random() < 0.2:
        effort = float(np.clip(round(5 - late + rng.normal(0, 1.5)), 1, 7))
        yield fact(rng, person, later(rng, came, 3), "effort", objects=about[:1], rating=effort, scale="effort")
    if rng.random() < 0.15:
        goods = rng.random() < 0.5
        yield fact(rng, person, later(rng, came, 5), "returned" if goods else "refund", objects=about[:1],
                   amount_minor=-money // 3, currency=currency, direction="customer" if goods else "us")  # fmt: skip
    if rng.random() < 0.25:
        yield from contact(rng, person, later(rng, came, 2), about[:1])


def contact(rng: np.random.Generator, person: int, at: dt.datetime, about: list[Row]) -> Iterator[Row]:
    """A call or a chat; some ask to be called back, and some are."""
    kind = ["asks for a call", "needs assistance", None][int(rng.choice(3, p=[0.4, 0.1, 0.5]))]
    channel = str(rng.choice(["phone", "chat"]))
    yield fact(rng, person, at, "contact", objects=about, kind=kind, channel=channel, source="desk",
               duration_s=float(rng.integers(30, 900)), cost_minor=250 if rng.random() < 0.1 else None)  # fmt: skip
    if kind == "asks for a call" and rng.random() < 0.7:
        yield fact(rng, person, later(rng, at, 2 * rng.random()), "contact", channel="phone", source="desk",
                   direction="us", actor="employee")  # fmt: skip
    if rng.random() < 0.4:
        yield fact(rng, person, later(rng, at, 3), "apology", objects=about, source="desk", direction="us")


def booking(rng: np.random.Generator, number: int) -> Iterator[Row]:
    """A room and a price promised, and what came of both."""
    person, at = int(rng.integers(0, PEOPLE)), moment(rng)
    about, rooms = [thing("booking", number)], ["A", "B", "3"]
    offered = round(float(rng.integers(60, 200)) + rng.random(), 2)
    reserved = [("reserved", str(rng.choice(rooms))), ("offered", str(offered))]
    yield fact(rng, person, at, "booked", objects=about, properties=reserved, amount_minor=int(offered * 100),
               currency="EUR")  # fmt: skip
    if rng.random() < 0.15:
        yield fact(rng, person, later(rng, at, 3), "cancelled", objects=about)
    elif rng.random() < 0.85:
        charged = round(offered + float(rng.choice([0.0, 0.3, 15.0, -12.0, -3.0])), 2)
        assigned = [("assigned", str(rng.choice([*rooms, "3.0"]))), ("charged", str(charged))]
        yield fact(rng, person, later(rng, at, 10), "arrived", objects=about, properties=assigned, source="desk")


def idle(rng: np.random.Generator) -> Iterator[Row]:
    """Visits and what nobody planned; some long before 1970, some of nobody."""
    person, at = int(rng.integers(0, PEOPLE)), moment(rng)
    if rng.random() < 0.03:
        at = at.replace(year=1969, month=12)
    row = fact(rng, person, at, str(rng.choice(WORDS)), channel=None if rng.random() < 0.5 else "web")
    yield row | ({"handles": None} if rng.random() < 0.05 else {})


def asked(rng: np.random.Generator, person: int) -> Iterator[Row]:
    """Would they recommend us? Asked up to three times, on one of two scales."""
    for _ in range(int(rng.integers(0, 4))):
        scale, high = (("nps", 10), ("smiles", 3))[int(rng.random() < 0.25)]
        rating = float(np.clip(round(high * (0.75 + 0.2 * rng.normal())), 0 if scale == "nps" else 1, high))
        yield fact(rng, person, moment(rng), "recommend", rating=rating, scale=scale, source="survey")


def amendments(facts: list[Row]) -> Iterator[Row]:
    """Ratings put right, an order taken back, a correction of a correction, and a retraction that is retracted."""
    reviews = [row for row in facts if row["event"] == "review"][:12]
    for number, row in enumerate(reviews):
        mine = {"source": row["source"], "interaction_id": f"c{number:03}", "received_at": NOW}
        if number % 3:
            yield row | mine | {"rating": 1.0 + number % 5, "corrects": row["interaction_id"]}
        else:
            yield row | mine | {"retracts": row["interaction_id"], "rating": None}
    again = {"interaction_id": "d001", "rating": 3.0, "corrects": "c001", "received_at": NOW + dt.timedelta(hours=1)}
    yield reviews[1] | again
    yield reviews[3] | {"interaction_id": "d003", "retracts": "c003", "rating": None, "received_at": NOW}


def rates() -> pa.Table:
    """A rate on the first of every month."""
    worth = {"USD": 0.92, "JPY": 0.0061, "KWD": 3.02}
    months = [dt.date(2024 + month // 12, month % 12 + 1, 1) for month in range(11, 27)]
    rows = [
        {"currency": currency, "on": on, "rate": rate * (1 + place / 100), "source": "bank"}
        for currency, rate in worth.items()
        for place, on in enumerate(months)
    ]
    return pa.Table.from_pylist(rows, schema=empty("rates").schema)


def decisions(workspace: Workspace) -> pa.Table:
    """What people decided about identity: joined, parted, and thought better of."""
    blueprint = read(workspace.blueprint)
    said = (
        ("merge", ("email", "p1@example.org"), ("email", "p2@example.org"), None),
        ("split", ("email", "p3@example.org"), ("phone", "4930555003"), "two people"),
        ("merge", ("email", "p4@example.org"), ("email", "p5@example.org"), None),
        ("undo", ("email", "p5@example.org"), ("email", "p4@example.org"), "a mistake"),
    )
    rows = [
        decide(what, one, other, blueprint=blueprint, at=NOW + dt.timedelta(hours=number), by="ann", reason=reason)
        for number, (what, one, other, reason) in enumerate(said)
    ]
    return pa.concat_tables(rows)
