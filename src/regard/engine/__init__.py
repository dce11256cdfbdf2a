"""How is it computed? The only place that runs analytics: Ibis expressions in, tables out.

Every other room writes expressions and gets an `Engine` as an argument; it never opens a connection of its own.
`connect()` gives DuckDB in this process, any Spark Connect server (`sc://host:port`), or a plugin's engine.
"""

from __future__ import annotations

from regard.engine.contract import Engine, empty, schema
from regard.engine.doors import connect
from regard.engine.moments import SECONDS_A_DAY, epoch_ms, seconds_between
from regard.engine.paging import cursor_of, page
from regard.engine.published import FORMAT, Publication, Published
from regard.engine.reader import NO_SIDES, Now, Question, Reader, Row, Same, Selection, Sides, Tables, question
from regard.engine.update import Update
from regard.engine.where import where
from regard.engine.zones import day_start, local_date, local_time

__all__ = [
    "FORMAT",
    "NO_SIDES",
    "SECONDS_A_DAY",
    "Engine",
    "Now",
    "Publication",
    "Published",
    "Question",
    "Reader",
    "Row",
    "Same",
    "Selection",
    "Sides",
    "Tables",
    "Update",
    "connect",
    "cursor_of",
    "day_start",
    "empty",
    "epoch_ms",
    "local_date",
    "local_time",
    "page",
    "question",
    "schema",
    "seconds_between",
    "where",
]
