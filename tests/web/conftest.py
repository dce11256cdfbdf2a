"""A served sample workspace, and a browser that looks at it."""

from __future__ import annotations

import datetime as dt
import importlib.util
import json
import os
import re
import shutil
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import Request, urlopen

import pytest
import uvicorn
from fastapi import FastAPI
from playwright.sync_api import Browser, Page, sync_playwright

from regard.web import create_app
from regard.web.serving import listen
from regard.workspace import Workspace

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
FLAGS = ["--no-sandbox", "--disable-background-networking", "--disable-component-update", "--disable-sync"]


def _loaded(name: str, path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def sample() -> ModuleType:
    """tests/web/sample.py."""
    return _loaded("regard_web_sample", HERE / "sample.py")


@pytest.fixture(scope="session")
def shop(sample: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """The sample workspace, published."""
    found: Workspace = sample.build(tmp_path_factory.mktemp("shop"))
    return found


@pytest.fixture(scope="session")
def clock(sample: ModuleType) -> dt.datetime:
    """The time at which the sample is looked at."""
    found: dt.datetime = sample.AS_OF + dt.timedelta(hours=9)
    return found


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    text: str
    headers: Mapping[str, str]

    def json(self) -> Any:
        return json.loads(self.text)


@dataclass(frozen=True)
class Client:
    """Asks a served application over HTTP."""

    address: str

    def get(self, path: str, **query: object) -> Answer:
        return self.send("GET", path + (f"?{urlencode(query, doseq=True)}" if query else ""), None, {})

    def post(self, path: str, headers: Mapping[str, str] | None = None, **form: str) -> Answer:
        found = re.search(r'name="proof" value="(\w+)"', self.get("/mapping").text)
        form = {"proof": found[1] if found else "", **form}
        return self.send("POST", path, urlencode(form).encode(), headers or {})

    def send(self, method: str, path: str, body: bytes | None, headers: Mapping[str, str]) -> Answer:
        asked = Request(self.address + path, data=body, method=method, headers=dict(headers))
        try:
            with urlopen(asked, timeout=60) as found:
                return Answer(found.status, found.read().decode(errors="replace"), dict(found.headers))
        except HTTPError as error:
            return Answer(error.code, error.read().decode(), dict(error.headers))


@pytest.fixture(scope="session")
def client(served: str) -> Client:
    """Asks the sample's pages and API."""
    return Client(served)


@pytest.fixture(scope="session")
def served(shop: Workspace, clock: dt.datetime) -> Iterator[str]:
    """Address of the application on a port."""
    with _serving(create_app(shop, clock=lambda: clock)) as address:
        yield address


@pytest.fixture
def empty(workspace: Workspace, clock: dt.datetime) -> Iterator[str]:
    """Address of the pages of a workspace in which nothing has happened."""
    with _serving(create_app(workspace, clock=lambda: clock)) as address:
        yield address


@pytest.fixture
def serving() -> Callable[[FastAPI], AbstractContextManager[str]]:
    """Serves an application while a block runs, and gives its address."""
    return _serving


@contextmanager
def _serving(app: FastAPI) -> Iterator[str]:
    """Serve an application from a thread."""
    listening = listen("127.0.0.1", None)
    server = uvicorn.Server(uvicorn.Config(app, log_level="error"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.02)
    yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    server.should_exit = True
    thread.join(10)


@pytest.fixture(scope="module")  # while it is open this thread runs an event loop, and other files need one of theirs
def browser() -> Iterator[Browser]:
    """Headless Chromium; reported as not run where there is none, but never in continuous integration."""
    path = next(
        (found for name in ("chromium", "chromium-browser", "google-chrome") if (found := shutil.which(name))), None
    )
    if path is None:
        assert not os.environ.get("CI"), "continuous integration needs Chromium"
        pytest.skip("no Chromium on this machine")
    with sync_playwright() as driver:
        opened = driver.chromium.launch(executable_path=path, args=FLAGS)
        yield opened
        opened.close()


@pytest.fixture(scope="session")
def axe() -> str:
    """The source of axe-core, from npm as package-lock.json has it."""
    source = ROOT / "node_modules" / "axe-core" / "axe.min.js"
    if not source.is_file():
        _loaded("hatch_build", ROOT / "hatch_build.py").npm("ci", "--ignore-scripts", folder=ROOT)
    return source.read_text(encoding="utf-8")


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A new page; whatever its console calls an error fails the test."""
    context = browser.new_context(viewport={"width": 1440, "height": 900}, reduced_motion="reduce")
    opened = context.new_page()
    wrong: list[str] = []
    opened.on("console", lambda said: wrong.append(said.text) if said.type == "error" else None)
    opened.on("pageerror", lambda error: wrong.append(str(error)))
    opened.on("request", lambda asked: wrong.append(asked.url) if "127.0.0.1" not in asked.url else None)
    yield opened
    context.close()
    assert wrong == []
