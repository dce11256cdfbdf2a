"""What holds when facts correct and retract one another (ADR-0003).

A retraction that is not itself taken back removes the fact it names, and what corrected it. Of the corrections of a
fact that are not taken back the last one stands in its place (received_at, sequence, interaction_id), itself corrected
in the same way. The result does not depend on the order in which the facts were appended. Amendments are few, so who
stands for whom is worked out here, and the engine only leaves out the rows that are hidden.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection
from typing import Any

import ibis.expr.types as ir
import pyarrow as pa

from regard.engine import Engine

Name = tuple[str, str]
COLUMNS = ("source", "interaction_id", "corrects", "retracts", "received_at", "sequence")


def effective(facts: ir.Table, engine: Engine) -> ir.Table:
    """The facts that hold: without retractions, what they take back, and what is corrected.

    facts   : interactions as appended.
    Returns : the same columns.
    """
    out = hidden_among(facts, engine)
    return without(facts, out, engine) if out else facts


def hidden_among(facts: ir.Table, engine: Engine) -> frozenset[Name]:
    """Names of the facts that do not hold; see `hidden`."""
    amending = facts.filter(facts.corrects.notnull() | facts.retracts.notnull()).select(*COLUMNS)
    return frozenset(hidden(engine.rows(amending).to_pylist()))


def without(facts: ir.Table, out: Collection[Name], engine: Engine) -> ir.Table:
    """The facts without those that do not hold, and without retractions."""
    names = sorted(out)
    gone = engine.table(
        pa.table(
            {
                "source": pa.array([source for source, _ in names], pa.string()),
                "out_id": pa.array([one for _, one in names], pa.string()),
            }
        )
    )
    standing = facts.anti_join(gone, [facts.source == gone.source, facts.interaction_id == gone.out_id])
    return standing.filter(standing.retracts.isnull())


def hidden(amendments: list[dict[str, Any]]) -> set[Name]:
    """Names of the facts that do not hold, retractions among them.

    amendments : the facts that correct or retract another, as rows with the columns of `COLUMNS`.
    """
    retracting: dict[Name, Name] = {}
    correcting: dict[Name, Name] = {}
    rank: dict[Name, tuple[object, ...]] = {}
    for row in amendments:
        own = (row["source"], row["interaction_id"])
        rank[own] = (row["received_at"] is not None, row["received_at"], row["sequence"] or 0, own[1])
        if row["retracts"] is not None:
            retracting[own] = (row["source"], row["retracts"])
        elif row["corrects"] != own[1]:
            correcting[own] = (row["source"], row["corrects"])
    gone = taken_back(retracting)
    return gone | set(retracting) | _replaced(correcting, gone, rank)


def taken_back(retracting: dict[Name, Name]) -> set[Name]:
    """Facts with a retraction that stands; one that is taken back itself does not, a ring of them takes back nothing.

    retracting : which fact each retraction names.
    """
    waits = Counter(retracting.values())
    standing = [one for one in retracting if not waits[one]]
    gone: set[Name] = set()
    while standing:
        target = retracting[standing[-1]]
        later = [target] if target in retracting and target not in gone else []
        standing.pop()
        gone.add(target)
        for fallen in later:  # what a fallen retraction named has one retraction less to fear
            freed = retracting[fallen]
            waits[freed] -= 1
            if freed in retracting and freed not in gone and not waits[freed]:
                standing.append(freed)
    return gone


def _replaced(correcting: dict[Name, Name], gone: set[Name], rank: dict[Name, tuple[object, ...]]) -> set[Name]:
    """Facts in whose place another stands, and corrections that never came to stand."""
    of: dict[Name, list[Name]] = defaultdict(list)
    for one, target in correcting.items():
        of[target].append(one)
    out: set[Name] = set()
    stack = [(target, True) for target in of if target not in correcting]
    while stack:
        name, visible = stack.pop()
        visible = visible and name not in gone
        valid = [one for one in of[name] if one not in gone] if visible else []
        last = max(valid, key=lambda one: rank[one]) if valid else None
        if not visible or last is not None:
            out.add(name)
        stack += [(one, one == last) for one in of[name]]
    return out
