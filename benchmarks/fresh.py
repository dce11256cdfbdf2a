"""What is new, brought into every table of a large workspace: seconds and peak memory, a process for each refresh.

    python benchmarks/fresh.py --interactions 10000000 --people 400000 --rounds 5
    python benchmarks/fresh.py --interactions 1000000 --people 40000 --rounds 5

A workspace of `flow.py` is copied (by reference where the disk can), worked out once, and then gets a thousand
interactions of 500 people a round: an order each, and its delivery, which knows only the order. Between the rounds
pages ask for the journey map, which reads the run and its updates together.
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

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
PEOPLE = 500


def prepare(folder: Path, interactions: int, people: int) -> Path:
    """A copy of the workspace of that size, worked out."""
    from flow import workspace

    whole = workspace(folder, interactions, people)
    root = folder / f"fresh-{interactions}"
    shutil.rmtree(root, ignore_errors=True)
    subprocess.run(["cp", "-r", "--reflink=auto", str(whole), str(root)], check=True)
    return root


def run(root: Path) -> dict[str, float]:
    from flow import NOW
    from regard import pipeline
    from regard.engine import connect
    from regard.workspace import Workspace

    began = time.perf_counter()
    engine = connect("duckdb")
    pipeline.run(Workspace(root), engine, pipeline.Order(now=NOW))
    engine.close()
    return {"run_s": time.perf_counter() - began}


def news(root: Path, number: int) -> dict[str, float]:
    """Append a round's interactions."""
    import numpy as np
    import pyarrow as pa

    from flow import NOW
    from regard.engine import Published, connect, schema
    from regard.ledger import Batch, Ledger
    from regard.workspace import Workspace

    shop = Workspace(root)
    published = Published.current(shop)
    people = np.random.default_rng([7, number]).choice(published.counts["value"], PEOPLE, replace=False)
    at = published.as_of + dt.timedelta(minutes=1)
    rows = []
    for nth, who in enumerate(people.tolist()):
        order = [{"type": "order", "id": f"new{number}-{nth}", "qualifier": None}]
        due = (at + dt.timedelta(days=3)).strftime("%Y-%m-%dT%H:%M:%SZ")
        bought = {
            "event": "purchase",
            "direction": "customer",
            "channel": "web",
            "amount_minor": 4200,
            "currency": "EUR",
        }
        mail = {"handles": [{"kind": "email", "value": f"p{who}@example.org"}], "properties": [("due", due)]}
        came = {"event": "delivered", "direction": "us", "channel": "courier"}
        rows.append({"interaction_id": f"b{number}-{nth}", "occurred_at": at, "objects": order, **bought, **mail})
        later = at + dt.timedelta(minutes=5)
        rows.append({"interaction_id": f"d{number}-{nth}", "occurred_at": later, "objects": order, **came})
    engine = connect("duckdb", memory=2**30)
    table = engine.table(pa.Table.from_pylist(rows, schema=schema("interactions").to_pyarrow()))
    began = time.perf_counter()
    Ledger.open(shop).append(Batch(source="bench", interactions=table), engine, now=NOW)
    engine.close()
    return {"append_s": time.perf_counter() - began}


def refresh(root: Path) -> dict[str, float]:
    from flow import NOW
    from regard import pipeline
    from regard.engine import connect
    from regard.workspace import Workspace

    marks: list[tuple[str, float]] = []
    engine = connect("duckdb")
    began = time.perf_counter()
    done = pipeline.refresh(
        Workspace(root), engine, now=NOW, say=lambda line: marks.append((line, time.perf_counter()))
    )
    ended = time.perf_counter()
    engine.close()
    assert done.whole is None, done.whole
    assert done.n_new == 2 * PEOPLE, done.line()
    found = {"refresh_s": ended - began, "people": float(done.n_people)}
    for (line, at), until in zip(marks, [at for _, at in marks[1:]] + [ended], strict=True):
        found[f"{line.lower()} (s)"] = until - at
    found["updates"] = float(len(done.published.updates))
    found["peak_mib"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return found


def ask(root: Path) -> dict[str, float]:
    from flow import ask as pages

    return pages(root)


PARTS = {"run": run, "refresh": refresh, "ask": ask}


def one(part: str, root: Path, *more: str) -> dict[str, float]:
    command = [sys.executable, __file__, "--part", part, str(root), *more]
    found: dict[str, float] = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--interactions", type=int, default=1_000_000)
    parser.add_argument("--people", type=int, default=None)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--folder", type=Path, default=Path.home() / ".cache" / "regard-bench")
    parser.add_argument("--part", nargs="+", help=argparse.SUPPRESS)
    said = parser.parse_args()
    if said.part:
        part, root = said.part[0], Path(said.part[1])
        print(json.dumps(news(root, int(said.part[2])) if part == "news" else PARTS[part](root)))
        return
    root = prepare(said.folder, said.interactions, said.people or max(1, said.interactions // 25))
    print(f"{'run_s':<32} {one('run', root)['run_s']:>14,.1f}", flush=True)
    rounds = [one("news", root, str(number)) | one("refresh", root) | one("ask", root) for number in range(said.rounds)]
    for key in rounds[-1]:
        print(f"{key:<32} {statistics.median(each.get(key, 0.0) for each in rounds):>14,.1f}")


if __name__ == "__main__":
    main()
