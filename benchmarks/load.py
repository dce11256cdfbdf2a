"""Load a Parquet file of nine columns, two handles a row, through a mapping into the ledger, beside the bare engine.

    python benchmarks/load.py --rows 10000000 --rounds 3 --folder /tmp/load

Each step runs in a fresh process: `bare` (DuckDB copies the mapped rows to Parquet: no ids checked, no commit, nothing
recorded), `load` (sources and ledger, as `regard import` does it), `again` (the same rows under an edited mapping: all
are known), `compact` (clustering by day). Medians over the rounds; seconds of CPU are told beside the clock's, since
they move less when the machine is shared.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import resource
import shutil
import statistics
import subprocess
import sys
import time
from pathlib import Path

NOW = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
MEMORY = 2**30
STEPS = ("bare", "load", "again", "compact")
MAPPING = """
version: 1
source: shop
files: shop.parquet
zone: UTC
key: [order, number]
handles: {customer: customer, email: email}
objects: [{type: order, id: order}]
interactions:
  - event: {column: event}
    at: time
    direction: customer
    channel: {column: channel}
    unit: {column: store}
    amount: {column: amount, currency: {column: currency}}
"""

MADE = """
COPY (SELECT
  timestamptz '2024-01-01 00:00:00+00' + to_seconds((i * 63072000.0 / $n)::BIGINT) AS time,
  ['purchase', 'approve', 'ship', 'deliver', 'contact', 'return', 'login', 'review']
    [1 + (hash(i * 3) % 8)::INT] AS event,
  'C' || (hash(i * 7) % 400000)::VARCHAR AS customer,
  'user' || (hash(i * 7) % 400000)::VARCHAR || '@example.com' AS email,
  'ORD' || lpad((i // 4)::VARCHAR, 9, '0') AS "order",
  (i % 4)::VARCHAR AS number,
  ['web', 'shop', 'phone', 'email'][1 + (hash(i * 11) % 4)::INT] AS channel,
  ((hash(i * 13) % 1000000) / 100.0)::DECIMAL(12, 2) AS amount,
  ['EUR', 'USD', 'GBP'][1 + (hash(i * 17) % 3)::INT] AS currency,
  'store-' || (hash(i * 19) % 200)::VARCHAR AS store
  FROM range($n) AS made(i)) TO '$file' (FORMAT parquet, COMPRESSION zstd)
"""

BARE = """
COPY (SELECT "order" || ':' || number || ':' || event AS interaction_id, 'shop' AS source, time AS occurred_at,
  'UTC' AS zone, 'instant' AS "precision", file_row_number AS sequence, now() AS received_at, 'customer' AS direction,
  event, channel, [{kind: 'customer', value: customer}, {kind: 'email', value: email}] AS handles,
  [{type: 'order', id: "order", qualifier: NULL::VARCHAR}] AS objects, store AS unit,
  (amount * 100)::BIGINT AS amount_minor, currency FROM read_parquet('$file', file_row_number = true))
TO '$out' (FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 1, PER_THREAD_OUTPUT true)
"""


def step(name: str, folder: Path) -> dict[str, float]:
    from regard.engine import connect
    from regard.ledger import Ledger
    from regard.workspace import Workspace

    root = folder / "workspace"
    workspace = Workspace(root)
    engine = connect("duckdb", memory=MEMORY, scratch=folder / "scratch")
    ledger = Ledger.open(workspace)
    started, before = time.monotonic(), cpu_s()
    if name == "bare":
        shutil.rmtree(folder / "bare", ignore_errors=True)
        done = engine.sql(BARE.replace("$file", str(folder / "shop.parquet")).replace("$out", str(folder / "bare")))
        rows = done.fetchone()[0]
    elif name == "compact":
        rows = ledger.compact(engine, now=NOW).n_rows
    else:
        rows = load(ledger, engine, folder, edited=name == "again")
    found = {"rows": rows, "s": time.monotonic() - started, "cpu_s": cpu_s() - before}
    engine.close()
    found["peak_mb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return found


def load(ledger, engine, folder: Path, *, edited: bool) -> int:
    from regard.sources import open_source, read_mapping

    mapping = folder / "shop.map.yaml"
    mapping.write_text(MAPPING + ("# edited\n" if edited else ""), encoding="utf-8")
    with open_source([folder / "shop.parquet"], read_mapping(mapping), engine) as source:
        (batch,) = source.batches()
        done = ledger.append(batch, engine, now=NOW)
    assert done.n_rejects == 0, done
    assert not done.already
    return done.n_known if edited else done.n_interactions


def cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=10_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--folder", type=Path, default=Path("benchmarks/made/load"))
    parser.add_argument("--steps", nargs="*", default=STEPS, choices=STEPS)
    parser.add_argument("--step", choices=STEPS, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.step:
        print(json.dumps(step(given.step, given.folder)))
        return
    shutil.rmtree(given.folder, ignore_errors=True)
    given.folder.mkdir(parents=True)
    import duckdb

    with duckdb.connect() as maker:
        maker.execute("SET memory_limit = '1GB'")
        maker.execute(MADE.replace("$n", str(given.rows)).replace("$file", str(given.folder / "shop.parquet")))
    found: dict[str, list[dict[str, float]]] = {name: [] for name in given.steps}
    for _ in range(given.rounds):
        shutil.rmtree(given.folder / "workspace", ignore_errors=True)
        (given.folder / "workspace").mkdir()
        (given.folder / "workspace" / "blueprint.yaml").write_text("name: Load\n", encoding="utf-8")
        for name in given.steps:
            command = [sys.executable, __file__, "--step", name, "--folder", str(given.folder)]
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            if done.returncode:
                sys.exit(done.stderr)
            found[name].append(json.loads(done.stdout.splitlines()[-1]))
    report(found)


def report(found: dict[str, list[dict[str, float]]]) -> None:
    print("| step | rows | seconds | rows/s | CPU seconds | peak memory MB |")
    print("|---|---:|---:|---:|---:|---:|")
    for name, rounds in found.items():
        middle = {key: statistics.median(one[key] for one in rounds) for key in rounds[0]}
        rate = middle["rows"] / middle["s"]
        print(
            f"| {name} | {middle['rows']:,.0f} | {middle['s']:.1f} | {rate:,.0f} | {middle['cpu_s']:.1f} "
            f"| {middle['peak_mb']:,.0f} |"
        )


if __name__ == "__main__":
    main()
