"""From what happened to how everybody regards us: the verb of this room, top to bottom."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import ibis
import ibis.expr.types as ir
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from regard.blueprint import Blueprint
from regard.engine import Engine, epoch_ms, schema
from regard.experience.calibration import calibration
from regard.experience.feedback import listen
from regard.experience.fits import Fit, leanings, numbered, places
from regard.experience.impressions import made, standing
from regard.experience.kinds import Kind, kinds
from regard.experience.lapses import lapses
from regard.experience.model import Model, rows_of, stated
from regard.experience.rolling import Rolled, Told, expect, roll
from regard.experience.scoring import Asked, Scored, rate
from regard.experience.seen import Met, Sight, before

Ints = NDArray[np.int64]
LEVELS = ("transaction", "relationship")
NEVER_MS = -(2**62)


@dataclass(frozen=True)
class Known:
    """What both levels are worked out from."""

    touches: ir.Table
    feedback: ir.Table
    made: ir.Table
    standing: ir.Table
    kinds: tuple[Kind, ...]
    blueprint: Blueprint
    engine: Engine
    as_of: dt.datetime


@dataclass(frozen=True)
class Perceived:
    """What `score` works out.

    tables : feedback, impressions, lapses, scores, contributions, predictions, calibration, leanings and models, each
             with as_of.
    fits   : what was fitted, a level each: what `fits.save` keeps.
    """

    tables: dict[str, ir.Table]
    fits: tuple[Fit, ...]


@dataclass(frozen=True)
class Given:
    """What was fitted before and still stands, so that people can be scored without a new fit.

    fits     : by level.
    foreseen : rows of `predictions`; those of answers that the fits have seen are kept as they are.
    everyone : `touches` of everybody, where those to be scored are only some: a record so far is made by all.
    """

    fits: Mapping[str, Fit]
    foreseen: ir.Table
    everyone: ir.Table | None = None


def score(
    touches: ir.Table,
    promises: ir.Table,
    blueprint: Blueprint,
    engine: Engine,
    *,
    as_of: dt.datetime,
    given: Given | None = None,
) -> Perceived:
    """How everybody regards us as of one time, what made it so, and how well earlier answers were foreseen.

    touches, promises : the tables of that name, nothing later than `as_of` in them.
    given             : fits that stand. Nothing is fitted then: there is no `calibration`, `leanings` or `models`, and
                        answers that came after a fit are predicted by it.
    """
    every = kinds(blueprint)
    feedback = engine.keep(listen(touches, blueprint))
    everyone = given.everyone if given is not None else None
    around = (everyone, listen(everyone, blueprint)) if everyone is not None else None
    known = Known(
        touches=touches,
        feedback=feedback,
        made=engine.keep(made(touches, promises, feedback, blueprint, every, around=around)),
        standing=engine.keep(standing(touches, promises, blueprint, every)),
        kinds=every,
        blueprint=blueprint,
        engine=engine,
        as_of=as_of,
    )
    expected, scored, fits = [], [], []
    for level in LEVELS:
        if given is None:
            heard, rolled = _foresee(known, level)
            fits.append(Fit(rolled.model, rolled.leanings, heard.persons, heard.accounts))
        else:
            fits.append(given.fits[level])
            heard, rolled = _expect(known, level, fits[-1])
        expected.append(_predictions(heard, rolled, level))
        scored.append(_rate(known, level, fits[-1]))
    engine.drop(known.made)
    relationship = scored[-1]
    predictions = engine.table(pa.concat_tables(expected))
    tables = {
        "feedback": feedback,
        "impressions": ibis.union(*(one.impressions.select(_SHOWN) for one in scored)),
        "lapses": lapses(relationship.impressions, feedback, blueprint, relationship.model, as_of=as_of),
        "scores": ibis.union(*(one.scores for one in scored)),
        "contributions": ibis.union(*(one.contributions for one in scored)),
        "predictions": predictions if given is None else predictions.union(_foreseen(feedback, given, predictions)),
    }
    if given is None:
        models = [row for one in scored for row in rows_of(one.model)]
        tables["calibration"] = calibration(predictions, feedback, touches)
        tables["leanings"] = engine.table(leanings(fits))
        tables["models"] = engine.table(pa.Table.from_pylist(models, schema=_models_shape()))
    return Perceived({name: _shaped(name, table, as_of) for name, table in tables.items()}, tuple(fits))


FILLED = ("person", "as_of")
"""Columns that are filled in when a table is written."""
_SHOWN = [name for name in schema("impressions").names if name not in FILLED]


@dataclass(frozen=True)
class Heard:
    """A level's answers in time order: the rows, and people and accounts as numbers."""

    rows: pa.Table
    told: Told
    persons: pa.Array
    accounts: pa.Array


