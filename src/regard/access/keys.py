"""Write keys: what lets a system send interactions, as which source, how fast, and from where.

A key is shown once. The store holds its first characters, by which it is found, and a keyed hash of the whole.
Whatever arrives with a key is of the key's source, and no two keys share a source: none can take another's ids.
"""

from __future__ import annotations

import datetime as dt
import hmac
import math
import re
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from urllib.parse import urlsplit

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from regard.access.recent import Recent
from regard.errors import AccessError, SettingError, nearest
from regard.store import Store, seal
from regard.store.access import write_key_secrets, write_keys
from regard.store.sealing import sealed

SCOPES = {
    "ingest": "a server sends interactions, of whomever",
    "browser": "pages and apps send what their own visitor does; the key can be read there by anyone",
    "hooks": "other systems call our webhooks",
    "metrics": "a monitor reads /metrics",
}
BROWSER_RATE = 500.0
"""Events a second of a key with the scope `browser`, where nothing else is said: anyone may copy it."""
MARK = "rgd_"
PREFIX = 8
LETTERS = "0123456789ABCDEFGHJKMNPQRSTVWXYZabcdefghjkmnpqrstvwxyz"
NAME = re.compile(r"[\w][\w .:/-]{0,79}")
SECRET = re.compile(rf"{MARK}[0-9A-Za-z]{{{PREFIX}}}_[0-9A-Za-z]{{32}}")
HELD_S = 3.0
USED_EVERY = dt.timedelta(seconds=30)


def utc_now() -> dt.datetime:
    """The time now, UTC."""
    return dt.datetime.now(dt.UTC)


@dataclass(frozen=True)
class Key:
    """A write key, without its secret.

    source     : the source of every interaction sent with it.
    scopes     : of SCOPES.
    origins    : scope `browser`: the pages that may send, such as "https://shop.example"; empty for any.
    rate       : events a second, with two seconds' worth at once; None for as many as come.
    last_used_at : within half a minute.
    """

    key_id: str
    name: str
    source: str
    scopes: tuple[str, ...]
    origins: tuple[str, ...]
    rate: float | None
    created_at: dt.datetime
    created_by: str
    revoked_at: dt.datetime | None = None
    last_used_at: dt.datetime | None = None

    def may(self, scope: str) -> bool:
        """Whether it has a scope.

        Raises : SettingError for a scope there is not.
        """
        return _scope(scope) in self.scopes

    def from_origin(self, origin: str | None) -> bool:
        """Whether a page of this origin may send with it; whoever names no origin is no page."""
        return origin is None or not self.origins or origin.lower() in self.origins


@dataclass(frozen=True)
class Issued:
    """A key and the secret that was made for it, which is shown once and stored nowhere."""

    key: Key
    secret: str


