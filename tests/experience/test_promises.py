"""What becomes of promises: every outcome typed by hand, the rules of time and tying, real orders and bookings."""

import calendar
import csv
import datetime as dt
from collections import Counter
from dataclasses import replace
from functools import cache
from statistics import mean
from zoneinfo import ZoneInfo

import ibis
import numpy as np
import pyarrow as pa
import pyarrow.csv as pacsv
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from regard.blueprint import Blueprint, Feedback, Promise, Rule, Scale, ValueOf, read
from regard.engine import schema
from regard.experience import keep_promises, kept_rate
from regard.experience.exceeding import Bin, least

DAY = dt.timedelta(days=1)
SAO_PAULO = ZoneInfo("America/Sao_Paulo")


def event(*names):
    return Rule("event", names)


DELIVERY = Promise(
    "delivery",
    "Delivered in time",
    made=event("purchase"),
    kept=event("delivered"),
    promised=ValueOf(property="est"),
    delivered=ValueOf(at=True),
    about="order",
    void=event("canceled"),
    letter=event("complaint"),
    exceeded=event("praise"),
    function="logistics",
    claimed_in="checkout",
)
ROOM = Promise(
    "room",
    "The room reserved",
    made=event("booked"),
    kept=event("arrived"),
    promised=ValueOf(property="reserved"),
    delivered=ValueOf(property="assigned"),
    about="booking",
    unit="room type",
)


def at(day, hour=0, minute=0):
    return dt.datetime(2018, 1, 1, hour, minute, tzinfo=dt.UTC) + (day - 1) * DAY


def touch(when, name, about=None, *, person="p1", **more):
    facts = {"person_id": person, "at": when, "event": name, "precision": "instant", "channel": "web", **more}
    kind = more.pop("of", "order")
    facts["objects"] = [{"type": kind, "id": about, "qualifier": None}] if about else []
    facts["object_type"], facts["object_id"] = (kind, about) if about else (None, None)
    facts["properties"] = list(more.pop("facts", {}).items())
    return facts


def table(rows):
    names = schema("touches").names
    full = [
        {**dict.fromkeys(names), "source": "s", "sequence": n, "interaction_id": f"i{n:04}"}
        | {name: value for name, value in row.items() if name in names}
        for n, row in enumerate(rows)
    ]
    return pa.Table.from_pylist(full, schema=schema("touches").to_pyarrow())


def kept(engine, rows, *promises, as_of, zone="UTC", **more):
    blueprint = Blueprint("X", zone=zone, promises=promises, **more)
    made = keep_promises(engine.table(table(rows)), blueprint, engine, as_of=as_of)
    assert {**made.schema(), "person": ibis.dtype("int32")} == dict(schema("promises"))  # filled in when written
    found = engine.rows(made.order_by("promise_id")).to_pylist()
    assert len({row["promise_id"] for row in found}) == len(found)
    return found


def outcomes(found):
    return {row["promise_id"]: row["outcome"] for row in found}


EST = {"est": "2018-01-10T02:00:00Z"}  # midnight in Sao Paulo's summer, so the day promised is the tenth


