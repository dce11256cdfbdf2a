"""Every table: to read, filter, sort and export."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Sequence

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, Response, StreamingResponse

from regard.engine import Now, Selection, where
from regard.errors import SettingError, nearest
from regard.tables import TABLES, table
from regard.web.gate import may
from regard.web.plain import plain
from regard.web.site import site

router = APIRouter()
SIZE = 50
CELL = 60


@router.get("/tables")
@may("tables")
def tables(request: Request) -> HTMLResponse:
    """All tables in river order."""
    here = site(request)
    now = here.now()
    rows = [(spec, now.count(name)) for name, spec in TABLES.items()]
    return here.page(request, "tables.html", now=now, view=here.view(request, now), rows=rows)


@router.get("/tables/{name}")
@may("tables", notes="read table", of="name")
def one_table(request: Request, name: str) -> Response:
    """A page of one table; name.csv and name.json are all of it."""
    here = site(request)
    now = here.now()
    view = here.view(request, now)
    name, _, form = name.partition(".")
    spec = table(name)
    query = request.query_params
    conditions = tuple(text.strip() for text in query.getlist("where") if text.strip())
    sort = query.get("sort") or None
    found = selected(now, name, conditions, sort)
    if form in ("csv", "json"):
        lines = as_csv if form == "csv" else as_json
        kind = "text/csv" if form == "csv" else "application/json"
        return StreamingResponse(
            lines(now, found),
            media_type=f"{kind}; charset=utf-8",
            headers={"Content-Disposition": f'attachment; filename="{name}.{form}"'},
        )
    said = query.get("page", "1")
    page = max(1, int(said)) if said.isdigit() else 1
    total = int(str(now.rows(found.aggregate(n=found.count()))[0]["n"]))
    rows = now.rows(found.limit(SIZE, offset=(page - 1) * SIZE))
    return here.page(
        request,
        "table.html",
        now=now,
        view=view,
        spec=spec,
        rows=[[cell(row[column]) for column in spec.names] for row in rows],
        numeric=[column.type in ("int64", "int32", "int8", "float64") for column in spec.columns],
        people=spec.names.index("person_id") if "person_id" in spec.names else -1,
        conditions=conditions,
        sort=sort,
        page=page,
        total=total,
        pages=-(-total // SIZE),
    )


def selected(now: Now, name: str, conditions: tuple[str, ...], sort: str | None) -> Selection:
    """A table filtered and sorted as the address says.

    Raises : SettingError for a column there is not, or a condition that cannot be read.
    """
    found = where(now.tables[name], conditions)
    column = (sort or "").lstrip("-")
    if sort and column not in found.columns:
        close = nearest(column, found.columns)
        raise SettingError(
            f"{name!r} has no column {column!r}.",
            allowed=", ".join(found.columns),
            hint=f"Did you mean {close!r}?" if close else None,
        )
    if sort:
        return found.order_by(found[column].desc() if sort.startswith("-") else found[column])
    if table(name).derived:
        return found  # it lies in order already, and a sort of all columns would take seconds
    return found.order_by([key for key in table(name).key if key in found.columns])


def cell(value: object) -> tuple[str, str]:
    """A value as a cell shows it, and in full."""
    said = plain(value)
    if said is None:
        return "", ""
    if isinstance(said, float):
        return (f"{said:,.4g}" if abs(said) < 1e5 else f"{said:,.0f}"), repr(said)
    if isinstance(said, bool):
        return ("yes" if said else "no"), str(said)
    if isinstance(said, int):
        return f"{said:,}", str(said)
    text = json.dumps(said, ensure_ascii=False) if isinstance(said, list | dict) else str(said)
    return (text if len(text) <= CELL else text[: CELL - 1] + "…"), text


def as_csv(now: Now, found: Selection) -> Iterator[str]:
    """Rows as CSV, batch by batch."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(found.columns)
    for batch in now.stream(found):
        for row in batch.to_pylist():
            writer.writerow(_flat(row.values()))
        yield out.getvalue()
        out.seek(0)
        out.truncate()
    yield out.getvalue()


def _flat(values: Sequence[object]) -> list[object]:
    said = [plain(value) for value in values]
    return [json.dumps(one, ensure_ascii=False) if isinstance(one, list | dict) else one for one in said]


def as_json(now: Now, found: Selection) -> Iterator[str]:
    """Rows as one JSON array, batch by batch."""
    first = True
    yield "["
    for batch in now.stream(found):
        lines = [json.dumps(plain(row), ensure_ascii=False) for row in batch.to_pylist()]
        if lines:
            yield ("\n " if first else ",\n ") + ",\n ".join(lines)
            first = False
    yield "\n]\n"
