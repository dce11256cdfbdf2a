"""How sure is a group's score? Draws from the joint fit, accounts resampled, and what people say beyond it drawn too.

    the fit       weights, cut-points and memory are shared by all and never average out: they are drawn from their
                  joint covariance, and the scores of a sample of the group's people worked out anew for each draw
    the reach     what things weigh where hardly anybody who answered had been is shared too, and drawn (`reach.py`)
    the accounts  people of one account resemble each other: accounts are drawn with replacement, by exponential
                  weights (Rubin 1981), and so are people without an account
    the leanings  what an account and a person say beyond their impressions, as far as their answers left it open

The three are added in each draw, on the scale of eta, so that ends stay between -100 and 100; ends of people's
intervals are never averaged. ADR-0009 says why the three are added, and what the approximations cost.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import ibis
import ibis.expr.types as ir
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from scipy.stats import norm, qmc

from regard.engine import seconds_between
from regard.experience.cumulative import eta_of, score_of, slope_of
from regard.experience.features import features
from regard.experience.kinds import TRAITS
from regard.experience.memory import Memory
from regard.experience.model import Model
from regard.experience.reach import beyond, unsure
from regard.experience.seen import Met
from regard.experience.standing import Standing, logistic

Floats = NDArray[np.float64]
Rows = Sequence[Mapping[str, object]]
SAMPLED = 600
"""People of each part of a group whose scores are worked out anew for each draw of the fit."""
DRAWS, MEMORIES = 1_024, 32
"""Draws of the fit, in how many draws of memory."""
DRAWN_ACCOUNTS = 2_000
"""Accounts drawn one by one; the others, which differ less from the group, together as a normal."""
ENDS = (0.05, 0.95)


@dataclass(frozen=True)
class Part:
    """People of a group by account; people without one are `alone`.

    n, total, slope : of each account: people, sum of their scores, sum of the slopes of their scores by eta.
    account_var     : of each account, what its answers leave unknown of its leaning, eta squared.
    n_alone, total_alone, squares_alone : people without an account, sums of their scores and of those squared.
    own             : sum over people of squared slope times what their answers leave unknown of their leaning.
    """

    n: Floats
    total: Floats
    slope: Floats
    account_var: Floats
    n_alone: float
    total_alone: float
    squares_alone: float
    own: float

    @property
    def size(self) -> float:
        """People in it."""
        return float(self.n.sum()) + self.n_alone

    @property
    def mean(self) -> float:
        """Their score."""
        return (float(self.total.sum()) + self.total_alone) / self.size

    @classmethod
    def of(cls, rows: Rows) -> Part:
        """From rows of `accounts`; parts of an account that stand in several rows are put together."""
        found: dict[object, list[float]] = {}
        for row in rows:
            mine = found.setdefault(row["account"], [0.0] * len(SUMS))
            for place, name in enumerate(SUMS):
                value = _number(row[name])
                mine[place] = max(mine[place], value) if name == "account_var" else mine[place] + value
        alone = dict(zip(SUMS, found.pop(None, [0.0] * len(SUMS)), strict=True))
        sums = np.array(list(found.values())).reshape(-1, len(SUMS))
        column = {name: sums[:, place] for place, name in enumerate(SUMS)}
        return cls(
            n=column["n"],
            total=column["total"],
            slope=column["slope"],
            account_var=column["account_var"],
            n_alone=alone["n"],
            total_alone=alone["total"],
            squares_alone=alone["squares"],
            own=float(column["own"].sum()) + alone["own"],
        )


SUMS = ("n", "total", "slope", "squares", "own", "account_var")


@dataclass(frozen=True)
class Sample:
    """Some of a group's people.

    eta, weight : of each, as fitted; and for how many people of the group each stands.
    drawn       : their eta in each draw of the fit, a row a draw. width : of "passive" in each draw.
    """

    eta: Floats
    weight: Floats
    drawn: Floats
    width: Floats

    def part(self, keep: NDArray[np.bool_]) -> Sample:
        """Some of them, in the same draws."""
        return Sample(self.eta[keep], self.weight[keep], self.drawn[:, keep], self.width)


def accounts(scores: ir.Table, leanings: ir.Table, members: ir.Table, model: Model) -> ir.Table:
    """What a group's accounts are made of.

    scores, leanings : the tables of that name. members : table (person_id, answered).
    Returns          : a row for each value of answered and account (null: people without one), with sums over people.
    """
    mine = scores.filter(scores.level == model.level).drop("answered").join(members, "person_id")
    mine = mine.select("person_id", "answered", "account", "score", "eta")
    said = leanings.filter(leanings.level == model.level)
    person = said.filter(said["of"] == "person").select(person_id="id", person_sd="eta_sd")
    account = said.filter(said["of"] == "account").select(account="id", account_sd="eta_sd")
    mine = mine.left_join(person, "person_id").drop("person_id_right")
    mine = mine.left_join(account, "account").drop("account_right")
    p, q = logistic(-mine.eta - model.width / 2), logistic(mine.eta - model.width / 2)
    mine = mine.mutate(
        slope=100.0 * (p * (1 - p) + q * (1 - q)),
        own=ibis.coalesce(mine.person_sd, math.sqrt(model.person_var)),
        shared=ibis.coalesce(mine.account_sd, math.sqrt(model.account_var)),
    )
    return mine.group_by("answered", "account").agg(
        n=mine.count(),
        total=mine.score.sum(),
        slope=mine.slope.sum(),
        squares=(mine.score * mine.score).sum(),
        own=(mine.slope * mine.slope * mine.own * mine.own).sum(),
        account_var=(mine.shared * mine.shared).max(),
    )


def sampled(scores: ir.Table, members: ir.Table, model: Model, *, most: int = SAMPLED) -> ir.Table:
    """Some of a group's people, evenly by person_id, at most `most` for each value of answered.

    Returns : person_id, answered, eta, weight: for how many people of the group each stands.
    """
    mine = scores.filter(scores.level == model.level).drop("answered").join(members, "person_id")
    part = ibis.window(group_by="answered")
    order = ibis.window(group_by="answered", order_by="person_id")
    mine = mine.select("person_id", "answered", "eta")
    mine = mine.mutate(place=ibis.row_number().over(order), n=mine.count().over(part))
    step = (mine.n.cast("float64") / most).ceil().cast("int64")
    mine = mine.mutate(step=step)
    taken = mine.filter(mine.place % mine.step == 0)
    taken = taken.mutate(weight=taken.n.cast("float64") / taken.count().over(part))
    return taken.select("person_id", "answered", "eta", "weight").order_by("person_id")


def met_by(people: pa.Table, impressions: ir.Table, model: Model) -> ir.Table:
    """What sampled people had met: person_id, kind (its code), x, age_s.

    people      : rows of `sampled`, by name, so that the engine need not choose them again.
    impressions : each as of its own time.
    """
    felt = impressions.filter(impressions.person_id.isin(people["person_id"].to_pylist()))
    felt = felt.filter(felt.level == model.level)
    still = [one for one in model.kinds if one.standing or (one.source in TRAITS and model.level == "transaction")]
    age = ibis.greatest(seconds_between(felt["at"], felt.as_of), 0.0)
    lasting = felt.kind.isin([one.name for one in still]) if still else ibis.literal(False)
    code = ibis.cases(*((felt.kind == one.name, one.code) for one in model.kinds), else_=-1).cast("int64")
    return felt.select("person_id", kind=code, x=felt.x, age_s=lasting.ifelse(0.0, age))


def loaded(people: pa.Table, met: pa.Table, model: Model, *, seed: int) -> Sample:
    """The sample that rows of `sampled` and of `met_by` are."""
    ask = pc.index_in(met["person_id"], value_set=people["person_id"].combine_chunks())
    seen = Met.of(met.append_column("ask", ask.cast(pa.int64())), first=0, n=people.num_rows)
    return refitted(people["eta"].to_numpy(), people["weight"].to_numpy(), seen, model, seed=seed)


def refitted(eta: Floats, weight: Floats, met: Met, model: Model, *, seed: int) -> Sample:
    """People's eta in draws of the joint fit.

    eta, weight, met : of each person. Memory bends: it is drawn `MEMORIES` times, evenly (Sobol), and what people had
                       met is remembered anew each time; the weights, which add up, are drawn given each memory, and
                       what they weigh beyond the answers' reach once for all people.
    """
    n, scales, each = len(model.theta), len(model.scales), DRAWS // MEMORIES
    joint, rng = model.covariance, np.random.default_rng(seed)
    spread = np.linalg.cholesky(joint[n:, n:])
    memories = norm.ppf(qmc.Sobol(len(model.memory_sd), rng=rng).random(MEMORIES)) @ spread.T
    given = np.linalg.solve(joint[n:, n:], joint[n:, :n])
    left = joint[:n, :n] - joint[:n, n:] @ given
    root = np.linalg.cholesky(left + 1e-12 * np.eye(n))
    theta = model.theta + np.repeat(memories @ given, each, axis=0) + rng.standard_normal((DRAWS, n)) @ root.T
    theta = np.clip(theta, model.prior.lower, model.prior.upper)
    keep, columns = np.r_[0, np.arange(2 * scales, n)], features(met, model)
    before = np.hstack([np.ones((met.n, 1)), columns]) @ model.theta[keep]
    farther = rng.standard_normal((DRAWS, columns.shape[1])) * unsure(model) @ beyond(columns, model).T
    drawn = np.empty((DRAWS, met.n))
    for place, move in enumerate(memories):
        rows = slice(place * each, (place + 1) * each)
        now = features(met, replace(model, memory=Memory.at(model.memory.point + move)))
        drawn[rows] = eta - before + theta[rows, :1] + theta[rows, 2 * scales :] @ now.T + farther[rows]
    return Sample(eta, weight, drawn, np.exp(theta[:, scales]))


def interval(part: Part, sample: Sample, model: Model, at: dt.datetime, *, seed: int) -> Standing | None:
    """A group's score with its 90 % interval; None for a group of nobody."""
    if not part.size:
        return None
    rng, width, mean = np.random.default_rng(seed), np.array(model.width), part.mean
    like = eta_of(np.array(mean), width)
    away = (_resampled(part, rng) + _leaning(part, rng)) / slope_of(like, width)
    low, high = np.quantile(score_of(like + _moved(sample, model) + away, width), ENDS)
    return Standing(at, mean, int(part.size), float(low), float(high))


