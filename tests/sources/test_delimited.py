"""Ugly delimited files: each line ends as an interaction or as a reject with its line."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.sources.conftest import ORDERS, Loading

from regard.engine import connect
from regard.errors import MappingError, SourceError
from regard.sources import mapping_of, open_source

HEADER = "order_id,email,bought,price\n"


def test_a_plain_file_becomes_interactions(loading: Loading) -> None:
    found = loading(HEADER + "o1,ann@example.com,2024-07-01 10:00:00,12.50\n")
    row = found.row
    assert row["interaction_id"] == "o1:purchase"
    assert str(row["occurred_at"]) == "2024-07-01 08:00:00+00:00"
    assert (row["zone"], row["precision"], row["sequence"]) == ("Europe/Berlin", "instant", 1)
    assert row["handles"] == [{"kind": "email", "value": "ann@example.com"}]
    assert row["objects"] == [{"type": "order", "id": "o1", "qualifier": None}]
    assert (row["amount_minor"], row["currency"]) == (1250, "EUR")


def test_semicolons_decimal_commas_and_currency_marks(loading: Loading) -> None:
    mapping = ORDERS + 'format: {decimal: ",", thousands: "."}\n'
    lines = ["1.234,56", "€ 7,50", "12,00 EUR", "(3,20)", "4,00-", "-5"]
    text = "order_id;email;bought;price\n" + "".join(f"o{i};a@b.example;2024-01-01;{p}\n" for i, p in enumerate(lines))
    found = loading(text, mapping)
    assert [row["amount_minor"] for row in found.rows] == [123456, 750, 1200, -320, -400, -500]
    assert "delimiter ';'" in found.notes[0]


def test_thousands_that_are_not_declared_are_a_reject_that_says_so(loading: Loading) -> None:
    found = loading(HEADER + 'o1,a@b.example,2024-01-01,"1,234.50"\n')
    assert found.rows == []
    assert "thousands" in found.reasons[0]
    assert "1,234.50" in found.reasons[0]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "latin-1", "cp1252", "utf-16"])
def test_encodings_are_found_out(loading: Loading, encoding: str) -> None:
    text = "order_id,email,bought,price\nö1,jürgen@example.com,2024-01-01,1\n"
    found = loading(text.encode(encoding))
    assert found.row["interaction_id"] == "ö1:purchase"
    assert found.row["handles"] == [{"kind": "email", "value": "jürgen@example.com"}]


def test_broken_bytes_spoil_their_own_line_only(loading: Loading) -> None:
    body = (
        HEADER.encode()
        + b"o1,a@b.example,2024-01-01,1\no2,\xff\xfe@b.example,2024-01-01,1\no3,c@b.example,2024-01-01,1\n"
    )
    found = loading(body, ORDERS + "format: {encoding: utf-8}\n")
    assert [row["interaction_id"] for row in found.rows] == ["o1:purchase", "o3:purchase"]
    assert found.lines == [3]
    assert "encoding" in found.reasons[0]


def test_ragged_lines_are_rejects_with_their_line(loading: Loading) -> None:
    found = loading(
        HEADER
        + "o1,a@b.example,2024-01-01,1\no2,a@b.example\n"
        + "o3,a@b.example,2024-01-01,1,extra\n\no4,a@b.example,2024-01-01,2\n"
    )
    assert [row["interaction_id"] for row in found.rows] == ["o1:purchase", "o4:purchase"]
    assert found.lines == [3, 4]
    assert "2 values, fewer" in found.reasons[0]
    assert "5 values, more" in found.reasons[1]
    assert found.counts["n_rows"] == 4


def test_line_ends_in_quotes_keep_the_lines_of_rejects_right(loading: Loading) -> None:
    mapping = ORDERS.replace("    at: bought", "    at: bought\n    text: note")
    text = (
        "order_id,email,bought,price,note\n"
        'o1,a@b.example,2024-01-01,1,"two\nlines, one ""text"""\no2,a@b.example,2024-02-30,1,x\n'
    )
    found = loading(text, mapping)
    assert found.row["text"] == 'two\nlines, one "text"'
    assert found.lines == [4]
    assert "2024-02-30" in found.reasons[0]


def test_an_open_quote_spoils_its_own_line_only(loading: Loading) -> None:
    text = (
        HEADER
        + 'o1,a@b.example,2024-01-01,1\no2,"never closed,2024-01-01,1\n'
        + "".join(f"p{i},a@b.example,2024-01-01,1\n" for i in range(5_000))
    )
    found = loading(text)
    assert len(found.rows) == 5_001
    assert found.lines == [3]
    assert "quote" in found.reasons[0]


