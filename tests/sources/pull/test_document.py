"""Pull files: every mistake has its line and says what was probably meant."""

from __future__ import annotations

import pytest

from regard.errors import MappingError, SettingError
from regard.sources.pull import Secrets, check_pull, read_pull

GOOD = """\
version: 1
every: 15m
map: {orders: orders.map.yaml}
sql_database:
  url: $SHOP
  tables:
    - {table: orders, cursor: updated_at, start: 2024-01-01}
"""
MAP = "version: 1\nsource: s\nzone: UTC\nkey: [id]\nhandles: {email: e}\ninteractions: [{event: purchase, at: t}]\n"


@pytest.fixture
def place(tmp_path):
    (tmp_path / "maps").mkdir()
    (tmp_path / "maps" / "orders.map.yaml").write_text(MAP)

    def write(text):
        path = tmp_path / "shop.pull.yaml"
        path.write_text(text)
        return path

    return write


def test_a_good_file_is_read(place):
    pull = read_pull(place(GOOD))
    assert (pull.name, pull.kind, pull.every_s, pull.rows) == ("shop", "sql_database", 900.0, ("orders",))
    assert pull.map_for("orders") == "orders.map.yaml"
    assert pull.said["tables"][0]["start"] == "2024-01-01"


@pytest.mark.parametrize(
    ("wrong", "right", "line", "hint"),
    [
        ("cursor:", "cursr:", 7, "Did you mean 'cursor'"),
        ("every:", "evry:", 2, "Did you mean 'every'"),
        ("every: 15m", "every: 15", 2, "15m"),
        ("sql_database:", "sql_databse:", 4, "Did you mean 'sql_database'"),
        ("{orders: orders", "{order: orders", 3, "Did you mean 'order'"),
        ("{orders: orders.map.yaml}", "{orders: orders.map.yaml, visits: v.map.yaml}", 3, ""),
        ("table: orders, ", "", 7, "table"),
        ("version: 1", "version: 2", 1, "1"),
    ],
)
def test_a_mistake_has_its_line_and_what_was_meant(place, wrong, right, line, hint):
    assert wrong in GOOD
    with pytest.raises(MappingError) as caught:
        read_pull(place(GOOD.replace(wrong, right)))
    assert f"shop.pull.yaml:{line}:" in caught.value.problem, caught.value
    assert hint in caught.value.message(), caught.value


def test_what_is_not_yaml_and_what_is_not_there(place, tmp_path):
    with pytest.raises(MappingError, match=r"shop.pull.yaml:\d+: this is not YAML"):
        read_pull(place("version: [1\n"))
    with pytest.raises(MappingError, match="Did you mean 'shop'"):
        read_pull(tmp_path / "shp.pull.yaml")


def test_checking_looks_at_mappings_secrets_and_cursors(place, tmp_path):
    maps = tmp_path / "maps"
    assert check_pull(place(GOOD), maps, {"SHOP": "x"}) == []
    (missing,) = check_pull(place(GOOD), maps, {})
    assert missing.severity == "warning" and "$SHOP" in missing.problem
    (note,) = check_pull(place(GOOD.replace("cursor: updated_at, start: 2024-01-01", "columns: [id]")), maps)
    assert note.severity == "note" and "no cursor" in note.problem
    (maps / "orders.map.yaml").write_text(MAP.replace("key: [id]\n", ""))
    (keyless,) = check_pull(place(GOOD), maps)
    assert keyless.severity == "warning" and "no `key`" in keyless.problem
    (maps / "orders.map.yaml").unlink()
    (gone,) = check_pull(place(GOOD), maps)
    assert gone.severity == "error" and "orders.map.yaml" in gone.problem


def test_the_environment_comes_before_the_workspace(tmp_path):
    secrets = Secrets(tmp_path / "secrets.json", {"A": "from-outside"})
    secrets.keep("A", "from-inside")
    secrets.keep("B", "pass/word")
    assert secrets.filled({"url": "x://$A:${B}@h", "n": [1, "$B"]}) == {
        "url": "x://from-outside:pass/word@h", "n": [1, "pass/word"],
    }  # fmt: skip
    assert secrets.hidden("said from-outside, pass/word and pass%2Fword") == "said ***, *** and ***"
    assert secrets.hidden("pg://me:other@h/db") == "pg://me:***@h/db"
    with pytest.raises(SettingError, match="regard pull --secret C"):
        secrets.filled("$C")
    with pytest.raises(SettingError, match="not the name of a secret"):
        secrets.keep("a b", "x")
