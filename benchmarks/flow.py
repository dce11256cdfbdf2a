"""The whole river on synthetic interactions: seconds and peak memory, from nothing, in a fresh process each time.

    python benchmarks/flow.py --interactions 10000000 --people 400000 --rounds 3
    python benchmarks/flow.py --interactions 1000000 --people 40000

Measures `run` (resolve, split, score, estimate), step by step, then the journey map from `steps`, people's stories, and
every page: the first view after a run (its CPU seconds too, since they hardly move on a shared machine) and again.
The ledger is filled once for each size and kept under --folder; --keep asks a finished run and works nothing out.
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
NOW = dt.datetime(2026, 1, 31, tzinfo=dt.UTC)
STORIES = 50
PAGES = ("/", "/journeys", "/people", "/promises", "/value", "/touchpoints", "/health", "/tables", "/tables/touches")
SEGMENTS = ("everyone", "quiet", "channel:phone")
OF_A_SEGMENT = 5
"""So many pages, the first ones, are of a segment."""
AGAIN = 5


def workspace(folder: Path, interactions: int, people: int) -> Path:
    """The workspace of that size, filled if it is not there."""
    root = folder / f"shop-{interactions}"
    if (root / "filled").exists():
        return root
    shutil.rmtree(root, ignore_errors=True)
    root.mkdir(parents=True)
    shutil.copy(HERE / "shop.blueprint.yaml", root / "blueprint.yaml")
    size = ["--interactions", str(interactions), "--people", str(people)]
    subprocess.run([sys.executable, str(HERE / "generate.py"), str(root / "made"), *size], check=True)
    subprocess.run([sys.executable, __file__, "--fill", str(root)], check=True)
    shutil.rmtree(root / "made")
    (root / "filled").touch()
    return root


def fill(root: Path) -> None:
    from regard.engine import connect, schema
    from regard.ledger import Batch, Ledger
    from regard.workspace import Workspace

    engine = connect("duckdb", memory=2**30)
    files = sorted((root / "made").glob("*.parquet"))
    rows = engine.read(files, schema("interactions"))
    Ledger.open(Workspace(root)).append(Batch(source="bench", interactions=rows), engine, now=NOW)
    engine.close()


def measure(root: Path) -> dict[str, float]:
    """One run from nothing in this process, then what pages ask."""
    from regard import pipeline
    from regard.engine import connect
    from regard.workspace import Workspace

    shop = Workspace(root)
    shutil.rmtree(shop.derived, ignore_errors=True)
    shop.pointer.unlink(missing_ok=True)
    found: dict[str, float] = {}
    marks: list[tuple[str, float]] = []
    began = time.perf_counter()
    engine = connect("duckdb")
    published = pipeline.run(
        shop, engine, pipeline.Order(now=NOW), say=lambda line: marks.append((line, time.perf_counter()))
    )
    engine.close()
    ended = time.perf_counter()
    found["run_s"] = ended - began
    for (line, at), until in zip(marks, [at for _, at in marks[1:]] + [ended], strict=True):
        found[f"{line.lower()} (s)"] = until - at
    found["peak_mib"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    found["interactions"] = float(published.counts["touches"])
    return found


def ask(root: Path) -> dict[str, float]:
    """What pages ask, each once to warm up: the journey map and fifty people's stories."""
    from regard.blueprint import read
    from regard.board import Segment
    from regard.engine import Reader
    from regard.pipeline.mapped import mapped
    from regard.pipeline.story import told
    from regard.workspace import Workspace

    shop = Workspace(root)
    blueprint = read(shop.blueprint)
    reader = Reader(shop)
    now = reader.now()
    found = {}
    seconds = []
    for day in range(6):  # a period of its own each time, since a page's answer is held
        began = time.perf_counter()
        until = NOW + dt.timedelta(days=day)
        mapped(
            now, blueprint, Segment(), level="transaction", since=dt.datetime(2024, 1, 1, tzinfo=dt.UTC), until=until
        )
        seconds.append(time.perf_counter() - began)
    found["map_ms"] = 1000 * statistics.median(seconds[1:])
    persons = now.tables["scores"].select("person_id").distinct().order_by("person_id").limit(20 * STORIES)
    ids = [str(row["person_id"]) for row in now.rows(persons)][::20]
    told(now, blueprint, ids[0], level="transaction")
    seconds = []
    for person in ids:
        began = time.perf_counter()
        told(now, blueprint, person, level="transaction")
        seconds.append(time.perf_counter() - began)
    found["story_median_ms"] = 1000 * statistics.median(seconds)
    found["story_p95_ms"] = 1000 * statistics.quantiles(seconds, n=20)[-1]
    reader.close()
    return found


def views(root: Path) -> dict[str, float]:
    """Every page: its first view after a run by nothing that was held, then again; wall and CPU milliseconds."""
    import asyncio

    return asyncio.run(_views(root))


async def _views(root: Path) -> dict[str, float]:
    import httpx

    from regard.web import create_app
    from regard.workspace import Workspace

    found: dict[str, float] = {}
    for segment in SEGMENTS:
        for path in PAGES if segment == "everyone" else PAGES[:OF_A_SEGMENT]:
            app = create_app(Workspace(root), clock=lambda: NOW)
            async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://localhost") as browser:
                seconds = []
                worked = time.process_time()
                for _ in range(1 + AGAIN):
                    began = time.perf_counter()
                    answer = await browser.get(path, params={"segment": segment, "level": "transaction"})
                    seconds.append(time.perf_counter() - began)
                    if len(seconds) == 1:
                        worked = time.process_time() - worked
                    answer.raise_for_status()
            name = f"{path} {segment}"
            found[f"{name}, first (ms)"] = 1000 * seconds[0]
            found[f"{name}, first (CPU ms)"] = 1000 * worked
            found[f"{name}, again (ms)"] = 1000 * statistics.median(seconds[1:])
            app.state.site.reader.close()
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--interactions", type=int, default=1_000_000)
    parser.add_argument("--people", type=int, default=None)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--folder", type=Path, default=Path.home() / ".cache" / "regard-bench")
    parser.add_argument("--fill", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--measure", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--ask", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--views", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--keep", action="store_true", help="ask the run that is there, work nothing out")
    said = parser.parse_args()
    if said.fill:
        fill(said.fill)
    elif said.measure:
        print(json.dumps(measure(said.measure)))
    elif said.ask:
        print(json.dumps(ask(said.ask)))
    elif said.views:
        print(json.dumps(views(said.views)))
    else:
        root = workspace(said.folder, said.interactions, said.people or max(1, said.interactions // 25))
        rounds: list[dict[str, float]] = []
        for _ in range(said.rounds):
            one: dict[str, float] = {}
            for part in ("--ask", "--views") if said.keep else ("--measure", "--ask", "--views"):
                done = subprocess.run([sys.executable, __file__, part, str(root)], check=True, stdout=subprocess.PIPE)
                one |= json.loads(done.stdout)
            rounds.append(one)
        for key in rounds[0]:
            print(f"{key:<44} {statistics.median(one[key] for one in rounds):>14,.1f}")


if __name__ == "__main__":
    main()
