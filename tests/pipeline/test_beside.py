"""Memberships, consents and rates from files, through the river, to where they are used."""

from __future__ import annotations

import pytest
from tests.pipeline.conftest import NOW, ORDERS_MAP, load

from regard import pipeline
from regard.engine import connect
from regard.errors import TableError

TEAM_MAP = """\
version: 1
source: crm
zone: Europe/Berlin
memberships: [{account: Acme, handle: {email: mail}, role: buyer, from: since}]
consents: [{handle: {email: mail}, purpose: news, channel: {column: via}, from: since, to: until}]
"""
TEAM = "mail,since,until,via\nADA@example.org,2025-02-01,2025-02-20,email\nben@example.org,2025-01-01,,phone\n"
RATES_MAP = "version: 1\nsource: bank\nrates: [{currency: {column: code}, on: day, rate: rate}]\n"
RATES = "code,day,rate\nJPY,2025-01-20,0.0062\nKWD,2025-01-20,3.1\n"


def bring(shop, name: str, mapping: str, text: str) -> pipeline.Brought:
    (shop.maps / f"{name}.map.yaml").write_text(mapping, encoding="utf-8")
    (shop.root / f"{name}.csv").write_text(text, encoding="utf-8")
    files = [str(shop.root / f"{name}.csv")]
    return pipeline.bring_in(shop, files, mapping=shop.maps / f"{name}.map.yaml", now=NOW)[0]


def run(shop):
    engine = connect("duckdb")
    try:
        return pipeline.run(shop, engine, pipeline.Order(now=NOW))
    finally:
        engine.close()


def test_memberships_name_the_account_and_consents_stand_in_the_story(shop):
    load(shop)
    came = bring(shop, "team", TEAM_MAP, TEAM)
    assert (came.n_interactions, came.n_sides) == (0, 4)
    assert "4 new beside them" in came.line()
    run(shop)
    ada = pipeline.story(shop, "ada@example.org", level="transaction")
    accounts = {row["at"].isoformat()[:10]: row["account"] for row in ada.touches}
    assert accounts["2025-01-02"] is None
    assert accounts["2025-02-02"] == "Acme"
    assert [(row["purpose"], row["channel"], row["to_at"] is None) for row in ada.consents] == [
        ("news", "email", False)
    ]
    assert ada.as_data()["consents"]
    assert pipeline.story(shop, "cyd@example.org").consents == []


def test_money_of_three_exponents_is_converted_or_refused_in_a_sentence(shop):
    mapping = ORDERS_MAP.replace("source: shop", "source: abroad").replace("currency: EUR", "currency: {column: code}")
    mapping = mapping.replace("files: orders.csv\n", "")
    text = (
        "order,customer,email,placed,due,delivered,total,code\n"
        "J1,K8,jo@example.org,2025-01-25 10:00,,,10000,JPY\nJ2,K9,ku@example.org,2025-01-26 10:00,,,1.234,KWD\n"
    )
    assert bring(shop, "abroad", mapping, text).n_interactions == 2
    with pytest.raises(TableError, match="money in JPY and no rate"):
        run(shop)
    assert bring(shop, "rates", RATES_MAP, RATES).n_sides == 2
    run(shop)
    assert pipeline.story(shop, "jo@example.org").value["spent_minor"] == 6200  # 10,000 yen at 0.0062 are 62.00 euros
    assert pipeline.story(shop, "ku@example.org").value["spent_minor"] == 383  # 1.234 dinars at 3.1 are 3.83 euros
