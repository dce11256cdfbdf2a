"""A small workspace with published tables, typed and generated here: what pages are opened on in tests.

160 people of a firm with a web shop and a service desk over 14 months; every third one buys for a business account. In
autumn the carrier failed in the north: parcels came late, and few of those it hit ever answered a survey.
"""

from __future__ import annotations

import datetime as dt
import os
import random
from pathlib import Path

import ibis.expr.types as ir
import pyarrow as pa

from regard import board, experience, journeys
from regard.blueprint import read
from regard.engine import Engine, Publication, connect, schema
from regard.workspace import Workspace

AS_OF = dt.datetime(2026, 3, 1, 0, 0, tzinfo=dt.UTC)
START = dt.datetime(2025, 1, 6, 8, 0, tzinfo=dt.UTC)
DAY = dt.timedelta(days=1)
N_PEOPLE = 160
BLUEPRINT = """\
name: Lumen & Co
zone: Europe/Amsterdam
currency: EUR
functions:
  - {id: shop, label: Web shop, owner: Head of shop}
  - {id: logistics, label: Logistics, owner: Head of logistics}
  - {id: service, label: Service desk, owner: Head of service}
  - {id: billing, label: Billing}
channels:
  - {id: web, label: Web}
  - {id: phone, label: Telephone, service: true, cost_per_contact: 4.50}
  - {id: courier, label: Courier}
touchpoints:
  - {id: visit, label: Visit to the web shop, stage: interaction, channel: web, function: shop, when: {event: visit}}
  - {id: order, label: Order, stage: purchase, channel: web, function: shop, when: {event: order}}
  - id: delivery
    label: Delivery
    stage: use
    channel: courier
    function: logistics
    control: influenced
    when: {event: delivered}
  - id: service_call
    label: Call to the service desk
    stage: use
    channel: phone
    function: service
    when: {event: call}
  - {id: apology, label: Apology with a voucher, stage: use, function: service, when: {event: apology}}
  - {id: survey, label: Survey after delivery, stage: cultivation, function: service, when: {event: answer}}
  - {id: invoice, label: Invoice, stage: purchase, function: billing, when: {event: invoice}}
  - {id: comparison, label: Comparison sites, stage: discovery, directness: indirect, control: uncontrolled}
  - {id: farewell, label: Cancellation, stage: disengagement, channel: web, function: service, when: {event: cancelled}}
promises:
  - id: delivery_date
    label: Delivered by the date promised
    made: {event: order}
    claimed_in: checkout
    about: order
    promised: {property: promised_by}
    unit: time
    deadline: day
    kept: {event: delivered}
    delivered: {at: occurred}
    touchpoint: delivery
    function: logistics
scales:
  - {id: stars, low: 1, high: 5, detractor_to: 2, promoter_from: 4}
feedback:
  - {id: after_delivery, level: relationship, when: {event: answer}, scale: stars, about: order, touchpoint: survey}
impressions:
  - {kind: lateness, promise: delivery_date, unit: 1d, knots: [0, 3, 7]}
  - {kind: call, touch: service_call, weight: -0.15}
  - {kind: visit, touch: visit}
recovery: [apology]
journeys: {objects: [order], quiet: 30d}
freshness: {shop: 2d, desk: 1d}
"""


def touch(person: int, event: str, at: dt.datetime, number: int, **more: object) -> dict[str, object]:
    """One row of the table `touches`."""
    meaning: dict[str, tuple[str | None, ...]] = {
        "visit": ("visit", "interaction", "web", "shop", "owned", "customer", "shop"),
        "order": ("order", "purchase", "web", "shop", "owned", "customer", "shop"),
        "delivered": ("delivery", "use", "courier", "logistics", "influenced", "us", "shop"),
        "call": ("service_call", "use", "phone", "service", "owned", "customer", "desk"),
        "apology": ("apology", "use", None, "service", "owned", "us", "desk"),
        "answer": ("survey", "cultivation", None, "service", "owned", "customer", "desk"),
    }
    touchpoint, stage, channel, function, control, direction, source = meaning[event]
    row: dict[str, object] = dict.fromkeys(schema("touches").names)
    row |= {
        "person_id": person_id(person),
        "interaction_id": f"{number:05d}:{event}",
        "source": source,
        "at": at,
        "on": at.date(),
        "sequence": number,
        "precision": "instant",
        "event": event,
        "touchpoint": touchpoint,
        "stage": stage,
        "channel": channel,
        "function": function,
        "control": control,
        "direction": direction,
        "account": f"account-{person % 9}" if person % 3 == 0 else None,
        "unit": "north" if person % 4 == 0 else "south",
        "objects": [],
        "properties": [],
    }
    return row | more


