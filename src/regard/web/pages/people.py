"""The list of people: found, sorted, filtered, a page at a time, exported."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, Response, StreamingResponse

from regard import board
from regard.engine import Now
from regard.errors import SettingError
from regard.pipeline.standing import given
from regard.web import names
from regard.web.gate import may
from regard.web.site import Site, site
from regard.web.view import View

router = APIRouter()
SIZE = 50
EXPORTED = 5_000
EXPORT = (
    *("person_id", "handle", "score", "low", "high", "scale", "n_interactions", "answered", "account"),
    *("p_alive", "expected_value_minor", "cost_to_serve_minor", "currency", "quadrant", "last_at"),
)


@router.get("/people")
@may("people")
def people(request: Request) -> HTMLResponse:
    """A page of people."""
    here = site(request)
    now, blueprint = here.now(), here.blueprint
    view = here.view(request, now)
    if now.published is None:
        return here.page(request, "unpublished.html", now=now, view=view, loaded=now.count("loads"))
    asked = Asked(request.query_params)
    rows = asked.page(now, here, view, size=SIZE + 1)
    more, rows = len(rows) > SIZE, rows[:SIZE]
    found = now.ask(
        board.people.counted(view.segment.kind, bool(asked.q)),
        **asked.filters,
        **given(now, blueprint, view.segment, view.level),
    )[0]
    return here.page(
        request,
        "people.html",
        now=now,
        view=view,
        asked=asked,
        rows=rows,
        n=found["n"],
        still=found["n_still"] or 0,
        mean=found["score"],
        following={**asked.query, "after": rows[-1]["place"], "after_id": rows[-1]["person_id"]} if more else None,
        whom=names.segment(blueprint, view.segment),
        sorts=board.people.SORTS,
        quadrants=board.people.QUADRANTS,
    )


@router.get("/people.csv")
@may("tables", notes="export people")
def people_csv(request: Request) -> Response:
    """The list as CSV, all pages of it."""
    here = site(request)
    now = here.now()
    view = here.view(request, now)
    asked = Asked(request.query_params)
    return StreamingResponse(
        _lines(asked, now, here, view),
        media_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": 'attachment; filename="people.csv"'},
    )


def _lines(asked: Asked, now: Now, here: Site, view: View) -> Iterator[str]:
    out = io.StringIO()
    writer = csv.DictWriter(out, EXPORT, extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    while True:
        rows = asked.page(now, here, view, size=EXPORTED)
        writer.writerows(rows)
        yield out.getvalue()
        out.seek(0)
        out.truncate()
        if len(rows) < EXPORTED:
            return
        asked.after, asked.after_id = float(str(rows[-1]["place"])), str(rows[-1]["person_id"])


class Asked:
    """What the address asks of the list: q, quadrant, sort (with - for descending), and where the page begins."""

    def __init__(self, query: Mapping[str, str]) -> None:
        said = query.get("sort") or "score"
        self.descending = said.startswith("-") if said != "value" else True
        self.sort = said.lstrip("-")
        self.q = query.get("q", "").strip()
        self.quadrant = query.get("quadrant", "")
        if self.quadrant and self.quadrant not in board.people.QUADRANTS:
            raise SettingError(f"{self.quadrant!r} is not a quadrant.", allowed=", ".join(board.people.QUADRANTS))
        self.after, self.after_id = board.people.start(self.descending)
        self.first = "after" not in query
        if not self.first:
            try:
                self.after, self.after_id = float(query["after"]), query.get("after_id", "")
            except ValueError:
                raise SettingError(
                    f"{query['after']!r} is no place in a list.", hint="Begin at the first page."
                ) from None

    @property
    def filters(self) -> dict[str, object]:
        return {"q": self.q or None, "quadrant": self.quadrant or None}

    @property
    def query(self) -> dict[str, object]:
        """What a link must say to keep the filters and the order."""
        said = ("-" if self.descending else "") + self.sort
        return {"q": self.q or None, "quadrant": self.quadrant or None, "sort": None if said == "score" else said}

    def sorted_by(self, sort: str) -> dict[str, object]:
        """What the link of a column says: its order, turned round where it is the order already."""
        turned = not self.descending if sort == self.sort else sort != "score"
        return {**self.query, "sort": ("-" if turned else "") + sort}

    def page(self, now: Now, here: Site, view: View, *, size: int) -> list[dict[str, object]]:
        """Rows with the handle that names each best."""
        asked = board.people.listed(view.segment.kind, self.sort, self.descending, bool(self.q))
        values = given(now, here.blueprint, view.segment, view.level)
        rows = now.ask(asked, **self.filters, after=self.after, after_id=self.after_id, size=size, **values)
        ids = [str(row["person_id"]) for row in rows]
        called = {row["person_id"]: row["handle"] for row in now.ask(board.people.names(), people=ids)} if ids else {}
        return [{**row, "handle": called.get(row["person_id"], row["person_id"])} for row in rows]
