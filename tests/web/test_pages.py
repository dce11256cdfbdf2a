"""What pages say, asked over HTTP: the sentences, the figures behind them, and what is said when something is wrong."""

from __future__ import annotations

import csv
import datetime as dt
import html
import io
import json
import os
import re
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
from tests.pipeline import stream

from regard.blueprint import Blueprint, Unit, read
from regard.board import Segment
from regard.engine import Now, Published, Reader, connect
from regard.errors import OutdatedError
from regard.experience.standing import Standing
from regard.ledger import Ledger
from regard.pipeline import Order, refresh, run
from regard.pipeline.apart import Part, parts
from regard.pipeline.standing import Group, groups
from regard.web import create_app
from regard.web.pages import apart, kept, overview
from regard.web.site import Site
from regard.web.view import View
from regard.workspace import Workspace


@pytest.fixture(scope="module")
def now(shop: Workspace) -> Now:
    return Reader(shop).now()


def words(text: str) -> str:
    return (
        re.sub(r"\s+", " ", html.unescape(re.sub(r"<[^>]+>", " ", text)))
        .replace(" ", " ")
        .replace(" ,", ",")
        .replace(" ;", ";")
    )


def heading(text: str) -> str:
    found = re.search(r"<h1>(.*?)</h1>", text, re.S)
    assert found is not None
    return words(found[1]).strip()


def test_the_overview_begins_with_the_sentence_that_matters(client: Any, now: Now) -> None:
    answer = client.get("/")
    scores = now.tables["scores"]
    mean = now.rows(scores.filter(scores.level == "relationship").aggregate(mean=scores.score.mean()))[0]["mean"]
    assert isinstance(mean, float)
    assert heading(answer.text).startswith(f"Customers regard us at +{mean:.0f}, ")
    assert "lateness took away most" in heading(answer.text)


def test_the_overview_sets_those_who_answered_beside_everyone(client: Any) -> None:
    said = words(client.get("/").text)
    assert re.search(r"Those who answered stand at \+\d+ \(.*?\), the \d+ who never did at \+\d+ \(.*?\)\.", said)
    assert "The quiet" in said
    assert "calibrated on" in said


def test_the_kept_rate_is_of_promises_due_in_the_period(client: Any, now: Now, sample: ModuleType) -> None:
    promises = now.rows(now.tables["promises"])
    since, until = sample.AS_OF - 90 * sample.DAY, sample.AS_OF
    due = [row for row in promises if since <= row["due_at"] <= until and row["outcome"] not in ("open", "void")]  # type: ignore[operator]
    kept = sum(row["outcome"] == "kept" for row in due)
    said = words(client.get("/", period="90d").text)
    assert f"{kept / len(due) * 100:.1f} %" in said


def test_a_segment_is_a_part_of_everyone(client: Any) -> None:
    assert heading(client.get("/", segment="unit:north").text).startswith("Customers in north regard us at")
    assert heading(client.get("/", segment="quiet").text).startswith("The quiet ones regard us at")
    assert heading(client.get("/", segment="account:account-3").text).startswith("People at account-3 regard us at")


def test_links_keep_the_view(client: Any) -> None:
    text = client.get("/", segment="unit:north", period="90d").text
    links = re.findall(r'<a class="room" href="([^"]+)"', text)
    assert links
    assert all("period=90d" in link and "segment=unit%3Anorth" in link for link in links)


@pytest.mark.parametrize(
    ("query", "problem"),
    [
        ({"period": "5d"}, "'5d' is not a period."),
        ({"period": "2026-02-30..2026-03-01"}, "is not a period."),
        ({"period": "2030-01-01..2030-02-01"}, "holds no time that is known"),
        ({"segment": "unit"}, "'unit' is not a segment."),
        ({"segment": "everyone:x"}, "is not a segment."),
        ({"level": "nps"}, "'nps' is not a level."),
    ],
)
def test_what_cannot_be_meant_is_said_with_what_is_allowed(client: Any, query: dict[str, str], problem: str) -> None:
    answer = client.get("/", **query)
    assert answer.status == 400
    assert problem in words(answer.text)
    assert "Allowed" in answer.text


