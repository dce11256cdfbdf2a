"""Identity and journeys give the same tables on every engine."""

from __future__ import annotations

import datetime as dt

import ibis
import numpy as np
import pyarrow as pa
import pytest

from regard.blueprint import Blueprint, Handle, JourneySettings, Rule, Touchpoint
from regard.engine import empty
from regard.identity import components, decide, find, resolve
from regard.journeys import journey_map, split, touch

pytestmark = pytest.mark.conformance

BLUEPRINT = Blueprint(
    "Shop",
    zone="Europe/Berlin",
    handles=(
        Handle("email", normal="email", block=("info@*",)),
        Handle("phone", normal="phone", limit=4),
        Handle("device"),
    ),
    person_objects=("order",),
    touchpoints=(
        Touchpoint("search", "Search", "discovery", Rule("event", ("search", "view")), function="web"),
        Touchpoint(
            "delivery", "Delivery", "use", Rule("event", ("deliver*",)), channel="courier", control="influenced"
        ),
    ),
    journeys=JourneySettings(objects=("case", "order"), quiet_s=86_400.0 * 20),
)
EVENTS = ("search", "view", "purchase", "delivered", "call", "Ärger > groß")
N = 1500


def interactions() -> pa.Table:
    """Rows with all that engines like to see differently: nulls, ties, times before 1970, accents, odd values."""
    rng = np.random.default_rng(7)
    rows = []
    for number in range(N):
        person, event = int(rng.integers(0, 60)), EVENTS[int(rng.integers(0, len(EVENTS)))]
        handles = [
            {"kind": "email", "value": f" P{person}@Example.org "},
            {"kind": "phone", "value": f"+49 30 555-{person if person % 9 else 0:03}"},
            {"kind": "device", "value": f"GerÄtİΣΑΣ{person * 2 + int(rng.integers(0, 2))}"},
            {"kind": "email", "value": ["info@x.org", "none@none.com", None][person % 3]},
        ]
        kept = [handle for handle in handles if rng.random() < 0.4]
        order = {"type": "order", "id": f"o{person}-{int(rng.integers(0, 4))}", "qualifier": None}
        case = {"type": "case", "id": f"c{int(rng.integers(0, 30))}", "qualifier": "about"}
        objects = [one for one, share in ((order, 0.5), (case, 0.1)) if rng.random() < share]
        minutes = int(rng.integers(-400, 400)) * 720 + (0 if rng.random() < 0.3 else int(rng.integers(0, 60)))
        at = dt.datetime(1970, 1, 1, tzinfo=dt.UTC) + dt.timedelta(minutes=minutes, microseconds=number * 123)
        rows.append(
            {
                "interaction_id": f"i{number:05}",
                "source": "ab"[number % 2],
                "occurred_at": at if number % 3 else at.replace(microsecond=0),
                "sequence": number // 50,
                "event": event,
                "channel": None if number % 4 else "web",
                "handles": kept if number % 11 else None,
                "objects": objects,
                "properties": [("n", str(number))] if number % 2 else None,
            }
        )
    return pa.Table.from_pylist(rows, schema=empty("interactions").schema)


def decisions() -> pa.Table:
    def said(decision, one, other, day):
        at = dt.datetime(2025, 1, day, tzinfo=dt.UTC)
        return decide(
            decision, one, other, blueprint=BLUEPRINT, at=at, by="ann", reason=None if day % 2 else "she said so"
        )

    return pa.concat_tables(
        [
            said("merge", ("email", "p1@example.org"), ("email", "p2@example.org"), 1),
            said("split", ("email", "p3@example.org"), ("phone", "4930555003"), 2),
            said("merge", ("email", "p4@example.org"), ("email", "p5@example.org"), 3),
            said("undo", ("email", "p5@example.org"), ("email", "p4@example.org"), 4),
            said("merge", ("email", "p6@example.org"), ("card", "77"), 5),
        ]
    )


