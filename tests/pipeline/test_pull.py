"""Pulls from end to end: rows come once, cursors never run ahead of them, and no secret is said."""

from __future__ import annotations

import datetime as dt
import json
import logging
import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
import sqlalchemy as sa

from regard import pipeline
from regard.engine import connect
from regard.errors import SettingError
from regard.ledger import Ledger
from regard.ledger.lock import held
from regard.pipeline.pull import due, pull_one
from regard.sources.pull import Attempts, Secrets
from regard.store import Store

NOW = dt.datetime(2026, 3, 1, 12, tzinfo=dt.UTC)
MAP = """
version: 1
source: shop
zone: UTC
key: [id]
on_change: correct
handles: {email: customer}
objects: [{type: order, id: id}]
interactions:
  - {event: purchase, at: placed_at, direction: customer, amount: {column: total, currency: EUR}}
"""
TABLE = """
version: 1
every: 15m
map: orders.map.yaml
sql_database:
  url: $SHOP_DATABASE
  tables: [{table: orders, cursor: updated_at}]
"""


@pytest.fixture(params=["sqlite", "postgresql"])
def shop(request, workspace, tmp_path, monkeypatch):
    """A database with orders; its URL is in the environment, and the workspace pulls it."""
    url = f"sqlite:///{tmp_path}/shop.db" if request.param == "sqlite" else request.getfixturevalue("postgres")()
    monkeypatch.setenv("SHOP_DATABASE", url)
    write(workspace, "shop", TABLE, MAP)
    engine = sa.create_engine(url)
    with engine.begin() as db:
        db.execute(
            sa.text(
                "CREATE TABLE orders (id INTEGER PRIMARY KEY, customer TEXT, total NUMERIC(9,2), "
                "placed_at TIMESTAMP, updated_at TIMESTAMP)"
            )
        )
    yield engine
    engine.dispose()


def write(workspace, name, text, mapping=None, file="orders.map.yaml"):
    workspace.pulls.mkdir(exist_ok=True)
    workspace.maps.mkdir(exist_ok=True)
    (workspace.pulls / f"{name}.pull.yaml").write_text(text, encoding="utf-8")
    if mapping:
        (workspace.maps / file).write_text(mapping, encoding="utf-8")


def put(shop, *rows):
    """Rows of (id, total, updated_at) into the shop; one with an id that is there takes its place."""
    with shop.begin() as db:
        for number, total, at in rows:
            db.execute(sa.text("DELETE FROM orders WHERE id = :id"), {"id": number})
            db.execute(
                sa.text("INSERT INTO orders VALUES (:id, :who, :total, '2026-01-01 09:00:00', :at)"),
                {"id": number, "who": f"c{number}@x.com", "total": total, "at": at},
            )


def pulled(workspace, *names):
    (one,) = pipeline.pull(workspace, names, clock=lambda: NOW)
    assert one.problem is None, one.problem
    return one.n_rows, one.n_interactions


def amounts(workspace):
    engine = connect("duckdb")
    rows = Ledger.open(workspace).read(engine).select("interaction_id", "amount_minor")
    found = {row["interaction_id"]: row["amount_minor"] for row in engine.rows(rows).to_pylist()}
    assert len(found) == engine.rows(rows).num_rows
    engine.close()
    return found


def cursor(workspace):
    engine = connect("duckdb")
    found = engine.rows(Ledger.open(workspace).side("cursors", engine)).to_pylist()
    engine.close()
    return found[0]["state"] if found else None


def test_each_pull_takes_what_has_come_since(workspace, shop):
    put(shop, (1, "10.50", "2026-01-01 10:00:00"), (2, "20", "2026-01-02 10:00:00"))
    assert pulled(workspace) == (2, 2)
    assert sorted(amounts(workspace).values()) == [1050, 2000]
    assert pulled(workspace) == (0, 0)
    put(shop, (3, "30", "2026-01-03 10:00:00"))
    assert pulled(workspace) == (1, 1)


def test_a_row_in_the_same_tick_and_one_that_changed_in_it_are_not_lost(workspace, shop):
    put(shop, (1, "10", "2026-01-01 10:00:00"))
    assert pulled(workspace) == (1, 1)
    put(shop, (2, "20", "2026-01-01 10:00:00"), (1, "11", "2026-01-01 10:00:00"))
    assert pulled(workspace) == (2, 2)  # one is new, one corrects
    assert sorted(amounts(workspace).values()) == [1100, 2000]


