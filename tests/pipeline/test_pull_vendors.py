"""The bundled pulls of Zendesk, HubSpot and Stripe against servers that answer as theirs do."""

from __future__ import annotations

import datetime as dt
import os
import signal
import subprocess
import sys
import time

import pytest
from tests.pipeline.vendors import Answer, Hubspot, Stripe, Zendesk, served

from regard import pipeline
from regard.engine import connect
from regard.errors import SettingError, WorkspaceError
from regard.ledger import Ledger

NOW = dt.datetime(2026, 3, 1, 12, tzinfo=dt.UTC)
SECRETS = {
    "ZENDESK_SUBDOMAIN": "acme-support", "ZENDESK_EMAIL": "ops@x.com", "ZENDESK_TOKEN": "zd-secret",
    "HUBSPOT_TOKEN": "hs-secret", "STRIPE_KEY": "sk-secret",
}  # fmt: skip
HOSTS = {
    "zendesk": "https://${ZENDESK_SUBDOMAIN}.zendesk.com",
    "hubspot": "https://api.hubapi.com",
    "stripe": "https://api.stripe.com",
}


@pytest.fixture
def vendor(workspace, monkeypatch):
    """Adds a bundled pull to the workspace, pointed at a server of the vendor's kind, with the vendor's blueprint."""
    open_ = []
    for name, value in SECRETS.items():
        monkeypatch.setenv(name, value)

    def started(name, made):
        made.address, server = served(made.page)
        open_.append(server)
        pipeline.add_pull(workspace, name)
        place = workspace.pulls / f"{name}.pull.yaml"
        text = place.read_text()
        assert HOSTS[name] in text
        place.write_text(text.replace(HOSTS[name], made.address))
        workspace.blueprint.write_text((workspace.pulls / f"{name}.touchpoints.yaml").read_text())
        return made

    yield started
    for server in open_:
        server.shutdown()
        server.server_close()


def pulled(workspace):
    (one,) = pipeline.pull(workspace, clock=lambda: NOW)
    assert one.problem is None, one.problem
    assert one.n_rejects == 0, one.sample
    return one


def facts(workspace):
    engine = connect("duckdb")
    rows = engine.rows(Ledger.open(workspace).read(engine).order_by("occurred_at", "interaction_id")).to_pylist()
    engine.close()
    return rows


def of(workspace, event):
    return [row for row in facts(workspace) if row["event"] == event]


def people(workspace):
    """event -> the person's handles of each fact, as resolved by the vendor's blueprint."""
    from regard import identity
    from regard.blueprint import read

    engine = connect("duckdb")
    ledger, blueprint = Ledger.open(workspace), read(workspace.blueprint)
    got = identity.resolve(ledger.read(engine), ledger.side("decisions", engine), blueprint, engine)
    persons = {row["handle"]: row["person_id"] for row in engine.rows(got.persons).to_pylist()}
    found = engine.rows(got.assigned.select("event", "person_id")).to_pylist()
    engine.close()
    return persons, found


def zendesk_day(desk):
    for number in range(1, 6):
        desk.user(number, f"2026-01-0{number}T00:00:00Z")
    desk.user(90, "2026-01-06T00:00:00Z", role="agent")
    for number in range(11, 14):
        desk.ticket(number, number - 10, f"2026-01-1{number - 10}T00:00:00Z")
        desk.comment(number * 10, number, number - 10, "2026-01-02T00:00:00Z")
    desk.comment(111, 11, 90, "2026-01-03T00:00:00Z")
    desk.comment(112, 11, 90, "2026-01-03T01:00:00Z", public=False)
    desk.comment(113, 11, 1, "2026-01-03T02:00:00Z")
    desk.rating(501, 11, 1, "bad", "2026-01-04T00:00:00Z", "Took days")
    desk.rating(502, 12, 2, "good", "2026-01-05T00:00:00Z", None)
    desk.rating(503, 13, 3, "good", "2026-01-05T00:00:00Z", None)
    return desk


