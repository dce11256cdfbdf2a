"""A person removed for good: from every byte of the workspace, and not let in again."""

from __future__ import annotations

import datetime as dt
import stat

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from deltalake import DeltaTable

from regard.engine import schema
from regard.errors import LedgerError, SettingError
from regard.ledger import Batch, Ledger
from regard.ledger.blackout import pattern
from regard.ledger.tombstones import key

JANE = [("email", "Jane.Roe@example.org"), ("phone", "+49 170 5550199"), ("customer", "C12")]
TRACES = ["jane.roe", "5550199", "555 0199", "janes-order-77", '"C12"']
EARLY = dt.datetime(2025, 1, 1, tzinfo=dt.UTC)


def handles(*pairs):
    return [{"kind": kind, "value": value} for kind, value in pairs]


def things(*pairs):
    return [{"type": kind, "id": name, "qualifier": None} for kind, name in pairs]


BOB = ("email", "bob@example.org")
ROWS = [
    {
        "interaction_id": "1",
        "handles": handles(("email", "jane.roe@EXAMPLE.org "), JANE[2]),
        "objects": things(("order", "janes-order-77")),
    },
    {"interaction_id": "2", "handles": handles(JANE[1]), "text": "hers alone"},
    {"interaction_id": "3", "objects": things(("order", "janes-order-77")), "event": "courier came"},
    {
        "interaction_id": "4",
        "handles": handles(JANE[0], BOB),
        "text": "C12 and bob called",
        "properties": {"seat": "C12"},
    },
    {"interaction_id": "5", "handles": handles(BOB), "text": "ask jane.roe@example.org, or call +49 (170) 555 0199"},
    {
        "interaction_id": "jane.roe@example.org:6",
        "handles": handles(BOB),
        "account": "Jane.Roe@example.org",
        "properties": {"cc": "x;JANE.ROE@example.org"},
    },
    {
        "interaction_id": "7",
        "handles": handles(BOB),
        "text": "unit C12 is broken, C123 is not",
        "objects": things(("order", "bobs")),
    },
]


def load(ledger, engine, facts, now, file="jane.roe@example.org.csv"):
    batch = Batch("shop", facts(*ROWS), rejects=rejects(engine), file=file, content="c")
    return ledger.append(batch, engine, now=now)


def sides(ledger, engine, now):
    def put(name, *rows):
        return pa.Table.from_pylist(list(rows), schema=schema(name).to_pyarrow())

    jane = {"kind": "email", "handle": "Jane.Roe@example.org", "from_at": EARLY, "source": "crm"}
    bob = {"kind": "email", "handle": "bob@example.org", "from_at": EARLY, "source": "crm"}
    rows = {
        "memberships": put("memberships", {"account": "acme", **jane}, {"account": "acme", **bob}),
        "consents": put(
            "consents", {"purpose": "news", "channel": "email", **jane}, {"purpose": "news", "channel": "email", **bob}
        ),
        "objects": put(
            "objects",
            {
                "type": "order",
                "id": "janes-order-77",
                "at": EARLY,
                "attribute": "state",
                "value": "open",
                "source": "shop",
            },
            {
                "type": "order",
                "id": "bobs",
                "at": EARLY,
                "attribute": "note",
                "value": "give to jane.roe@example.org",
                "source": "shop",
            },
        ),
        "decisions": put(
            "decisions",
            {
                "kind": "email",
                "handle": "Jane.Roe@example.org",
                "other_kind": "customer",
                "other_handle": "C12",
                "at": EARLY,
                "decision": "merge",
            },
        ),
    }
    for name, table in rows.items():
        ledger.note(name, engine.table(table), engine, now=now)


def rejects(engine):
    shape = pa.schema([(name, pa.string()) for name in ("file", "event", "reason", "row")] + [("line", pa.int64())])
    rows = [
        {"file": "a.csv", "line": 3, "reason": "no date", "row": '{"customer":"C12","when":"?"}'},
        {"file": "a.csv", "line": 4, "reason": "jane.roe@example.org is odd", "row": '{"x":"1"}'},
        {"file": "a.csv", "line": 5, "reason": "no date", "row": '{"customer":"C9"}'},
    ]
    return engine.table(pa.Table.from_pylist(rows, schema=shape))