def test_survey_tools_with_three_header_rows(loading: Loading) -> None:
    mapping = """
version: 1
source: survey
zone: UTC
handles: {respondent: ResponseId}
interactions:
  - event: answer
    at: EndDate
    rating: {column: Q1, scale: nps, low: 0, high: 10}
    text: Q2
"""
    text = (
        "ResponseId,EndDate,Q1,Q2\n"
        'Response ID,End Date,"How likely are you, all in all,\nto recommend us?",Why?\n'
        '"{""ImportId"":""_recordId""}","{""ImportId"":""endDate""}","{""ImportId"":""QID1""}","{""ImportId"":""QID2""}"\n'
        "R_1,2024-03-01 10:00:00,9,Good\nR_2,2024-03-01 11:00:00,11,Odd\n"
    )
    found = loading(text, mapping)
    assert (found.row["rating"], found.row["scale"], found.row["text"]) == (9.0, "nps", "Good")
    assert found.lines == [6]
    assert "scale of 0 to 10" in found.reasons[0]


def test_gzip_tabs_and_columns_of_spaces(loading: Loading) -> None:
    tabs = HEADER.replace(",", "\t") + "o1\ta@b.example\t2024-01-01\t1\n"
    assert loading(gzip.compress(tabs.encode()), name="x.tsv.gz").row["interaction_id"] == "o1:purchase"
    spaces = " order_id  email bought  price\n o1  a@b.example 2024-01-01   1\n o2  a@b.example 2024-01-02   2\n"
    assert len(loading(spaces, name="x.txt").rows) == 2


def test_a_file_without_header_takes_names_from_the_mapping(loading: Loading) -> None:
    found = loading("o1,a@b.example,2024-01-01,1\n", ORDERS + "format: {columns: [order_id, email, bought, price]}\n")
    assert found.row["interaction_id"] == "o1:purchase"


def test_a_broken_gzip_file_is_one_sentence(loading: Loading) -> None:
    packed = gzip.compress((HEADER + "o1,a@b.example,2024-01-01,1\n" * 5_000).encode())
    with pytest.raises(SourceError, match=r"broken\.csv\.gz is broken"):
        loading(packed[: len(packed) // 2], name="broken.csv.gz")


def test_an_empty_file_is_one_sentence_and_a_bare_header_is_no_row(loading: Loading) -> None:
    with pytest.raises(SourceError, match="is empty"):
        loading(b"")
    assert loading(HEADER).counts == {"n_rows": 0, "n_rejects": 0, "n_left_out": 0}


def test_a_column_that_is_not_there_names_the_nearest_and_the_line(loading: Loading) -> None:
    with pytest.raises(MappingError) as error:
        loading("order_id,email,bought_on,price\no1,a@b.example,2024-01-01,1\n")
    assert "mapping:10: there is no column 'bought'" in str(error.value)
    assert "Did you mean 'bought_on'?" in str(error.value)


def test_doubled_and_nameless_columns_can_be_named(loading: Loading) -> None:
    mapping = ORDERS.replace("column: price", "column: price_2").replace("at: bought", "at: column_3")
    found = loading("order_id,email,,price,price\no1,a@b.example,2024-01-01,1,2\n", mapping)
    assert found.row["amount_minor"] == 200


WORDS = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=8)
CELLS = st.one_of(
    WORDS, st.sampled_from(["2024-01-01", "2024-02-30", '"', "a@b.example", "", "1,5", "12.50", "\n", "x\ny"])
)
LINES = st.lists(st.lists(CELLS, min_size=0, max_size=6), max_size=12)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    rows=st.lists(st.tuples(CELLS, CELLS, CELLS, CELLS), max_size=12), torn=st.lists(st.integers(0, 200), max_size=3)
)
def test_each_row_is_an_interaction_or_a_reject(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str, ...]], torn: list[int]
) -> None:
    """Whatever stands in a file, rows and rejects add up to the rows read."""
    text = HEADER + "".join(",".join('"' + cell.replace('"', '""') + '"' for cell in row) + "\n" for row in rows)
    for place in torn:
        cut = len(HEADER) + place % max(1, len(text) - len(HEADER) + 1)
        text = text[:cut] + text[cut + 1 :]
    folder = tmp_path_factory.mktemp("rows")
    path = folder / "rows.csv"
    path.write_text(text, encoding="utf-8", newline="")
    engine = connect("duckdb", scratch=folder / "scratch", memory=2**28)
    try:
        with open_source([path], mapping_of(ORDERS), engine) as load:
            batch = next(load.batches())
            found = engine.rows(batch.interactions.count().as_table()).column(0)[0].as_py()
            counts = load.counts()
            assert found + counts["n_rejects"] == counts["n_rows"]
            if not torn:
                blank = sum(all(not cell.strip() for cell in row) for row in rows)
                assert len(rows) - blank <= counts["n_rows"] <= len(rows)
    finally:
        engine.close()


def test_pieces_equal_the_whole(loading: Loading, tmp_path: Path) -> None:
    lines = [f"o{i},p{i % 7}@b.example,2024-01-{1 + i % 28:02d},{i}.5\n" for i in range(40)]
    whole = loading(HEADER + "".join(lines))
    pieces = [row for start in range(0, 40, 13) for row in loading(HEADER + "".join(lines[start : start + 13])).rows]

    def said(rows: list[dict[str, object]]) -> list[dict[str, object]]:
        return [{key: value for key, value in row.items() if key != "sequence"} for row in rows]

    assert said(pieces) == said(whole.rows)
