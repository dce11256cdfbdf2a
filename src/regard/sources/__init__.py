"""What did the world tell us? Files become interactions, and rows that do not fit become rejects with a reason.

In  : files (csv tsv txt jsonl json parquet xlsx sav xes ocel, text also as .gz) and a mapping.
Out : one `ledger.Batch` for each file: `interactions`, `rejects` and, of OCEL logs, `objects`, for `ledger.append`.

    mapping = read_mapping("orders.map.yaml")                 # MappingError with line and suggestion
    check_mapping("orders.map.yaml", folder, engine)          # list[Finding]: the same without stopping at the first
    with open_source(["orders.csv"], mapping, engine) as load:
        if strict and load.n_rejects(): ...                   # decide before anything is loaded
        for file in load.files:
            load.mark(file)                                   # by what the ledger knows a file again, unread
            ledger.append(load.batch(file), engine, now=now)
        load.notes                                            # list[Finding]: what was guessed
    draft("orders.csv", engine)                               # -> mapping text, commented
    preview(mapping_text, "orders.csv", engine, rows=50)      # -> columns, rows, interactions, rejects, findings
"""

from __future__ import annotations

from regard.sources.checking import check_mapping
from regard.sources.drafting import draft
from regard.sources.load import File, Load, Mark, open_rows, open_source
from regard.sources.mapping import Mapping
from regard.sources.previewing import Preview, preview
from regard.sources.reading import mapping_of, read_mapping
from regard.sources.staging import Progress

__all__ = [
    "File",
    "Load",
    "Mapping",
    "Mark",
    "Preview",
    "Progress",
    "check_mapping",
    "draft",
    "mapping_of",
    "open_rows",
    "open_source",
    "preview",
    "read_mapping",
]
