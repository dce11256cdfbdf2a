"""What did the world tell us? Files become interactions, and rows that do not fit become rejects with a reason.

In  : files (csv tsv txt jsonl json parquet xlsx sav xes ocel, also .gz) and a mapping.
Out : one `ledger.Batch` for each file: `interactions` and `rejects`, for `ledger.append`.

    mapping = read_mapping("orders.map.yaml")                 # MappingError with line and suggestion
    check_mapping("orders.map.yaml", folder)                  # list[Finding]: the same without stopping at the first
    with open_source(["orders.csv"], mapping, engine) as load:
        if strict and load.n_rejects(): ...                   # decide before anything is loaded
        for batch in load.batches():
            ledger.append(batch, engine, now=now)
    draft("orders.csv", engine)                               # -> mapping text, commented
    preview(mapping_text, "orders.csv", engine, rows=50)      # -> Preview(interactions, rejects, findings)
"""

from __future__ import annotations

from regard.sources.load import Load, open_source
from regard.sources.mapping import Mapping
from regard.sources.reading import mapping_of, read_mapping

__all__ = ["Load", "Mapping", "mapping_of", "open_source", "read_mapping"]
