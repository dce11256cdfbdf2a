"""Data health and the inventory of touchpoints."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from regard.board import health as asked
from regard.board.health import Coverage, Source
from regard.ledger import Ledger
from regard.pipeline import pull_states
from regard.web import names, words
from regard.web.gate import may
from regard.web.site import site

DAMAGE = 20
"""Stretches of the log that are shown at most."""
router = APIRouter()


@router.get("/health")
@may("figures")
def health(request: Request) -> HTMLResponse:
    """What arrives from where, how fresh it is, what was refused, and which functions are heard."""
    here = site(request)
    now, blueprint = here.now(), here.blueprint
    view = here.view(request, now)
    rows = now.ask(asked.arrivals())
    at = here.clock() if blueprint.live else view.as_of
    sources, functions = asked.sources(rows, blueprint, at), asked.coverage(rows, blueprint)
    refused = now.ask(asked.refusals())
    n_refused = now.count("rejects")
    expected = now.ask(asked.expectations())
    clock, damage = here.clock(), Ledger.open(here.workspace).damage()
    return here.page(
        request,
        "health.html",
        now=now,
        view=view,
        sources=sources,
        silent=asked.silent(rows, blueprint),
        functions=functions,
        heard=sum(one.n > 0 for one in functions),
        refused=refused,
        n_refused=n_refused,
        loads=now.ask(asked.loads()),
        pulls=[(one, one.state(clock), one.age_s(clock)) for one in pull_states(here.workspace)],
        damage=[one for one in reversed(damage) if not one.torn][:DAMAGE],
        n_damaged=sum(not one.torn for one in damage),
        n_torn=sum(one.torn for one in damage),
        moment=dt.datetime.fromisoformat,
        unrecognised=asked.unrecognised(rows)[:20],
        headline=headline(sources, functions, n_refused),
        at=at,
        expected=expected,
        calibrated=calibrated(expected),
        small=words.SMALL,
        group=lambda row: words.sentence(group(row)),
        models=now.rows(now.tables["models"]) if now.published else [],
    )


def headline(sources: Sequence[Source], functions: Sequence[Coverage], n_refused: int) -> str:
    """Whether the data can be relied on, in one sentence."""
    if not sources:
        return "Nothing has arrived yet"
    stale = [one.source for one in sources if one.freshness == "stale"]
    if stale:
        first = f"The source “{stale[0]}” is stale" if len(stale) == 1 else f"{len(stale)} sources are stale"
    else:
        first = f"None of {len(sources)} sources is stale" if len(sources) > 1 else "The one source is not stale"
    heard = sum(one.n > 0 for one in functions)
    second = (
        f"{heard} of {len(functions)} functions reach the customer's story" if functions else "no function is named"
    )
    third = (
        f"{words.plural(n_refused, 'row')} {'was' if n_refused == 1 else 'were'} refused"
        if n_refused
        else "no row was refused"
    )
    return f"{first}; {second}; {third}"


def calibrated(rows: Sequence[Mapping[str, object]]) -> str:
    """Whether customers say what the score expects of them, in one sentence; the worst gap where they do not."""
    off = [row for row in rows if row["off"]]
    if not rows:
        return "No answer has been foreseen yet, so nothing is known of how well the score is calibrated."
    if not off:
        return "Customers say what was expected of them, after few and many interactions, soon and late."
    worst = max(off, key=lambda row: abs(float(str(row["expected"])) - float(str(row["observed"]))))
    where = {"all": "overall", "tenure": f"for {group(worst)}"}.get(str(worst["by"]), group(worst))
    return (
        f"The score is off in {words.plural(len(off), 'group')}; most {where}, where the {worst['level']} was expected "
        f"at {words.signed(worst['expected'])} and customers said {words.signed(worst['observed'])}."
    )


def group(row: Mapping[str, object]) -> str:
    """What a bucket of `calibration` is called."""
    if row["by"] == "interactions":
        few = {"none": "no interaction", "1": "1 interaction"}
        return f"after {few.get(str(row['bucket']), str(row['bucket']) + ' interactions')}"
    if row["by"] == "expected":
        return f"where {str(row['bucket']).replace('-', '−')} was expected"
    return f"customers for {row['bucket']}" if row["by"] == "tenure" else "all of them"


@router.get("/touchpoints")
@may("figures")
def touchpoints(request: Request) -> HTMLResponse:
    """Where customers meet us: who owns it, by what mechanism, and where we are deaf."""
    here = site(request)
    now, blueprint = here.now(), here.blueprint
    view = here.view(request, now)
    rows = asked.inventory(now.ask(asked.arrivals()), blueprint)
    channels = {one.id: one.label for one in blueprint.channels}
    return here.page(
        request,
        "touchpoints.html",
        now=now,
        view=view,
        rows=rows,
        heard=sum(one.state == "heard" for one in rows),
        gaps=[one for one in rows if one.state != "heard"],
        unsaid=[one for one in rows if one.missing],
        empty=asked.empty_stages(blueprint),
        channel=lambda name: channels.get(str(name), words.sentence(name)) if name else "—",
        function=lambda name: names.function(blueprint, name) if name else "—",
        unrecognised=asked.unrecognised(now.ask(asked.arrivals()))[:12],
    )
