"""What our own people were told: the form, its second click, and what stands in the ledger afterwards."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from playwright.sync_api import Page

from regard.engine import connect
from regard.errors import SettingError
from regard.ledger import Ledger
from regard.sources.push import told
from regard.web import create_app
from regard.workspace import Workspace

NOTE = "1b4e28ba-2fa1-41d2-883f-0016d3cca427"


@pytest.fixture
def address(workspace: Workspace, serving: Callable[[FastAPI], AbstractContextManager[str]]) -> Iterator[str]:
    with serving(create_app(workspace)) as found:
        yield found


@pytest.fixture
def client(address: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=address, follow_redirects=True, timeout=60) as found:
        yield found


def hidden(page: str) -> dict[str, str]:
    return dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', page))


def ledger(workspace: Workspace) -> list[dict[str, Any]]:
    engine = connect("duckdb")
    try:
        return engine.rows(Ledger.open(workspace).read(engine)).to_pylist()
    finally:
        engine.close()


def test_a_note_is_an_interaction_and_how_they_seemed_is_no_rating(client: httpx.Client, workspace: Workspace) -> None:
    form = hidden(client.get("/tell").text)
    said = {"text": "The parcel was wet again", "seemed": "-2", "customer": "ada@x.org", "channel": "in person"}
    answer = client.post("/tell", data={**form, **said})
    assert answer.status_code == 200
    assert "Noted. Thank you." in answer.text
    (row,) = ledger(workspace)
    assert (row["source"], row["event"], row["text"], row["rating"]) == ("staff", "staff_note", said["text"], None)
    assert (row["direction"], row["channel"], row["actor"]) == ("customer", "in person", "local")
    assert row["handles"] == [{"kind": "email", "value": "ada@x.org"}]
    assert dict(row["properties"])["seemed"] == "-2"


def test_a_second_click_changes_nothing(client: httpx.Client, workspace: Workspace) -> None:
    form = hidden(client.get("/tell").text)
    for _ in range(2):
        client.post("/tell", data={**form, "text": "Loves the new box"})
    assert len(ledger(workspace)) == 1


def test_a_note_can_be_taken_back(client: httpx.Client, workspace: Workspace) -> None:
    form = hidden(client.get("/tell").text)
    after = client.post("/tell", data={**form, "text": "Wrong customer"})
    answer = client.post("/tell/back", data=hidden(after.text.split('action="/tell/back"')[1]))
    assert "Taken back." in answer.text
    assert ledger(workspace) == []


def test_a_name_we_do_not_know_is_kept_and_said(client: httpx.Client, workspace: Workspace) -> None:
    form = hidden(client.get("/tell").text)
    answer = client.post("/tell", data={**form, "seemed": "2", "customer": "the lady with the dog"})
    assert "We know nobody as “the lady with the dog”" in answer.text
    (row,) = ledger(workspace)
    assert not row["handles"]
    assert (row["kind"], dict(row["properties"])["customer"]) == ("seemed", "the lady with the dog")


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({}, "There is nothing in the note."),
        ({"text": "x" * (told.LONGEST + 1)}, "The note is too long."),
        ({"text": "a", "seemed": "9"}, "does not say how they seemed"),
        ({"text": "a", "unit": "moon"}, "is not a unit"),
        ({"text": "a", "note_id": "1"}, "is not the id of a note"),
    ],
)
def test_what_cannot_be_is_said_and_what_was_typed_stays(
    client: httpx.Client, workspace: Workspace, wrong: dict[str, str], says: str
) -> None:
    form = hidden(client.get("/tell").text)
    answer = client.post("/tell", data={**form, "customer": "ada@x.org", **wrong})
    assert answer.status_code == 400
    assert says in answer.text
    assert 'value="ada@x.org"' in answer.text
    assert ledger(workspace) == []


def test_another_site_cannot_note_anything(client: httpx.Client, workspace: Workspace) -> None:
    form = hidden(client.get("/tell").text)
    answer = client.post("/tell", data={**form, "text": "x"}, headers={"origin": "https://evil.example"})
    assert answer.status_code == 403
    assert ledger(workspace) == []


def test_a_code_opens_the_form_as_the_place_it_hangs_in(client: httpx.Client, address: str) -> None:
    page = client.get("/tell/code", params={"channel": "in person"}).text
    assert f"{address}/tell?channel=in+person" in page
    assert "<svg" in page
    assert re.search(r'value="in person" selected', client.get("/tell?channel=in+person").text)


def test_a_note_says_something_and_has_an_id_of_its_own() -> None:
    with pytest.raises(SettingError, match="nothing in the note"):
        told.hear(told.Note(NOTE, "ann"), at=0)
    heard = told.hear(told.Note(NOTE, "ann", seemed=0), at=5)
    assert [(fact.interaction_id, fact.occurred_at) for fact in heard.facts] == [(f"note:{NOTE}", 5)]


@pytest.mark.browser
def test_ten_seconds_on_a_phone_by_keyboard(page: Page, address: str, axe: str, workspace: Workspace) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto(address + "/tell")
    assert page.evaluate("document.activeElement.id") == "text"
    page.keyboard.type("Third call about the same parcel")
    page.keyboard.press("Tab")
    page.keyboard.press("Space")
    page.keyboard.press("Tab")
    page.keyboard.type("ada@x.org")
    page.keyboard.press("Enter")
    page.wait_for_selector("text=Noted. Thank you.")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.evaluate(axe)
    assert page.evaluate("async () => (await axe.run()).violations.map(one => one.id)") == []
    (row,) = ledger(workspace)
    assert row["text"] == "Third call about the same parcel"
