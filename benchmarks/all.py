"""Every benchmark in turn, each in processes of its own; what they print goes into docs/benchmarks.md by hand.

python benchmarks/all.py            about half an hour on two cores, 15 GB of disk under ~/.cache/regard-bench
python benchmarks/all.py --small    a tenth of the size
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--small", action="store_true")
    parser.add_argument("--olist", type=Path, help="The folder with Olist's files, for the score beside boosting.")
    said = parser.parse_args()
    rows = 1_000_000 if said.small else 10_000_000
    commands = [
        ["load.py", "--rows", str(rows), "--rounds", "3"],
        ["flow.py", "--interactions", str(rows // 10), "--rounds", "3"],
        ["flow.py", "--interactions", str(rows), "--rounds", "3"],
        ["fresh.py", "--interactions", str(rows // 10), "--rounds", "5"],
        ["fresh.py", "--interactions", str(rows), "--rounds", "5"],
    ]
    if said.olist:
        commands.append(["score.py", str(said.olist)])
    for command in commands:
        print("\n$ python benchmarks/" + " ".join(command), flush=True)
        subprocess.run([sys.executable, str(HERE / command[0]), *command[1:]], check=True)


if __name__ == "__main__":
    main()
