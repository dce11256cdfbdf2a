"""Every table, and every column of a step, has a rule for those who see a part; tests/web/test_access.py tries them."""

from __future__ import annotations

from regard.engine import restricted
from regard.tables import TABLES


def test_every_table_has_a_rule():
    assert restricted.ruled() == set(TABLES)


def test_every_column_of_a_step_is_known_to_be_of_it_or_of_the_next():
    own = {"journey", "position", "person", "this", "at"}
    assert {*TABLES["steps"].names} == own | {*restricted.AHEAD}
