"""What a mapping can say of a row: times, money, ratings, handles, objects, words, conditions, properties."""

from __future__ import annotations

import pytest
from tests.sources.conftest import Loading

from regard.errors import MappingError

BASE = """
version: 1
source: s
zone: America/Sao_Paulo
handles: {person: who}
interactions:
  - event: e
    at: %s
%s
"""


def one(loading: Loading, header: str, line: str, at: str = "t", more: str = "") -> dict[str, object]:
    return loading(f"who,{header}\np,{line}\n", BASE % (at, more)).row


@pytest.mark.parametrize(
    ("at", "value", "utc", "precision"),
    [
        ("t", "2017-10-15 00:00:00", "2017-10-15 03:00:00+00:00", "instant"),  # a midnight that the clock skipped
        ("t", "2024-05-01", "2024-05-01 03:00:00+00:00", "day"),
        ("t", "2024-05-01T10:00:00Z", "2024-05-01 10:00:00+00:00", "instant"),
        ("t", "2024-05-01T10:00:00.123456+02:00", "2024-05-01 08:00:00.123456+00:00", "instant"),
        ('{column: t, format: "%d/%m/%Y %H:%M"}', "31/12/2024 23:30", "2025-01-01 02:30:00+00:00", "instant"),
        ('{column: t, format: ["%d.%m.%Y", "%Y%m%d"]}', "20240501", "2024-05-01 03:00:00+00:00", "day"),
        ("{column: t, format: epoch}", "1700000000", "2023-11-14 22:13:20+00:00", "instant"),
        ("{column: t, format: epoch_ms}", "1700000000123", "2023-11-14 22:13:20.123000+00:00", "instant"),
        ("{column: t, precision: day}", "2024-05-01T01:00:00Z", "2024-04-30 03:00:00+00:00", "day"),
        ("{column: t, zone: Asia/Tokyo}", "2024-05-01 09:00:00", "2024-05-01 00:00:00+00:00", "instant"),
        ("{column: t, minus: 2d}", "2024-03-01", "2024-02-28 03:00:00+00:00", "day"),
        ("{column: t, plus: 90m}", "2024-03-01 00:00:00", "2024-03-01 04:30:00+00:00", "instant"),
    ],
)
def test_times(loading: Loading, at: str, value: str, utc: str, precision: str) -> None:
    row = one(loading, "t", value, at)
    assert (str(row["occurred_at"]), row["precision"]) == (utc, precision)


@pytest.mark.parametrize(
    "value", ["2024-02-30", "yesterday", "31/12/2024", "0001-01-01", "9999-12-31", "infinity", "12:30"]
)
def test_a_time_that_cannot_be_is_a_reject(loading: Loading, value: str) -> None:
    found = loading(f"who,t\np,{value}\n", BASE % ("t", ""))
    assert found.rows == []
    assert f'"t" holds "{value}"' in found.reasons[0]


def test_the_future_is_allowed(loading: Loading) -> None:
    assert str(one(loading, "t", "2150-01-01 00:00:00")["occurred_at"]).startswith("2150")


def test_a_zone_of_each_row(loading: Loading) -> None:
    found = loading(
        "who,t,tz\n"
        + "".join(f"p,2024-07-01 12:00:00,{zone}\n" for zone in ("Europe/Paris", "Asia/Tokyo", "Mars/X", "")),
        BASE % ("{column: t, zone: {column: tz}}", ""),
    )
    assert [str(row["occurred_at"]) for row in found.rows] == ["2024-07-01 10:00:00+00:00", "2024-07-01 03:00:00+00:00"]
    assert [row["zone"] for row in found.rows] == ["Europe/Paris", "Asia/Tokyo"]
    assert "Mars/X" in found.reasons[0]
    assert "no time zone" in found.reasons[1]


def test_days_before_a_date_made_of_several_columns(loading: Loading) -> None:
    at = '{column: [y, m, d], format: "%Y %B %d", precision: day, minus: {column: lead, unit: d}}'
    assert str(one(loading, "y,m,d,lead", "2015,July,1,342", at)["occurred_at"]) == "2014-07-24 03:00:00+00:00"


@pytest.mark.parametrize(
    ("currency", "value", "minor"),
    [
        ("EUR", "12.345", 1235),
        ("JPY", "1500", 1500),
        ("KWD", "1.234", 1234),
        ("EUR", "1e3", 100000),
        ("USD", "$-2.50", -250),
    ],
)
def test_money_in_minor_units(loading: Loading, currency: str, value: str, minor: int) -> None:
    row = one(loading, "t,m", f"2024-01-01,{value}", more=f"    amount: {{column: m, currency: {currency}}}")
    assert (row["amount_minor"], row["currency"]) == (minor, currency)


def test_money_with_its_currency_in_a_column(loading: Loading) -> None:
    more = "    amount: {column: m, currency: {column: c}}"
    found = loading(
        "who,t,m,c\np,2024-01-01,10,eur\np,2024-01-01,10,JPY\np,2024-01-01,10,XXQ\np,2024-01-01,10,\np,2024-01-01,,\n",
        BASE % ("t", more),
    )
    assert [(row["amount_minor"], row["currency"]) for row in found.rows] == [(1000, "EUR"), (10, "JPY"), (None, None)]
    assert "XXQ" in found.reasons[0]
    assert "ISO 4217" in found.reasons[1]


