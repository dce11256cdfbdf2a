"""When each pull was tried, what came of it, and when it is due again."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.create_table(
        "pulls",
        sa.Column("name", sa.String(80), nullable=False),
        sa.Column("tried_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("succeeded_at", sa.DateTime(timezone=True)),
        sa.Column("next_at", sa.DateTime(timezone=True)),
        sa.Column("failures", sa.Integer, nullable=False),
        sa.Column("problem", sa.Text),
        sa.Column("hint", sa.Text),
        sa.Column("n_rows", sa.BigInteger, nullable=False),
        sa.Column("n_interactions", sa.BigInteger, nullable=False),
        sa.Column("n_rejects", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_pulls"),
    )
