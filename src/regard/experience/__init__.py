"""How do they regard us? What was promised and delivered, what customers told us, and the score that explains both.

Into it: `touches` and a blueprint. Out of it: `promises`, `feedback`, `impressions`, `lapses`, `scores`,
`contributions`, `predictions` and rows of `models`.
"""

from __future__ import annotations

from regard.experience.bank import bank
from regard.experience.promises import keep_promises, kept_rate
from regard.experience.score import score

__all__ = ["bank", "keep_promises", "kept_rate", "score"]
