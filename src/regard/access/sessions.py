"""Sessions: who is signed in where. A random token in a cookie; the store holds a keyed hash of it."""

from __future__ import annotations

import datetime as dt
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from regard.access.accounts import Account, Accounts
from regard.access.guesses import Guesses, Subject
from regard.access.keys import utc_now
from regard.access.recent import Recent
from regard.access.who import LOCAL, Who
from regard.errors import AccessError
from regard.store import Store, seal
from regard.store.access import accounts, sessions
from regard.store.sealing import sealed

LASTS = dt.timedelta(days=14)
IDLE = dt.timedelta(hours=12)
SEEN_EVERY = dt.timedelta(minutes=1)
HELD_S = 2.0


@dataclass(frozen=True)
class Session:
    """One place where somebody is signed in: device as its browser names itself."""

    session_id: str
    created_at: dt.datetime
    seen_at: dt.datetime
    address: str
    device: str


@dataclass(frozen=True)
class _Held:
    who: Who
    created_at: dt.datetime
    seen_at: dt.datetime


class Sessions:
    """The sessions of a store. Safe for threads.

    clock : the time now, UTC.
    """

    def __init__(self, store: Store, *, clock: Callable[[], dt.datetime] = utc_now) -> None:
        self.store, self.clock = store, clock
        self.accounts, self.guesses = Accounts(store, clock=clock), Guesses(store, clock=clock)
        self._seal = seal(store.workspace.access_key)
        self._recent: Recent[bytes, _Held] = Recent(hold_s=HELD_S)

    def sign_in(self, email: str, password: str, *, address: str, device: str) -> tuple[Account, str]:
        """Sign somebody in: their account, and the token of a new session.

        Raises : AccessError with the same words and after the same time whether or not the account exists; or saying
                 how long to wait after too many failures (`wait_s` on it).
        """
        subjects = (Subject("account", email), Subject("address", address))
        wait = self.guesses.begin(*subjects)
        if wait:
            raise TooManyTries(wait)
        account = self.accounts.known(email, password)
        if account is None:
            raise AccessError(
                "The address or the password is not right.", hint="Ask an admin for a new link if you forgot it."
            )
        self.guesses.passed(*subjects)
        return account, self.begin(account, address=address, device=device)

    def begin(self, account: Account, *, address: str, device: str) -> str:
        """A new session of an account; what it gives is the cookie's value and is stored nowhere."""
        token, now = secrets.token_urlsafe(32), self.clock()
        row = {
            "session_id": secrets.token_urlsafe(16),
            "account_id": account.account_id,
            "hash": sealed(self._seal, "session", token),
            "created_at": now,
            "seen_at": now,
            "address": address[:64],
            "device": device[:200],
        }
        with self.store.write() as db:
            over = sa.or_(sessions.c.created_at <= now - LASTS, sessions.c.seen_at <= now - IDLE)
            db.execute(sessions.delete().where(over))
            db.execute(sessions.insert().values(row))
        return token

    def who(self, token: str) -> Who | None:
        """Whose session a token is of, while it holds: two weeks, twelve hours after it was last used."""
        digest = sealed(self._seal, "session", token)
        held = self._recent.get(digest, lambda: self._look(digest))
        now = self.clock()
        if held is None or now >= held.created_at + LASTS or now >= held.seen_at + IDLE:
            return None
        return held.who

    def of(self, account_id: str) -> Sequence[Session]:
        """Where an account is signed in, the latest first."""
        now = self.clock()
        mine = sa.select(sessions).where(sessions.c.account_id == account_id)
        mine = mine.where(sessions.c.created_at > now - LASTS, sessions.c.seen_at > now - IDLE)
        with self.store.read() as db:
            rows = db.execute(mine.order_by(sessions.c.seen_at.desc()))
            return [Session(row.session_id, row.created_at, row.seen_at, row.address, row.device) for row in rows]

    def end(self, account_id: str, session_id: str | None = None) -> None:
        """Sign out one session of an account, or all of them."""
        mine = sessions.delete().where(sessions.c.account_id == account_id)
        with self.store.write() as db:
            db.execute(mine if session_id is None else mine.where(sessions.c.session_id == session_id))
        self._recent.clear()

    def changed(self) -> None:
        """Forget what is held: an account was changed here."""
        self._recent.clear()

    def proof(self, session_id: str) -> str:
        """What forms of a session carry, so that no other site can send them."""
        return sealed(self._seal, "form", session_id).hex()

    def local(self) -> Who:
        """Whoever sits at this machine, while there are no accounts."""
        return Who(LOCAL, "admin", proof=self.proof(LOCAL))

    def _look(self, digest: bytes) -> _Held | None:
        asked = sa.select(sessions, accounts.c.email, accounts.c.role, accounts.c.units, accounts.c.disabled_at)
        with self.store.read() as db:
            row = db.execute(asked.join(accounts).where(sessions.c.hash == digest)).one_or_none()
        if row is None or row.disabled_at is not None:
            return None
        now = self.clock()
        if now >= row.created_at + LASTS or now >= row.seen_at + IDLE:
            return None
        if now - row.seen_at >= SEEN_EVERY:
            with self.store.write() as db:
                db.execute(sessions.update().where(sessions.c.hash == digest).values(seen_at=now))
        who = Who(row.email, row.role, row.units, "session", row.account_id, row.session_id, self.proof(row.session_id))
        return _Held(who, row.created_at, now)


class TooManyTries(AccessError):  # noqa: N818
    """Guessing was slowed down. wait_s : seconds until the next try is looked at."""

    def __init__(self, wait_s: float) -> None:
        self.wait_s = wait_s
        super().__init__(
            "Too many tries.",
            found="several wrong passwords for this account or from this address",
            hint=f"Wait {max(1, round(wait_s))} s and try again, or ask an admin for a new link.",
        )
