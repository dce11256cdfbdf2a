"""The browser snippet in a real browser, on a page of somebody else's: what it sends, and what it never does."""

from __future__ import annotations

import gzip
import hmac
import json
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from playwright.sync_api import Browser, Page

from regard.access import Keys
from regard.engine import connect
from regard.ledger import Ledger
from regard.store import Store
from regard.web import create_app, snippet
from regard.workspace import Workspace

pytestmark = pytest.mark.browser
Serving = Callable[[FastAPI], AbstractContextManager[str]]
SNIPPET = snippet.FILE
LIMIT = 4096
BODY = """<!doctype html><title>Shop</title>
<script async src="{source}/regard.js" data-key="{key}" {more}></script>
<h1>Shop</h1>
<button id=works onclick="document.getElementById('out').textContent = Math.random()">Add to basket</button>
<button id=dead>Pay now</button>
<p id=out></p>
<form id=checkout><input name=name><input name=card><input name=secret type=password><button>Send</button></form>
<form id=quiet data-regard=off><input name=note></form>
"""


@dataclass
class Visit:
    """One page of the shop, and everything that was sent from it."""

    page: Page
    port: int
    bodies: list[dict[str, Any]] = field(default_factory=list)
    answers: list[int] = field(default_factory=list)
    more: str = ""
    regard: str | None = None  # address of a real server; else this one stands in for it, and keeps what comes
    key: str = "wk_test"

    def open(self, path: str = "/", more: str = "") -> None:
        self.more = more
        self.page.goto(self.at(path))
        self.page.wait_for_function("window.regard && window.regard.ready")

    def at(self, path: str) -> str:
        return f"http://127.0.0.1:{self.port}{path}"

    def html(self) -> str:
        return BODY.format(source=self.regard or f"http://localhost:{self.port}", key=self.key, more=self.more)

    def flush(self) -> None:
        self.page.evaluate("window.regard.flush()")
        self.page.wait_for_timeout(100)

    @property
    def events(self) -> list[dict[str, Any]]:
        return [event for body in self.bodies for event in body["batch"]]

    def named(self, name: str) -> list[dict[str, Any]]:
        return [event for event in self.events if event.get("event") == name]


@pytest.fixture
def visit(browser: Browser) -> Iterator[Visit]:
    context = browser.new_context()
    found = Visit(context.new_page(), 0)

    class Shop(BaseHTTPRequestHandler):
        """The shop's pages as 127.0.0.1, and what takes its events as localhost: another origin."""

        def do_GET(self) -> None:
            script = self.path == "/regard.js"
            text = SNIPPET.read_text(encoding="utf-8") if script else found.html()
            self._say(200, "text/javascript" if script else "text/html", text)

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            status = found.answers.pop(0) if found.answers else 200
            if status == 200:
                found.bodies.append(body)
            self._say(status, "application/json", "{}")

        def _say(self, status: int, kind: str, text: str) -> None:
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Access-Control-Allow-Origin", "*")
            self.end_headers()
            self.wfile.write(text.encode())

        def log_message(self, *said: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Shop)
    found.port = server.server_address[1]
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield found
    context.close()
    server.shutdown()
    server.server_close()
    thread.join(5)


def test_it_is_at_most_four_kilobytes_on_the_wire() -> None:
    assert len(gzip.compress(SNIPPET.read_bytes(), 9)) <= LIMIT


def test_a_page_view_says_where_and_who_as_segments_clients_do(visit: Visit) -> None:
    visit.open("/shoes?utm=x")
    visit.flush()
    (seen,) = visit.events
    assert (seen["type"], seen["properties"]["path"]) == ("page", "/shoes")
    assert seen["messageId"]
    assert seen["anonymousId"]
    assert "utm" not in json.dumps(seen), "a query may hold what is private"
    assert visit.bodies[0]["writeKey"] == "wk_test"
    assert visit.bodies[0]["sentAt"] >= seen["originalTimestamp"]


def test_the_same_person_comes_back_and_is_recognised_when_named(visit: Visit) -> None:
    visit.open("/")
    visit.page.evaluate("window.regard.identify('C-7', {email: 'ada@x.org'})")
    visit.page.goto(visit.at("/again"))
    visit.page.wait_for_function("window.regard && window.regard.ready")
    visit.flush()
    assert len({event["anonymousId"] for event in visit.events}) == 1
    named = next(event for event in visit.events if event["type"] == "identify")
    assert (named["userId"], named["traits"]) == ("C-7", {"email": "ada@x.org"})
    assert visit.events[-1]["userId"] == "C-7"


def test_pages_within_one_page_application_are_views_too(visit: Visit) -> None:
    visit.open("/")
    visit.page.evaluate("history.pushState({}, '', '/cart')")
    visit.page.wait_for_timeout(50)
    visit.page.evaluate("history.replaceState({}, '', '/cart')")
    visit.page.wait_for_timeout(50)
    visit.flush()
    assert [event["properties"]["path"] for event in visit.events] == ["/", "/cart"]


def test_three_quick_clicks_in_one_place_are_rage_and_a_click_that_does_nothing_is_dead(visit: Visit) -> None:
    visit.open("/")
    visit.page.click("#dead", click_count=3, delay=20)
    visit.page.wait_for_timeout(1_500)
    visit.page.click("#dead")
    visit.page.wait_for_timeout(1_500)
    visit.flush()
    assert [event["properties"]["text"] for event in visit.named("Rage Clicked")] == ["Pay now"]
    assert [event["properties"]["element"] for event in visit.named("Dead Clicked")] == ["button#dead"]


def test_a_click_that_does_something_is_not_dead(visit: Visit) -> None:
    visit.open("/")
    visit.page.click("#works")
    visit.page.wait_for_timeout(1_500)
    visit.flush()
    assert visit.named("Dead Clicked") == []


