"""The commands as a user types them: results on stdout, talk on stderr, exit codes 0, 1 and 2."""

from __future__ import annotations

import csv
import io
import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from tests.pipeline.conftest import BLUEPRINT, ORDERS, ORDERS_MAP, VOICE, VOICE_MAP

from regard.cli import COMMANDS, main
from regard.cli.voice import Voice

FILES = {
    "blueprint.yaml": BLUEPRINT,
    "maps/orders.map.yaml": ORDERS_MAP,
    "maps/voice.map.yaml": VOICE_MAP,
    "orders.csv": ORDERS,
    "voice.csv": VOICE,
}


def regard(*words: str, cwd: Path | None = None, stdin: str | None = None) -> Result:
    """The command in this process, as from a shell standing in `cwd`."""
    here = Path.cwd()
    os.chdir(cwd or here)
    try:
        return CliRunner(env={"REGARD_WORKSPACE": ""}).invoke(main, words, input=stdin, prog_name="regard")
    finally:
        os.chdir(here)


@pytest.fixture(scope="module")
def shop(tmp_path_factory) -> Path:
    """The shop's folder, imported and run by commands."""
    root = tmp_path_factory.mktemp("cli")
    for name, text in FILES.items():
        (root / name).parent.mkdir(exist_ok=True)
        (root / name).write_text(text, encoding="utf-8")
    done = regard("import", "orders.csv", "--map", "maps/orders.map.yaml", cwd=root)
    assert done.exit_code == 0, done.stderr
    assert "7 new interactions from 4 rows" in done.stdout
    done = regard("import", "-", "--map", "maps/voice.map.yaml", cwd=root, stdin=VOICE)
    assert done.exit_code == 0, done.stderr
    assert "1 rejects" in done.stdout
    assert "line 7" in done.stdout
    done = regard("run", cwd=root)
    assert done.exit_code == 0, done.stderr
    assert "As of 2025-03-01" in done.stdout
    return root


@pytest.mark.parametrize("name", COMMANDS)
def test_every_help_has_an_example(name):
    done = regard(name, "--help")
    assert done.exit_code == 0
    assert f"Example: regard {name}" in " ".join(done.stdout.split())


def test_a_word_that_is_no_command_names_the_nearest():
    done = regard("shw")
    assert (done.exit_code, done.stdout) == (2, "")
    assert "Did you mean 'show'?" in done.stderr


def test_outside_a_workspace_one_is_told_how_to_make_one(tmp_path):
    done = regard("run", cwd=tmp_path)
    assert done.exit_code == 1
    assert "regard init" in done.stderr


def test_show_gives_rows_as_csv_and_json(shop):
    done = regard(
        "show", "promises", "--csv", "--where", "outcome = broken", "--columns", "object_id,late_days", cwd=shop
    )
    assert list(csv.DictReader(io.StringIO(done.stdout))) == [{"object_id": "A2", "late_days": "3"}]
    done = regard("--json", "show", "interactions", "--where", "event = purchase", "--sort", "-amount_minor", cwd=shop)
    found = json.loads(done.stdout)
    assert [row["amount_minor"] for row in found] == [3000, 2000, 1550, 999]
    assert found[1]["occurred_at"] == "2025-01-02T09:00:00Z"
    assert found[1]["properties"] == {"due": "2025-01-05T23:00:00Z"}


def test_show_on_a_screen_is_short_and_says_how_many_there_are(shop):
    done = regard("show", "touches", "--limit", "2", cwd=shop)
    assert len(done.stdout.splitlines()) == 3
    assert "2 of 12 rows" in done.stderr


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("show", "score"), 1, "Did you mean 'scores'?"),
        (("show", "scores", "--where", "scor < 0"), 2, "Did you mean 'score'?"),
        (("show", "scores", "--sort", "scre"), 2, "Did you mean 'score'?"),
        (("show", "scores", "--limit", "-1"), 2, "--limit"),
        (("run", "--as-of", "yesterday"), 2, "1997-09-30"),
        (("run", "--horizon", "39"), 2, "26w"),
        (("run", "--engine", "sc://127.0.0.1:1"), 1, "No Spark Connect server"),
        (("run", "--engine", "spork"), 1, "plugin"),
        (("import",), 2, "regard import FILE"),
        (("import", "absent.csv", "--map", "maps/orders.map.yaml"), 1, "There is no file absent.csv"),
        (("person", "nobody@example.org"), 1, "Nobody here"),
        (("example", "olst"), 2, "--data"),
        (("forget", "nobody@example.org"), 1, "Nobody here"),
        (("merge", "email", "customer:K1"), 2, "kind:value"),
    ],
)
def test_what_is_wrong_is_said_with_what_to_do(shop, words, code, said):
    done = regard(*words, cwd=shop)
    assert said in done.stderr
    assert (done.exit_code, done.stdout) == (code, "")
    assert "Traceback" not in done.stderr


