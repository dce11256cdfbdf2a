"""A server on a large ledger while interactions flow in: when one is on its person's story, and when in every table.

    python benchmarks/live.py --interactions 10000000 --people 400000 --rate 1000 --seconds 180
    python benchmarks/live.py --interactions 1000000 --people 40000

A workspace of `flow.py` is copied and worked out once; then `regard serve` runs on it. When a first interaction has
gone all the way, a stream of plain ones of known people comes at --rate a second; every few seconds one more is sent
by itself, of a known person or of a new one, and their story is asked for until it is there (`coming` or
`interactions`) and until the tables have it (`interactions`: all tables of a refresh are seen at once, so every
aggregate has it then).
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import datetime as dt
import json
import os
import random
import shutil
import signal
import statistics
import sys
import time
from pathlib import Path

import httpx

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
ASK_S = 0.25
BETWEEN_S = 5.0
A_REQUEST = 100


def prepare(folder: Path, interactions: int, people: int) -> Path:
    """A workspace of that size which is live, worked out as of now."""
    from fresh import prepare as copied
    from regard import pipeline
    from regard.engine import connect
    from regard.workspace import Workspace

    root = copied(folder, interactions, people)
    blueprint = root / "blueprint.yaml"
    blueprint.write_text(f"live: true\n{blueprint.read_text()}")
    shutil.rmtree(root / "derived", ignore_errors=True)
    engine = connect("duckdb")
    pipeline.run(Workspace(root), engine, pipeline.Order(now=dt.datetime.now(dt.UTC)))
    engine.close()
    return root


def interaction(name: str, mail: str) -> dict[str, object]:
    return {
        "event": random.choice(["view", "search", "login", "basket"]),
        "interaction_id": name,
        "channel": "web",
        "direction": "customer",
        "handles": {"email": mail},
    }


class Watch:
    """What is sent and what is seen of it."""

    def __init__(self, client: httpx.AsyncClient, secret: str, ids: dict[str, str]) -> None:
        self.client, self.ids = client, ids
        self.mails = list(ids)
        basic = base64.b64encode(f"{secret}:".encode()).decode()
        self.head = {"Authorization": f"Basic {basic}"}
        self.story: dict[str, list[float]] = {"known": [], "new": []}
        self.tables: dict[str, list[float]] = {"known": [], "new": []}
        self.asked: list[float] = []
        self.sent = 0

    async def send(self, rows: list[dict[str, object]]) -> None:
        answer = await self.client.post("/api/v1/interactions", json=rows, headers=self.head)
        assert answer.status_code == 202, answer.text
        self.sent += len(rows)

    async def ready(self) -> None:
        """Wait until the server has worked out its usual pages and a first interaction went all the way."""
        await self.client.get("/")
        await self.probe(-1, "known", 600)
        for found in (self.story, self.tables):
            found["known"].clear()
        self.asked.clear()

    async def flow(self, rate: float, until: float) -> None:
        """Interactions of known people, a hundred a request."""
        began, number = time.perf_counter(), 0
        while time.perf_counter() < until and rate:
            await self.send([interaction(f"f{number}-{nth}", random.choice(self.mails)) for nth in range(A_REQUEST)])
            number += 1
            await asyncio.sleep(max(0.0, began + number * A_REQUEST / rate - time.perf_counter()))

    async def probe(self, number: int, kind: str, patience_s: float) -> None:
        """Send one, and ask until it is there."""
        name = f"probe-{number}"
        mail = random.choice(self.mails) if kind == "known" else f"new{number}-{time.time_ns()}@fresh.example"
        await self.send([interaction(name, mail)])
        began, on_story = time.perf_counter(), False
        while (waited := time.perf_counter() - began) < patience_s:
            coming, there = await self._seen(self.ids.get(mail, mail), name)
            if (coming or there) and not on_story:
                on_story = True
                self.story[kind].append(waited)
            if there:
                self.tables[kind].append(waited)
                return
            await asyncio.sleep(ASK_S if not on_story else 1.0)
        raise SystemExit(f"{name} of a {kind} person was not in the tables after {patience_s:.0f} s")

    async def _seen(self, person: str, name: str) -> tuple[bool, bool]:
        began = time.perf_counter()
        answer = await self.client.get(f"/api/v1/persons/{person}/story", params={"level": "transaction"})
        self.asked.append(time.perf_counter() - began)
        if answer.status_code == 404:
            mine = await self.client.get("/api/v1/persons", params={"where": f"handle = {person}"})
            rows = mine.json().get("data", []) if mine.status_code == 200 else []
            if rows and rows[0]["person_id"]:
                return await self._seen(rows[0]["person_id"], name)
            return False, False
        data = answer.json()["data"]
        coming, there = ({row["interaction_id"] for row in data[part]} for part in ("coming", "interactions"))
        return name in coming, name in there


def known(root: Path, n: int) -> dict[str, str]:
    """E-mail addresses of so many people, and who they are."""
    from regard.engine import Reader
    from regard.workspace import Workspace

    reader = Reader(Workspace(root))
    now = reader.now()
    persons = now.tables["persons"]
    rows = now.rows(persons.filter(persons.kind == "email", persons.person_id.notnull()).limit(n))
    reader.close()
    return {str(row["handle"]): str(row["person_id"]) for row in rows}


def cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def report(watch: Watch) -> None:
    for where, found in (("on the story", watch.story), ("in every table", watch.tables)):
        for kind, seconds in found.items():
            if seconds:
                middle, most = statistics.median(seconds), max(seconds)
                print(f"{where}, {kind} person: median {middle:.2f} s, most {most:.2f} s, of {len(seconds)}")
    print(f"a story asked for: median {1000 * statistics.median(watch.asked):.0f} ms")


async def watched(root: Path, said: argparse.Namespace) -> None:
    from ingest import children, free_port, rss_mb, started
    from regard.access import Keys
    from regard.store import Store
    from regard.workspace import Workspace

    ids = known(root, 20_000)
    store = Store.open(Workspace(root))
    secret = Keys(store).create(f"bench{time.time():.0f}").secret
    store.close()
    port = free_port()
    server = started(["-m", "regard", "-q", "-w", str(root), "serve", "--port", str(port)], port)
    try:
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=60) as client:
            watch = Watch(client, secret, ids)
            await watch.ready()
            processes = {"server": server.pid, **dict(zip(("follower", "tables"), children(server.pid), strict=False))}
            before = {name: cpu_s(pid) for name, pid in processes.items()}
            first = {name: rss_mb(pid) for name, pid in processes.items()}
            until = time.perf_counter() + said.seconds
            flowing = asyncio.create_task(watch.flow(said.rate, until))
            probes = []
            number = 0
            while time.perf_counter() < until - BETWEEN_S:
                kind = "new" if number % 4 == 3 else "known"
                probes.append(asyncio.create_task(watch.probe(number, kind, said.patience)))
                number += 1
                await asyncio.sleep(BETWEEN_S)
            await asyncio.gather(flowing, *probes)
            report(watch)
            for name, pid in processes.items():
                print(
                    f"{name}: {cpu_s(pid) - before[name]:.1f} CPU s, memory {first[name]:.0f} -> {rss_mb(pid):.0f} MB"
                )
            print(f"{watch.sent:,} interactions sent in {said.seconds:.0f} s")
    finally:
        server.send_signal(signal.SIGINT)
        server.wait(60)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--interactions", type=int, default=1_000_000)
    parser.add_argument("--people", type=int, default=None)
    parser.add_argument("--rate", type=float, default=1000, help="interactions a second that flow in beside")
    parser.add_argument("--seconds", type=float, default=120)
    parser.add_argument(
        "--patience", type=float, default=300, help="seconds until one that is not there counts as lost"
    )
    parser.add_argument("--folder", type=Path, default=Path.home() / ".cache" / "regard-bench")
    parser.add_argument("--keep", action="store_true", help="go on with the workspace of the last time")
    said = parser.parse_args()
    root = said.folder / f"fresh-{said.interactions}"
    if not said.keep:
        root = prepare(said.folder, said.interactions, said.people or max(1, said.interactions // 25))
    print(json.dumps({"interactions": said.interactions, "rate": said.rate}))
    asyncio.run(watched(root, said))


if __name__ == "__main__":
    main()