def test_a_form_begun_and_left_is_told_without_what_was_typed(visit: Visit) -> None:
    visit.open("/checkout")
    visit.page.fill("[name=name]", "Ada Lovelace")
    visit.page.fill("[name=card]", "4111111111111111")
    visit.page.fill("[name=secret]", "hunter2")
    visit.page.fill("#quiet [name=note]", "never")
    visit.page.goto(visit.at("/elsewhere"))
    visit.page.wait_for_timeout(300)
    (left,) = visit.named("Form Abandoned")
    assert (left["properties"]["form"], left["properties"]["fields"]) == ("checkout", 2)
    assert left["properties"]["last_field"] == "card"
    for typed in ("Ada", "4111", "hunter2", "never"):
        assert typed not in json.dumps(visit.bodies)


def test_a_form_that_was_sent_is_not_abandoned(visit: Visit) -> None:
    visit.open("/checkout")
    visit.page.fill("[name=name]", "Ada")
    visit.page.click("#checkout button")
    visit.page.wait_for_timeout(300)
    visit.flush()
    assert visit.named("Form Abandoned") == []


def test_nothing_is_sent_or_stored_before_consent(visit: Visit) -> None:
    visit.open("/", more='data-consent="required"')
    visit.page.click("#dead", click_count=3, delay=20)
    visit.page.evaluate("window.regard.identify('C-7', {})")
    visit.flush()
    assert visit.bodies == []
    assert visit.page.evaluate("Object.keys(localStorage)") == []
    visit.page.evaluate("window.regard.consent(true)")
    visit.flush()
    assert [event["type"] for event in visit.events] == ["page"]
    visit.page.evaluate("window.regard.consent(false)")
    visit.page.click("#dead", click_count=3, delay=20)
    visit.flush()
    assert len(visit.events) == 1
    assert visit.page.evaluate("Object.keys(localStorage)") == ["regard.consent"]


@pytest.mark.parametrize(
    "wish",
    [
        "Object.defineProperty(navigator, 'doNotTrack', {value: '1'})",
        "Object.defineProperty(navigator, 'globalPrivacyControl', {value: true})",
    ],
)
def test_a_browser_that_says_no_is_heard(visit: Visit, wish: str) -> None:
    visit.page.add_init_script(wish)
    visit.open("/")
    visit.page.evaluate("window.regard.consent(true)")
    visit.page.evaluate("window.regard.track('Bought', {})")
    visit.flush()
    assert visit.bodies == []
    assert visit.page.evaluate("Object.keys(localStorage)") == []


def test_what_could_not_be_sent_is_sent_again_once(visit: Visit) -> None:
    visit.answers = [503, 429]
    visit.open("/")
    visit.page.evaluate("window.regard.track('Bought', {total: 5})")
    for _ in range(3):
        visit.flush()
    assert sorted(event["type"] for event in visit.events) == ["page", "track"]
    assert len({event["messageId"] for event in visit.events}) == 2


def test_calls_made_before_it_arrived_are_done_then(visit: Visit) -> None:
    visit.page.add_init_script("window.regard = {q: [['track', 'Early', {a: 1}]]}")
    visit.open("/")
    visit.flush()
    assert [event["properties"] for event in visit.named("Early")] == [{"a": 1}]


@pytest.fixture
def regard_(workspace: Workspace, serving: Serving) -> Iterator[tuple[str, Keys]]:
    """Address of a server that takes what keys send, and its keys."""
    store = Store.open(workspace)
    keys = Keys(store)
    with serving(create_app(workspace, keys=keys)) as address:
        yield address, keys
    store.close()


def test_what_a_page_sends_is_in_the_ledger_of_a_real_server(
    visit: Visit, regard_: tuple[str, Keys], workspace: Workspace
) -> None:
    address, keys = regard_
    key = keys.create("shop-pages", scopes=("browser",), origins=(visit.at(""),))
    visit.regard, visit.key = address, key.secret
    proof = hmac.new(keys.signing_secret(key.key).encode(), b"C-8", "sha256").hexdigest()
    visit.open("/shoes")
    visit.page.evaluate("window.regard.identify('C-7', {email: 'ada@x.org'})")
    visit.page.evaluate("proof => window.regard.identify('C-8', {}, proof)", proof)
    visit.page.click("#dead", click_count=3, delay=20)
    with visit.page.expect_response("**/v1/batch") as answer:
        visit.page.evaluate("window.regard.flush()")
    assert answer.value.status == 200
    engine = connect("duckdb")
    rows = engine.rows(Ledger.open(workspace).read(engine)).to_pylist()
    engine.close()
    by_event = {row["event"]: row for row in rows}
    assert set(by_event) == {"page", "identify", "Rage Clicked"}
    assert {row["channel"] for row in rows} == {"web"}
    assert {row["source"] for row in rows} == {"shop-pages"}
    rage = by_event["Rage Clicked"]
    assert dict(rage["properties"])["text"] == "Pay now"
    assert ("user", "C-8") in {(one["kind"], one["value"]) for one in rage["handles"]}
    claimed = next(row for row in rows if dict(row["properties"]).get("claimed_user") == "C-7")
    assert [one["kind"] for one in claimed["handles"]] == ["anonymous"], "anybody can read a page's key"


def test_the_script_is_packed_held_and_for_anyone(regard_: tuple[str, Keys]) -> None:
    address, _ = regard_
    first = httpx.get(address + "/regard.js")
    assert first.content == SNIPPET.read_bytes()
    assert int(first.headers["content-length"]) <= LIMIT
    again = httpx.get(address + "/regard.js", headers={"if-none-match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
