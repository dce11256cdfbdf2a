"""What do leaders and everyone who serves a customer need to see? Questions over several rooms' tables, for the pages.

Into it: the published tables and a blueprint. Out of it: questions that `engine.Reader` compiles once, and what a
person's rows say in sentences. It writes no table.
"""

from __future__ import annotations

from regard.board import health, overview, people, promises, worth
from regard.board.segments import Segment, members, options
from regard.board.story import Balance, Sentence, Span, balance, spans, tell

__all__ = [
    "Balance",
    "Segment",
    "Sentence",
    "Span",
    "balance",
    "health",
    "members",
    "options",
    "overview",
    "people",
    "promises",
    "spans",
    "tell",
    "worth",
]
