"""Slows down whoever guesses passwords: by account and by address, longer each time, over restarts and servers."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from regard.access.keys import utc_now
from regard.store import Store, insert_new, seal
from regard.store.access import guesses
from regard.store.sealing import sealed

FREE: Mapping[str, int] = {"account": 5, "address": 20}
"""Failures without a wait: people mistype, and an office shares one address."""
LONGEST = dt.timedelta(minutes=15)
FORGOTTEN = dt.timedelta(hours=24)


@dataclass(frozen=True)
class Subject:
    """Whose failures are counted: kind is account or address."""

    kind: str
    name: str


class Guesses:
    """Failures counted in a store. Safe for threads, and for many servers on one store.

    clock : the time now, UTC.
    """

    def __init__(self, store: Store, *, clock: Callable[[], dt.datetime] = utc_now) -> None:
        self.store, self.clock = store, clock
        self._seal = seal(store.workspace.access_key)

    def begin(self, *subjects: Subject) -> float:
        """Count a try as failed before it is known, so that tries at the same moment cannot all go first.

        Returns : 0 where it may go on, and `passed` takes it back; else seconds to wait, and nothing was counted.
        """
        now = self.clock()
        with self.store.write() as db:
            db.execute(guesses.delete().where(guesses.c.until < now - FORGOTTEN))
            held = [self._held(db, subject, now) for subject in subjects]
            wait = max((until - now).total_seconds() for _, until in held)
            if wait > 0:
                return wait
            for subject, (failures, _) in zip(subjects, held, strict=True):
                more = failures + 1
                values = {"failures": more, "last_at": now, "until": now + pause(more - FREE[subject.kind])}
                db.execute(guesses.update().where(guesses.c.subject == self._name(subject)).values(values))
        return 0.0

    def passed(self, *subjects: Subject) -> None:
        """The try was right: an account's failures are forgotten, an address's are one fewer."""
        now = self.clock()
        with self.store.write() as db:
            for subject in subjects:
                mine = guesses.c.subject == self._name(subject)
                if subject.kind == "account":
                    db.execute(guesses.delete().where(mine))
                else:
                    db.execute(guesses.update().where(mine).values(failures=guesses.c.failures - 1, until=now))

    def _held(self, db: Connection, subject: Subject, now: dt.datetime) -> tuple[int, dt.datetime]:
        name = self._name(subject)
        found = sa.select(guesses.c.failures, guesses.c.until).where(guesses.c.subject == name).with_for_update()
        row = db.execute(found).one_or_none()
        if row is None:
            insert_new(db, guesses, {"subject": name, "failures": 0, "last_at": now, "until": now})
            row = db.execute(found).one()
        return row.failures, row.until

    def _name(self, subject: Subject) -> bytes:
        return sealed(self._seal, f"guess {subject.kind}", subject.name.strip().lower())


def pause(failures: int) -> dt.timedelta:
    """How long to wait after so many failures beyond the free ones: 1 s, then twice as long each time, to 15 minutes.

    >>> [pause(n).total_seconds() for n in (0, 1, 2, 5, 99)]
    [0.0, 1.0, 2.0, 16.0, 900.0]
    """
    if failures <= 0:
        return dt.timedelta()
    return min(LONGEST, dt.timedelta(seconds=2 ** min(failures - 1, 20)))
