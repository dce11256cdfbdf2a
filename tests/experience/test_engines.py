"""One score on every engine: a lively town's tables are equal, numbers to 1e-6, and rows counted."""

from __future__ import annotations

import pytest
import town

from regard.experience import score

pytestmark = pytest.mark.conformance

AS_OF = town.moment(345)


def test_the_score(agree):
    people = town.lively(25, seed=1)
    agree(lambda engine: score(*people.tables(engine), town.BLUEPRINT, engine, as_of=AS_OF).tables)
