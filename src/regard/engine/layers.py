"""Updates laid over a run: each holds the rows of a few people, and names the rows below it whose place they take.

    derived/<run>/scores/part-0.parquet                        everybody's rows
    derived/<run>/updates/<update>/scores/part-0.parquet       the rows of those that something new has reached
    derived/<run>/updates/<update>/gone/person.parquet         whose rows below hold no longer

What is read is the newest update's rows, the one before's without those whose place it takes, and so on down.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import ibis.expr.schema as sch
import ibis.expr.types as ir

from regard.engine.contract import Engine, schema
from regard.tables import table

UPDATES, GONE = "updates", "gone"

SETS: Mapping[str, sch.Schema] = {
    name: sch.Schema({column: schema(of)[column] for column in columns})
    for name, of, columns in (
        ("person", "touches", ("person_id",)),
        ("interaction", "touches", ("source", "interaction_id")),
        ("handle", "persons", ("kind", "handle")),
        ("merge", "merges", ("kind", "handle", "other_kind", "other_handle")),
        ("object", "object_people", ("type", "id")),
        ("journey", "steps", ("journey",)),
        ("promise", "promises", ("promise_id",)),
    )
}
"""Sets of names of rows that hold no longer, each with its columns."""

NAMED_BY: Mapping[str, tuple[str, ...]] = {
    "persons": ("handle",),
    "merges": ("merge",),
    "touches": ("person", "interaction"),
    "object_people": ("object",),
    "journeys": ("journey",),
    "steps": ("journey",),
    "promises": ("person", "promise"),
}
"""The sets that name a table's rows; others go by the person, and those without one are replaced as a whole."""


def named_by(name: str) -> tuple[str, ...]:
    """The sets by which an update takes the place of a table's rows; none where it takes the place of all of them.

    >>> named_by("scores"), named_by("flows")
    (('person',), ())
    """
    whose = ("person",) if "person_id" in table(name).names else ()
    return NAMED_BY.get(name, whose)


@dataclass(frozen=True)
class Layer:
    """A run, or an update, as a folder."""

    folder: Path

    def files(self, name: str) -> tuple[Path, ...]:
        """Its files of a table; none if it did not write it."""
        return tuple(sorted((self.folder / name).glob("*.parquet")))

    def gone(self, which: str) -> tuple[Path, ...]:
        """Its files of a set of names; none where it names none."""
        path = self.folder / GONE / f"{which}.parquet"
        return (path,) if path.is_file() else ()


@dataclass(frozen=True)
class Part:
    """A layer's part of a table: its files, and the sets of names whose rows are not read from them."""

    files: tuple[Path, ...]
    without: Mapping[str, tuple[Path, ...]]


def parts(layers: Sequence[Layer], name: str) -> list[Part]:
    """What has to be read of a table, from the lowest layer up."""
    sets = named_by(name)
    found: list[Part] = []
    for place, layer in enumerate(layers):
        files = layer.files(name)
        if not files:
            continue
        if not sets:
            found = [Part(files, {})]
            continue
        above = layers[place + 1 :]
        without = {which: tuple(path for one in above for path in one.gone(which)) for which in sets}
        found.append(Part(files, {which: paths for which, paths in without.items() if paths}))
    return found


def read(of: Sequence[Part], name: str, engine: Engine) -> ir.Table:
    """The parts of a table as one lazy table."""
    shape = schema(name)
    rows = None
    for part in of:
        here = engine.read(part.files, shape)
        for which, paths in part.without.items():
            here = here.anti_join(engine.read(paths, SETS[which]), list(SETS[which].names))
        rows = here if rows is None else rows.union(here)
    return rows if rows is not None else engine.read((), shape)