def test_each_outcome_of_a_promise_of_a_day(engine):
    rows = [
        *(touch(at(1), "purchase", order, facts=EST) for order in "abcdefghij"),
        touch(at(11, 1, 59), "delivered", "a"),  # the last minute of the tenth in Sao Paulo
        touch(at(11, 2), "delivered", "b"),  # the first of the eleventh
        touch(at(4), "delivered", "c"),
        touch(at(5), "complaint", "c"),
        touch(at(4), "delivered", "d"),
        touch(at(5), "praise", "d"),
        touch(at(3), "canceled", "e"),
        touch(at(12), "canceled", "f"),  # too late to make it void
        touch(at(3), "purchase", "g", facts={"est": "2018-01-20T02:00:00Z"}),
        touch(at(19), "delivered", "g"),
        touch(at(1), "purchase", "k", facts={"est": "2018-02-20T02:00:00Z"}),
        touch(at(12), "purchase", "i", facts={"est": "2018-02-20T02:00:00Z"}),  # replaced when it was late
        touch(at(20), "delivered", "j"),
        touch(at(1), "purchase", "l"),  # nothing was promised
    ]
    found = kept(engine, rows, DELIVERY, as_of=at(25), zone="America/Sao_Paulo")
    assert outcomes(found) == {
        "delivery:a": "kept",
        "delivery:b": "broken",
        "delivery:c": "kept_in_letter",
        "delivery:d": "exceeded",
        "delivery:e": "void",
        "delivery:f": "broken",
        "delivery:g": "void",
        "delivery:g:s:i0018": "kept",
        "delivery:h": "overdue",
        "delivery:i": "broken",
        "delivery:i:s:i0021": "open",
        "delivery:j": "broken",
        "delivery:k": "open",
    }
    by = {row["promise_id"]: row for row in found}
    late = by["delivery:b"]
    assert (late["late_days"], late["late_s"], late["unit"]) == (1, 86_400.0, "day")
    assert (late["promised_value"], late["delivered_value"]) == ("2018-01-10", "2018-01-11")
    assert (late["made_by"], late["delivered_by"]) == ("i0001", "i0011")
    assert late["late_from_at"] == at(11, 2)
    assert (late["object_type"], late["object_id"], late["claimed_in"], late["function"]) == (
        "order",
        "b",
        "checkout",
        "logistics",
    )
    assert by["delivery:c"]["late_days"] == -7
    assert by["delivery:h"]["late_days"] == 14
    assert by["delivery:k"]["late_days"] == -26  # the clocks went back: two o'clock is the nineteenth
    assert by["delivery:g"]["voided_at"] == at(3)
    assert by["delivery:e"]["late_days"] is None
    assert by["delivery:g"]["delivered_at"] is None


def test_by_instant_the_moment_counts_and_being_on_time_is_not_late(engine):
    promise = replace(DELIVERY, deadline="instant")
    rows = [
        *(touch(at(1), "purchase", order, facts={"est": "2018-01-10T12:00:00Z"}) for order in "abc"),
        touch(at(10, 12), "delivered", "a"),
        touch(at(10, 12, 1), "delivered", "b"),
        touch(at(10, 23), "delivered", "c", precision="day"),  # only the day is known
    ]
    found = kept(engine, rows, promise, as_of=at(25))
    assert [row["outcome"] for row in found] == ["kept", "broken", "kept"]
    assert found[1]["late_s"] == 60.0
    assert (found[1]["promised_value"], found[1]["unit"]) == ("2018-01-10T12:00:00Z", "instant")
    assert all(row["late_from_at"] == row["due_at"] for row in found)


def test_a_date_without_a_time_is_that_day_here(engine):
    rows = [touch(at(1), "purchase", "a", facts={"est": "2018-01-10"}), touch(at(11, 1, 59), "delivered", "a")]
    (row,) = kept(engine, rows, DELIVERY, as_of=at(25), zone="America/Sao_Paulo")
    assert (row["outcome"], row["due_at"], row["late_from_at"]) == ("kept", at(10, 2), at(11, 2))


def test_what_is_not_known_yet_is_not_read(engine):
    rows = [touch(at(1), "purchase", "a", facts=EST), touch(at(4), "delivered", "a"), touch(at(5), "praise", "a")]
    seen = [kept(engine, rows, DELIVERY, as_of=at(day))[0]["outcome"] for day in (3, 4, 5)]
    assert seen == ["open", "kept", "exceeded"]


def test_the_first_delivery_counts_and_ties_go_by_sequence(engine):
    rows = [
        touch(at(1), "purchase", "a", facts=EST),
        touch(at(12), "delivered", "a"),
        touch(at(4), "delivered", "a"),
        touch(at(2), "delivered", "b"),
        touch(at(2), "purchase", "b", facts=EST),  # the delivery before it, at the same moment, is not its own
    ]
    assert outcomes(kept(engine, rows, DELIVERY, as_of=at(5))) == {"delivery:a": "kept", "delivery:b": "open"}


def test_made_and_kept_by_one_interaction(engine):
    promise = replace(ROOM, made=event("arrived"))
    facts = {"reserved": "A", "assigned": "C"}
    (row,) = kept(engine, [touch(at(1), "arrived", "x", of="booking", facts=facts)], promise, as_of=at(2))
    assert (row["outcome"], row["made_by"], row["delivered_by"]) == ("broken", "i0000", "i0000")
    assert row["reason"] == "came as C where A was promised"