def test_errors_are_json_too_on_request(shop):
    done = regard("--json", "show", "score", cwd=shop)
    assert json.loads(done.stderr)["hint"] == "Did you mean 'scores'?"


def test_quiet_says_nothing_but_what_was_asked_for(tmp_path):
    made = regard("init", "-q", str(tmp_path / "new"))
    assert (made.exit_code, made.stdout, made.stderr) == (0, "", "")
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    for words in (("import", "orders.csv", "--map", "maps/orders.map.yaml"), ("run",)):
        done = regard("-q", *words, cwd=tmp_path)
        assert (done.exit_code, done.stdout, done.stderr) == (0, "", ""), words
    refused = regard("-q", "import", "-", "--map", "maps/voice.map.yaml", cwd=tmp_path, stdin=VOICE)
    assert "1 rejects" in refused.stdout, "rows that did not fit are never passed over"
    assert json.loads(regard("-q", "--json", "run", cwd=tmp_path).stdout)["rows"]["touches"]
    assert "ada@example.org" in regard("-q", "show", "persons", cwd=tmp_path).stdout


def test_a_run_says_its_time_in_the_workspaces_zone(shop):
    done = regard("run", "--as-of", "2025-02-10", cwd=shop)
    assert "As of 2025-02-10 23:59 (" in done.stdout
    assert regard("-q", "run", cwd=shop).exit_code == 0


def test_a_person_is_told_as_a_story(shop):
    done = regard("person", "ada@example.org", "--level", "transaction", cwd=shop)
    assert done.exit_code == 0, done.stderr
    assert "Regards us at" in done.stdout
    assert "answered 1 on stars" in done.stdout
    assert "3 days late" in done.stdout
    assert "object:" not in done.stdout, "things are counted, not listed as if they were names"
    assert "points at the time and now; " in done.stdout
    data = json.loads(regard("--json", "person", "customer:K1", cwd=shop).stdout)
    assert len(data["interactions"]) == 7


def test_decisions_about_identity_hold_from_the_next_run_and_can_be_undone(shop):
    def people() -> int:
        assert regard("-q", "run", cwd=shop).exit_code == 0
        found = json.loads(regard("--json", "show", "persons", "--where", "kind = email", cwd=shop).stdout)
        return len({row["person_id"] for row in found})

    assert people() == 3
    assert (
        regard("merge", "email:ben@example.org", "email:cyd@example.org", "--reason", "a couple", cwd=shop).exit_code
        == 0
    )
    assert people() == 2
    assert regard("split", "email:ben@example.org", "email:cyd@example.org", "--undo", cwd=shop).exit_code == 0
    assert people() == 3


def test_check_says_what_to_mend(shop):
    done = regard("check", cwd=shop)
    assert done.exit_code == 0, done.stderr
    assert "1 rows did not fit" in done.stdout
    (shop / "blueprint.yaml").write_text(BLUEPRINT.replace("stage: purchase", "stage: purchse"), encoding="utf-8")
    done = regard("check", cwd=shop)
    (shop / "blueprint.yaml").write_text(BLUEPRINT, encoding="utf-8")
    assert done.exit_code == 1
    assert "blueprint.yaml:" in done.stdout
    assert "purchase" in done.stdout


def test_compact_keeps_every_row(shop):
    before = regard("--json", "show", "interactions", cwd=shop).stdout
    assert regard("compact", cwd=shop).exit_code == 0
    assert regard("--json", "show", "interactions", cwd=shop).stdout == before


def test_init_makes_a_workspace_that_checks(tmp_path):
    assert regard("init", "shop", cwd=tmp_path).exit_code == 0
    done = regard("check", cwd=tmp_path / "shop")
    assert done.exit_code == 0, done.stdout
    again = regard("init", "shop", cwd=tmp_path)
    assert again.exit_code == 1
    assert "workspace already" in again.stderr


