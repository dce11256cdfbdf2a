#!/usr/bin/env bash
# Conformance on real Apache Spark: a standalone master, two workers and a Connect server from the pyspark package
# (Java 17), in an environment of its own, since pyspark and pyspark-client install the same package.
set -euo pipefail
cd "$(dirname "$0")/.."
venv=.venv-spark
if [ ! -e "$venv/.ready" ]; then
  "${PYTHON:-python3}" -m venv "$venv"
  # The same locked versions as everywhere, but for pyspark itself, which replaces pyspark-client.
  "${PYTHON:-python3}" - "$venv/packages.txt" <<'PY'
import re, sys
path = sys.argv[1]
blocks, current = [], []
for line in open("requirements-dev.lock"):
    if line[:1].isalnum() and current:
        blocks.append(current); current = []
    current.append(line)
blocks.append(current)
client = next(re.match(r"pyspark-client==(\S+)", block[0]) for block in blocks if block[0].startswith("pyspark-client=="))
open(path, "w").writelines(line for block in blocks if not block[0].startswith("pyspark-client==") for line in block)
open(path.replace("packages", "spark"), "w").write(f"pyspark=={client[1]}\n")
PY
  "$venv/bin/python" -m pip install --quiet --disable-pip-version-check --require-hashes -r "$venv/packages.txt"
  "$venv/bin/python" -m pip install --quiet --disable-pip-version-check -r "$venv/spark.txt"
  "$venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-deps --editable .
  touch "$venv/.ready"
fi
exec "$venv/bin/python" scripts/spark.py "$@"
