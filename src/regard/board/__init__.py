"""What do leaders and everyone who serves a customer need to see? Questions over several rooms' tables, for the pages.

in  : `touches`, `persons`, `scores`, `value` and a blueprint
out : `profiles`, `arrivals` and `segments`; questions that `engine.Reader` compiles once; what a person's rows say in
      sentences
"""

from __future__ import annotations

from regard.board import health, overview, people, promises, worth
from regard.board.gather import gather, gather_more, number_more, number_people
from regard.board.segments import Segment, members, options
from regard.board.story import Balance, Sentence, Span, balance, spans, tell

__all__ = [
    "Balance",
    "Segment",
    "Sentence",
    "Span",
    "balance",
    "gather",
    "gather_more",
    "health",
    "members",
    "number_more",
    "number_people",
    "options",
    "overview",
    "people",
    "promises",
    "spans",
    "tell",
    "worth",
]
