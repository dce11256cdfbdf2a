"""Data health shows how pulls go."""

from __future__ import annotations

import datetime as dt
import re
from urllib.request import urlopen

from regard import pipeline
from regard.web.app import create_app

MAP = "version: 1\nsource: s\nzone: UTC\nkey: [id]\nhandles: {email: e}\ninteractions: [{event: purchase, at: t}]\n"
PULL = "version: 1\nevery: 15m\nmap: m.map.yaml\nfilesystem: {url: URL, glob: '*.csv'}\n"


def test_data_health_shows_each_pull_and_what_is_wrong(workspace, tmp_path, serving):
    workspace.pulls.mkdir()
    workspace.maps.mkdir()
    (workspace.maps / "m.map.yaml").write_text(MAP)
    (tmp_path / "good").mkdir()
    (tmp_path / "good" / "a.csv").write_text("id,e,t\n1,a@x.com,2026-01-01\n")
    (workspace.pulls / "good.pull.yaml").write_text(PULL.replace("URL", str(tmp_path / "good")))
    (workspace.pulls / "gone.pull.yaml").write_text(PULL.replace("URL", "/nowhere"))
    (workspace.pulls / "typo.pull.yaml").write_text(PULL.replace("every", "evry"))
    at = dt.datetime(2026, 3, 1, tzinfo=dt.UTC)
    pipeline.pull(workspace, ["good", "gone"], clock=lambda: at)
    app = create_app(workspace, clock=lambda: at + dt.timedelta(minutes=10))
    with serving(app) as address, urlopen(f"{address}/health", timeout=60) as answer:
        page = answer.read().decode()
    said = {name: re.sub(r"<[^>]+>|\s+", " ", row) for name, row in rows(page)}
    assert "well" in said["good"] and "10 min" in said["good"]
    assert "failing" in said["gone"] and "There is no folder /nowhere." in said["gone"]
    assert "file is wrong" in said["typo"] and "no field" in said["typo"]


def rows(page):
    part = page.split('id="pulls"')[1].split("</section>")[0]
    for row in part.split("<tr>")[2:]:
        yield re.search(r'<th scope="row">(\w+)', row)[1], row