def test_rows_without_a_cursor_are_read_each_time_and_come_once(workspace, shop):
    put(shop, (1, "10", "2026-01-01 10:00:00"), (2, "20", None))
    assert pulled(workspace) == (2, 2)
    put(shop, (3, "30", None))
    assert pulled(workspace)[1] == 1
    assert len(amounts(workspace)) == 3


def test_nothing_new_leaves_the_ledger_as_it_was(workspace, shop):
    put(shop, *((number, "1", "2026-01-01 10:00:00") for number in range(1, 6)))
    pulled(workspace)
    before = Ledger.open(workspace).number
    assert pulled(workspace) == (0, 0)
    assert Ledger.open(workspace).number == before


def test_a_query_and_its_start(workspace, shop):
    write(
        workspace, "shop",
        """
version: 1
map: orders.map.yaml
sql_database:
  url: $SHOP_DATABASE
  queries:
    - name: orders
      query: "SELECT id, customer, total, placed_at, updated_at FROM orders WHERE total > 0 AND customer <> ':x';"
      cursor: updated_at
      start: 2026-01-02
""",
    )  # fmt: skip
    put(shop, (1, "10", "2026-01-01 10:00:00"), (2, "20", "2026-01-05 10:00:00"), (3, "-1", "2026-01-05 10:00:00"))
    assert pulled(workspace) == (1, 1)
    put(shop, (4, "40", "2026-01-06 20:00:00"), (5, "-50", "2026-01-07 10:00:00"))
    assert pulled(workspace)[1] == 1
    assert sorted(amounts(workspace).values()) == [2000, 4000]


def test_an_unknown_table_or_column_is_named_with_what_was_meant(workspace, shop):
    put(shop, (1, "10", "2026-01-01 10:00:00"))
    for wrong, meant in (("table: order,", "orders"), ("table: orders, cursor: updatedat", "updated_at")):
        write(workspace, "shop", TABLE.replace("table: orders,", wrong).replace("cursor: updated_at}", "}")
              if "updatedat" in wrong else TABLE.replace("table: orders,", wrong))  # fmt: skip
        (one,) = pipeline.pull(workspace, clock=lambda: NOW)
        assert one.problem is not None and meant in (one.problem.hint or ""), one.problem


def test_a_pull_killed_anywhere_goes_on_and_doubles_nothing(workspace, tmp_path, monkeypatch):
    url = f"sqlite:///{tmp_path}/shop.db"
    monkeypatch.setenv("SHOP_DATABASE", url)
    write(workspace, "shop", TABLE, MAP)
    n = 3_000
    with sqlite3.connect(tmp_path / "shop.db") as db:
        db.execute("CREATE TABLE orders (id INTEGER, customer TEXT, total TEXT, placed_at TEXT, updated_at TEXT)")
        times = (f"2026-01-01 {i // 3600:02}:{i // 60 % 60:02}:{i % 60:02}" for i in range(n))
        rows = ((i, f"c{i}@x.com", "1", "2026-01-01 09:00:00", at) for i, at in enumerate(times))
        db.executemany("INSERT INTO orders VALUES (?,?,?,?,?)", rows)
    program = (
        "import sys, os, pathlib; from regard.sources.pull import fetching; fetching.PIECE = 300\n"
        "from regard import pipeline; from regard.ledger import Ledger; from regard.workspace import Workspace\n"
        "real, turns = Ledger.append, [int(sys.argv[2])]\n"
        "def append(self, batch, engine, *, now):\n"
        "    turns[0] -= 1\n"
        "    if turns[0] == 0: os.kill(os.getpid(), 9)\n"
        "    done = real(self, batch, engine, now=now)\n"
        "    if turns[0] == 1 and sys.argv[3] == 'after': os.kill(os.getpid(), 9)\n"
        "    return done\n"
        "Ledger.append = append\n"
        "(one,) = pipeline.pull(Workspace(pathlib.Path(sys.argv[1])))\n"
        "sys.exit(0 if one.problem is None else str(one.problem))\n"
    )
    for turn, when in ((1, "before"), (3, "before"), (3, "after"), (10, "before"), (11, "after")):
        command = [sys.executable, "-c", program, str(workspace.root), str(turn), when]
        ended = subprocess.run(command, env={**os.environ}, timeout=300, capture_output=True, text=True)
        assert ended.returncode == -signal.SIGKILL, ended.stderr
        held, state = len(amounts(workspace)), cursor(workspace)
        assert state is None or held == n  # a cursor only where every row that it stands for is
    assert pulled(workspace)[1] == 0  # the last was killed after its last commit, in which the cursor was
    assert len(amounts(workspace)) == n


