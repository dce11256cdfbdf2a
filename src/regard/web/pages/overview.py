"""The overview: the sentence that matters, and what it rests on."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from regard import board
from regard.blueprint import Blueprint
from regard.engine import Now
from regard.pipeline.apart import parts
from regard.pipeline.standing import Group, fitted, given, groups, rests
from regard.web import names, pictures, words
from regard.web.gate import may
from regard.web.pages import apart
from regard.web.pages.shapes import Dot
from regard.web.site import site
from regard.web.view import View

router = APIRouter()
Row = Mapping[str, object]
STEADY = 0.5
"""Points below which a score is called unchanged."""
NAMES = {"all": "Everyone", "answered": "Those who answered", "quiet": "The quiet"}
SHORT = {"all": "Everyone", "answered": "Answered", "quiet": "Quiet"}
TONES = {"all": "s1", "answered": "s2", "quiet": "s3"}
OUTCOMES = ("exceeded", "kept", "kept_in_letter", "broken", "overdue", "open")
BANDS = ("−100 to −50", "−50 to 0", "0 to +50", "+50 to +100")
BAND_TONES = ("feel-n3", "feel-n1", "feel-p1", "feel-p3")


@router.get("/")
@may("figures")
def overview(request: Request) -> HTMLResponse:
    """The overview of a segment over a period."""
    here = site(request)
    now, blueprint = here.now(), here.blueprint
    view = here.view(request, now)
    if now.published is None:
        return here.page(request, "unpublished.html", now=now, view=view, loaded=now.count("loads"))
    found = groups(now, blueprint, view.segment, level=view.level, moments=view.moments)
    values = given(now, blueprint, view.segment, view.level)
    period = {"since": view.since, "until": view.until}
    kind = view.segment.kind
    answers = now.ask(board.overview.answers(kind), **period, **values)
    felt = now.ask(board.overview.causes(kind), **period, **values)
    caused = causes(felt, found.get("all"), blueprint, unclaimed(now, view.level))
    beside = parts(now, blueprint, level=view.level, since=view.moments[0]) if kind == "everyone" else []
    whole = found["all"].now if "all" in found else None
    rows = apart.picture(beside, whole, view, blueprint) if whole else []
    return here.page(
        request,
        "overview.html",
        now=now,
        view=view,
        groups=found,
        headline=headline(found, caused, view, blueprint),
        deck=deck(found),
        news=apart.sentences(beside, whole, told_share(found), blueprint) if whole else [],
        beside=rows,
        beside_axis=apart.axis(rows, whole) if whole and rows else None,
        whole=whole,
        unread=fitted(now, blueprint, view.level) is None and now.count("scores") > 0,
        dots=dots(found, [row for row in answers if row["level"] == view.level], whole=kind == "everyone"),
        course=course(found, view),
        causes=caused,
        promises=promises(now.ask(board.overview.promises(kind), **period, **values), blueprint),
        risk=at_risk(now, kind, values, blueprint, named=here.who.may("people")),
        rests=rests(now, view.level),
    )


@dataclass(frozen=True)
class Headline:
    """The sentence that matters, in parts that link to their evidence. change and cause may be empty."""

    subject: str
    score: float | None
    change: str
    cause: str


def headline(found: Mapping[str, Group], caused: Sequence[Cause], view: View, blueprint: Blueprint) -> Headline:
    """How the segment regards us, how that changed, and what took or added most in the period."""
    subject = names.segment(blueprint, view.segment)
    whole = found.get("all")
    if whole is None or whole.now is None:
        return Headline(subject, None, "", "")
    since = words.day(view.since, view.zone)
    change = whole.change
    if change is None or not whole.course:
        moved = ""
    elif abs(change) < STEADY:
        moved = f"unchanged since {since}"
    else:
        size = max(1, round(abs(change)))
        moved = f"{size} point{'s' if size != 1 else ''} {'up' if change > 0 else 'down'} since {since}"
    sure = [one for one in caused if one.claimed]
    worse = min(sure, key=lambda one: one.points, default=None)
    best = max(sure, key=lambda one: one.points, default=None)
    fell = change is not None and change < STEADY
    if fell and worse is not None and worse.points < 0:
        cause = f"{_inside(worse.label)} took away most"
    elif best is not None and best.points > 0:
        cause = f"{_inside(best.label)} added most"
    else:
        cause = ""
    return Headline(subject, whole.now.score, moved, cause)


def _inside(label: str) -> str:
    return label[:1].lower() + label[1:] if label[1:2].islower() else label


def deck(found: Mapping[str, Group]) -> str:
    """Whether those who answer speak for those who do not, in one sentence."""
    told, quiet = found.get("answered"), found.get("quiet")
    if not told or not quiet or told.now is None or quiet.now is None:
        return ""
    first = f"Those who answered stand at {words.signed(told.now.score)}{_moved(told)}"
    second = f"the {words.number(quiet.now.n)} who never did at {words.signed(quiet.now.score)}{_moved(quiet)}"
    return f"{first}, {second}."


def told_share(found: Mapping[str, Group]) -> float:
    """Share of the segment who ever answered on the level."""
    whole, told = found.get("all"), found.get("answered")
    n = whole.now.n if whole and whole.now else 0
    return (told.now.n if told and told.now else 0) / n if n else 0.0


def _moved(group: Group) -> str:
    if group.change is None:
        return ""
    if abs(group.change) < STEADY:
        return " (steady)"
    return f" ({'up' if group.change > 0 else 'down'} {abs(group.change):.0f})"


def dots(found: Mapping[str, Group], answers: Sequence[Row], *, whole: bool) -> tuple[list[Dot], pictures.Axis]:
    """The groups' scores with intervals, and beside them the net rating of the answers themselves."""
    rows = []
    for name, group in found.items():
        if group.now is not None:
            says = f"{words.plural(group.now.n, 'person', 'people')}{', few' if group.now.n < words.SMALL else ''}"
            label = "All of them" if name == "all" and not whole else NAMES[name]
            rows.append(Dot(label, says, group.now.score, group.now.low, group.now.high, group.now.n, TONES[name]))
    for row in answers:
        n, up, down = (int(str(row[name])) for name in ("n", "promoters", "detractors"))
        if n:
            net = (up - down) / n
            half = 1.6448536 * ((up + down) / n - net**2) ** 0.5 / n**0.5
            ends = (max(-100.0, 100 * (net - half)), min(100.0, 100 * (net + half)))
            says = f"net rating of {words.plural(n, 'answer')} in the period, {row['scale']}"
            rows.append(Dot("The answers themselves", says, 100 * net, *ends, n, "s4", "hollow"))
    ends_of = [end for row in rows for end in (row.score, row.low, row.high) if end is not None]
    return rows, pictures.axis(ends_of)


