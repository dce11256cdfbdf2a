"""What machines ask from outside: does it live, can it work, and the figures of server and followers."""

from __future__ import annotations

import base64
import datetime as dt
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from contextlib import contextmanager
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from regard.access import Accounts, Keys
from regard.ledger import Ledger
from regard.pipeline.pulse import FOLLOW, REFRESH, Heart, lives, pulse
from regard.store import Store
from regard.web import create_app
from regard.web.app import utc_now

NOW = dt.datetime(2026, 3, 1, 12, tzinfo=dt.UTC)


def get(address, path, **headers):
    try:
        with urllib.request.urlopen(urllib.request.Request(address + path, headers=headers), timeout=30) as found:
            return found.status, found.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def visit(n):
    return {"interaction_id": f"i-{n}", "event": "visit", "occurred_at": utc_now().isoformat()}


def send(address, path, said, secret):
    basic = base64.b64encode(f"{secret}:".encode()).decode()
    asked = urllib.request.Request(
        address + path,
        data=said if isinstance(said, bytes) else json.dumps(said).encode(),
        headers={"Authorization": f"Basic {basic}", "Content-Type": "application/json"},
    )
    try:
        with urllib.request.urlopen(asked, timeout=30) as found:
            return found.status
    except urllib.error.HTTPError as error:
        return error.code


def figures(address, **headers):
    status, text = get(address, "/metrics", **headers)
    assert status == 200, text
    return {
        (one.name, *sorted(one.labels.items())): one.value
        for family in text_string_to_metric_families(text)
        for one in family.samples
    }


