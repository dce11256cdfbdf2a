"""Bearer tokens: the API for programs that work for an account, with its role and its part of the organisation."""

from __future__ import annotations

import datetime as dt
import hmac
import re
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from regard.access.keys import LETTERS, PREFIX, utc_now
from regard.access.recent import Recent
from regard.access.who import Who
from regard.errors import AccessError, SettingError, nearest
from regard.store import Store, seal
from regard.store.access import accounts, tokens
from regard.store.sealing import sealed

MARK = "rgt_"
SECRET = re.compile(rf"{MARK}[0-9A-Za-z]{{{PREFIX}}}_[0-9A-Za-z]{{32}}")
NAME = re.compile(r"[\w][\w .:/-]{0,79}")
HELD_S = 3.0
USED_EVERY = dt.timedelta(minutes=1)


@dataclass(frozen=True)
class Token:
    """A token, without its secret. email : of the account it works for."""

    name: str
    email: str
    created_at: dt.datetime
    expires_at: dt.datetime | None
    last_used_at: dt.datetime | None


class Tokens:
    """The tokens of a store. Safe for threads.

    clock : the time now, UTC.
    """

    def __init__(self, store: Store, *, clock: Callable[[], dt.datetime] = utc_now) -> None:
        self.store, self.clock = store, clock
        self._seal = seal(store.workspace.access_key)
        self._recent: Recent[bytes, tuple[Who, dt.datetime | None]] = Recent(hold_s=HELD_S)

    def create(self, name: str, *, email: str, holds: dt.timedelta | None = None) -> tuple[Token, str]:
        """Make a token for an account, and the secret that is shown once.

        holds  : how long; None until it is revoked.
        Raises : AccessError if there is no such account; SettingError for a name that cannot be or is taken.
        """
        if not NAME.fullmatch(name):
            raise SettingError(f"{name!r} cannot be the name of a token.", allowed="letters, digits and . : / _ -")
        prefix, rest = ("".join(secrets.choice(LETTERS) for _ in range(n)) for n in (PREFIX, 32))
        secret, now = f"{MARK}{prefix}_{rest}", self.clock()
        token = Token(name, email.strip().lower(), now, None if holds is None else now + holds, None)
        row: dict[str, object] = {"prefix": prefix, "name": name, "hash": sealed(self._seal, "token", secret)}
        try:
            with self.store.write() as db:
                account = db.execute(sa.select(accounts).where(accounts.c.email == token.email)).one_or_none()
                if account is None:
                    raise AccessError(f"There is no account {email!r}.", hint="See `regard account list`.")
                row |= {"account_id": account.account_id, "created_at": now, "expires_at": token.expires_at}
                db.execute(tokens.insert().values(row))
        except sa.exc.IntegrityError as error:
            raise SettingError(f"There is a token {name!r} already.", hint=f"regard token revoke {name}") from error
        return token, secret

    def list(self) -> Sequence[Token]:
        """All tokens by name."""
        asked = sa.select(tokens, accounts.c.email).join(accounts).order_by(tokens.c.name)
        with self.store.read() as db:
            return [
                Token(row.name, row.email, row.created_at, row.expires_at, row.last_used_at)
                for row in db.execute(asked)
            ]

    def revoke(self, name: str) -> None:
        """Let a token hold no more.

        Raises : AccessError if there is no such token.
        """
        with self.store.write() as db:
            gone = db.execute(tokens.delete().where(tokens.c.name == name)).rowcount
            names = [str(one) for one in db.execute(sa.select(tokens.c.name)).scalars()]
        self._recent.clear()
        if not gone:
            close = nearest(name, names)
            raise AccessError(
                f"There is no token {name!r}.", hint=f"Did you mean {close!r}?" if close else "See `regard token list`."
            )

    def who(self, secret: str) -> Who | None:
        """Whom a token works for, while it holds."""
        if not SECRET.fullmatch(secret):
            return None
        digest = sealed(self._seal, "token", secret)
        found = self._recent.get(digest, lambda: self._look(secret, digest))
        if found is None or (found[1] is not None and found[1] <= self.clock()):
            return None
        return found[0]

    def _look(self, secret: str, digest: bytes) -> tuple[Who, dt.datetime | None] | None:
        prefix, now = secret[len(MARK) : len(MARK) + PREFIX], self.clock()
        asked = sa.select(tokens, accounts.c.email, accounts.c.role, accounts.c.units, accounts.c.disabled_at)
        with self.store.read() as db:
            row = db.execute(asked.join(accounts).where(tokens.c.prefix == prefix)).one_or_none()
        if row is None or not hmac.compare_digest(row.hash, digest) or row.disabled_at is not None:
            return None
        if row.last_used_at is None or now - row.last_used_at >= USED_EVERY:
            with self.store.write() as db:
                db.execute(tokens.update().where(tokens.c.prefix == prefix).values(last_used_at=now))
        return Who(row.email, row.role, row.units, "token", row.account_id, row.name), row.expires_at
