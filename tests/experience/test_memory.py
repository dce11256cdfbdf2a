"""Memory fades, never rises, never reaches nothing, on any horizon and on every engine alike."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from regard.engine import Engine
from regard.experience.memory import LEAST_FLOOR, Memory

horizons = st.floats(min_value=1.0, max_value=1e10)
memories = st.builds(Memory, horizons, horizons, st.floats(min_value=LEAST_FLOOR, max_value=0.95))


@given(memories, st.lists(st.floats(min_value=0, max_value=1e12), min_size=2, max_size=30), st.booleans())
def test_it_falls_from_one_and_stays_above_its_floor(memory: Memory, ages: list[float], loss: bool) -> None:
    left = memory.of(np.sort(np.array(ages)), np.full(len(ages), loss))
    assert (np.diff(left) <= 0).all()
    assert (left >= memory.floor).all()
    assert (left > 0).all()
    assert memory.of(np.zeros(1), np.array([loss]))[0] == 1.0


@given(memories)
def test_its_coordinates_give_it_back(memory: Memory) -> None:
    again = Memory.at(memory.point)
    np.testing.assert_allclose(
        [again.loss_s, again.gain_s, again.floor], [memory.loss_s, memory.gain_s, memory.floor], rtol=1e-9
    )


@given(memories, st.floats(min_value=0, max_value=1e9), st.booleans())
def test_slopes_are_derivatives(memory: Memory, age: float, loss: bool) -> None:
    if not LEAST_FLOOR * 1.01 < memory.floor < 0.94:
        return
    ages, side = np.array([age]), np.array([loss])
    found = memory.slopes(ages, side)[0]
    for place in range(3):
        step = np.zeros(3)
        step[place] = 1e-5
        numeric = (Memory.at(memory.point + step).of(ages, side) - Memory.at(memory.point - step).of(ages, side)) / 2e-5
        np.testing.assert_allclose(found[place], numeric[0], atol=1e-5)


def test_losses_last_longer_than_gains_by_default() -> None:
    from regard.blueprint import Blueprint

    memory = Memory.stated(Blueprint("any").memory)
    age = np.array([90 * 86_400.0])
    assert memory.of(age, np.array([True])) > memory.of(age, np.array([False]))


def test_the_engine_says_the_same(engine: Engine) -> None:
    memory, rng = Memory(4e6, 9e5, 0.15), np.random.default_rng(1)
    ages, loss = rng.uniform(0, 3e7, 500), rng.random(500) < 0.5
    rows = engine.table(pa.table({"age": ages, "loss": loss}))
    found = engine.rows(rows.mutate(left=memory.expression(rows.age, rows.loss)))
    order = np.lexsort([found["age"].to_numpy()])
    np.testing.assert_allclose(found["left"].to_numpy()[order], memory.of(ages, loss)[np.lexsort([ages])], rtol=1e-12)
