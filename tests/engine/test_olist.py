"""A real workspace, Olist's, is the same on a Spark server as on DuckDB.

It takes a minute or more, and what engines can differ in is in `everything.py`; so it runs only against the server that
REGARD_SPARK names, which is `make spark`.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from click.testing import CliRunner
from tests.engine.rivers import hold_equal, run_on_each

from regard.cli import main
from regard.workspace import Workspace

pytestmark = [pytest.mark.conformance, pytest.mark.slow, pytest.mark.timeout(3600)]


def test_every_table_of_olist(data: Path, tmp_path: Path) -> None:
    server = os.environ.get("REGARD_SPARK")
    if not server:
        pytest.skip("REGARD_SPARK names no server; make spark does")
    into = tmp_path / "olist"
    done = CliRunner().invoke(main, ["--quiet", "example", "olist", "--data", str(data / "olist"), "--into", str(into)])
    assert done.exit_code == 0, done.output
    found = run_on_each(Workspace(into), {"spark": server}, tmp_path)
    assert found["duckdb"]["predictions"].num_rows > 14_000
    for name in found["duckdb"]:
        hold_equal(found, name)