def person_id(person: int) -> str:
    """The identifier of the sample's n-th person."""
    return f"{(person + 1) * 0x9E3779B97F4A7C15 % 2**64:016x}"


def order(person: int, at: dt.datetime, number: int, chance: random.Random) -> list[dict[str, object]]:
    """An order with its delivery and what followed, and the promise in `promise`."""
    thing = f"o{number:05d}"
    about: dict[str, object] = {"object_type": "order", "object_id": thing, "objects": [{"type": "order", "id": thing}]}
    due = (at + 4 * DAY).replace(hour=0, minute=0)
    broken = person % 4 == 0 and at.month in (9, 10, 11)
    late = chance.randint(4, 12) if broken or chance.random() < 0.05 else chance.choice([-1, -1, 0, 0, 0, 1])
    came = due + late * DAY + dt.timedelta(hours=chance.randint(7, 17))
    money: dict[str, object] = {"amount_minor": chance.randint(1900, 24_000), "currency": "EUR"}
    rows = [
        touch(person, "order", at, number, properties=[("promised_by", f"{due:%Y-%m-%dT%H:%M:%SZ}")], **about, **money)
    ]
    if came < AS_OF:
        rows.append(touch(person, "delivered", came, number, **about))
        if late > 3 and chance.random() < 0.6:
            rows.append(
                touch(person, "call", came + DAY, number, text="Where was my parcel?", duration_s=410.0, **about)
            )
            if chance.random() < 0.5:
                rows.append(touch(person, "apology", came + 2 * DAY, number, **about))
        if chance.random() < (0.2 if broken else 0.35) and came + 3 * DAY < AS_OF:
            rating = float(chance.choice([1, 1, 1, 2, 2, 3]) if late > 3 else chance.choice([3, 4, 4, 5, 5, 5]))
            said: dict[str, object] = {"rating": rating, "scale": "stars"}
            rows.append(touch(person, "answer", came + 3 * DAY, number, **about, **said))
    return rows


def lives(seed: int = 7) -> list[dict[str, object]]:
    """Everything that happened, in time order."""
    chance, rows, number = random.Random(seed), [], 0
    for person in range(N_PEOPLE):
        at = START + chance.random() * 200 * DAY
        while at < AS_OF:
            number += 1
            rows.append(touch(person, "visit", at, number))
            if chance.random() < 0.7:
                number += 1
                rows.extend(order(person, at + dt.timedelta(hours=1), number, chance))
            at += dt.timedelta(days=20 + chance.random() * 60)
    return sorted(rows, key=lambda row: (str(row["at"]), str(row["interaction_id"])))


def build(root: Path) -> Workspace:
    """Make the workspace, blueprint and published tables."""
    root.mkdir(parents=True, exist_ok=True)
    workspace = Workspace(root)
    workspace.blueprint.write_text(BLUEPRINT, encoding="utf-8")
    os.utime(workspace.blueprint, (START.timestamp(), START.timestamp()))
    engine = connect("duckdb", scratch=workspace.scratch, memory=2**30)
    try:
        publish(workspace, engine)
    finally:
        engine.close()
    return workspace


