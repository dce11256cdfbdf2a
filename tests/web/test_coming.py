"""A story says what came in a moment ago, to those who may see it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
from tests.pipeline.stream import NOW, bring, event, make, past

from regard import pipeline
from regard.engine import connect
from regard.web import create_app
from regard.workspace import Workspace


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    engine = connect("duckdb", memory=2**30)
    found = make(tmp_path_factory.mktemp("coming") / "shop")
    bring(found, past(), engine)
    pipeline.run(found, engine, pipeline.Order(now=NOW))
    bring(found, [
        event("x1", "call", 300, ("email", "p3@x.org"), text="Where is <my> parcel?"),
        event("x2", "call", 301, ("email", "new@x.org")),
    ], engine)  # fmt: skip
    engine.close()
    return found


@pytest.fixture
def asked(shop: Workspace, serving: Any) -> Iterator[Callable[[str], httpx.Response]]:
    with serving(create_app(shop, clock=lambda: NOW)) as address, httpx.Client(base_url=address) as client:
        yield lambda path: client.get(path, follow_redirects=True, timeout=60)


def test_the_page_and_the_api_say_what_is_just_in(asked: Callable[[str], httpx.Response]) -> None:
    page = asked("/people/p3@x.org")
    assert page.status_code == 200
    assert "Just in" in page.text
    assert "Where is &lt;my&gt; parcel?" in page.text
    person = page.url.path.rsplit("/", 1)[1]
    data = asked(f"/api/v1/persons/{person}/story").json()["data"]
    assert [row["interaction_id"] for row in data["coming"]] == ["x1"]
    assert "x1" not in [row["interaction_id"] for row in data["interactions"]]
    assert "Just in" not in asked("/people/p4@x.org").text


def test_somebody_whom_no_table_knows_has_a_page(asked: Callable[[str], httpx.Response]) -> None:
    page = asked("/people/new@x.org")
    assert page.status_code == 200
    assert "new@x.org is new" in page.text
    data = asked("/api/v1/persons/email:new@x.org/story").json()["data"]
    assert [row["interaction_id"] for row in data["coming"]] == ["x2"]
    assert data["score"] is None
    assert asked("/people/newer@x.org").status_code == 404


def test_a_command_says_it_too(shop: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    from regard.cli import main

    with pytest.raises(SystemExit) as ended:
        main(["-w", str(shop.root), "person", "p3@x.org"])
    assert ended.value.code == 0
    assert 'Call (Telephone, "Where is <my> parcel?")' in capsys.readouterr().out.split("Just in")[1]
