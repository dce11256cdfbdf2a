"""What every page is given: the workspace's tables of this moment, its blueprint, and the frame around the page."""

from __future__ import annotations

import copy
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
from regard.access import Who, below
from regard.blueprint import Blueprint
from regard.blueprint import read as read_blueprint
from regard.board import Segment
from regard.engine import Now, Reader
from regard.errors import AccessError
from regard.pipeline.ask import ledger_sides
from regard.pipeline.coming import Coming
from regard.pipeline.standing import rests
from regard.web import words
from regard.web.gate import whose
from regard.web.view import LEVELS, PERIODS, View
from regard.workspace import Workspace

HERE = Path(__file__).parent

HOLD_S = 10.0
"""So long pages show the tables as they were while updates come every few seconds."""


@dataclass(frozen=True)
class Room:
    """An entry of the rail: a path, a label, what it is for (also found by the search), and what it takes to see it."""

    path: str
    label: str
    says: str
    group: str
    needs: str = "figures"


ROOMS = (
    Room("/", "Overview", "how customers regard us, promises kept, value at risk", "Experience"),
    Room("/journeys", "Journeys", "the map: stages, touchpoints, volume, waits, feeling", "Experience"),
    Room("/people", "People", "find a customer and read their story", "Experience", "people"),
    Room(
        "/promises", "Promises", "what was promised, what came, and by how much it was missed", "Experience", "people"
    ),
    Room("/value", "Value", "what customers are worth beside what serving them costs", "Experience"),
    Room("/tell", "Tell", "note what a customer said or felt, in ten seconds", "Data"),
    Room("/touchpoints", "Touchpoints", "where customers meet us, who owns it, and where we are deaf", "Data"),
    Room("/health", "Data health", "sources, freshness, refused rows, coverage by function", "Data"),
    Room("/tables", "Tables", "every table, to read, filter and export", "Data", "tables"),
    Room("/mapping", "Mapping", "bring in a file: draft a mapping, check it on a preview", "Data", "files"),
    Room("/keys", "Keys", "write keys: which systems send interactions, and how fast", "Access", "manage"),
    Room("/accounts", "Accounts", "who can sign in, as what, and which part they see", "Access", "manage"),
    Room("/audit", "Audit trail", "who did or read what, when, of whom, from where", "Access", "manage"),
)


@dataclass
class Site:
    """One workspace, served: to nobody yet, or (`for_`) to somebody, and then only what they may see. Safe for threads.

    clock : the time now; given, so that tests can stop it.
    """

    workspace: Workspace
    clock: Callable[[], dt.datetime]
    reader: Reader = field(init=False)
    coming: Coming = field(init=False)
    templates: jinja2.Environment = field(init=False)
    _who: Who | None = None
    _held: dict[float, Blueprint] = field(default_factory=dict)
    _alone: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self.reader = Reader(self.workspace, ledger_sides(self.workspace), hold_s=HOLD_S)
        self.coming = Coming(self.workspace)
        self.templates = _templates()

    @property
    def blueprint(self) -> Blueprint:
        """The blueprint as the file says it now.

        Raises : BlueprintError for one that cannot be meant.
        """
        changed = self.workspace.blueprint.stat().st_mtime
        with self._alone:
            if changed not in self._held:
                said = read_blueprint(self.workspace.blueprint)
                self._held.clear()
                self._held[changed] = said
            return self._held[changed]

    def for_(self, who: Who) -> Site:
        """The same site for somebody."""
        mine = copy.copy(self)  # tables, templates and blueprint are shared
        mine._who = who
        return mine

    @property
    def who(self) -> Who:
        """For whom it is.

        Raises : AccessError while it is for nobody.
        """
        if self._who is None:
            raise AccessError("Nobody is known to look at this.", hint="It is our mistake; please report it.")
        return self._who

    @property
    def rooms(self) -> list[Room]:
        """The rooms they may enter."""
        return [one for one in ROOMS if self.who.may(one.needs)]

    def now(self) -> Now:
        """The tables as they are now, of the part of the organisation that they see."""
        units = self.who.units
        return self.reader.now(None if units is None else below(units, self.blueprint))

    def view(self, request: Request, now: Now, *, usual: str | None = None) -> View:
        """What the request looks at.

        usual  : the level where it names none; None: the first of the levels that answers calibrate.
        Raises : SettingError for a period, segment or level that there is not.
        """
        as_of = now.published.as_of if now.published else self.clock()
        first = now.ask(board.people.first_met()) if now.published else []
        known = first[0]["first_at"] if first else None
        known_since = known if isinstance(known, dt.datetime) else as_of - dt.timedelta(days=365)
        if usual is None:
            usual = next((level for level in LEVELS if rests(now, level).calibrated), LEVELS[0])
        return View.read(
            request.query_params, as_of=as_of, known_since=known_since, zone=self.blueprint.zone, usual=usual
        )

    def page(
        self, request: Request, template: str, *, now: Now, view: View, status: int = 200, **more: object
    ) -> HTMLResponse:
        """A page in its frame."""
        blueprint = self.blueprint
        zone = blueprint.zone
        frame = {
            "request": request,
            "path": request.url.path,
            "rooms": self.rooms,
            "who": self.who,
            "part": self.part,
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
        return HTMLResponse(self.templates.get_template(template).render({**frame, **more}), status)

    @property
    def part(self) -> str | None:
        """The part of the organisation they see, in words; None for the whole."""
        units = self.who.units
        labels = {one.id: one.label for one in self.blueprint.units}
        return None if units is None else ", ".join(labels.get(one, one) for one in units) or "no unit"

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
        if isinstance(seen, int) and self.reader.sides.news() > seen:
            return "Facts came in after this was worked out."
        changed, published = (path.stat().st_mtime for path in (self.workspace.blueprint, self.workspace.pointer))
        return "The blueprint was changed after this was worked out." if changed > published else None


def site(request: Request) -> Site:
    """The site a request came to, for whoever sent it.

    Raises : AccessError if the gate has not let them in.
    """
    return cast(Site, request.app.state.site).for_(whose(request))


def bare(request: Request) -> Site:
    """The site for nobody: templates, and none of the tables."""
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