class Keys:
    """The write keys of a store. Safe for threads.

    clock : the time now, UTC; given, so that tests can stop it.
    """

    def __init__(self, store: Store, *, clock: Callable[[], dt.datetime] = utc_now) -> None:
        self.store, self.clock = store, clock
        self._seal = seal(store.workspace.access_key)
        self._recent: Recent[bytes, tuple[Key, str, dt.datetime | None]] = Recent(hold_s=HELD_S)
        self._used: dict[str, dt.datetime] = {}

    def create(
        self,
        name: str,
        *,
        source: str | None = None,
        scopes: Sequence[str] = ("ingest",),
        origins: Sequence[str] = (),
        rate: float | None = None,
        by: str = "",
    ) -> Issued:
        """Make a key.

        source : else its name.
        rate   : events a second; else 500 for the scope `browser`, and no limit for others.
        by     : who makes it.
        Raises : SettingError for a name, scope, origin or rate that cannot be, or a name or source that is taken.
        """
        scopes = tuple(dict.fromkeys(_scope(one) for one in scopes))
        if not scopes:
            raise SettingError("A key without a scope could send nothing.", allowed=", ".join(SCOPES))
        if "browser" in scopes and len(scopes) > 1:
            raise SettingError(
                "A key that pages carry can be read by anyone, and so may do nothing else.",
                found=", ".join(scopes),
                hint="Make one key for the pages and another for the servers.",
            )
        if rate is None and "browser" in scopes:
            rate = BROWSER_RATE
        key = Key(
            key_id=secrets.token_urlsafe(16),
            name=_name(name, "name"),
            source=_name(source or name, "source"),
            scopes=scopes,
            origins=tuple(dict.fromkeys(origin_of(one) for one in origins)),
            rate=_rate(rate),
            created_at=self.clock(),
            created_by=by,
        )
        row = {column.name: getattr(key, column.name) for column in write_keys.columns}
        try:
            with self.store.write() as db:
                _refuse_taken(db, key)
                db.execute(write_keys.insert().values(row))
                return Issued(key, self._issue(db, key.key_id))
        except sa.exc.IntegrityError:  # on PostgreSQL another process may have been first
            with self.store.read() as db:
                _refuse_taken(db, key)
            raise

    def find(self, secret: str) -> Key | None:
        """The key that a request brings, or None for one there is not, or that was revoked or replaced.

        The answer is held for 3 s, so that it costs microseconds; a key that is revoked is refused within 5 s.
        """
        if not SECRET.fullmatch(secret):
            return None
        digest = sealed(self._seal, "write key", secret)
        found = self._recent.get(digest, lambda: self._look(secret, digest))
        if found is None:
            return None
        key, prefix, expires_at = found
        now = self.clock()
        if expires_at is not None and expires_at <= now:
            return None
        self._used[prefix] = now
        return key

    def rotate(self, name: str, *, grace: dt.timedelta = dt.timedelta()) -> Issued:
        """Give a key another secret; a revoked one is good again.

        grace  : how long the secrets before it still hold.
        Raises : AccessError if there is no such key.
        """
        until = self.clock() + grace
        with self.store.write() as db:
            key = _named(db, name)
            was = write_key_secrets.c
            before = write_key_secrets.update().where(was.key_id == key.key_id)
            before = before.where(sa.or_(was.expires_at.is_(None), was.expires_at > until))
            db.execute(before.values(expires_at=until))
            again = write_keys.update().where(write_keys.c.key_id == key.key_id)
            db.execute(again.values(revoked_at=None))
            secret = self._issue(db, key.key_id)
        self._recent.clear()
        return Issued(replace(key, revoked_at=None), secret)

    def revoke(self, name: str) -> Key:
        """Let nothing be sent with a key any more. Its name and source stay its own.

        Raises : AccessError if there is no such key.
        """
        now = self.clock()
        with self.store.write() as db:
            key = _named(db, name)
            if key.revoked_at is None:
                db.execute(write_keys.update().where(write_keys.c.key_id == key.key_id).values(revoked_at=now))
            old = write_key_secrets.c
            ended = write_key_secrets.update().where(old.key_id == key.key_id)
            db.execute(ended.where(sa.or_(old.expires_at.is_(None), old.expires_at > now)).values(expires_at=now))
        self._recent.clear()
        return replace(key, revoked_at=key.revoked_at or now)

    def list(self) -> Sequence[Key]:
        """All keys by name, the revoked ones too."""
        with self.store.read() as db:
            return [_key(row) for row in db.execute(_keys().order_by(write_keys.c.name))]

    def last_used(self, name: str) -> dt.datetime | None:
        """When something last came with a key, within half a minute; None if never.

        Raises : AccessError if there is no such key.
        """
        with self.store.read() as db:
            return _named(db, name).last_used_at

    def note_used(self) -> None:
        """Store when keys were last used; a server calls it every half minute and when it ends."""
        used, self._used = self._used, {}
        if not used:
            return
        with self.store.write() as db:
            for prefix, at in used.items():
                db.execute(
                    write_key_secrets.update().where(write_key_secrets.c.prefix == prefix).values(last_used_at=at)
                )

    def signing_secret(self, key: Key) -> str:
        """What a site's own server signs its visitors' ids with, for `vouched`; the same for as long as the key is."""
        return sealed(self._seal, "visitor", key.key_id).hex()

    def vouched(self, key: Key, person: str, proof: str | None) -> bool:
        """Whether the site's own server says that this visitor is `person`.

        Anybody can read a browser's key, so what it sends may name a person only with a proof: HMAC-SHA256 of the id
        under the key's signing secret, in hexadecimal. Keys with the scope `ingest` need none.
        """
        if "ingest" in key.scopes:
            return True
        right = hmac.new(self.signing_secret(key).encode(), person.encode(), "sha256").hexdigest()
        return proof is not None and hmac.compare_digest(right.encode(), proof.lower().encode())

    def _issue(self, db: Connection, key_id: str) -> str:
        prefix, rest = (("".join(secrets.choice(LETTERS) for _ in range(n))) for n in (PREFIX, 32))
        secret = f"{MARK}{prefix}_{rest}"
        row = {"prefix": prefix, "key_id": key_id, "hash": sealed(self._seal, "write key", secret)}
        db.execute(write_key_secrets.insert().values({**row, "created_at": self.clock()}))
        return secret

    def _look(self, secret: str, digest: bytes) -> tuple[Key, str, dt.datetime | None] | None:
        prefix = secret[len(MARK) : len(MARK) + PREFIX]
        with self.store.read() as db:
            row = db.execute(
                sa.select(write_keys, write_key_secrets.c.hash, write_key_secrets.c.expires_at)
                .join(write_key_secrets)
                .where(write_key_secrets.c.prefix == prefix)
            ).one_or_none()
        if row is None or not hmac.compare_digest(row.hash, digest) or row.revoked_at is not None:
            return None
        return _key(row), prefix, row.expires_at