def test_a_page_that_is_not_there_and_a_person_that_is_not_there(client: Any) -> None:
    assert client.get("/nowhere").status == 404
    answer = client.get("/people/nobody")
    assert answer.status == 404
    assert "There is no person 'nobody'." in words(answer.text)


def test_a_story_tells_what_happened_and_its_end_is_the_score(client: Any, sample: ModuleType, now: Now) -> None:
    person = sample.person_id(148)
    answer = client.get(f"/people/{person}")
    score = next(row["score"] for row in now.of("scores", person) if row["level"] == "relationship")
    assert isinstance(score, float)
    sign = "+" if score > 0 else "−"
    assert heading(answer.text).startswith(f"C-0148 regards us at {sign}{abs(score):.0f}")
    said = words(answer.text)
    assert re.search(r"promised by \d+ \w{3} 2025, came \d+ \w{3} 2025, \d+ days late", said)
    assert "days late" in said
    rows = re.findall(r'<li class="event" id="([^"]+)"', answer.text)
    assert len(rows) == len(set(rows))
    links = re.findall(r'class="tale">(.*?)</div>', answer.text, re.S)[0]
    for record in re.findall(r'href="#([^"]+)"', links):
        assert record in rows


def test_people_are_sorted_filtered_and_paged_without_gaps(client: Any, sample: ModuleType) -> None:
    seen: list[str] = []
    path = "/people?sort=-value"
    while path:
        text = client.get(path).text
        seen += re.findall(r'<th scope="row"><a href="/people/(\w+)', text)
        following = re.search(r'<a class="button" href="([^"]+)">Next', text)
        path = html.unescape(following[1]) if following else ""
    assert len(seen) == len(set(seen)) == sample.N_PEOPLE
    rows = list(csv.DictReader(io.StringIO(client.get("/people.csv", sort="-value").text)))
    assert [row["person_id"] for row in rows] == seen
    amounts = [float(row["expected_value_minor"]) for row in rows]
    assert amounts == sorted(amounts, reverse=True)
    assert heading(client.get("/people", q="c-014").text).startswith("10 people")
    assert "Nobody fits" in client.get("/people", q="no such handle").text


def test_people_cannot_be_sorted_by_what_is_not_there(client: Any) -> None:
    answer = client.get("/people", sort="valu")
    assert answer.status == 400
    assert "Did you mean 'value'?" in words(answer.text)


def test_the_journey_map_shows_lived_and_designed_touchpoints(client: Any) -> None:
    text = client.get("/journeys").text
    assert heading(text).startswith("Customers were hurt most at delivery")
    assert "Comparison sites: designed, nothing recorded" in text
    assert len(re.findall(r'<rect class="point ', text)) == 6
    assert len(re.findall(r'<rect class="ghost" ', text)) == 3
    assert "Order to Delivery" in text
    ways = re.findall(r'<path class="flow" d="[^"]+" stroke-width="[^"]+"( marker-end="url\(#tip\)")?>', text)
    assert ways and all(ways), "every way has an arrowhead"


def test_promises_can_be_narrowed(client: Any, sample: ModuleType) -> None:
    whole, broken = client.get("/promises").text, client.get("/promises", outcome="broken").text
    assert "not kept as meant" in heading(whole)
    assert set(re.findall(r'<span class="chip harm">(\w+)', broken)) == {"broken"}
    mine = client.get("/promises", q=sample.person_id(148)).text
    assert set(re.findall(r'href="/people/(\w+)', mine)) == {sample.person_id(148)}
    assert client.get("/promises", outcome="good").status == 400


def test_touchpoints_say_where_we_are_deaf(client: Any) -> None:
    said = words(client.get("/touchpoints").text)
    assert "We hear from 6 of 9 touchpoints; 3 stages have none" in said
    assert "Comparison sites (discovery): nothing in the ledger tells of it." in said


def test_data_health_measures_freshness_at_the_end_of_an_imported_past(client: Any) -> None:
    said = words(client.get("/health").text)
    assert "3 of 4 functions reach the customer's story" in said
    assert "an imported past" in said


def test_data_health_says_how_well_the_score_is_calibrated(client: Any, now: Now) -> None:
    page = client.get("/health").text
    rows = json.loads(client.get("/tables/calibration.json").text)
    said = words(page)
    assert "After 3 to 5 interactions" in said or "After 1 interaction" in said
    assert page.count('<span class="chip harm">off</span>') == sum(row["off"] for row in rows)
    assert ("Customers say what was expected of them" in said) == (not any(row["off"] for row in rows))


