"""The table of pulls: when each was tried, what came of it, and when it is due again."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Integer, String, Table, Text

from regard.store.schema import Utc, metadata

pulls = Table(
    "pulls",
    metadata,
    Column("name", String(80), primary_key=True),
    Column("tried_at", Utc, nullable=False),
    Column("succeeded_at", Utc),
    Column("next_at", Utc),  # null: when it is asked for
    Column("failures", Integer, nullable=False),  # in a row; 0 after one that went well
    Column("problem", Text),
    Column("hint", Text),
    Column("n_rows", BigInteger, nullable=False),  # of the last that went well
    Column("n_interactions", BigInteger, nullable=False),
    Column("n_rejects", BigInteger, nullable=False),
)
