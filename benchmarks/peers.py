"""Regard beside other tools, on the same data, in the same run, each measurement in a fresh process, round-robin.

    python benchmarks/peers.py --rows 10000000 --rounds 3 --peers FOLDER --root ENVIRONMENTS
    python benchmarks/peers.py --rows 1000000 --only map,components --root ENVIRONMENTS

FOLDER holds the other tools' own scripts, which are no part of Regard; ENVIRONMENTS has what they stand on: `venv/NAME`
for each tool and `data`, which their gen_*.py write. Without --peers only Regard is measured. Times are medians of the
rounds; `cpu` is that of the operation in seconds, memory the peak of the process in MiB, Python included;
`of best` is the operation's time against the fastest that is not a limit (a bare kernel over arrays, which is no tool).
`agrees` says whether the result is Regard's own.
"""

from __future__ import annotations

import argparse
import gc
import importlib
import importlib.util
import json
import os
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from contenders import CDNOW, OURS

HERE = Path(__file__).resolve()
CLOSE = 1e-4
Result = dict[str, object]


@dataclass(frozen=True)
class Question:
    """What is measured: the peers' script, the data it needs, and who answers it."""

    script: str
    data: str
    made_by: str
    peers: tuple[str, ...]
    says: str


QUESTIONS = {
    "map": Question(
        "bench_A_dfg", "events", "gen_events",
        ("limit_numba_clustered", "duckdb_clustered_stream", "duckdb_coded", "duckdb_naive", "polars_coded",
         "chdb_window", "openprocess_dfg", "r4pm_dfg", "pl4pm_dfg", "pm4py_polars", "pm4py_pandas",
         "retentioneering_tm"),
        "directly-follows map with waits, first and last steps",
    ),
    "variants": Question(
        "bench_A_dfg", "events", "gen_events",
        ("limit_variants_numba", "duckdb_variants_hash", "duckdb_variants_coded", "chdb_variants", "polars_variants",
         "openprocess_variants", "r4pm_variants", "pm4py_polars_variants"),
        "variants: number and the twenty most frequent",
    ),
    "sessions": Question(
        "bench_C_sessionize", "events", "gen_events",
        ("limit_numba_clustered", "duckdb_clustered_stream", "duckdb_two_windows", "polars_coded", "chdb_window",
         "retentioneering_split"),
        "sessions after 30 minutes of silence (Regard makes steps, flows and variants with them)",
    ),
    "components": Question(
        "bench_D_components", "graph", "gen_graph",
        ("numba_union_find", "scipy_cc", "igraph_cc", "duckdb_contract", "splink_cluster"),
        "connected components of numbered edges",
    ),
    "people": Question(
        "bench_D_components", "graph", "gen_graph",
        ("limit_hash64_to_numba", "duckdb_strings_to_numba", "arrow_strings_to_numba", "polars_strings_to_scipy"),
        "components from strings (Regard also checks guards and says why handles are one person)",
    ),
    "bg_nbd": Question(
        "bench_E_clv", "clv", "gen_clv",
        ("limit_numpy_grouped_bgnbd", "limit_numpy_bgnbd", "lifetimes_bgnbd", "pymc_marketing_map"),
        "BG/NBD by maximum likelihood",
    ),
}  # fmt: skip


def is_limit(name: str) -> bool:
    return name.startswith("limit") or name == "numba_union_find"


def measure(name: str, data: Path, rows: int, reps: int) -> Result:
    """One contender of ours, in this process."""
    gc.collect()
    work = OURS[name][1](data, rows)
    began = time.perf_counter()
    next(work)
    found: Result = {"load_s": time.perf_counter() - began}
    busy, seconds = time.process_time(), []
    for _ in range(reps):
        began = time.perf_counter()
        found["result"] = next(work)
        seconds.append(time.perf_counter() - began)
    found |= {"op_s": seconds, "cpu_s": (time.process_time() - busy) / reps}
    found["peak_mib"] = peak_mib()
    work.close()  # type: ignore[attr-defined]
    return found


