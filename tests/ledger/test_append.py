"""Loading twice, renamed, in pieces, changed, odd: what the ledger holds afterwards."""

from __future__ import annotations

import datetime as dt

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from regard.engine import connect, schema
from regard.errors import SettingError, TableError
from regard.ledger import Batch, Ledger
from regard.workspace import Workspace


def test_what_is_appended_is_read(ledger, engine, facts, held, now):
    rows = facts(
        {"interaction_id": "o1:buy", "handles": [{"kind": "email", "value": "a@x.org"}], "properties": {"items": "2"}},
        {"interaction_id": "o2:buy", "rating": 8.5, "received_at": dt.datetime(2025, 6, 1, tzinfo=dt.UTC)},
    )
    done = ledger.append(Batch("shop", rows, file="orders.csv", content="c1", n_rows=2), engine, now=now)
    assert (done.n_interactions, done.n_known, done.n_rejects, done.n_rows) == (2, 0, 0, 2)
    assert done.first_at == dt.datetime(2025, 1, 1, tzinfo=dt.UTC)
    assert held("interaction_id", "source", "rating", "received_at") == [
        {"interaction_id": "o1:buy", "source": "shop", "rating": None, "received_at": now},
        {
            "interaction_id": "o2:buy",
            "source": "shop",
            "rating": 8.5,
            "received_at": dt.datetime(2025, 6, 1, tzinfo=dt.UTC),
        },
    ]
    assert held("handles", "properties")[0] == {
        "handles": [{"kind": "email", "value": "a@x.org"}],
        "properties": [("items", "2")],
    }
    load = engine.rows(ledger.side("loads", engine)).to_pylist()
    assert [(row["file"], row["n_rows"], row["n_interactions"]) for row in load] == [("orders.csv", 2, 2)]


def test_the_same_file_is_not_even_read_again(ledger, engine, facts, now):
    first = ledger.append(
        Batch("shop", facts({"interaction_id": "1"}), file="a", content="c", mapping="m"), engine, now=now
    )
    again = ledger.append(
        Batch("shop", facts({"interaction_id": "2"}), file="renamed", content="c", mapping="m"), engine, now=now
    )
    assert again.already
    assert again.load_id == first.load_id
    assert again.n_known == 1
    assert ledger.number == 1


def test_a_keyed_row_is_known_again_wherever_it_comes_from(ledger, engine, facts, held, now):
    ledger.append(Batch("shop", facts({"interaction_id": "1"}, {"interaction_id": "2"})), engine, now=now)
    second = facts({"interaction_id": "0"}, {"interaction_id": "2"}, {"interaction_id": "3"})
    done = ledger.append(Batch("shop", second, file="other"), engine, now=now)
    assert (done.n_interactions, done.n_known) == (2, 1)
    assert sorted(row["interaction_id"] for row in held("interaction_id")) == ["0", "1", "2", "3"]


def test_the_same_id_in_another_source_is_another_fact(ledger, engine, facts, held, now):
    ledger.append(Batch("shop", facts({"interaction_id": "1"})), engine, now=now)
    done = ledger.append(Batch("desk", facts({"interaction_id": "1", "event": "call"})), engine, now=now)
    assert done.n_interactions == 1
    assert len(held("interaction_id")) == 2


def test_true_duplicates_within_a_file_stay_and_a_longer_file_adds_only_its_own(ledger, engine, facts, now):
    at = dt.datetime(2025, 3, 1, tzinfo=dt.UTC)
    twin = {"occurred_at": at, "text": "tea"}
    first = ledger.append(Batch("till", facts(twin, twin)), engine, now=now)
    assert first.n_interactions == 2
    again = ledger.append(Batch("till", facts(twin, twin), file="renamed"), engine, now=now)
    assert (again.n_interactions, again.n_known) == (0, 2)
    grown = ledger.append(Batch("till", facts(twin, {"text": "new"}, twin, twin)), engine, now=now)
    assert (grown.n_interactions, grown.n_known) == (2, 2)


