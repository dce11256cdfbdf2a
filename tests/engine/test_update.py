"""Updates laid over a run: whoever reads sees one table, and old rows are gone."""

from __future__ import annotations

import datetime as dt
import os
import time
from collections.abc import Iterable

import pyarrow as pa
import pytest

from regard.engine import Engine, Publication, Published, Reader, Update, schema
from regard.engine.layers import UPDATES
from regard.errors import WorkspaceError
from regard.workspace import Workspace

AT = dt.datetime(2026, 3, 1, tzinfo=dt.UTC)
TOUCHED = [("ann", "i1"), ("ann", "i2"), ("ben", "i3"), (None, "i4"), (None, "i5")]


def touches(engine: Engine, rows: Iterable[tuple[str | None, str]]) -> object:
    said = [{"person_id": who, "source": "shop", "interaction_id": one, "at": AT} for who, one in rows]
    return engine.table(pa.Table.from_pylist(said, schema=schema("touches").to_pyarrow()))


def flows(engine: Engine, n: int) -> object:
    return engine.table(
        pa.Table.from_pylist([{"source": "a", "target": "b", "n": n}], schema=schema("flows").to_pyarrow())
    )


def names(engine: Engine, *people: str) -> object:
    return engine.table(pa.table({"person_id": pa.array(people, pa.string())}))


@pytest.fixture
def run(workspace: Workspace, engine: Engine) -> Published:
    publication = Publication(workspace, engine, as_of=AT, now=AT)
    publication.write("touches", touches(engine, TOUCHED))
    publication.write("flows", flows(engine, 1))
    publication.note("ledger", {"number": 1})
    return publication.publish({"horizon_s": 1.0})


def lay(
    onto: Published, engine: Engine, rows: list[tuple[str | None, str]], n: int, *, nobodys: tuple[str, ...] = ()
) -> Published:
    update = Update(onto, engine, as_of=AT + dt.timedelta(hours=n), now=AT + dt.timedelta(hours=n))
    update.write("touches", touches(engine, rows))
    update.write("flows", flows(engine, n))
    update.gone("person", names(engine, *{who for who, _ in rows if who}))
    columns = {"source": ["shop"] * len(nobodys), "interaction_id": list(nobodys)}
    gone = pa.table({name: pa.array(values, pa.string()) for name, values in columns.items()})
    update.gone("interaction", engine.table(gone))
    update.note("ledger", {"number": n})
    return update.publish({"horizon_s": 1.0})


def read(published: Published, engine: Engine) -> list[tuple[object, object]]:
    """The rows as an engine reads them, which must be what pages read, in all and for each person."""
    rows = engine.rows(published.table("touches", engine)).to_pylist()
    found = sorted(((row["person_id"], row["interaction_id"]) for row in rows), key=repr)
    reader = Reader(published.workspace)
    now = reader.now()
    shown = now.rows(now.tables["touches"].select("person_id", "interaction_id"))
    assert sorted(((row["person_id"], row["interaction_id"]) for row in shown), key=repr) == found
    for who in ("ann", "ben", "cyd", "dan"):
        own = [row["interaction_id"] for row in now.of("touches", who)]
        assert sorted(own) == sorted(one for person, one in found if person == who)
    assert now.count("touches") == published.counts["touches"] == len(found)
    reader.close()
    return found


def test_the_newest_rows_of_a_person_take_the_place_of_the_others(run: Published, engine: Engine) -> None:
    one = lay(run, engine, [("ann", "i1"), ("ann", "i6"), ("cyd", "i5")], 2, nobodys=("i5",))
    assert read(one, engine) == [("ann", "i1"), ("ann", "i6"), ("ben", "i3"), ("cyd", "i5"), (None, "i4")]
    assert one.note("ledger") == {"number": 2}
    assert one.as_of == AT + dt.timedelta(hours=2)
    assert [row["n"] for row in engine.rows(one.table("flows", engine)).to_pylist()] == [2]


def test_updates_of_a_size_become_one_and_a_large_one_stays(run: Published, engine: Engine) -> None:
    large = lay(run, engine, [("dan", f"x{n}") for n in range(20)], 2)
    second = lay(large, engine, [("ann", "i7")], 3)
    assert len(second.updates) == 2
    third = lay(second, engine, [("ann", "i8"), ("ben", "i3")], 4)
    assert len(third.updates) == 2
    assert third.updates[0] == large.updates[0]
    assert [row for row in read(third, engine) if row[0] != "dan"] == [
        ("ann", "i8"), ("ben", "i3"), (None, "i4"), (None, "i5"),
    ]  # fmt: skip
    assert third.note("ledger") == {"number": 4}


def test_what_was_merged_stays_for_those_who_read_it_and_goes_later(run: Published, engine: Engine) -> None:
    first = lay(run, engine, [("ann", "i7")], 2)
    second = lay(first, engine, [("ann", "i8")], 3)
    assert engine.rows(first.table("touches", engine)).num_rows == 4  # its files are still there
    past = time.time() - 3600
    os.utime(run.folder / UPDATES / first.updates[0], (past, past))
    third = lay(second, engine, [("ben", "i9")], 4)
    assert not (run.folder / UPDATES / first.updates[0]).exists()
    assert read(third, engine) == [("ann", "i8"), ("ben", "i9"), (None, "i4"), (None, "i5")]


def test_an_update_of_a_run_that_is_over_is_not_published(run: Published, engine: Engine) -> None:
    update = Update(run, engine, as_of=AT, now=AT)
    update.write("flows", flows(engine, 9))
    lay(run, engine, [("ann", "i7")], 2)
    with pytest.raises(WorkspaceError, match="meanwhile"):
        update.publish({})
    assert not update.folder.exists()


def test_a_run_starts_anew(run: Published, workspace: Workspace, engine: Engine) -> None:
    lay(run, engine, [("ann", "i7")], 2)
    publication = Publication(workspace, engine, as_of=AT, now=AT + dt.timedelta(hours=3))
    publication.write("touches", touches(engine, TOUCHED))
    assert len(read(publication.publish({}), engine)) == 5