def _moved(sample: Sample, model: Model) -> Floats:
    """By how much the group's eta moves with each draw of the fit."""
    width, share = np.array(model.width), sample.weight / sample.weight.sum()
    scores = score_of(sample.drawn, sample.width[:, None]) @ share
    now = share @ score_of(sample.eta, width)
    return np.asarray(eta_of(scores, width) - eta_of(np.array(now), width), dtype=np.float64)


def _resampled(part: Part, rng: np.random.Generator) -> Floats:
    """By how many points the score moves when other accounts, and other people without one, had been met."""
    groups, mean = len(part.n) + part.n_alone, part.mean
    if groups < 2:
        return np.zeros(DRAWS)
    gaps = part.total - mean * part.n
    gaps = gaps[np.argsort(-np.abs(gaps), kind="stable")]
    drawn, rest = gaps[:DRAWN_ACCOUNTS], gaps[DRAWN_ACCOUNTS:]
    moved = (rng.standard_exponential((DRAWS, len(drawn))) - 1.0) @ drawn
    alone = part.squares_alone - 2 * mean * part.total_alone + mean * mean * part.n_alone
    moved += math.sqrt(max(0.0, alone + float(rest @ rest))) * rng.standard_normal(DRAWS)
    return np.asarray(moved * math.sqrt(groups / (groups - 1)) / part.size, dtype=np.float64)


def _leaning(part: Part, rng: np.random.Generator) -> Floats:
    """By how many points what people and accounts say beyond their impressions may move the score."""
    variance = float((part.slope**2) @ part.account_var) + part.own
    return np.asarray(math.sqrt(variance) / part.size * rng.standard_normal(DRAWS), dtype=np.float64)


def _number(value: object) -> float:
    return float(value) if isinstance(value, int | float) else 0.0
