"""What is handed to the ledger, and what it answers."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field

import ibis.expr.types as ir

from regard.errors import SettingError

ON_CHANGE = ("reject", "correct")


@dataclass(frozen=True)
class Batch:
    """The facts of one file (or of one delivery), ready to be appended in one piece.

    source       : the system they come from; every row takes it.
    interactions : lazy, on the engine that loads. Columns of `interactions`, those it lacks are null; `interaction_id`
                   may be null (the row is then known by its content); one column more is understood, `content`: string,
                   the row as the file has it, from which such an id is made instead, so that a mapping edited later
                   does not make the row a new one. `sequence` is the line or row in the file.
    rejects      : lazy: file, line, event, reason, row (JSON); rows that the mapping could not use.
    sides        : rows for objects, memberships, consents, rates, decisions or cursors, by table name.
    file         : its name, for people.
    folder       : where it was, so that it can be looked at again; "" if that is nowhere.
    content      : hash of the file's bytes, by which it is known again under another name; "" if it has none.
    mapping      : hash of the mapping it was read with.
    n_rows       : rows read from it, where known.
    on_change    : what an id met again with other content becomes: a "reject", or a correction ("correct").
    strict       : a single reject leaves the ledger as it was.
    """

    source: str
    interactions: ir.Table
    rejects: ir.Table | None = None
    sides: Mapping[str, ir.Table] = field(default_factory=dict)
    file: str = ""
    folder: str = ""
    content: str = ""
    mapping: str = ""
    n_rows: int | None = None
    on_change: str = "reject"
    strict: bool = False

    def __post_init__(self) -> None:
        if self.on_change not in ON_CHANGE:
            raise SettingError(
                "on_change says what an id met again with other content becomes.",
                found=repr(self.on_change),
                allowed=" or ".join(ON_CHANGE),
            )


@dataclass(frozen=True)
class Appended:
    """What came of a batch.

    load_id        : the load; of the earlier one when `already`.
    already        : the same file was loaded before with the same mapping; nothing was read; n_rows, n_known and
                     n_rejects are what it came to then, `source` is where it then came from.
    refused        : strict, and something was rejected: nothing was loaded, `sample` says what.
    n_interactions : facts new to the ledger, corrections among them.
    n_known        : facts that the ledger held already.
    n_rejects      : rows rejected, those whose content changed among them.
    n_forgotten    : facts about forgotten people only, not loaded.
    n_sides        : rows of objects, memberships, consents, rates or decisions that are new or say otherwise.
    sample         : the first rejects: (line, reason).
    """

    load_id: str
    already: bool = False
    refused: bool = False
    n_rows: int = 0
    n_interactions: int = 0
    n_known: int = 0
    n_corrections: int = 0
    n_rejects: int = 0
    n_forgotten: int = 0
    first_at: dt.datetime | None = None
    last_at: dt.datetime | None = None
    sample: tuple[tuple[int | None, str], ...] = ()
    source: str = ""
    n_sides: int = 0


@dataclass(frozen=True)
class Compacted:
    """What compaction did: files before and after, and the rows it sorted."""

    files_before: int
    files_after: int
    n_rows: int


@dataclass(frozen=True)
class Forgotten:
    """What was removed, and where.

    n_handles : handles of the person that the ledger held.
    removed   : rows removed, by table.
    changed   : rows of others that were kept without the person's handles or with their mention blacked out, by table.
    """

    n_handles: int
    removed: Mapping[str, int]
    changed: Mapping[str, int]
