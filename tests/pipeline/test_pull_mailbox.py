"""A mailbox from end to end: what customers and we wrote to each other, however ugly, once, on the right story."""

from __future__ import annotations

import datetime as dt
import subprocess

import pytest
from tests.pipeline.postoffice import Postoffice

from regard import pipeline
from regard.engine import connect
from regard.ledger import Ledger

NOW = dt.datetime(2026, 3, 5, 12, tzinfo=dt.UTC)
PASSWORD = "m41l-s3cret"


@pytest.fixture
def office(workspace, monkeypatch):
    made = Postoffice(PASSWORD)
    for name, value in (("MAIL_HOST", "127.0.0.1"), ("MAIL_USER", "help@example.com"), ("MAIL_PASSWORD", PASSWORD)):
        monkeypatch.setenv(name, value)
    added = pipeline.add_pull(workspace, "mailbox")
    place = workspace.pulls / "mailbox.pull.yaml"
    place.write_text(place.read_text().replace("  user:", f"  port: {made.port}\n  security: none\n  user:"))
    workspace.blueprint.write_text((workspace.root / added.files[-1]).read_text())
    yield made
    made.close()


def mail(sender="Ada <ada@x.org>", to="help@example.com", name="1", body="Where is it?", date=None, **more):
    headers = {"From": sender, "To": to, "Subject": "My parcel", "Message-ID": f"<{name}@x.org>",
               "Date": date or "Mon, 02 Mar 2026 09:00:00 +0100"}  # fmt: skip
    headers |= {key.replace("_", "-"): value for key, value in more.items()}
    lines = [f"{key}: {value}" for key, value in headers.items() if value is not None]
    return ("\r\n".join(lines) + "\r\n\r\n" + body).encode("utf-8", "surrogateescape")


def pulled(workspace):
    (one,) = pipeline.pull(workspace, clock=lambda: NOW)
    assert one.problem is None, one.problem
    return one


def facts(workspace):
    engine = connect("duckdb")
    rows = engine.rows(Ledger.open(workspace).read(engine).order_by("occurred_at", "interaction_id")).to_pylist()
    engine.close()
    for row in rows:
        row["who"] = [one["value"] for one in row["handles"] or []]
        row["properties"] = dict(row["properties"] or {})
    return rows


def test_a_conversation_is_one_thread_on_the_customers_story(workspace, office):
    office.put("INBOX", mail())
    office.put("Sent", mail("Help <help@example.com>", "Ada <ada@x.org>, bo@example.com", "2", "Tomorrow.",
                            "Mon, 02 Mar 2026 10:00:00 +0100", In_Reply_To="<1@x.org>",
                            References="<1@x.org>"))  # fmt: skip
    quoted = "Thank you!\r\n\r\nOn Mon, 2 Mar 2026 at 10:00, Help\r\n<help@example.com> wrote:\r\n> Tomorrow."
    office.put(
        "INBOX", mail(name="3", body=quoted, date="Mon, 02 Mar 2026 11:00:00 +0100", References="<1@x.org> <2@x.org>")
    )
    done = pulled(workspace)
    assert (done.n_interactions, done.n_rejects) == (3, 0), done.sample
    rows = facts(workspace)
    assert [(row["event"], row["direction"], row["text"]) for row in rows] == [
        ("email", "customer", "My parcel\nWhere is it?"),
        ("emailed", "us", "My parcel\nTomorrow."),
        ("email", "customer", "My parcel\nThank you!"),
    ]
    assert {tuple(row["who"]) for row in rows} == {("ada@x.org",)}
    assert {row["objects"][0]["id"] for row in rows} == {"1@x.org"}
    assert rows[0]["occurred_at"] == dt.datetime(2026, 3, 2, 8, tzinfo=dt.UTC)
    assert not any("STORE" in one or "SELECT" in one for one in office.commands)


def test_the_next_pull_takes_what_is_new_and_a_folder_made_anew_doubles_nothing(workspace, office):
    for number in range(1, 46):
        office.put("INBOX", mail(name=str(number)))
    assert pulled(workspace).n_interactions == 45
    assert pulled(workspace).n_rows == 0
    office.put("INBOX", mail(name="46"))
    assert pulled(workspace).n_interactions == 1
    office.validity["INBOX"] = 99
    assert pulled(workspace).n_interactions == 0
    assert len(facts(workspace)) == 46


def test_a_connection_that_breaks_leaves_the_cursor_where_it_was(workspace, office):
    for number in range(1, 46):
        office.put("INBOX", mail(name=str(number)))
    office.drop_after = 30
    (done,) = pipeline.pull(workspace, clock=lambda: NOW)
    assert "does not answer" in done.problem.problem
    office.drop_after = None
    assert pulled(workspace).n_rows == 45 and len(facts(workspace)) == 45


UGLY = {
    "no date": mail(name="a", date="next Tuesday"),
    "no sender": mail(None, name="b"),
    "nothing": b"",
    "only bytes": bytes(range(256)) * 4,
    "no id": mail().replace(b"Message-ID: <1@x.org>\r\n", b""),
    "unknown charset": mail(name="c", Content_Type="text/plain; charset=klingon", body="na\udcefve"),
    "wrong charset": mail(name="d", Content_Type="text/plain; charset=us-ascii", body="caf\udce9"),
    "broken base64": mail(name="e", Content_Transfer_Encoding="base64", body="aGVs=bG8$$"),
    "broken words": mail(name="f", Subject="=?utf-8?B?w7w?= =?nope?Q?x?="),
    "endless header": mail(name="g", Subject="x" * 70_000),
    "from the future": mail(name="h", date="Mon, 02 Mar 2099 09:00:00 +0100"),
    "brackets": mail("<<<>>>@@ ,;:", name="i"),
    "half multipart": mail(
        name="j", Content_Type="multipart/mixed; boundary=q", body="--q\r\nContent-Type: text/plain\r\n\r\nhi"
    ),
    "null": mail(name="k", body="a\x00b"),
}