def test_identity(agree):
    def work(engine):
        found = resolve(engine.table(interactions()), engine.table(decisions()), BLUEPRINT, engine)
        facts = engine.table(pa.Table.from_pylist([dict(found.facts)]))
        asked = find("P1@example.org", found.persons, BLUEPRINT)
        assigned = found.assigned.select("interaction_id", "source", "person_id")
        return {"persons": found.persons, "merges": found.merges, "assigned": assigned, "facts": facts, "asked": asked}

    found = agree(work, counts={"assigned": N, "asked": 1})
    assert set(found["merges"]["outcome"].to_pylist()) == {"linked", "decided", "split", "refused"}
    assert found["facts"]["n_through_object"][0].as_py() > 0


def test_components_contracted_to_the_end(agree):
    rng = np.random.default_rng(3)
    pairs = {tuple(sorted(map(int, pair))) for pair in rng.integers(0, 300, (280, 2))}
    kept = sorted((a, b) for a, b in pairs if a != b)
    edges = pa.table({"a": [a for a, _ in kept], "b": [b for _, b in kept]})
    agree(lambda engine: {"labels": components(engine.table(edges), engine, few=0)})


@pytest.mark.parametrize("by", ["touchpoint", "event"])
def test_journeys(agree, by):
    table = interactions()
    people = [None if number % 5 == 0 else f"{number % 40:016x}" for number in range(N)]
    table = table.append_column("person_id", pa.array(people, pa.string()))
    journeys = JourneySettings(objects=BLUEPRINT.journeys.objects, quiet_s=BLUEPRINT.journeys.quiet_s, by=by)
    blueprint = Blueprint("Shop", zone=BLUEPRINT.zone, touchpoints=BLUEPRINT.touchpoints, journeys=journeys)

    def work(engine):
        touches = engine.keep(touch(engine.table(table), blueprint))
        found = split(touches, blueprint, engine)
        long_ago = dt.datetime(1969, 12, 1, tzinfo=dt.UTC)
        seen = journey_map(
            found["steps"], found["step_names"], lambda asked: engine.rows(asked).to_pylist(), since=long_ago
        )
        small = {"nodes": seen.nodes, "edges": seen.edges}
        return {
            "touches": touches,
            **found,
            **{name: engine.table(pa.Table.from_pylist(rows)) for name, rows in small.items()},
        }

    about = table["objects"].to_pylist()
    n_alone = sum(person is None and not some for person, some in zip(people, about, strict=True))
    agree(work, counts={"touches": N, "steps": N - n_alone})


def test_rows_made_distinct_under_a_condition_and_ordered(agree):
    """Ibis once made the columns of the condition distinct too, on Spark only: purchases were counted twice."""
    table = pa.table({"a": [1, 1, 2, 2, None, None], "b": [1, 2, 3, 4, 5, 6]})

    def work(engine):
        rows = engine.table(table)
        distinct = rows.filter(rows.b.notnull() & (rows.b != 4)).select("a").distinct()
        said = rows.select(a=rows.a, one=1, twice=rows.a * 2).distinct()
        return {
            "ordered": distinct.order_by(distinct.a.desc()),
            "first": distinct.order_by("a").limit(1),
            "plain": distinct,
            "said": said,
            "above": distinct.filter(distinct.a > 1),
        }

    agree(work, counts={"ordered": 3, "plain": 3, "said": 3, "first": 1, "above": 1})


def test_a_number_written_in_an_expression_is_a_double(agree):
    """Spark reads 0.5 as a decimal, of which a third is cut short; Sail cannot join decimals of several widths."""
    table = pa.table({"n": [1, 2, 3]})

    def work(engine):
        rows = engine.table(table)
        some = ibis.cases((rows.n == 1, 0.5), (rows.n == 2, 450.0 + rows.n / 3.0 * 80.25), else_=0.0)
        return {"costs": rows.select("n", cost=some, whole=(some + 0.5).floor().cast("int64"), third=rows.n * 0.1 / 3)}

    found = agree(work, counts={"costs": 3})
    assert found["costs"]["cost"].to_pylist() == pytest.approx([0.5, 503.5, 0.0], abs=1e-12)