def test_zendesk_brings_users_tickets_comments_and_ratings_to_the_person_who_asked(workspace, vendor):
    desk = zendesk_day(vendor("zendesk", Zendesk()))
    pulled(workspace)
    assert [row["text"] for row in of(workspace, "ticket_opened")] == ["Ticket 11", "Ticket 12", "Ticket 13"]
    assert [(row["text"], row["direction"]) for row in of(workspace, "ticket_answered")] == [("said 111", "us")]
    assert sorted(row["text"] for row in of(workspace, "ticket_asked")) == [
        "said 110",
        "said 113",
        "said 120",
        "said 130",
    ]
    rated = [(row["rating"], row["scale"], row["text"]) for row in of(workspace, "ticket_rated")]
    assert sorted(rated, key=str)[0] == (0.0, "zendesk_csat", "Took days") and len(rated) == 3
    assert len(of(workspace, "identify")) == 5
    persons, found = people(workspace)
    mine = [row["event"] for row in found if row["person_id"] == persons["u1@x.com"]]
    assert sorted(mine) == [
        "identify", "ticket_answered", "ticket_asked", "ticket_asked", "ticket_opened", "ticket_rated",
    ]  # fmt: skip
    assert len(desk.asked("incremental/tickets/cursor.json")) == 2


def test_zendesk_is_asked_next_for_what_changed_and_a_deleted_ticket_does_no_harm(workspace, vendor):
    desk = zendesk_day(vendor("zendesk", Zendesk()))
    pulled(workspace)
    before = len(facts(workspace))
    assert pulled(workspace).n_interactions == 0
    last = desk.asked("incremental/tickets/cursor.json")[-1]
    assert last["start_time"] == str(int(dt.datetime(2026, 1, 13, tzinfo=dt.UTC).timestamp()))
    desk.ticket(12, 2, "2026-02-01T00:00:00Z", status="solved")
    desk.comment(121, 12, 2, "2026-02-01T00:00:00Z")
    desk.ticket(14, 4, "2026-02-02T00:00:00Z", status="deleted")
    desk.rating(504, 12, 2, "bad", "2026-02-02T00:00:00Z", "Again")
    done = pulled(workspace)
    assert len(facts(workspace)) == before + 2 and done.n_interactions >= 2
    assert [dict(row["properties"])["status"] for row in of(workspace, "ticket_opened")] == ["open", "solved", "open"]


@pytest.mark.parametrize("status", [429, 503])
def test_zendesk_is_given_the_pause_that_it_asks_for(workspace, vendor, status):
    desk = zendesk_day(vendor("zendesk", Zendesk()))
    said = {"X-Rate-Limit": "10", "X-Rate-Limit-Remaining": "0"}
    desk.wrong = {
        ("incremental/users/cursor.json", 2): Answer(
            status, b"Rate limit for ticket/user exports exceeded", Retry_After="1", **said
        )
    }
    began = time.monotonic()
    pulled(workspace)
    assert time.monotonic() - began >= 1 and len(of(workspace, "identify")) == 5


def test_a_ticket_that_changes_between_two_pages_is_there_once_as_it_is_now(workspace, vendor):
    desk = zendesk_day(vendor("zendesk", Zendesk()))
    second = ("incremental/tickets/cursor.json", 2)
    desk.before = {second: lambda: desk.ticket(11, 1, "2026-02-01T00:00:00Z", status="solved")}
    pulled(workspace)
    found = [(row["text"], dict(row["properties"])["status"]) for row in of(workspace, "ticket_opened")]
    assert sorted(found) == [("Ticket 11", "solved"), ("Ticket 12", "open"), ("Ticket 13", "open")]


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        (Answer(200, b'{"users": [{"id": 1'), "is not JSON"),
        (Answer(200, {"users": []}), "whether it is the last"),
        (Answer(200, {"users": [], "end_of_stream": False, "after_url": "https://evil.example/x"}), "another server"),
        (Answer(401, {"error": "Couldn't authenticate you"}), "does not accept who we say we are"),
    ],
)
def test_what_zendesk_should_not_say_keeps_the_cursor_and_the_secret(workspace, vendor, wrong, says):
    desk = zendesk_day(vendor("zendesk", Zendesk()))
    desk.wrong = {("incremental/users/cursor.json", 2): wrong}
    (done,) = pipeline.pull(workspace, clock=lambda: NOW)
    assert says in done.problem.problem
    shown = str(done.problem)
    assert "zd-secret" not in shown and all(secret not in shown for secret in ("Basic ", "b3BzQ"))
    pulled(workspace)
    assert len(of(workspace, "identify")) == 5 and len(of(workspace, "ticket_opened")) == 3


