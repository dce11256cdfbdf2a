#!/usr/bin/env bash
# Renew the hashed locks. They hold names, versions and hashes, and no address, so that any mirror can serve them.
set -euo pipefail
options=(--universal --python-version 3.11 --generate-hashes --no-header --no-annotate --no-emit-index-url --no-emit-find-links --quiet)
uv pip compile pyproject.toml "${options[@]}" -o requirements.lock
uv pip compile pyproject.toml --all-extras --group dev -c requirements.lock "${options[@]}" -o requirements-dev.lock
if grep -n '://' requirements.lock requirements-dev.lock; then echo "An address got into a lock file." >&2; exit 1; fi
