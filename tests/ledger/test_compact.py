"""Compaction: the same rows, sorted, in files of one span each."""

from __future__ import annotations

import datetime as dt
import itertools

import pyarrow.parquet as pq

from regard.ledger import Batch
from regard.ledger.compact import compact, cuts, stretches
from regard.tables import ORDER

START = dt.datetime(2025, 1, 1, tzinfo=dt.UTC)


def scattered(facts, n, *, offset):
    return facts(
        *(
            {
                "interaction_id": f"{offset}-{at}",
                "occurred_at": START + dt.timedelta(hours=(at * 37 + offset) % 2400),
                "sequence": at % 3,
            }
            for at in range(n)
        )
    )


def test_rows_stay_and_lie_in_order(ledger, engine, facts, held, now):
    for offset in range(4):
        ledger.append(Batch("s", scattered(facts, 50, offset=offset)), engine, now=now)
    before = held("interaction_id", "occurred_at", "sequence")
    done = ledger.compact(engine, now=now)
    assert (done.files_after, done.n_rows) == (1, 200)
    assert held("interaction_id", "occurred_at", "sequence") == before
    lying = pq.read_table(ledger.files()[0], columns=list(ORDER)).to_pylist()
    assert lying == sorted(lying, key=lambda row: tuple(row[name] for name in ORDER))
    assert ledger.compact(engine, now=now).n_rows == 0


def test_files_are_cut_between_days_and_do_not_overlap(ledger, engine, facts, now):
    for offset in range(3):
        ledger.append(Batch("s", scattered(facts, 200, offset=offset)), engine, now=now)
    size = sum(path.stat().st_size for path in ledger.files())
    done = compact(ledger.archive, engine, target_bytes=size // 4)
    assert done.files_after >= 3
    spans = sorted((low, high) for _, low, high in ledger.archive.table("interactions").spans().values())
    assert all(high.date() < low.date() for (_, high), (low, _) in itertools.pairwise(spans))


def test_only_what_is_not_sorted_yet_is_rewritten(ledger, engine, facts, now):
    ledger.append(Batch("s", scattered(facts, 50, offset=0)), engine, now=now)
    ledger.compact(engine, now=now)
    later = facts(
        *({"interaction_id": f"l{at}", "occurred_at": START + dt.timedelta(days=400 + at)} for at in range(5))
    )
    ledger.append(Batch("s", later), engine, now=now)
    small = min(path.stat().st_size for path in ledger.files())
    assert len(stretches(ledger.archive, small)) == 2
    assert compact(ledger.archive, engine, target_bytes=small).n_rows == 5


def test_a_reader_may_go_on_with_the_old_files_for_a_while(ledger, engine, facts, now):
    moment = dt.datetime.now(dt.UTC)
    for offset in range(2):
        ledger.append(Batch("s", scattered(facts, 5, offset=offset)), engine, now=moment)
    opened = ledger.read(engine)
    ledger.compact(engine, now=moment)
    assert engine.rows(opened).num_rows == 10
    ledger.compact(engine, now=moment + dt.timedelta(hours=2))
    folder = ledger.archive.table("interactions").folder
    assert sorted(folder.glob("*.parquet")) == sorted(ledger.files())


def test_a_day_is_never_cut(engine, facts):
    rows = facts(*({"occurred_at": START + dt.timedelta(minutes=at)} for at in range(3000)))
    spans = cuts(rows, engine, rows_per_file=100)
    assert [start.hour for start, _ in spans] == [0, 0, 0]
    assert spans[0][1] == spans[1][0]
