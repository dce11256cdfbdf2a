"""The API: every table in pages, problems with a hint, and an OpenAPI document that cannot lag."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from regard.engine import Now, Reader
from regard.tables import TABLES
from regard.web import create_app
from regard.workspace import Workspace

COMMITTED = Path(__file__).resolve().parents[2] / "docs" / "reference" / "openapi.json"


@pytest.fixture(scope="module")
def now(shop: Workspace) -> Now:
    return Reader(shop).now()


@pytest.mark.parametrize("name", ["scores", "contributions", "touches", "promises", "flows"])
def test_pages_of_a_table_are_the_table(client: Any, now: Now, name: str) -> None:
    found: list[dict[str, object]] = []
    following: str | None = None
    while True:
        more = {"cursor": following} if following else {}
        body = client.get(f"/api/v1/{name}", limit=700, **more).json()
        found += body["data"]
        following = body["next"]
        if following is None:
            break
    assert len(found) == now.count(name)
    key = TABLES[name].key
    names = [tuple(row[column] for column in key) for row in found]
    assert len(set(names)) == len(names)
    assert set(found[0]) == set(TABLES[name].names)


def test_every_table_is_a_plural_of_the_api(client: Any) -> None:
    for name in TABLES:
        body = client.get(f"/api/v1/{name}", limit=1).json()
        assert set(body) == {"data", "next", "as_of"}, name


def test_times_are_iso_in_utc_and_maps_are_objects(client: Any) -> None:
    row = client.get("/api/v1/touches", where="event = order", limit=1).json()["data"][0]
    assert row["at"].endswith("Z")
    assert dt.datetime.fromisoformat(row["at"]).tzinfo is not None
    assert set(row["properties"]) == {"promised_by"}


def test_conditions_are_those_of_the_shell(client: Any, now: Now) -> None:
    scores = now.tables["scores"]
    low = now.rows(scores.filter(scores.score < 0, scores.level == "relationship"))
    body = client.get("/api/v1/scores", where=["score < 0", "level = relationship"], limit=1000).json()
    assert len(body["data"]) == len(low) > 0


@pytest.mark.parametrize(
    ("path", "status", "part"),
    [
        ("/api/v1/scores?where=scor%20%3C%200", 400, "Did you mean 'score'?"),
        ("/api/v1/scores?limit=0", 400, "limit"),
        ("/api/v1/scores?limit=5000", 400, "limit"),
        ("/api/v1/scores?cursor=nonsense", 400, "not a cursor"),
        ("/api/v1/overview?period=5d", 400, "30d, 90d, 12m, all"),
        ("/api/v1/persons/nobody/story", 404, "no person"),
        ("/api/v1/persons/nobody/story?level=nps", 400, "not a level"),
        ("/api/v1/nothing", 404, "no such page"),
    ],
)
def test_problems_are_problem_details_with_a_hint(client: Any, path: str, status: int, part: str) -> None:
    answer = client.get(path)
    assert answer.status == status
    assert answer.headers["content-type"] == "application/problem+json"
    body = answer.json()
    assert body["status"] == status
    assert part in json.dumps(body)


def test_a_story_is_one_document_whose_parts_add_up(client: Any, sample: ModuleType) -> None:
    body = client.get(f"/api/v1/persons/{sample.person_id(148)}/story").json()["data"]
    assert sum(row["eta"] for row in body["contributions"]) == pytest.approx(body["score"]["eta"], abs=1e-9)
    assert sum(row["points"] for row in body["contributions"]) == pytest.approx(body["score"]["score"], abs=1e-9)
    assert body["curve"][-1]["score"] == pytest.approx(body["score"]["score"], abs=1e-9)
    records = {row["interaction_id"] for row in body["interactions"]} | {row["promise_id"] for row in body["promises"]}
    assert {one["record"] for one in body["story"]} <= records


def test_an_overview_is_the_page_s_figures(client: Any) -> None:
    body = client.get("/api/v1/overview", segment="unit:north").json()["data"]
    whole, answered, quiet = (body["groups"][name]["now"] for name in ("all", "answered", "quiet"))
    assert whole["n"] == answered["n"] + quiet["n"]
    assert whole["low"] < whole["score"] < whole["high"]
    mixed = (answered["score"] * answered["n"] + quiet["score"] * quiet["n"]) / whole["n"]
    assert whole["score"] == pytest.approx(mixed, abs=1e-9)
    assert body["groups"]["all"]["course"][-1]["score"] == pytest.approx(whole["score"], abs=1e-9)


def test_without_a_run_the_api_says_what_to_do(empty: str, client: Any) -> None:
    answer = type(client)(empty).get("/api/v1/overview")
    assert answer.status == 409
    assert "regard run" in answer.json()["hint"]


def test_the_committed_openapi_is_what_the_application_says(shop: Workspace) -> None:
    said = create_app(shop).openapi()
    committed = json.loads(COMMITTED.read_text(encoding="utf-8"))
    assert committed == json.loads(json.dumps(said)), "renew it with: python scripts/openapi.py"
