"""What the tests of sources need: write a file, load it with a mapping, and look at what came of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from regard.engine import Engine
from regard.sources import mapping_of, open_source

ORDERS = """
version: 1
source: shop
zone: Europe/Berlin
key: [order_id]
handles: {email: email}
objects: [{type: order, id: order_id}]
interactions:
  - event: purchase
    at: bought
    amount: {column: price, currency: EUR}
"""


@dataclass(frozen=True)
class Loaded:
    """Interactions in order, rejects in order of lines, and the counts."""

    rows: list[dict[str, object]]
    rejects: list[dict[str, object]]
    counts: dict[str, int]
    notes: list[str]

    @property
    def row(self) -> dict[str, object]:
        assert len(self.rows) == 1, (self.rows, self.rejects)
        return self.rows[0]

    @property
    def reasons(self) -> list[str]:
        return [str(reject["reason"]) for reject in self.rejects]

    @property
    def lines(self) -> list[int]:
        return [int(str(reject["line"])) for reject in self.rejects]


Loading = Callable[..., Loaded]


@pytest.fixture
def loading(engine: Engine, tmp_path: Path) -> Loading:
    """Load files (text or bytes are written first) with a mapping text."""

    def load(
        content: str | bytes | Path, mapping: str | None = ORDERS, *, name: str = "orders.csv", **more: object
    ) -> Loaded:
        path = content if isinstance(content, Path) else tmp_path / name
        if isinstance(content, str):
            path.write_text(content, encoding="utf-8", newline="")
        elif isinstance(content, bytes):
            path.write_bytes(content)
        said = mapping_of(mapping) if mapping else None
        with open_source([path], said, engine, **more) as opened:  # type: ignore[arg-type]
            rows = []
            for batch in opened.batches():
                found = engine.rows(batch.interactions.order_by(["sequence", "event"])).to_pylist()
                rows += [{**row, "properties": dict(row["properties"] or [])} for row in found]
                n_rejects = len(engine.rows(batch.rejects))
            rejects = opened.rejects(limit=100_000)
            assert len(rejects) == n_rejects
            return Loaded(rows, rejects, opened.counts(), [note.problem for note in opened.notes])

    return load
