import datetime as dt

import pyarrow as pa
import pytest

from regard.engine import where
from regard.errors import SettingError


@pytest.fixture
def table(engine):
    return engine.table(
        pa.table(
            {
                "n": pa.array([1, 2, None]),
                "text": ["It came late", "fine", None],
                "at": pa.array([dt.datetime(2024, 1, day, tzinfo=dt.UTC) for day in (1, 2, 3)]),
                "good": [True, False, None],
            }
        )
    )


@pytest.mark.parametrize(
    ("conditions", "expected"),
    [
        (("n >= 2",), [2]),
        (("n=1",), [1]),
        (("n != 1",), [2]),
        (("text ~ LATE",), [1]),
        (("n is null",), [None]),
        (("n is not null", "at > 2024-01-01"), [2]),
        (("good = true",), [1]),
        (("text = 'fine'",), [2]),
        (('text == "fine"',), [2]),
        (("n <> 1",), [2]),
        (("n in (2, 7)",), [2]),
        (("text not in ('fine')",), [1]),
        (("text in (\"fine\", 'no, not this')",), [2]),
        (("n >= 1 and text ~ late",), [1]),
        (("text = 'fine and n < 0'",), []),
        (("text ~ came and good = yes",), [1]),
    ],
)
def test_conditions_select_rows(engine, table, conditions, expected):
    assert engine.rows(where(table, conditions).select("n")).column("n").to_pylist() == expected


@pytest.mark.parametrize(
    ("condition", "said"),
    [
        ("txt = 1", "Did you mean 'text'"),
        ("n == 1 or 2", "cannot be compared"),
        ("nonsense", "is not a condition"),
        ("n = many", "type int64"),
        ("n in 1, 2", r"COLUMN in \(A, B\)"),
        ("n in (1, two)", "type int64"),
        ("at < yesterday", "type timestamp"),
    ],
)
def test_what_cannot_be_meant_is_explained(table, condition, said):
    with pytest.raises(SettingError, match=said):
        where(table, (condition,))