def test_tables_are_read_filtered_and_exported(client: Any, now: Now) -> None:
    every = json.loads(client.get("/tables/scores.json").text)
    assert len(every) == now.count("scores")
    low = list(csv.DictReader(io.StringIO(client.get("/tables/scores.csv", where="score < 0").text)))
    assert len(low) == sum(row["score"] < 0 for row in every)
    page = client.get("/tables/scores", where="scor < 0")
    assert page.status == 400
    assert "Did you mean 'score'?" in words(page.text)
    assert client.get("/tables/nothing").status == 404
    assert "nothing@" not in client.get("/tables/scores", where="person_id = <script>").text
    assert "<script>alert" not in client.get("/tables/scores", where="person_id = <script>alert(1)</script>").text


def test_search_finds_people_touchpoints_pages_and_tables(client: Any) -> None:
    assert "C-0012" in client.get("/search", q="c-0012").text
    text = client.get("/search/part", q="deliv").text
    assert "Delivery" in text
    assert "Survey after delivery" in text
    assert "/tables/promises" in client.get("/search/part", q="promis").text
    assert "Nothing found" in client.get("/search/part", q="zzzz").text


def test_a_mapping_is_saved_where_maps_are_and_nowhere_else(client: Any, shop: Workspace) -> None:
    (shop.root / "visits.csv").write_text("visitor,seen_at\na@x.org,2026-01-03 10:00\n", encoding="utf-8")
    page = client.get("/mapping", file="visits.csv").text
    draft = html.unescape(re.findall(r"<textarea[^>]*>(.*?)</textarea>", page, re.S)[0])
    assert "version: 1" in draft
    client.post("/mapping/save", name="visits", file="visits.csv", text=draft)
    saved = (shop.maps / "visits.map.yaml").read_text(encoding="utf-8")
    assert saved.strip() == draft.strip().replace("\r\n", "\n")
    assert "regard import visits.csv --map maps/visits.map.yaml" in words(
        client.get("/mapping", file="visits.csv", map="visits.map.yaml", saved=1).text
    )
    for name in ("../outside", "a/b", "", ".hidden"):
        assert client.post("/mapping/save", name=name, file="visits.csv", text=draft).status == 400
    for file in ("../../etc/passwd", "/etc/passwd", ".regard/current.json.csv", ""):
        assert client.post("/mapping/preview", file=file, text=draft).status == 400


def test_a_file_is_offered_its_own_mappings_and_no_others(client: Any, shop: Workspace) -> None:
    for name in ("carts", "refunds"):
        (shop.root / f"{name}.csv").write_text("visitor,seen_at\na@x.org,2026-01-03 10:00\n", encoding="utf-8")
    text = (
        "version: 1\nsource: carts\nfiles: carts.csv\nhandles: {email: visitor}\n"
        "interactions: [{event: cart, at: seen_at}]\n"
    )
    (shop.maps / "carts.map.yaml").write_text(text, encoding="utf-8")
    rows = re.findall(r"<tr>.*?</tr>", client.get("/mapping").text, re.S)
    assert [("carts.map.yaml" in row) for row in rows if "carts.csv" in row] == [True]
    assert [("carts.map.yaml" in row) for row in rows if "refunds.csv" in row] == [False]


def test_a_person_is_found_by_a_handle_in_the_address(client: Any, now: Now, sample: ModuleType) -> None:
    mine = [row for row in now.rows(now.tables["persons"]) if row["person_id"] == sample.person_id(148)]
    one = str(mine[0]["handle"])
    assert heading(client.get(f"/people/{one.upper()}").text) == heading(
        client.get(f"/people/{sample.person_id(148)}").text
    )
    assert client.get("/people/nobody@nowhere.example").status == 404


def test_another_site_cannot_post_here(client: Any) -> None:
    answer = client.post("/mapping/save", headers={"Origin": "https://evil.example"}, name="x", file="x", text="x")
    assert answer.status == 403