def test_secrets_are_never_said(workspace, monkeypatch, capfd, caplog):
    caplog.set_level(logging.DEBUG)
    secret = "geh:eim/nis 7"
    Secrets(workspace.secrets).keep("SHOP_DATABASE", "postgresql://me:geh%3Aeim%2Fnis%207@127.0.0.1:1/shop")
    monkeypatch.delenv("SHOP_DATABASE", raising=False)
    assert workspace.secrets.stat().st_mode & 0o077 == 0
    write(workspace, "shop", TABLE, MAP)
    (one,) = pipeline.pull(workspace, clock=lambda: NOW)
    store = Store.open(workspace)
    state = Attempts(store).find("shop")
    store.close()
    everything = " ".join((str(one.problem), str(state), caplog.text, *capfd.readouterr()))
    assert "does not answer" in everything
    assert secret not in everything and "geh%3Aeim" not in everything
    chained = [one.problem.__cause__, one.problem.__context__]
    assert chained == [None, None]


def test_an_unknown_secret_or_pull_says_what_to_do(workspace, monkeypatch):
    monkeypatch.delenv("SHOP_DATABASE", raising=False)
    with pytest.raises(SettingError, match="nothing to pull"):
        pipeline.pull(workspace)
    write(workspace, "shop", TABLE, MAP)
    with pytest.raises(SettingError, match="Did you mean 'shop'"):
        pipeline.pull(workspace, ["shp"])
    (one,) = pipeline.pull(workspace)
    assert "regard pull --secret SHOP_DATABASE" in str(one.problem)


def test_failures_back_off_and_are_shown_until_one_goes_well(workspace, tmp_path, monkeypatch):
    place = tmp_path / "shop.db"
    monkeypatch.setenv("SHOP_DATABASE", f"sqlite:///{place}")
    write(workspace, "shop", TABLE, MAP)
    store = Store.open(workspace)
    attempts, at, pauses = Attempts(store), NOW, []
    for _ in range(4):
        assert due(workspace, attempts, at) == ["shop"]
        assert pull_one(workspace, attempts, "shop", clock=lambda at=at: at).problem is not None
        left = attempts.find("shop")
        pauses.append((left.next_at - at).total_seconds())
        assert due(workspace, attempts, left.next_at - dt.timedelta(seconds=1)) == []
        at = left.next_at
    assert all(base <= pause <= base * 1.1 for base, pause in zip((60, 120, 240, 480), pauses, strict=True))
    (state,) = pipeline.pull_states(workspace, store)
    assert state.state(at) == "failing" and state.last.failures == 4 and "no database file" in state.last.problem
    with sqlite3.connect(place) as db:
        db.execute("CREATE TABLE orders (id INTEGER, customer TEXT, total TEXT, placed_at TEXT, updated_at TEXT)")
    assert pull_one(workspace, attempts, "shop", clock=lambda: at).problem is None
    (state,) = pipeline.pull_states(workspace, store)
    assert state.state(at) == "well" and state.last.problem is None
    assert 900 <= (state.last.next_at - at).total_seconds() <= 990
    assert due(workspace, attempts, at + dt.timedelta(days=3)) == ["shop"]  # asleep for days: once, at once
    assert state.state(at + dt.timedelta(days=3)) == "late"
    store.close()


def test_one_at_a_time(workspace, tmp_path, monkeypatch):
    from regard.ledger.lock import held

    monkeypatch.setenv("SHOP_DATABASE", f"sqlite:///{tmp_path}/shop.db")
    write(workspace, "shop", TABLE, MAP)
    with held(workspace.pull_lock("shop"), doing="pulling shop", wait_s=0):
        (one,) = pipeline.pull(workspace)
    assert "Another process is pulling 'shop'" in one.problem.problem
    assert pipeline.pull_states(workspace)[0].last is None


def test_watching_takes_what_comes_and_ends_when_told(workspace, tmp_path, monkeypatch):
    place = tmp_path / "shop.db"
    monkeypatch.setenv("SHOP_DATABASE", f"sqlite:///{place}")
    write(workspace, "shop", TABLE.replace("15m", "1s"), MAP)
    with sqlite3.connect(place) as db:
        db.execute("CREATE TABLE orders (id INTEGER, customer TEXT, total TEXT, placed_at TEXT, updated_at TEXT)")
        db.execute("INSERT INTO orders VALUES (1, 'a@x.com', '1', '2026-01-01 09:00:00', '2026-01-01 09:00:00')")
    stop, lines = threading.Event(), []
    thread = threading.Thread(target=pipeline.watch, args=(workspace, stop), kwargs={"say": lines.append})
    thread.start()
    wait_for(lambda: any("1 new" in line for line in lines), lines)
    with sqlite3.connect(place) as db:
        db.execute("INSERT INTO orders VALUES (2, 'b@x.com', '1', '2026-01-02 09:00:00', '2026-01-02 09:00:00')")
    wait_for(lambda: sum("1 new" in line for line in lines) == 2, lines)
    stop.set()
    thread.join(30)
    assert not thread.is_alive() and len(amounts(workspace)) == 2