@pytest.mark.parametrize(
    ("better", "tolerance", "got", "outcome", "missed_by"),
    [
        ("same", 0.0, "10", "kept", 0.0),
        ("same", 0.0, "10.0", "kept", 0.0),
        ("same", 0.5, "10.5", "kept", 0.5),
        ("same", 0.5, "11", "broken", 1.0),
        ("lower", 0.0, "9", "kept", -1.0),
        ("lower", 0.0, "10.01", "broken", 0.01),
        ("lower", 0.0, "8", "exceeded", -2.0),
        ("higher", 0.0, "12", "exceeded", 2.0),
        ("higher", 1.0, "9", "kept", -1.0),
        ("higher", 0.0, "ten", "broken", None),
        ("same", 0.0, None, "kept", None),
    ],
)
def test_values_are_compared_in_their_unit(engine, better, tolerance, got, outcome, missed_by):
    beyond = None if better == "same" else 2.0
    promise = replace(ROOM, unit="EUR", better=better, tolerance=tolerance, exceeded_by=beyond)
    rows = [
        touch(at(1), "booked", "x", of="booking", facts={"reserved": "10"}),
        touch(at(2), "arrived", "x", of="booking", facts={} if got is None else {"assigned": got}),
    ]
    (row,) = kept(engine, rows, promise, as_of=at(3))
    assert row["outcome"] == outcome
    assert row["missed_by"] == (None if missed_by is None else pytest.approx(missed_by))
    assert (row["promised_value"], row["delivered_value"], row["due_at"]) == ("10", got, None)


def test_a_value_can_have_a_deadline_too(engine):
    promise = replace(ROOM, due=ValueOf(after_s=2 * 86_400.0), promised=ValueOf(literal="to your door"))
    rows = [touch(at(1), "booked", name, of="booking") for name in "abc"]
    came = (("a", 3, "to your door"), ("b", 5, "to your door"), ("c", 2, "kiosk"))
    rows += [touch(at(day), "arrived", name, of="booking", facts={"assigned": place}) for name, day, place in came]
    found = kept(engine, rows, promise, as_of=at(9))
    assert [(row["outcome"], row["reason"]) for row in found] == [
        ("kept", "came in time"),
        ("broken", "came late"),
        ("broken", "came as kiosk where to your door was promised"),
    ]


def test_without_an_object_the_next_delivery_keeps_all_that_are_open(engine):
    promise = replace(DELIVERY, about=None, promised=ValueOf(after_s=3 * 86_400.0), void=None)
    rows = [
        touch(at(1), "purchase"),
        touch(at(2), "purchase"),
        touch(at(5), "delivered"),
        touch(at(6), "purchase"),
        touch(at(2), "purchase", person="p2"),
    ]
    found = kept(engine, rows, promise, as_of=at(8))
    assert [(row["promise_id"], row["outcome"]) for row in found] == [
        ("delivery:s:i0000", "broken"),
        ("delivery:s:i0001", "kept"),
        ("delivery:s:i0003", "open"),
        ("delivery:s:i0004", "overdue"),
    ]
    assert found[1]["object_type"] is None


def test_one_that_names_no_object_is_tied_by_person(engine):
    rows = [
        touch(at(1), "purchase", "a", facts=EST),
        touch(at(2), "purchase", facts=EST),
        touch(at(3), "delivered"),
        touch(at(4), "delivered", "a", person=None),
    ]
    found = kept(engine, rows, DELIVERY, as_of=at(5))
    assert [(row["delivered_by"], row["person_id"]) for row in found] == [("i0003", "p1"), ("i0002", "p1")]


def test_words_without_an_object_are_about_the_latest_delivery(engine):
    rows = [
        touch(at(1), "purchase", "a", facts=EST),
        touch(at(1), "purchase", "b", facts=EST),
        touch(at(3), "delivered", "b"),
        touch(at(4), "delivered", "a"),
        touch(at(5), "praise"),
        touch(at(5), "praise", person="p2"),
    ]
    assert outcomes(kept(engine, rows, DELIVERY, as_of=at(6))) == {"delivery:a": "exceeded", "delivery:b": "kept"}


def test_an_interaction_about_two_orders_promises_both(engine):
    both = touch(at(1), "purchase", "a", facts=EST)
    both["objects"] = [{"type": "order", "id": name, "qualifier": None} for name in ("a", "b", "a")]
    found = kept(engine, [both, touch(at(2), "delivered", "b")], DELIVERY, as_of=at(3))
    assert outcomes(found) == {"delivery:a": "open", "delivery:b": "kept"}


def test_no_promises_no_rows(engine):
    assert kept(engine, [touch(at(1), "purchase", "a", facts=EST)], as_of=at(3)) == []


