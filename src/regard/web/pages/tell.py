"""What did a customer tell you? A form that any employee fills in on a phone in ten seconds, and a code for a place."""

from __future__ import annotations

from urllib.parse import urlencode
from uuid import uuid4

import segno
from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import FormData

from regard import board
from regard.blueprint import Blueprint
from regard.errors import SettingError
from regard.ledger.log import GroupCommit, payload_of
from regard.sources.push import Heard, told
from regard.web.gate import address_of, doors, may, whose
from regard.web.site import Site, site

router = APIRouter()
PLACE = ("unit", "channel", "department")
"""What a link or a printed code says of where somebody stands; it stays in the address from note to note."""


@router.get("/tell")
@may("figures")
def tell(request: Request) -> HTMLResponse:
    """The form, for the place that the address names."""
    return _page(request, dict(request.query_params))


@router.post("/tell")
@may("figures")
async def note(request: Request) -> Response:
    """Keep a note, and offer the next."""
    form, who, here = await request.form(), whose(request), site(request)
    given = {name: str(form[name]).strip() for name in form}
    try:
        one = await run_in_threadpool(_note, here, form, who.name)
        await _keep(request, told.hear(one, at=_now(here)))
    except SettingError as error:
        return await run_in_threadpool(_page, request, given, error=error, status=400)
    await run_in_threadpool(doors(request).trail.note, who, "note what a customer said", address=address_of(request))
    where = {name: given[name] for name in PLACE if given.get(name)}
    unknown = {"unknown": one.customer} if one.customer else {}
    return RedirectResponse(_link("/tell", {**where, **unknown, "told": one.note_id}), 303)


@router.post("/tell/back")
@may("figures")
async def back(request: Request) -> Response:
    """Take a note back."""
    form, who, here = await request.form(), whose(request), site(request)
    given = {name: str(form[name]).strip() for name in form}
    try:
        await _keep(request, told.take_back(given.get("told", ""), by=who.name, at=_now(here)))
    except SettingError as error:
        return await run_in_threadpool(_page, request, given, error=error, status=400)
    where = {name: given[name] for name in PLACE if given.get(name)}
    return RedirectResponse(_link("/tell", {**where, "back": "1"}), 303)


@router.get("/tell/code")
@may("figures")
def code(request: Request) -> HTMLResponse:
    """A sheet to print for a physical place: a code that opens the form as that place."""
    here = site(request)
    now = here.now()
    where = {name: request.query_params[name] for name in PLACE if request.query_params.get(name)}
    address = str(request.base_url).rstrip("/") + _link("/tell", where)
    drawn = segno.make(address, error="m").svg_inline(scale=6, border=4, dark="#000", light="#fff", omitsize=True)
    return here.page(
        request,
        "tell_code.html",
        now=now,
        view=here.view(request, now),
        address=address,
        drawn=drawn,
        where=where,
        choices=_choices(here.blueprint),
    )


def _note(here: Site, form: FormData, by: str) -> told.Note:
    """Raises SettingError for a value that the form does not offer."""
    said = {name: str(form[name]).strip() or None for name in form}
    choices = _choices(here.blueprint)
    for name in (*PLACE, "about"):
        value = said.get(name)
        if value is not None and name != "channel" and value not in dict(choices[name]):
            raise SettingError(f"{value!r} is not a {name}.", allowed=", ".join(dict(choices[name])) or "none")
    seemed = said.get("seemed")
    if seemed is not None and seemed not in {str(one) for one in told.SEEMED}:
        raise SettingError(f"{seemed!r} does not say how they seemed.", allowed=", ".join(map(str, told.SEEMED)))
    customer = said.get("customer")
    handle = _handle(here, customer) if customer else None
    number, kind = said.get("number"), next(iter(here.blueprint.journeys.objects), "case")
    return told.Note(
        note_id=said.get("note_id") or "",
        by=by,
        text=said.get("text"),
        seemed=int(seemed) if seemed is not None else None,
        handle=handle,
        customer=customer if handle is None else None,
        about=(kind, number) if number else None,
        touchpoint=said.get("about"),
        unit=said.get("unit"),
        channel=said.get("channel"),
        department=said.get("department"),
    )


def _handle(here: Site, text: str) -> tuple[str, str] | None:
    """Whom a text names: a handle that somebody has, else what it is by its form."""
    now = here.now()
    found = now.ask(board.people.holding(), handle=text) if now.published else []
    kinds = {(str(row["kind"]), str(row["handle"])) for row in found}
    return next(iter(sorted(kinds)), None) if len({row["person_id"] for row in found}) == 1 else told.handle_of(text)


async def _keep(request: Request, heard: Heard) -> None:
    log: GroupCommit = request.app.state.log
    await log.append(payload_of(heard.delivery()))


def _link(path: str, query: dict[str, str]) -> str:
    return f"{path}?{urlencode(query)}" if query else path


def _now(here: Site) -> int:
    return int(here.clock().timestamp() * 1_000_000)


def _choices(blueprint: Blueprint) -> dict[str, list[tuple[str, str]]]:
    """What the form offers: (value, label)."""
    return {
        "unit": [(one.id, one.label) for one in blueprint.units],
        "channel": [("in person", "In person")] + [(one.id, one.label) for one in blueprint.channels],
        "department": [(one.id, one.label) for one in blueprint.functions],
        "about": [(one.id, one.label) for one in blueprint.touchpoints],
    }


def _page(
    request: Request, given: dict[str, str], *, error: SettingError | None = None, status: int = 200
) -> HTMLResponse:
    here = site(request)
    now = here.now()
    page = here.page(
        request,
        "tell.html",
        now=now,
        view=here.view(request, now),
        status=status,
        given=given,
        note_id=given.get("note_id") or str(uuid4()),
        choices=_choices(here.blueprint),
        faces=told.SEEMED,
        longest=told.LONGEST,
        error=error,
    )
    page.headers["Cache-Control"] = "no-store"
    return page
