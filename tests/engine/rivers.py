"""One ledger, the whole river on each engine: the same command a user gives, and what came of it."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path

import pyarrow as pa
from click.testing import CliRunner
from tests.conftest import ordered, same

from regard.cli import main
from regard.engine import Published, connect
from regard.workspace import Workspace

Tables = dict[str, pa.Table]


def run_on_each(filled: Workspace, servers: Mapping[str, str], folder: Path) -> dict[str, Tables]:
    """`regard run` in the workspace and, with `--engine`, in a copy of it for each server: duckdb first.

    servers : addresses by name. folder : for the copies.
    Returns : every table that each run published, in the order of its key; the counts a run wrote down are its rows.
    """
    found: dict[str, Tables] = {}
    reader = connect("duckdb", memory=2**30)
    for name, address in {"duckdb": "duckdb", **servers}.items():
        workspace = filled
        if name != "duckdb":
            workspace = Workspace(folder / name)
            shutil.copytree(filled.root, workspace.root, ignore=shutil.ignore_patterns("derived", "current*"))
        done = CliRunner().invoke(main, ["-w", str(workspace.root), "--quiet", "run", "--engine", address])
        assert done.exit_code == 0, f"{name}: {done.output} {done.exception!r}"
        published = Published.current(workspace)
        assert published.facts["engine"] == ("duckdb" if name == "duckdb" else "spark")
        rows = {table: reader.rows(published.table(table, reader)) for table in published.counts}
        assert {table: one.num_rows for table, one in rows.items()} == published.counts, name
        found[name] = {table: ordered(table, one) for table, one in rows.items()}
    reader.close()
    return found


def hold_equal(found: Mapping[str, Tables], name: str) -> None:
    """A table as every engine made it is as DuckDB made it: floats to 1e-6, all else to the letter."""
    first = found["duckdb"][name]
    for engine, tables in found.items():
        assert tables[name].num_rows == first.num_rows, f"{engine}: {name}"
        same(first, tables[name], f"{engine}: {name}")
