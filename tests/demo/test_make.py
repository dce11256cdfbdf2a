"""What the generator promises before anything reads it: the same files from a seed, and the stated truths in them."""

from __future__ import annotations

import csv
import datetime as dt
import hashlib
import json
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from regard import demo
from regard.blueprint import check
from regard.demo import accounts, company, feelings, orders, truths
from regard.demo.people import DAY, END, START, draw


def rows(folder: Path, name: str) -> list[dict[str, str]]:
    with (folder / "exports" / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> demo.Made:
    return demo.make(tmp_path_factory.mktemp("demo") / "ws", people=3_000)


def test_the_same_seed_gives_the_same_files(made: demo.Made, tmp_path: Path) -> None:
    def hashes(folder: Path) -> dict[str, str]:
        files = sorted(path for path in folder.rglob("*") if path.is_file())
        return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}

    again = demo.make(tmp_path / "again", people=3_000)
    other = demo.make(tmp_path / "other", people=3_000, seed=7)
    assert hashes(again.folder) == hashes(made.folder)
    assert hashes(other.folder)["exports/orders.csv"] != hashes(made.folder)["exports/orders.csv"]
    assert again.rows == made.rows


def test_the_blueprint_has_nothing_to_mend(made: demo.Made) -> None:
    assert [finding for finding in check(made.folder / "blueprint.yaml") if finding.severity == "error"] == []


def test_every_map_reads_an_export_that_is_there(made: demo.Made) -> None:
    named = {
        line.split(":", 1)[1].strip()
        for path in (made.folder / "maps").glob("*.map.yaml")
        for line in path.read_text(encoding="utf-8").splitlines()
        if line.startswith("files:")
    }
    assert named == {path.name for path in (made.folder / "exports").iterdir()}


def test_nothing_happens_outside_the_year(made: demo.Made) -> None:
    for name, column in (
        ("orders", "placed_at"),
        ("orders", "paid_at"),
        ("surveys", "answered_at"),
        ("service_desk", "at"),
    ):
        known = [row[column] for row in rows(made.folder, name) if row[column]]
        assert min(known) >= f"{truths.YEAR}-01-01"
        assert max(known) < f"{truths.YEAR + 1}-01-01"


def test_few_answer_and_the_quiet_coast_hardly(made: demo.Made) -> None:
    region = {row["customer_no"]: row["region"] for row in rows(made.folder, "customers")}
    asked: Counter[bool] = Counter()
    said: Counter[bool] = Counter()
    for row in rows(made.folder, "surveys"):
        quiet = region[row["customer_no"]] == truths.QUIET_REGION
        asked[quiet] += 1
        said[quiet] += bool(row["answered_at"])
    assert 0.05 < said[False] / asked[False] < 0.085
    assert said[True] / asked[True] < 0.03


def test_the_incident_strikes_the_coast_in_its_weeks(made: demo.Made) -> None:
    first, last = (day.isoformat() for day in truths.INCIDENT)
    fails: dict[bool, list[bool]] = {True: [], False: []}
    for row in rows(made.folder, "orders"):
        struck = row["region"] == truths.QUIET_REGION and first <= row["placed_at"][:10] <= last
        fails[struck].append(bool(row["payment_failed_at"]))
    assert 0.35 < np.mean(fails[True]) < 0.65
    assert np.mean(fails[False]) < 0.03


def test_the_scanner_says_to_your_door_whatever_the_photo_shows(made: demo.Made) -> None:
    lines = (made.folder / "exports/courier.jsonl").read_text(encoding="utf-8").splitlines()
    scans = [json.loads(line) for line in lines]
    assert {scan["place"] for scan in scans} == {"to your door"}
    dwelling = {row["customer_no"]: (row["region"], row["dwelling"]) for row in rows(made.folder, "customers")}
    whose = {row["order_no"]: dwelling[row["customer_no"]] for row in rows(made.folder, "orders")}
    since = truths.LETTER_FROM.isoformat()
    flats = [
        scan for scan in scans if whose[scan["parcel"]] == (truths.LETTER_REGION, "flat") and scan["scanned_at"] > since
    ]
    left = [scan for scan in scans if scan["photo"] == "entrance"]
    assert {whose[scan["parcel"]] for scan in left} == {(truths.LETTER_REGION, "flat")}
    assert len(left) / len(flats) == pytest.approx(truths.LETTER_SHARE, abs=0.06)
    notes = [float(row["expected_rating"]) for row in rows(made.folder, "staff_notes")]
    assert np.mean(notes) == pytest.approx(truths.STAFF_RATING, abs=0.15)


def test_every_contact_of_the_difficult_customer_follows_a_late_delivery(made: demo.Made) -> None:
    late = {
        row["po_number"]: row["delivered_at"]
        for row in rows(made.folder, "business_orders")
        if row["delivered_at"][:10] > row["promised_on"]
    }
    told = rows(made.folder, "accounts")
    contacts = [row for row in told if row["email"] == truths.DIFFICULT and row["what"] == "contact"]
    assert len(contacts) == truths.DIFFICULT_CONTACTS
    assert all(late[row["po_number"]] < row["at"] for row in contacts)
    assert {row["account"] for row in contacts} == {truths.ACCOUNT}
    sponsor = [row for row in told if row["account"] == truths.ACCOUNT and row["role"] == "sponsor"]
    scores = [row["score"] for row in sponsor if row["score"]]
    assert set(scores) == {"10"}


def test_regard_is_the_stated_sum_of_what_happened() -> None:
    """Against a plain loop over everything that happened to one person."""
    rng = np.random.default_rng(4)
    people = draw(rng, 200)
    bought = orders.draw(rng, people)
    lived = feelings.moments(bought, (np.array([3]), np.array([START + 40 * DAY])))
    who, at = np.arange(200), np.full(200, END - 20 * DAY)
    found = feelings.regard_at(people, lived, who, at)
    for person in range(200):
        eta = people.leaning[person]
        for place in np.flatnonzero((lived.who == person) & (lived.at < at[person])):
            days = np.array([(at[person] - lived.at[place]) / DAY])
            eta += lived.size[place] * truths.memory(days, loss=bool(lived.loss[place]))[0]
        assert found[person] == pytest.approx(eta, abs=1e-12)


def test_answers_follow_the_stated_cut_points() -> None:
    rng = np.random.default_rng(5)
    scores = feelings.ratings(rng, np.zeros(200_000))
    detractors, promoters = np.mean(scores <= 6), np.mean(scores >= 9)
    assert detractors == pytest.approx(1 / (1 + np.exp(-truths.NPS_CUTS[0])), abs=0.005)
    assert promoters == pytest.approx(1 - 1 / (1 + np.exp(-truths.NPS_CUTS[1])), abs=0.005)


def test_an_office_shares_its_telephone() -> None:
    team = accounts.staff(np.random.default_rng(1))
    assert len(set(team.phone)) == len(set(team.account))
    assert len(set(team.email)) == len(team)
    assert dt.date(truths.YEAR, 12, 31) < truths.RENEWAL


def test_everyone_of_a_business_customer_is_a_member_of_it(made: demo.Made) -> None:
    members = {row["email"]: row for row in rows(made.folder, "business_contacts")}
    for name, email in (("business_orders", "ordered_by"), ("accounts", "email")):
        for row in rows(made.folder, name):
            member = members[row[email]]
            assert (member["account"], member["role"]) == (row["account"], row["role"])
    assert {row["account"] for row in members.values() if row["group"]} == set(company.IN_GROUP)
