"""Who stands apart: units and accounts beside everyone, with their intervals, what changed and who of them answered."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass

import ibis.expr.types as ir
import numpy as np
import pyarrow.compute as pc

from regard import board
from regard.blueprint import Blueprint
from regard.board import Segment
from regard.board.parts import BETWEEN, COMPARED, side_by_side
from regard.engine import Now, Same
from regard.experience import certainty
from regard.experience.model import Model
from regard.experience.standing import Standing, at_moments, series
from regard.pipeline.standing import fitted, gathered, members_of

SAMPLED = 200
"""People of a part, and of those of it who answered, whose scores are worked out anew for each draw of the fit."""


@dataclass(frozen=True)
class Part:
    """A unit, an account, or those of an account in one role.

    role    : None for all of it.
    told    : how many of its people ever answered on the level.
    change  : points of the same people since a moment, of those whom we knew by then; None where we knew nobody.
    """

    kind: str
    name: str
    role: str | None
    now: Standing
    told: int
    change: float | None

    def apart(self, from_: Standing) -> bool:
        """Whether its interval and another's do not meet."""
        ends = (self.now.low, self.now.high, from_.low, from_.high)
        if any(end is None for end in ends):
            return False
        low, high, other_low, other_high = (float(end) for end in ends if end is not None)
        return high < other_low or low > other_high


def parts(now: Now, blueprint: Blueprint, *, level: str, since: dt.datetime) -> list[Part]:
    """The most frequent units and accounts, and the roles of these accounts, the lowest score first.

    since   : from when the change is wanted, at most as_of.
    Returns : [] where nothing has been worked out, or rows name neither unit nor account.
    """
    return now.hold(("parts", level, since, Same(blueprint)), lambda: _parts(now, blueprint, level, since))


def _parts(now: Now, blueprint: Blueprint, level: str, since: dt.datetime) -> list[Part]:
    model = fitted(now, blueprint, level)
    options = now.ask(board.options()) if now.published else []
    names = {kind: [str(row["name"]) for row in options if row["kind"] == kind] for kind in COMPARED}
    if model is None or now.published is None or not any(names.values()):
        return []
    as_of, tables, seed = now.published.as_of, now.tables, blueprint.score.seed
    mine = side_by_side(
        tables, members_of(now, blueprint, Segment(), level).select("person_id", "first_at", "answered"), names
    )
    counted = now.rows(certainty.accounts(tables["scores"], tables["leanings"], mine, model))
    before = now.rows(at_moments(tables["contributions"], mine, model, moments=[since]))
    sample = _sample(now, mine, model, seed)

    def part(*whose: str) -> Part | None:
        """Those whose label begins with kind, name and perhaps role."""
        rows, then = (
            [row for row in some if _key(row["answered"])[: len(whose)] == whose] for some in (counted, before)
        )
        standing = certainty.interval(certainty.Part.of(rows), sample(whose), model, as_of, seed=seed)
        if standing is None:
            return None
        told = sum(int(str(row["n"])) for row in rows if _key(row["answered"])[3] == "yes")
        first = series(then, [since])
        role = whose[2] if len(whose) > 2 else None
        return Part(whose[0], whose[1], role, standing, told, standing.score - first[0].score if first else None)

    found: list[Part | None] = []
    keys = {_key(row["answered"]) for row in counted}
    for kind, name in sorted({(key[0], key[1]) for key in keys}):
        roles = sorted({key[2] for key in keys if key[:2] == (kind, name)} - {""})
        found += [part(kind, name), *(part(kind, name, role) for role in roles if len(roles) > 1)]
    return sorted((one for one in found if one), key=lambda one: one.now.score)


def _sample(now: Now, mine: ir.Table, model: Model, seed: int) -> Callable[[tuple[str, ...]], certainty.Sample]:
    """Some people of each part; somebody in two parts is worked out once and stands in both."""
    assert now.published is not None
    picked = gathered(now, certainty.sampled(now.tables["scores"], mine, model, most=SAMPLED))
    ids = picked["person_id"].combine_chunks()
    people = picked.take(pc.index_in(pc.unique(ids), value_set=ids))
    met = gathered(now, certainty.met_by(people, now.tables["impressions"], model))
    every = certainty.loaded(people, met, model, seed=seed)
    place = pc.index_in(ids, value_set=people["person_id"].combine_chunks()).to_numpy()
    weight, keys = picked["weight"].to_numpy(), [_key(label) for label in picked["answered"].to_pylist()]

    def of(whose: tuple[str, ...]) -> certainty.Sample:
        rows = np.flatnonzero([key[: len(whose)] == whose for key in keys])
        at = place[rows]
        return certainty.Sample(every.eta[at], weight[rows], every.drawn[:, at], every.width)

    return of


def _key(label: object) -> tuple[str, ...]:
    """Kind, name, role and whether they answered."""
    return tuple(str(label).split(BETWEEN))
