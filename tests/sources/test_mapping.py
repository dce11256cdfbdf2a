"""Mappings: what is not understood is named with its line and a suggestion; joins; drafts, previews, checks."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator
from tests.sources.conftest import ORDERS, Loading

from regard.engine import Engine
from regard.errors import MappingError
from regard.sources import check_mapping, draft, mapping_of, open_source, preview, read_mapping
from regard.sources.mapping import Interaction, Mapping
from regard.sources.reading import schema

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"


@pytest.mark.parametrize(
    ("before", "after", "line", "says"),
    [
        ("zone: Europe/Berlin", "zone: Europe/Berlim", 4, "Did you mean 'Europe/Berlin'?"),
        ("handles:", "handels:", 6, "Did you mean 'handles'?"),
        ("amount:", "amuont:", 11, "Did you mean 'amount'?"),
        ("key:", "format: {type: cvs}\nkey:", 5, "Did you mean 'csv'?"),
        ("    at: bought\n", "", 9, "Add a line `at: ...`."),
        ("version: 1", "version: 2", 2, "the version of this format"),
        ("at: bought", "at: {column: bought, precision: hour}", 10, "'instant', 'day'"),
        ("currency: EUR", "curency: EUR", 11, "Did you mean 'currency'?"),
        ("key: [order_id]", "joins: [{file: x.csv, as: x, on: id, aggregate: {n: total price}}]", 5, "sum price"),
        ("source: shop", "source: [", 5, "not YAML"),
    ],
)
def test_what_is_not_understood_is_named_with_its_line(before: str, after: str, line: int, says: str) -> None:
    with pytest.raises(MappingError) as error:
        mapping_of(ORDERS.replace(before, after), name="orders.map.yaml")
    assert f"orders.map.yaml:{line}:" in str(error.value)
    assert says in str(error.value)


def test_the_schema_is_one_and_describes_every_field() -> None:
    said = schema()
    Draft202012Validator.check_schema(said)

    def undescribed(node: object, path: str) -> list[str]:
        if not isinstance(node, dict):
            return []
        found = []
        for name, one in node.get("properties", {}).items() if isinstance(node.get("properties"), dict) else []:
            target = said["$defs"][one["$ref"].rpartition("/")[2]] if "$ref" in one else one  # type: ignore[index]
            found += [] if "description" in one or "description" in target else [f"{path}.{name}"]
            found += undescribed(one, f"{path}.{name}")
        for name, one in node.get("$defs", {}).items():
            found += undescribed(one, name)
        for key in ("anyOf", "items"):
            for one in node.get(key, []) if isinstance(node.get(key), list) else [node.get(key)]:
                found += undescribed(one, path)
        return found

    assert undescribed(said, "mapping") == []


def test_every_field_of_the_schema_is_in_the_reference() -> None:
    text = (EXAMPLES.parent / "docs" / "reference" / "mapping.md").read_text(encoding="utf-8")
    said = schema()
    names = set(said["properties"])  # type: ignore[call-overload]
    for one in said["$defs"].values():  # type: ignore[attr-defined]
        for shape in (one, *one.get("anyOf", [])):
            names |= set(shape.get("properties", {}))
    assert sorted(name for name in names if f"`{name}`" not in text and f"{name}:" not in text) == []


def test_a_mapping_that_is_not_there_names_the_nearest(tmp_path: Path) -> None:
    (tmp_path / "orders.map.yaml").write_text(ORDERS)
    assert isinstance(read_mapping(tmp_path / "orders.map.yaml"), Mapping)
    with pytest.raises(MappingError, match=r"Did you mean 'orders\.map\.yaml'"):
        read_mapping(tmp_path / "order.map.yaml")


def test_defaults_hold_unless_an_interaction_says_otherwise() -> None:
    text = ORDERS + "    channel: web\ndefaults: {channel: store, direction: customer, properties: {a: a}}\n"
    one: Interaction = mapping_of(text).interactions[0]
    words = {name: word.constant for name, word in one.words}
    assert (words["channel"], words["direction"], one.properties[0].name) == ("web", "customer", "a")


JOINED = """
version: 1
source: shop
zone: UTC
joins:
  - {file: people.csv, as: who, on: {customer: id}, required: true}
  - file: items.csv
    as: items
    on: order_id
    joins: [{file: articles.csv, as: article, on: sku}]
    aggregate:
      n: count
      price: sum price
      dearest: max price
      skus: list sku
      kinds: distinct article.kind
      kind: first article.kind
      mean: mean price
key: [order_id]
handles: {email: who.email}
objects: [{type: order, id: order_id}, {type: sku, id: items.skus, qualifier: holds}]
interactions:
  - event: purchase
    at: at
    amount: {column: items.price, currency: EUR}
    properties:
      {n: {column: items.n, type: number}, kinds: items.kinds, kind: items.kind, mean: items.mean, max: items.dearest}
