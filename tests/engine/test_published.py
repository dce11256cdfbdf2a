"""A run is seen whole or not at all."""

import datetime as dt
import hashlib
import json

import pyarrow as pa
import pytest

from regard import experience, value
from regard.engine import FORMAT, Publication, Published, schema
from regard.engine.published import clear_runs
from regard.errors import OutdatedError, TableError, WorkspaceError
from regard.ledger import reading
from regard.tables import TABLES

NOW = dt.datetime(2026, 3, 1, 10, 15, tzinfo=dt.UTC)


def flows(engine, n):
    return engine.table(
        pa.table({"source": ["a"], "target": ["b"], "n": [n], "median_wait_s": [1.0], "mean_wait_s": [2.0]})
    )


def publish(workspace, engine, n):
    run = Publication(workspace, engine, as_of=NOW, now=NOW)
    run.write("flows", flows(engine, n))
    return run.publish({"horizon_s": 1.0})


def test_readers_see_a_run_only_when_it_is_published(workspace, engine):
    with pytest.raises(WorkspaceError, match="regard run"):
        Published.current(workspace)
    run = Publication(workspace, engine, as_of=NOW, now=NOW)
    run.write("flows", flows(engine, 1))
    with pytest.raises(WorkspaceError):
        Published.current(workspace)
    run.publish({})
    assert engine.rows(Published.current(workspace).table("flows", engine)).to_pylist()[0]["n"] == 1


def test_a_reader_of_the_run_before_goes_on_with_it(workspace, engine):
    before = publish(workspace, engine, 1)
    publish(workspace, engine, 2)
    assert engine.rows(before.table("flows", engine)).to_pylist()[0]["n"] == 1
    assert engine.rows(Published.current(workspace).table("flows", engine)).to_pylist()[0]["n"] == 2
    assert len(list(workspace.derived.iterdir())) == 2


def test_old_runs_are_removed_and_all_of_them_on_request(workspace, engine):
    for n in range(4):
        publish(workspace, engine, n)
    assert len(list(workspace.derived.iterdir())) == 2
    assert Published.current(workspace).counts == {"flows": 1}
    clear_runs(workspace, keep=0)
    assert not list(workspace.derived.iterdir())
    with pytest.raises(WorkspaceError):
        Published.current(workspace)


def test_a_table_without_its_columns_is_refused(workspace, engine):
    run = Publication(workspace, engine, as_of=NOW, now=NOW)
    with pytest.raises(TableError, match="median_wait_s"):
        run.write("flows", flows(engine, 1).drop("median_wait_s"))


def test_a_damaged_pointer_says_how_to_mend_it(workspace, engine):
    publish(workspace, engine, 1)
    workspace.pointer.write_text("{")
    with pytest.raises(WorkspaceError, match="damaged"):
        Published.current(workspace)


def test_the_pointer_says_the_format_and_another_one_is_refused(workspace, engine):
    publish(workspace, engine, 1)
    for said, word in ((FORMAT - 1, "an older"), (FORMAT + 1, "a newer")):
        text = json.loads(workspace.pointer.read_text())
        workspace.pointer.write_text(json.dumps({**text, "format": said}))
        with pytest.raises(OutdatedError, match=f"{word} Regard"):
            Published.current(workspace)
        assert Published.pointed(workspace).format == said
    assert publish(workspace, engine, 2).format == FORMAT


def test_the_format_rises_with_what_the_tables_and_notes_hold():
    """Whoever changes them raises `FORMAT` and puts the new mark here."""
    shapes = {name: {n: str(kind) for n, kind in schema(name).items()} for name, spec in TABLES.items() if spec.derived}
    said = {"tables": shapes, "forms": [experience.fits.FORM, value.fits.FORM, reading.FORM]}
    mark = hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()[:12]
    assert (FORMAT, mark) == (1, "aa36c689a37d")