def test_money_times_a_quantity_and_negated(loading: Loading) -> None:
    row = one(
        loading, "t,m,q", "2024-01-01,2.50,-3", more="    amount: {column: m, times: q, currency: GBP, negate: true}"
    )
    assert row["amount_minor"] == 750


@pytest.mark.parametrize(
    ("currency", "value", "minor"),
    [("eur", "1999", 1999), ("jpy", "1500", 1500), ("kwd", "1230", 1230), ("isk", "500", 5), ("mga", "7", 700)],
)
def test_money_that_is_in_minor_units_already(loading: Loading, currency: str, value: str, minor: int) -> None:
    said = "column: m, in: minor, digits: {ISK: 2, MGA: 0}"
    row = one(
        loading, "t,m,c", f"2024-01-01,{value},{currency}", more=f"    amount: {{{said}, currency: {{column: c}}}}"
    )
    assert (row["amount_minor"], row["currency"]) == (minor, currency.upper())
    row = one(loading, "t,m", f"2024-01-01,{value}", more=f"    amount: {{{said}, currency: {currency.upper()}}}")
    assert (row["amount_minor"], row["currency"]) == (minor, currency.upper())


def test_minor_units_of_no_currency_are_a_reject_and_minor_is_spelled(loading: Loading) -> None:
    more = "    amount: {column: m, in: minor, currency: {column: c}}"
    found = loading("who,t,m,c\np,2024-01-01,10,XXQ\np,2024-01-01,ten,EUR\n", BASE % ("t", more))
    assert ["ISO 4217" in found.reasons[0], "no amount of money" in found.reasons[1]] == [True, True]
    with pytest.raises(MappingError, match="cents"):
        one(loading, "t,m", "2024-01-01,1", more="    amount: {column: m, in: cents, currency: EUR}")


@pytest.mark.parametrize("value", ["twelve", "nan", "12..5", "1,5", "99999999999999999999"])
def test_text_where_an_amount_must_be_is_a_reject(loading: Loading, value: str) -> None:
    found = loading(f'who,t,m\np,2024-01-01,"{value}"\n', BASE % ("t", "    amount: {column: m, currency: EUR}"))
    assert found.rows == []
    assert "no amount of money" in found.reasons[0]


def test_an_unknown_currency_is_refused_with_the_nearest(loading: Loading) -> None:
    with pytest.raises(MappingError, match="EUU"):
        one(loading, "t,m", "2024-01-01,1", more="    amount: {column: m, currency: EUU}")


def test_ratings_on_the_blueprints_scale(loading: Loading) -> None:
    more = "    rating: {column: r, scale: csat}"
    text = "who,t,r\np,2024-01-01,5\np,2024-01-01,6\np,2024-01-01,\np,2024-01-01,good\np,2024-01-01,4.5\n"
    found = loading(text, BASE % ("t", more), scales={"csat": (1.0, 5.0)})
    assert [(row["rating"], row["scale"]) for row in found.rows] == [(5.0, "csat"), (None, None), (4.5, "csat")]
    assert ["scale of 1 to 5" in found.reasons[0], "not a number" in found.reasons[1]] == [True, True]


def test_ratings_that_are_words(loading: Loading) -> None:
    more = "    rating: {column: r, scale: csat, low: 0, high: 1, map: {good: 1, bad: 0}}"
    found = loading("who,t,r\np,2024-01-01,good\np,2024-01-01,bad\np,2024-01-01,offered\n", BASE % ("t", more))
    assert [row["rating"] for row in found.rows] == [1.0, 0.0]
    assert "offered" in found.reasons[0]


def test_a_column_beside_another(loading: Loading) -> None:
    text = "who,t,a,b\np,2024-01-01,1,1\np,2024-01-02,1,2\np,2024-01-03,,1\n"
    for word, day in (("same_as", 1), ("other_than", 2)):
        found = loading(text, BASE % ("t", f"    when: {{column: a, {word}: b}}"))
        assert [row["occurred_at"].day for row in found.rows] == [day]


def test_several_handles_objects_and_qualifiers(loading: Loading) -> None:
    mapping = """
version: 1
source: s
zone: UTC
handles: {email: [mail, mail2], phone: tel}
objects:
  - {type: order, id: [shop, no]}
  - {type: article, id: skus, split: ";", qualifier: {column: how}}
interactions:
  - {event: e, at: t}
"""
    found = loading(
        "mail,mail2,tel,shop,no,skus,how,t\na@x.example,,+49 30 1234,B,7,x1; x2;,bought,2024-01-01\n", mapping
    )
    assert found.row["handles"] == [
        {"kind": "email", "value": "a@x.example"},
        {"kind": "phone", "value": "+49 30 1234"},
    ]
    assert found.row["objects"] == [
        {"type": "order", "id": "B:7", "qualifier": None},
        {"type": "article", "id": "x1", "qualifier": "bought"},
        {"type": "article", "id": "x2", "qualifier": "bought"},
    ]