"""
FILES = {
    "people.csv": "id,email\nc1,a@x.example\nc1,second@x.example\nc2,b@x.example\n",
    "items.csv": "order_id,sku,price\no1,s1,9.5\no1,s2,10\no1,s1,0.25\no3,s1,cheap\n",
    "articles.csv": "sku,kind\ns1,tea\ns2,cup\n",
}


def test_joins_take_the_first_partner_or_figures_over_all(loading: Loading, tmp_path: Path) -> None:
    for name, text in FILES.items():
        (tmp_path / name).write_text(text)
    found = loading(
        "order_id,customer,at\no1,c1,2024-01-01\no2,c2,2024-01-01\no3,c2,2024-01-01\no4,c9,2024-01-01\n", JOINED
    )
    first, second = found.rows
    assert first["handles"] == [{"kind": "email", "value": "a@x.example"}]
    assert first["amount_minor"] == 1975
    assert [one["id"] for one in first["objects"]] == ["o1", "s1", "s2"]
    assert first["properties"] == {"n": "3", "kinds": "2", "kind": "tea", "mean": "6.583333333333333", "max": "10"}
    assert (second["amount_minor"], [one["id"] for one in second["objects"]]) == (None, ["o2"])
    assert found.lines == [4, 5]
    assert 'items.csv: price holds "cheap", which is not a number.' in found.reasons[0]
    assert "people.csv has no row" in found.reasons[1]


def test_a_joined_file_or_column_that_is_not_there_is_named(loading: Loading, tmp_path: Path) -> None:
    for name, text in FILES.items():
        (tmp_path / name).write_text(text)
    body = "order_id,customer,at\no1,c1,2024-01-01\n"
    with pytest.raises(MappingError, match=r"Did you mean 'people\.csv'"):
        loading(body, JOINED.replace("people.csv", "peoples.csv"))
    with pytest.raises(MappingError, match="Did you mean 'price'"):
        loading(body, JOINED.replace("sum price", "sum prices"))
    with pytest.raises(MappingError, match=r"Did you mean 'who\.email'"):
        loading(body, JOINED.replace("who.email", "who.mail"))


def test_check_names_everything_wrong_at_once(engine: Engine, tmp_path: Path) -> None:
    (tmp_path / "orders.csv").write_text("order_id,email,bought,price\no1,a@b.example,2024-01-01,1\n")
    path = tmp_path / "orders.map.yaml"
    path.write_text(ORDERS + "files: orders.csv\n")
    assert check_mapping(path, tmp_path, engine) == []
    path.write_text(
        (ORDERS + "files: orders.csv\n").replace("at: bought", "at: bougth").replace("column: price", "column: prize")
    )
    found = check_mapping(path, tmp_path, engine)
    assert [(one.where, one.hint) for one in found] == [
        ("orders.map.yaml:10", "Did you mean 'bought'?"),
        ("orders.map.yaml:11", "Did you mean 'price'?"),
    ]
    path.write_text(ORDERS.replace("handles:", "handels:").replace("amount:", "amuont:"))
    assert [one.where for one in check_mapping(path)] == ["orders.map.yaml:6", "orders.map.yaml:11"]
    path.write_text(ORDERS + "  - {event: purchase, at: paid}\n")
    assert "same id" in check_mapping(path)[0].problem


def test_a_format_of_times_that_is_none_is_refused(loading: Loading) -> None:
    with pytest.raises(MappingError, match="not a format of times"):
        loading(
            "order_id,email,bought,price\n", ORDERS.replace("at: bought", "at: {column: bought, format: DD/MM/YYYY}")
        )


def test_preview_shows_rows_rejects_and_findings(engine: Engine, tmp_path: Path) -> None:
    path = tmp_path / "orders.csv"
    path.write_text("order_id,email,bought,price\n" + "o1,a@b.example,2024-01-01,1\no2,a@b.example,never,1\n" * 100)
    shown = preview(ORDERS, path, engine, rows=10)
    assert (shown.columns, len(shown.rows)) == (("order_id", "email", "bought", "price"), 10)
    assert (len(shown.interactions), len(shown.rejects), shown.findings) == (5, 5, [])
    wrong = preview(ORDERS.replace("amount:", "amuont:"), path, engine)
    assert (wrong.interactions, wrong.findings[0].where) == ([], "mapping:11")
    assert preview(ORDERS.replace("bought", "bouhgt"), path, engine).findings[0].hint == "Did you mean 'bought'?"
    assert preview("a: [", path, engine).columns == shown.columns


def test_a_draft_says_what_was_taken_for_what(engine: Engine, tmp_path: Path) -> None:
    path = tmp_path / "survey.csv"
    rows = "".join(
        f"{i};C{i:03d};p{i}@x.example;{1 + i % 28:02d}/03/2024 10:30;{i % 11};1.{i:03d},50 €;"
        f"I waited for {i} days.;{['NULL', 'web'][i % 2]}\n"
        for i in range(60)
    )
    path.write_text(
        "No;customer_id;E-Mail;answered_at;recommend;Spent amount;comment;channel\n" + rows, encoding="utf-8"
    )
    text = draft(path, engine, zone="Europe/Berlin", currency="EUR")
    mapping = mapping_of(text)
    one = mapping.interactions[0]
    assert mapping.zone == "Europe/Berlin"
    assert {handle.kind for handle in one.handles} == {"email", "customer"}
    assert one.at.formats == ("%d/%m/%Y %H:%M",)
    assert one.rating is not None
    assert (one.rating.low, one.rating.high) == (0.0, 10.0)
    assert [ref.name for ref in one.text] == ["comment"]
    with open_source([path], mapping, engine) as load:
        rows_found = engine.rows(next(load.batches()).interactions).to_pylist()
        assert load.counts() == {"n_rows": 60, "n_rejects": 0, "n_left_out": 0}
    assert rows_found[7]["amount_minor"] == 100750
    assert {row["channel"] for row in rows_found} == {None, "web"}


@pytest.mark.parametrize(
    ("file", "rows", "most_rejects"),
    [
        ("olist/orders.csv", 14_405, 0),
        ("olist/reviews.csv", 14_356, 0),
        ("olist/items.csv", 16_370, 0),
        ("hotel_bookings/hotel_bookings.csv.gz", 119_390, 4),
        ("survey/mobi.csv", 250, 0),
        ("survey/customerSat.csv", 1_811, 0),
        ("retentioneering/ecom.csv.gz", 31_106, 0),
        ("online_retail/online_retail.parquet", 541_909, 541_909 // 3),
    ],
)
def test_drafts_of_real_exports_load_at_the_first_try(
    engine: Engine, data: Path, file: str, rows: int, most_rejects: int
) -> None:
    with open_source([data / file], mapping_of(draft(data / file, engine)), engine) as load:
        counts = load.counts()
    assert counts["n_rows"] == rows
    assert counts["n_rejects"] <= most_rejects


@pytest.mark.parametrize(
    ("example", "folder", "events", "rejects"),
    [
        (
            "olist/orders",
            "olist",
            {"purchase": 14_405, "approved": 14_376, "handed_over": 14_135, "delivered": 13_975},
            0,
        ),
        ("olist/reviews", "olist", {"review": 14_356}, 0),
        ("cdnow_master/master", "cdnow", {"purchase": 69_659}, 0),
        ("cdnow/sample", "cdnow", {"purchase": 6_919}, 0),
        ("online_retail/online_retail", "online_retail", {"purchase": 530_693, "return": 9_762}, 1_454),
        ("survey/mobi", "survey", {"survey": 250}, 0),
        ("survey/customersat", "survey", {"survey": 1_811}, 0),
    ],
)  # fmt: skip
def test_examples_load_the_real_data(
    engine: Engine, data: Path, example: str, folder: str, events: dict[str, int], rejects: int
) -> None:
    with open_source([], read_mapping(EXAMPLES / f"{example}.map.yaml"), engine, folder=data / folder) as load:
        rows = next(load.batches()).interactions
        found = engine.rows(rows.group_by("event").aggregate(n=rows.count())).to_pylist()
        assert {row["event"]: row["n"] for row in found} == events
        assert load.counts()["n_rejects"] == rejects


def test_the_hotels_figures(engine: Engine, data: Path) -> None:
    """The data's README: 37.0 % of 119,390 bookings cancelled, room reserved and assigned differ in 12.5 %."""
    mapping = read_mapping(EXAMPLES / "hotel_bookings" / "hotel_bookings.map.yaml")
    with open_source([], mapping, engine, folder=data / "hotel_bookings") as load:
        rows = engine.keep(next(load.batches()).interactions.select("event", "properties", "interaction_id"))
        counts = {r["event"]: r["n"] for r in engine.rows(rows.group_by("event").aggregate(n=rows.count())).to_pylist()}
        moved = rows.properties.get("room_reserved") != rows.properties.get("room_assigned")
        differ = engine.rows(rows.filter(rows.event != "booked", rows.event != "checked_out", moved).count().as_table())
    assert counts["booked"] == 119_390
    assert counts["arrived"] + counts["canceled"] + counts["no_show"] == 119_390
    assert round((counts["canceled"] + counts["no_show"]) / 119_390, 3) == 0.370
    assert round(differ.column(0)[0].as_py() / 119_390, 3) == 0.125


def test_every_example_follows_the_schema() -> None:
    for path in sorted(EXAMPLES.glob("*/*.map.yaml")):
        assert read_mapping(path).interactions, path
    assert json.loads(json.dumps(schema()))["title"]
