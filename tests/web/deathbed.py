"""A process that has everything imported and forks servers and followers on request, so that kills cost little.

    {"do": "serve", "root": DIR, "port": 8123, "secret": KEY}      -> "started PID"
    {"do": "follow", "root": DIR, "die_at": 17}                    -> "started PID"
    {"do": "compact" | "forget", "root": DIR, "handle": "..."}     -> "started PID", later reaped by "wait"
    {"do": "wait", "pid": PID}                                     -> "ended STATUS"

With `die_at` a child kills itself with SIGKILL at that file operation under .regard, counted from its start.
"""

from __future__ import annotations

import datetime as dt
import json
import os
import sys
import threading
from pathlib import Path

import uvicorn

from regard.access import Keys, Pace
from regard.engine import connect
from regard.ledger import Ledger
from regard.pipeline import follow
from regard.store import Store
from regard.web import create_app
from regard.workspace import Workspace

OPERATIONS = ("open", "os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.utime", "os.truncate", "shutil.rmtree")


def watched(die_at: int) -> None:
    import signal

    seen = 0

    def hook(event: str, args: tuple[object, ...]) -> None:
        nonlocal seen
        if event in OPERATIONS and ".regard" in str(args):
            seen += 1
            if seen == die_at:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(hook)


def work(order: dict[str, object]) -> None:
    workspace = Workspace(Path(str(order["root"])))
    if order["do"] == "serve":
        app = create_app(workspace, keys=Keys(Store.open(workspace)), pace=Pace())
        uvicorn.run(app, host="127.0.0.1", port=int(str(order["port"])), log_level="critical", access_log=False)
    elif order["do"] == "follow":
        follow(workspace, threading.Event(), every_s=0.05)
    else:
        now = dt.datetime.now(dt.UTC)
        engine = connect("duckdb", memory=2**28)
        ledger = Ledger.open(workspace, wait_s=60)
        if order["do"] == "compact":
            ledger.compact(engine, now=now)
        else:
            ledger.forget([("email", str(order["handle"]))], engine, now=now)


def main() -> None:
    for line in sys.stdin:
        order = json.loads(line)
        if order["do"] == "wait":
            _, status = os.waitpid(order["pid"], 0)
            print(f"ended {os.waitstatus_to_exitcode(status)}", flush=True)
            continue
        child = os.fork()
        if child == 0:
            try:
                if order.get("die_at"):
                    watched(int(order["die_at"]))
                work(order)
            except BaseException as error:
                sys.stderr.write(f"{order['do']}: {type(error).__name__}: {error}\n")
                os._exit(1)
            os._exit(0)
        print(f"started {child}", flush=True)


if __name__ == "__main__":
    main()
