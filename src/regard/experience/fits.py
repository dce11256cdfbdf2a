"""A level's score as it was fitted, kept beside the run: save it, load it, and score people again without a new fit.

save(fits)      -> plain data: weights, cut-points, memory and their joint covariance, for a file beside the run
leanings(fits)  -> the table `leanings`: what people and accounts say beyond their impressions
load(...)       -> the same fits again, to the last bit
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from regard.blueprint import Blueprint
from regard.errors import WorkspaceError
from regard.experience.kinds import kinds
from regard.experience.leanings import Leanings
from regard.experience.memory import Memory
from regard.experience.model import Model, stated

Ints = NDArray[np.int64]
Saved = Mapping[str, object]
NAME = "score"
"""Name of the note beside a run's tables in which `save` is kept."""
FORM = 2
PERSON, ACCOUNT = "person", "account"


@dataclass(frozen=True)
class Fit:
    """One level's score: the model, and what each person and account says beyond it.

    persons, accounts : their names in order; their places are the numbers that `leanings` goes by.
    """

    model: Model
    leanings: Leanings
    persons: pa.Array
    accounts: pa.Array

    def numbers(self, person_id: pa.ChunkedArray, account: pa.ChunkedArray) -> tuple[Ints, Ints]:
        """Numbers of people and accounts for `Leanings.of`; -1 for who never answered."""
        return places(person_id, self.persons), places(account, self.accounts)


def numbered(column: pa.ChunkedArray) -> tuple[Ints, pa.Array]:
    """Each value's number (-1 for null), and the values in order."""
    values = pc.unique(column).drop_null()
    values = values.take(pc.sort_indices(values))
    return places(column, values), values


def places(column: pa.ChunkedArray, values: pa.Array) -> Ints:
    """Where each value stands among `values`; -1 where it does not."""
    found = pc.index_in(column, value_set=values) if len(values) else pa.nulls(len(column), pa.int32())
    return np.asarray(pc.fill_null(found, -1).to_numpy(zero_copy_only=False)).astype(np.int64)


def save(fits: Sequence[Fit]) -> dict[str, object]:
    """The fits as plain data for JSON, without the leanings, which are a table."""
    return {"form": FORM, "levels": {fit.model.level: _said(fit) for fit in fits}}


def _said(fit: Fit) -> dict[str, object]:
    model = fit.model
    return {
        "parameters": model.parameters(),
        "theta": model.theta.tolist(),
        "reference": model.reference.tolist(),
        "memory": [model.memory.loss_s, model.memory.gain_s, model.memory.floor],
        "heights": list(model.memory.heights),
        "covariance": model.covariance.tolist(),
        "known": model.known.tolist(),
        "known_memory": model.known_memory.tolist(),
        "reach": [end.tolist() for end in model.reach],
        "person_var": model.person_var,
        "account_var": model.account_var,
        "n_answers": model.n_answers,
        "until_ms": model.until_ms,
        "g2": fit.leanings.g2,
        "h2": fit.leanings.h2,
    }


def model_of(saved: Saved | None, blueprint: Blueprint, level: str) -> Model | None:
    """A level's model from what `save` gave.

    Returns : None where nothing was saved, that level was not fitted, or the blueprint now names other impressions or
              scales than it was fitted with.
    """
    levels = saved.get("levels") if saved is not None and saved.get("form") == FORM else None
    said = levels.get(level) if isinstance(levels, dict) else None
    return None if said is None else _model(said, blueprint, level)


def _model(said: Mapping[str, Any], blueprint: Blueprint, level: str) -> Model | None:
    found = stated(level, kinds(blueprint), blueprint)
    if found.parameters() != said["parameters"]:
        return None
    return replace(
        found,
        theta=np.array(said["theta"]),
        reference=np.array(said["reference"]),
        memory=Memory(*said["memory"], *[tuple(said["heights"])]),
        covariance=np.array(said["covariance"]),
        known=np.array(said["known"], dtype=bool),
        known_memory=np.array(said["known_memory"], dtype=bool),
        reach=(np.array(said["reach"][0]), np.array(said["reach"][1])),
        person_var=said["person_var"],
        account_var=said["account_var"],
        n_answers=said["n_answers"],
        until_ms=said["until_ms"],
    )


def load(saved: Saved, leanings: pa.Table, blueprint: Blueprint) -> dict[str, Fit]:
    """Every level's fit as it was saved.

    leanings : the table of that name.
    Raises   : WorkspaceError if the blueprint names other impressions or scales than it was fitted with.
    """
    found = {}
    levels = saved.get("levels")
    for level, said in levels.items() if isinstance(levels, dict) else ():
        model = model_of(saved, blueprint, level)
        if model is None:
            raise WorkspaceError(
                f"The blueprint's impressions have changed since the score of the {level} was fitted.",
                hint="Fit it again: regard run",
            )
        mine = leanings.filter(pc.equal(leanings["level"], level))
        found[level] = _fit(model, mine, said)
    return found


def _fit(model: Model, rows: pa.Table, said: Mapping[str, Any]) -> Fit:
    persons, accounts = (rows.filter(pc.equal(rows["of"], who)).sort_by("id") for who in (PERSON, ACCOUNT))
    names = [pa.array(part["id"].to_pylist(), pa.string()) for part in (persons, accounts)]
    summed = Leanings(
        persons["residual"].to_numpy().copy(),
        persons["information"].to_numpy().copy(),
        accounts["residual"].to_numpy().copy(),
        accounts["information"].to_numpy().copy(),
        account_of=places(persons["account"], names[1]),
        g2=said["g2"],
        h2=said["h2"],
    )
    return Fit(model, summed, *names)


def leanings(fits: Sequence[Fit]) -> pa.Table:
    """The rows of the table `leanings`, without as_of."""
    return pa.concat_tables([part for fit in fits for part in (_persons(fit), _accounts(fit))])


def _persons(fit: Fit) -> pa.Table:
    n, known = len(fit.persons), fit.leanings
    _, v, _ = known.of(np.arange(n), known.account_of, fit.model.person_var, fit.model.account_var)
    var = fit.model.person_var / (1 + fit.model.person_var * known.h_person)
    member = known.account_of
    account = fit.accounts.take(pa.array(member, mask=member < 0)) if len(fit.accounts) else pa.nulls(n, pa.string())
    return _rows(fit.model.level, PERSON, fit.persons, account, known.g_person, known.h_person, v, var)


def _accounts(fit: Fit) -> pa.Table:
    n, known = len(fit.accounts), fit.leanings
    u, _, _ = known.of(np.full(n, -1), np.arange(n), fit.model.person_var, fit.model.account_var)
    var = fit.model.account_var / (1 + fit.model.account_var * known.h_account)
    nothing = pa.nulls(n, pa.string())
    return _rows(fit.model.level, ACCOUNT, fit.accounts, nothing, known.g_account, known.h_account, u, var)


def _rows(
    level: str,
    of: str,
    names: pa.Array,
    account: pa.Array,
    residual: NDArray[np.float64],
    information: NDArray[np.float64],
    eta: NDArray[np.float64],
    var: NDArray[np.float64],
) -> pa.Table:
    n = len(names)
    return pa.table(
        {
            "level": pa.array([level] * n, pa.string()),
            "of": pa.array([of] * n, pa.string()),
            "id": names.cast(pa.string()),
            "account": account.cast(pa.string()),
            "residual": residual,
            "information": information,
            "eta": eta,
            "eta_sd": np.sqrt(var),
        }
    )
