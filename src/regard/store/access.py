"""Tables of the room `access`: write keys and their secrets."""

from __future__ import annotations

from sqlalchemy import Column, Float, ForeignKey, LargeBinary, String, Table

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
