"""The API: every table a page at a time, and the stories behind them. Problems come as RFC 9457 has it, with a hint."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field, create_model

from regard import board
from regard.engine import Now, cursor_of, page, where
from regard.pipeline.mapped import mapped
from regard.pipeline.standing import given, groups
from regard.pipeline.story import asked
from regard.tables import TABLES, Table
from regard.web.gate import may, note
from regard.web.pages.find import hits
from regard.web.pages.overview import causes, promises, unclaimed
from regard.web.plain import plain
from regard.web.site import Site, site
from regard.web.view import DEFAULTS, LEVELS, View

PREFIX = "/api/v1"
LARGEST = 1_000
router = APIRouter(prefix=PREFIX)
TYPES: Mapping[str, Any] = {
    "timestamp": dt.datetime,
    "map": dict[str, str],
    "array<string>": list[str],
    "array": list[dict[str, str | None]],
    "string": str,
    "float64": float,
    "boolean": bool,
    "date": dt.date,
    "int64": int,
    "int32": int,
    "int8": int,
}

Where = Annotated[
    tuple[str, ...],
    Query(
        alias="where",
        description="Conditions such as `score < 0`, `outcome = broken`, `text ~ late`, `due_at is null`.",
    ),
]
Limit = Annotated[int, Query(ge=1, le=LARGEST, description="Rows at most.")]
Cursor = Annotated[str | None, Query(description="`next` of the answer before.")]
Period = Annotated[str, Query(description="30d, 90d, 12m, all, or two days such as 2026-01-01..2026-03-31.")]
Of = Annotated[str, Query(description="everyone, answered, quiet, account:NAME, unit:NAME or channel:NAME.")]
Level = Annotated[str, Query(description=" or ".join(LEVELS))]


class Problem(BaseModel):
    """What was wrong, what was found, what is allowed, and what to do next (RFC 9457)."""

    type: str = "about:blank"
    title: str
    status: int
    detail: str | None = None
    allowed: str | None = None
    hint: str | None = None


PROBLEMS: dict[int | str, dict[str, Any]] = {
    code: {"model": Problem, "content": {"application/problem+json": {}}, "description": says}
    for code, says in (
        (400, "The request cannot be meant."),
        (401, "Nobody is signed in; send a token: `Authorization: Bearer ...`."),
        (403, "Whoever asks may not see this."),
        (404, "There is no such thing."),
        (409, "Not worked out yet."),
        (503, "The live state does not answer; try again."),
    )
}


def row_model(spec: Table) -> type[BaseModel]:
    """A table's row as OpenAPI shows it."""
    fields: dict[str, object] = {}
    for column in spec.columns:
        kind = next(kind for start, kind in TYPES.items() if column.type.startswith(start))
        fields[column.name] = (kind if column.name in spec.key else kind | None, Field(description=column.says))
    return create_model(f"{spec.name}_row", __doc__=spec.says, **fields)  # type: ignore[call-overload,no-any-return]


def answer_model(spec: Table) -> type[BaseModel]:
    """A page of a table as OpenAPI shows it."""
    fields: dict[str, object] = {
        "data": (list[row_model(spec)], ...),  # type: ignore[misc]
        "next": (str | None, Field(description="cursor of the next page; null at the end")),
        "as_of": (dt.datetime | None, Field(description="the time of knowing")),
    }
    return create_model(f"{spec.name}_page", **fields)  # type: ignore[call-overload,no-any-return]


def listed(
    name: str,
    request: Request,
    where_: Where = (),
    limit: Limit = 100,
    cursor: Cursor = None,
) -> JSONResponse:
    """Rows of a table in the order of its key."""
    now = site(request).now()
    key = TABLES[name].key
    rows = now.rows(page(where(now.tables[name], tuple(where_)), key, size=limit, cursor=cursor))
    following = cursor_of(rows[limit - 1], key) if len(rows) > limit else None
    return said(now, {"data": rows[:limit], "next": following})


def _register(spec: Table) -> None:
    handler: Callable[..., JSONResponse] = may("tables", notes=f"read table {spec.name}")(partial(listed, spec.name))
    router.add_api_route(
        f"/{spec.name}",
        handler,
        name=f"list_{spec.name}",
        operation_id=f"list_{spec.name}",
        summary=f"{spec.name}: {spec.says}",
        response_model=answer_model(spec),
        responses=PROBLEMS,
        tags=[spec.room],
    )


for _spec in TABLES.values():
    _register(_spec)


