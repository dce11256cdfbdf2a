"""What do we intend? Reads blueprint.yaml, finds its mistakes, and applies its meaning to facts as they are read.

Into it: blueprint.yaml. Out of it: a `Blueprint`, conditions for any table of interactions or touches, and the columns
touchpoint, stage, function, control and channel. Nothing is stored, so that a new blueprint reclassifies the past.
"""

from __future__ import annotations

from regard.blueprint.durations import seconds, written
from regard.blueprint.meaning import recognise
from regard.blueprint.model import (
    Blueprint,
    Channel,
    Feedback,
    Function,
    Handle,
    Impression,
    JourneySettings,
    Memory,
    Promise,
    Rule,
    Scale,
    ScoreSettings,
    Stage,
    Touchpoint,
    Unit,
    ValueOf,
    ValueSettings,
)
from regard.blueprint.money import exponent, minor
from regard.blueprint.read import check, read
from regard.blueprint.rules import condition

__all__ = [
    "Blueprint",
    "Channel",
    "Feedback",
    "Function",
    "Handle",
    "Impression",
    "JourneySettings",
    "Memory",
    "Promise",
    "Rule",
    "Scale",
    "ScoreSettings",
    "Stage",
    "Touchpoint",
    "Unit",
    "ValueOf",
    "ValueSettings",
    "check",
    "condition",
    "exponent",
    "minor",
    "read",
    "recognise",
    "seconds",
    "written",
]