def peak_mib() -> float:
    """The most this process has held; getrusage counts what the process that started it held, too."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(status.split("VmHWM:")[1].split()[0]) / 1024


def asked(command: Sequence[str], root: Path, timeout_s: float) -> Result:
    """Run a contender in a process of its own; the last line that starts with @@ is what it found."""
    env = os.environ | {"PERF_ROOT": str(root), "PYTHONWARNINGS": "ignore", "TQDM_DISABLE": "1"}
    env |= {"POLARS_MAX_THREADS": "2", "OMP_NUM_THREADS": "2", "PYTHONDONTWRITEBYTECODE": "1"}
    try:
        done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=timeout_s)
    except subprocess.TimeoutExpired:
        return {"error": f"not done after {timeout_s:.0f} s"}
    said = [line for line in done.stdout.splitlines() if line.startswith("@@")]
    return json.loads(said[-1][2:]) if said else {"error": (done.stderr.strip().splitlines() or ["no answer"])[-1]}


def commands(question: Question, key: str, said: argparse.Namespace, rows: int) -> Mapping[str, list[str]]:
    """How each contender is started, ours first."""
    size = ["--rows", str(rows), "--reps", str(said.reps)]
    ours = [name for name, (asks, _) in OURS.items() if asks == key]
    found = {name: [sys.executable, str(HERE), "--one", name, *size, "--root", str(said.root)] for name in ours}
    if said.peers:
        sys.path.insert(0, str(said.peers))
        there = importlib.import_module(question.script).CONTENDERS
        for name in question.peers:
            python = said.root / "venv" / there[name]["venv"] / "bin" / "python"
            found[name] = [str(python), str(said.peers / f"{question.script}.py"), "--one", name, *size]
    return {name: command for name, command in found.items() if Path(command[0]).exists()}


def same(one: object, other: object) -> bool:
    """Whether two digests say the same in all that both say; figures to one in ten thousand."""
    if isinstance(one, dict) and isinstance(other, dict):
        shared = (one.keys() & other.keys()) - {"rows", "nfev", "iterations"}
        if "LL" in shared:  # the same optimum; the parameters lie on a flat ridge
            shared = {"LL"}
        return bool(shared) and all(same(one[key], other[key]) for key in shared)
    if isinstance(one, int | float) and isinstance(other, int | float):
        return abs(one - other) <= CLOSE * max(abs(one), abs(other))
    return one == other


def report(question: Question, rows: int, runs: Mapping[str, list[Result]]) -> None:
    print(f"\n### {question.says}; {rows:,} rows\n")
    print("| | load, s | operation, s | of best | cpu | MiB | agrees |\n|---|---:|---:|---:|---:|---:|---|")
    good = {name: [run for run in those if "error" not in run] for name, those in runs.items()}

    def middle(name: str, key: str) -> float:
        numbers = [run[key] for run in good[name]]
        return statistics.median(n for one in numbers for n in (one if isinstance(one, list) else [one]))

    ready = [name for name in runs if good[name]]
    best = min((middle(name, "op_s") for name in ready if not is_limit(name)), default=1.0)
    mine = good[next(iter(runs))]
    for name in sorted(ready, key=lambda name: middle(name, "op_s")):
        agrees = "?" if not mine else "yes" if same(mine[-1]["result"], good[name][-1]["result"]) else "no"
        figures = f"{middle(name, 'load_s'):,.2f} | {middle(name, 'op_s'):,.3f} | {middle(name, 'op_s') / best:,.2f}"
        print(f"| {name} | {figures} | {middle(name, 'cpu_s'):,.2f} | {middle(name, 'peak_mib'):,.0f} | {agrees} |")
    for name in runs:
        if not good[name]:
            print(f"| {name} | {runs[name][-1]['error']} | | | | | |")


def prepare(question: Question, said: argparse.Namespace, rows: int) -> None:
    """See that the data is there; the peers' scripts make it where it is not."""
    data = said.root / "data"
    data.mkdir(parents=True, exist_ok=True)
    if question.data == "clv" and rows == CDNOW:
        summary = data / "cdnow_customers_summary.csv"
        if not summary.exists():
            package = importlib.util.find_spec("lifetimes")  # its datasets cannot be imported without setuptools
            assert package is not None and package.origin is not None
            shutil.copy(Path(package.origin).parent / "datasets" / summary.name, summary)
        return
    wanted = data / (f"clv_{rows}.npz" if question.data == "clv" else f"{question.data}_{rows}")
    if wanted.exists():
        return
    if not said.peers:
        sys.exit(f"{wanted} is not there. Name the folder whose {question.made_by}.py makes it: --peers FOLDER")
    python = said.root / "venv" / "core" / "bin" / "python"
    command = [str(python), str(said.peers / f"{question.made_by}.py"), str(rows)]
    subprocess.run(command, check=True, env=os.environ | {"PERF_ROOT": str(said.root)})


def compare(key: str, said: argparse.Namespace, rows: int) -> None:
    question = QUESTIONS[key]
    prepare(question, said, rows)
    runs: dict[str, list[Result]] = {}
    for _ in range(said.rounds):
        for name, command in commands(question, key, said, rows).items():
            if not any("error" in run for run in runs.get(name, [])):
                runs.setdefault(name, []).append(asked(command, said.root, said.timeout))
                print(f"  {key} {name}: {json.dumps(runs[name][-1])[:200]}", file=sys.stderr, flush=True)
    report(question, rows, runs)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=3, help="fresh processes a contender")
    parser.add_argument("--reps", type=int, default=1, help="operations a process")
    parser.add_argument("--peers", type=Path, help="folder of the other tools' scripts")
    parser.add_argument("--root", type=Path, default=Path.home() / ".cache" / "regard-peers")
    parser.add_argument("--only", default=",".join(QUESTIONS), help="questions, with commas: %(default)s")
    parser.add_argument("--timeout", type=float, default=600.0, help="seconds a process may take")
    parser.add_argument("--one", help=argparse.SUPPRESS)
    said = parser.parse_args()
    if said.one:
        print("@@" + json.dumps(measure(said.one, said.root / "data", said.rows, said.reps)), flush=True)
        return
    for key in said.only.split(","):
        sizes = (CDNOW, min(said.rows, 1_000_000)) if key == "bg_nbd" else (said.rows,)
        for rows in sizes:
            compare(key, said, rows)


if __name__ == "__main__":
    main()
