"""What a run fitted, kept beside it, so that later facts can be worked out by the same fits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from regard import experience, value
from regard.blueprint import Blueprint
from regard.engine import Engine, Published
from regard.errors import WorkspaceError
from regard.experience import fits as score_fits
from regard.value import fits as value_fits

PROMISES = "promises"
NOTES = (PROMISES, score_fits.NAME, value_fits.NAME)
TABLES = ("calibration", "leanings", "models")
"""Tables that tell of fits, and so stand as long as they do."""


@dataclass(frozen=True)
class Fitted:
    """Fits of every room.

    beyond : thresholds of "exceeded", by promise. score : by level. value : its two models, and the bands of value.
    """

    beyond: Mapping[str, float | None]
    score: tuple[experience.fits.Fit, ...]
    value: value.fits.Fits

    def notes(self) -> dict[str, dict[str, object]]:
        """What is kept beside a run, by name."""
        return {
            PROMISES: {"beyond": dict(self.beyond)},
            score_fits.NAME: score_fits.save(self.score),
            value_fits.NAME: value_fits.save(self.value),
        }


def kept(published: Published, blueprint: Blueprint, engine: Engine) -> Fitted:
    """The fits that a run kept.

    Raises : WorkspaceError if it kept none, or if they are of another blueprint.
    """
    said = {name: published.note(name) for name in NOTES}
    missing = [name for name, one in said.items() if one is None]
    if missing:
        raise WorkspaceError(f"The last run kept no fit of {', '.join(missing)}.", hint="Fit them: regard run")
    beyond, score, worth = (said[name] or {} for name in NOTES)
    levels = score_fits.load(score, engine.rows(published.table("leanings", engine)), blueprint)
    thresholds = beyond["beyond"]
    assert isinstance(thresholds, dict)
    return Fitted(thresholds, tuple(levels.values()), value_fits.load(worth))
