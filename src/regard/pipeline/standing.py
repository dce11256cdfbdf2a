"""How a segment regards us: its score with an interval, what moved it, and its course, from tables that are open."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import ibis
import ibis.expr.types as ir
import numpy as np
import pyarrow as pa

from regard.blueprint import Blueprint
from regard.board import Segment, members
from regard.engine import Now, Same
from regard.errors import WorkspaceError
from regard.experience import certainty, fits
from regard.experience.model import Model
from regard.experience.standing import Standing, at_moments, series


@dataclass(frozen=True)
class Group:
    """A part of a segment: all of it, those who told us, or those who did not.

    now    : the score as of the time of knowing, with its interval; None where nobody is in it.
    course : the same people's score at earlier moments, those of them whom we knew by then.
    """

    told: bool | None
    now: Standing | None
    course: Sequence[Standing]

    @property
    def change(self) -> float | None:
        """Points since the first of the moments, of the same people."""
        if self.now is None or not self.course:
            return None
        return self.now.score - self.course[0].score


def groups(
    now: Now, blueprint: Blueprint, segment: Segment, *, level: str, moments: Sequence[dt.datetime]
) -> dict[str, Group]:
    """A segment's score: `all` of it, those who `answered` on the level, and the `quiet`. Worked out once, then held.

    moments : at which the course is wanted, at most as_of.
    Raises  : WorkspaceError if nothing has been worked out yet.
    """
    key = ("groups", level, str(segment), tuple(moments), Same(blueprint))
    return now.hold(key, lambda: _groups(now, blueprint, segment, level, moments))


def _groups(
    now: Now, blueprint: Blueprint, segment: Segment, level: str, moments: Sequence[dt.datetime]
) -> dict[str, Group]:
    if now.published is None:
        raise WorkspaceError("Nothing has been worked out here yet.", hint="Run `regard run` first.")
    tables = now.tables
    model = fitted(now, blueprint, level)
    if model is None:
        return {}
    as_of, people = now.published.as_of, members_of(now, blueprint, segment, level)
    mine = people.select("person_id", "first_at", "answered")
    counted = now.rows(certainty.accounts(tables["profiles"], tables["leanings"], mine, model))
    sample = _sample(now, mine, model, blueprint.score.seed)
    made, numbered = _by_number(tables["contributions"]), _by_number(people).select(mine.columns)
    course = now.rows(at_moments(made, numbered, model, moments=moments))

    def group(told: bool | None) -> Group:
        rows, then = ([row for row in rows if told in (None, row["answered"])] for rows in (counted, course))
        standing = certainty.interval(certainty.Part.of(rows), sample(told), model, as_of, seed=blueprint.score.seed)
        return Group(told, standing, series(then, moments))

    if segment.kind in ("answered", "quiet"):
        return {"all": group(None)}
    return {"all": group(None), "answered": group(True), "quiet": group(False)}


def _sample(now: Now, mine: ir.Table, model: Model, seed: int) -> Callable[[bool | None], certainty.Sample]:
    """Some of the group's people, all of them or those who answered or did not."""
    assert now.published is not None
    people = gathered(now, certainty.sampled(now.tables["profiles"], mine, model))
    met = gathered(now, certainty.met_by(people, now.tables["impressions"], model))
    every = certainty.loaded(people, met, model, seed=seed)
    answered = np.array(people["answered"].to_pylist(), dtype=bool)
    return lambda told: every if told is None else every.part(answered == told)


def gathered(now: Now, expression: ir.Table) -> pa.Table:
    """All rows of an expression, columns as the engine gives them."""
    return pa.Table.from_batches(now.stream(expression), schema=expression.schema().to_pyarrow())


def _by_number(rows: ir.Table) -> ir.Table:
    """The same rows with people told apart by number, by which millions of rows are joined three times as fast."""
    return rows.drop("person_id").rename(person_id="person")


def fitted(now: Now, blueprint: Blueprint, level: str) -> Model | None:
    """The score of a level as the last run fitted it; None where it did not, or the blueprint has changed since."""
    if now.published is None:
        return None
    published = now.published
    saved = now.hold(("note", fits.NAME), lambda: published.note(fits.NAME))
    return now.hold(("model", level, Same(blueprint)), lambda: fits.model_of(saved, blueprint, level))


@dataclass(frozen=True)
class Rests:
    """On what a level's score rests.

    calibrated : whether answers estimated where it begins; else it rests on stated priors.
    answers    : how many; None where nobody was asked. scale : the one it is printed on.
    unsure     : names of parameters that the answers do not identify.
    """

    calibrated: bool
    answers: float | None
    scale: str | None
    unsure: tuple[str, ...]


def rests(now: Now, level: str) -> Rests:
    """On what a level's score rests, as the last run fitted it."""
    rows = now.hold("models", lambda: now.rows(now.tables["models"])) if now.published else []
    mine = {str(row["parameter"]): row for row in rows if row["model"] == f"score.{level}"}
    scales = [name.removeprefix("base.") for name in mine if name.startswith("base.")]
    answers = mine.get("n_answers", {}).get("value")
    return Rests(
        calibrated=bool(answers and scales) and mine[f"base.{scales[0]}"]["status"] == "estimated",
        answers=float(str(answers)) if answers is not None else None,
        scale=scales[0] if scales else None,
        unsure=tuple(name for name, row in mine.items() if row["status"] == "not identified"),
    )


def given(now: Now, blueprint: Blueprint, segment: Segment, level: str) -> dict[str, object]:
    """What questions about a segment are given."""
    assert now.published is not None
    return {
        "segment": segment.name,
        "level": level,
        "seen_since": now.published.as_of - dt.timedelta(seconds=blueprint.customer_within_s),
        "alive_over": blueprint.alive_over,
    }


def members_of(now: Now, blueprint: Blueprint, segment: Segment, level: str) -> ir.Table:
    """Those in a segment who are still customers, lazily: rows of `profiles`, as `board.members` gives them."""
    values = given(now, blueprint, segment, level)
    return members(
        now.tables,
        segment.kind,
        segment=ibis.literal(segment.name, "string"),
        level=ibis.literal(level),
        seen_since=ibis.literal(values["seen_since"]),
        alive_over=ibis.literal(blueprint.alive_over),
    )
