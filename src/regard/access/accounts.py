"""Accounts of those who serve: an address, a role, a part of the organisation, and a password of their own choosing.

Nobody sets a password for somebody else: an account is made with a code that works once, and so is a forgotten
password replaced.
"""

from __future__ import annotations

import datetime as dt
import re
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, replace

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from regard.access import passwords
from regard.access.keys import utc_now
from regard.access.who import role as role_of
from regard.errors import AccessError, SettingError, nearest
from regard.store import Store, seal
from regard.store.access import accounts, invitations, sessions
from regard.store.sealing import sealed

EMAIL = re.compile(r"[^@\s]{1,64}@[^@\s]{1,189}")
CODE_HOLDS = dt.timedelta(days=3)


@dataclass(frozen=True)
class Account:
    """Somebody who can sign in.

    units  : units of the tree they see with all below; None for the whole organisation.
    ready  : whether they have a password yet.
    """

    account_id: str
    email: str
    role: str
    units: tuple[str, ...] | None
    created_at: dt.datetime
    created_by: str
    disabled_at: dt.datetime | None = None
    ready: bool = False


@dataclass(frozen=True)
class Invited:
    """An account and the code with which its owner sets a password, once, within three days."""

    account: Account
    code: str


class Accounts:
    """The accounts of a store. Safe for threads.

    clock : the time now, UTC.
    """

    def __init__(self, store: Store, *, clock: Callable[[], dt.datetime] = utc_now) -> None:
        self.store, self.clock = store, clock
        self._seal = seal(store.workspace.access_key)

    def any(self) -> bool:
        """Whether there is an account at all; while there is none, whoever sits at the machine is its admin."""
        with self.store.read() as db:
            return db.execute(sa.select(accounts.c.account_id).limit(1)).first() is not None

    def create(self, email: str, *, role: str, units: Sequence[str] | None = None, by: str = "") -> Invited:
        """Make an account and the code for its first password.

        Raises : SettingError for an address or role that cannot be, an address that is taken, or a first account that
                 could not make others.
        """
        account = Account(
            secrets.token_urlsafe(16),
            _email(email),
            role_of(role),
            None if units is None else tuple(dict.fromkeys(units)),
            self.clock(),
            by,
        )
        row = {column.name: getattr(account, column.name, None) for column in accounts.columns}
        try:
            with self.store.write() as db:
                if db.execute(sa.select(accounts.c.account_id).limit(1)).first() is None:
                    _refuse_unless_manages(account, "The first account must be an admin of the whole organisation.")
                db.execute(accounts.insert().values(row))
                return Invited(account, self._invite(db, account.account_id))
        except sa.exc.IntegrityError as error:
            raise SettingError(
                f"{account.email} has an account already.", hint=f"regard account change {account.email} --role ROLE"
            ) from error

    def list(self) -> Sequence[Account]:
        """All accounts by address, the disabled ones too."""
        with self.store.read() as db:
            return [_account(row) for row in db.execute(sa.select(accounts).order_by(accounts.c.email))]

    def get(self, email: str) -> Account:
        """One account.

        Raises : AccessError if there is none, naming the nearest.
        """
        with self.store.read() as db:
            return _named(db, email)

    def change(
        self,
        email: str,
        *,
        role: str | None = None,
        units: Sequence[str] | None = None,
        whole: bool = False,
        disabled: bool | None = None,
    ) -> Account:
        """Change what an account may see, or whether it may sign in; None leaves a thing as it is.

        whole    : it sees the whole organisation, `units` not being asked.
        disabled : True ends its sessions and keeps it out.
        Raises   : AccessError if there is no such account; SettingError if nobody could manage accounts any more.
        """
        with self.store.write() as db:
            was = _named(db, email)
            now = replace(
                was,
                role=was.role if role is None else role_of(role),
                units=None if whole else was.units if units is None else tuple(dict.fromkeys(units)),
                disabled_at=was.disabled_at
                if disabled is None
                else (was.disabled_at or self.clock())
                if disabled
                else None,
            )
            if not _manages(now):
                _refuse_last(db, now)
            values = {"role": now.role, "units": now.units, "disabled_at": now.disabled_at}
            db.execute(accounts.update().where(accounts.c.account_id == now.account_id).values(values))
            if now.disabled_at is not None:
                db.execute(sessions.delete().where(sessions.c.account_id == now.account_id))
                db.execute(invitations.delete().where(invitations.c.account_id == now.account_id))
        return now

    def invite(self, email: str) -> Invited:
        """Another code for an account whose owner has no password, or forgot it; codes before it hold no more.

        Raises : AccessError if there is no such account, or it is disabled.
        """
        with self.store.write() as db:
            account = _named(db, email)
            if account.disabled_at is not None:
                raise AccessError(
                    f"The account {account.email} is disabled.", hint=f"regard account change {account.email} --enable"
                )
            return Invited(account, self._invite(db, account.account_id))

    def invited(self, code: str) -> Account | None:
        """Whose code it is, while it holds."""
        with self.store.read() as db:
            return self._invited(db, code)

    def accept(self, code: str, password: str) -> Account:
        """Set the password of whoever has the code, end their sessions, and let the code hold no more.

        Raises : AccessError for a code that holds no more; SettingError for a password that is none, the code still
                 holding.
        """
        account = self.invited(code)
        if account is None:
            raise _spent()
        hashed = passwords.hashed(password, email=account.email)
        with self.store.write() as db:
            if self._invited(db, code) is None:  # somebody used it meanwhile
                raise _spent()
            db.execute(invitations.delete().where(invitations.c.account_id == account.account_id))
            db.execute(sessions.delete().where(sessions.c.account_id == account.account_id))
            db.execute(accounts.update().where(accounts.c.account_id == account.account_id).values(password=hashed))
        return replace(account, ready=True)

    def change_password(self, account_id: str, *, old: str, new: str, keep: str | None = None) -> None:
        """Replace one's own password and end one's other sessions.

        keep   : the id of the session that goes on.
        Raises : AccessError if `old` is not the password; SettingError if `new` cannot be one.
        """
        with self.store.read() as db:
            row = db.execute(sa.select(accounts).where(accounts.c.account_id == account_id)).one()
        if not passwords.right(old, row.password):
            raise AccessError("That is not your present password.", hint="Ask an admin for a code if you forgot it.")
        hashed = passwords.hashed(new, email=row.email)
        with self.store.write() as db:
            db.execute(accounts.update().where(accounts.c.account_id == account_id).values(password=hashed))
            others = sessions.delete().where(sessions.c.account_id == account_id)
            db.execute(others.where(sessions.c.session_id != keep) if keep else others)

    def known(self, email: str, password: str) -> Account | None:
        """The account whose address and password these are; takes as long for an address that nobody has."""
        with self.store.read() as db:
            row = db.execute(sa.select(accounts).where(accounts.c.email == email.strip().lower())).one_or_none()
        able = row is not None and row.disabled_at is None
        fits = passwords.right(password, row.password if row is not None and able else None)
        return _account(row) if fits and row is not None else None

    def _invite(self, db: Connection, account_id: str) -> str:
        code, now = secrets.token_urlsafe(24), self.clock()
        db.execute(invitations.delete().where(invitations.c.account_id == account_id))
        row = {"hash": sealed(self._seal, "invitation", code), "account_id": account_id}
        db.execute(invitations.insert().values({**row, "created_at": now, "expires_at": now + CODE_HOLDS}))
        return code

    def _invited(self, db: Connection, code: str) -> Account | None:
        holds = sa.and_(
            invitations.c.hash == sealed(self._seal, "invitation", code), invitations.c.expires_at > self.clock()
        )
        row = db.execute(sa.select(accounts).join(invitations).where(holds)).one_or_none()
        return None if row is None or row.disabled_at is not None else _account(row)


