"""Who may see what: each route and each row, sign-in and out, forms that other sites cannot send, and the trail."""

from __future__ import annotations

import datetime as dt
import html
import re
import time
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import anyio
import httpx
import pytest

from regard import pipeline
from regard.access import ROLES, Accounts, Who
from regard.engine import Reader, Sides, connect
from regard.errors import AccessError
from regard.pipeline.ask import ledger_sides
from regard.store import Store
from regard.tables import TABLES
from regard.web import create_app
from regard.web.gate import may, needs_of, routes_of
from regard.web.outside import PATHS
from regard.workspace import Workspace

NOW = dt.datetime(2026, 3, 1, 10, tzinfo=dt.UTC)
PASSWORD = "four words and a half"
SOUTH, WEB = "SOUTHMARK", "WEBMARK"
HIDDEN = re.compile(f"{SOUTH}|{WEB}")

BLUEPRINT = """\
name: Chain
zone: UTC
currency: EUR
units: [{id: north, label: North, children: [{id: n1, label: N1}, {id: n2, label: N2}]}, {id: south, label: South}]
functions: [{id: shops, label: Shops}]
identity:
  handles: [{kind: email, normal: email}, {kind: customer, normal: exact}]
  person_objects: [order]
touchpoints:
  - {id: till, label: Till, stage: purchase, function: shops, when: {event: purchase}}
  - {id: pick_up, label: Pick-up, stage: use, function: shops, when: {event: collected}}
  - {id: asked, label: Review, stage: advocacy, function: shops, when: {event: review}}
  - {id: trouble, label: Trouble, stage: use, function: shops, when: {event: complaint}}
promises:
  - {id: ready, label: Ready when promised, made: {event: purchase}, about: order, promised: {property: due},
     unit: time, deadline: day, kept: {event: collected}, delivered: {at: occurred}}
scales: [{id: stars, low: 1, high: 5, detractor_to: 2, promoter_from: 4, asks: satisfaction}]
feedback:
  - {id: review, level: transaction, when: {event: review}, scale: stars, about: order}
  - {id: all_in_all, level: relationship, when: {event: opinion}, scale: stars}
impressions: [{kind: lateness, promise: ready, unit: 1d, knots: [0, 3]}, {kind: trouble, touch: trouble}]
journeys: {objects: [order], quiet: 30d}
value: {purchase: {event: purchase}, about: order, horizon: 52w}
"""

MAP = """\
version: 1
source: tills
files: rows.csv
zone: UTC
key: [id]
handles: {customer: customer, email: email}
objects: [{type: order, id: order}]
interactions:
  - event: {column: what}
    at: at
    direction: customer
    unit: {column: unit}
    kind: {column: kind}
    rating: {column: stars, scale: stars}
    amount: {column: total, currency: EUR}
    text: said
    properties: {due: {column: due, type: time}}
"""


