"""An update in the making: the rows of a few people, laid over the run that readers see."""

from __future__ import annotations

import datetime as dt
import shutil
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from uuid import uuid4

import ibis.expr.types as ir
import pyarrow.parquet as pq

from regard.engine.contract import Engine, schema
from regard.engine.layers import GONE, SETS, UPDATES, Layer, named_by, parts, read
from regard.engine.published import Published, noted, point, pointing, synced, written
from regard.errors import WorkspaceError
from regard.tables import TABLES

LESS = 2
"""An update is merged into a newer one when it has at most so many times its rows."""
GRACE_S = 600.0
"""So long a reader may go on with an update that was merged into another."""
ANY = tuple(TABLES)
SIZE = "touches"


class Update:
    """Write tables and the names of rows that hold no longer, then publish them together.

    A killed one leaves what readers see in place.
    """

    def __init__(self, onto: Published, engine: Engine, *, as_of: dt.datetime, now: dt.datetime) -> None:
        self.onto, self.engine, self.as_of, self.now = onto, engine, as_of, now
        self.name = f"{now:%Y%m%dT%H%M%S}-{uuid4().hex[:6]}"
        self.folder = onto.folder / UPDATES / self.name
        self.folder.mkdir(parents=True)
        self.rows: dict[str, int] = {}
        self._numbers: ir.Table | None = None

    def number(self, people: ir.Table) -> None:
        """See `Publication.number`."""
        self._numbers = people

    def write(self, name: str, expression: ir.Table, *, order_by: tuple[str, ...] = ()) -> ir.Table:
        """Write its rows of a table, in the shape `tables.py` gives it, and return them read back."""
        self.rows[name] = written(
            name, expression, self.folder, self.engine, as_of=self.as_of, order_by=order_by, numbers=self._numbers
        )
        return self.engine.read(Layer(self.folder).files(name), schema(name))

    def keep(self, name: str, rows: ir.Table) -> None:
        """Keep a table of the ledger as it was read, for whoever goes on from here."""
        self.engine.write(rows, self.folder / name)

    def gone(self, which: str, names: ir.Table) -> None:
        """Name the rows below whose place its rows take.

        which : one of `layers.SETS`. names : has the set's columns.
        """
        _named(which, names, self.folder, self.engine)

    def note(self, name: str, said: Mapping[str, object]) -> None:
        """Keep JSON values beside the tables under a name."""
        noted(self.folder, name, said)

    def publish(self, facts: Mapping[str, object]) -> Published:
        """Let readers see it from now on.

        Raises : WorkspaceError if another run or update was published meanwhile.
        """
        counts = {**self.onto.counts, **{name: self._count(name) for name in self.rows}}
        merged, kept = self._merged()
        made = replace(
            self.onto, as_of=self.as_of, made_at=self.now, counts=counts, facts=facts, updates=(*kept, merged)
        )
        folder = self.onto.folder / UPDATES / merged
        synced(folder)
        with pointing(self.onto.workspace):
            if Published.current(self.onto.workspace).stamp != self.onto.stamp:
                shutil.rmtree(folder, ignore_errors=True)
                raise WorkspaceError("Another run was published meanwhile.", hint="Do it again: regard refresh")
            point(made)
        clear_updates(made)
        return made

    def abandon(self) -> None:
        """Remove what was written."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def _count(self, name: str) -> int:
        """Rows of a table when this lies over it."""
        sets = named_by(name)
        if not sets:
            return self.rows[name]
        hidden = 0
        before = self.onto.table(name, self.engine)
        here = Layer(self.folder)
        for place, which in enumerate(sets):
            mine = before
            for earlier in sets[:place]:
                mine = _without(mine, earlier, here, self.engine)
            gone = self.engine.read(here.gone(which), SETS[which]).distinct()
            met = mine.semi_join(gone, list(SETS[which].names))
            hidden += int(self.engine.rows(met.aggregate(n=met.count())).column("n")[0].as_py())
        return self.onto.counts[name] - hidden + self.rows[name]

    def _merged(self) -> tuple[str, tuple[str, ...]]:
        """The update with those before it that are not much larger; its name, and the names of those that stay."""
        layers, size = [Layer(self.folder)], self.rows.get(SIZE, 0)
        kept = list(self.onto.updates)
        while kept:
            below = Layer(self.onto.folder / UPDATES / kept[-1])
            n = _rows(below)
            if n > LESS * size:
                break
            layers.insert(0, below)
            size += n
            kept.pop()
        if len(layers) == 1:
            return self.name, tuple(kept)
        target = self.folder.with_name(f"{self.name}m")
        target.mkdir()
        for name in ANY:
            if any(layer.files(name) for layer in layers):
                whole = read(parts(layers, name), name, self.engine)
                written(name, whole, target, self.engine, as_of=self.as_of)
        for which, shape in SETS.items():
            paths = [path for layer in layers for path in layer.gone(which)]
            if paths:
                _named(which, self.engine.read(paths, shape), target, self.engine)
        for path in (note for layer in layers for note in layer.folder.glob("*.json")):
            shutil.copy(path, target / path.name)
        shutil.rmtree(self.folder)
        return target.name, tuple(kept)


def clear_updates(published: Published) -> None:
    """Remove updates that the pointer does not name, once nobody should still be reading them."""
    folder = published.folder / UPDATES
    for path in folder.iterdir() if folder.is_dir() else ():
        if path.name not in published.updates and time.time() - path.stat().st_mtime > GRACE_S:
            shutil.rmtree(path, ignore_errors=True)


def _named(which: str, names: ir.Table, folder: Path, engine: Engine) -> None:
    """Write a set of names as one small file."""
    shape = SETS[which]
    rows = engine.rows(names.select(*shape.names).distinct()).cast(shape.to_pyarrow())
    if rows.num_rows:
        path = folder / GONE / f"{which}.parquet"
        path.parent.mkdir(exist_ok=True)
        pq.write_table(rows, path, compression="zstd")


def _without(rows: ir.Table, which: str, layer: Layer, engine: Engine) -> ir.Table:
    paths = layer.gone(which)
    return rows.anti_join(engine.read(paths, SETS[which]), list(SETS[which].names)) if paths else rows


def _rows(layer: Layer) -> int:
    return sum(pq.read_metadata(path).num_rows for path in layer.files(SIZE))
