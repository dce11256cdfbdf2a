"""The audit trail: who did or read what, when, of whom, and from where. It can only grow.

A customer stands in it as a keyed hash. Which person the hash means is kept apart, so that forgetting a person takes
that away and leaves the trail as it was: somebody's story was read then, by this account, and nobody can say whose.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from regard.access.keys import utc_now
from regard.access.who import Who
from regard.store import Store, insert_new, seal
from regard.store.access import trail, trail_people
from regard.store.sealing import sealed


@dataclass(frozen=True)
class Entry:
    """One line of the trail.

    whom      : an account, key, token or table by name; of a customer, a hash.
    person_id : the customer, until they are forgotten; None where it is about none.
    address   : where the request came from; "shell" for commands.
    """

    entry: int
    at: dt.datetime
    who: str
    via: str
    what: str
    whom: str
    address: str
    person_id: str | None = None


class Trail:
    """The trail of a store. Safe for threads.

    clock : the time now, UTC.
    """

    def __init__(self, store: Store, *, clock: Callable[[], dt.datetime] = utc_now) -> None:
        self.store, self.clock = store, clock
        self._seal = seal(store.workspace.access_key)

    def note(
        self, who: Who, what: str, whom: str = "", *, address: str = "shell", person_id: str | None = None
    ) -> None:
        """Write a line.

        what      : verb and thing, such as "read story".
        whom      : what it was done to; of a customer give `person_id` instead.
        """
        row = {"at": self.clock(), "who": who.name, "via": who.via, "what": what, "address": address[:64]}
        with self.store.write() as db:
            if person_id is not None:
                whom = self.hashed(person_id)
                insert_new(db, trail_people, {"whom": whom, "person_id": person_id})
            db.execute(trail.insert().values({**row, "whom": whom[:254]}))

    def read(
        self,
        *,
        who: str | None = None,
        what: str | None = None,
        whom: str | None = None,
        person_id: str | None = None,
        before: int | None = None,
        most: int = 100,
    ) -> Sequence[Entry]:
        """Lines, the latest first; None asks for any.

        before : only lines older than the one with this number.
        """
        asked = sa.select(trail, trail_people.c.person_id).outerjoin(trail_people, trail.c.whom == trail_people.c.whom)
        if person_id is not None:
            whom = self.hashed(person_id)
        for column, value in ((trail.c.who, who), (trail.c.what, what), (trail.c.whom, whom)):
            if value is not None:
                asked = asked.where(column == value)
        if before is not None:
            asked = asked.where(trail.c.entry < before)
        with self.store.read() as db:
            rows = db.execute(asked.order_by(trail.c.entry.desc()).limit(most))
            return [Entry(**row._mapping) for row in rows]

    def verbs(self) -> Sequence[str]:
        """Everything that was done so far, by name."""
        with self.store.read() as db:
            return list(db.execute(sa.select(trail.c.what).distinct().order_by(trail.c.what)).scalars())

    def forget(self, people: Iterable[str]) -> None:
        """Take away what says which of the hashes these people are."""
        hashes = [self.hashed(one) for one in people]
        with self.store.write() as db:
            db.execute(trail_people.delete().where(trail_people.c.whom.in_(hashes)))
        self.store.settle()

    def hashed(self, person_id: str) -> str:
        """How a person stands in the trail."""
        return sealed(self._seal, "person", person_id).hex()