def _email(text: str) -> str:
    email = text.strip().lower()
    if not EMAIL.fullmatch(email) or len(email) > 254:
        raise SettingError(f"{text!r} is not an e-mail address.", allowed="name@host, such as ada@example.com")
    return email


def _account(row: Row[tuple[object, ...]]) -> Account:
    held = row._mapping
    plain = {field.name: held[field.name] for field in fields(Account) if field.name != "ready"}
    return Account(**plain, ready=held["password"] is not None)


def _named(db: Connection, email: str) -> Account:
    row = db.execute(sa.select(accounts).where(accounts.c.email == email.strip().lower())).one_or_none()
    if row is not None:
        return _account(row)
    known = [str(one) for one in db.execute(sa.select(accounts.c.email)).scalars()]
    close = nearest(email, known)
    raise AccessError(
        f"There is no account {email!r}.",
        hint=f"Did you mean {close!r}?" if close else "See `regard account list`.",
    )


def _manages(account: Account) -> bool:
    return account.role == "admin" and account.units is None and account.disabled_at is None


def _refuse_unless_manages(account: Account, problem: str) -> None:
    if not _manages(account):
        part = f" of {', '.join(account.units)}" if account.units else ""
        raise SettingError(
            problem, found=f"{account.role}{part}", hint="regard account create EMAIL --role admin, then the others."
        )


def _refuse_last(db: Connection, account: Account) -> None:
    others = db.execute(sa.select(accounts).where(accounts.c.account_id != account.account_id).with_for_update())
    if not any(_manages(_account(row)) for row in others):
        raise SettingError(
            "Nobody could manage accounts any more.",
            found=f"{account.email} is the last admin of the whole organisation",
            hint="Make another one first: regard account create EMAIL --role admin",
        )


def _spent() -> AccessError:
    return AccessError(
        "This link does not work any more.",
        found="it was used, replaced, or is older than three days",
        hint="Ask an admin for another: regard account invite EMAIL",
    )
