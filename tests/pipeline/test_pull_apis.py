"""REST APIs from end to end, against a local server that pages, asks for patience, fails and answers nonsense."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable

import pytest
from tests.pipeline.vendors import Answer, served

from regard import pipeline
from regard.engine import connect
from regard.ledger import Ledger
from regard.pipeline.pull import pull_one
from regard.sources.pull import Attempts
from regard.sources.pull.apis import wanted_pause
from regard.store import Store

NOW = dt.datetime(2026, 3, 1, 12, tzinfo=dt.UTC)
TOKEN = "s3cret-token-of-ours"
MAP = """
version: 1
source: desk
zone: UTC
key: [id]
on_change: correct
handles: {email: requester.email}
objects: [{type: case, id: id}]
interactions:
  - {event: asked, at: created_at, direction: customer, text: subject, properties: {tags: optional}}
"""
PULL = """
version: 1
every: 15m
map: {cases: desk.map.yaml}
rest_api:
  attempts: 3
  client:
    base_url: URL/v1/
    auth: {type: bearer, token: $DESK_TOKEN}
  resources:
    - name: cases
      endpoint:
        path: cases
        data_selector: cases
        params: {since: "{incremental.start_value}"}
        incremental: {cursor_path: updated_at, initial_value: "2026-01-01T00:00:00Z"}
        paginator: {type: cursor, cursor_path: meta.next, cursor_param: page}
"""


class Desk:
    """A server of cases, two a page, the newest first: the hard order for a cursor.

    wrong : what to say at the n-th request instead; seen : the requests' queries.
    """

    def __init__(self) -> None:
        self.cases: list[dict] = []
        self.wrong: dict[int, Answer] = {}
        self.seen: list[dict[str, str]] = []

    def page(self, path: str, query: dict[str, str], headers: Callable) -> dict:
        self.seen.append(query)
        if (said := self.wrong.pop(len(self.seen), None)) is not None:
            raise said
        if headers.get("Authorization") != f"Bearer {TOKEN}":
            raise Answer(401, {"error": "who are you"})
        due = sorted((one for one in self.cases if one["updated_at"] >= query["since"]),
                     key=lambda one: one["updated_at"], reverse=True)  # fmt: skip
        begin = int(query.get("page", 0))
        more = begin + 2 < len(due)
        return {"cases": due[begin : begin + 2], "meta": {"next": str(begin + 2) if more else None}}

    def add(self, number: int, at: str, **more: object) -> None:
        self.cases = [one for one in self.cases if one["id"] != number]
        case = {"id": number, "created_at": "2026-01-02T00:00:00Z", "updated_at": at, "subject": f"case {number}"}
        self.cases.append({**case, "requester": {"email": f"c{number}@x.com"}, **more})


@pytest.fixture
def desk(workspace, monkeypatch):
    found = Desk()
    url, server = served(found.page)
    monkeypatch.setenv("DESK_TOKEN", TOKEN)
    workspace.pulls.mkdir()
    workspace.maps.mkdir()
    (workspace.pulls / "desk.pull.yaml").write_text(PULL.replace("URL", url))
    (workspace.maps / "desk.map.yaml").write_text(MAP)
    yield found
    server.shutdown()
    server.server_close()


def pulled(workspace):
    (one,) = pipeline.pull(workspace, clock=lambda: NOW)
    return one


def texts(workspace):
    engine = connect("duckdb")
    rows = engine.rows(Ledger.open(workspace).read(engine).select("text", "handles")).to_pylist()
    engine.close()
    return sorted(row["text"] for row in rows)


def cursors(workspace):
    engine = connect("duckdb")
    rows = engine.rows(Ledger.open(workspace).side("cursors", engine)).to_pylist()
    engine.close()
    return rows


def test_pages_are_followed_and_the_next_pull_begins_where_this_one_ended(workspace, desk):
    for number in range(1, 6):
        desk.add(number, f"2026-01-1{number}T00:00:00Z")
    done = pulled(workspace)
    assert (done.problem, done.n_interactions, len(desk.seen)) == (None, 5, 3)
    assert pulled(workspace).n_rows == 0
    assert desk.seen[-1]["since"] == "2026-01-15T00:00:00Z"
    desk.add(6, "2026-01-16T00:00:00Z", optional="late")
    desk.add(2, "2026-01-17T00:00:00Z", subject="case 2, again")
    assert pulled(workspace).n_interactions == 2
    assert texts(workspace) == ["case 1", "case 2, again", "case 3", "case 4", "case 5", "case 6"]


def test_a_server_that_asks_for_patience_or_stumbles_is_asked_again(workspace, desk):
    for number in range(1, 6):
        desk.add(number, f"2026-01-1{number}T00:00:00Z")
    desk.wrong = {2: Answer(429, Retry_After="1"), 4: Answer(503, b"busy"), 5: Answer(500, b"oops")}
    done = pulled(workspace)
    assert (done.problem, done.n_interactions) == (None, 5)


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        (Answer(401, {"error": "expired"}), "does not accept who we say we are"),
        (Answer(403, b"no"), "does not let us read"),
        (Answer(400, {"error": "no such parameter"}), "refuses the request"),
        (Answer(200, b"<html>maintenance</html>", Content_Type="text/html"), "is not JSON"),
        (Answer(200, b'{"cases": [{"id": 9'), "is not JSON"),
        (Answer(200, {}), "has no 'cases'"),
        (Answer(200, {"error": "quota"}), "has no 'cases'"),
    ],
)
def test_what_goes_wrong_on_a_later_page_keeps_the_cursor_where_it_was(workspace, desk, wrong, says):
    for number in range(1, 6):
        desk.add(number, f"2026-01-1{number}T00:00:00Z")
    desk.wrong = {2: wrong}
    done = pulled(workspace)
    assert done.problem is not None and says in done.problem.problem, done.problem
    assert TOKEN not in str(done.problem) and cursors(workspace) == []
    assert pulled(workspace).problem is None
    assert len(texts(workspace)) == 5


def test_a_long_pause_is_left_to_a_later_pull(workspace, desk):
    desk.add(1, "2026-01-11T00:00:00Z")
    desk.wrong = {1: Answer(429, Retry_After="3600")}
    store = Store.open(workspace)
    attempts = Attempts(store)
    done = pull_one(workspace, attempts, "desk", clock=lambda: NOW)
    assert "left alone" in done.problem.problem and len(desk.seen) == 1
    assert (attempts.find("desk").next_at - NOW).total_seconds() >= 3600
    store.close()


def test_a_server_that_is_not_there_and_a_configuration_dlt_does_not_know(workspace, desk):
    place = workspace.pulls / "desk.pull.yaml"
    text = place.read_text()
    place.write_text(text.replace("type: cursor", "type: curser"))
    assert "dlt does not understand" in pulled(workspace).problem.problem
    place.write_text(text.replace("attempts: 3", "attempts: 1").replace("http://127.0.0.1:", "http://127.0.0.1:1/"))
    assert "does not answer" in pulled(workspace).problem.problem


def test_the_pause_that_is_asked_for():
    at = dt.datetime(2026, 3, 1, 12, tzinfo=dt.UTC)
    assert wanted_pause({"Retry-After": "30"}, at) == 30
    assert wanted_pause({"Retry-After": "Sun, 01 Mar 2026 12:01:00 GMT"}, at) == 60
    assert wanted_pause({"Retry-After": "soon"}, at) is None
    assert wanted_pause({}, at) is None