def promised(rows: list[dict[str, object]]) -> list[dict[str, object]]:
    """The table `promises`: one for each order."""
    by_event = {(row["object_id"], row["event"]): row for row in rows if row["object_id"]}
    found = []
    for (thing, event), row in by_event.items():
        if event != "order":
            continue
        text = dict(row["properties"])["promised_by"]  # type: ignore[call-overload]
        due = dt.datetime.fromisoformat(text)
        came = by_event.get((thing, "delivered"))
        at = came["at"] if came else None
        late = ((at or AS_OF) - due).total_seconds()  # type: ignore[operator]
        outcome = ("broken" if late >= 86_400 else "kept") if came else ("overdue" if late >= 86_400 else "open")
        found.append(
            {
                "promise_id": f"delivery_date:{thing}",
                "person_id": row["person_id"],
                "kind": "delivery_date",
                "object_type": "order",
                "object_id": thing,
                "touchpoint": "delivery",
                "function": "logistics",
                "made_at": row["at"],
                "made_by": row["interaction_id"],
                "claimed_in": "checkout",
                "due_at": due,
                "late_from_at": due + DAY,
                "delivered_at": at,
                "delivered_by": came["interaction_id"] if came else None,
                "promised_value": text,
                "delivered_value": f"{at:%Y-%m-%dT%H:%M:%SZ}" if at else None,
                "unit": "day",
                "late_days": int(late // 86_400),
                "late_s": late,
                "outcome": outcome,
                "as_of": AS_OF,
            }
        )
    return found


def handles(rows: list[dict[str, object]]) -> list[dict[str, object]]:
    """The table `persons`: a customer number and an address for each."""
    found = []
    for person in range(N_PEOPLE):
        mine = [row["at"] for row in rows if row["person_id"] == person_id(person)]
        for kind, handle in (("customer", f"C-{person:04d}"), ("email", f"person{person}@example.org")):
            held = {"kind": kind, "handle": handle, "person_id": person_id(person), "n_interactions": len(mine)}
            found.append(held | {"first_at": min(mine), "last_at": max(mine)})  # type: ignore[type-var]
    return found


def worth(rows: list[dict[str, object]]) -> list[dict[str, object]]:
    """The table `value`, from what was spent."""
    found = []
    for person in range(N_PEOPLE):
        mine = [row for row in rows if row["person_id"] == person_id(person)]
        bought = [row for row in mine if row["event"] == "order"]
        calls = sum(row["event"] == "call" for row in mine)
        spent = sum(int(str(row["amount_minor"])) for row in bought)
        alive = 0.95 if mine[-1]["at"] > AS_OF - 120 * DAY else 0.4  # type: ignore[operator]
        found.append(
            {
                "person_id": person_id(person),
                "n_purchases": len(bought),
                "spent_minor": spent,
                "p_alive": alive,
                "expected_purchases": len(bought) * alive,
                "expected_value_minor": spent * alive * 0.8,
                "currency": "EUR",
                "cost_to_serve_minor": calls * 450,
                "disruption_minor": calls * 450,
                "quadrant": ("mend" if calls else "cherish") if spent > 40_000 else ("rethink" if calls else "keep"),
                "horizon_s": 365 * 86_400.0,
                "as_of": AS_OF,
            }
        )
    return found


def publish(workspace: Workspace, engine: Engine) -> None:
    """Write and publish the derived tables that pages read."""
    blueprint = read(workspace.blueprint)
    publication = Publication(workspace, engine, as_of=AS_OF, now=AS_OF + dt.timedelta(hours=6))
    rows = lives()
    touches = publication.write("touches", arrow(engine, "touches", rows))
    written = {"touches": touches, "numbers": engine.keep(board.number_people(touches))}
    publication.number(written["numbers"])
    promises = publication.write("promises", arrow(engine, "promises", promised(rows)).drop("person"))
    written["persons"] = publication.write("persons", arrow(engine, "persons", handles(rows)))
    written["value"] = publication.write("value", arrow(engine, "value", worth(rows)))
    for name, table in journeys.split(touches, blueprint, engine).items():
        publication.write(name, table)
    perceived = experience.score(touches, promises, blueprint, engine, as_of=AS_OF)
    publication.note(experience.fits.NAME, experience.fits.save(perceived.fits))
    for name, table in perceived.tables.items():
        written[name] = publication.write(name, table)
    for name, table in board.gather(written, engine).items():
        publication.write(name, table)
    publication.publish({"horizon_s": 365 * 86_400.0, "engine": "duckdb", "ledger_version": 1})


def arrow(engine: Engine, name: str, rows: list[dict[str, object]]) -> ir.Table:
    """Rows as a lazy table in the shape of `tables.py`."""
    return engine.table(pa.Table.from_pylist(rows, schema=schema(name).to_pyarrow()))
