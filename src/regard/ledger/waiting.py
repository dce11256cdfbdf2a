"""What was accepted and is not in the ledger yet, as readers see it: each fact once, without the forgotten."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa

from regard.engine import Engine, connect, schema
from regard.ledger.archive import Archive
from regard.ledger.known import Hashes, Known, hashes_of
from regard.ledger.log import Taken, tables_of
from regard.ledger.sealing import fresh, without_forgotten
from regard.tables import INTERACTIONS

EMBEDDED = "duckdb"
MEMORY = 2**29


def waiting(archive: Archive, taken: Taken, files: Sequence[Path], engine: Engine) -> pa.Table | None:
    """The facts of the log that are in none of the files; None if there are none.

    taken : read from the log before the files were listed, so that what is sealed meanwhile is in one of the two.
    """
    facts = tables_of(record.payload for record in taken.records).get(INTERACTIONS.name)
    if facts is None:
        return None
    if engine.name != EMBEDDED:  # what is compared here is compared by hashes that only DuckDB has
        own = connect(EMBEDDED, memory=MEMORY)
        try:
            return _new(facts, archive, files, own)
        finally:
            own.close()
    return _new(facts, archive, files, engine)


def _new(facts: pa.Table, archive: Archive, files: Sequence[Path], engine: Engine) -> pa.Table | None:
    facts = without_forgotten(facts, archive, engine)
    hashes = _hashes(facts)
    known = Known(archive.known)
    seen = known.seen(hashes)
    lagging = [path for path in files if path.name not in known.covered]
    if lagging:
        ids = facts.select(["source", "interaction_id"])
        there = engine.read(lagging, schema(INTERACTIONS)).select("source", "interaction_id")
        met = engine.rows(there.semi_join(engine.table(ids), ["source", "interaction_id"]))
        seen |= np.isin(hashes, _hashes(met))
    new, _ = fresh(facts, hashes, seen, files, engine)
    return facts.filter(pa.array(new)) if new.any() else None


def _hashes(rows: pa.Table) -> Hashes:
    return hashes_of(rows.column("source").to_pylist(), rows.column("interaction_id").to_pylist())