def test_hubspot_brings_contacts_deals_and_talks_to_the_contact_and_its_company(workspace, vendor):
    crm = vendor("hubspot", Hubspot())
    hubspot_day(crm)
    pulled(workspace)
    (won,) = of(workspace, "deal_won")
    assert (won["amount_minor"], won["currency"], won["direction"]) == (120050, "EUR", "customer")
    (lost,) = of(workspace, "deal_lost")
    assert lost["handles"] == [{"kind": "hubspot_contact", "value": "2"}]
    (call,) = of(workspace, "call")
    assert (call["duration_s"], call["direction"], call["text"]) == (61.5, "customer", "Where is it?\nAsked for news.")
    persons, found = people(workspace)
    mine = sorted(row["event"] for row in found if row["person_id"] == persons["c1@x.com"])
    assert mine == ["call", "deal_begun", "deal_won", "emailed", "identify", "meeting"]
    engine = connect("duckdb")
    belongs = engine.rows(Ledger.open(workspace).side("memberships", engine)).to_pylist()
    engine.close()
    assert {row["account"] for row in belongs} == {"77"}


def hubspot_day(crm):
    for number in range(1, 6):
        at = f"2026-01-0{number}T00:00:00.000Z"
        crm.put("contacts", number, at, email=f"c{number}@x.com", firstname="A", associatedcompanyid="77")
    crm.put("companies", 77, "2026-01-01T00:00:00.000Z", name="Acme", numberofemployees="12")
    closed = {"hs_is_closed": "true", "closedate": "2026-02-01T00:00:00Z", "createdate": "2026-01-05T00:00:00Z"}
    crm.put("deals", 31, "2026-02-01T00:00:00.000Z", 1, hs_is_closed_won="true", amount="1200.50",
            deal_currency_code="EUR", **closed)  # fmt: skip
    crm.put("deals", 32, "2026-02-02T00:00:00.000Z", 2, hs_is_closed_won="false", **closed)
    crm.put("calls", 41, "2026-02-02T00:00:00.000Z", 1, hs_timestamp="2026-02-02T10:00:00Z",
            hs_call_title="Where is it?", hs_call_body="Asked for news.", hs_call_direction="INBOUND",
            hs_call_duration="61500")  # fmt: skip
    crm.put("emails", 51, "2026-02-02T00:00:00.000Z", 1, hs_timestamp="2026-02-02T11:00:00Z", hs_email_subject="Soon",
            hs_email_text="Tomorrow.", hs_email_direction="EMAIL")  # fmt: skip
    crm.put("meetings", 61, "2026-02-03T00:00:00.000Z", 1, hs_meeting_start_time="2026-02-03T09:00:00Z",
            hs_meeting_title="Review", hs_meeting_outcome="COMPLETED")  # fmt: skip


def test_hubspots_lists_are_read_to_their_end_and_only_what_changed_is_taken(workspace, vendor):
    crm = vendor("hubspot", Hubspot())
    hubspot_day(crm)
    limit = {"status": "error", "errorType": "RATE_LIMIT", "policyName": "TEN_SECONDLY_ROLLING",
             "message": "You have reached your ten_secondly_rolling limit."}  # fmt: skip
    crm.wrong = {("contacts", 2): Answer(429, limit), ("deals", 1): Answer(502, b"bad gateway")}
    pulled(workspace)
    before = len(facts(workspace))
    assert pulled(workspace).n_rows == 0
    crm.put("contacts", 2, "2026-02-10T00:00:00.000Z", email="new2@x.com", firstname="B", associatedcompanyid="77")
    crm.put("contacts", 9, "2026-02-11T00:00:00.000Z", email="c9@x.com", firstname="C")
    done = pulled(workspace)
    assert (done.n_rows, len(facts(workspace))) == (2, before + 1)
    assert any({"kind": "email", "value": "new2@x.com"} in row["handles"] for row in of(workspace, "identify"))


