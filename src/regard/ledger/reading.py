"""The ledger as it was at one moment, and what has come and gone since an earlier one.

A reading names the files it read, and the facts that did not hold then. Later, new are the rows of other files, and the
facts that hold again; gone are those that hold no longer. A compaction writes old rows into new files: then the rows
of those are held against the names that were read.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import ibis
import ibis.expr.types as ir
import pyarrow as pa

from regard.engine import Engine, schema
from regard.errors import WorkspaceError
from regard.ledger.amended import Name, hidden_among, without
from regard.ledger.archive import SIDES, Archive
from regard.ledger.waiting import waiting
from regard.tables import INTERACTIONS

FORM = 1


@dataclass(frozen=True)
class Noted:
    """What is kept of a reading.

    number : of the ledger's last change. files : of `interactions`, by name. hidden : facts that did not hold.
    sides  : number of the last change of each of `SIDES`. unsealed : rows of the log were read that no file had yet.
    """

    number: int
    files: frozenset[str]
    hidden: frozenset[Name]
    sides: Mapping[str, int]
    unsealed: bool = False

    def save(self) -> dict[str, object]:
        """As plain data for JSON."""
        return {
            "form": FORM,
            "number": self.number,
            "files": sorted(self.files),
            "hidden": sorted(map(list, self.hidden)),
            "sides": dict(self.sides),
            "unsealed": self.unsealed,
        }

    @classmethod
    def load(cls, said: Mapping[str, object] | None) -> Noted:
        """What `save` gave.

        Raises : WorkspaceError if nothing was kept, or by another version of Regard.
        """
        if said is None or said.get("form") != FORM:
            raise WorkspaceError("The last run did not note what it read of the ledger.", hint="regard run")
        files, hidden, sides = said["files"], said["hidden"], said["sides"]
        assert isinstance(files, list) and isinstance(hidden, list) and isinstance(sides, dict)
        return cls(
            number=int(str(said["number"])),
            files=frozenset(files),
            hidden=frozenset((source, name) for source, name in hidden),
            sides=sides,
            unsealed=bool(said["unsealed"]),
        )


@dataclass(frozen=True)
class Since:
    """What came and went between two readings, up to the later one's time of knowing.

    new  : facts that hold now and did not, were not known, or lay in the future; kept, in the shape of `interactions`.
    gone : names of facts that hold no longer.
    """

    new: ir.Table
    gone: frozenset[Name]


def read_now(archive: Archive, engine: Engine) -> Reading:
    """See `Ledger.reading`. The log is read first: see `waiting`."""
    taken = archive.log.take()
    number, sides = archive.number, {name: archive.table(name).number() for name in SIDES}
    files = tuple(archive.files())
    more = waiting(archive, taken, files, engine) if taken.records else None
    amended = bool(files) and archive.table(INTERACTIONS.name).amendments() > 0
    return Reading(archive, engine, files, more, Noted(number, frozenset(), frozenset(), sides), amended=amended)


def amending(facts: pa.Table) -> bool:
    """Whether some facts correct or retract others."""
    return any(facts.column(name).null_count < len(facts) for name in ("corrects", "retracts"))


class Reading:
    """The interactions of one moment: what is appended meanwhile is not seen.

    more : facts of the log that none of the files has.
    """

    def __init__(
        self,
        archive: Archive,
        engine: Engine,
        files: tuple[Path, ...],
        more: pa.Table | None,
        noted: Noted,
        *,
        amended: bool,
    ) -> None:
        self.engine, self._archive, self._files = engine, archive, files
        self._more = engine.table(more) if more is not None else None
        amended = amended or (more is not None and amending(more))
        self._hidden = hidden_among(self._facts(files, more=True), engine) if amended else frozenset[Name]()
        names = frozenset(path.name for path in files)
        self.noted = replace(noted, files=names, hidden=self._hidden, unsealed=more is not None)

    def rows(self) -> ir.Table:
        """The interactions as they held, lazily."""
        return self._holding(self._facts(self._files, more=True))

    def since(self, earlier: Noted, *, there: ir.Table, known_to: dt.datetime, as_of: dt.datetime) -> Since:
        """What came and went since an earlier reading.

        there    : source and interaction_id of all facts that were read and held then, up to `known_to`.
        known_to : the time of knowing then. as_of : the time of knowing now, no earlier.
        """
        seen = [path for path in self._files if path.name in earlier.files]
        fresh = [path for path in self._files if path.name not in earlier.files]
        moved = len(seen) < len(earlier.files) or earlier.unsealed
        came = self._holding(self._facts(fresh, more=True))
        if moved:
            came = came.anti_join(there, ["source", "interaction_id"])
        old = self._holding(self._facts(self._beyond(seen, known_to)))
        parts = [came, old.filter(old.occurred_at > _moment(known_to))]
        again = earlier.hidden - self._hidden
        if again:
            back = self._named(self._facts(seen), again)
            parts.append(self._holding(back.filter(back.occurred_at <= _moment(known_to))))
        whole = parts[0]
        for part in parts[1:]:
            whole = whole.union(part)
        new = self.engine.keep(whole.filter(whole.occurred_at <= _moment(as_of)))
        return Since(new, self._hidden - earlier.hidden)

    def _facts(self, files: Sequence[Path], *, more: bool = False) -> ir.Table:
        facts = self.engine.read(files, schema(INTERACTIONS))
        return facts.union(self._more) if more and self._more is not None else facts

    def _holding(self, facts: ir.Table) -> ir.Table:
        return without(facts, self._hidden, self.engine) if self._hidden else facts

    def _named(self, facts: ir.Table, names: Iterable[Name]) -> ir.Table:
        return facts.semi_join(named(names, self.engine), ["source", "interaction_id"])

    def _beyond(self, files: Sequence[Path], at: dt.datetime) -> list[Path]:
        """Those of the files that may hold something later than a moment."""
        spans = self._archive.table(INTERACTIONS.name).spans() if files else {}
        last = {path: spans.get(path.name, (0, None, None))[2] for path in files}
        return [path for path in files if (until := last[path]) is None or until > at]


def named(names: Iterable[Name], engine: Engine) -> ir.Table:
    """Names of facts as a table (source, interaction_id)."""
    pairs = sorted(names)
    columns = {
        "source": pa.array([source for source, _ in pairs], pa.string()),
        "interaction_id": pa.array([one for _, one in pairs], pa.string()),
    }
    return engine.table(pa.table(columns))


def _moment(at: dt.datetime) -> ir.TimestampValue:
    return ibis.literal(at).cast(schema(INTERACTIONS)["occurred_at"])
