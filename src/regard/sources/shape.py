"""The canonical shape of interactions and rejects in the engine's own types."""

from __future__ import annotations

from collections.abc import Mapping

from regard.tables import HANDLES, INSTANT, INTERACTIONS, OBJECTS, PROPERTIES

TYPES = {
    "string": "VARCHAR",
    "int64": "BIGINT",
    "float64": "DOUBLE",
    INSTANT: "TIMESTAMPTZ",
    HANDLES: 'STRUCT("kind" VARCHAR, "value" VARCHAR)[]',
    OBJECTS: 'STRUCT("type" VARCHAR, "id" VARCHAR, "qualifier" VARCHAR)[]',
    PROPERTIES: "MAP(VARCHAR, VARCHAR)",
}
LEDGERS_OWN = frozenset({"received_at"})
CONTENT = "content"


def canonical(shown: Mapping[str, str]) -> str:
    """The columns of `interactions` as a SELECT list, `content` behind them; those that are not shown are null."""
    columns = [
        f'CAST({shown.get(column.name, "NULL")} AS {TYPES[column.type]}) AS "{column.name}"'
        for column in INTERACTIONS.columns
        if column.name not in LEDGERS_OWN
    ]
    return ", ".join([*columns, f'CAST({shown.get(CONTENT, "NULL")} AS VARCHAR) AS "{CONTENT}"'])
