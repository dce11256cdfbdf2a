"""When each pull was tried, what came of it, and when it is due again: after its time, or after a pause that grows."""

from __future__ import annotations

import datetime as dt
import random
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.engine import RowMapping

from regard.store import Store
from regard.store.pulls import pulls

FIRST_PAUSE_S = 60.0
LONGEST_PAUSE_S = 6 * 3600.0
JITTER = 0.1
"""A tenth of the time at most, so that many pulls do not begin in the same second."""


@dataclass(frozen=True)
class Attempt:
    """One pull, as it last went.

    failures : in a row; 0 where the last one went well, and then `problem` is None.
    next_at  : when it is due; None: when it is asked for.
    n_rows, n_interactions, n_rejects : of the last one that went well.
    """

    name: str
    tried_at: dt.datetime
    succeeded_at: dt.datetime | None
    next_at: dt.datetime | None
    failures: int
    problem: str | None
    hint: str | None
    n_rows: int
    n_interactions: int
    n_rejects: int


class Attempts:
    """What is remembered of pulls in the store."""

    def __init__(self, store: Store) -> None:
        self.store = store

    def list(self) -> list[Attempt]:
        """All that were ever tried, by name."""
        with self.store.read() as db:
            return [_attempt(row) for row in db.execute(sa.select(pulls).order_by(pulls.c.name)).mappings()]

    def find(self, name: str) -> Attempt | None:
        """One of them."""
        return next((one for one in self.list() if one.name == name), None)

    def went_well(
        self, name: str, *, now: dt.datetime, every_s: float | None, n_rows: int, n_interactions: int, n_rejects: int
    ) -> None:
        """Note that everything was fetched and committed; it is due again after `every_s` seconds or a little more."""
        due = None if every_s is None else now + dt.timedelta(seconds=every_s * (1 + JITTER * random.random()))  # noqa: S311
        self._note(
            name, tried_at=now, succeeded_at=now, next_at=due, failures=0, problem=None, hint=None,
            n_rows=n_rows, n_interactions=n_interactions, n_rejects=n_rejects,
        )  # fmt: skip

    def failed(
        self,
        name: str,
        *,
        now: dt.datetime,
        every_s: float | None,
        problem: str,
        hint: str | None,
        wait_s: float | None = None,
    ) -> Attempt:
        """Note that it failed; the pause grows from failure to failure, and is never shorter than the source asked for.

        wait_s : what the source asked for, seconds.
        """
        earlier = self.find(name)
        failures = (earlier.failures if earlier else 0) + 1
        pause = pause_s(failures, every_s, random.random())  # noqa: S311
        due = None if every_s is None else now + dt.timedelta(seconds=max(pause, wait_s or 0.0))
        self._note(name, tried_at=now, next_at=due, failures=failures, problem=problem, hint=hint)
        found = self.find(name)
        assert found is not None
        return found

    def _note(self, name: str, **values: object) -> None:
        with self.store.write() as db:
            if db.execute(pulls.update().where(pulls.c.name == name).values(**values)).rowcount == 0:
                nothing = {"n_rows": 0, "n_interactions": 0, "n_rejects": 0}
                db.execute(pulls.insert().values(name=name, **{**nothing, **values}))


def pause_s(failures: int, every_s: float | None, chance: float) -> float:
    """Seconds to leave a source alone after so many failures in a row: a minute, two, four ... six hours.

    every_s : never longer than the longer of this and six hours; chance : 0 to 1, adds up to a tenth.

    >>> pause_s(1, 900, 0), pause_s(4, 900, 0), pause_s(30, 900, 0)
    (60.0, 480.0, 21600.0)
    """
    grown: float = FIRST_PAUSE_S * 2 ** min(failures - 1, 30)
    return min(grown, max(LONGEST_PAUSE_S, every_s or 0.0)) * (1 + JITTER * chance)


def _attempt(row: RowMapping) -> Attempt:
    return Attempt(**{name: row[name] for name in Attempt.__dataclass_fields__})