def traces(root):
    """Every place under a folder where one of the traces stands: raw bytes, and decoded values of Parquet files."""
    found = []
    for path in sorted(root.rglob("*")):
        if path.is_file() and path.name != "writer.lock":
            texts = [path.read_bytes().decode("latin-1").lower()]
            if path.suffix == ".parquet":
                texts.append(str(pq.read_table(path).to_pylist()).replace("'", '"').lower())
            found += [(path.name, trace) for trace in TRACES for text in texts if trace.lower() in text]
    return found


@pytest.fixture
def full(ledger, engine, facts, now):
    load(ledger, engine, facts, now)
    sides(ledger, engine, now)
    ledger.append(
        Batch("shop", facts({"interaction_id": "9", "handles": handles(JANE[0])}), file="more"), engine, now=now
    )
    ledger.compact(engine, now=now)
    return ledger


def forget(ledger, engine, now):
    return ledger.forget(JANE, engine, objects=[("order", "janes-order-77")], now=now)


def test_nothing_of_her_is_left_in_any_file(full, engine, held, workspace, now):
    assert {name for _, name in traces(workspace.root)} == set(TRACES)
    done = forget(full, engine, now)
    assert traces(workspace.root) == []
    assert dict(done.removed) == {
        "interactions": 4,
        "memberships": 1,
        "consents": 1,
        "objects": 1,
        "decisions": 1,
        "rejects": 2,
    }
    assert dict(done.changed) == {"interactions": 3, "objects": 1, "loads": 1}
    assert done.n_handles == 4
    rows = {row["text"]: row for row in held("text", "handles", "properties", "account", "interaction_id")}
    assert set(rows) == {
        "[forgotten] and bob called",
        "ask [forgotten], or call +[forgotten]",
        None,
        "unit C12 is broken, C123 is not",
    }
    assert all(row["handles"] == [{"kind": "email", "value": "bob@example.org"}] for row in rows.values())
    assert rows["[forgotten] and bob called"]["properties"] == [("seat", "[forgotten]")]
    assert rows["unit C12 is broken, C123 is not"]["interaction_id"] == "7"
    assert rows[None]["interaction_id"].startswith("forgotten-")
    assert rows[None]["account"].startswith("forgotten-")


def test_old_versions_and_logs_are_gone(full, engine, now):
    forget(full, engine, now)
    for name in ("interactions", "rejects", "objects", "memberships"):
        table = full.archive.table(name)
        log = sorted(path.name for path in (table.folder / "_delta_log").iterdir())
        assert len([entry for entry in log if entry.endswith(".json")]) == 1
        assert sorted(table.folder.glob("*.parquet")) == sorted(full.files(name))
        with pytest.raises(Exception, match=r"(?i)version|not found|log"):
            DeltaTable(str(table.folder), version=0)


def test_she_is_not_brought_back_and_what_is_new_comes_in(full, engine, facts, held, workspace, now):
    forget(full, engine, now)
    before = held("interaction_id")
    again = load(full, engine, facts, now, file="again.csv")
    assert not again.already
    assert (again.n_interactions, again.n_forgotten, again.n_known, again.n_rejects) == (0, 3, 4, 1)
    assert held("interaction_id") == before
    assert traces(workspace.root) == []
    later = {"interaction_id": "10", "handles": handles(JANE[0]), "occurred_at": now + dt.timedelta(days=1)}
    assert full.append(Batch("shop", facts(later)), engine, now=now).n_interactions == 1
    jane = {"account": "acme", "kind": "email", "handle": "JANE.ROE@example.org", "from_at": EARLY, "source": "crm"}
    table = pa.Table.from_pylist([jane], schema=schema("memberships").to_pyarrow())
    assert full.note("memberships", engine.table(table), engine, now=now) == 0