def test_an_id_from_content_does_not_depend_on_the_order_of_handles_or_of_columns_added_later(
    ledger, engine, facts, now
):
    one, two = {"kind": "email", "value": "a"}, {"kind": "phone", "value": "b"}
    at = dt.datetime(2025, 3, 1, tzinfo=dt.UTC)
    ledger.append(Batch("s", facts({"occurred_at": at, "handles": [one, two], "objects": []})), engine, now=now)
    done = ledger.append(Batch("s", facts({"occurred_at": at, "handles": [two, one]})), engine, now=now)
    assert (done.n_interactions, done.n_known) == (0, 1)


def test_the_row_as_the_file_has_it_makes_the_id_where_it_is_given(ledger, engine, facts, now):
    at = dt.datetime(2025, 3, 1, tzinfo=dt.UTC)
    ledger.append(Batch("s", facts({"occurred_at": at, "content": "a|b"})), engine, now=now)
    mapped_anew = facts({"occurred_at": at, "content": "a|b", "channel": "web"})
    done = ledger.append(Batch("s", mapped_anew, mapping="edited"), engine, now=now)
    assert (done.n_interactions, done.n_known) == (0, 1)


def test_the_same_id_with_other_content_is_rejected_with_the_way_out(ledger, engine, facts, held, now):
    ledger.append(Batch("shop", facts({"interaction_id": "1", "text": "old"})), engine, now=now)
    done = ledger.append(Batch("shop", facts({"interaction_id": "1", "text": "new"}), file="b.csv"), engine, now=now)
    assert (done.n_interactions, done.n_rejects) == (0, 1)
    assert held("text") == [{"text": "old"}]
    reject = engine.rows(ledger.side("rejects", engine)).to_pylist()[0]
    assert (reject["file"], reject["line"], reject["event"]) == ("b.csv", 2, "buy")
    assert "on_change: correct" in reject["reason"]
    assert '"new"' in reject["row"]


def test_the_first_of_two_rows_with_one_id_wins_and_an_equal_one_is_known(ledger, engine, facts, held, now):
    at = dt.datetime(2025, 3, 1, tzinfo=dt.UTC)
    base = {"interaction_id": "1", "occurred_at": at}
    rows = facts({**base, "text": "a"}, {**base, "text": "b"}, {**base, "text": "a"})
    done = ledger.append(Batch("shop", rows), engine, now=now)
    assert (done.n_interactions, done.n_known, done.n_rejects) == (1, 1, 1)
    assert held("text") == [{"text": "a"}]


def test_a_change_becomes_a_correction_where_the_mapping_says_so_and_only_once(ledger, engine, facts, held, now):
    at = dt.datetime(2025, 3, 1, tzinfo=dt.UTC)
    old, new = ({"interaction_id": "1", "occurred_at": at, "text": text} for text in ("old", "new"))
    for text, expected in ((old, (1, 0)), (new, (1, 1)), (new, (0, 0)), (old, (0, 0))):
        done = ledger.append(Batch("shop", facts(text), on_change="correct"), engine, now=now)
        assert (done.n_interactions, done.n_corrections) == expected
        now += dt.timedelta(hours=1)
    assert held("text", "corrects") == [{"text": "new", "corrects": "1"}]
    assert engine.rows(ledger.facts(engine)).num_rows == 2


def test_strict_leaves_the_ledger_as_it_was(ledger, engine, facts, now):
    ledger.append(Batch("shop", facts({"interaction_id": "1", "text": "old"})), engine, now=now)
    rows = facts({"interaction_id": "1", "text": "new"}, {"interaction_id": "2"})
    done = ledger.append(Batch("shop", rows, strict=True), engine, now=now)
    assert done.refused
    assert done.sample[0][0] == 2
    assert "other content" in done.sample[0][1]
    assert ledger.number == 1
    assert not list(ledger.archive.scratch.glob("*"))


def test_rejects_of_the_mapping_are_kept_with_the_load(ledger, engine, facts, now):
    shape = pa.schema(
        [
            ("file", pa.string()),
            ("line", pa.int64()),
            ("event", pa.string()),
            ("reason", pa.string()),
            ("row", pa.string()),
        ]
    )
    bad = engine.table(
        pa.Table.from_pylist([{"file": "a.csv", "line": 7, "reason": "no date", "row": '{"d":"x"}'}], schema=shape)
    )
    done = ledger.append(Batch("shop", facts({"interaction_id": "1"}), rejects=bad), engine, now=now)
    assert done.n_rejects == 1
    row = engine.rows(ledger.side("rejects", engine)).to_pylist()[0]
    assert (row["load_id"], row["source"], row["line"], row["at"]) == (done.load_id, "shop", 7, now)


