"""One person's story: their rows from every room, the score's curve, and what it says in sentences."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import ibis

from regard import board, identity
from regard.blueprint import Blueprint
from regard.blueprint import read as read_blueprint
from regard.board.story import Balance, Change, Sentence, Span
from regard.engine import Now, Reader, connect
from regard.errors import TableError, WorkspaceError
from regard.experience.story import curve
from regard.pipeline.ask import ledger_sides, person_of
from regard.pipeline.coming import Coming, Handle
from regard.pipeline.standing import fitted
from regard.workspace import Workspace

Row = Mapping[str, object]
Rows = Sequence[Row]
KEPT_TOGETHER = ("touches", "contributions", "promises", "scores", "lapses", "value", "cost_to_serve")


@dataclass(frozen=True)
class Story:
    """Everything that is known of one person, on one level of the score.

    as_of   : of their rows: when something new last reached them. touches : in time order.
    curve   : the score over time, its last moment at as_of; empty where there is no score.
    coming  : in the shape of `touches`: what has come in since the tables were worked out, and is not in the score yet.
    score   : the row of `scores`; value : the row of `value`; None where there is none.
    """

    person_id: str
    level: str
    as_of: dt.datetime
    handles: Rows
    touches: Rows
    contributions: Rows
    promises: Rows
    spans: Sequence[Span]
    lapses: Rows
    costs: Rows
    consents: Rows
    score: Row | None
    value: Row | None
    curve: Sequence[Change]
    balance: Sequence[Balance]
    sentences: Sequence[Sentence]
    coming: Rows = ()

    def as_data(self) -> dict[str, object]:
        """The same as plain rows."""
        return {
            "person_id": self.person_id,
            "level": self.level,
            "as_of": self.as_of,
            "handles": [dict(row) for row in self.handles],
            "score": dict(self.score) if self.score else None,
            "value": dict(self.value) if self.value else None,
            "story": [{"text": s.text, "table": s.table, "record": s.record} for s in self.sentences],
            "curve": [{"at": c.at, "score": c.score, "points": c.points, "by": list(c.by)} for c in self.curve],
            "balance": [vars(one) for one in self.balance],
            "promises": [dict(row) for row in self.promises],
            "lapses": [dict(row) for row in self.lapses],
            "consents": [dict(row) for row in self.consents],
            "contributions": [dict(row) for row in self.contributions],
            "interactions": [dict(row) for row in self.touches],
            "coming": [dict(row) for row in self.coming],
        }


def story(workspace: Workspace, handle: str, *, level: str = "relationship") -> Story:
    """The story of the person whom a handle or a person_id names.

    Raises : TableError if nobody has the handle; WorkspaceError if nothing has been worked out yet.
    """
    reader = Reader(workspace, ledger_sides(workspace))
    engine = connect("duckdb")
    try:
        blueprint, coming = read_blueprint(workspace.blueprint), Coming(workspace)
        try:
            person_id = person_of(workspace, engine, handle)
        except TableError:
            if (new := newcomer(reader.now(), blueprint, handle, level=level, coming=coming)) is None:
                raise
            return new
        return told(reader.now(), blueprint, person_id, level=level, coming=coming)
    finally:
        engine.close()
        reader.close()


def told(now: Now, blueprint: Blueprint, person_id: str, *, level: str, coming: Coming | None = None) -> Story:
    """The same from tables that are open already: what a page asks for.

    coming : finds what is in no table yet; None tells of the tables alone.
    Raises : TableError if there is no such person; WorkspaceError if nothing has been worked out yet.
    """
    if now.published is None:
        raise WorkspaceError("Nothing has been worked out here yet.", hint="Run `regard run` first.")
    handles = sorted(now.of("persons", person_id), key=lambda row: (row["kind"], row["handle"]))
    rows = {name: now.of(name, person_id) for name in KEPT_TOGETHER}
    if not handles and not rows["touches"]:
        raise TableError(
            f"There is no person {person_id!r}.", hint="Search by a handle, such as an e-mail address or a number."
        )
    as_of = next((_moment(row["as_of"]) for row in rows["value"]), now.published.as_of)
    touches = sorted(rows["touches"], key=lambda row: (row["at"], row["sequence"] or 0, row["interaction_id"]))
    mine = [row for row in rows["contributions"] if row["level"] == level]
    changes = _curve(now, blueprint, mine, level, as_of)
    return Story(
        person_id=person_id,
        level=level,
        as_of=as_of,
        handles=handles,
        touches=touches,
        contributions=mine,
        promises=rows["promises"],
        spans=board.spans(rows["promises"], blueprint),
        lapses=rows["lapses"],
        costs=rows["cost_to_serve"],
        consents=_allowed(now, blueprint, handles, now.published.as_of),
        score=next((row for row in rows["scores"] if row["level"] == level), None),
        value=next(iter(rows["value"]), None),
        curve=changes,
        balance=board.balance(changes, quarters(changes[0].at, as_of)) if changes else [],
        sentences=board.tell(touches, rows["promises"], changes, blueprint),
        coming=_just_in(now, blueprint, handles, touches, coming),
    )


def asked(now: Now, blueprint: Blueprint, who: str, *, level: str, coming: Coming) -> Story:
    """The story of whom a page is asked for: by person_id, by a handle that one person has, or by one that is new.

    Raises : TableError if that is nobody, or more than one; WorkspaceError if nothing has been worked out yet.
    """
    try:
        return told(now, blueprint, who, level=level, coming=coming)
    except TableError:
        rows = now.ask(board.people.holding(), handle=who)
        people = {str(row["person_id"]) for row in rows if row["person_id"] is not None}
        if len(people) == 1:
            return told(now, blueprint, people.pop(), level=level, coming=coming)
        if (new := newcomer(now, blueprint, who, level=level, coming=coming)) is not None:
            return new
        raise


def newcomer(now: Now, blueprint: Blueprint, handle: str, *, level: str, coming: Coming) -> Story | None:
    """The story of somebody of whom no table knows yet, by a handle; None if nothing came from them either.

    Its person_id is the handle as asked, until the next refresh gives them one. Who sees a part of the organisation
    meets nobody so: they cannot tell whether others, or nobody, have the handle.
    """
    if now.published is None or now.units is not None:
        return None
    named = coming.named(now.published, blueprint, handle)
    handles = [
        {"kind": kind, "handle": value, "person_id": None} for kind, value in named if not _held(now, (kind, value))
    ]
    rows = _just_in(now, blueprint, handles, [], coming)
    if not rows:
        return None
    return Story(
        person_id=handle, level=level, as_of=now.published.as_of, handles=handles, touches=[], contributions=[],
        promises=[], spans=[], lapses=[], costs=[], consents=[], score=None, value=None, curve=[], balance=[],
        sentences=[], coming=rows,
    )  # fmt: skip


def _just_in(now: Now, blueprint: Blueprint, handles: Rows, touches: Rows, coming: Coming | None) -> Rows:
    if coming is None or now.published is None:
        return []

    def speaks(handle: Handle) -> bool:
        if now.units is not None:  # who sees a part cannot tell what guards refused
            return False
        return all(row["person_id"] is not None for row in _held(now, handle))

    own = [(str(row["kind"]), str(row["handle"])) for row in handles]
    found = coming.of(now.published, blueprint, own, speaks=speaks, units=now.units)
    there = {(row["source"], row["interaction_id"]) for row in touches}
    return [row for row in found if (row["source"], row["interaction_id"]) not in there]


def _held(now: Now, handle: Handle) -> Rows:
    """The rows of `persons` about a handle; person_id is null where guards refused it."""
    kind, value = handle
    return [row for row in now.ask(board.people.holding(), handle=value) if row["kind"] == kind]


def _moment(value: object) -> dt.datetime:
    assert isinstance(value, dt.datetime)
    return value


def _allowed(now: Now, blueprint: Blueprint, handles: Rows, as_of: dt.datetime) -> Rows:
    """What the person of these handles allowed by as_of, withdrawn or not, the latest first."""
    if not handles or now.hold("n_consents", lambda: now.count("consents"), of_a_run=False) == 0:
        return []
    said = now.tables["consents"]
    kinds = sorted({str(row["kind"]) for row in handles})
    form = identity.normalised(said.kind, said.handle, blueprint)
    values = sorted({str(row["handle"]) for row in handles})
    near = said.mutate(form=form).filter(said.kind.isin(kinds), form.isin(values), said.from_at <= ibis.literal(as_of))
    own = {(row["kind"], row["handle"]) for row in handles}
    found = [row for row in now.rows(near) if (row["kind"], row["form"]) in own]
    return sorted(
        ({name: value for name, value in row.items() if name != "form"} for row in found),
        key=lambda row: (row["from_at"], str(row["purpose"]), str(row["channel"])),
        reverse=True,
    )


def _curve(now: Now, blueprint: Blueprint, contributions: Rows, level: str, as_of: dt.datetime) -> list[Change]:
    model = fitted(now, blueprint, level)
    if model is None or not contributions:
        return []
    return [Change(one.at, one.score, one.points, one.by) for one in curve(contributions, model, as_of)]


def quarters(since: dt.datetime, until: dt.datetime) -> list[dt.datetime]:
    """Bounds of calendar quarters (UTC) that cover a stretch of time, the last one at `until`.

    >>> since, until = dt.datetime(2025, 2, 3, tzinfo=dt.UTC), dt.datetime(2025, 8, 1, tzinfo=dt.UTC)
    >>> [f"{at:%Y-%m}" for at in quarters(since, until)]
    ['2025-01', '2025-04', '2025-07', '2025-08']
    """
    at = dt.datetime(since.year, (since.month - 1) // 3 * 3 + 1, 1, tzinfo=dt.UTC)
    found = []
    while at < until:
        found.append(at)
        at = dt.datetime(at.year + (at.month > 9), (at.month + 2) % 12 + 1, 1, tzinfo=dt.UTC)
    return [*found, until]