@contextmanager
def served(workspace, said=None):
    """A real `regard serve`, with its followers; said : takes the lines of its log."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "regard", "-w", str(workspace.root), "serve", "--port", str(port)]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    try:
        until(lambda: alive(f"http://127.0.0.1:{port}"))
        yield f"http://127.0.0.1:{port}"
    finally:
        process.send_signal(signal.SIGTERM)
        _, text = process.communicate(timeout=60)
        if said is not None:
            said += text.splitlines()


def alive(address):
    try:
        return get(address, "/healthz")[0] == 200
    except (urllib.error.URLError, ConnectionError):
        return False


def until(true, wait_s=60.0):
    end = time.monotonic() + wait_s
    while not (found := true()):
        assert time.monotonic() < end, "it did not come true"
        time.sleep(0.1)
    return found


def test_a_server_says_what_it_did_and_so_does_its_follower(workspace):
    (workspace.root / "blueprint.yaml").write_text(
        "name: Test\nzone: UTC\ncurrency: EUR\nlive: true\nfreshness: {shop: 2d}\n", encoding="utf-8"
    )
    store = Store.open(workspace)
    secret = Keys(store).create("shop").secret
    store.close()
    log = []
    with served(workspace, log) as address:
        until(lambda: get(address, "/readyz")[0] == 200)
        said = json.loads(get(address, "/readyz")[1])
        assert [one["name"] for one in said["checks"]] == ["store", "log", "follower"]
        rows = [{**visit(n), "handles": [{"kind": "email", "value": "ada@example.com"}]} for n in range(7)]
        assert send(address, "/api/v1/interactions", rows, secret) == 202
        assert send(address, "/api/v1/interactions", b"{", secret) == 400
        assert send(address, "/v1/track", {}, "rgd_wrong") == 401
        found = until(lambda: (one := figures(address)).get(("regard_sealed_interactions_total",)) == 7 and one)
        assert found["regard_ingest_events_total",] == 7
        assert found["regard_ingest_requests_total",] == 1
        assert found["regard_ingest_bytes_total",] > 500
        assert found["regard_ingest_refused_requests_total", ("reason", "unusable")] == 1
        assert found["regard_ingest_refused_requests_total", ("reason", "unknown_key")] == 1
        route = ("route", "/api/v1/interactions")
        assert found["regard_http_requests_total", ("method", "POST"), route, ("status", "202")] == 1
        assert found["regard_http_request_seconds_count", route] == 2
        assert found["regard_log_waiting_bytes",] == 0
        assert found["regard_follow_alive",] == 1
        assert found["regard_seal_seconds_total",] > 0
        assert found["regard_seal_behind_seconds",] < 20
        assert found["regard_follow_resident_bytes",] > 2**20
        assert found["process_resident_memory_bytes",] > 2**20
        later = until(lambda: (one := figures(address)).get(("regard_refresh_turns_total",)) and one)
        assert later["regard_source_age_seconds", ("source", "shop")] < 120
        assert later["regard_source_age_allowed_seconds", ("source", "shop")] == 2 * 86_400
        assert later["regard_source_interactions", ("source", "shop")] == 7
        assert later["regard_refresh_runs_total",] == 1
        assert "ada" not in get(address, "/metrics")[1]
        os.kill(pulse(workspace, FOLLOW).pid, signal.SIGKILL)
        until(lambda: not lives(workspace, FOLLOW))
        until(lambda: get(address, "/readyz")[0] == 503)
        until(lambda: get(address, "/readyz")[0] == 200)  # it is started again
        assert (
            send(address, "/api/v1/interactions", [{**visit(1), "event": "other", "text": "ada wrote"}], secret) == 202
        )
        for path in ("/people?q=ada@example.com", "/api/v1/people/email:ada@example.com", "/people/ada@example.com"):
            assert get(address, path.replace("@", "%40"))[0] in (200, 404)
    told = [json.loads(line) for line in log]
    assert {one["process"] for one in told} >= {"serve"}
    assert any("is started again" in one["says"] for one in told)
    assert "ada" not in "\n".join(log)


def test_without_a_follower_a_server_is_alive_and_not_ready(workspace, serving):
    with serving(create_app(workspace)) as address:
        assert get(address, "/healthz") == (200, '{"status":"alive"}')
        status, text = get(address, "/readyz")
    said = {one["name"]: one for one in json.loads(text)["checks"]}
    assert status == 503
    assert said["follower"] == {
        "name": "follower",
        "says": "No follower runs: what is accepted stays in the log until `regard serve` or `regard follow` does.",
        "well": False,
    }  # fmt: skip
    assert said["store"]["well"]
    assert said["log"]["well"]


def test_a_log_that_cannot_be_written_is_said(workspace, serving):
    workspace.state.mkdir(parents=True)
    workspace.log.write_text("a file where the folder should be", encoding="utf-8")
    with serving(create_app(workspace)) as address:
        said = {one["name"]: one["says"] for one in json.loads(get(address, "/readyz")[1])["checks"]}
    assert said["log"].startswith("The log cannot be written")


def test_a_store_that_does_not_answer_is_said_without_its_address(workspace, serving):
    store = Store.open(workspace)
    with serving(create_app(workspace, store=store)) as address:
        assert json.loads(get(address, "/readyz")[1])["checks"][0]["well"]
        store.close()
        for path in workspace.state.glob("store.db*"):
            path.unlink()
        workspace.store.write_bytes(b"no database" * 1000)
        time.sleep(1.1)
        said = json.loads(get(address, "/readyz")[1])["checks"][0]
    assert said == {"name": "store", "says": "The store does not answer.", "well": False}


def test_figures_are_for_this_machine_or_a_key_of_their_own(workspace, serving):
    store = Store.open(workspace)
    keys = Keys(store)
    monitor, shop = keys.create("monitor", scopes=("metrics",)).secret, keys.create("shop").secret
    elsewhere = {"X-Forwarded-For": "203.0.113.9"}
    with serving(create_app(workspace, store=store)) as address:
        assert get(address, "/metrics")[0] == 200
        assert get(address, "/metrics", **elsewhere)[0] == 401
        assert get(address, "/metrics", Authorization="Bearer rgd_wrong", **elsewhere)[0] == 401
        assert get(address, "/metrics", Authorization=f"Bearer {shop}", **elsewhere)[0] == 403
        assert get(address, "/metrics", Authorization=f"Bearer {monitor}", **elsewhere)[0] == 200
        assert send(address, "/api/v1/interactions", [], monitor) == 403
        Accounts(store).create("ada@example.com", role="admin")
        assert get(address, "/metrics")[0] == 200  # a monitor on this machine needs no account
    store.close()


def test_what_is_asked_of_no_route_makes_no_new_series(workspace, serving):
    with serving(create_app(workspace)) as address:
        for n in range(30):
            get(address, f"/made-up-{n}")
            get(address, f"/hooks/made-up-{n}")
        found = figures(address)
    routes = {dict(name[1:])["route"] for name in found if name[0] == "regard_http_requests_total"}
    assert routes <= {"other", "/hooks/{name}"}


def test_damage_of_the_log_is_counted_and_on_data_health(workspace, serving, engine):
    store = Store.open(workspace)
    secret = Keys(store).create("shop").secret
    app = create_app(workspace, store=store)
    with serving(app) as address:
        for n in range(3):
            assert send(address, "/api/v1/interactions", [visit(n)], secret) == 202
    (segment,) = workspace.log.glob("*.seg")
    data = bytearray(segment.read_bytes())
    data[len(data) // 2] ^= 0xFF
    segment.write_bytes(data)
    Ledger.open(workspace).seal(engine, now=utc_now(), everything=True)
    with serving(create_app(workspace, store=store)) as address:
        found, page = figures(address), get(address, "/health")[1]
    assert found["regard_log_damaged_records",] == 1
    assert 0 < found["regard_log_damaged_bytes",] < len(data)
    assert "was damaged" in page
    assert segment.name.removesuffix(".seg") in page
    store.close()


def test_sign_ins_that_fail_are_counted(workspace, serving):
    store = Store.open(workspace)
    Accounts(store).create("ada@example.com", role="admin")
    with serving(create_app(workspace, store=store)) as address:
        form = urllib.request.Request(address + "/sign-in", data=b"email=ada%40example.com&password=wrong+words")
        with pytest.raises(urllib.error.HTTPError):
            urllib.request.urlopen(form, timeout=30)
        assert figures(address)["regard_sign_in_failures_total",] == 1
    store.close()


def test_a_pulse_that_cannot_be_written_stops_nobody(workspace):
    heart = Heart(workspace, FOLLOW)
    heart.beat(NOW, began=NOW, took_s=2.0, caught_up=True, trouble="", interactions=3)
    heart.beat(NOW, began=NOW, took_s=None, caught_up=False, trouble="The disk is full.", interactions=0)
    said = pulse(workspace, FOLLOW)
    assert (said.turns, said.last_s, said.trouble, dict(said.counts)) == (
        1,
        2.0,
        "The disk is full.",
        {"interactions": 3},
    )
    assert said.behind_s(NOW + dt.timedelta(seconds=5)) == 5
    shutil.rmtree(workspace.pulse(FOLLOW).parent)
    workspace.pulse(FOLLOW).parent.write_text("in the way", encoding="utf-8")
    heart.beat(NOW, began=NOW, took_s=1.0, caught_up=True, trouble="")
    assert pulse(workspace, FOLLOW) is None


def test_every_figure_is_in_the_guide(workspace, serving):
    guide = (Path(__file__).resolve().parents[2] / "docs" / "guides" / "running.md").read_text(encoding="utf-8")
    for name in (FOLLOW, REFRESH):
        Heart(workspace, name).beat(NOW, began=NOW, took_s=1.0, caught_up=True, trouble="")
    with serving(create_app(workspace)) as address:
        text = get(address, "/metrics")[1]
    names = {line.split()[2] for line in text.splitlines() if line.startswith("# TYPE regard_")}
    assert len(names) > 30
    missing = [name for name in names if f"`{name}`" not in guide and not name.endswith("_created")]
    assert missing == []