def wait_for(done, lines, *, within_s=60.0):
    until = time.monotonic() + within_s
    while not done():
        assert time.monotonic() < until, lines
        time.sleep(0.05)


FILES = """
version: 1
map: orders.map.yaml
filesystem: {url: URL, glob: "**/*.csv"}
"""


def order_file(place: Path, *numbers: int, at: float) -> None:
    place.parent.mkdir(parents=True, exist_ok=True)
    rows = [f"{number},c{number}@x.com,{number},2026-01-01 09:00:00" for number in numbers]
    place.write_text("\n".join(["id,customer,total,placed_at", *rows]) + "\n", encoding="utf-8")
    os.utime(place, (at, at))


def test_a_folder_gives_files_that_came_or_changed(workspace, tmp_path):
    folder = tmp_path / "exports"
    order_file(folder / "a.csv", 1, 2, at=1_700_000_000)
    order_file(folder / "deep" / "b.csv", 3, at=1_700_000_100)
    (folder / "notes.txt").write_text("not meant")
    write(workspace, "files", FILES.replace("URL", str(folder)), MAP)
    assert pulled(workspace) == (3, 3)
    assert pulled(workspace) == (0, 0)
    order_file(folder / "c.csv", 4, at=1_700_000_200)
    order_file(folder / "a.csv", 1, 2, 5, at=1_700_000_300)
    assert pulled(workspace) == (4, 2)
    assert len(amounts(workspace)) == 5
    order_file(folder / "again.csv", 4, at=1_700_000_400)  # the same bytes under another name
    assert pulled(workspace) == (0, 0)


def test_a_bucket_gives_its_files(workspace):
    import fsspec

    bucket = fsspec.filesystem("memory")
    bucket.pipe("/exports/a.csv", b"id,customer,total,placed_at\n1,a@x.com,1,2026-01-01\n")
    write(workspace, "files", FILES.replace("URL", "memory://exports").replace("**/", ""), MAP)
    try:
        assert pulled(workspace) == (1, 1)
        assert pulled(workspace) == (0, 0)
        bucket.pipe("/exports/b.csv", b"id,customer,total,placed_at\n2,b@x.com,1,2026-01-01\n")
        assert pulled(workspace) == (1, 1)
    finally:
        bucket.rm("/exports", recursive=True)


def test_a_bucket_without_its_driver_says_what_to_install(workspace):
    write(workspace, "files", FILES.replace("URL", "s3://exports"), MAP)
    (one,) = pipeline.pull(workspace)
    assert "s3fs" in one.problem.problem and one.problem.hint == "pip install s3fs"


def test_the_command_speaks_json_and_ends_with_one_where_something_failed(workspace):
    write(workspace, "files", FILES.replace("URL", "/nowhere"), MAP)
    command = [sys.executable, "-m", "regard", "-w", str(workspace.root), "--json", "pull"]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert ended.returncode == 1
    assert json.loads(ended.stdout)[0]["problem"] == "There is no folder /nowhere."
    listed = subprocess.run([*command, "--list"], capture_output=True, text=True, timeout=120)
    assert json.loads(listed.stdout)[0]["failures"] == 1


