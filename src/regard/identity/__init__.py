"""Who is who? Handles seen on interactions become people, by rules that anybody can check and undo.

in  : `interactions`, `decisions`, `memberships`, the blueprint's `identity`
out : `persons`, `merges`, and the interactions with `person_id`, and with the account they acted for
"""

from __future__ import annotations

from regard.identity.belong import belong
from regard.identity.components import components
from regard.identity.decisions import Decision, decide, paired
from regard.identity.find import find
from regard.identity.guards import blocked
from regard.identity.normal import normalised, spelled
from regard.identity.resolve import Resolved, alone, resolve
from regard.identity.seen import carried
from regard.identity.settle import Before, Elsewhere, Settled, seen_elsewhere, settle

__all__ = [
    "Before",
    "Decision",
    "Elsewhere",
    "Resolved",
    "Settled",
    "alone",
    "belong",
    "blocked",
    "carried",
    "components",
    "decide",
    "find",
    "normalised",
    "paired",
    "resolve",
    "seen_elsewhere",
    "settle",
    "spelled",
]