def test_the_kept_rate_is_of_promises_due_in_the_period(engine):
    due = {
        name: {"est": f"2018-01-{day}T00:00:00Z"}
        for name, day in zip("abcdefg", (10, 11, 12, 13, 14, 20, 12), strict=True)
    }
    rows = [touch(at(1), "purchase", name, facts=facts) for name, facts in due.items()]
    rows += [touch(at(5), "delivered", "a"), touch(at(6), "praise", "a"), touch(at(13), "delivered", "b")]
    rows += [touch(at(5), "delivered", "c"), touch(at(6), "complaint", "c"), touch(at(5), "delivered", "f")]
    rows += [touch(at(7), "canceled", "g")]
    blueprint = Blueprint("X", promises=(DELIVERY,))
    made = keep_promises(engine.table(table(rows)), blueprint, engine, as_of=at(14))
    (rate,) = engine.rows(kept_rate(made, at(10), at(20))).to_pylist()
    assert rate == {
        "kind": "delivery",
        "n_due": 4,  # d is overdue; e is open, f falls due later, g is void
        "n_kept": 1,
        "n_exceeded": 1,
        "n_kept_in_letter": 1,
        "n_broken": 2,
        "kept_rate": 0.25,
    }


MOMENTS = st.integers(0, 24 * 12)
STORIES = st.lists(
    st.tuples(MOMENTS, st.sampled_from(["purchase", "delivered", "canceled"]), st.sampled_from("ab")), max_size=12
)


def retold(rows, as_of):
    """A second implementation: walk through each order's rows and keep the promise that is open."""
    found = {}
    for name in "ab":
        turns = []
        for number, row in sorted(enumerate(rows), key=lambda pair: (pair[1]["at"], pair[0])):
            if row["object_id"] != name or row["at"] > as_of:
                continue
            if row["event"] == "purchase":
                if turns and turns[-1]["end"] is None:
                    turns[-1].update(end="gone", when=row["at"])
                turns.append({"number": number, "due": row["at"] + 2 * DAY, "end": None, "when": None})
            elif turns and turns[-1]["end"] is None:
                turns[-1].update(end="came" if row["event"] == "delivered" else "gone", when=row["at"])
        for turn in turns:
            late = (turn["when"] or as_of).date() > turn["due"].date()
            words = {"came": ("broken", "kept"), "gone": ("broken", "void"), None: ("overdue", "open")}
            found[f"i{turn['number']:04}"] = words[turn["end"]][0 if late else 1]
    return found


@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(story=STORIES, as_of=MOMENTS)
def test_any_story_ends_as_it_does_when_retold_row_by_row(engine, story, as_of):
    rows = [touch(at(1) + hours * dt.timedelta(hours=1), name, order) for hours, name, order in story]
    until = at(1) + as_of * dt.timedelta(hours=1)
    promise = replace(DELIVERY, promised=ValueOf(after_s=2 * 86_400.0), letter=None, exceeded=None)
    found = kept(engine, rows, promise, as_of=until)
    assert {row["made_by"]: row["outcome"] for row in found} == retold(rows, until)


def test_a_planted_threshold_is_found_and_none_is_claimed_where_there_is_none(engine):
    chance = np.random.default_rng(7)
    early = chance.integers(0, 20, 4000)
    shared = {
        "scales": (Scale("stars", 1, 5, 2, 4),),
        "feedback": (Feedback("said", "transaction", event("review"), "stars"),),
    }
    promise = replace(DELIVERY, promised=ValueOf(property="est"), letter=None, exceeded=None, exceeded_estimate=True)
    for planted in (10, 99):
        rating = np.where(early >= planted, 4.6, 4.0) + chance.normal(0, 0.7, len(early))
        rows = []
        for n, (days, stars) in enumerate(zip(early, rating, strict=True)):
            rows += [
                touch(at(1), "purchase", f"o{n}", facts={"est": "2018-01-25T00:00:00Z"}),
                touch(at(25 - int(days)), "delivered", f"o{n}"),
                touch(at(26), "review", f"o{n}", rating=float(stars)),
            ]
        found = kept(engine, rows, promise, as_of=at(30), **shared)
        exceeded = [row for row in found if row["outcome"] == "exceeded"]
        least_early = min((-row["late_days"] for row in exceeded), default=99)
        assert planted - 2 < least_early <= planted  # bins of a tenth are two days wide