def test_a_row_about_nobody_and_nothing_is_a_reject(loading: Loading) -> None:
    found = loading("who,t\n,2024-01-01\np,2024-01-01\n", BASE % ("t", ""))
    assert len(found.rows) == 1
    assert (found.lines, "about nobody" in found.reasons[0]) == ([2], True)


def test_words_are_constants_or_translated(loading: Loading) -> None:
    more = (
        "    channel: {column: c, map: {1: web, 2: store}, else: other}\n"
        "    direction: {column: d, map: {in: customer}}\n"
        "    language: de"
    )
    found = loading("who,t,c,d\np,2024-01-01,1,in\np,2024-01-01,9,us\np,2024-01-01,,them\n", BASE % ("t", more))
    assert [(row["channel"], row["direction"], row["language"]) for row in found.rows] == [
        ("web", "customer", "de"),
        ("other", "us", "de"),
    ]
    assert "customer, us or neither" in found.reasons[0]


def test_one_row_gives_several_interactions_and_what_did_not_happen_is_no_reject(loading: Loading) -> None:
    mapping = """
version: 1
source: s
zone: UTC
key: [id]
objects: [{type: order, id: id}]
interactions:
  - {event: purchase, at: a}
  - {event: approved, at: b}
  - {event: canceled, at: c, when: {column: state, is: [canceled]}, required: true}
"""
    text = (
        "id,a,b,c,state\n1,2024-01-01,2024-01-01,,ok\n2,2024-01-01,,2024-01-03,canceled\n3,2024-01-01,,,canceled\n"
        "4,,,,ok\n5,2024-01-01,soon,,ok\n,2024-01-01,,,ok\n"
    )
    found = loading(text, mapping)
    assert [row["interaction_id"] for row in found.rows] == [
        "1:purchase", "1:approved", "2:purchase", "2:canceled", "3:purchase", "5:purchase",
    ]  # fmt: skip
    assert [(reject["line"], reject["event"]) for reject in found.rejects] == [
        (4, "canceled"), (5, ""), (6, "approved"), (7, "purchase"),
    ]  # fmt: skip
    assert "gives no interaction" in found.reasons[1]
    assert '"id" is empty' in found.reasons[3]


def test_rows_that_no_when_means_are_counted(loading: Loading) -> None:
    more = "    when: [{column: n, at_least: 2}, {any: [{column: k, is: x}, {column: k, present: false}]}]"
    found = loading(
        "who,t,n,k\np,2024-01-01,1,x\np,2024-01-01,2,x\np,2024-01-01,3,y\np,2024-01-01,3,\n", BASE % ("t", more)
    )
    assert len(found.rows) == 2
    assert found.counts == {"n_rows": 4, "n_rejects": 0, "n_left_out": 2}
    assert "2 rows are left out" in found.notes[0]


def test_properties_are_plain_text_of_their_type(loading: Loading) -> None:
    more = (
        "    properties:\n      due: {column: d, type: time}\n      items: {column: n, type: number}\n"
        "      gift: {column: g, type: boolean}\n      note: x\n      made: {value: here}\n"
        "      size: {column: s, map: {L: large}}"
    )
    row = one(loading, "t,d,n,g,x,s", "2024-01-01,2018-07-17 00:00:00,3.50,Yes,,L", more=more)
    assert row["properties"] == {
        "due": "2018-07-17T03:00:00Z", "items": "3.5", "gift": "true", "made": "here", "size": "large",
    }  # fmt: skip
    found = loading("who,t,d,n,g,x,s\np,2024-01-01,,many,,,\n", BASE % ("t", more))
    assert '"n" holds "many", which is not a number' in found.reasons[0]


def test_the_rest_keeps_every_other_column(loading: Loading) -> None:
    assert one(loading, "t,a,b", "2024-01-01,1,", more="    properties: rest")["properties"] == {"a": "1"}


def test_durations_have_units(loading: Loading) -> None:
    assert one(loading, "t,d", "2024-01-01,2.5", more="    duration: {column: d, unit: m}")["duration_s"] == 150.0


def test_a_row_without_key_is_known_by_its_content_whatever_the_mapping(loading: Loading) -> None:
    text = "who,t,x\np,2024-01-01,1\np,2024-01-01,1\np,2024-01-01,2\n"
    before = [row["content"] for row in loading(text, BASE % ("t", "")).rows]
    after = [row["content"] for row in loading(text, BASE % ("t", "    properties: {x: x}")).rows]
    assert before == after
    assert len(set(before)) == 2


def test_content_numbers_true_duplicates(loading: Loading) -> None:
    mapping = (BASE % ("t", "")).replace(
        "handles: {person: who}", "key: [_content]\nobjects: [{type: row, id: _content}]"
    )
    rows = loading("who,t\np,2024-01-01\np,2024-01-01\n", mapping).rows
    assert len({row["interaction_id"] for row in rows}) == 2