def course(found: Mapping[str, Group], view: View) -> pictures.Lines | None:
    """Each group's score over the period: the people counted now, those of them whom we knew by then."""
    drawn = {name: [*group.course] for name, group in found.items() if len(group.course) > 1}
    if not drawn:
        return None
    values = [one.score for course in drawn.values() for one in course]
    on = pictures.axis(values, zero=False, least=12)
    whole = (view.moments[-1] - view.moments[0]) / dt.timedelta(seconds=1)
    made = [
        pictures.line(
            SHORT[name] if len(found) > 1 else "Score",
            TONES[name],
            [((one.at - view.moments[0]) / dt.timedelta(seconds=1) / whole, one.score) for one in course],
            on,
        )
        for name, course in drawn.items()
    ]
    first, middle, last = (view.moments[place] for place in (0, len(view.moments) // 2, -1))
    whens = (
        (words.day(first, view.zone), 0.0, "first"),
        (words.day(middle, view.zone), 50.0, ""),
        (words.day(last, view.zone), 100.0, "last"),
    )
    says = "; ".join(
        f"{NAMES[name]}: {words.signed(course[0].score)} to {words.signed(course[-1].score)}"
        for name, course in drawn.items()
    )
    return pictures.Lines(on, pictures.apart(made), whens, f"Score from {whens[0][0]} to {whens[2][0]}. {says}.")


@dataclass(frozen=True)
class Cause:
    """What the period's interactions of one kind did, in points for each person of the segment."""

    label: str
    kind: str
    points: float
    n_people: int
    n_interactions: int
    tone: str
    claimed: bool = True


def unclaimed(now: Now, level: str) -> set[str]:
    """Kinds of impression of which no weight is told apart from nothing: every interval holds 0, or is a prior's."""
    rows = now.hold("models", lambda: now.rows(now.tables["models"]))
    told: dict[str, bool] = {}
    for row in rows:
        low, high = row["low"], row["high"]
        if row["model"] == f"score.{level}" and isinstance(low, float) and isinstance(high, float):
            kind = str(row["parameter"]).partition("[")[0]
            clear = row["status"] == "estimated" and not low < 0 < high
            told[kind] = told.get(kind, False) or clear
    return {kind for kind, clear in told.items() if not clear}


def causes(rows: Sequence[Row], whole: Group | None, blueprint: Blueprint, unsure: Set[str]) -> list[Cause]:
    """What took away most and what added most, at most five of each, the worst first.

    unsure : kinds of which we do not claim that they do anything, from `unclaimed`.
    """
    n = whole.now.n if whole and whole.now else 0
    if not n:
        return []
    each = [(float(str(row["points"])) / n, row) for row in rows]
    strong = max((abs(points) for points, _ in each), default=1.0)
    made = [
        Cause(
            names.kind(blueprint, str(row["kind"])),
            str(row["kind"]),
            points,
            int(str(row["n_people"])),
            int(str(row["n_interactions"])),
            "unclaimed" if str(row["kind"]) in unsure else f"feel-{pictures.feeling(points, strong)}",
            str(row["kind"]) not in unsure,
        )
        for points, row in sorted(each, key=lambda pair: pair[0])
        if abs(points) >= 0.005
    ]
    return made if len(made) <= 10 else [*made[:5], *made[-5:]]


@dataclass(frozen=True)
class Kept:
    """One kind of promise over the period. due : not void and not open; rate : kept or better, of those due."""

    label: str
    kind: str
    function: str
    due: int
    kept: int
    letter: int
    broken: int
    overdue: int
    open: int
    days_late: float | None
    rate: float
    low: float
    high: float


def promises(rows: Sequence[Row], blueprint: Blueprint) -> list[Kept]:
    """Promises that fell due, by kind and function, the most frequent first."""
    made = []
    for row in rows:
        count = {
            name: int(str(row[name] or 0))
            for name in ("exceeded", "kept", "kept_in_letter", "broken", "overdue", "open")
        }
        good = count["exceeded"] + count["kept"]
        due = good + count["kept_in_letter"] + count["broken"] + count["overdue"]
        low, high = pictures.wilson(good, due)
        late = row["days_late"]
        made.append(
            Kept(
                names.promise(blueprint, row["kind"]),
                str(row["kind"]),
                names.function(blueprint, row["function"]),
                due,
                good,
                count["kept_in_letter"],
                count["broken"],
                count["overdue"],
                count["open"],
                float(late) if isinstance(late, float) else None,
                good / due if due else 0.0,
                low,
                high,
            )
        )
    return made


@dataclass(frozen=True)
class Band:
    """Value of people in one band of the score."""

    label: str
    tone: str
    n: int
    value: float
    share: float


@dataclass(frozen=True)
class Risk:
    """Value by band of the score, and the people of most value below zero with what weighs on them.

    foreseen : whether value is what is expected; else nobody's is known, and it is what they spent so far.
    """

    bands: Sequence[Band]
    people: Sequence[Row]
    currency: str
    below: float
    n_below: int
    whole: float
    foreseen: bool


def at_risk(now: Now, kind: str, values: Mapping[str, object], blueprint: Blueprint, *, named: bool) -> Risk:
    """Whose value is at risk: those likelier to warn others than to praise us; by name, if `named`."""
    rows = {int(str(row["band"])): row for row in now.ask(board.overview.at_risk(kind), **values)}
    foreseen = any(row["value_minor"] for row in rows.values())
    amount = "value_minor" if foreseen else "spent_minor"
    amounts = {band: float(str(row[amount] or 0)) for band, row in rows.items()}
    whole = sum(amounts.values())
    most = max(amounts.values(), default=0.0) or 1.0
    bands = [
        Band(
            label,
            tone,
            int(str(rows[band]["n"])) if band in rows else 0,
            amounts.get(band, 0.0),
            amounts.get(band, 0.0) / most,
        )
        for band, (label, tone) in enumerate(zip(BANDS, BAND_TONES, strict=True))
    ]
    people = now.ask(board.overview.most_at_risk(kind), **values) if named else []
    ids = [str(row["person_id"]) for row in people]
    called = {row["person_id"]: row["handle"] for row in now.ask(board.people.names(), people=ids)} if ids else {}
    worst = now.ask(board.overview.worst(), people=ids, level=values["level"]) if ids else []
    why = {row["person_id"]: names.kind(blueprint, str(row["kind"])) for row in worst if float(str(row["points"])) < 0}
    listed = [
        {
            **row,
            "handle": called.get(row["person_id"], row["person_id"]),
            "why": why.get(row["person_id"]),
        }
        for row in people
    ]
    below = amounts.get(0, 0.0) + amounts.get(1, 0.0)
    return Risk(bands, listed, blueprint.currency, below, bands[0].n + bands[1].n, whole, foreseen)
