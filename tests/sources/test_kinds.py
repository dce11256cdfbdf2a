"""Every other kind of file: Parquet, JSON, spreadsheets, SPSS, event logs."""

from __future__ import annotations

import datetime as dt
import gzip
import io
import json
from pathlib import Path

import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import pyreadstat
import pytest
from tests.sources.conftest import ORDERS, Loading

from regard.engine import Engine
from regard.errors import EngineError, MappingError, SourceError
from regard.sources import mapping_of, open_source

DAY = dt.datetime(2024, 7, 1, 10, 0, tzinfo=dt.UTC)


def test_parquet_keeps_its_types(loading: Loading, tmp_path: Path) -> None:
    table = pa.table(
        {
            "order_id": pa.array([17850.0, 2.0, None]),
            "email": ["a@b.example"] * 3,
            "bought": pa.array([DAY.replace(tzinfo=None)] * 3, pa.timestamp("ns")),
            "price": pa.array([2.675, 1e18, 1.0]),
        }
    )
    pq.write_table(table, tmp_path / "o.parquet")
    found = loading(tmp_path / "o.parquet")
    assert found.row["interaction_id"] == "17850:purchase"
    assert (str(found.row["occurred_at"]), found.row["amount_minor"]) == ("2024-07-01 08:00:00+00:00", 268)
    assert found.lines == [2, 3]


def test_parquet_with_lists_zones_decimals_and_dates(loading: Loading, tmp_path: Path) -> None:
    import decimal

    table = pa.table(
        {
            "who": [["a", None, "b"], []],
            "on": pa.array([dt.date(2024, 7, 1)] * 2),
            "at": pa.array([DAY] * 2, pa.timestamp("us", tz="Asia/Tokyo")),
            "paid": pa.array([decimal.Decimal("12.345")] * 2, pa.decimal128(10, 3)),
            "parts": [["x", "y"], None],
        }
    )
    pq.write_table(table, tmp_path / "o.parquet")
    mapping = """
version: 1
source: s
zone: Europe/Berlin
handles: {user: who}
objects: [{type: part, id: parts, qualifier: holds}]
interactions:
  - {event: day, at: on, amount: {column: paid, currency: KWD}}
  - {event: moment, at: at}
"""
    found = loading(tmp_path / "o.parquet", mapping)
    day, moment = found.rows
    assert (str(day["occurred_at"]), day["precision"], day["amount_minor"]) == (
        "2024-06-30 22:00:00+00:00",
        "day",
        12345,
    )
    assert str(moment["occurred_at"]) == "2024-07-01 10:00:00+00:00"
    assert [one["value"] for one in day["handles"]] == ["a", "b"]
    assert [one["id"] for one in day["objects"]] == ["x", "y"]
    assert found.lines == [2, 2]


def test_a_file_that_is_no_parquet_is_one_sentence(loading: Loading) -> None:
    with pytest.raises(SourceError, match="not a Parquet file"):
        loading(b"PAR1 and then nothing", name="x.parquet")


JSON = """
version: 1
source: api
zone: UTC
handles: {email: user.email}
interactions:
  - {event: e, at: at, amount: {column: total, currency: EUR}, properties: {big: big, tags: tags, late: late}}
"""


def records(n: int) -> list[dict[str, object]]:
    return [
        {"at": "2024-01-01", "user": {"email": f"p{i}@x.example"}, "total": 8.5, "big": 12345678901234567890}
        for i in range(n)
    ]


def test_json_lines_keep_big_numbers_and_late_keys(loading: Loading) -> None:
    said = [*records(25_000), {**records(1)[0], "late": "here", "tags": ["a", 1]}]
    text = "\n".join(json.dumps(record) for record in said) + "\n\n{broken\n[1]\n"
    found = loading(text, JSON, name="x.jsonl")
    assert len(found.rows) == 25_001
    assert found.rows[0]["amount_minor"] == 850
    assert found.rows[0]["properties"] == {"big": "12345678901234567890"}
    assert found.rows[-1]["properties"] == {"big": "12345678901234567890", "late": "here", "tags": '["a", "1"]'}
    assert found.lines == [25_003, 25_004]
    assert "not JSON" in found.reasons[0]


