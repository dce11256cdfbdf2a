"""Accounts, sessions, invitations, tokens, guesses, and an audit trail that can only grow."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

AT = sa.DateTime(timezone=True)
NUMBER = sa.BigInteger().with_variant(sa.Integer, "sqlite")
ONLY_GROWS = "the audit trail can only grow"


def upgrade() -> None:
    op.create_table(
        "accounts",
        sa.Column("account_id", sa.String(22), nullable=False),
        sa.Column("email", sa.String(254), nullable=False),
        sa.Column("role", sa.String(16), nullable=False),
        sa.Column("units", sa.JSON),
        sa.Column("password", sa.String(255)),
        sa.Column("created_at", AT, nullable=False),
        sa.Column("created_by", sa.String(254), nullable=False),
        sa.Column("disabled_at", AT),
        sa.PrimaryKeyConstraint("account_id", name="pk_accounts"),
        sa.UniqueConstraint("email", name="uq_accounts_email"),
    )
    _of_accounts(
        "sessions",
        sa.Column("session_id", sa.String(22), nullable=False),
        sa.Column("hash", sa.LargeBinary(32), nullable=False),
        sa.Column("created_at", AT, nullable=False),
        sa.Column("seen_at", AT, nullable=False),
        sa.Column("address", sa.String(64), nullable=False),
        sa.Column("device", sa.String(200), nullable=False),
        sa.PrimaryKeyConstraint("session_id", name="pk_sessions"),
        sa.UniqueConstraint("hash", name="uq_sessions_hash"),
    )
    _of_accounts(
        "invitations",
        sa.Column("hash", sa.LargeBinary(32), nullable=False),
        sa.Column("created_at", AT, nullable=False),
        sa.Column("expires_at", AT, nullable=False),
        sa.PrimaryKeyConstraint("hash", name="pk_invitations"),
    )
    _of_accounts(
        "tokens",
        sa.Column("prefix", sa.String(12), nullable=False),
        sa.Column("name", sa.String(80), nullable=False),
        sa.Column("hash", sa.LargeBinary(32), nullable=False),
        sa.Column("created_at", AT, nullable=False),
        sa.Column("expires_at", AT),
        sa.Column("last_used_at", AT),
        sa.PrimaryKeyConstraint("prefix", name="pk_tokens"),
        sa.UniqueConstraint("name", name="uq_tokens_name"),
    )
    op.create_table(
        "guesses",
        sa.Column("subject", sa.LargeBinary(32), nullable=False),
        sa.Column("failures", sa.Integer, nullable=False),
        sa.Column("last_at", AT, nullable=False),
        sa.Column("until", AT, nullable=False),
        sa.PrimaryKeyConstraint("subject", name="pk_guesses"),
    )
    op.create_index("ix_guesses_until", "guesses", ["until"])
    _trail()


def _of_accounts(name: str, *parts: sa.Column[object] | sa.Constraint) -> None:
    op.create_table(
        name,
        sa.Column("account_id", sa.String(22), nullable=False),
        *parts,
        sa.ForeignKeyConstraint(
            ["account_id"], ["accounts.account_id"], name=f"fk_{name}_account_id", ondelete="CASCADE"
        ),
    )
    op.create_index(f"ix_{name}_account_id", name, ["account_id"])


def _trail() -> None:
    op.create_table(
        "trail",
        sa.Column("entry", NUMBER, nullable=False, autoincrement=True),
        sa.Column("at", AT, nullable=False),
        sa.Column("who", sa.String(254), nullable=False),
        sa.Column("via", sa.String(16), nullable=False),
        sa.Column("what", sa.String(40), nullable=False),
        sa.Column("whom", sa.String(254), nullable=False),
        sa.Column("address", sa.String(64), nullable=False),
        sa.PrimaryKeyConstraint("entry", name="pk_trail"),
        sqlite_autoincrement=True,
    )
    for column in ("at", "who", "whom"):
        op.create_index(f"ix_trail_{column}", "trail", [column])
    op.create_table(
        "trail_people",
        sa.Column("whom", sa.String(64), nullable=False),
        sa.Column("person_id", sa.String(64), nullable=False),
        sa.PrimaryKeyConstraint("whom", name="pk_trail_people"),
    )
    if op.get_bind().dialect.name == "sqlite":
        for act in ("UPDATE", "DELETE"):
            refuse = f"BEGIN SELECT RAISE(ABORT, '{ONLY_GROWS}'); END"
            op.execute(f"CREATE TRIGGER trail_no_{act.lower()} BEFORE {act} ON trail {refuse}")
    else:
        op.execute(
            "CREATE FUNCTION trail_only_grows() RETURNS trigger LANGUAGE plpgsql AS "
            f"$$ BEGIN RAISE EXCEPTION '{ONLY_GROWS}'; END $$"
        )
        op.execute(
            "CREATE TRIGGER trail_only_grows BEFORE UPDATE OR DELETE OR TRUNCATE ON trail "
            "FOR EACH STATEMENT EXECUTE FUNCTION trail_only_grows()"
        )
