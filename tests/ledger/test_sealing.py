"""From the log into the ledger: each fact once, whoever died when, and nothing acknowledged disappears."""

from __future__ import annotations

import datetime as dt

import pytest

from regard.ledger import Batch, Ledger
from regard.ledger.log import Attribute, Delivery, Fact, LogWriter, Member, Refused, payload_of

AT = 1_767_225_600_000_000  # 2026-01-01


def fact(name: str, **more) -> Fact:
    return Fact(interaction_id=name, **{"occurred_at": AT, "event": "buy", **more})


@pytest.fixture
def accept(workspace):
    """Put facts into the log, as a server does."""
    writer = LogWriter(workspace.log)

    def send(*facts: Fact, source: str = "shop", received_at: int = AT, **more) -> None:
        writer.append([payload_of(Delivery(source, received_at, facts, **more))])

    yield send
    writer.close()


def ids(ledger: Ledger, engine) -> list[str]:
    return sorted(engine.rows(ledger.read(engine)).column("interaction_id").to_pylist())


def test_what_is_accepted_is_read_at_once_and_the_same_when_it_is_sealed(ledger, accept, engine, now):
    rich = fact(
        "b",
        channel="web",
        direction="customer",
        handle_kinds=["email", "user"],
        handle_values=["a@x.org", "7"],
        object_types=["order", "product"],
        object_ids=["1", "p"],
        object_qualifiers=[None, "bought"],
        rating=4.5,
        amount_minor=-1999,
        currency="EUR",
        property_keys=["k", "é"],
        property_values=["v", ""],
        text='say "hi"\n\u2028',
    )
    accept(fact("a"), rich)
    before = engine.rows(ledger.read(engine).order_by("interaction_id")).to_pylist()
    done = ledger.seal(engine, now=now)
    after = engine.rows(ledger.read(engine).order_by("interaction_id")).to_pylist()
    assert before == after
    assert (done.n_interactions, done.n_records, done.more) == (2, 1, False)
    assert after[1]["handles"] == [{"kind": "email", "value": "a@x.org"}, {"kind": "user", "value": "7"}]
    assert after[1]["objects"][1] == {"type": "product", "id": "p", "qualifier": "bought"}
    assert dict(after[1]["properties"]) == {"k": "v", "é": ""}
    assert after[1]["text"] == 'say "hi"\n\u2028'
    assert (after[1]["amount_minor"], after[1]["rating"], after[0]["precision"]) == (-1999, 4.5, "instant")
    assert after[0]["handles"] is None
    assert after[0]["source"] == "shop"
    assert after[0]["received_at"] == dt.datetime(2026, 1, 1, tzinfo=dt.UTC)


def test_an_id_counts_once_within_a_request_across_requests_and_after_years(ledger, accept, engine, now):
    accept(fact("a"), fact("a"), fact("b"))
    accept(fact("b"), fact("c"))
    assert ids(ledger, engine) == ["a", "b", "c"]
    assert (first := ledger.seal(engine, now=now)).n_known == 2
    assert first.n_interactions == 3
    accept(fact("a", occurred_at=AT + 5), fact("d"))  # tried again: the time was worked out anew
    assert ids(ledger, engine) == ["a", "b", "c", "d"]
    assert Ledger.open(ledger.workspace).seal(engine, now=now).n_known == 1
    assert ids(ledger, engine) == ["a", "b", "c", "d"]
    assert not engine.rows(ledger.side("rejects", engine)).num_rows


def test_ids_are_unique_within_a_source_so_that_none_can_take_anothers(ledger, accept, engine, now):
    accept(fact("a"))
    accept(fact("a"), source="other")
    ledger.seal(engine, now=now)
    assert ids(ledger, engine) == ["a", "a"]


def test_an_id_that_a_file_brought_is_known_and_the_other_way_round(ledger, accept, engine, now, facts):
    row = {"interaction_id": "f", "event": "buy", "precision": "instant"}
    ledger.append(Batch("shop", facts(row)), engine, now=now)
    accept(fact("f"), fact("g", occurred_at=int(dt.datetime(2025, 1, 1, tzinfo=dt.UTC).timestamp() * 1e6)))
    assert ids(ledger, engine) == ["f", "g"]
    assert ledger.seal(engine, now=now).n_known == 1
    again = ledger.append(Batch("shop", facts({"interaction_id": "g", "precision": "instant"})), engine, now=now)
    assert (again.n_interactions, again.n_known) == (0, 1)


def test_something_else_under_an_id_that_is_taken_is_a_reject_with_its_reason(ledger, accept, engine, now):
    accept(fact("a", text="fine"))
    ledger.seal(engine, now=now)
    accept(fact("a", text="awful"), fact("b", text="one"), fact("b", text="two"))
    assert ids(ledger, engine) == ["a", "b"]
    done = ledger.seal(engine, now=now)
    assert (done.n_interactions, done.n_rejects) == (1, 2)
    rejects = engine.rows(ledger.side("rejects", engine)).to_pylist()
    assert {row["source"] for row in rejects} == {"shop"}
    assert all("other content" in row["reason"] for row in rejects)
    assert sorted(["awful" in row["row"] for row in rejects]) == [False, True]


