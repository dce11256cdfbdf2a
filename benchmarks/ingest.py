"""Batches of 100 events of about 500 bytes over HTTP: how fast they are accepted, and whether sealing keeps up.

    python benchmarks/ingest.py                                      a minute at 50,000 events/s, then accepting alone
    python benchmarks/ingest.py --seconds 15 --convention segment
    python benchmarks/ingest.py --rate 0                             as fast as it goes

Server, follower and client share this machine's cores. Keys are checked, every request is synced before its answer,
every status is looked at, and in the end the ledger is counted. The bare loop appends the same batches to a file and
syncs each of them; it runs before and after, since disks are never twice the same.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import json
import os
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from regard.access import Keys
from regard.engine import connect
from regard.ledger import Ledger
from regard.pipeline import init
from regard.store import Store
from regard.workspace import Workspace

EVENTS = 100
MARK = "##########"
PATHS = {"plain": "/api/v1/interactions", "segment": "/v1/batch"}


def batch(convention: str) -> bytes:
    """A body of 100 events in which MARK stands for the number of the batch."""
    events = []
    for at in range(EVENTS):
        one = {
            "product_id": f"p{at % 37}",
            "name": f"Walnut writing desk no. {at}",
            "price": 149.5,
            "category": "Furniture",
            "url": f"https://shop.example/furniture/desks/walnut-writing-desk-{at}?ref=newsletter",
        }
        who = {"user": f"customer-{MARK}-{at % 10}", "anonymous": f"9f3c1a2b-{MARK}-4d5e-8f90-{at:012d}"}
        name = f"{MARK}-{at:03d}-b1946ac9-2492-4d23-8f6c"
        if convention == "plain":
            events.append(
                {
                    "event": "product viewed",
                    "interaction_id": name,
                    "occurred_at": "2026-01-01T12:00:00.123Z",
                    "channel": "web",
                    "direction": "customer",
                    "handles": who,
                    "objects": [{"type": "product", "id": one.pop("product_id")}],
                    "properties": one,
                }
            )
        else:
            events.append(
                {
                    "type": "track",
                    "event": "Product Viewed",
                    "messageId": name,
                    "userId": who["user"],
                    "anonymousId": who["anonymous"],
                    "timestamp": "2026-01-01T12:00:00.123Z",
                    "properties": one,
                }
            )
    return json.dumps(events if convention == "plain" else {"batch": events}, separators=(",", ":")).encode()


def request(convention: str, secret: str) -> bytes:
    body = batch(convention)
    basic = base64.b64encode(f"{secret}:".encode()).decode()
    head = f"POST {PATHS[convention]} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Basic {basic}\r\n"
    head += f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


class Load:
    """Requests over a number of connections, as many a second as asked for, or as fast as they are answered."""

    def __init__(self, port: int, whole: bytes, *, connections: int, rate: float, seconds: float) -> None:
        self.port, self.whole, self.connections, self.seconds = port, whole, connections, seconds
        self.gap = EVENTS / rate if rate else 0.0
        self.statuses: dict[int, int] = {}
        self.took: list[float] = []
        self.next = 0
        self.began = 0.0

    async def run(self) -> float:
        self.began = time.perf_counter()
        await asyncio.gather(*(self._send() for _ in range(self.connections)))
        return time.perf_counter() - self.began

    async def _send(self) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port, limit=2**20)
        while True:
            number = self.next
            due = self.began + number * self.gap
            if (due if self.gap else time.perf_counter()) - self.began > self.seconds:
                break
            self.next += 1
            if (wait := due - time.perf_counter()) > 0 and self.gap:
                await asyncio.sleep(wait)
            started = due if self.gap else time.perf_counter()  # waiting for a free connection counts
            writer.write(self.whole.replace(MARK.encode(), b"%010d" % number))
            head = await reader.readuntil(b"\r\n\r\n")
            length = int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0])
            await reader.readexactly(length)
            status = int(head[9:12])
            self.statuses[status] = self.statuses.get(status, 0) + 1
            self.took.append(time.perf_counter() - started)
        writer.close()


def bare(folder: Path, body: bytes, *, seconds: float) -> float:
    """Events/s of a loop that appends the same batches to a file and syncs each."""
    path, n = folder / "bare", 0
    with path.open("wb", buffering=0) as file:
        began = time.perf_counter()
        while time.perf_counter() - began < seconds:
            file.write(body)
            os.fdatasync(file.fileno())
            n += 1
        took = time.perf_counter() - began
    path.unlink()
    return n * EVENTS / took


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def serve_alone(folder: str, port: str) -> None:
    """The same application without a follower."""
    import uvicorn

    from regard.access import Pace
    from regard.pipeline import settle
    from regard.web import create_app
    from regard.web.wire import Wire

    workspace = Workspace(Path(folder))
    app = create_app(workspace, keys=Keys(Store.open(workspace)), pace=Pace())
    settle()
    uvicorn.run(app, host="127.0.0.1", port=int(port), log_level="warning", access_log=False, http=Wire)


def started(command: list[str], port: int) -> subprocess.Popen[bytes]:
    process = subprocess.Popen([sys.executable, *command], stderr=subprocess.DEVNULL)
    for _ in range(300):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return process
        time.sleep(0.1)
    raise SystemExit("the server did not start")


def rss_mb(pid: int) -> float:
    """Anonymous memory of a process, MB; mapped files are the page cache's."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("RssAnon"):
            return int(line.split()[1]) / 1024
    return 0.0


