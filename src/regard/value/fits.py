"""What was fitted about value, kept beside the run, so that people can be worked out again without a new fit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from regard.errors import WorkspaceError
from regard.value.bg_nbd import BgNbd
from regard.value.gamma_gamma import GammaGamma
from regard.value.likelihood import Estimate
from regard.value.quadrants import Band
from regard.value.worth import Models

NAME = "value"
"""Name of the note beside a run's tables in which `save` is kept."""
FORM = 1


@dataclass(frozen=True)
class Fits:
    """The two models of value, and the bands that value and disruption are held against."""

    models: Models
    bands: tuple[Band, ...]


def save(fits: Fits) -> dict[str, object]:
    """The fits as plain data for JSON; every number comes back to the last bit."""
    return {"form": FORM, **asdict(fits)}


def load(saved: Mapping[str, Any]) -> Fits:
    """The fits as they were saved.

    Raises : WorkspaceError if another version of Regard saved them.
    """
    if saved.get("form") != FORM:
        raise WorkspaceError("What was fitted about value was kept by another version.", hint="Fit it: regard run")
    said = saved["models"]
    buying, spending = (_fitted(said[name], kind) for name, kind in (("buying", BgNbd), ("spending", GammaGamma)))
    models = Models(buying, spending, said["major"], said["mean"])  # type: ignore[arg-type]
    return Fits(models, tuple(Band(**band) for band in saved["bands"]))


def _fitted(said: Mapping[str, Any] | None, kind: type[BgNbd] | type[GammaGamma]) -> BgNbd | GammaGamma | None:
    if said is None:
        return None
    return kind(tuple(Estimate(**one) for one in said["estimates"]), said["log_likelihood"])
