"""Every page in a real browser: two widths, light and dark, by keyboard, and without what axe calls a violation."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, Route

from regard.access import Accounts
from regard.store import Store
from regard.web import create_app
from regard.workspace import Workspace

pytestmark = pytest.mark.browser
PAGES = (
    "/",
    "/?segment=unit:north&period=90d",
    "/journeys",
    "/people",
    "/people/{person}",
    "/promises",
    "/value",
    "/touchpoints",
    "/health",
    "/tables",
    "/tables/scores",
    "/mapping",
    "/mapping?file=orders.csv",
    "/tell",
    "/tell/code?channel=in+person",
    "/search?q=c-01",
    "/keys",
    "/accounts",
    "/audit",
)
RULES = {"runOnly": {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "best-practice"]}}


@pytest.fixture(scope="module", autouse=True)
def orders(shop: Workspace) -> None:
    rows = "order_id,customer,ordered_at,total\n1,a@x.org,2026-01-03 10:00,12.50\n2,b@x.org,2026-01-04 11:30,99.00\n"
    (shop.root / "orders.csv").write_text(rows, encoding="utf-8")


@pytest.fixture
def person(sample: ModuleType) -> str:
    found: str = sample.person_id(148)
    return found


@pytest.mark.parametrize("path", PAGES)
def test_a_page_fits_reads_and_is_accessible(page: Page, served: str, axe: str, path: str, person: str) -> None:
    page.goto(served + path.format(person=person))
    page.wait_for_load_state("networkidle")
    page.evaluate(axe)
    for width, scheme in ((1440, "light"), (390, "dark")):
        page.set_viewport_size({"width": width, "height": 900})
        page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
        assert page.evaluate("document.documentElement.scrollWidth") <= width, f"{width}, {scheme}: scrolls sideways"
        found = page.evaluate("rules => axe.run(document, rules)", RULES)["violations"]
        said = [f"{one['id']}: {one['nodes'][0]['html'][:160]} {one['nodes'][0]['failureSummary']}" for one in found]
        assert said == [], f"{width}, {scheme}"


def test_the_map_keeps_its_size_on_a_phone_and_scrolls_in_its_box(page: Page, served: str) -> None:
    page.set_viewport_size({"width": 390, "height": 900})
    page.goto(served + "/journeys")
    box, drawn = page.locator(".map").bounding_box(), page.locator(".map svg").bounding_box()
    assert box is not None
    assert drawn is not None
    assert drawn["width"] > 1_000
    assert box["width"] <= 390
    assert abs(box["height"] - drawn["height"]) < 24, "no empty paper below the map"


def test_the_keyboard_finds_a_person(page: Page, served: str) -> None:
    page.goto(served + "/")
    page.keyboard.press("/")
    page.keyboard.type("c-0148")
    page.wait_for_selector("#found a")
    page.keyboard.press("ArrowDown")
    assert page.evaluate("document.activeElement.textContent").startswith("C-0148")
    page.keyboard.press("Enter")
    page.wait_for_url("**/people/*")
    assert "C-0148" in page.inner_text("h1")


def test_ctrl_k_goes_to_the_search_and_escape_leaves_what_was_found(page: Page, served: str) -> None:
    page.goto(served + "/people")
    page.keyboard.press("Control+k")
    page.keyboard.type("deliv")
    page.wait_for_selector("#found a")
    page.keyboard.press("Escape")
    assert page.query_selector("#found a") is None
    assert page.evaluate("document.activeElement.id") == "q"


def test_an_answer_that_comes_after_escape_opens_nothing(page: Page, served: str) -> None:
    page.goto(served + "/people")
    held: list[Route] = []
    page.route("**/search/part*", lambda route: held.append(route))
    page.keyboard.press("Control+k")
    with page.expect_request("**/search/part*"):
        page.keyboard.type("deliv")
    page.keyboard.press("Escape")
    with page.expect_response("**/search/part?q=deliv"):
        held[0].continue_()
    page.wait_for_timeout(200)
    assert page.query_selector("#found a") is None
    for route in held[1:]:
        route.continue_()
    page.unroute("**/search/part*")
    page.keyboard.type("deliv")
    page.wait_for_selector("#found a")


def test_a_level_that_is_not_the_usual_one_can_be_chosen(page: Page, served: str) -> None:
    page.goto(served + "/people")
    usual = page.get_attribute("form[data-follow]", "data-usual")
    other = "transaction" if usual == "relationship" else "relationship"
    page.select_option("select[name=level]", other)
    page.wait_for_url(f"**/people?level={other}")
    page.evaluate(f"document.querySelector('form[data-follow]').dataset.usual = '{other}'")
    page.select_option("select[name=level]", usual)  # on a page that opens on the other one it is named
    page.wait_for_url(f"**/people?level={usual}")


def test_on_a_phone_the_level_can_be_read(page: Page, served: str) -> None:
    page.set_viewport_size({"width": 390, "height": 900})
    page.goto(served + "/people?period=2025-06-01..2025-12-31")
    room = page.evaluate("""() => {
        const field = document.querySelector("select[name=level]"), style = getComputedStyle(field);
        const pen = document.createElement("canvas").getContext("2d");
        pen.font = style.font;
        const inside = field.clientWidth - parseFloat(style.paddingLeft) - parseFloat(style.paddingRight);
        return inside - pen.measureText("Relationship").width;
    }""")
    assert room >= 0
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_every_control_can_be_reached_by_tab_with_visible_focus(page: Page, served: str) -> None:
    page.goto(served + "/people")
    seen, invisible = set(), []
    for _ in range(40):
        page.keyboard.press("Tab")
        tag, outline = page.evaluate(
            "[document.activeElement.outerHTML.slice(0, 90), getComputedStyle(document.activeElement).outlineStyle]"
        )
        seen.add(tag)
        if outline == "none":
            invisible.append(tag)
    assert invisible == []
    assert any("skip" in tag for tag in seen)
    assert any('name="segment"' in tag for tag in seen)
    assert len(seen) > 25


def test_the_segment_is_chosen_and_stands_in_the_address_and_holds(page: Page, served: str) -> None:
    page.goto(served + "/")
    page.select_option("select[name=segment]", "unit:north")
    page.wait_for_url("**segment=unit%3Anorth*")
    assert page.inner_text("h1").startswith("Customers in north")
    page.click("nav.rail a:has-text('People')")
    assert "segment=unit%3Anorth" in page.url


def test_a_sentence_of_a_story_leads_to_its_record(page: Page, served: str, person: str) -> None:
    page.goto(f"{served}/people/{person}")
    link = page.locator(".tale a[href^='#']").nth(1)
    target = (link.get_attribute("href") or "").partition("#")[2]
    link.click()
    row = page.locator(f"[id='{target}']")
    assert row.is_visible()
    assert page.evaluate("document.querySelector(':target') !== null")


def test_the_mapping_preview_follows_what_is_written(page: Page, served: str) -> None:
    page.goto(f"{served}/mapping?file=orders.csv")
    page.wait_for_load_state("networkidle")
    text = page.input_value("textarea[name=text]")
    page.fill("textarea[name=text]", text.replace("version: 1", "version: 1\nnonsense: 2"))
    page.wait_for_selector("#preview .notice.bad")
    assert "nonsense" in page.inner_text("#preview")
    page.fill("textarea[name=text]", text)
    page.wait_for_selector("#preview .notice.bad", state="detached")
    assert "2 interactions" in page.inner_text("#preview")


def test_pages_work_before_any_script_arrives(browser: Browser, served: str, person: str) -> None:
    context = browser.new_context(java_script_enabled=False)
    bare = context.new_page()
    bare.goto(served + "/")
    assert bare.inner_text("h1").startswith("Customers regard us at")
    bare.select_option("select[name=segment]", "quiet")
    bare.click("noscript button, button:has-text('Show')")
    assert "segment=quiet" in bare.url
    bare.fill("input[name=q]", "c-0148")
    bare.press("input[name=q]", "Enter")
    bare.click("main a:has-text('C-0148')")
    assert person in bare.url
    context.close()


def test_the_theme_can_be_chosen_and_is_kept(page: Page, served: str) -> None:
    page.emulate_media(color_scheme="light")
    page.goto(served + "/")
    paper = "getComputedStyle(document.body).backgroundColor"
    light = page.evaluate(paper)
    page.click("[data-theme-switch]")
    dark = page.evaluate(paper)
    assert dark != light
    page.goto(served + "/people")
    assert page.evaluate(paper) == dark


def test_overview_and_story_print_without_the_frame(page: Page, served: str, person: str) -> None:
    for path in ("/", f"/people/{person}"):
        page.goto(served + path)
        page.emulate_media(media="print")
        assert not page.is_visible("nav.rail")
        assert not page.is_visible("header.top")
        assert page.is_visible("h1")
        page.emulate_media(media="screen")


EMPTY = ("/", "/people", "/journeys", "/promises", "/value", "/health", "/touchpoints", "/tables/scores", "/mapping")


def test_an_empty_workspace_says_what_to_do(page: Page, empty: str, axe: str) -> None:
    for path in EMPTY:
        page.goto(empty + path)
        assert page.is_visible(".empty"), path
        assert page.evaluate("document.querySelector('.empty code, .empty a') !== null"), f"{path}: nothing to do next"
        page.evaluate(axe)
        assert page.evaluate("rules => axe.run(document, rules)", RULES)["violations"] == [], path


def test_a_page_answers_quickly_once_it_was_asked_for(page: Page, served: str, person: str) -> None:
    for path in ("/", f"/people/{person}", "/people", "/journeys", "/health"):
        page.goto(served + path)
        page.goto(served + path)
        answered = page.evaluate("performance.getEntriesByType('navigation')[0].responseStart")
        assert answered < 1_000, f"{path}: {answered:.0f} ms to the first byte"


def test_signing_in_and_ones_account_in_a_browser(
    page: Page, shop: Workspace, axe: str, tmp_path: Path, clock: dt.datetime, serving: Any
) -> None:
    """From an invitation to signing out, by keyboard, at both widths; each page is accessible."""
    store = Store.open(shop, url=f"sqlite:///{tmp_path / 'store.db'}")
    code = Accounts(store, clock=lambda: clock).create("ada@example.org", role="admin").code

    def fine() -> None:
        page.evaluate(axe)
        for width, scheme in ((1440, "light"), (390, "dark")):
            page.set_viewport_size({"width": width, "height": 900})
            page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
            assert page.evaluate("document.documentElement.scrollWidth") <= width
            found = page.evaluate("rules => axe.run(document, rules)", RULES)["violations"]
            assert [f"{one['id']}: {one['nodes'][0]['html'][:160]}" for one in found] == [], page.url

    with serving(create_app(shop, clock=lambda: clock, store=store)) as address:
        page.goto(address + "/people")
        page.wait_for_url("**/sign-in?next=/people")
        fine()
        page.goto(f"{address}/welcome/{code}")
        fine()
        for name in ("#password", "#again"):
            page.fill(name, "four words and a half")
        page.keyboard.press("Enter")
        page.wait_for_url(address + "/")
        page.click("a.me")
        fine()
        page.goto(address + "/accounts")
        page.fill("#email", "ben@example.org")
        page.click("text=Make the account")
        assert "/welcome/" in page.inner_text(".once code")
        page.click("details.row >> nth=1")
        fine()
        page.goto(address + "/keys")
        page.fill("#name", "shop")
        page.click("text=Make the key")
        assert page.inner_text(".once code").startswith("rgd_")
        fine()
        page.goto(address + "/account")
        page.click("button:text-is('Sign out')")
        page.wait_for_url("**/sign-in")
        page.fill("#email", "ada@example.org")
        page.fill("#password", "four words and a half")
        page.keyboard.press("Enter")
        page.wait_for_url(address + "/")
    store.close()
