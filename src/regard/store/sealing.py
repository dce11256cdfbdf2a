"""Hashes that only this workspace can make: what is stored of a secret is of no use without `access.key`."""

from __future__ import annotations

import hmac
import os
import secrets
from pathlib import Path

from regard.errors import StoreError

LENGTH = 32


def seal(path: Path) -> bytes:
    """The workspace's key for hashes of secrets, made when it is first asked for; readable by its owner only.

    path    : where it stands; two processes that ask at once get the same.
    Returns : 32 bytes.
    Raises  : StoreError if the file is there and holds no key.
    """
    if not path.exists():
        _make(path)
    text = path.read_text(encoding="ascii", errors="replace").strip()
    try:
        found = bytes.fromhex(text)
    except ValueError:
        found = b""
    if len(found) != LENGTH:
        raise StoreError(
            f"{path} does not hold a key.",
            hint="Restore it from a backup; if it is lost, remove it: then every key and sign-in is made anew.",
        )
    return found


def _make(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
    number = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(number, "w", encoding="ascii") as file:
        file.write(secrets.token_hex(LENGTH))
        file.flush()
        os.fsync(file.fileno())
    try:
        os.link(draft, path)  # unlike a rename, it leaves a key alone that another process made meanwhile
    except FileExistsError:
        pass
    finally:
        draft.unlink()


def sealed(key: bytes, purpose: str, text: str) -> bytes:
    """The keyed hash of a secret, HMAC-SHA256; a hash made for one purpose says nothing for another."""
    return hmac.digest(key, f"{purpose}\0{text}".encode(), "sha256")