def stripe_day(pay):
    day = 86_400
    for number in range(1, 6):
        pay.put("customers", f"cus_{number}", number * day, email=f"s{number}@x.com", name="S", phone=None)
        pay.put("charges", f"ch_{number}", (100 + number) * day, customer=f"cus_{number}", amount=1999, currency="eur",
                status="succeeded", paid=True, billing_details={"email": f"s{number}@x.com"})  # fmt: skip
    pay.put("charges", "ch_yen", 110 * day, customer="cus_1", amount=500, currency="jpy", status="succeeded")
    pay.put("charges", "ch_isk", 110 * day, customer="cus_1", amount=500, currency="isk", status="succeeded")
    pay.put("charges", "ch_no", 111 * day, customer="cus_2", amount=100, currency="eur", status="failed",
            failure_message="Your card was declined.", failure_code="card_declined")  # fmt: skip
    pay.put("refunds", "re_1", 112 * day, charge="ch_1", amount=1999, currency="eur", status="succeeded", reason=None)
    pay.put(
        "disputes", "dp_1", 113 * day, charge="ch_2", amount=1999, currency="eur", status="lost", reason="fraudulent"
    )
    pay.put("subscriptions", "sub_1", 101 * day, customer="cus_1", start_date=101 * day, status="canceled",
            canceled_at=120 * day, ended_at=130 * day,
            cancellation_details={"comment": "Too dear", "reason": "x"})  # fmt: skip
    pay.put("invoices", "in_1", 101 * day, customer="cus_1", customer_email="s1@x.com", amount_due=1999, currency="eur",
            status_transitions={"finalized_at": 101 * day, "paid_at": None,
                                "marked_uncollectible_at": None})  # fmt: skip
    return pay


def test_stripe_brings_money_in_its_minor_units_to_the_customer(workspace, vendor):
    stripe_day(vendor("stripe", Stripe()))
    pulled(workspace)
    money = {row["interaction_id"]: (row["amount_minor"], row["currency"]) for row in of(workspace, "payment")}
    assert (money["ch_1:payment"], money["ch_yen:payment"], money["ch_isk:payment"]) == (
        (1999, "EUR"), (500, "JPY"), (5, "ISK"),
    )  # fmt: skip
    (refund,) = of(workspace, "refund")
    assert (refund["amount_minor"], refund["direction"]) == (-1999, "us")
    persons, found = people(workspace)
    mine = sorted(row["event"] for row in found if row["person_id"] == persons["s1@x.com"])
    assert mine == [
        "identify", "invoice_sent", "payment", "payment", "payment", "refund", "subscribed", "subscription_cancelled",
        "subscription_ended",
    ]  # fmt: skip
    theirs = sorted(row["event"] for row in found if row["person_id"] == persons["s2@x.com"])
    assert theirs == ["identify", "payment", "payment_disputed", "payment_failed"]


def test_stripe_is_asked_from_before_the_last_one_and_what_changed_meanwhile_is_corrected(workspace, vendor):
    pay = stripe_day(vendor("stripe", Stripe()))
    pay.wrong = {("charges", 2): Answer(429, {"error": {"type": "rate_limit_error"}}, Retry_After="1")}
    pulled(workspace)
    before = len(facts(workspace))
    assert pulled(workspace).n_interactions == 0
    last = pay.asked("charges")[-1]
    assert last["created[gte]"] == str(111 * 86_400 - 1_209_600)
    pay.put("charges", "ch_no", 111 * 86_400, customer="cus_2", amount=100, currency="eur", status="succeeded")
    pay.put("charges", "ch_9", 140 * 86_400, customer="cus_3", amount=100, currency="eur", status="succeeded")
    paid = {"finalized_at": 101 * 86_400, "paid_at": 102 * 86_400, "marked_uncollectible_at": None}
    pay.put(
        "invoices", "in_1", 101 * 86_400, customer="cus_1", amount_due=1999, currency="eur", status_transitions=paid
    )
    pulled(workspace)
    assert len(facts(workspace)) == before + 3
    assert {"ch_no:payment", "ch_9:payment"} <= {row["interaction_id"] for row in of(workspace, "payment")}


def test_a_payment_made_while_the_pages_are_read_comes_with_this_pull_or_the_next(workspace, vendor):
    pay = stripe_day(vendor("stripe", Stripe()))
    late = 150 * 86_400
    put = {"customer": "cus_1", "amount": 700, "currency": "eur", "status": "succeeded"}
    pay.before = {
        number: (lambda n=number: pay.put("charges", f"ch_late{n}", late + n, **put)) for number in range(4, 14)
    }
    pulled(workspace)
    pulled(workspace)
    names = [row["interaction_id"] for row in of(workspace, "payment") if "late" in row["interaction_id"]]
    assert len(names) == len(set(names)) == 10


