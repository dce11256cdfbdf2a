"""The tables on disk: open to any tool, migrated, and refused where they are not ours."""

from __future__ import annotations

import json
import time

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from deltalake import DeltaTable, Field, Schema
from deltalake.schema import PrimitiveType

from regard.engine import schema
from regard.errors import LedgerError, TableError
from regard.ledger import Batch
from regard.ledger.delta import PROPERTIES, DeltaFolder

INTERACTIONS = "interactions"


def people(*rows):
    return [
        {"handles": [{"kind": "email", "value": "jane@example.org"}], "text": "call jane@example.org", **row}
        for row in rows
    ]


def test_the_number_of_a_table_is_that_of_its_log_however_often_it_is_asked(ledger, engine, facts, now):
    folder = ledger.archive.table(INTERACTIONS)
    held = DeltaFolder(folder.folder.parent, INTERACTIONS)
    assert held.number() == 0
    for n in range(1, 6):
        ledger.append(Batch("s", facts(*people({"interaction_id": str(n)}))), engine, now=now)
        expected = DeltaTable(str(folder.folder)).transaction_version("regard")
        assert [held.number(), held.number()] == [expected, expected]
        if n == 3:
            time.sleep(0.12)  # long enough for it to be held
            assert held.number() == held.number() == expected


def test_other_tools_read_the_files_as_they_are(ledger, engine, facts, now):
    ledger.append(
        Batch("s", facts(*people({"interaction_id": "jane@example.org:1"}, {"interaction_id": "2"}))), engine, now=now
    )
    ledger.append(Batch("s", facts(*people({"interaction_id": "3"}))), engine, now=now)
    ledger.compact(engine, now=now)
    table = DeltaTable(str(ledger.archive.table(INTERACTIONS).folder))
    assert table.protocol().min_reader_version == 1
    assert table.protocol().reader_features is None
    assert table.count() == 3
    plain = pq.ParquetDataset([str(path) for path in ledger.files()]).read()
    assert sorted(plain.column("interaction_id").to_pylist()) == ["2", "3", "jane@example.org:1"]
    assert ibis_names(plain) == list(schema(INTERACTIONS).names)


def ibis_names(table):
    return list(table.schema.names)


def test_a_spark_server_reads_the_delta_table_itself(ledger, engine, facts, sail, now):
    ledger.append(
        Batch("s", facts({"interaction_id": "1", "amount_minor": 5}, {"interaction_id": "2"})), engine, now=now
    )
    session = pytest.importorskip("pyspark.sql").SparkSession.builder.remote(sail).getOrCreate()
    try:
        frame = session.read.format("delta").load(str(ledger.archive.table(INTERACTIONS).folder))
        assert sorted(row.interaction_id for row in frame.select("interaction_id").collect()) == ["1", "2"]
    finally:
        session.stop()


def test_the_log_names_nobody(ledger, engine, facts, now):
    rows = people({"interaction_id": "jane@example.org:1", "corrects": "jane@example.org:0"})
    ledger.append(Batch("s", facts(*rows), file="jane@example.org.csv"), engine, now=now)
    log = ledger.archive.table(INTERACTIONS).folder / "_delta_log"
    said = "".join(path.read_text() for path in log.glob("*.json"))
    assert "jane" not in said
    adds = [json.loads(line)["add"] for line in said.splitlines() if '"add"' in line]
    assert json.loads(adds[0]["stats"]) == {
        "numRecords": 1,
        "nullCount": {"corrects": 0, "retracts": 1},
        "minValues": {"occurred_at": "2025-01-01T00:00:00.000000Z"},
        "maxValues": {"occurred_at": "2025-01-01T00:00:00.000000Z"},
    }


def test_a_ledger_from_before_a_column_was_added_is_migrated_and_read_whole(ledger, engine, facts, held, now):
    table = ledger.archive.table(INTERACTIONS)
    shape = schema(INTERACTIONS).to_pyarrow()
    older = pa.schema([field for field in shape if field.name not in ("cost_minor", "properties")])
    DeltaTable.create(str(table.folder), Schema.from_arrow(older), configuration=PROPERTIES)
    table.shape = schema(INTERACTIONS)
    old = pa.Table.from_pylist([{"interaction_id": "1", "source": "s", "event": "buy"}], schema=older)
    pq.write_table(old, table.folder / "old.parquet")
    from regard.ledger.delta import piece

    table.commit(1, [piece(table.folder / "old.parquet", "old.parquet")], [])
    ledger.append(Batch("s", facts({"interaction_id": "2", "cost_minor": 7})), engine, now=now)
    assert sorted((row["interaction_id"], row["cost_minor"]) for row in held("interaction_id", "cost_minor")) == [
        ("1", None),
        ("2", 7),
    ]
    assert {field.name for field in table.open().schema().fields} == set(shape.names)


def test_a_ledger_of_a_newer_regard_is_left_alone(ledger, engine, facts, now):
    ledger.append(Batch("s", facts({"interaction_id": "1"})), engine, now=now)
    ledger.archive.table(INTERACTIONS).open().alter.set_table_properties(
        {"regard.schema": "99"}, raise_if_not_exists=False
    )
    with pytest.raises(LedgerError, match="newer Regard"):
        ledger.append(Batch("s", facts({"interaction_id": "2"})), engine, now=now)


def test_a_column_of_another_type_is_refused(ledger, engine, facts, now):
    folder = ledger.archive.table(INTERACTIONS).folder
    fields = Schema.from_arrow(schema(INTERACTIONS).to_pyarrow()).fields
    odd = [Field("rating", PrimitiveType("string")) if field.name == "rating" else field for field in fields]
    DeltaTable.create(str(folder), Schema(odd))
    with pytest.raises(LedgerError, match="'rating'"):
        ledger.append(Batch("s", facts({"interaction_id": "1"})), engine, now=now)


def test_a_damaged_log_is_a_sentence(ledger, engine, facts, now):
    ledger.append(Batch("s", facts({"interaction_id": "1"})), engine, now=now)
    log = ledger.archive.table(INTERACTIONS).folder / "_delta_log"
    (log / "00000000000000000000.json").write_text("{")
    with pytest.raises(LedgerError, match="cannot be opened"):
        ledger.read(engine)


def test_an_empty_ledger_reads_as_no_rows_and_an_unknown_table_is_named(ledger, engine):
    assert engine.rows(ledger.read(engine)).num_rows == 0
    with pytest.raises(TableError, match="interactions, objects"):
        ledger.side("scores", engine)