def test_refused_rows_memberships_and_attributes_arrive_in_the_same_change(ledger, accept, engine, now):
    accept(
        fact("a"),
        refused=[Refused(line=2, reason="no event", row='{"x":1}', file="POST /v1/batch")],
        members=[Member(account="acme", kind="user", handle="7", from_at=AT)],
        attributes=[Attribute(type="account", id="acme", at=AT, attribute="plan", value="gold")],
    )
    before = ledger.number
    ledger.seal(engine, now=now)
    assert ledger.number == before + 1
    (reject,) = engine.rows(ledger.side("rejects", engine)).to_pylist()
    assert (reject["line"], reject["reason"], reject["row"]) == (2, "no event", '{"x":1}')
    (member,) = engine.rows(ledger.side("memberships", engine)).to_pylist()
    assert (member["account"], member["handle"], member["source"]) == ("acme", "7", "shop")
    (said,) = engine.rows(ledger.side("objects", engine)).to_pylist()
    assert (said["attribute"], said["value"]) == ("plan", "gold")


def test_corrections_and_retractions_that_are_not_sealed_yet_hold(ledger, accept, engine, now):
    accept(fact("a", text="wrong"), fact("b"))
    ledger.seal(engine, now=now)
    accept(fact("a2", corrects="a", text="right"), fact("b2", retracts="b"))
    for _ in range(2):
        assert ids(ledger, engine) == ["a2"]
        ledger.seal(engine, now=now)


def test_segments_go_once_they_are_sealed_and_left(ledger, engine, now, workspace):
    writer = LogWriter(workspace.log)
    writer.append([payload_of(Delivery("shop", AT, [fact("a")]))])
    ledger.seal(engine, now=now)
    assert len(ledger.archive.log.all()) == 1
    writer.close()
    ledger.seal(engine, now=now)
    assert ledger.archive.log.all() == []
    assert ids(ledger, engine) == ["a"]


def test_a_log_that_is_sealed_again_from_the_start_doubles_nothing(ledger, accept, engine, now):
    accept(*(fact(str(n)) for n in range(100)))
    ledger.seal(engine, now=now)
    ledger.archive.log.sealed_file.unlink()
    assert len(ids(ledger, engine)) == 100
    assert ledger.seal(engine, now=now).n_known == 100
    assert len(ids(ledger, engine)) == 100


def test_forgotten_people_are_kept_out_and_nothing_of_them_is_left_in_the_log(ledger, accept, engine, now, workspace):
    her, him = {"handle_kinds": ["email"]}, "bob@example.org"
    accept(fact("1", handle_values=["ada@example.org"], **her), fact("2", handle_values=[him], **her))
    ledger.seal(engine, now=now)
    accept(fact("3", handle_values=["ada@example.org"], text="I am Ada", **her))
    ledger.forget([("email", "ada@example.org")], engine, now=now)
    left = [p for p in workspace.root.rglob("*") if p.is_file() and b"ada@example" in p.read_bytes()]
    assert left == []
    accept(
        fact("4", handle_values=["ada@example.org"], **her),
        fact("5", handle_values=[him], text="as ada@example.org said", **her),
    )
    for _ in range(2):
        assert ids(ledger, engine) == ["2", "5"]
        done = ledger.seal(engine, now=now)
        assert done.n_forgotten in (0, 1)
    text = engine.rows(ledger.read(engine).filter(lambda t: t.interaction_id == "5")).column("text")[0].as_py()
    assert text == "as [forgotten] said"


def test_small_files_are_joined_and_what_is_read_stays(ledger, accept, engine, now):
    for n in range(14):
        accept(fact(str(n)))
        ledger.seal(engine, now=now)
    before = engine.rows(ledger.read(engine).order_by("interaction_id")).to_pylist()
    number, news = ledger.number, ledger.news
    assert ledger.gather(engine, now=now) == 12
    assert len(ledger.files()) == 3
    assert (ledger.number, ledger.news) == (number + 1, news)  # nobody's tables are older for it
    assert engine.rows(ledger.read(engine).order_by("interaction_id")).to_pylist() == before
    assert ledger.gather(engine, now=now) == 0
    accept(fact("3"), fact("x"))
    assert ledger.seal(engine, now=now).n_known == 1
    assert ledger.news == ledger.number == number + 2
    ledger.compact(engine, now=now)
    assert ledger.news == number + 2


def test_the_index_of_ids_is_made_again_when_it_is_missing_wrong_or_behind(ledger, accept, engine, now, workspace):
    accept(*(fact(str(n)) for n in range(50)))
    ledger.seal(engine, now=now)
    ledger.known.keep()
    known = ledger.archive.known
    for spoil in (
        lambda: [path.write_bytes(b"not numpy") for path in known.glob("*.npy")],
        lambda: (known / "state.json").write_text("{"),
        lambda: (known / "state.json").unlink(),
        lambda: None,
    ):
        spoil()
        fresh = Ledger.open(workspace)
        accept(*(fact(str(n)) for n in range(50)))
        assert len(ids(fresh, engine)) == 50
        assert fresh.seal(engine, now=now).n_known == 50
        fresh.known.keep()
    ledger.compact(engine, now=now)
    accept(fact("7"))
    assert ledger.seal(engine, now=now).n_known == 1