def test_killed_in_the_middle_a_pull_goes_on_and_nothing_is_doubled(workspace, vendor):
    pay = stripe_day(vendor("stripe", Stripe()))
    pay.before = {number: (lambda: time.sleep(0.4)) for number in range(1, 40)}
    command = [sys.executable, "-m", "regard", "-w", str(workspace.root), "pull", "stripe"]
    child = subprocess.Popen(command, env={**os.environ, **SECRETS}, stderr=subprocess.DEVNULL)
    until = time.monotonic() + 60
    while len(pay.seen) < 5 and time.monotonic() < until:
        time.sleep(0.02)
    child.send_signal(signal.SIGKILL)
    child.wait()
    assert len(pay.seen) >= 5
    pay.before = {}
    pulled(workspace)
    names = [row["interaction_id"] for row in facts(workspace)]
    assert len(names) == len(set(names)) and len(of(workspace, "payment")) == 7


def test_a_bundled_pull_is_written_once_and_says_what_is_missing(workspace, monkeypatch):
    for name in SECRETS:
        monkeypatch.delenv(name, raising=False)
    added = pipeline.add_pull(workspace, "stripe")
    assert added.secrets == ("STRIPE_KEY",) and all((workspace.root / file).is_file() for file in added.files)
    with pytest.raises(WorkspaceError, match="already"):
        pipeline.add_pull(workspace, "stripe")
    with pytest.raises(SettingError, match="hubspot"):
        pipeline.add_pull(workspace, "hubspt")


@pytest.mark.parametrize("name", sorted(pipeline.systems()))
def test_what_is_bundled_passes_the_check(workspace, name):
    added = pipeline.add_pull(workspace, name)
    workspace.blueprint.write_text((workspace.root / added.files[-1]).read_text())
    found = [
        one for one in pipeline.check(workspace, now=NOW) if one.severity != "note" and "secret" not in one.problem
    ]
    assert found == []


def test_reviews_of_a_site_come_by_its_api(workspace, monkeypatch):
    reviews = [
        {"review_id": number, "author": "ada" if number == 1 else None, "published_at": "2026-01-01T10:00:00Z",
         "updated_at": f"2026-01-0{number}T10:00:00Z", "stars": number, "title": "Late", "body": None, "views": 1200,
         "order_id": None, "site": "shops"}
        for number in (1, 2, 3)
    ]  # fmt: skip

    def page(path, query, headers):
        due = [one for one in reviews if one["updated_at"] >= query["updated_since"]]
        begin = int(query.get("page", 0))
        return {"reviews": due[begin : begin + 2], "next": str(begin + 2) if begin + 2 < len(due) else None}

    address, server = served(page)
    monkeypatch.setenv("REVIEWS_URL", address)
    monkeypatch.setenv("REVIEWS_TOKEN", "a-token")
    pipeline.add_pull(workspace, "reviews")
    pulled(workspace)
    found = [
        (row["rating"], row["scale"], dict(row["properties"])["reach"], len(row["handles"])) for row in facts(workspace)
    ]
    assert sorted(found) == [(1.0, "stars", "1200", 1), (2.0, "stars", "1200", 0), (3.0, "stars", "1200", 0)]
    reviews[1] |= {"stars": 5, "updated_at": "2026-02-01T10:00:00Z"}
    pulled(workspace)
    assert sorted(row["rating"] for row in facts(workspace)) == [1.0, 3.0, 5.0]
    server.shutdown()
    server.server_close()


def test_the_command_writes_the_files_and_says_what_to_do_next(workspace):
    command = [sys.executable, "-m", "regard", "-w", str(workspace.root), "pull", "--add", "zendesk"]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert ended.returncode == 0, ended.stderr
    assert "pulls/zendesk.pull.yaml" in ended.stdout and "regard pull --secret ZENDESK_TOKEN" in ended.stdout
    assert (workspace.pulls / "zendesk.pull.yaml").is_file()
    again = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert again.returncode == 1 and "already" in again.stderr
