"""Memberships, consents and rates: what a row says beside interactions."""

from __future__ import annotations

import datetime as dt

import pytest

from regard.errors import MappingError
from regard.sources import mapping_of, open_source

TEAM = """\
version: 1
source: crm
zone: Europe/Berlin
memberships:
  - account: {column: firm}
    handle: {email: mail, phone: phone}
    role: {column: job, map: {boss: sponsor}}
    from: since
    to: {column: until, precision: day}
  - {account: {column: firm}, parent: {column: group}, when: {column: group, present: true}}
consents:
  - {handle: {email: mail}, purpose: news, channel: {column: via}, from: since, when: {column: news, is: "yes"}}
"""
ROWS = """\
firm,group,mail,phone,job,since,until,news,via
Acme,Holding,ann@x.org,12,boss,2025-01-01,,yes,email
Acme,,ben@x.org,,user,,2025-06-01,no,
Bolt,,,,user,2025-01-01,,no,
,,cy@x.org,,user,2025-01-01,,no,
Bolt,,di@x.org,,user,2025-13-01,,no,
Bolt,,ed@x.org,,user,2025-02-01,2025-01-01,no,
"""
RATES = """\
version: 1
source: bank
zone: Asia/Tokyo
rates: [{currency: {column: code}, on: day, rate: rate}]
"""


@pytest.fixture
def said(engine, tmp_path):
    """Rows of the side tables that a file gives, and its rejects."""

    def read(text: str, mapping: str):
        (tmp_path / "file.csv").write_text(text, encoding="utf-8")
        with open_source([tmp_path / "file.csv"], mapping_of(mapping), engine) as load:
            batch = load.batch(load.files[0])
            assert engine.rows(batch.interactions.count().as_table())[0][0].as_py() == 0
            found = {name: engine.rows(table).to_pylist() for name, table in batch.sides.items()}
            return found, {row["line"]: row["reason"] for row in load.rejects()}, load.counts()

    return read


def test_a_row_gives_a_membership_for_each_handle_and_a_consent(said):
    found, rejects, counts = said(ROWS, TEAM)
    rows = {(r["account"], r["kind"], r["handle"]): r for r in found["memberships"]}
    assert set(rows) == {
        ("Acme", "email", "ann@x.org"), ("Acme", "phone", "12"), ("Acme", "email", "ben@x.org"), ("Acme", None, None),
    }  # fmt: skip
    ann, ben = rows["Acme", "email", "ann@x.org"], rows["Acme", "email", "ben@x.org"]
    assert (ann["role"], ann["to_at"], ann["source"]) == ("sponsor", None, "crm")
    assert ann["from_at"] == dt.datetime(2024, 12, 31, 23, tzinfo=dt.UTC)
    assert ben["from_at"] == dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
    assert rows["Acme", None, None]["parent"] == "Holding"
    (consent,) = found["consents"]
    assert (consent["handle"], consent["purpose"], consent["channel"]) == ("ann@x.org", "news", "email")
    assert {line: reason.split(":")[0][:20] for line, reason in rejects.items()} == {
        4: '"mail" and "phone" a', 5: '"firm" is empty', 6: '"since" holds "2025-', 7: "It ends before it be",
    }  # fmt: skip
    assert counts == {"n_rows": 6, "n_rejects": 4, "n_left_out": 0}


def test_rates_are_of_the_day_that_is_written_and_what_is_no_rate_is_refused(said):
    text = "code,day,rate\nusd,2025-03-01,0.92\nJPY,2025-03-01,\nXXQ,2025-03-01,1\nKWD,2025-03-01,-3\nKWD,soon,3\n"
    found, rejects, _ = said(text, RATES)
    assert [(r["currency"], r["on"], r["rate"]) for r in found["rates"]] == [("USD", dt.date(2025, 3, 1), 0.92)]
    assert sorted(rejects) == [3, 4, 5, 6]
    assert "no currency" in rejects[4]
    assert "no rate" in rejects[5]


def test_a_mapping_gives_something_and_names_what_is_there(said):
    with pytest.raises(MappingError, match="interactions"):
        mapping_of("version: 1\nsource: x\n")
    with pytest.raises(MappingError, match="no column 'firm'"):
        said("form,mail\nAcme,a@x.org\n", "version: 1\nsource: x\nmemberships: [{account: {column: firm}}]\n")