def origin_of(text: str) -> str:
    """An origin as browsers write it, such as "https://shop.example".

    Raises : SettingError for what is none.

    >>> origin_of("https://Shop.example/")
    'https://shop.example'
    """
    parts = urlsplit(text.strip())
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.path not in ("", "/") or parts.query:
        raise SettingError(f"{text!r} is not an origin.", allowed="a scheme and a host, such as https://shop.example")
    return f"{parts.scheme}://{parts.netloc.lower()}"


def _scope(text: str) -> str:
    if text not in SCOPES:
        close = nearest(text, SCOPES)
        raise SettingError(
            f"{text!r} is not a scope.",
            allowed=", ".join(SCOPES),
            hint=f"Did you mean {close!r}?" if close else None,
        )
    return text


def _name(text: str, what: str) -> str:
    if not NAME.fullmatch(text):
        raise SettingError(
            f"{text!r} cannot be the {what} of a key.", allowed="letters, digits and . : / _ - within, 80 at most"
        )
    return text


def _rate(rate: float | None) -> float | None:
    if rate is not None and not (math.isfinite(rate) and rate > 0):
        raise SettingError(f"{rate!r} is not a rate.", allowed="a number of events a second over 0")
    return rate


def _keys() -> sa.Select[tuple[object, ...]]:
    used = sa.select(sa.func.max(write_key_secrets.c.last_used_at))
    used = used.where(write_key_secrets.c.key_id == write_keys.c.key_id)
    return sa.select(*write_keys.columns, used.scalar_subquery().label("last_used_at"))


def _key(row: Row[tuple[object, ...]]) -> Key:
    held = row._mapping
    return Key(**{name: held[name] for name in Key.__dataclass_fields__ if name in held})


def _named(db: Connection, name: str) -> Key:
    row = db.execute(_keys().where(write_keys.c.name == name)).one_or_none()
    if row is not None:
        return _key(row)
    names = [str(one) for one in db.execute(sa.select(write_keys.c.name)).scalars()]
    close = nearest(name, names)
    raise AccessError(
        f"There is no key {name!r}.",
        found=", ".join(sorted(names)[:20]) or "no keys at all",
        hint=f"Did you mean {close!r}?" if close else "See `regard key list`.",
    )


def _refuse_taken(db: Connection, key: Key) -> None:
    taken = sa.or_(write_keys.c.name == key.name, write_keys.c.source == key.source)
    row = db.execute(sa.select(write_keys).where(taken)).first()
    if row is None:
        return
    what = "name" if row.name == key.name else "source"
    raise SettingError(
        f"The {what} {getattr(key, what)!r} belongs to another key.",
        found=f"key {row.name!r}, source {row.source!r}" + (", revoked" if row.revoked_at else ""),
        allowed="a name and a source of its own for each key",
        hint=f"Choose another, or give that one another secret: regard key rotate {row.name}",
    )
