"""How long an impression lasts: a floor that stays for good and a rest that fades, slower for losses than for gains.

    memory(age) = floor + (1 - floor) * exp(-age / tau),   tau = tau_loss where the impression took away, else tau_gain

The floor is above zero by construction, so a lapse fades and never disappears (R24). Any horizon works: tau is in
seconds, from minutes at a counter to decades with an insurer (R84).

Source : bad is stronger than good (Baumeister et al. 2001); the form is the design's.
"""

from __future__ import annotations

from dataclasses import dataclass

import ibis.expr.types as ir
import numpy as np
from numpy.typing import NDArray

from regard.blueprint import Memory as Stated

Floats = NDArray[np.float64]
LEAST_FLOOR, MOST_FLOOR = 0.02, 0.95
FLOOR_SPREAD = 0.8
"""Prior sd of the floor's log-odds."""
NAMES = ("memory.loss_s", "memory.gain_s", "memory.floor")
PEAKS = ("memory.worst", "memory.best", "memory.last")
HEIGHT_SD, MOST_HEIGHT = 0.5, 2.0
"""Prior sd of the log of a peak's factor, and the most it may be."""


@dataclass(frozen=True)
class Memory:
    """loss_s, gain_s : seconds after which what fades has fallen to 1/e. floor : the part that stays, 0 to 1.

    heights : logs of the factors of the worst, the best and the last impression (`peaks.py`); empty where the blueprint
              does not ask for them.
    """

    loss_s: float
    gain_s: float
    floor: float
    heights: tuple[float, ...] = ()

    @classmethod
    def stated(cls, settings: Stated) -> Memory:
        """The blueprint's prior."""
        heights = (0.0,) * len(PEAKS) if settings.peak_end else ()
        return cls(settings.loss_s, settings.gain_s, float(np.clip(settings.floor, LEAST_FLOOR, MOST_FLOOR)), heights)

    @classmethod
    def at(cls, point: Floats) -> Memory:
        """From unbounded coordinates: log of both taus, log-odds of the floor, heights where there are some."""
        floor = float(np.clip(1.0 / (1.0 + np.exp(-point[2])), LEAST_FLOOR, MOST_FLOOR))
        heights = np.clip(point[3:], -MOST_HEIGHT, MOST_HEIGHT).tolist()
        return cls(float(np.exp(point[0])), float(np.exp(point[1])), floor, tuple(heights))

    @property
    def point(self) -> Floats:
        """The unbounded coordinates, in which the prior is normal."""
        odds = np.log(self.floor / (1 - self.floor))
        return np.array([np.log(self.loss_s), np.log(self.gain_s), odds, *self.heights])

    @property
    def values(self) -> Floats:
        """What stands in `models`: both taus, the floor, the factors of peaks."""
        return np.array([self.loss_s, self.gain_s, self.floor, *np.exp(self.heights)])

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the coordinates."""
        return NAMES + PEAKS if self.heights else NAMES

    def of(self, age_s: Floats, loss: NDArray[np.bool_]) -> Floats:
        """What is left of impressions of that age."""
        tau = np.where(loss, self.loss_s, self.gain_s)
        return self.floor + (1 - self.floor) * np.exp(-age_s / tau)

    def slopes(self, age_s: Floats, loss: NDArray[np.bool_]) -> Floats:
        """Derivatives of what is left by the first three coordinates, one row an impression."""
        tau = np.where(loss, self.loss_s, self.gain_s)
        fading = np.exp(-age_s / tau)
        by_tau = (1 - self.floor) * fading * age_s / tau
        by_floor = (1 - fading) * self.floor * (1 - self.floor)
        return np.column_stack([np.where(loss, by_tau, 0.0), np.where(loss, 0.0, by_tau), by_floor])

    def expression(self, age_s: ir.FloatingValue, loss: ir.BooleanValue) -> ir.FloatingValue:
        """The same as `of`, in the engine."""
        return self.floor + (1 - self.floor) * (-age_s / loss.ifelse(self.loss_s, self.gain_s)).exp()


def prior_sd(settings: Stated) -> Floats:
    """Prior sd of the coordinates."""
    heights = [HEIGHT_SD] * len(PEAKS) if settings.peak_end else []
    return np.array([settings.spread, settings.spread, FLOOR_SPREAD, *heights])
