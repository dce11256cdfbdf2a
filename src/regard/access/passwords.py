"""Passwords: long, not among those everybody tries, kept as argon2id."""

from __future__ import annotations

import threading
import unicodedata
from functools import lru_cache
from pathlib import Path

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from regard.errors import SettingError

SHORTEST, LONGEST = 12, 256
AT_ONCE = threading.BoundedSemaphore(2)
"""A hash takes 64 MiB for a tenth of a second: so many at a time, whoever knocks."""
HASHER = PasswordHasher()


def hashed(password: str, *, email: str) -> str:
    """The argon2id hash of a new password.

    Raises : SettingError for one that is too short, too long, the address itself, or tried by everybody.
    """
    text = _same(password)
    rule = f"{SHORTEST} characters or more, of any kind; several words are easiest"
    if len(text) < SHORTEST or len(text) > LONGEST:
        raise SettingError(
            f"The password is too {'short' if len(text) < SHORTEST else 'long'}.",
            found=f"{len(text)} characters",
            allowed=rule if len(text) < SHORTEST else f"{LONGEST} characters",
        )
    low = text.casefold()
    if low in common() or low == email.casefold() or len(set(low)) < 4:
        raise SettingError("The password is one of those that everybody tries first.", allowed=rule)
    with AT_ONCE:
        return HASHER.hash(text)


def right(password: str, stored: str | None) -> bool:
    """Whether it is the password; takes the same time where there is none to compare with."""
    text = _same(password[: LONGEST * 4])
    with AT_ONCE:
        try:
            return HASHER.verify(stored or _nobodys(), text) and stored is not None
        except (VerificationError, InvalidHashError):
            return False


@lru_cache(maxsize=1)
def common() -> frozenset[str]:
    """Passwords of 12 characters and more that are tried first, in lower case."""
    text = (Path(__file__).parent / "common.txt").read_text(encoding="utf-8")
    return frozenset(line.strip() for line in text.splitlines() if line.strip())


@lru_cache(maxsize=1)
def _nobodys() -> str:
    return HASHER.hash("a password that nobody has")


def _same(password: str) -> str:
    return unicodedata.normalize("NFKC", password)
