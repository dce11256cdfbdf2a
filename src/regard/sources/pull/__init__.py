"""What has come since in other systems? Databases, REST APIs, folders and buckets, fetched by dlt's engine.

In  : `pulls/NAME.pull.yaml`, which says what is fetched and which mapping turns it into interactions; secrets by name.
Out : pieces of rows on their way to the ledger, and the cursors from which the next pull goes on.

    pull = read_pull("pulls/shop.pull.yaml")              # MappingError with line and suggestion
    check_pull("pulls/shop.pull.yaml", maps)              # list[Finding]: the same without stopping at the first
    with fetched(pull, cursors, secrets, scratch) as got:
        for piece in got: ...                             # a file of rows, of one kind
        got.cursors                                       # once all pieces are taken: where the next pull begins
    Attempts(store).list()                                # when each was tried, what came of it, when it is due

Cursors stand in the ledger's table `cursors` and are committed with the last rows they stand for, never before them.
"""

from __future__ import annotations

from regard.sources.pull.attempts import Attempt, Attempts
from regard.sources.pull.document import Pull, check_pull, read_pull, schema
from regard.sources.pull.fetching import Fetched, Piece, fetched
from regard.sources.pull.secrets import Secrets

__all__ = [
    "Attempt",
    "Attempts",
    "Fetched",
    "Piece",
    "Pull",
    "Secrets",
    "check_pull",
    "fetched",
    "read_pull",
    "schema",
]