def test_a_bump_or_a_few_answers_are_no_threshold():
    flat = [Bin(0, 900, 4.0, 1.0), Bin(1, 900, 4.0, 1.0)]
    assert least([*flat, Bin(2, 900, 4.6, 1.0), Bin(3, 900, 3.9, 1.0)]) is None
    assert least([*flat, Bin(2, 20, 5.0, 0.1)]) is None
    assert least([*flat, Bin(2, 900, 4.3, 1.0)]) == 2


@pytest.mark.conformance
def test_every_engine_finds_the_same(agree):
    chance = np.random.default_rng(3)
    names = ["purchase", "delivered", "canceled", "complaint", "praise", "booked", "arrived"]
    rows = []
    for _ in range(300):
        name, about = str(chance.choice(names)), f"o{chance.integers(40)}"
        facts = [{"est": f"2018-01-{chance.integers(1, 32):02}T02:00:00Z"}, {"est": "2018-01-15"}, {"est": "soon"}, {}]
        values = {"reserved": str(chance.choice(["A", "B", "3"])), "assigned": str(chance.choice(["A", "3.0", "4"]))}
        rows.append(
            touch(
                at(int(chance.integers(1, 31)), int(chance.integers(24))),
                name,
                about if chance.random() < 0.8 else None,
                person=f"p{chance.integers(9)}" if chance.random() < 0.9 else None,
                of="booking" if name in ("booked", "arrived") else "order",
                precision=str(chance.choice(["instant", "day"])),
                facts={**facts[chance.integers(4)], **values},
            )
        )
    promises = (DELIVERY, replace(DELIVERY, id="now", deadline="instant"), replace(DELIVERY, id="us", about=None), ROOM)
    blueprint = Blueprint("X", promises=promises, zone="America/Sao_Paulo")
    found = agree(
        lambda engine: {"promises": keep_promises(engine.table(table(rows)), blueprint, engine, as_of=at(31))}
    )["promises"]
    assert found.num_rows > 100
    assert len(set(found["outcome"].to_pylist())) == 7