@pytest.mark.parametrize("wrap", [lambda rows: rows, lambda rows: {"page": 1, "rows": rows}])
def test_a_json_document_is_read_piece_by_piece(loading: Loading, wrap: object) -> None:
    said = json.dumps(wrap([*records(3_000), "odd"]), indent=1)  # type: ignore[operator]
    mapping = JSON.replace("properties: {big: big, tags: tags, late: late}", "properties: rest")
    found = loading(said, mapping, name="x.json")
    assert len(found.rows) == 3_000
    assert found.rows[7]["properties"] == {"big": "12345678901234567890"}
    assert found.lines == [3_001]


def test_a_json_document_that_is_cut_off_is_one_sentence(loading: Loading) -> None:
    said = json.dumps(records(3_000))
    with pytest.raises(SourceError, match="cut off"):
        loading(said[:-200], JSON, name="x.json")


def test_a_json_name_that_no_record_has_is_named_with_the_nearest(loading: Loading) -> None:
    with pytest.raises(MappingError, match=r"Did you mean 'user\.email'"):
        loading(
            json.dumps(records(3)[0]),
            JSON.replace("user.email", "user.mail").replace(", properties: {big: big, tags: tags, late: late}", ""),
            name="x.jsonl",
        )


def test_json_content_is_the_same_whatever_the_mapping_names(loading: Loading) -> None:
    text = "\n".join(json.dumps(record) for record in records(3))
    short = JSON.replace(", properties: {big: big, tags: tags, late: late}", "")
    other = JSON.replace("properties: {big: big, tags: tags, late: late}", "properties: {big: big}")
    assert [r["content"] for r in loading(text, short, name="x.jsonl").rows] == [
        r["content"] for r in loading(text, other, name="x.jsonl").rows
    ]


