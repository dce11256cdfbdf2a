"""`regard check`: blueprint, mappings beside their data, sources and freshness."""

from __future__ import annotations

import datetime as dt
import shutil

from tests.pipeline.conftest import BLUEPRINT, NOW, ORDERS, ORDERS_MAP, load

from regard import pipeline
from regard.errors import Finding


def found(shop, **more) -> dict[str, Finding]:
    return {one.where: one for one in pipeline.check(shop, now=NOW, **more) if one.severity != "note"}


def test_a_column_that_went_missing_is_named_with_the_nearest_where_the_source_last_came_from(shop):
    load(shop)
    assert not any(".map.yaml" in where for where in found(shop))
    (shop.root / "orders.csv").write_text(ORDERS.replace("placed", "placed_at"), encoding="utf-8")
    (where, finding), *more = [item for item in found(shop).items() if ".map.yaml" in item[0]]
    assert not more
    assert (where, finding.severity) == ("orders.map.yaml:10", "error")
    assert "no column 'placed'" in finding.problem
    assert "placed_at" in finding.hint


def test_the_data_may_lie_anywhere(shop, tmp_path):
    elsewhere = tmp_path / "exports"
    elsewhere.mkdir()
    (elsewhere / "orders.csv").write_text(ORDERS.replace("due", "promised"), encoding="utf-8")
    assert "no column 'due'" in found(shop, data=elsewhere)["orders.map.yaml:13"].problem
    assert "no voice.csv in" in found(shop, data=elsewhere)["voice.map.yaml"].problem.replace("There is ", "")


def test_a_mapping_without_files_is_held_against_the_file_it_last_read(shop):
    (shop.maps / "orders.map.yaml").write_text(ORDERS_MAP.replace("files: orders.csv\n", ""), encoding="utf-8")
    load(shop)
    (shop.root / "orders.csv").write_text(ORDERS.replace("total", "sum"), encoding="utf-8")
    assert "no column 'total'" in found(shop)["orders.map.yaml:11"].problem


def test_a_mistake_in_one_mapping_hides_nothing_else(shop):
    load(shop)
    (shop.maps / "orders.map.yaml").write_text(ORDERS_MAP.replace("handles", "handels"), encoding="utf-8")
    said = found(shop)
    assert "'handles'" in said["orders.map.yaml:6"].hint
    assert "did not fit" in said["source desk"].problem


def test_what_was_never_imported_and_folders_that_are_gone_are_said(shop, tmp_path):
    notes = {one.where: one for one in pipeline.check(shop, now=NOW) if one.severity == "note"}
    assert "never been imported" in notes["orders.map.yaml"].problem
    assert "regard import --map" in notes["orders.map.yaml"].hint
    away = tmp_path / "away"
    shutil.move(shop.root / "orders.csv", away.mkdir() or away / "orders.csv")
    pipeline.bring_in(shop, [], mapping=shop.maps / "orders.map.yaml", data=away, now=NOW)
    shutil.rmtree(away)
    notes = {one.where: one for one in pipeline.check(shop, now=NOW) if one.severity == "note"}
    assert str(away) in notes["orders.map.yaml"].problem
    assert "--data" in notes["orders.map.yaml"].hint


def test_a_source_that_is_late_or_never_came_is_said(shop):
    text = BLUEPRINT.replace("currency: EUR", "currency: EUR\nlive: true\nfreshness: {shop: 2d, dsk: 1d}")
    shop.blueprint.write_text(text, encoding="utf-8")
    load(shop)
    said = found(shop)
    assert "days old, 2 are allowed" in said["source shop"].problem
    assert "desk" in said["source dsk"].hint


def test_pulls_are_checked_with_their_failures(workspace, monkeypatch):
    monkeypatch.delenv("NOWHERE", raising=False)
    workspace.pulls.mkdir()
    workspace.maps.mkdir(exist_ok=True)
    (workspace.maps / "m.map.yaml").write_text(
        "version: 1\nsource: s\nzone: UTC\nkey: [id]\nhandles: {email: e}\ninteractions: [{event: purchase, at: t}]\n"
    )
    text = "version: 1\nevery: 15m\nmap: m.map.yaml\nfilesystem: {url: $NOWHERE}\n"
    (workspace.pulls / "files.pull.yaml").write_text(text)
    at = dt.datetime(2026, 3, 1, tzinfo=dt.UTC)
    found = {one.where: one for one in pipeline.check(workspace, now=at)}
    assert "$NOWHERE" in found["files.pull.yaml:4"].problem
    monkeypatch.setenv("NOWHERE", "/nowhere")
    pipeline.pull(workspace, clock=lambda: at)
    found = {one.where: one for one in pipeline.check(workspace, now=at)}
    assert "failed once: There is no folder ***." in found["pull files"].problem
    (workspace.pulls / "files.pull.yaml").write_text(text.replace("url:", "ulr:"))
    found = {one.where: one for one in pipeline.check(workspace, now=at)}
    assert found["files.pull.yaml:4"].severity == "error"
