"""Tables of the room `access`: write keys, accounts and what belongs to them, the audit trail."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Float, ForeignKey, Integer, LargeBinary, String, Table

from regard.store.schema import Utc, Words, metadata

write_keys = Table(
    "write_keys",
    metadata,
    Column("key_id", String(22), primary_key=True),
    Column("name", String(80), nullable=False, unique=True),
    Column("source", String(80), nullable=False, unique=True),
    Column("scopes", Words, nullable=False),
    Column("origins", Words, nullable=False),
    Column("rate", Float),  # events a second; null: as many as come
    Column("created_at", Utc, nullable=False),
    Column("created_by", String(254), nullable=False),
    Column("revoked_at", Utc),
)

write_key_secrets = Table(
    "write_key_secrets",
    metadata,
    Column("prefix", String(12), primary_key=True),
    Column("key_id", ForeignKey("write_keys.key_id", ondelete="CASCADE"), nullable=False, index=True),
    Column("hash", LargeBinary(32), nullable=False),
    Column("created_at", Utc, nullable=False),
    Column("expires_at", Utc),  # set when the key was given another secret
    Column("last_used_at", Utc),
)

accounts = Table(
    "accounts",
    metadata,
    Column("account_id", String(22), primary_key=True),
    Column("email", String(254), nullable=False, unique=True),  # in lower case
    Column("role", String(16), nullable=False),
    Column("units", Words),  # null: the whole organisation
    Column("password", String(255)),  # argon2id; null until the first sign-in is set up
    Column("created_at", Utc, nullable=False),
    Column("created_by", String(254), nullable=False),
    Column("disabled_at", Utc),
)

sessions = Table(
    "sessions",
    metadata,
    Column("session_id", String(22), primary_key=True),
    Column("account_id", ForeignKey("accounts.account_id", ondelete="CASCADE"), nullable=False, index=True),
    Column("hash", LargeBinary(32), nullable=False, unique=True),
    Column("created_at", Utc, nullable=False),
    Column("seen_at", Utc, nullable=False),
    Column("address", String(64), nullable=False),
    Column("device", String(200), nullable=False),
)

invitations = Table(
    "invitations",
    metadata,
    Column("hash", LargeBinary(32), primary_key=True),
    Column("account_id", ForeignKey("accounts.account_id", ondelete="CASCADE"), nullable=False, index=True),
    Column("created_at", Utc, nullable=False),
    Column("expires_at", Utc, nullable=False),
)

tokens = Table(
    "tokens",
    metadata,
    Column("prefix", String(12), primary_key=True),
    Column("name", String(80), nullable=False, unique=True),
    Column("account_id", ForeignKey("accounts.account_id", ondelete="CASCADE"), nullable=False, index=True),
    Column("hash", LargeBinary(32), nullable=False),
    Column("created_at", Utc, nullable=False),
    Column("expires_at", Utc),
    Column("last_used_at", Utc),
)

guesses = Table(
    "guesses",
    metadata,
    Column("subject", LargeBinary(32), primary_key=True),  # a keyed hash: what was typed may be a password
    Column("failures", Integer, nullable=False),
    Column("last_at", Utc, nullable=False),
    Column("until", Utc, nullable=False, index=True),
)

trail = Table(
    "trail",
    metadata,
    Column("entry", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
    Column("at", Utc, nullable=False, index=True),
    Column("who", String(254), nullable=False, index=True),
    Column("via", String(16), nullable=False),
    Column("what", String(40), nullable=False),
    Column("whom", String(254), nullable=False, index=True),  # of a customer a keyed hash, else a name
    Column("address", String(64), nullable=False),
)

trail_people = Table(
    "trail_people",
    metadata,
    Column("whom", String(64), primary_key=True),
    Column("person_id", String(64), nullable=False),  # removed when the person is forgotten; the hash stays
)