def test_tombstones_say_nothing_without_the_key_which_its_owner_alone_reads(full, engine, workspace, now):
    forget(full, engine, now)
    stones = engine.rows(full.side("tombstones", engine)).to_pylist()
    assert len(stones) >= 4
    assert all(len(row["hash"]) == 64 and row["at"] == now for row in stones)
    assert stat.S_IMODE(workspace.forget_key.stat().st_mode) == 0o600
    workspace.forget_key.write_text("torn")
    with pytest.raises(LedgerError, match="does not hold a key"):
        key(workspace.forget_key)


def test_forgetting_twice_and_forgetting_strangers_changes_nothing(full, engine, held, now):
    forget(full, engine, now)
    before = held("interaction_id", "text")
    done = forget(full, engine, now)
    assert (done.n_handles, dict(done.removed), dict(done.changed)) == (0, {}, {})
    assert full.forget([("email", "nobody@example.org")], engine, now=now).removed == {}
    assert held("interaction_id", "text") == before
    with pytest.raises(SettingError, match="Nobody was named"):
        full.forget([], engine, now=now)


@pytest.mark.parametrize("step", ["intent", "staged", "sealed", "committed", "purged"])
def test_killed_in_the_middle_it_is_finished_by_the_next_writer(full, engine, facts, workspace, now, step, monkeypatch):
    """The process ends at each step in turn (an exception that nobody catches stands for the kill; see test_crash)."""

    class Killed(BaseException):
        pass

    def die(*_args, **_more):
        raise Killed

    from regard.ledger import archive, delta, journal
    from regard.ledger import forget as forgetting

    places = {
        "intent": (forgetting, "_interactions"),
        "staged": (archive.Archive, "seal"),
        "sealed": (journal, "apply"),
        "committed": (delta.DeltaFolder, "sweep"),
        "purged": (delta.DeltaFolder, "trim"),
    }
    with monkeypatch.context() as patch:
        patch.setattr(*places[step], die) if step != "committed" else None
        if step == "committed":
            real = archive.Archive.prepare
            patch.setattr(
                archive.Archive, "prepare", lambda self, at: (real(self, at), patch.setattr(*places[step], die))
            )
        with pytest.raises(Killed):
            forget(full, engine, now)
    assert traces(workspace.ledger / "forgetting.json") == []
    fresh = Ledger.open(workspace)
    fresh.append(Batch("other", facts({"interaction_id": "1", "handles": handles(BOB)})), engine, now=now)
    assert traces(workspace.root) == []
    assert not fresh.archive.intent.exists()
    assert not fresh.archive.journal.exists()


@pytest.mark.parametrize(
    ("value", "text", "found"),
    [
        ("ann@x.org", "mail ANN@X.ORG.", True),
        ("ann@x.org", "joann@x.org", False),
        ("+49 170 5550199", "call +49(170) 555-0199 now", True),
        ("C1234", "C12345", False),
        ("o'neil (jr)", "O'Neil (jr) came", True),
    ],
)
def test_a_handle_is_found_as_a_word_in_any_case(engine, value, text, found):
    rows = engine.table(pa.table({"text": [text]}))
    assert engine.rows(rows.select(hit=rows.text.re_search(pattern([value])))).to_pylist() == [{"hit": found}]


@pytest.mark.parametrize(
    ("kind", "given", "there", "same"),
    [
        ("email", "ann@x.org", "\u00a0ANN@x.org\t", True),
        ("phone", "493012345", "tel. +49 (30) 123-45", True),
        ("phone", "493012345", "0049 30 12345", True),
        ("mobile", "0170123456", "0170/123456", True),
        ("contact", "493012345", "+49 30 12345", True),
        ("customer", "123456789", "00123456789", False),
        ("customer", "A-1234567", "B-1234567", False),
        ("customer", "12", "012", False),
    ],
)
def test_a_handle_is_known_in_the_forms_in_which_identity_knows_it(
    ledger, engine, facts, now, kind, given, there, same
):
    ledger.append(Batch("s", facts({"interaction_id": "1", "handles": handles((kind, there))})), engine, now=now)
    assert ledger.forget([(kind, given)], engine, now=now).removed == ({"interactions": 1} if same else {})
