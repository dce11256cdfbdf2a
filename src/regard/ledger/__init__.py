"""What happened? Facts are appended here once and for ever; corrections and retractions are facts too.

In  : batches of interactions from `sources`, deliveries that servers wrote to the log (`ledger.log`), rows of the
      other ledger tables, people who ask to be forgotten.
Out : `interactions` as they hold now, `objects`, `memberships`, `consents`, `rates`, `rejects`, `loads`, `decisions`,
      `tombstones`: Delta tables of plain Parquet, which DuckDB, Spark or Polars read as they are.

    ledger = Ledger.open(workspace)
    ledger.append(Batch(source="shop", interactions=rows), engine, now=now)
    ledger.read(engine)
"""

from __future__ import annotations

from regard.ledger.batch import Appended, Batch, Compacted, Forgotten
from regard.ledger.ledger import Ledger
from regard.ledger.reading import Noted, Reading, Since, named
from regard.ledger.sealing import Sealed

__all__ = [
    "Appended",
    "Batch",
    "Compacted",
    "Forgotten",
    "Ledger",
    "Noted",
    "Reading",
    "Sealed",
    "Since",
    "named",
]