def test_ugly_messages_become_facts_and_stop_nothing(workspace, office):
    for raw in UGLY.values():
        office.put("INBOX", raw)
    done = pulled(workspace)
    assert (done.n_rows, done.n_rejects) == (len(UGLY), 0), done.sample
    rows = facts(workspace)
    assert len(rows) == len(UGLY)
    texts = " ".join(row["text"] or "" for row in rows)
    assert "na\u00efve" in texts and "caf\u00e9" in texts and "\x00" not in texts
    assert max(row["occurred_at"] for row in rows) < NOW
    assert sum(row["who"] == [] for row in rows) >= 3


def test_html_nested_parts_attachments_and_twenty_megabytes(workspace, office):
    html = (
        "<html><head><style>p{}</style></head><body><p>Hello&nbsp;<b>there</b></p>"
        "<p>Bye<script>x()</script></p></body></html>"
    )
    parts = (
        "--a\r\nContent-Type: multipart/alternative; boundary=b\r\n\r\n"
        "--b\r\nContent-Type: text/html; charset=utf-8\r\n\r\n"
        f"{html}\r\n--b--\r\n--a\r\nContent-Type: application/pdf\r\nContent-Disposition: attachment; "
        'filename="bill.pdf"\r\nContent-Transfer-Encoding: base64\r\n\r\n'
    )
    big = parts + "QUJD\r\n" * 3_500_000 + "--a--\r\n"
    office.put("INBOX", mail(name="big", Content_Type="multipart/mixed; boundary=a", body=big))
    pulled(workspace)
    (row,) = facts(workspace)
    assert row["text"] == "My parcel\nHello there\nBye"
    assert "bill.pdf" in row["properties"]["attachments"] and office.sent_bytes <= 2**20


def test_machines_are_told_from_people_and_a_bounce_belongs_to_whom_it_did_not_reach(workspace, office):
    office.put("INBOX", mail(name="1", Auto_Submitted="auto-replied"))
    office.put("INBOX", mail(name="2", List_Id="<news.x.org>"))
    report = (
        "--r\r\nContent-Type: text/plain\r\n\r\nNot delivered.\r\n--r\r\nContent-Type: message/delivery-status\r\n\r\n"
        "Reporting-MTA: dns; mx.x.org\r\n\r\nFinal-Recipient: rfc822; eve@x.org\r\nAction: failed\r\n--r--\r\n"
    )
    kind = "multipart/report; report-type=delivery-status; boundary=r"
    office.put("INBOX", mail("MAILER-DAEMON@mx.x.org", name="3", Content_Type=kind, body=report))
    pulled(workspace)
    found = sorted((row["event"], row["properties"]["automatic"], *row["who"]) for row in facts(workspace))
    assert found == [
        ("email_automatic", "list", "ada@x.org"),
        ("email_automatic", "reply", "ada@x.org"),
        ("email_bounced", "bounce", "eve@x.org"),
    ]


def test_a_wrong_password_a_wrong_folder_and_a_password_in_the_clear(workspace, office, monkeypatch):
    office.put("INBOX", mail())
    place = workspace.pulls / "mailbox.pull.yaml"
    text = place.read_text()
    monkeypatch.setenv("MAIL_PASSWORD", "wr0ng-s3cret")
    (done,) = pipeline.pull(workspace, clock=lambda: NOW)
    assert "does not let us in" in done.problem.problem and "wr0ng-s3cret" not in str(done.problem)
    monkeypatch.setenv("MAIL_PASSWORD", PASSWORD)
    place.write_text(text.replace("Sent]", "Snet]"))
    (done,) = pipeline.pull(workspace, clock=lambda: NOW)
    assert "'Snet'" in done.problem.problem and done.problem.hint == "There are: INBOX, Sent."
    monkeypatch.setenv("MAIL_HOST", "mail.example.com")
    (done,) = pipeline.pull(workspace, clock=lambda: NOW)
    assert "in the clear" in done.problem.problem


def test_tls_is_spoken_and_a_certificate_nobody_vouches_for_is_refused(workspace, office, tmp_path):
    import ssl

    key, cert = tmp_path / "key.pem", tmp_path / "cert.pem"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", cert, "-days",
                    "2", "-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1"],
                   check=True, capture_output=True)  # fmt: skip
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(cert, key)
    safe = Postoffice(PASSWORD, tls)
    safe.put("INBOX", mail())
    place = workspace.pulls / "mailbox.pull.yaml"
    text = (
        place.read_text()
        .replace(f"port: {office.port}", f"port: {safe.port}")
        .replace("security: none", "security: tls")
    )
    place.write_text(text)
    (done,) = pipeline.pull(workspace, clock=lambda: NOW)
    assert "certificate" in done.problem.problem and "LOGIN" not in safe.commands
    place.write_text(text.replace("security: tls", f"security: tls\n  ca_file: {cert}"))
    assert pulled(workspace).n_interactions == 1
    safe.close()