def test_everything_is_loaded_from_here(client: Any) -> None:
    answer = client.get("/")
    assert "default-src 'self'" in answer.headers["content-security-policy"]
    for path in set(re.findall(r'(?:href|src)="(/static/[^"]+)"', answer.text)):
        assert client.get(path).status == 200, path


def test_a_changed_blueprint_makes_the_pages_say_that_they_are_stale(client: Any, shop: Workspace) -> None:
    before = shop.blueprint.stat().st_mtime
    assert "The blueprint was changed" not in client.get("/people").text
    os.utime(shop.blueprint)
    try:
        assert "The blueprint was changed after this was worked out." in words(client.get("/people").text)
    finally:
        os.utime(shop.blueprint, (before, before))


def test_files_that_are_joined_do_not_make_the_pages_say_that_facts_came_in(tmp_path: Path, clock: dt.datetime) -> None:
    shop, engine = stream.make(tmp_path / "shop"), connect("duckdb", memory=2**30)
    try:
        stream.bring(shop, stream.past(3), engine)
        run(shop, engine, Order(now=clock))
        ledger, site = Ledger.open(shop), Site(shop, lambda: clock)
        number = ledger.number
        ledger.compact(engine, now=clock)
        assert ledger.number > number
        assert site.stale(site.reader.now()) is None
        stream.bring(shop, [stream.event("n1", "call", 300, ("email", "p1@x.org"))], engine)
        assert site.stale(site.reader.now()) == "Facts came in after this was worked out."
    finally:
        engine.close()


def test_pages_open_on_the_level_that_answers_calibrate(
    tmp_path: Path, clock: dt.datetime, serving: Any, client: Any
) -> None:
    shop, engine = stream.make(tmp_path / "shop"), connect("duckdb", memory=2**30)
    stream.bring(shop, [one for one in stream.past(40) if one["event"] != "nps"], engine)
    run(shop, engine, Order(now=clock))
    engine.close()
    with serving(create_app(shop, clock=lambda: clock)) as address:
        there = type(client)(address)
        opened = there.get("/")
        assert "Transaction level, the one that answers calibrate" in words(opened.text)
        assert '<option value="transaction" selected>' in opened.text
        assert "not calibrated" not in words(opened.text)
        asked = there.get("/", level="relationship")
        assert "not calibrated" in words(asked.text)
        assert 'href="/people?level=relationship"' in asked.text  # and stays, from page to page
        assert there.get("/api/v1/overview").json()["data"]["level"] == "relationship"


def test_tables_of_another_regard_are_said_in_one_sentence_and_a_run_mends_them(
    tmp_path: Path, clock: dt.datetime, serving: Any, client: Any
) -> None:
    shop, engine = stream.make(tmp_path / "shop"), connect("duckdb", memory=2**30)
    stream.bring(shop, stream.past(3), engine)
    run(shop, engine, Order(now=clock))
    said = json.loads(shop.pointer.read_text(encoding="utf-8"))
    said.pop("format")
    shop.pointer.write_text(json.dumps(said), encoding="utf-8")
    with serving(create_app(shop, clock=lambda: clock)) as address:
        there = type(client)(address)
        for path in ("/", "/journeys", "/people", "/promises", "/value", "/touchpoints", "/health", "/tables"):
            answer = there.get(path)
            assert answer.status == 409, path
            assert heading(answer.text) == "What is here was worked out by an older Regard.", path
            assert "regard run" in words(answer.text)
        assert there.get("/api/v1/scores").json()["title"] == "What is here was worked out by an older Regard."
        with pytest.raises(OutdatedError):
            refresh(shop, engine, now=clock)
        run(shop, engine, Order(now=clock))
        assert there.get("/").status == 200
    engine.close()