def test_xlsx_has_dates_numbers_and_sheets(loading: Loading, tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    book.active.title = "Notes"
    sheet = book.create_sheet("Orders")
    sheet.append(["order_id", "email", "bought", "price"])
    sheet.append([1001, "a@b.example", DAY.replace(tzinfo=None), 12.5])
    sheet.append([None, None, None, None])
    sheet.append([1002, "a@b.example", dt.date(2024, 7, 2), "free"])
    sheet.append([1003, "a@b.example", dt.date(2024, 7, 2), 1, None, "stray"])
    path = tmp_path / "orders.xlsx"
    book.save(path)
    found = loading(path, ORDERS + "format: {sheet: Orders}\n")
    assert (found.row["interaction_id"], found.row["amount_minor"]) == ("1001:purchase", 1250)
    assert str(found.row["occurred_at"]) == "2024-07-01 08:00:00+00:00"
    assert found.lines == [4, 5]
    with pytest.raises(SourceError, match="Did you mean 'Orders'"):
        loading(path, ORDERS + "format: {sheet: Order}\n")


def test_spss_has_value_labels(loading: Loading, tmp_path: Path) -> None:
    import pandas as pd

    frame = pd.DataFrame(
        {"id": [1.0, 2.0], "sex": [1.0, 2.0], "sat": [9.0, float("nan")], "day": [dt.date(2024, 7, 1)] * 2}
    )
    path = tmp_path / "s.sav"
    pyreadstat.write_sav(frame, str(path), variable_value_labels={"sex": {1.0: "Female", 2.0: "Male"}})
    mapping = """
version: 1
source: s
zone: UTC
handles: {respondent: id}
interactions:
  - {event: answer, at: day, rating: {column: sat, scale: nps}, properties: {sex: sex.label, code: sex}}
"""
    found = loading(path, mapping)
    assert [(row["rating"], row["properties"]) for row in found.rows] == [
        (9.0, {"sex": "Female", "code": "1"}),
        (None, {"sex": "Male", "code": "2"}),
    ]
    assert found.rows[0]["handles"] == [{"kind": "respondent", "value": "1"}]


XES = """<?xml version="1.0"?>
<log xmlns="http://www.xes-standard.org/">
  <global scope="event"><string key="concept:name" value="default"/></global>
  <trace>
    <string key="concept:name" value="c1"/>
    <int key="amount" value="20000"/>
    <event><string key="concept:name" value="start"/><date key="time:timestamp" value="2024-07-01T12:00:00.500+02:00"/>
      <string key="org:resource" value="Ann"/><string key="lifecycle:transition" value="complete"/></event>
    <event><string key="concept:name" value="end"/><date key="time:timestamp" value="2024-07-01T12:00:00.500+02:00"/>
      <string key="why" value="done"><string key="by" value="clerk"/></string></event>
    <event><string key="concept:name" value="lost"/><date key="time:timestamp" value="2024-02-30T12:00:00Z"/></event>
  </trace>
  <trace>
    <event><string key="concept:name" value="nobody"/><date key="time:timestamp" value="2024-07-01T12:00:00Z"/></event>
  </trace>
</log>
"""


def test_xes_needs_no_mapping(loading: Loading) -> None:
    found = loading(XES, None, name="log.xes")
    start, end = found.rows
    assert (start["source"], start["event"], start["actor"], start["kind"]) == (None, "start", "Ann", "complete")
    assert str(start["occurred_at"]) == "2024-07-01 10:00:00.500000+00:00"
    assert start["objects"] == [{"type": "case", "id": "c1", "qualifier": None}]
    assert start["properties"] == {"case:amount": "20000"}
    assert end["properties"] == {"case:amount": "20000", "why": "done", "why.by": "clerk"}
    assert start["sequence"] < end["sequence"]
    assert found.lines == [11, 14]


def test_xes_that_is_cut_off_or_declares_entities_is_one_sentence(loading: Loading) -> None:
    with pytest.raises(SourceError, match="cut off"):
        loading(XES[:-40], None, name="log.xes")
    with pytest.raises(SourceError, match="entities"):
        loading('<!DOCTYPE l [<!ENTITY a "aaaa">]><log><trace/></log>', None, name="log.xes")


OCEL = {
    "objectTypes": [{"name": "order", "attributes": [{"name": "price", "type": "float"}]}],
    "eventTypes": [{"name": "place", "attributes": []}],
    "events": [
        {
            "id": "e1",
            "type": "place",
            "time": "2024-01-01T10:00:00Z",
            "attributes": [{"name": "resource", "value": "Ann"}],
            "relationships": [{"objectId": "o1", "qualifier": "new"}, {"objectId": "c1", "qualifier": "by"}],
        },
        {
            "id": "e2",
            "type": "pay",
            "time": "2024-02-30T10:00:00Z",
            "relationships": [{"objectId": "o1", "qualifier": "x"}],
        },
        {
            "id": "e3",
            "type": "pay",
            "time": "2024-02-20T10:00:00Z",
            "relationships": [{"objectId": "zz", "qualifier": "x"}],
        },
        {"id": "e4", "type": "pay", "time": "2024-02-20T10:00:00Z", "relationships": []},
    ],
    "objects": [
        {
            "id": "o1",
            "type": "order",
            "attributes": [
                {"name": "price", "time": "1970-01-01T00:00:00Z", "value": 12.50},
                {"name": "price", "time": "2024-01-02T00:00:00Z", "value": 13},
            ],
            "relationships": [{"objectId": "c1", "qualifier": "of"}],
        },
        {"id": "c1", "type": "customer"},
    ],
}


def test_ocel_needs_no_mapping(loading: Loading, engine: Engine, tmp_path: Path) -> None:
    found = loading(json.dumps(OCEL), None, name="log.json")
    assert (found.row["interaction_id"], found.row["properties"]) == ("e1", {"resource": "Ann"})
    assert found.row["objects"] == [
        {"type": "order", "id": "o1", "qualifier": "new"},
        {"type": "customer", "id": "c1", "qualifier": "by"},
    ]
    assert found.lines == [2, 3, 4]
    assert ["02-30" in found.reasons[0], '"zz"' in found.reasons[1], "no object" in found.reasons[2]] == [True] * 3
    with open_source([tmp_path / "log.json"], None, engine) as load:
        objects = engine.rows(next(load.batches()).sides["objects"]).to_pylist()
    said = {(o["type"], o["id"], str(o["at"])[:10], o["attribute"], o["value"], o["related_id"]) for o in objects}
    assert said == {
        ("order", "o1", "1970-01-01", "", "", None),
        ("order", "o1", "1970-01-01", "price", "12.5", None),
        ("order", "o1", "2024-01-02", "price", "13", None),
        ("order", "o1", "1970-01-01", "of", "", "c1"),
        ("customer", "c1", "1970-01-01", "", "", None),
    }


def test_stdin_globs_and_what_is_not_there(engine: Engine, tmp_path: Path) -> None:
    line = "o{0},a@b.example,2024-01-0{0},1\n"
    for number in (1, 2):
        (tmp_path / f"orders-{number}.csv").write_text("order_id,email,bought,price\n" + line.format(number))
    with open_source([str(tmp_path / "orders-*.csv")], mapping_of(ORDERS), engine) as load:
        assert [batch.file for batch in load.batches()] == ["orders-1.csv", "orders-2.csv"]
        assert load.counts()["n_rows"] == 2
    stdin = io.BytesIO(gzip.compress(("order_id,email,bought,price\n" + line.format(3)).encode()))
    with open_source(["-"], mapping_of(ORDERS), engine, stdin=stdin) as load:
        batch = next(load.batches())
        assert (batch.file, batch.n_rows) == ("stdin", 1)
    with pytest.raises(SourceError, match=r"Did you mean 'orders-1\.csv'"):
        open_source([tmp_path / "order-1.csv"], mapping_of(ORDERS), engine)
    with (
        pytest.raises(MappingError, match="regard map"),
        open_source([tmp_path / "orders-1.csv"], None, engine) as load,
    ):
        load.counts()


def test_the_mapping_names_its_files(engine: Engine, tmp_path: Path) -> None:
    (tmp_path / "orders-1.csv").write_text("order_id,email,bought,price\no1,a@b.example,2024-01-01,1\n")
    with open_source([], mapping_of(ORDERS + 'files: "orders-*.csv"\n'), engine, folder=tmp_path) as load:
        assert load.counts()["n_rows"] == 1
    with pytest.raises(SourceError, match="nothing to read"):
        open_source([], mapping_of(ORDERS), engine, folder=tmp_path)


def test_only_the_embedded_engine_reads_files(tmp_path: Path) -> None:
    class Other:
        name = "spark"

    with pytest.raises(EngineError, match="embedded"):
        open_source(["x.csv"], mapping_of(ORDERS), Other())  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("log", "events", "cases", "ties"),
    [("helpdesk.xes.gz", 21_348, 4_580, None), ("bpic2012.xes.gz", 262_200, 13_087, 13_995)],
)
def test_real_logs_have_their_counts(
    engine: Engine, data: Path, log: str, events: int, cases: int, ties: int | None
) -> None:
    """Figures of the data's README; neighbours of equal time are told apart by `sequence` alone."""
    with open_source([data / "event_logs" / log], None, engine) as load:
        rows = next(load.batches()).interactions
        told = rows.select(case=rows.objects[0].id, at=rows.occurred_at, place=rows.sequence).order_by("place")
        found = engine.rows(told)
        assert load.counts()["n_rejects"] == 0
    seen: dict[str, object] = {}
    tied = 0
    for case, at in zip(found.column("case").to_pylist(), found.column("at").to_pylist(), strict=True):
        tied += seen.get(case) == at
        seen[case] = at
    assert (len(found), len(seen)) == (events, cases)
    assert ties is None or tied == ties


def test_a_json_document_with_several_lists_asks_which(loading: Loading) -> None:
    said = json.dumps({"ids": [1, 2], "people": [{"x": 1}], "rows": records(2)})
    short = JSON.replace(", properties: {big: big, tags: tags, late: late}", "")
    with pytest.raises(SourceError, match="several lists of rows"):
        loading(said, short, name="x.json")
    assert len(loading(said, short + "format: {at: rows}\n", name="x.json").rows) == 2
    with pytest.raises(SourceError, match="Did you mean 'rows'"):
        loading(said, short + "format: {at: row}\n", name="x.json")