def test_map_drafts_a_mapping_that_loads(tmp_path):
    (tmp_path / "orders.csv").write_text(ORDERS, encoding="utf-8")
    assert regard("init", "shop", cwd=tmp_path).exit_code == 0
    drafted = regard("map", "orders.csv", cwd=tmp_path)
    assert drafted.exit_code == 0, drafted.stderr
    (tmp_path / "orders.map.yaml").write_text(drafted.stdout, encoding="utf-8")
    done = regard("-w", "shop", "import", "orders.csv", "--map", "orders.map.yaml", cwd=tmp_path)
    assert done.exit_code == 0, done.stderr
    assert "new interactions" in done.stdout


def test_examples_are_listed():
    done = regard("example")
    assert {"olist", "cdnow", "event_logs", "online_retail", "hotel_bookings"} <= set(done.stdout.split())


def test_a_process_of_its_own_starts_fast_and_imports_little():
    listed = "import sys, regard.cli; print(*[m for m in ('ibis', 'duckdb', 'pyarrow', 'numpy') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", listed], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""
    done = subprocess.run([sys.executable, "-m", "regard", "--help"], capture_output=True, text=True, check=True)
    assert "how do your customers regard you" in done.stdout


def test_keys_are_made_shown_once_and_revoked(shop):
    done = regard("key", "create", "till", "--rate", "2000", cwd=shop)
    assert done.exit_code == 0 and re.fullmatch(r"rgd_\w{8}_\w{32}\n", done.stdout)
    assert "only time" in done.stderr
    listed = json.loads(regard("--json", "key", "list", cwd=shop).stdout)
    assert [(one["name"], one["rate"], one["revoked_at"]) for one in listed] == [("till", 2000.0, None)]
    assert regard("key", "create", "till", cwd=shop).exit_code == 2
    again = regard("key", "rotate", "till", "--grace", "1h", cwd=shop)
    assert again.exit_code == 0 and again.stdout != done.stdout
    assert "is revoked" in regard("key", "revoke", "till", cwd=shop).stdout
    assert "revoked 2" in regard("key", "list", cwd=shop).stdout
    missing = regard("key", "revoke", "tll", cwd=shop)
    assert missing.exit_code == 1 and "Did you mean 'till'?" in missing.stderr


def test_nobody_is_let_in_from_elsewhere_before_there_is_an_account(shop):
    done = regard("serve", "--host", "0.0.0.0", cwd=shop)
    assert done.exit_code == 2
    assert "nobody has an account" in done.stderr and "regard account create EMAIL --role admin" in done.stderr


def test_accounts_tokens_and_the_trail(shop):
    refused = regard("account", "create", "ada@example.org", "--role", "viewer", cwd=shop)
    assert refused.exit_code == 2 and "must be an admin" in refused.stderr
    done = regard(
        "account", "create", "Ada@example.org", "--role", "admin", "--address", "https://r.example/", cwd=shop
    )
    assert done.exit_code == 0 and re.fullmatch(r"https://r\.example/welcome/[\w-]{32}\n", done.stdout)
    assert "once" in done.stderr
    again = regard("account", "invite", "ada@example.org", cwd=shop)
    assert again.stdout.startswith("http://localhost:8123/welcome/")
    assert regard("account", "create", "ben@example.org", "--role", "agnt", cwd=shop).exit_code == 2
    ben = regard("account", "create", "ben@example.org", "--role", "agent", "--unit", "north", cwd=shop)
    assert ben.exit_code == 0
    regard("account", "change", "ben@example.org", "--role", "analyst", "--disable", cwd=shop)
    listed = json.loads(regard("--json", "account", "list", cwd=shop).stdout)
    assert [(one["email"], one["role"], one["units"], bool(one["disabled_at"])) for one in listed] == [
        ("ada@example.org", "admin", None, False),
        ("ben@example.org", "analyst", ["north"], True),
    ]
    last = regard("account", "change", "ada@example.org", "--disable", cwd=shop)
    assert last.exit_code == 2 and "Nobody could manage" in last.stderr
    made = regard("token", "create", "report", "--account", "ada@example.org", "--holds", "90d", cwd=shop)
    assert re.fullmatch(r"rgt_\w{8}_\w{32}\n", made.stdout)
    assert "report" in regard("token", "list", cwd=shop).stdout
    assert regard("token", "revoke", "report", cwd=shop).exit_code == 0
    assert regard("token", "revoke", "report", cwd=shop).exit_code == 1
    assert "signed out" in regard("account", "sign-out", "ada@example.org", cwd=shop).stdout
    lines = json.loads(regard("--json", "audit", "--limit", "3", cwd=shop).stdout)
    assert [one["what"] for one in lines] == ["sign out everywhere", "revoke token", "create token"]
    assert "(shell)" in lines[0]["who"]
    assert "No line fits" in regard("audit", "--what", "read story", cwd=shop).stderr


