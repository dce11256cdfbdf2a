"""What pages say, asked over HTTP: the sentences, the figures behind them, and what is said when something is wrong."""

from __future__ import annotations

import csv
import html
import io
import json
import os
import re
from types import ModuleType
from typing import Any

import pytest

from regard.engine import Now, Reader
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