def rows() -> Iterator[str]:
    """Forty people: ten shop in the north only, ten in the south only, ten in both and on the web, ten on the web only.

    Everything of the south and of the web carries a mark, so that any answer that shows some of it is found out.
    """
    yield "id,unit,customer,email,order,at,what,kind,stars,total,said,due"
    number = 0
    for person in range(40):
        places = [("n1", "n2"), ("south",), ("n1", "south", ""), ("",)][person // 10]
        named = "" if person // 10 in (0, 2) else SOUTH if person // 10 == 1 else WEB
        for visit in range(6):
            unit = places[visit % len(places)]
            mark = {"south": SOUTH, "": WEB}.get(unit, "north")
            at = dt.datetime(2025, 6, 1, tzinfo=dt.UTC) + dt.timedelta(days=person % 7 + visit * 20, hours=person % 5)
            order = f"{mark}-O{person}-{visit}"
            due = at + dt.timedelta(days=2)
            whats = ["purchase", "collected", "review", "complaint" if visit % 2 else "opinion"]
            if unit != "n1" and unit != "n2":
                whats.append(f"{mark}-event")
            for place, what in enumerate(whats):
                number += 1
                when = at + dt.timedelta(days=place * (1 + visit % 3))
                stars = str(1 + (person + visit) % 5) if what in ("review", "opinion") else ""
                total = "12.50" if what == "purchase" else ""
                said = f"{mark} said {number}" if what in ("review", "complaint", "opinion") else ""
                about = "" if what == "opinion" else order
                yield (
                    f"{mark}-{number},{unit},{named}K{person},{named}p{person}@example.org,{about},"
                    f"{when:%Y-%m-%d %H:%M},{what},{mark} kind,{stars},{total},{said},{due:%Y-%m-%d %H:%M}"
                )


@pytest.fixture(scope="module")
def chain(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """A chain of shops, imported and worked out."""
    root: Path = tmp_path_factory.mktemp("chain")
    (root / "blueprint.yaml").write_text(BLUEPRINT, encoding="utf-8")
    (root / "rows.map.yaml").write_text(MAP, encoding="utf-8")
    (root / "rows.csv").write_text("\n".join(rows()) + "\n", encoding="utf-8")
    workspace = Workspace(root)
    pipeline.bring_in(workspace, [str(root / "rows.csv")], mapping=root / "rows.map.yaml", now=NOW)
    engine = connect("duckdb")
    pipeline.run(workspace, engine, pipeline.Order(now=NOW, as_of=None, horizon_s=None))
    engine.close()
    return workspace


class TestClient:
    """A browser or a program: asks an application without a port, from an address and by a name of one's choice."""

    __test__ = False

    def __init__(self, app: Any, *, base_url: str, client: tuple[str, int] = ("192.0.2.1", 1), **more: Any) -> None:
        transport = httpx.ASGITransport(app, client=client, raise_app_exceptions=False)
        self._client = httpx.AsyncClient(transport=transport, base_url=base_url, **more)
        self.headers = self._client.headers

    def get(self, path: str, **more: Any) -> httpx.Response:
        return self._ask("GET", path, **more)

    def post(self, path: str, **more: Any) -> httpx.Response:
        return self._ask("POST", path, **more)

    def _ask(self, method: str, path: str, **more: Any) -> httpx.Response:
        async def asked() -> httpx.Response:
            return await self._client.request(method, path, **more)

        return anyio.run(asked)


class Clock:
    """A clock that moves when told to."""

    def __init__(self) -> None:
        self.at = NOW

    def __call__(self) -> dt.datetime:
        return self.at


def invited(store: Store, email: str, role: str, units: tuple[str, ...] | None = None, clock: Any = None) -> None:
    accounts = Accounts(store, clock=clock or (lambda: NOW))
    made = accounts.create(email, role=role, units=units)
    accounts.accept(made.code, PASSWORD)


@pytest.fixture(scope="module")
def app(chain: Workspace) -> Iterator[Any]:
    """The chain's pages with an account of each role, and a manager of the north."""
    store = Store.open(chain)
    invited(store, "admin@example.org", "admin")
    for role in ROLES[:3]:
        invited(store, f"{role}@example.org", role)
    invited(store, "north@example.org", "analyst", ("north",))
    invited(store, "nowhere@example.org", "analyst", ())
    yield create_app(chain, clock=lambda: NOW, store=store)
    store.close()


def browser(app: Any, email: str | None = None) -> TestClient:
    """Somebody's browser on another machine, signed in."""
    client = TestClient(app, base_url="http://regard.example")
    if email is not None:
        answer = client.post("/sign-in", data={"email": email, "password": PASSWORD})
        assert answer.status_code == 303, answer.text
    return client


def proof(client: TestClient, path: str = "/account") -> str:
    found = re.search(r'name="proof" value="(\w+)"', client.get(path).text)
    assert found is not None
    return found[1]


def paths(app: Any, people: list[str]) -> Iterator[tuple[str, Any]]:
    """Every address that can be read, with names in the place of parameters, and what it is declared to need."""
    for path, methods, endpoint in routes_of(app):
        needs = needs_of(endpoint)
        if "GET" not in methods or path == "/static":
            continue
        if "{person_id}" in path:
            filled = [path.replace("{person_id}", one) for one in people]
        elif "{name}" in path:
            filled = [path.replace("{name}", f"{name}{form}") for name in TABLES for form in ("", ".csv", ".json")]
        else:
            filled = [path.replace("{code}", "no-such-code")]
        for one in filled:
            for query in queries(one):
                yield f"{one}?{query}", needs


def queries(path: str) -> tuple[str, ...]:
    """What is asked of an address beside its name."""
    if path.startswith("/api/v1/") and path[8:] in TABLES:
        return ("limit=1000",)
    if path.startswith("/tables/"):
        return ("period=all",)
    more = "&q=southm" if "search" in path else "&file=rows.csv" if path == "/mapping" else ""
    kinds = ("period=all", "period=all&segment=unit:south", "period=all&level=transaction")
    return tuple(kind + more for kind in kinds)


def test_every_route_says_who_may_ask(app: Any) -> None:
    routes = routes_of(app)
    assert len(routes) > 60
    assert [path for path, _, endpoint in routes if needs_of(endpoint) is None] == []
    anyone = {path for path, _, endpoint in routes if needs_of(endpoint).permission == "anyone"}  # type: ignore[union-attr]
    assert anyone >= {"/static", "/sign-in", "/welcome/{code}", "/api/v1/openapi.json"}
    assert not any(path.startswith(("/people", "/tables", "/accounts", "/keys", "/audit")) for path in anyone)


def test_a_route_that_says_nothing_keeps_the_application_from_starting(chain: Workspace, monkeypatch: Any) -> None:
    from fastapi import APIRouter

    from regard.web import app as made

    router = APIRouter()

    @router.get("/forgotten")
    def forgotten() -> dict[str, str]:
        return {"secret": "x"}

    monkeypatch.setattr(made, "ROUTERS", (*made.ROUTERS, router))
    with pytest.raises(AccessError, match="without a declared permission") as caught:
        create_app(chain)
    assert "/forgotten" in str(caught.value.found)


def test_a_route_added_later_without_a_word_answers_nothing(chain: Workspace) -> None:
    from starlette.responses import PlainTextResponse

    app = create_app(chain, clock=lambda: NOW)
    app.add_api_route("/later", lambda: {"secret": "x"})
    app.router.add_route("/raw", lambda request: PlainTextResponse("secret"))
    client = TestClient(app, base_url="http://127.0.0.1", client=("127.0.0.1", 1))
    for path in ("/later", "/raw"):
        answer = client.get(path)
        assert answer.status_code >= 400 and "secret" not in answer.text


def people_of(app: Any) -> dict[str, str]:
    body = browser(app, "admin@example.org").get("/api/v1/persons?limit=1000").json()["data"]
    return {row["handle"]: row["person_id"] for row in body}


def test_each_role_sees_what_it_is_declared_to_see(app: Any) -> None:
    some = [people_of(app)["K1"]]
    for role in ROLES:
        client = browser(app, f"{role}@example.org")
        who = Who(f"{role}@example.org", role, account_id="x")
        wrong = []
        for path, needs in paths(app, some):
            if path.split("?")[0] in PATHS:  # for machines: tests/web/test_outside.py
                continue
            if "segment" in path or "level" in path or (path.startswith("/tables/") and "/scores" not in path):
                continue
            status = client.get(path).status_code
            if (status != 403) is not who.may(needs.permission) or status == 401 or status >= 500:
                wrong.append((path, status))
        assert wrong == []


def test_nobody_sees_anything_without_signing_in(app: Any) -> None:
    client = browser(app)
    for path, needs in paths(app, ["x"]):
        answer = client.get(path)
        if needs.permission == "anyone":
            continue
        if path.startswith("/api/"):
            assert (answer.status_code, answer.headers["www-authenticate"]) == (401, 'Bearer realm="regard"'), path
            assert answer.headers["content-type"] == "application/problem+json"
        else:
            assert answer.status_code == 303, path
            assert answer.headers["location"].startswith("/sign-in"), path


def test_no_row_of_another_unit_is_on_any_page_or_answer(app: Any) -> None:
    people = people_of(app)
    some = [people["K1"], people["K21"], people[f"{SOUTH}K11"], people[f"{WEB}K31"]]
    north, admin = browser(app, "north@example.org"), browser(app, "admin@example.org")
    leaks, shown = [], 0
    for path, _ in paths(app, some):
        text = html.unescape(north.get(path).text)
        if HIDDEN.search(text):
            leaks.append((path, text[max(0, HIDDEN.search(text).start() - 80) :][:200]))  # type: ignore[union-attr]
        shown += bool(HIDDEN.search(html.unescape(admin.get(path).text)))
    assert leaks == []
    assert shown > 60, "the marks are everywhere where nothing is hidden"


def test_whoever_shopped_elsewhere_only_does_not_exist_for_a_manager(app: Any) -> None:
    people = people_of(app)
    north = browser(app, "north@example.org")
    for handle, status in (("K1", 200), ("K21", 200), (f"{SOUTH}K11", 404), (f"{WEB}K31", 404)):
        assert north.get(f"/people/{people[handle]}").status_code == status
        assert north.get(f"/api/v1/persons/{people[handle]}/story").status_code == status
    assert north.get(f"/api/v1/persons/{people['K21']}/interactions").json()["data"]
    assert "20 people" in north.get("/people?period=all").text
    assert browser(app, "nowhere@example.org").get("/api/v1/touches").json()["data"] == []


def test_what_is_seen_of_a_part_is_what_lies_there(app: Any) -> None:
    """Each table against rows chosen by hand from the whole."""
    north, admin = browser(app, "north@example.org"), browser(app, "admin@example.org")

    def table(client: TestClient, name: str) -> list[dict[str, Any]]:
        found, following = [], ""
        while following is not None:
            more = f"&cursor={following}" if following else ""
            body = client.get(f"/api/v1/{name}?limit=1000{more}").json()
            found += body["data"]
            following = body["next"]
        return found

    touches = [row for row in table(admin, "touches") if row["unit"] in ("n1", "n2")]
    assert table(north, "touches") == touches
    assert len(table(north, "interactions")) == len(touches)
    mine = {row["person_id"] for row in touches}
    ids = {row["interaction_id"] for row in touches}
    things = {one["id"] for row in touches for one in row["objects"]}
    for name in ("persons", "scores", "value"):
        whole = [row for row in table(admin, name) if row["person_id"] in mine]
        if name == "persons":
            whole = [row for row in whole if not row["kind"].startswith("object:") or row["handle"] in things]
        assert table(north, name) == whole != [], name
    for name, column in (("feedback", "feedback_id"), ("impressions", "interaction_id"), ("lapses", "interaction_id")):
        whole = [row for row in table(admin, name) if row[column] in ids]
        assert table(north, name) == whole != [], name
    promises = [row for row in table(admin, "promises") if {row["made_by"], row["delivered_by"]} & ids]
    assert table(north, "promises") == promises != []
    steps = table(north, "steps")
    assert len(steps) == len(touches)
    by_way: dict[tuple[str, str], int] = {}
    journeys: dict[str, list[dict[str, Any]]] = {}
    for row in sorted(touches, key=lambda row: (row["at"], row["sequence"], row["interaction_id"])):
        if row["object_id"]:
            journeys.setdefault(row["object_id"], []).append(row)
    for walked in journeys.values():
        for first, then in pairwise(walked):
            way = (first["touchpoint"] or first["event"], then["touchpoint"] or then["event"])
            by_way[way] = by_way.get(way, 0) + 1
    flows = {(row["source"], row["target"]): row["n"] for row in table(north, "flows")}
    assert flows == by_way != {}
    assert sum(row["n"] for row in table(north, "variants")) == len(table(north, "journeys"))


def test_contributions_still_sum_to_the_score_of_whom_one_sees_a_part(app: Any) -> None:
    person = people_of(app)["K21"]
    client = browser(app, "north@example.org")
    for level in ("transaction", "relationship"):
        body = client.get(f"/api/v1/persons/{person}/story?level={level}").json()["data"]
        assert sum(row["eta"] for row in body["contributions"]) == pytest.approx(body["score"]["eta"], abs=1e-9)
        assert sum(row["points"] for row in body["contributions"]) == pytest.approx(body["score"]["score"], abs=1e-9)
    assert "elsewhere" in {row["kind"] for row in body["contributions"]} or level == "relationship"


def test_a_part_is_the_same_when_only_the_ledger_grew(chain: Workspace) -> None:
    sides = ledger_sides(chain)
    version = [1]
    reader = Reader(chain, Sides(version=lambda: version[0], files=sides.files))
    before = reader.now(frozenset({"n1", "n2"}))
    counts = {name: before.count(name) for name in TABLES}
    version[0] += 1
    after = reader.now(frozenset({"n1", "n2"}))
    assert after is not before and {name: after.count(name) for name in TABLES} == counts
    assert reader.now().count("touches") > counts["touches"] > 0
    reader.close()


def test_a_figure_of_a_part_is_of_the_people_one_sees(app: Any) -> None:
    client = browser(app, "north@example.org")
    for level in ("transaction", "relationship"):
        whole = client.get(f"/api/v1/overview?period=all&level={level}").json()["data"]["groups"]["all"]["now"]
        rows = client.get("/api/v1/scores", params={"limit": 1000, "where": f"level = {level}"}).json()["data"]
        assert whole["n"] == len(rows)
        assert whole["score"] == pytest.approx(sum(row["score"] for row in rows) / len(rows), abs=1e-6)


def test_a_segment_of_another_unit_is_empty_and_is_not_offered(app: Any) -> None:
    client = browser(app, "north@example.org")
    assert client.get("/api/v1/overview?segment=unit:south&period=all").json()["data"]["groups"]["all"][
        "now"
    ] is None or (
        client.get("/api/v1/overview?segment=unit:south&period=all").json()["data"]["groups"]["all"]["now"]["n"] == 0
    )
    text = client.get("/?period=all").text
    assert 'value="unit:n1"' in text and 'value="unit:south"' not in text


# -- signing in -------------------------------------------------------------------------------------------


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def live(workspace: Workspace, store_url: str, clock: Clock) -> Iterator[Any]:
    """An empty workspace's pages with one admin, on each database."""
    store = Store.open(workspace, url=store_url)
    invited(store, "ada@example.org", "admin", clock=clock)
    yield create_app(workspace, clock=clock, store=store)
    store.close()


def test_signing_in_leads_on_and_the_cookie_is_for_no_script_and_no_other_site(live: Any) -> None:
    client = browser(live)
    sent = client.get("/people?q=x")
    assert sent.headers["location"] == "/sign-in?next=/people%3Fq%3Dx"
    assert 'value="/people?q=x"' in client.get(sent.headers["location"]).text
    data = {"email": " Ada@Example.org ", "password": PASSWORD, "next": "/people?q=x"}
    answer = client.post("/sign-in", data=data)
    assert (answer.status_code, answer.headers["location"]) == (303, "/people?q=x")
    cookie = answer.headers["set-cookie"].lower()
    assert "httponly" in cookie and "samesite=lax" in cookie and "secure" not in cookie
    assert client.get("/account").status_code == 200
    tls = TestClient(live, base_url="https://regard.example")
    answer = tls.post("/sign-in", data={**data, "next": "https://evil.example/"})
    assert "secure" in answer.headers["set-cookie"].lower() and answer.headers["location"] == "/"


def test_a_wrong_password_and_an_unknown_account_are_answered_alike(live: Any) -> None:
    answers, took = [], []
    for email in ("ada@example.org", "nobody@example.org"):
        began = time.perf_counter()
        answer = browser(live).post("/sign-in", data={"email": email, "password": "not the password"})
        took.append(time.perf_counter() - began)
        answers.append((answer.status_code, answer.text.replace(email, "")))
    assert answers[0] == answers[1] and answers[0][0] == 401
    assert max(took) < 5 * min(took)


def test_guessing_is_slowed_down_over_restarts_and_for_the_right_password_too(
    live: Any, workspace: Workspace, store_url: str, clock: Clock
) -> None:
    wrong = {"email": "ada@example.org", "password": "not the password"}
    statuses = [browser(live).post("/sign-in", data=wrong).status_code for _ in range(7)]
    assert statuses == [401] * 6 + [429]
    store = Store.open(workspace, url=store_url)
    again = create_app(workspace, clock=clock, store=store)
    answer = browser(again).post("/sign-in", data={**wrong, "password": PASSWORD})
    assert answer.status_code == 429 and answer.headers["retry-after"] == "1" and "Too many tries" in answer.text
    clock.at += dt.timedelta(seconds=2)
    assert browser(again).post("/sign-in", data=wrong).status_code == 401
    clock.at += dt.timedelta(seconds=1)
    assert browser(again).post("/sign-in", data=wrong).status_code == 429, "twice as long"
    clock.at += dt.timedelta(seconds=2)
    assert browser(again).post("/sign-in", data={**wrong, "password": PASSWORD}).status_code == 303
    assert browser(again).post("/sign-in", data=wrong).status_code == 401, "what is right makes up for it"
    store.close()


def test_one_address_cannot_try_many_accounts(live: Any) -> None:
    statuses = [
        browser(live).post("/sign-in", data={"email": f"a{n}@example.org", "password": "x"}).status_code
        for n in range(22)
    ]
    assert statuses == [401] * 21 + [429]


def test_a_session_ends_by_time_by_silence_and_by_signing_out(live: Any, clock: Clock) -> None:
    client, other = browser(live, "ada@example.org"), browser(live, "ada@example.org")
    clock.at += dt.timedelta(hours=11)
    live.state.doors.sessions.changed()  # what is held for two seconds is looked up again
    assert client.get("/account").status_code == 200
    clock.at += dt.timedelta(hours=2)
    assert client.get("/account").status_code == 200
    assert other.get("/account").status_code == 303, "thirteen hours without a word"
    other = browser(live, "ada@example.org")
    assert client.post("/sign-out", data={"proof": proof(client)}).status_code == 303
    assert client.get("/account").status_code == 303 and other.get("/account").status_code == 200
    third = browser(live, "ada@example.org")
    third.post("/sign-out?everywhere=1", data={"proof": proof(third)})
    assert other.get("/account").status_code == 303
    last = browser(live, "ada@example.org")
    for _ in range(32):
        clock.at += dt.timedelta(hours=11)
        live.state.doors.sessions.changed()
        status = last.get("/account").status_code
    assert status == 303, "two weeks are over, however busy it was"


def test_every_form_carries_the_proof_of_its_session(live: Any) -> None:
    client, other = browser(live, "ada@example.org"), browser(live, "ada@example.org")
    for path, methods, endpoint in routes_of(live):
        needs = needs_of(endpoint)
        assert needs is not None
        if methods & {"GET", "HEAD"} or not needs.proof:
            continue
        for data in ({}, {"proof": "x"}, {"proof": proof(other)}):
            assert client.post(path, data=data).status_code == 403, path
    assert client.get("/account").status_code == 200, "nobody was signed out by it"
    free = {path for path, methods, end in routes_of(live) if not needs_of(end).proof}  # type: ignore[union-attr]
    assert free <= {"/sign-in", "/welcome/{code}"}
    crossing = client.post("/sign-in", data={}, headers={"sec-fetch-site": "cross-site"})
    assert crossing.status_code == 403


def test_accounts_are_made_changed_and_disabled_by_admins(live: Any) -> None:
    admin = browser(live, "ada@example.org")
    mine = {"proof": proof(admin)}
    page = admin.post("/accounts", data={**mine, "email": "Ben@example.org", "role": "agent", "part": "whole"})
    link = re.search(r"http://regard\.example(/welcome/[\w-]+)", page.text)
    assert link is not None and page.headers["cache-control"] == "no-store"
    ben = browser(live)
    assert "ben@example.org" in ben.get(link[1]).text
    for bad, says in (("short", "too short"), ("password12345", "tries first"), ("ben@example.org", "tries first")):
        answer = ben.post(link[1], data={"password": bad, "again": bad})
        assert answer.status_code == 400 and says in answer.text
    assert ben.post(link[1], data={"password": PASSWORD, "again": PASSWORD + "x"}).status_code == 400
    assert ben.post(link[1], data={"password": PASSWORD, "again": PASSWORD}).status_code == 303
    assert ben.get("/account").status_code == 200
    assert browser(live).get(link[1]).status_code == 404, "a link works once"
    assert ben.get("/accounts").status_code == 403
    assert (
        admin.post("/accounts/change", data={**mine, "email": "ben@example.org", "act": "disable"}).status_code == 303
    )
    assert ben.get("/account").status_code == 303
    assert browser(live).post("/sign-in", data={"email": "ben@example.org", "password": PASSWORD}).status_code == 401
    last = admin.post("/accounts/change", data={**mine, "email": "ada@example.org", "role": "viewer", "part": "whole"})
    assert last.status_code == 400 and "Nobody could manage accounts any more" in last.text
    taken = admin.post("/accounts", data={**mine, "email": "ben@example.org", "role": "agent"})
    assert taken.status_code == 400 and "has an account already" in taken.text


def test_changing_ones_password_ends_ones_other_sessions(live: Any) -> None:
    client, other = browser(live, "ada@example.org"), browser(live, "ada@example.org")
    form = {"proof": proof(client), "old": "not it", "new": "another fine sentence", "again": "another fine sentence"}
    assert client.post("/account/password", data=form).status_code == 400
    answer = client.post("/account/password", data={**form, "old": PASSWORD})
    assert answer.status_code == 303, re.findall(r"role=.alert.*", answer.text)
    assert client.get("/account").status_code == 200 and other.get("/account").status_code == 303
    assert browser(live).post("/sign-in", data={"email": "ada@example.org", "password": PASSWORD}).status_code == 401


def test_keys_are_made_on_a_page_shown_once_and_revoked(live: Any) -> None:
    admin = browser(live, "ada@example.org")
    mine = {"proof": proof(admin)}
    page = admin.post("/keys", data={**mine, "name": "shop", "scope": "ingest", "rate": "50"})
    secret = re.search(r"rgd_\w{8}_\w{32}", page.text)
    assert secret is not None and page.headers["cache-control"] == "no-store"
    assert secret[0] not in admin.get("/keys").text
    assert live.state.doors.keys.find(secret[0]).rate == 50
    assert admin.post("/keys", data={**mine, "name": "shop", "scope": "ingest"}).status_code == 400
    assert admin.post("/keys", data={**mine, "name": "x", "scope": "ingest", "rate": "many"}).status_code == 400
    assert admin.post("/keys/change", data={**mine, "name": "shop", "act": "revoke"}).status_code == 303
    assert live.state.doors.keys.find(secret[0]) is None


def test_programs_come_with_a_token_and_need_no_proof(live: Any, clock: Clock) -> None:
    tokens = live.state.doors.tokens
    _, secret = tokens.create("report", email="ada@example.org", holds=dt.timedelta(days=1))
    client = TestClient(live, base_url="http://regard.example", headers={"Authorization": f"Bearer {secret}"})
    assert client.get("/api/v1/scores").status_code == 200
    clock.at += dt.timedelta(days=1)
    assert client.get("/api/v1/scores").status_code == 401
    _, secret = tokens.create("other", email="ada@example.org")
    client.headers["Authorization"] = f"Bearer {secret}"
    assert client.get("/api/v1/scores").status_code == 200
    tokens.revoke("other")
    assert client.get("/api/v1/scores").status_code == 401


def test_without_accounts_whoever_sits_at_the_machine_is_admin_and_nobody_else_is_let_in(workspace: Workspace) -> None:
    app = create_app(workspace, clock=lambda: NOW)

    def ask(host: str, address: str, **headers: str) -> int:
        client = TestClient(app, base_url=f"http://{host}", client=(address, 1))
        return client.get("/keys", headers=headers).status_code

    assert ask("127.0.0.1:8123", "127.0.0.1") == ask("localhost", "127.0.0.1") == ask("[::1]:8123", "::1") == 200
    assert ask("regard.example", "127.0.0.1") == 303, "a name that was made to lead here"
    assert ask("localhost", "192.0.2.7") == 303
    assert ask("localhost", "127.0.0.1", **{"x-forwarded-for": "192.0.2.7"}) == 303
    here = TestClient(app, base_url="http://localhost", client=("127.0.0.1", 1))
    assert "you are the admin at this machine" in here.get("/").text
    invited(app.state.doors.store, "ada@example.org", "admin")
    time.sleep(2.1)
    assert ask("localhost", "127.0.0.1") == 303


# -- the trail --------------------------------------------------------------------------------------------


def test_reading_a_story_leaves_a_line_and_forgetting_leaves_only_a_hash(app: Any) -> None:
    person = people_of(app)["K2"]
    browser(app, "agent@example.org").get(f"/people/{person}")
    trail = app.state.doors.trail
    line = trail.read(person_id=person)[0]
    assert (line.who, line.what, line.person_id, line.address) == (
        "agent@example.org",
        "read story",
        person,
        "192.0.2.1",
    )
    admin = browser(app, "admin@example.org")
    assert f"/people/{person}" in admin.get(f"/audit?person_id={person}").text
    trail.forget([person])
    assert trail.read(person_id=person)[0].person_id is None
    text = admin.get("/audit").text
    assert person not in text and "somebody who was forgotten" in text


def test_exports_tables_and_sign_ins_leave_lines(app: Any) -> None:
    analyst = browser(app, "analyst@example.org")
    analyst.get("/tables/scores.csv")
    analyst.get("/people.csv")
    analyst.get("/api/v1/scores")
    lines = [(one.what, one.whom) for one in app.state.doors.trail.read(who="analyst@example.org", most=4)]
    assert lines == [
        ("read table scores", ""),
        ("export people", ""),
        ("read table", "scores.csv"),
        ("sign in", "analyst@example.org"),
    ]


def test_undeclared_permissions_are_refused_where_they_are_written() -> None:
    with pytest.raises(AssertionError):
        may("everything")
