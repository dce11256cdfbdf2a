"""Live state as lines of JSON: out of either database, into either, and it goes on from there."""

from __future__ import annotations

import datetime as dt

import pytest

from regard.access import Accounts, Keys, Sessions, Tokens, Trail, Who
from regard.errors import StoreError
from regard.store import Store
from regard.store.export import read_in, write_out
from regard.workspace import Workspace

NOW = dt.datetime(2026, 3, 1, 12, tzinfo=dt.UTC)


def fill(store):
    accounts = Accounts(store)
    accounts.create("ada@shop.example", role="admin")
    accounts.create("bob@shop.example", role="agent", units=("north",))
    Sessions(store).begin(accounts.list()[0], address="127.0.0.1", device="a browser")
    Tokens(store).create("report", email="ada@shop.example")
    trail = Trail(store)
    for what in ("sign in", "list people"):
        trail.note(Who("ada@shop.example", "admin"), what, "", address="127.0.0.1")
    return Keys(store).create("shop", scopes=("browser",), origins=("https://shop.example",)).secret


@pytest.mark.parametrize("to", ["sqlite", "postgresql"])
def test_every_row_comes_back_in_either_database(store, workspace, to, tmp_path, request):
    secret = fill(store)
    n = write_out(store, tmp_path / "one.jsonl")
    other = Workspace(tmp_path / "other")
    other.state.mkdir(parents=True)
    other.access_key.write_bytes(workspace.access_key.read_bytes())
    url = f"sqlite:///{other.store}" if to == "sqlite" else request.getfixturevalue("postgres")()
    again = Store.open(other, url=url)
    assert read_in(again, tmp_path / "one.jsonl") == n
    write_out(again, tmp_path / "two.jsonl")
    both = [sorted((tmp_path / name).read_text().splitlines()) for name in ("one.jsonl", "two.jsonl")]
    assert both[0] == both[1]
    assert Keys(again).find(secret).name == "shop"
    Trail(again).note(Who("ada@shop.example", "admin"), "read", "", address="127.0.0.1")  # entries go on counting
    with pytest.raises(StoreError, match="not empty"):
        read_in(again, tmp_path / "one.jsonl")
    again.close()