def rows_of(data, name):
    with (data / "olist" / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def here(text):
    return dt.datetime.fromisoformat(text).replace(tzinfo=SAO_PAULO).astimezone(dt.UTC) if text else None


@pytest.fixture(scope="module")
def olist(data):
    """Olist's orders as touches, in the words of examples/olist; and the last answer to each order."""
    rows = []
    for order in rows_of(data, "orders"):
        due = here(order["order_estimated_delivery_date"])
        times = {
            "purchase": here(order["order_purchase_timestamp"]),
            "delivered": here(order["order_delivered_customer_date"]),
            "canceled": due if order["order_status"] in ("canceled", "unavailable") else None,
        }
        facts = {"est": "", "estimated_delivery": f"{due:%Y-%m-%dT%H:%M:%SZ}"}
        rows += [
            touch(when, name, order["order_id"], person=order["customer_id"], facts=facts)
            for name, when in times.items()
            if when
        ]
    answers = {}
    for review in sorted(rows_of(data, "reviews"), key=lambda row: (row["review_answer_timestamp"], row["review_id"])):
        answers[review["order_id"]] = int(review["review_score"])
    return table(rows), answers


@pytest.fixture(scope="module")
def blueprint(request):
    return read(request.config.rootpath / "examples" / "olist" / "blueprint.yaml")


@pytest.mark.parametrize(
    ("deadline", "late", "means"), [("instant", 1096, (2.623, 4.284)), ("day", 908, (2.290, 4.283))]
)
def test_olist_late_by_instant_and_by_day_to_the_digit(engine, olist, blueprint, deadline, late, means):
    touches, answers = olist
    promise = replace(blueprint.promises[0], deadline=deadline)
    made = keep_promises(engine.table(touches), replace(blueprint, promises=(promise,)), engine, as_of=at(400))
    found = engine.rows(made).to_pylist()
    delivered = [row for row in found if row["delivered_at"]]
    assert (len(found), len(delivered)) == (14_405, 13_975)
    assert sum(row["outcome"] == "broken" for row in delivered) == late
    rated = {
        outcome: [answers[row["object_id"]] for row in delivered
                  if row["object_id"] in answers and (row["outcome"] == "broken") == (outcome == "broken")]
        for outcome in ("broken", "kept")
    }  # fmt: skip
    assert tuple(round(mean(rated[outcome]), 3) for outcome in ("broken", "kept")) == means
    assert sum(map(len, rated.values())) == 13_878
    assert Counter(row["outcome"] for row in found)["exceeded"] == 0
    if deadline == "instant":
        assert round(100 * np.mean([stars <= 2 for stars in rated["broken"]]), 1) == 52.0
        assert round(100 * np.mean([stars <= 2 for stars in rated["kept"]]), 1) == 9.3
        return
    weeks = {(1, 3): (3.242, 269), (4, 7): (2.065, 245), (8, 999): (1.749, 371), (-999, 0): (4.283, 12_993)}
    for (low, high), (score, n) in weeks.items():
        said = [answers[row["object_id"]] for row in delivered
                if low <= row["late_days"] <= high and row["object_id"] in answers]  # fmt: skip
        assert (round(mean(said), 3), len(said)) == (score, n)


def hotel(data, engine):
    """Bookings as touches, by columns: 119,390 of them and what became of each."""
    lines = pacsv.read_csv(data / "hotel_bookings" / "hotel_bookings.csv.gz").to_pylist()
    months = {name: number for number, name in enumerate(calendar.month_name) if name}
    lisbon = ZoneInfo("Europe/Lisbon")
    columns = {name: [] for name in ("at", "event", "object_id", "reserved", "assigned", "arrival")}
    words = {"Check-Out": "arrived", "Canceled": "canceled", "No-Show": "no_show"}

    @cache
    def local(year, month, day):
        return dt.datetime(year, month, day, tzinfo=lisbon).astimezone(dt.UTC)

    for number, line in enumerate(lines):
        arrival = local(
            line["arrival_date_year"], months[line["arrival_date_month"]], line["arrival_date_day_of_month"]
        )
        booked = arrival - line["lead_time"] * DAY
        name, status = words[line["reservation_status"]], line["reservation_status_date"]
        ended = arrival if name == "arrived" else max(booked, local(status.year, status.month, status.day))
        for when, what in ((booked, "booked"), (ended, name)):
            columns["at"].append(when)
            columns["event"].append(what)
            columns["object_id"].append(f"b{number}")
            columns["reserved"].append(line["reserved_room_type"])
            columns["assigned"].append(line["assigned_room_type"])
            columns["arrival"].append(f"{arrival:%Y-%m-%dT%H:%M:%SZ}")
    columns["sequence"] = list(range(len(columns["at"])))
    rows = engine.table(pa.table(columns | {"at": pa.array(columns["at"], pa.timestamp("us", "UTC"))}))
    keys = ["room_reserved", "room_assigned", "arrival"]
    known = {
        "at": rows.at,
        "event": rows.event,
        "sequence": rows.sequence,
        "interaction_id": rows.sequence.cast("string"),
        "source": ibis.literal("hotel"),
        "precision": ibis.literal("day"),
        "object_type": ibis.literal("booking"),
        "object_id": rows.object_id,
        "properties": ibis.map(ibis.array(keys), ibis.array([rows.reserved, rows.assigned, rows.arrival])),
    }
    shape = schema("touches")
    return engine.keep(rows.select(**{name: known.get(name, ibis.null(kind)) for name, kind in shape.items()}))


def test_hotel_rooms_reserved_and_assigned(engine, data, request):
    blueprint = read(request.config.rootpath / "examples" / "hotel_bookings" / "blueprint.yaml")
    touches = hotel(data, engine)
    known = dt.datetime(2018, 1, 1, tzinfo=dt.UTC)
    made = engine.keep(keep_promises(touches, blueprint, engine, as_of=known))
    counts = engine.rows(made.group_by("outcome").aggregate(n=made.count())).to_pylist()
    assert {row["outcome"]: row["n"] for row in counts} == {"kept": 61_051, "broken": 14_115, "void": 44_224}
    days = engine.rows(made.filter(made.delivered_at.notnull()).select("late_days").distinct())
    assert days.to_pylist() == [{"late_days": 0}]
    always = replace(blueprint.promises[0], made=event("booked"), kept=event("booked"), void=None, due=None)
    every = keep_promises(touches, replace(blueprint, promises=(always,)), engine, as_of=known)
    (rate,) = engine.rows(kept_rate(every, dt.datetime(2010, 1, 1, tzinfo=dt.UTC), known)).to_pylist()
    assert (rate["n_due"], rate["n_broken"]) == (119_390, 14_917)
    assert round(100 * (1 - rate["kept_rate"]), 1) == 12.5
