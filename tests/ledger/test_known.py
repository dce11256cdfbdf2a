"""The index of ids: what it has seen, through any number of additions, writes and readings."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from regard.ledger.known import Known, hashes_of


def test_hashes_are_the_same_in_every_process_and_version():
    assert hashes_of(["shop"], ["a"]).tolist() == [2062358317479276758]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.sets(st.integers(0, 400), max_size=60), st.booleans()), max_size=12))
def test_it_has_seen_what_was_added_and_nothing_else(tmp_path_factory, steps):
    folder = tmp_path_factory.mktemp("known")
    known, added = Known(folder), set()
    for number, (some, keep) in enumerate(steps):
        known.add(np.array(sorted(some), dtype=np.uint64), [f"{number}.parquet"])
        added |= some
        if keep:
            known.keep()
            known = Known(folder)
        probe = np.arange(401, dtype=np.uint64)[::-1]
        assert set(probe[known.seen(probe)].tolist()) == added
    known.keep()
    assert Known(folder).covered == {f"{number}.parquet" for number in range(len(steps))}
    assert len(list(folder.glob("*.npy"))) <= 8


def test_another_process_that_empties_it_is_noticed(tmp_path):
    mine, other = Known(tmp_path), Known(tmp_path)
    mine.add(np.array([1, 2], dtype=np.uint64), ["a"])
    mine.keep()
    other.renew()
    assert other.seen(np.array([1], dtype=np.uint64)).all()
    other.drop()
    mine.renew()
    assert not mine.seen(np.array([1], dtype=np.uint64)).any()
    assert mine.covered == set()


@pytest.mark.parametrize("n", [0, 1, 5])
def test_looking_for_nothing_and_in_nothing(tmp_path, n):
    assert not Known(tmp_path).seen(np.arange(n, dtype=np.uint64)).any()