def test_public_reviews_come_with_stars_text_and_reach_and_a_person_only_where_one_is_known(workspace, tmp_path):
    root = Path(__file__).resolve().parents[2]
    guide = (root / "docs" / "guides" / "pulling.md").read_text(encoding="utf-8")
    block = guide.split("## Public reviews")[1].split("\n\n")[2]
    mapping = "\n".join(line.removeprefix("    ") for line in block.splitlines())
    reviews = [
        {"review_id": "a", "author": "ada", "published_at": "2026-01-01T10:00:00Z", "stars": 1, "title": "Late",
         "body": "Two weeks.", "views": 1200, "order_id": "o1"},
        {"review_id": "b", "author": None, "published_at": "2026-01-02T10:00:00Z", "stars": 5, "title": "Good",
         "body": None, "views": 3, "order_id": None},
        {"review_id": "c", "author": "eve", "published_at": "2026-01-02T10:00:00Z", "stars": 9, "title": "?",
         "body": None, "views": 3, "order_id": None},
    ]  # fmt: skip
    folder = tmp_path / "reviews"
    folder.mkdir()
    (folder / "one.jsonl").write_text("\n".join(map(json.dumps, reviews)), encoding="utf-8")
    write(workspace, "reviews", FILES.replace("URL", str(folder)).replace("**/*.csv", "*.jsonl"), mapping)
    (one,) = pipeline.pull(workspace, clock=lambda: NOW)
    assert (one.problem, one.n_interactions, one.n_rejects) == (None, 2, 1), one.sample
    engine = connect("duckdb")
    rows = engine.rows(Ledger.open(workspace).read(engine).order_by("occurred_at")).to_pylist()
    engine.close()
    first, second = rows
    assert (first["rating"], first["scale"], dict(first["properties"])["reach"]) == (1.0, "stars", "1200")
    assert "Late" in first["text"] and "Two weeks." in first["text"]
    assert first["handles"] == [{"kind": "reviewer", "value": "ada"}] and not second["handles"]


def test_a_lag_reads_rows_that_were_committed_late(workspace, shop):
    put(shop, (1, "10", "2026-01-01 10:00:00"))
    write(workspace, "shop", TABLE.replace("cursor: updated_at", "cursor: updated_at, lag: 10m"))
    if shop.dialect.name == "sqlite":
        (one,) = pipeline.pull(workspace, clock=lambda: NOW)
        assert "SQLite keeps times as text" in one.problem.problem
        return
    assert pulled(workspace) == (1, 1)
    put(shop, (2, "20", "2026-01-01 09:55:00"), (3, "30", "2026-01-01 09:45:00"))
    assert pulled(workspace) == (2, 1)
    assert sorted(amounts(workspace).values()) == [1000, 2000]


def test_a_lag_of_a_cursor_that_counts_is_a_number(workspace, shop):
    put(shop, (5, "10", "2026-01-01 10:00:00"))
    write(workspace, "shop", TABLE.replace("cursor: updated_at", "cursor: id, lag: 2"))
    assert pulled(workspace) == (1, 1)
    put(shop, (4, "20", "2026-01-01 10:00:00"), (2, "30", "2026-01-01 10:00:00"))
    assert pulled(workspace) == (2, 1)


def test_only_one_process_watches_and_the_next_takes_over(workspace, tmp_path):
    (tmp_path / "orders").mkdir()
    write(workspace, "files", "every: 1h" + FILES.replace("URL", str(tmp_path / "orders")), MAP)
    stop, said = threading.Event(), []
    with held(workspace.watch_lock, doing="watching pulls", wait_s=0):
        watcher = threading.Thread(target=pipeline.watch, args=(workspace, stop), kwargs={"say": said.append})
        watcher.start()
        time.sleep(0.3)
        assert said == []
    until = time.monotonic() + 60
    while not said and time.monotonic() < until:
        time.sleep(0.05)
    stop.set()
    watcher.join(20)
    assert said == ["files: nothing new."]


def test_a_forget_leaves_no_trace_in_cursors_or_scratch_and_the_next_pull_does_not_bring_them_back(workspace, shop):
    put(shop, (1, "10", "2026-01-01 10:00:00"), (2, "20", "2026-01-01 10:00:00"))
    assert pulled(workspace) == (2, 2)
    assert len(json.loads(cursor(workspace))["sources"]["pull"]["resources"]["orders"]["incremental"]["updated_at"]
               ["unique_hashes"]) == 2  # fmt: skip
    left = workspace.scratch / "pull-of-one-that-was-killed"
    left.mkdir(parents=True)
    (left / "orders.jsonl").write_text('{"customer": "c1@x.com"}')
    workspace.blueprint.write_text(
        "name: s\nzone: UTC\ncurrency: EUR\nidentity: {handles: [{kind: email, normal: email}]}\n"
    )
    engine = connect("duckdb")
    gone = pipeline.forget(workspace, "c1@x.com", engine, now=NOW)
    engine.close()
    assert gone.removed["interactions"] == 1 and "cursors" not in gone.changed
    assert '"unique_hashes":[]' in cursor(workspace) and not left.exists()
    (one,) = pipeline.pull(workspace, clock=lambda: NOW)
    assert (one.problem, one.n_interactions, one.n_known, one.n_forgotten) == (None, 0, 1, 1)
    assert list(amounts(workspace)) == ["2:purchase"]
    assert pulled(workspace) == (0, 0)
