"""One person out of everything: the ledger, the derived tables, and whatever was fitted on them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

import ibis
import ibis.expr.types as ir

from regard import identity
from regard.access import Trail, Who
from regard.blueprint import Blueprint
from regard.blueprint import read as read_blueprint
from regard.engine import Engine, Published
from regard.engine.published import clear_runs
from regard.errors import TableError, WorkspaceError
from regard.ledger import Ledger
from regard.pipeline.flow import Order, Say, run, silent
from regard.store import Store
from regard.tables import OBJECT
from regard.workspace import Workspace


@dataclass(frozen=True)
class Gone:
    """What was removed, by table, and whether the tables were worked out anew without the person."""

    n_handles: int
    removed: Mapping[str, int]
    changed: Mapping[str, int]
    run: str | None

    def as_data(self) -> dict[str, object]:
        """For JSON."""
        return asdict(self)

    def lines(self) -> list[str]:
        """For people."""
        removed = ", ".join(f"{n:,} {name}" for name, n in self.removed.items() if n) or "nothing"
        lines = [f"Removed for ever: {removed}; {self.n_handles} handles will not be let in again."]
        if changed := ", ".join(f"{n:,} {name}" for name, n in self.changed.items() if n):
            lines.append(f"Kept without them, since others are on them too: {changed}.")
        lines.append(
            "Every table was worked out anew without them." if self.run else "No table had been worked out yet."
        )
        lines.append("Yours to clean: backups, the files you imported, and what was exported.")
        return lines


def forget(
    workspace: Workspace, handle: str, engine: Engine, *, now: dt.datetime, by: str = "", say: Say = silent
) -> Gone:
    """Remove a person from every file, old version, log, reject and derived table, and work everything out anew.

    handle : any handle of theirs, "kind:value" or a bare value, or their person_id.
    by     : who does it, for the audit trail, in which only a hash of the person is left.
    Raises : TableError if nobody or several people have the handle; nothing has been changed then.
    """
    blueprint = read_blueprint(workspace.blueprint)
    ledger = Ledger.open(workspace)
    say("Finding everything that is theirs")
    resolved = identity.resolve(ledger.read(engine), ledger.side("decisions", engine), blueprint, engine)
    person_id = only_person(handle, resolved.persons, blueprint, engine)
    mine = resolved.persons.filter(resolved.persons.person_id == person_id).select("kind", "handle")
    handles = [(row["kind"], row["handle"]) for row in engine.rows(mine).to_pylist()]
    objects = _theirs_alone(resolved.assigned, person_id, blueprint, engine)
    order = _same_order(workspace, blueprint, now)
    say("Removing them from the ledger")
    done = ledger.forget(
        [(kind, value) for kind, value in handles if not kind.startswith(OBJECT)], engine, objects=objects, now=now
    )
    clear_runs(workspace, keep=0)
    if Store.there(workspace):
        _forget_in_trail(workspace, person_id, handles, by, now)
    published = None
    if order is not None:
        try:
            published = run(workspace, engine, order, say=say)
        except WorkspaceError:  # they were the last: there is nothing left to work out
            published = None
    return Gone(done.n_handles, done.removed, done.changed, published.run if published else None)


def _forget_in_trail(
    workspace: Workspace, person_id: str, handles: Sequence[tuple[str, str]], by: str, now: dt.datetime
) -> None:
    """Say in the audit trail that it was done, and take away whom its hashes mean: they may have had other ids before
    their handles were known to be one person's."""
    store = Store.open(workspace)
    try:
        trail = Trail(store, clock=lambda: now)
        trail.note(Who(by, "admin", via="shell"), "forget person", person_id=person_id)
        trail.forget({person_id, *(identity.alone(kind, value) for kind, value in handles)})
    finally:
        store.close()


def only_person(handle: str, persons: ir.Table, blueprint: Blueprint, engine: Engine) -> str:
    """The one person_id that a handle means.

    Raises : TableError if nobody has it, or several people have it as different kinds.
    """
    hits = engine.rows(identity.find(handle, persons, blueprint).select("kind", "handle", "person_id").limit(20))
    rows = hits.to_pylist()
    found = sorted({row["person_id"] for row in rows})
    if len(found) == 1:
        return str(found[0])
    if found:
        raise TableError(
            f"{handle!r} is a handle of {len(found)} people.",
            found=", ".join(f"{row['kind']}:{row['handle']} ({row['person_id']})" for row in rows),
            hint="Name the kind too: kind:value.",
        )
    kinds = engine.rows(persons.select("kind").distinct()).column("kind").to_pylist()
    raise TableError(
        f"Nobody here has the handle {handle!r}.",
        allowed=f"kind:value with one of the kinds {', '.join(sorted(kinds))}" if kinds else None,
        hint='Look with: regard show persons --where "handle ~ PART"',
    )


def _theirs_alone(assigned: ir.Table, person_id: str, blueprint: Blueprint, engine: Engine) -> list[tuple[str, str]]:
    """Objects of kinds that belong to people (orders, cases) and that nobody else has anything to do with."""
    kinds = sorted({*blueprint.person_objects, *blueprint.journeys.objects})
    if not kinds:
        return []
    each = assigned.filter(assigned.person_id.notnull()).select("person_id", object=assigned.objects.unnest())
    named = each.select("person_id", type=each.object["type"], id=each.object["id"])
    named = named.filter(named["type"].isin(kinds))
    alone = named.group_by("type", "id").aggregate(least=named.person_id.min(), most=named.person_id.max())
    mine = alone.filter((alone.least == ibis.literal(person_id)) & (alone.most == ibis.literal(person_id)))
    return [(row["type"], row["id"]) for row in engine.rows(mine.select("type", "id")).to_pylist()]


def _same_order(workspace: Workspace, blueprint: Blueprint, now: dt.datetime) -> Order | None:
    """Work out again what was worked out before, as of the same time."""
    try:
        before = Published.pointed(workspace)
    except WorkspaceError:
        return None
    horizon = before.facts.get("horizon_s")
    return Order(
        now=now,
        as_of=None if blueprint.live else before.as_of,
        horizon_s=float(horizon) if isinstance(horizon, int | float) else None,
        pinned=bool(before.facts.get("pinned")),
    )
