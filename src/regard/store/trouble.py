"""What databases complain of, in sentences that say what to do."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import sqlalchemy as sa

from regard.errors import StoreError

FULL = "There is no room left for the live state."
LOCKED = "Another process is writing to the live state and did not end in time."
SILENT = "The database of the live state does not answer."
DAMAGED = "The file of the live state is damaged."
READ_ONLY = "The live state cannot be written."

SIGNS = (
    ("database or disk is full", FULL, "Make room on that disk; nothing was half written."),
    ("no space left on device", FULL, "Make room on that disk; nothing was half written."),
    ("could not extend file", FULL, "Make room on the database's disk; nothing was half written."),
    ("database is locked", LOCKED, "Try again; if it stays so, end the process that holds it."),
    ("lock timeout", LOCKED, "Try again; if it stays so, end the session that holds it."),
    ("deadlock detected", LOCKED, "Try again."),
    ("readonly database", READ_ONLY, "Give the user that runs this the right to write the folder and the file."),
    ("unable to open database file", READ_ONLY, "Give the user that runs this the right to write the folder."),
    ("not a database", DAMAGED, "Restore it from a backup, or remove it: then keys and accounts are made anew."),
    ("malformed", DAMAGED, "Restore it from a backup, or remove it: then keys and accounts are made anew."),
    ("disk i/o error", FULL, "Look at that disk: it is full or failing."),
    ("password authentication failed", "The database refuses the user or the password.", "See $REGARD_STORE."),
    (
        "does not exist",
        "There is no such database or user.",
        "Make it with `createdb`, or see $REGARD_STORE.",
    ),
)


@contextmanager
def told(place: str) -> Iterator[None]:
    """Turn what the driver raises into StoreError; broken constraints pass, since they are the caller's to explain.

    place : where the store is, without a password.
    """
    try:
        yield
    except (sa.exc.IntegrityError, sa.exc.ProgrammingError):
        raise
    except (sa.exc.DatabaseError, sa.exc.TimeoutError) as error:
        raise explained(error, place) from error


def explained(error: Exception, place: str) -> StoreError:
    """The sentence for what a driver raised.

    Raises : the error itself where it is no trouble of the database but a mistake of ours.
    """
    cause = getattr(error, "orig", None) or error
    said = str(cause).strip().splitlines()[0] if str(cause).strip() else type(cause).__name__
    for sign, problem, hint in SIGNS:
        if sign in str(cause).lower():
            return StoreError(problem, found=f"{place}: {said}", hint=hint)
    if isinstance(error, sa.exc.OperationalError | sa.exc.TimeoutError):
        return StoreError(SILENT, found=f"{place}: {said}", hint="See whether it runs and can be reached from here.")
    raise error
