"""Files into the ledger: what was loaded before is known by its hash, before any of its rows is read."""

from __future__ import annotations

import gzip

import pytest
from tests.pipeline.conftest import NOW, ORDERS, ORDERS_MAP

from regard import pipeline, sources

LOG = """\
<?xml version="1.0"?>
<log xes.version="1.0"><trace><string key="concept:name" value="A"/><event>
<string key="concept:name" value="start"/><date key="time:timestamp" value="2025-01-01T00:00:00Z"/>
</event></trace></log>
"""


def bring(shop, *names: str, **more) -> list[pipeline.Brought]:
    mapping = None if names[0].endswith((".xes", ".gz")) else shop.maps / "orders.map.yaml"
    return pipeline.bring_in(shop, [str(shop.root / name) for name in names], mapping=mapping, now=NOW, **more)


@pytest.fixture
def unreadable(monkeypatch):
    """From here on, reading a row of a file is a failure."""

    def forbid(*args, **more):
        raise AssertionError("a row was read")

    return lambda: monkeypatch.setattr(sources.load, "staged", forbid)


def test_a_file_loaded_before_is_not_read_again_whatever_its_name(shop, unreadable):
    (first,) = bring(shop, "orders.csv")
    assert (first.already, first.n_interactions) == (False, 7)
    unreadable()
    (shop.root / "renamed.csv").write_text(ORDERS, encoding="utf-8")
    for again in bring(shop, "orders.csv", "renamed.csv"):
        assert again.already
        assert (again.source, again.n_rows, again.n_known) == ("shop", 4, 7)
        assert "loaded before" in again.line()


def test_a_change_in_a_joined_file_is_read(shop):
    (shop.root / "people.csv").write_text("customer,language\nK1,de\nK2,fr\n", encoding="utf-8")
    text = ORDERS_MAP.replace("key: [order]", "joins: [{file: people.csv, on: customer, as: who}]\nkey: [order]")
    (shop.maps / "orders.map.yaml").write_text(text, encoding="utf-8")
    assert not bring(shop, "orders.csv")[0].already
    assert bring(shop, "orders.csv")[0].already
    (shop.root / "people.csv").write_text("customer,language\nK1,de\nK2,it\n", encoding="utf-8")
    (again,) = bring(shop, "orders.csv")
    assert (again.already, again.n_known) == (False, 7)


def test_a_log_under_another_name_is_the_same_log(shop):
    (shop.root / "road.xes").write_text(LOG, encoding="utf-8")
    (shop.root / "street.xes").write_text(LOG, encoding="utf-8")
    (shop.root / "lane.xes.gz").write_bytes(gzip.compress(LOG.replace("A", "B").encode(), mtime=0))
    first, second, third = bring(shop, "road.xes", "street.xes", "lane.xes.gz")
    assert (first.already, first.source, first.n_interactions) == (False, "road", 1)
    assert (second.already, second.source) == (True, "road")
    assert (third.already, third.source) == (False, "lane")


def test_strict_refuses_a_file_whose_misfits_were_once_let_pass(shop):
    (shop.root / "orders.csv").write_text(ORDERS + "D1,K4,,someday,,,1.00\n", encoding="utf-8")
    (first,) = bring(shop, "orders.csv")
    assert first.n_rejects == 1
    (again,) = bring(shop, "orders.csv")
    assert (again.already, again.n_rejects) == (True, 1)
    (strict,) = bring(shop, "orders.csv", strict=True)
    assert (strict.refused, strict.n_interactions) == (True, 0)
    assert "someday" in strict.sample[0][1]
