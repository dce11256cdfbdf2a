"""Which rows of a load are known already, and which of those say something else than before.

Most loads hold no such row: that is found out from hashed ids, and the files written stand as they are. Only rows in
doubt are looked at whole.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import cast

import ibis
import ibis.expr.types as ir

from regard.engine import Engine
from regard.ledger.ids import (
    content_text,
    fingerprint,
    fingerprint_of,
    is_content,
    without_occurrence,
)
from regard.tables import INTERACTIONS

REDACTED = "[forgotten]"
NEW, KNOWN, CHANGED, CORRECTION, BAD = "new", "known", "changed", "correction", "bad"


@dataclass(frozen=True)
class Doubts:
    """What a load has in common with the ledger or with itself.

    ids     : interaction_id, kept in the engine.
    hard    : those of them that must be looked at whole, kept too.
    n       : ids in doubt.
    n_hard  : of them hard.
    n_known : rows that the ledger holds already, word for word; the others in doubt are hard.
    """

    ids: ir.Table
    hard: ir.Table
    n: int
    n_hard: int

    @property
    def n_known(self) -> int:
        return self.n - self.n_hard


@contextmanager
def doubts(staged: ir.Table, held: ir.Table | None, engine: Engine) -> Iterator[Doubts]:
    """Find the ids in doubt: met twice, held by the ledger already, or on rows without time or event."""
    suspects = engine.keep(_suspects(staged, held))
    if not _number(suspects, engine):  # most loads end here, without a look at a single id
        yield Doubts(suspects, suspects, 0, 0)
        engine.drop(suspects)
        return
    ids = engine.keep(_proven(staged, held, suspects))
    hard = engine.keep(_hard(staged, held, ids))
    engine.drop(suspects)
    try:
        yield Doubts(ids, hard, _number(ids, engine), _number(hard, engine))
    finally:
        engine.drop(ids)
        engine.drop(hard)


def _number(kept: ir.Table, engine: Engine) -> int:
    return int(engine.rows(kept.aggregate(n=kept.count())).column("n")[0].as_py())


def _suspects(staged: ir.Table, held: ir.Table | None) -> ir.Table:
    """Hashes of ids that may be in doubt: cheap, since a hash is short; a few too many, since hashes collide."""
    hashes = staged.select(h=fingerprint_of(staged.interaction_id))
    counted = hashes.group_by("h").aggregate(n=hashes.count())
    found = counted.filter(counted.n > 1).select("h")
    if held is not None:
        known = held.select(h=fingerprint_of(without_occurrence(held.interaction_id)))
        found = found.union(hashes.semi_join(known, "h"))
    bad = staged.filter(staged.occurred_at.isnull() | staged.event.isnull())
    return found.union(bad.select(h=fingerprint_of(bad.interaction_id))).distinct()


def _proven(staged: ir.Table, held: ir.Table | None, suspects: ir.Table) -> ir.Table:
    """The ids that are in doubt, of those whose hash is suspect."""
    rows = staged.select("interaction_id", bad=staged.occurred_at.isnull() | staged.event.isnull())
    near = rows.mutate(h=fingerprint_of(rows.interaction_id)).semi_join(suspects, "h").drop("h")
    counted = near.group_by("interaction_id").aggregate(n=near.count(), bad=near.bad.any())
    if held is None:
        return counted.filter((counted.n > 1) | counted.bad).select("interaction_id", easy=ibis.literal(False))
    known = held.select(held_id=without_occurrence(held.interaction_id))
    known = known.mutate(h=fingerprint_of(known.held_id)).semi_join(suspects, "h").select("held_id").distinct()
    beside = counted.left_join(known, counted.interaction_id == known.held_id)
    found = beside.filter((beside.n > 1) | beside.bad | beside.held_id.notnull())
    return found.select("interaction_id", easy=(found.n == 1) & ~found.bad)


def _hard(staged: ir.Table, held: ir.Table | None, ids: ir.Table) -> ir.Table:
    """The ids in doubt but those met once, which the ledger holds with the same content."""
    if held is None:
        return ids.select("interaction_id")
    easy = ids.filter(ids.easy)
    rows = staged.filter(staged.interaction_id.isin(easy.interaction_id))
    rows = rows.select("interaction_id", c=fingerprint(rows))
    facts = held.filter(held.interaction_id.isin(easy.interaction_id))
    facts = facts.select(held_id=facts.interaction_id, held_c=fingerprint(facts))
    known = rows.semi_join(facts, [rows.interaction_id == facts.held_id, rows.c == facts.held_c])
    return ids.filter(~ids.interaction_id.isin(known.interaction_id)).select("interaction_id")


def settled(staged: ir.Table, held: ir.Table | None, found: Doubts, *, correct: bool) -> ir.Table:
    """The hard rows, each with what becomes of it.

    Returns : the columns of `interactions` as they would be loaded, and outcome: string.
    """
    rows = staged.semi_join(found.hard, "interaction_id")
    rows = rows.mutate(c=fingerprint(rows), usable=rows.occurred_at.notnull() & rows.event.notnull())
    order = [rows.sequence, rows.c]
    rows = rows.mutate(
        place=ibis.row_number().over(group_by=["interaction_id", "usable"], order_by=order),
        again=ibis.row_number().over(group_by=["interaction_id", "usable", "c"], order_by=[rows.sequence]),
    )
    numbered = rows.interaction_id + "." + (rows.place + 1).cast("string")
    made = is_content(rows.interaction_id)
    rows = rows.mutate(made=made, interaction_id=(made & (rows.place > 0)).ifelse(numbered, rows.interaction_id))
    rows = _beside(rows, held, found)
    judged = rows.mutate(outcome=_outcome(rows, correct=correct))
    return _corrected(judged).select(*INTERACTIONS.names, "outcome")


def _outcome(rows: ir.Table, *, correct: bool) -> ir.StringValue:
    return cast(
        ir.StringValue,
        ibis.cases(
            (~rows.usable, BAD),
            (rows.made, rows.id_held.ifelse(KNOWN, NEW)),
            (rows.said_before | (rows.again > 0), KNOWN),
            (~rows.id_held & (rows.place == 0), NEW),
            else_=CORRECTION if correct else CHANGED,
        ),
    )


def _corrected(rows: ir.Table) -> ir.Table:
    """A correction is a fact of its own: known by what it corrects and by what it says."""
    own = rows.interaction_id + "~" + content_text(rows).hexdigest("md5").substr(0, 16)
    is_one = rows.outcome == CORRECTION
    return rows.mutate(
        corrects=is_one.ifelse(rows.interaction_id, rows.corrects),
        interaction_id=is_one.ifelse(own, rows.interaction_id),
    )


def _beside(rows: ir.Table, held: ir.Table | None, found: Doubts) -> ir.Table:
    """Rows with what the ledger says of their ids: id_held, and said_before (with this content, or blacked out)."""
    if held is None:
        return rows.mutate(id_held=ibis.literal(False), said_before=ibis.literal(False))
    facts = held.mutate(ref=ibis.coalesce(held.corrects, held.interaction_id))
    near = facts.semi_join(found.hard, without_occurrence(facts.ref) == found.hard.interaction_id)
    # a fact that corrects another still stands for itself as well
    himself = held.filter(held.corrects.notnull()).mutate(ref=held.interaction_id)
    himself = himself.semi_join(found.hard, without_occurrence(himself.ref) == found.hard.interaction_id)
    cover = ["ref", "c", "blacked", "itself"]
    said = _variants(near).select(*cover).union(_variants(himself).select(*cover))
    by_id = said.group_by("ref").aggregate(id_held=said.itself.any(), blacked=said.blacked.any())
    by_content = said.select("ref", "c").distinct().mutate(match=ibis.literal(True))
    rows = rows.left_join(by_id, rows.interaction_id == by_id.ref).drop("ref")
    rows = rows.left_join(
        by_content, [rows.interaction_id == by_content.ref, rows.c == by_content.c], rname="{name}_held"
    )
    return rows.mutate(
        id_held=ibis.coalesce(rows.id_held, False),
        said_before=ibis.coalesce(rows.match, False) | ibis.coalesce(rows.blacked, False),
    )


def _variants(facts: ir.Table) -> ir.Table:
    """Held facts as what they say: ref, c, whether parts are blacked out, whether the fact is `ref` itself."""
    # what a correction says is compared without its pointer, since the row that comes again has none
    plain = facts.mutate(corrects=(facts.ref == facts.interaction_id).ifelse(facts.corrects, ibis.null(str)))
    black = facts.text.contains(REDACTED) | facts.properties.values().join(" ").contains(REDACTED)
    return plain.mutate(
        c=fingerprint(plain), blacked=ibis.coalesce(black, False), itself=plain.ref == plain.interaction_id
    )
