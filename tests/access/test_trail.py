"""The audit trail: it can only grow, and of whoever was forgotten it holds a hash."""

from __future__ import annotations

import datetime as dt
from concurrent.futures import ThreadPoolExecutor

import pytest
import sqlalchemy as sa

from regard.access import Trail, Who
from regard.access.guesses import Guesses, Subject
from regard.errors import RegardError
from regard.store.access import trail as lines
from regard.store.access import trail_people

NOW = dt.datetime(2026, 3, 1, 12, tzinfo=dt.UTC)
ADA = Who("ada@example.org", "admin", via="session")


@pytest.fixture
def trail(store):
    return Trail(store, clock=lambda: NOW)


@pytest.mark.parametrize("change", [lines.delete(), lines.update().values(who="nobody")])
def test_what_was_written_can_neither_be_changed_nor_removed(trail, change):
    trail.note(ADA, "create key", "shop", address="192.0.2.1")
    with pytest.raises((sa.exc.DatabaseError, RegardError), match="can only grow"), trail.store.write() as db:
        db.execute(change)
    (line,) = trail.read()
    assert (line.who, line.via, line.what, line.whom, line.address, line.at) == (
        "ada@example.org",
        "session",
        "create key",
        "shop",
        "192.0.2.1",
        NOW,
    )


def test_lines_are_found_by_who_what_and_whom_and_a_page_at_a_time(trail):
    for number in range(7):
        trail.note(ADA, "read story", person_id=f"person-{number % 2}")
    trail.note(Who("ben@example.org", "agent"), "sign in", "ben@example.org")
    assert [one.what for one in trail.read(who="ben@example.org")] == ["sign in"]
    assert len(trail.read(person_id="person-0")) == 4 and {
        one.person_id for one in trail.read(person_id="person-0")
    } == {"person-0"}
    assert trail.verbs() == ["read story", "sign in"]
    first = trail.read(most=3)
    rest = trail.read(before=first[-1].entry, most=100)
    assert [one.entry for one in [*first, *rest]] == sorted((one.entry for one in trail.read()), reverse=True)


def test_forgetting_somebody_leaves_their_hash_and_no_byte_of_their_id(trail):
    for person in ("1649d8f7165a3839", "aaaaaaaaaaaaaaaa"):
        trail.note(ADA, "read story", person_id=person)
    hashed = trail.hashed("1649d8f7165a3839")
    trail.forget(["1649d8f7165a3839"])
    assert [(one.whom, one.person_id) for one in trail.read(person_id="1649d8f7165a3839")] == [(hashed, None)]
    assert trail.read(person_id="aaaaaaaaaaaaaaaa")[0].person_id == "aaaaaaaaaaaaaaaa"
    with trail.store.read() as db:
        assert db.execute(sa.select(sa.func.count()).select_from(trail_people)).scalar() == 1
    if trail.store.embedded:
        kept = b"".join(path.read_bytes() for path in trail.store.workspace.state.glob("store.db*"))
        assert b"1649d8f7165a3839" not in kept and b"aaaaaaaaaaaaaaaa" in kept


def test_guesses_at_the_same_moment_do_not_all_go_first(store):
    guesses = Guesses(store, clock=lambda: NOW)
    subject = Subject("account", "ada@example.org")
    with ThreadPoolExecutor(8) as crowd:
        waits = list(crowd.map(lambda _: guesses.begin(subject), range(24)))
    assert sum(wait == 0 for wait in waits) == 6, "five that are free, and the one that begins the wait"