@router.get("/persons/{person_id}/story", responses=PROBLEMS, tags=["stories"])
@may("people")
def person_story(request: Request, person_id: str, level: Level = "relationship") -> JSONResponse:
    """One person's story: interactions, curve, contributions, promises, lapses, value; sentences with their records."""
    here = site(request)
    now = here.now()
    View.read({"level": level}, as_of=here.clock(), known_since=here.clock(), zone="UTC")
    found = asked(now, here.blueprint, person_id, level=level, coming=here.coming)
    note(request, "read story", person_id=found.person_id)
    return said(now, {"data": found.as_data()})


@router.get("/persons/{person_id}/interactions", responses=PROBLEMS, tags=["stories"])
@may("people")
def person_interactions(request: Request, person_id: str) -> JSONResponse:
    """One person's interactions with their meaning, in time order."""
    here = site(request)
    now = here.now()
    rows = sorted(now.of("touches", person_id), key=lambda row: (str(row["at"]), row["sequence"] or 0))
    if rows:
        note(request, "read story", person_id=person_id)
    return said(now, {"data": rows, "next": None})


@router.get("/overview", responses=PROBLEMS, tags=["stories"])
@may("figures")
def overview(
    request: Request, period: Period = "12m", segment: Of = "everyone", level: Level = "relationship"
) -> JSONResponse:
    """How a segment regards us, what the period did, and which promises were kept."""
    here, now, view = _seen(request)
    blueprint = here.blueprint
    found = groups(now, blueprint, view.segment, level=view.level, moments=view.moments)
    values = given(now, blueprint, view.segment, view.level)
    period_ = {"since": view.since, "until": view.until}
    caused = now.ask(board.overview.causes(view.segment.kind), **period_, **values)
    due = now.ask(board.overview.promises(view.segment.kind), **period_, **values)
    data = {
        "period": period_,
        "segment": str(view.segment),
        "level": view.level,
        "groups": {name: {"now": one.now, "change": one.change, "course": one.course} for name, one in found.items()},
        "causes": causes(caused, found.get("all"), blueprint, unclaimed(now, view.level)),
        "promises": promises(due, blueprint),
    }
    return said(now, {"data": data})


@router.get("/journey-map", responses=PROBLEMS, tags=["stories"])
@may("figures")
def journey_map(
    request: Request, period: Period = "12m", segment: Of = "everyone", level: Level = "relationship"
) -> JSONResponse:
    """The steps taken and the ways between them."""
    here, now, view = _seen(request)
    found = mapped(now, here.blueprint, view.segment, level=view.level, since=view.since, until=view.until)
    return said(now, {"data": {"nodes": found.nodes, "edges": found.edges}})


@router.get("/health", responses=PROBLEMS, tags=["stories"])
@may("figures")
def health(request: Request) -> JSONResponse:
    """Sources and their freshness, coverage by function, and how many rows were refused."""
    here, now, view = _seen(request)
    rows = now.ask(board.health.arrivals())
    at = here.clock() if here.blueprint.live else view.as_of
    sources = [{**vars(one), "freshness": one.freshness} for one in board.health.sources(rows, here.blueprint, at)]
    functions = board.health.coverage(rows, here.blueprint)
    return said(now, {"data": {"sources": sources, "functions": functions, "n_rejects": now.count("rejects")}})


@router.get("/search", responses=PROBLEMS, tags=["stories"])
@may("figures")
def search(request: Request, q: Annotated[str, Query(min_length=1)], limit: Limit = 20) -> JSONResponse:
    """People, touchpoints, pages and tables that a text is found in."""
    here, now, view = _seen(request)
    groups_ = hits(here, now, view, q, most=limit)
    return said(now, {"data": [{"group": label, **vars(hit)} for label, found in groups_ for hit in found]})


def _seen(request: Request) -> tuple[Site, Now, View]:
    here = site(request)
    now = here.now()
    return here, now, here.view(request, now, usual=DEFAULTS["level"])


def said(now: Now, body: Mapping[str, object]) -> JSONResponse:
    """An answer: times in ISO 8601 UTC, and the time of knowing."""
    as_of = now.published.as_of if now.published else None
    return JSONResponse(plain({**body, "as_of": as_of}))


@router.get("/openapi.json", include_in_schema=False)
@may("anyone")
def openapi(request: Request) -> JSONResponse:
    """What the API is; of customers it says nothing."""
    return JSONResponse(request.app.openapi())