def test_tables_of_another_regard_are_said_by_every_command_that_reads_them(shop):
    pointer = shop / ".regard" / "current.json"
    text = pointer.read_text(encoding="utf-8")
    pointer.write_text(json.dumps({**json.loads(text), "format": 0}), encoding="utf-8")
    try:
        for words in (("show", "scores"), ("person", "c1"), ("refresh",), ("run", "--keep-fits")):
            done = regard(*words, cwd=shop)
            assert done.exit_code == 1, words
            assert "worked out by an older Regard" in done.stderr, words
            assert "regard run" in done.stderr, words
        assert regard("show", "interactions", cwd=shop).exit_code == 0
    finally:
        pointer.write_text(text, encoding="utf-8")


@pytest.mark.parametrize(("total", "said"), [(None, "262,200 rows"), (300_000, "262,200 of 300,000 rows")])
def test_progress_says_rows_also_where_their_number_is_not_known(monkeypatch, total, said):
    screen = io.StringIO()
    screen.isatty = lambda: True
    monkeypatch.setattr(sys, "stderr", screen)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "120")
    with Voice().progress("Reading") as progress:
        progress(262_200, total)
    assert said in screen.getvalue()
    assert "?" not in re.sub(r"\x1b\[\?25[lh]", "", screen.getvalue())  # what hides the cursor


def started(*words: str, cwd: Path) -> subprocess.Popen[str]:
    """The command in a process of its own, as a shell starts it: with Ctrl C switched on."""
    command = [sys.executable, "-m", "regard", *words]
    restored = {"preexec_fn": lambda: signal.signal(signal.SIGINT, signal.default_int_handler)}
    return subprocess.Popen(command, cwd=cwd, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **restored)


@pytest.mark.parametrize(("words", "sign"), [(("serve", "--port", "0"), "Regard shows"), (("demo", "d"), "")])
@pytest.mark.parametrize("wait_s", [0.0, 0.7])
def test_ctrl_c_while_a_server_or_a_demo_starts_ends_it_with_a_word_and_130(shop, tmp_path, words, sign, wait_s):
    with started(*words, cwd=shop if words[0] == "serve" else tmp_path) as running:
        assert running.stderr is not None
        assert sign in running.stderr.readline()  # then pages are warmed, tables made
        time.sleep(wait_s)
        running.send_signal(signal.SIGINT)
        try:
            said = running.communicate(timeout=60)[1]
        except subprocess.TimeoutExpired:
            running.kill()  # else leaving the block would wait for it
            raise
    assert running.returncode == 130, said
    assert "Stopped." in said
    assert "Traceback" not in said


SWALLOWED = """
import os, signal, time
from regard.cli import main
from regard.demo import orders
draw = orders.draw

def drawn(*given):
    try:
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(5)
    except KeyboardInterrupt:
        {then}
    return draw(*given)

orders.draw = drawn
main(["demo", "d", "--no-serve", "--people", "1000"])
"""


@pytest.mark.parametrize("then", ["pass", "raise TypeError('result array type does not match')"])
def test_ctrl_c_that_a_library_swallows_ends_the_command_all_the_same(tmp_path, then):
    """NumPy does either, depending on where it is."""
    command = [sys.executable, "-c", SWALLOWED.format(then=then)]
    restored = {"preexec_fn": lambda: signal.signal(signal.SIGINT, signal.default_int_handler)}
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60, **restored)
    assert done.returncode == 130, done.stderr
    assert "Stopped." in done.stderr
    assert "What pages ask" not in done.stderr


def test_ctrl_c_while_a_command_is_imported_ends_it_with_a_word_and_130(monkeypatch):
    def pressed(name: str) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("regard.cli.importlib.import_module", pressed)
    done = regard("serve")
    assert done.exit_code == 130
    assert "Stopped." in done.stderr