def _foresee(known: Known, level: str) -> tuple[Heard, Rolled]:
    """Predict a level's answers in rolling blocks."""
    start = stated(level, known.kinds, known.blueprint)
    heard = _hear(known, level, start)
    return heard, roll(start, heard.told, _seen(known, heard, start), known.blueprint.score)


def _expect(known: Known, level: str, fit: Fit) -> tuple[Heard, Rolled]:
    """Predict the answers that a fit has not seen, those later than its last one, by that fit."""
    until = fit.model.until_ms
    heard = _hear(known, level, fit.model, after_ms=until)
    numbers = fit.numbers(heard.rows["person_id"], heard.rows["account"])
    told = replace(heard.told, person=numbers[0], account=numbers[1])
    return heard, expect(fit.model, fit.leanings, told, _seen(known, heard, fit.model))


def _seen(known: Known, heard: Heard, model: Model) -> Callable[[int, int], Met]:
    """What each answer had met before it was given, some answers at a time."""
    asked = heard.rows.select(["ask", "person_id", "at_ms", "object_type", "object_id"])
    sight = Sight(model.level, known.blueprint.journeys.quiet_s)
    question = known.engine.table(asked)
    met = before(question, known.made, known.standing, model.kinds, sight=sight)
    kept = known.engine.keep(met.select("ask", "kind", "x", "age_s"), order_by=("ask",))
    return _Window(kept, known.engine, len(heard.told), at_once=known.blueprint.score.sample).between


def _foreseen(feedback: ir.Table, given: Given, predictions: ir.Table) -> ir.Table:
    """What was expected of answers when the fits were made, of whoever gave them by what is known now."""
    until = ibis.cases(
        *((given.foreseen.level == level, _until(fit)) for level, fit in given.fits.items()), else_=NEVER_MS
    )
    old = given.foreseen.filter(epoch_ms(given.foreseen["at"]) <= until)
    whose = feedback.select("feedback_id", "level", whose=feedback.person_id)
    known = old.inner_join(whose, ["feedback_id", "level"])
    return known.mutate(person_id=known.whose).select(predictions.columns).cast(dict(predictions.schema().items()))


def _until(fit: Fit) -> int:
    return NEVER_MS if fit.model.until_ms is None else fit.model.until_ms


class _Window:
    """What answers had met, brought here some answers at a time, in order."""

    def __init__(self, kept: ir.Table, engine: Engine, n: int, *, at_once: int) -> None:
        self._kept, self._engine, self._n, self._at_once = kept, engine, n, at_once
        self._first, self._met = 0, Met.nothing()

    def between(self, first: int, last: int) -> Met:
        """What answers `first` to `last - 1` had met."""
        if last > self._first + self._met.n:
            until = min(self._n, max(last, first + self._at_once))
            rows = self._engine.rows(self._kept.filter((self._kept.ask >= first) & (self._kept.ask < until)))
            self._first, self._met = first, Met.of(rows, first=first, n=until - first)
        return self._met.part(first - self._first, last - self._first)


def _hear(known: Known, level: str, model: Model, *, after_ms: int | None = None) -> Heard:
    """A level's answers, those after a moment only where one is named."""
    said = known.feedback.filter(known.feedback.level == level)
    said = said.mutate(at_ms=epoch_ms(said.at))
    said = said if after_ms is None else said.filter(said.at_ms > after_ms)
    rows = known.engine.rows(said).sort_by([("at", "ascending"), ("feedback_id", "ascending")])
    rows = rows.append_column("ask", pa.array(np.arange(rows.num_rows)))
    person, persons = numbered(rows["person_id"])
    account, accounts = numbered(rows["account"])
    scale = {name: place for place, name in enumerate(model.scales)}
    told = Told(
        at_ms=rows["at_ms"].to_numpy().astype(np.int64),
        person=person,
        account=account,
        classes=rows["class"].to_numpy().astype(np.int64),
        scale=np.array([scale[name] for name in rows["scale"].to_pylist()], dtype=np.int64),
        n_persons=len(persons),
        n_accounts=len(accounts),
    )
    return Heard(rows, told, persons, accounts)


