"""Files as they should not be, through the command: one sentence that says what to do, and never a traceback."""

from __future__ import annotations

import os

import pytest
from tests.cli.test_cli import FILES, regard
from tests.pipeline.conftest import ORDERS

NOISE = bytes(range(256)) * 20
XML = "<html><body/></html>"


@pytest.fixture
def root(tmp_path):
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    return tmp_path


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("noise.csv", NOISE, "noise.csv is not text"),
        ("nothing.csv", b"\0" * 4000, "nothing.csv is not text"),
        ("picture.csv", b"\x89PNG\r\n\x1a\n" + NOISE, "picture.csv is not text"),
        ("empty.csv", b"", "empty.csv is empty"),
        ("page.xes", XML.encode(), "no XES log"),
        ("list.jsonocel", b"[1, 2]", "holds no events"),
    ],
)
def test_a_file_that_is_not_what_it_is_called_is_refused(root, name, content, said):
    (root / name).write_bytes(content)
    words = () if name.endswith(("xes", "ocel")) else ("--map", "maps/orders.map.yaml")
    done = regard("import", name, *words, cwd=root)
    assert (done.exit_code, done.stdout) == (1, "")
    assert said in done.stderr
    assert isinstance(done.exception, SystemExit)


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-8-sig", "latin-1"])
def test_text_in_any_encoding_is_read(root, encoding):
    (root / "orders.csv").write_bytes(ORDERS.replace("ben@", "bén@").encode(encoding))
    done = regard("import", "orders.csv", "--map", "maps/orders.map.yaml", cwd=root)
    assert (done.exit_code, "7 new interactions from 4 rows" in done.stdout) == (0, True), done.stderr


def test_nothing_piped_and_nothing_matched_say_so(root):
    done = regard("import", "-", "--map", "maps/orders.map.yaml", cwd=root, stdin="")
    assert (done.exit_code, "Standard input is empty" in done.stderr) == (1, True)
    done = regard("import", "absent-*.csv", "--map", "maps/orders.map.yaml", cwd=root)
    assert (done.exit_code, "No file matches absent-*.csv" in done.stderr) == (1, True)
    done = regard("import", "--map", "maps/orders.map.yaml", "--data", "nowhere", cwd=root)
    assert (done.exit_code, "no folder nowhere" in done.stderr) == (1, True)


def test_files_loaded_before_a_broken_one_are_named(root):
    (root / "broken.xlsx").write_bytes(b"PK\x03\x04" + os.urandom(100))
    done = regard("import", "orders.csv", "broken.xlsx", "--map", "maps/orders.map.yaml", cwd=root)
    assert done.exit_code == 1
    assert "broken.xlsx is not an .xlsx file" in done.stderr
    assert "Loaded before it: orders.csv" in done.stderr
    again = regard("import", "orders.csv", "--map", "maps/orders.map.yaml", cwd=root)
    assert "loaded before" in again.stdout
