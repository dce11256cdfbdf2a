"""How do they regard us? What was promised and delivered, what customers told us, and the score that explains both.

Into it: `touches` and a blueprint. Out of it: `promises`, `feedback`, `impressions`, `lapses`, `scores`,
`contributions`, `predictions`, `calibration`, `leanings`, rows of `models`, and what was fitted (`fits`).
"""

from __future__ import annotations

from regard.experience import fits
from regard.experience.bank import bank
from regard.experience.promises import estimated_thresholds, keep_promises, kept_rate
from regard.experience.score import Given, Perceived, score

__all__ = [
    "Given",
    "Perceived",
    "bank",
    "estimated_thresholds",
    "fits",
    "keep_promises",
    "kept_rate",
    "score",
]