def _predictions(heard: Heard, rolled: Rolled, level: str) -> pa.Table:
    until = pa.array(rolled.until_ms, mask=rolled.until_ms < 0).cast(pa.timestamp("ms", tz="UTC"))
    return pa.table(
        {
            "feedback_id": heard.rows["feedback_id"],
            "person_id": heard.rows["person_id"],
            "at": heard.rows["at"],
            "level": pa.array([level] * heard.rows.num_rows, pa.string()),
            "rating": heard.rows["rating"],
            "scale": heard.rows["scale"],
            "p_detractor": rolled.chances[:, 0],
            "p_passive": rolled.chances[:, 1],
            "p_promoter": rolled.chances[:, 2],
            "fitted_until": until.cast(pa.timestamp("us", tz="UTC")),
            "n_interactions": rolled.n_met,
        }
    )


def _rate(known: Known, level: str, fit: Fit) -> Scored:
    rows = known.engine.rows(_people(known, level)).sort_by("person_id")
    answering = known.feedback.filter(known.feedback.level == level).select("person_id").distinct()
    told = places(rows["person_id"], known.engine.rows(answering)["person_id"].combine_chunks())
    as_of_ms = int(known.as_of.timestamp() * 1000)
    n = rows.num_rows
    person, account = fit.numbers(rows["person_id"], rows["account"])
    rows = rows.append_column("at", pa.array([known.as_of] * n, pa.timestamp("us", tz="UTC")))
    rows = rows.append_column("at_ms", pa.array(np.full(n, as_of_ms)))
    rows = rows.append_column("answered", pa.array(told >= 0))
    asked = Asked(rows, person, account)
    sight = Sight(level, known.blueprint.journeys.quiet_s, inclusive=True)
    return rate(asked, known.made, known.standing, fit.model, fit.leanings, engine=known.engine, sight=sight)


def _people(known: Known, level: str) -> ir.Table:
    """Whom to score: everyone identified, or everyone with a transaction and the latest one of each."""
    mine = known.touches.filter(known.touches.person_id.notnull())
    people = mine.select("person_id").distinct()
    member = mine.filter(mine.account.notnull())
    member = _latest(member, ["account"])
    people = people.left_join(member, "person_id").drop("person_id_right")
    if level == "relationship":
        nothing = ibis.null("string")
        return people.mutate(object_type=nothing, object_id=nothing)
    asked = [one for one in known.blueprint.feedback if one.level == level]
    about = {one.about for one in asked if one.about is not None} or set(known.blueprint.journeys.objects)
    fits = mine.object_type.isin(sorted(about)) if about else ibis.literal(False)
    things = mine.filter(mine.object_id.notnull() & fits)
    latest = _latest(things, ["object_type", "object_id"])
    whole = any(one.about is None for one in asked) and not about
    return (people.left_join(latest, "person_id") if whole else people.join(latest, "person_id")).select(
        "person_id", "account", "object_type", "object_id"
    )


def _latest(rows: ir.Table, names: Sequence[str]) -> ir.Table:
    """The latest of each person, by when it was last seen, then by name."""
    seen = rows.group_by("person_id", *names).agg(last=rows.at.max())
    order = ibis.window(group_by="person_id", order_by=[ibis.desc("last"), *names])
    first = seen.mutate(place=ibis.row_number().over(order)).filter(lambda t: t.place == 0)
    return first.select("person_id", *names)


def _models_shape() -> pa.Schema:
    names = [("model", pa.string()), ("parameter", pa.string())]
    numbers = [(name, pa.float64()) for name in ("value", "low", "high")]
    return pa.schema([*names, *numbers, ("status", pa.string()), ("says", pa.string())])


def _shaped(name: str, table: ir.Table, as_of: dt.datetime) -> ir.Table:
    """The columns that `tables.py` gives it, and as_of."""
    shape = schema(name)
    moment = ibis.literal(as_of).cast(shape["as_of"])
    columns = {column: table[column].cast(kind) for column, kind in shape.items() if column not in FILLED}
    return table.select(**columns, as_of=moment)