def test_a_row_without_time_is_a_reject(ledger, engine, facts, now):
    done = ledger.append(
        Batch("s", facts({"interaction_id": "1", "occurred_at": None}, {"interaction_id": "2"})), engine, now=now
    )
    assert (done.n_interactions, done.n_rejects) == (1, 1)
    assert "time" in done.sample[0][1]


def test_a_value_of_another_type_is_a_reject_and_a_column_that_cannot_be_one_is_an_error(ledger, engine, now):
    at = dt.datetime(2025, 1, 1, tzinfo=dt.UTC)
    rows = engine.table(
        pa.table(
            {"interaction_id": ["1", "2"], "event": ["buy", "buy"], "occurred_at": [at, at], "rating": ["4.5", "good"]}
        )
    )
    done = ledger.append(Batch("s", rows), engine, now=now)
    assert (done.n_interactions, done.n_rejects) == (1, 1)
    assert done.sample[0][1] == "rating: 'good' cannot be read as float64"
    with pytest.raises(TableError, match="handles"):
        ledger.append(Batch("s", rows.mutate(handles=rows.event)), engine, now=now)


def test_on_change_is_one_of_two_words(facts):
    with pytest.raises(SettingError, match="reject or correct"):
        Batch("s", facts({}), on_change="overwrite")


def test_side_rows_replace_those_of_their_key(ledger, engine, facts, now):
    def rate(value):
        return engine.table(
            pa.table({"currency": ["USD"], "on": [dt.date(2025, 1, 1)], "rate": [value], "source": ["bank"]})
        )

    assert ledger.note("rates", rate(0.9), engine, now=now) == 1
    assert ledger.note("rates", rate(0.9), engine, now=now) == 0
    ledger.note("rates", rate(0.8), engine, now=now)
    assert engine.rows(ledger.side("rates", engine)).column("rate").to_pylist() == [0.8]
    with pytest.raises(TableError, match="tombstones"):
        ledger.note("tombstones", rate(1.0), engine, now=now)


MAYBE_KEYED = st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from(["k1", "k2", None])), min_size=1, max_size=8)


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=MAYBE_KEYED, data=st.data())
def test_in_pieces_and_in_any_order_the_ledger_becomes_the_same(rows, data, tmp_path_factory, now):
    """Pieces that keep equal rows together, loaded in any order, then the whole: nothing is lost, nothing doubled."""
    at = dt.datetime(2025, 1, 1, tzinfo=dt.UTC)
    shape = schema("interactions").to_pyarrow()
    # a keyed row says the same wherever it stands; equal rows without a key are true duplicates
    whole = [
        {"interaction_id": key, "event": key or word, "occurred_at": at, "sequence": n}
        for n, (word, key) in enumerate(rows)
    ]
    place = {row["event"]: data.draw(st.integers(0, 2)) for row in whole}
    pieces = [[row for row in whole if place[row["event"]] == n] for n in range(3)]
    loads = data.draw(st.permutations([piece for piece in pieces if piece]))

    def result(batches):
        root = tmp_path_factory.mktemp("w")
        engine = connect("duckdb", scratch=root / "engine", memory=2**28)
        ledger = Ledger.open(Workspace(root))
        names = ["interaction_id", "event", "occurred_at", "sequence"]
        for batch in batches:
            table = pa.Table.from_pylist(batch, schema=pa.schema([shape.field(name) for name in names]))
            ledger.append(Batch("s", engine.table(table)), engine, now=now)
        found = engine.rows(ledger.read(engine).select("interaction_id", "event")).to_pylist()
        engine.close()
        return sorted(tuple(row.values()) for row in found)

    once = result([whole])
    assert result(loads) == once
    assert result([*loads, whole]) == once
    assert len(once) == len({key for _, key in rows if key}) + sum(key is None for _, key in rows)
