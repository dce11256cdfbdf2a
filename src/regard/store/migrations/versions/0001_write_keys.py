"""Write keys and their secrets."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.create_table(
        "write_keys",
        sa.Column("key_id", sa.String(22), nullable=False),
        sa.Column("name", sa.String(80), nullable=False),
        sa.Column("source", sa.String(80), nullable=False),
        sa.Column("scopes", sa.JSON, nullable=False),
        sa.Column("origins", sa.JSON, nullable=False),
        sa.Column("rate", sa.Float),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_by", sa.String(254), nullable=False),
        sa.Column("revoked_at", sa.DateTime(timezone=True)),
        sa.PrimaryKeyConstraint("key_id", name="pk_write_keys"),
        sa.UniqueConstraint("name", name="uq_write_keys_name"),
        sa.UniqueConstraint("source", name="uq_write_keys_source"),
    )
    op.create_table(
        "write_key_secrets",
        sa.Column("prefix", sa.String(12), nullable=False),
        sa.Column("key_id", sa.String(22), nullable=False),
        sa.Column("hash", sa.LargeBinary(32), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True)),
        sa.Column("last_used_at", sa.DateTime(timezone=True)),
        sa.PrimaryKeyConstraint("prefix", name="pk_write_key_secrets"),
        sa.ForeignKeyConstraint(
            ["key_id"], ["write_keys.key_id"], name="fk_write_key_secrets_key_id", ondelete="CASCADE"
        ),
    )
    op.create_index("ix_write_key_secrets_key_id", "write_key_secrets", ["key_id"])
