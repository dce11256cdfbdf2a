"""Tables for pages: of one moment, compiled once, opened anew when a run is published."""

from __future__ import annotations

import datetime as dt
from concurrent.futures import ThreadPoolExecutor

import ibis
import pyarrow as pa
import pytest

from regard.engine import Engine, Now, Publication, Reader, Same, Sides, Tables, question, schema
from regard.errors import EngineError
from regard.workspace import Workspace

AT = dt.datetime(2026, 3, 1, tzinfo=dt.UTC)


def flows(n: int) -> pa.Table:
    rows = [{"source": f"s{i}", "target": "t", "n": i, "median_wait_s": 60.0 * i, "mean_wait_s": 1.5} for i in range(n)]
    return pa.Table.from_pylist(rows, schema=schema("flows").to_pyarrow())


def publish(workspace: Workspace, engine: Engine, n: int, *, hour: int = 0) -> None:
    publication = Publication(workspace, engine, as_of=AT, now=AT + dt.timedelta(hours=hour))
    publication.write("flows", engine.table(flows(n)))
    publication.publish({})


@question(least="int64", name="string")
def frequent(tables: Tables, least: ibis.Value, name: ibis.Value) -> ibis.Table:
    rows = tables["flows"]
    return rows.filter(rows.n >= least, name.isnull() | (rows.source == name)).select("source", "n").order_by("n")


@question()
def total(tables: Tables) -> ibis.Table:
    return tables["flows"].aggregate(n=tables["flows"].n.sum())


def test_a_question_is_asked_with_other_values_and_compiled_once(workspace: Workspace, engine: Engine) -> None:
    publish(workspace, engine, 10)
    now = Reader(workspace).now()
    assert [row["n"] for row in now.ask(frequent, least=8, name=None)] == [8, 9]
    first = frequent.compiled()
    assert now.ask(frequent, least=0, name="s3") == [{"source": "s3", "n": 3}]
    assert frequent.compiled() is first


def test_values_are_values_and_never_sql(workspace: Workspace, engine: Engine) -> None:
    publish(workspace, engine, 3)
    assert Reader(workspace).now().ask(frequent, least=0, name="' OR 1=1 --") == []


def test_a_question_without_a_value_it_needs_is_refused(workspace: Workspace, engine: Engine) -> None:
    publish(workspace, engine, 3)
    with pytest.raises(TypeError, match="wanted"):
        Reader(workspace).now().ask(frequent, least=0)


def test_sums_of_integers_are_integers(workspace: Workspace, engine: Engine) -> None:
    publish(workspace, engine, 5)
    assert Reader(workspace).now().ask(total) == [{"n": 10}]


def test_tables_are_opened_anew_when_a_run_is_published_and_old_ones_stay_readable(
    workspace: Workspace, engine: Engine
) -> None:
    publish(workspace, engine, 2)
    reader = Reader(workspace)
    before = reader.now()
    assert reader.now() is before
    publish(workspace, engine, 4, hour=1)
    after = reader.now()
    assert after is not before
    assert (before.count("flows"), after.count("flows")) == (2, 4)
    assert len(before.rows(before.tables["flows"])) == 2


def test_what_is_known_of_a_run_is_kept_while_the_ledger_grows(workspace: Workspace, engine: Engine) -> None:
    @question()
    def loaded(tables: Tables) -> ibis.Table:
        return tables["loads"].aggregate(n=tables["loads"].count())

    version = [1]
    publish(workspace, engine, 4)
    reader = Reader(workspace, Sides(version=lambda: version[0], files=dict))
    before = reader.now()
    answer, once = before.ask(total), before.hold("a", object)
    other = before.ask(loaded), before.hold("a", object, of_a_run=False)
    version[0] = 2
    after = reader.now()
    assert after is not before
    assert after.ask(total) is answer
    assert after.hold("a", object) is once
    assert after.ask(loaded) is not other[0]  # the ledger's own tables are asked anew
    assert after.hold("a", object, of_a_run=False) is not other[1]
    publish(workspace, engine, 5, hour=1)
    assert reader.now().ask(total) == [{"n": 10}]
    assert reader.now().hold("a", object) is not once


def test_another_object_is_another_key(workspace: Workspace) -> None:
    now = Reader(workspace).now()
    first, second = [1], [1]
    assert now.hold(("n", Same(first)), lambda: 1) == 1
    assert now.hold(("n", Same(first)), lambda: 2) == 1
    assert now.hold(("n", Same(second)), lambda: 3) == 3


def test_without_a_run_every_table_is_there_and_empty(workspace: Workspace) -> None:
    now = Reader(workspace).now()
    assert now.published is None
    assert now.rows(now.tables["scores"]) == []
    assert now.count("interactions") == 0
    assert now.of("touches", "nobody") == []


def test_tables_of_the_ledger_are_read_from_its_files(workspace: Workspace, engine: Engine) -> None:
    row = {"load_id": "l1", "at": AT, "source": "shop", "file": "a.csv", "line": 7, "event": "order", "reason": "bad"}
    shape = schema("rejects").to_pyarrow()
    engine.write(engine.table(pa.Table.from_pylist([row], schema=shape)), workspace.root / "rejects")
    versions = iter([1, 1, 2])
    files = {"rejects": [str(path) for path in (workspace.root / "rejects").glob("*.parquet")]}
    reader = Reader(workspace, Sides(version=lambda: next(versions), files=lambda: files))
    now = reader.now()
    assert [found["reason"] for found in now.rows(now.tables["rejects"])] == ["bad"]
    assert reader.now() is now
    assert reader.now() is not now


def test_many_threads_get_the_right_answers(workspace: Workspace, engine: Engine) -> None:
    publish(workspace, engine, 50)
    now = Reader(workspace).now()
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda least: len(now.ask(frequent, least=least, name=None)), list(range(50)) * 2))
    assert answers == [50 - least for least in range(50)] * 2


def test_a_stream_brings_every_row(workspace: Workspace, engine: Engine) -> None:
    publish(workspace, engine, 100)
    now = Reader(workspace).now()
    assert sum(batch.num_rows for batch in now.stream(now.tables["flows"], batch_rows=32)) == 100


def test_what_is_held_is_made_once(workspace: Workspace) -> None:
    now: Now = Reader(workspace).now()
    made: list[int] = []
    for _ in range(3):
        assert now.hold("key", lambda: made.append(1) or "made") == "made"  # type: ignore[func-returns-value]
    assert made == [1]


def test_what_the_engine_cannot_do_is_said(workspace: Workspace, engine: Engine) -> None:
    publish(workspace, engine, 3)
    now = Reader(workspace).now()
    broken = now.tables["flows"].mutate(n=now.tables["flows"].source.cast("int64"))
    with pytest.raises(EngineError):
        now.rows(broken)
