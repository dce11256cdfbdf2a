"""What every page is given: the workspace's tables of this moment, its blueprint, and the frame around the page."""

from __future__ import annotations

import datetime as dt
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

import jinja2
from fastapi import Request
from fastapi.responses import HTMLResponse

from regard import board
from regard.blueprint import Blueprint
from regard.blueprint import read as read_blueprint
from regard.board import Segment
from regard.engine import Now, Reader
from regard.pipeline.ask import ledger_sides
from regard.web import words
from regard.web.view import LEVELS, PERIODS, View
from regard.workspace import Workspace

HERE = Path(__file__).parent

HOLD_S = 10.0
"""So long pages show the tables as they were while updates come every few seconds."""


@dataclass(frozen=True)
class Room:
    """An entry of the rail: a path, a label, and what it is for (also found by the search)."""

    path: str
    label: str
    says: str
    group: str


ROOMS = (
    Room("/", "Overview", "how customers regard us, promises kept, value at risk", "Experience"),
    Room("/journeys", "Journeys", "the map: stages, touchpoints, volume, waits, feeling", "Experience"),
    Room("/people", "People", "find a customer and read their story", "Experience"),
    Room("/promises", "Promises", "what was promised, what came, and by how much it was missed", "Experience"),
    Room("/value", "Value", "what customers are worth beside what serving them costs", "Experience"),
    Room("/touchpoints", "Touchpoints", "where customers meet us, who owns it, and where we are deaf", "Data"),
    Room("/health", "Data health", "sources, freshness, refused rows, coverage by function", "Data"),
    Room("/tables", "Tables", "every table, to read, filter and export", "Data"),
    Room("/mapping", "Mapping", "bring in a file: draft a mapping, check it on a preview", "Data"),
)


@dataclass
class Site:
    """One workspace, served. Safe for threads.

    clock : the time now; given, so that tests can stop it.
    """

    workspace: Workspace
    clock: Callable[[], dt.datetime]
    reader: Reader = field(init=False)
    templates: jinja2.Environment = field(init=False)
    _held: tuple[float, Blueprint] | None = None
    _alone: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self.reader = Reader(self.workspace, ledger_sides(self.workspace), hold_s=HOLD_S)
        self.templates = _templates()

    @property
    def blueprint(self) -> Blueprint:
        """The blueprint as the file says it now.

        Raises : BlueprintError for one that cannot be meant.
        """
        changed = self.workspace.blueprint.stat().st_mtime
        with self._alone:
            if self._held is None or self._held[0] != changed:
                self._held = (changed, read_blueprint(self.workspace.blueprint))
            return self._held[1]

    def now(self) -> Now:
        """The tables as they are now."""
        return self.reader.now()

    def view(self, request: Request, now: Now) -> View:
        """What the request looks at.

        Raises : SettingError for a period, segment or level that there is not.
        """
        as_of = now.published.as_of if now.published else self.clock()
        first = now.ask(board.people.first_met()) if now.published else []
        known = first[0]["first_at"] if first else None
        known_since = known if isinstance(known, dt.datetime) else as_of - dt.timedelta(days=365)
        return View.read(request.query_params, as_of=as_of, known_since=known_since, zone=self.blueprint.zone)

    def page(
        self, request: Request, template: str, *, now: Now, view: View, status: int = 200, **more: object
    ) -> HTMLResponse:
        """A page in its frame."""
        blueprint = self.blueprint
        zone = blueprint.zone
        frame = {
            "request": request,
            "path": request.url.path,
            "rooms": ROOMS,
            "blueprint": blueprint,
            "published": now.published,
            "view": view,
            "periods": PERIODS,
            "levels": LEVELS,
            "segments": self.segments(now, view),
            "stale": self.stale(now),
            "day": lambda at, **how: words.day(at, zone, **how),
            "clock": lambda at: words.clock(at, zone),
            "exact": lambda at: words.exact(at, zone),
        }
        return HTMLResponse(self.templates.get_template(template).render({**frame, **more}))

    def segments(self, now: Now, view: View) -> list[tuple[str, list[tuple[str, str]]]]:
        """What the segment can be set to, in groups: (address text, label)."""
        whole = [("everyone", "Everyone"), ("answered", "Those who answered"), ("quiet", "The quiet")]
        found = [("", whole)]
        rows = now.ask(board.options()) if now.published else []
        labels = {unit.id: unit.label for unit in self.blueprint.units}
        labels |= {channel.id: channel.label for channel in self.blueprint.channels}
        for kind, label in (("unit", "Units"), ("channel", "Channels used"), ("account", "Accounts")):
            named = [str(row["name"]) for row in rows if row["kind"] == kind]
            if view.segment.kind == kind and view.segment.name not in named:
                named.append(str(view.segment.name))
            if named:
                found.append((label, [(str(Segment(kind, name)), labels.get(name, name)) for name in named]))
        return found

    def stale(self, now: Now) -> str | None:
        """Why the tables may not be what they would be now, if so: the ledger or the blueprint changed since."""
        if now.published is None:
            return None
        seen = now.published.facts.get("ledger_version")
        if isinstance(seen, int) and self.reader.sides.version() > seen:
            return "Facts came in after this was worked out."
        changed, published = (path.stat().st_mtime for path in (self.workspace.blueprint, self.workspace.pointer))
        return "The blueprint was changed after this was worked out." if changed > published else None


def site(request: Request) -> Site:
    """The site a request came to."""
    return cast(Site, request.app.state.site)


def _templates() -> jinja2.Environment:
    found = jinja2.Environment(
        loader=jinja2.FileSystemLoader(HERE / "templates"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    for name in ("number", "signed", "percent", "money", "span", "plural", "sentence"):
        found.globals[name] = getattr(words, name)
    found.globals["SMALL"] = words.SMALL
    return found
