"""A process that has everything imported and forks a writer for each line it reads, so that kills cost little.

    {"do": "append", "root": DIR, "batch": 3, "die_at": 17}     -> "started PID", later "ended STATUS"

A writer with `die_at` kills itself with SIGKILL at that file operation (open, rename ...); one without it can be
killed from outside at any moment.
"""

from __future__ import annotations

import datetime as dt
import json
import os
import signal
import sys
from pathlib import Path

import pyarrow as pa

from regard.engine import connect, schema
from regard.ledger import Batch, Ledger
from regard.workspace import Workspace

ROWS = 40
NOW = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
OPERATIONS = ("open", "os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.utime", "shutil.rmtree")


def rows(number: int) -> pa.Table:
    shape = schema("interactions").to_pyarrow()
    names = ["interaction_id", "event", "occurred_at", "sequence", "handles", "text"]
    made = [
        {
            "interaction_id": f"{number}:{at}",
            "event": "buy",
            "occurred_at": NOW - dt.timedelta(hours=at),
            "sequence": at,
            "handles": [{"kind": "email", "value": f"person{at}@example.org"}],
            "text": f"from person{at}@example.org",
        }
        for at in range(ROWS)
    ]
    return pa.Table.from_pylist(made, schema=pa.schema([shape.field(name) for name in names]))


def objects(number: int) -> pa.Table:
    made = [{"type": "order", "id": str(number), "at": NOW, "attribute": "n", "value": "1", "source": "s"}]
    return pa.Table.from_pylist(made, schema=schema("objects").to_pyarrow())


def rejects(number: int) -> pa.Table:
    made = [{"file": f"{number}.csv", "line": 99, "reason": "odd", "row": "{}"}]
    return pa.Table.from_pylist(
        made,
        schema=pa.schema([(n, pa.int64() if n == "line" else pa.string()) for n in ("file", "line", "reason", "row")]),
    )


def work(order: dict[str, object]) -> None:
    root = Path(str(order["root"]))
    engine = connect("duckdb", scratch=root.parent / "engine" / str(os.getpid()), memory=2**28)
    ledger = Ledger.open(Workspace(root), wait_s=20)
    if order["do"] == "append":
        number = int(str(order["batch"]))
        batch = Batch(
            "s",
            engine.table(rows(number)),
            rejects=engine.table(rejects(number)),
            sides={"objects": engine.table(objects(number))},
            file=f"{number}.csv",
            content=f"content {number}",
        )
        ledger.append(batch, engine, now=NOW)
    elif order["do"] == "compact":
        ledger.compact(engine, now=NOW)
    else:
        ledger.forget([("email", str(order["handle"]))], engine, now=NOW)


def watched(die_at: int) -> None:
    seen = 0

    def hook(event: str, args: tuple[object, ...]) -> None:
        nonlocal seen
        if event in OPERATIONS and ".regard" in str(args):
            seen += 1
            if seen == die_at:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(hook)


def main() -> None:
    for line in sys.stdin:
        order = json.loads(line)
        child = os.fork()
        if child == 0:
            try:
                if order.get("die_at"):
                    watched(order["die_at"])
                work(order)
            except BaseException as error:
                sys.stderr.write(f"{type(error).__name__}: {error}\n")
                os._exit(1)
            os._exit(0)
        print(f"started {child}", flush=True)
        _, status = os.waitpid(child, 0)
        print(f"ended {os.waitstatus_to_exitcode(status)}", flush=True)


if __name__ == "__main__":
    main()