def test_a_damaged_file_is_said_with_the_next_step_and_a_run_mends_it(
    tmp_path: Path, clock: dt.datetime, serving: Any, client: Any
) -> None:
    shop, engine = stream.make(tmp_path / "shop"), connect("duckdb", memory=2**30)
    stream.bring(shop, stream.past(3), engine)
    run(shop, engine, Order(now=clock))
    with serving(create_app(shop, clock=lambda: clock)) as address:
        there = type(client)(address)
        assert there.get("/").status == 200
        whole = {path: path.read_bytes() for path in Published.current(shop).folder.rglob("*.parquet")}
        for harm in (lambda data: data[: len(data) // 2], lambda data: b"PAR1" + bytes(400) + data[404:]):
            for path, data in whole.items():
                path.write_bytes(harm(data))
            os.utime(shop.pointer)
            for page in ("/", "/people", "/tables/scores", "/promises", "/api/v1/scores"):
                answer = there.get(page)
                assert answer.status == 409, page
                assert "damaged" in words(answer.text), page
                assert "regard run" in words(answer.text), page
        run(shop, engine, Order(now=clock))
        assert there.get("/").status == 200
    engine.close()


def test_a_broken_blueprint_is_said_with_its_line(client: Any, shop: Workspace) -> None:
    text, before = shop.blueprint.read_text(encoding="utf-8"), shop.blueprint.stat().st_mtime
    shop.blueprint.write_text(text.replace("stage: purchase", "stage: purchse"), encoding="utf-8")
    try:
        answer = client.get("/")
        assert answer.status == 409
        assert "purchse" in words(answer.text)
    finally:
        shop.blueprint.write_text(text, encoding="utf-8")
        os.utime(shop.blueprint, (before, before))


def test_units_and_accounts_stand_beside_everyone_with_the_figures_of_their_segment(
    shop: Workspace, now: Now, sample: ModuleType
) -> None:
    blueprint = read(shop.blueprint)
    since = sample.AS_OF - 365 * sample.DAY
    found = {(one.kind, one.name): one for one in parts(now, blueprint, level="relationship", since=since)}
    assert {name for kind, name in found if kind == "unit"} == {"north", "south"}
    for kind, name in (("unit", "north"), ("account", "account-3")):
        one = found[kind, name]
        alone = groups(now, blueprint, Segment(kind, name), level="relationship", moments=[since])
        whole, told = alone["all"], alone["answered"]
        assert whole.now is not None
        assert (one.now.n, one.told) == (whole.now.n, told.now.n if told.now else 0)
        assert one.now.score == pytest.approx(whole.now.score)
        assert (one.now.low, one.now.high) == (pytest.approx(whole.now.low), pytest.approx(whole.now.high))
        assert one.change == pytest.approx(whole.change)


def test_the_overview_says_who_stands_apart_and_links_to_it(client: Any) -> None:
    text = client.get("/").text
    part = re.findall(r'<section class="part" id="apart".*?</section>', text, re.S)[0]
    assert "segment=unit%3Anorth" in part
    assert re.search(r"north \d+ people(, few)?, \d+ % ever answered", words(part).replace("\xa0", " "))
    assert 'id="apart"' not in client.get("/", segment="unit:north").text


def part_of(name: str, role: str | None, score: float, told: int, n: int = 40) -> Part:
    kind = "account" if role is not None else "unit"
    standing = Standing(dt.datetime(2026, 3, 1, tzinfo=dt.UTC), score, n, score - 5, score + 5)
    return Part(kind, name, role or None, standing, told, -20.0)


def test_the_news_is_the_quiet_unit_that_fell_and_the_account_whose_roles_differ() -> None:
    everyone = Standing(dt.datetime(2026, 3, 1, tzinfo=dt.UTC), 30.0, 400, 28.0, 32.0)
    blueprint = Blueprint("T", units=(Unit("coast", "Coast"),))
    beside = [part_of("coast", None, -4, 1), part_of("vale", None, 29, 12), part_of("Elm", "", 10, 9)]
    beside += [part_of("Elm", "sponsor", 40, 1, n=1), part_of("Elm", "user", -60, 8)]
    said = apart.sentences(beside, everyone, 0.25, blueprint)
    assert [one.replace("\xa0", " ") for one in said] == [
        "Coast stands apart at −4, 20 points down, and hardly tells us: 2 % of its people ever answered, 25 % of "
        "everyone.",
        "At Elm, 1 sponsor stands at +40, 40 users at −60.",
    ]
    alike = [part_of("vale", None, 29, 12), part_of("Elm", "sponsor", 30, 1), part_of("Elm", "user", 25, 8)]
    assert apart.sentences(alike, everyone, 0.25, blueprint) == []


def test_what_is_not_told_apart_from_nothing_is_not_claimed(now: Now) -> None:
    rows = [{"kind": "late", "points": -50.0, "n_people": 4, "n_interactions": 9}]
    rows += [{"kind": "packaging", "points": -90.0, "n_people": 4, "n_interactions": 9}]
    at = dt.datetime(2026, 3, 1, tzinfo=dt.UTC)
    whole = Group(None, Standing(at, 10.0, 10, 5.0, 15.0), [Standing(at, 20.0, 10)])
    found = overview.causes(rows, whole, Blueprint("T"), {"packaging"})
    assert [(one.kind, one.claimed, one.tone) for one in found] == [
        ("packaging", False, "unclaimed"),
        ("late", True, "feel-n2"),
    ]
    view = View.read({}, as_of=at, known_since=at, zone="UTC")
    assert overview.headline({"all": whole}, found, view, Blueprint("T")).cause == "late took away most"
    models = {str(row["parameter"]): row for row in now.rows(now.tables["models"])}
    unsure = overview.unclaimed(now, "relationship")
    assert "lateness" not in unsure
    for kind in ("call", "visit"):
        low, high = float(str(models[kind]["low"])), float(str(models[kind]["high"]))
        assert (kind in unsure) == (low < 0 < high or models[kind]["status"] != "estimated")


def test_a_run_of_another_blueprint_says_so_instead_of_an_empty_score(
    client: Any, shop: Workspace, sample: ModuleType
) -> None:
    text = shop.blueprint.read_text(encoding="utf-8")
    try:
        changed = text.replace("- {kind: visit, touch: visit}", "- {kind: billing, touch: invoice}")
        shop.blueprint.write_text(changed, encoding="utf-8")
        answer = client.get("/")
        assert heading(answer.text) == "The scores were worked out by another blueprint than today's"
        assert "regard run" in words(answer.text)
    finally:
        shop.blueprint.write_text(text, encoding="utf-8")
        os.utime(shop.blueprint, (sample.START.timestamp(), sample.START.timestamp()))


def test_promises_say_what_was_kept_in_letter_only_and_what_people_said_of_it() -> None:
    promise = SimpleNamespace(id="door", label="To your door")
    blueprint = SimpleNamespace(
        promises=[promise], scales=[SimpleNamespace(id="stars", high=5.0)], units=[Unit("hills", "Hills")]
    )
    counts = [
        {"kind": "door", "outcome": name, "n": n} for name, n in (("kept", 900), ("kept_in_letter", 100), ("void", 7))
    ]
    heard = [
        {"kind": "door", "outcome": "kept", "scale": "stars", "n": 80, "mean": 4.2},
        {"kind": "door", "outcome": "kept_in_letter", "scale": "stars", "n": 31, "mean": 2.75},
        {"kind": "door", "outcome": "kept_in_letter", "scale": "smiles", "n": 3, "mean": 1.0},
    ]
    hoped = [{"kind": "door", "outcome": "kept_in_letter", "scale": "self", "n": 20, "mean": 4.71}]
    places = [
        {"kind": "door", "unit": unit, "n": 500, "missed": 0, "letter": m} for unit, m in (("hills", 95), ("vale", 5))
    ]
    found = kept.kinds(counts, heard, hoped, places, blueprint)  # type: ignore[arg-type]
    assert [(one.name, one.n, one.share) for one in found[0].outcomes] == [
        ("kept", 900, 0.9),
        ("kept_in_letter", 100, 0.1),
    ]
    assert [place.label for place in found[0].places] == ["Hills", "vale"]
    assert [one.replace("\xa0", " ") for one in kept.sentences(found)] == [
        "“To your door” was kept in letter only 100 times, most in Hills (19 % there, 10.0 % in all). Customers rate "
        "it 2.8 of 5, where it was kept 4.2; our own people expected 4.7."
    ]


def test_the_promises_page_shows_what_came_of_them_by_outcome_and_place(client: Any, now: Now) -> None:
    text = client.get("/promises", period="all").text
    part = words(re.findall(r'<section class="part" id="came".*?</section>', text, re.S)[0])
    broken = sum(row["outcome"] == "broken" for row in now.rows(now.tables["promises"]))
    assert f"Broken {broken}" in part
    assert "north" in part
    assert "of 5" in part or "—" in part