def children(pid: int) -> list[int]:
    return [int(one) for task in Path(f"/proc/{pid}/task").iterdir() for one in (task / "children").read_text().split()]


def percentile(took: list[float], share: float) -> float:
    return sorted(took)[min(len(took) - 1, int(len(took) * share))]


async def watched(load: Load, server: int, ledger: Ledger) -> tuple[float, list[tuple[float, float, int]]]:
    """Run a load while memory of server and follower and what waits in the log are looked at every two seconds."""
    seen: list[tuple[float, float, int]] = []

    async def look() -> None:
        while True:
            follower = children(server)
            waits = await asyncio.to_thread(lambda: ledger.waiting_bytes)
            seen.append((rss_mb(server), rss_mb(follower[0]) if follower else 0.0, waits))
            await asyncio.sleep(2)

    looking = asyncio.create_task(look())
    took = await load.run()
    looking.cancel()
    return took, seen


def report(name: str, load: Load, took: float) -> float:
    rate = load.statuses.get(200, 0) * EVENTS / took + load.statuses.get(202, 0) * EVENTS / took
    print(
        f"{name}: {rate:,.0f} events/s, statuses {load.statuses}, "
        f"p50 {percentile(load.took, 0.5) * 1000:.0f} ms, p99 {percentile(load.took, 0.99) * 1000:.0f} ms"
    )
    return rate


def sustained(options: argparse.Namespace, root: Path) -> None:
    workspace = init(root / "sustained")
    store = Store.open(workspace)
    secret = Keys(store).create("bench").secret
    store.close()
    port = free_port()
    server = started(["-m", "regard", "-q", "-w", str(workspace.root), "serve", "--port", str(port)], port)
    ledger, engine = Ledger.open(workspace), connect("duckdb", memory=2**29)
    try:
        load = Load(
            port,
            request(options.convention, secret),
            connections=options.connections,
            rate=options.rate,
            seconds=options.seconds,
        )
        took, seen = asyncio.run(watched(load, server.pid, ledger))
        report(f"sealing goes on, {options.convention}", load, took)
        half = seen[len(seen) // 2 :]
        print(
            f"  memory MB: server {seen[0][0]:.0f} -> {max(one[0] for one in half):.0f}, "
            f"follower {max(one[1] for one in seen[: len(seen) // 2 + 1]):.0f} -> {max(one[1] for one in half):.0f}"
        )
        print(f"  waiting in the log, MB: {' '.join(f'{one[2] / 2**20:.0f}' for one in seen)}")
        ended = time.perf_counter()
        while ledger.waiting_bytes:
            time.sleep(0.1)
        print(f"  all sealed {time.perf_counter() - ended:.1f} s after the last request, {len(ledger.files())} files")
        sent = sum(n for status, n in load.statuses.items() if status in (200, 202)) * EVENTS
        facts = ledger.read(engine)
        counted = engine.rows(facts.aggregate(n=facts.count(), ids=facts.interaction_id.nunique())).to_pylist()[0]
        print(f"  accepted {sent:,}, in the ledger {counted['n']:,}, of them different {counted['ids']:,}")
        if not counted["n"] == counted["ids"] == sent or set(load.statuses) - {200, 202}:
            raise SystemExit("something was lost, doubled or refused")
    finally:
        server.send_signal(signal.SIGINT)
        server.wait(30)
        engine.close()


def alone(options: argparse.Namespace, root: Path) -> None:
    workspace = init(root / "alone")
    store = Store.open(workspace)
    secret = Keys(store).create("bench").secret
    store.close()
    body = batch(options.convention)
    loops = [bare(root, body, seconds=options.alone / 2)]
    port = free_port()
    server = started([__file__, "--serve", str(workspace.root), str(port)], port)
    try:
        load = Load(
            port, request(options.convention, secret), connections=options.connections, rate=0, seconds=options.alone
        )
        rate = report("accepting alone", load, asyncio.run(load.run()))
    finally:
        server.terminate()
        server.wait(30)
    loops.append(bare(root, body, seconds=options.alone / 2))
    loop = statistics.mean(loops)
    print(
        f"  the bare loop: {loop:,.0f} events/s ({loops[0]:,.0f} before, {loops[1]:,.0f} after); "
        f"accepting does {rate / loop:.2f} of it"
    )


def main() -> None:
    if sys.argv[1:2] == ["--serve"]:
        serve_alone(*sys.argv[2:4])
        return
    ask = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ask.add_argument("--seconds", type=float, default=60)
    ask.add_argument("--rate", type=float, default=50_000, help="events/s; 0 is as fast as it goes")
    ask.add_argument("--connections", type=int, default=24)
    ask.add_argument("--convention", choices=PATHS, default="plain")
    ask.add_argument("--alone", type=float, default=8, help="seconds of accepting without a follower; 0: not at all")
    ask.add_argument("--folder", type=Path, help="where to make the workspaces; else a temporary folder")
    options = ask.parse_args()
    root = Path(tempfile.mkdtemp(prefix="regard-ingest-", dir=options.folder))
    print(f"bodies of {len(batch(options.convention)) / EVENTS:.0f} bytes an event, {os.cpu_count()} cores")
    try:
        if options.seconds:
            sustained(options, root)
        if options.alone:
            alone(options, root)
    finally:
        shutil.rmtree(root)


if __name__ == "__main__":
    main()
