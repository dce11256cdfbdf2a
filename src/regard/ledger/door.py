"""What is turned away at the door: facts about people who asked to be forgotten.

A row that only they are on is dropped and counted; a row that others share loses their handles. What happened after
they were forgotten is a new relationship and comes in. Rows are matched by handle, those without one by their objects.
"""

from __future__ import annotations

from typing import cast

import ibis
import ibis.expr.types as ir

from regard.ledger.ids import APART, fingerprint
from regard.ledger.tombstones import (
    ANY_KIND,
    handles_empty,
    handles_in,
    keyed,
    met,
    objects_in,
    plain_form,
)
from regard.tables import INTERACTIONS

JSON_TEXT = r'"((?:[^"\\]|\\.)*)"'
NAMED_IN_ID = 4
"""So many forgotten handles of one row are looked for in its id; mappings make ids of one or two columns."""


@ibis.udf.scalar.builtin(name="regexp_extract_all")  # type: ignore[untyped-decorator]
def extract_all(text: str, pattern: str, group: int) -> list[str]:  # type: ignore[empty-body]
    """Every match of a pattern's group."""


@ibis.udf.scalar.builtin(name="regexp_escape")  # type: ignore[untyped-decorator]
def escaped(text: str) -> str:  # type: ignore[empty-body]
    """A text as a regular expression for itself."""


def forgotten_in(rows: ir.Table, tombstones: ir.Table, secret: str) -> ir.Table:
    """Forgotten handles, and objects on rows without a handle, that interactions name: kind, value, at."""
    return met(handles_in(rows).union(objects_in(rows)), tombstones, secret)


def admitted(rows: ir.Table, gone: ir.Table, secret: str) -> ir.Table:
    """The interactions that may come in, without the handles of forgotten people.

    rows    : interactions.
    gone    : kind, value, at, from `forgotten_in`.
    Returns : interactions; rows that nobody else is on are missing.
    """
    marked = rows.mutate(c=fingerprint(rows))
    mine = _words(marked, gone)
    lost = _lost(marked, gone)
    touched = marked.semi_join(mine, ["interaction_id", "c"])
    rest = marked.anti_join(mine, ["interaction_id", "c"]).anti_join(lost, ["interaction_id", "c"])
    joined = touched.join(mine, ["interaction_id", "c"])
    left = joined.handles.filter(lambda one: ~joined.words.contains(one.kind + APART + one.value))
    kept = joined.mutate(handles=left).filter(lambda t: t.handles.length() > 0)
    kept = kept.mutate(interaction_id=_unnamed(kept.interaction_id, kept.words, secret))
    return kept.select(*INTERACTIONS.names).union(rest.select(*INTERACTIONS.names))


def token(value: ir.StringValue, secret: str) -> ir.StringValue:
    """What stands for a forgotten handle inside an id: the same each time, and nothing without the key."""
    return cast(ir.StringValue, ibis.literal("forgotten-") + keyed(plain_form(value), secret).substr(0, 16))


def members_admitted(rows: ir.Table, gone: ir.Table) -> ir.Table:
    """Memberships or consents but those of forgotten people: rows with kind, handle and from_at."""
    since = ibis.coalesce(rows.from_at, ibis.literal("1970-01-01").cast("timestamp('UTC', 6)"))
    marked = rows.mutate(since=since)
    same = [marked.kind == gone.kind, marked.handle == gone.value, marked.since <= gone["at"]]
    return marked.anti_join(gone, same).drop("since")


def rejects_admitted(rejects: ir.Table, tombstones: ir.Table, secret: str) -> ir.Table:
    """Rejects but those whose row names a forgotten handle; see `rejects_named`."""
    return rejects.anti_join(rejects_named(rejects, tombstones, secret), "row")


def rejects_named(rejects: ir.Table, tombstones: ir.Table, secret: str) -> ir.Table:
    """The rows (JSON) of rejects that name a forgotten handle, of whatever kind, as a whole value: row."""
    each = rejects.select("row", word=extract_all(rejects.row, JSON_TEXT, 1).unnest())
    words = each.select(kind=ibis.literal(ANY_KIND), value=each.word).distinct()
    guilty = met(words, tombstones, secret)
    return each.semi_join(guilty, each.word == guilty.value).select("row").distinct()


def _words(marked: ir.Table, gone: ir.Table) -> ir.Table:
    each = marked.select("interaction_id", "c", "occurred_at", one=marked.handles.unnest())
    same = [each.one.kind == gone.kind, each.one.value == gone.value, each.occurred_at <= gone["at"]]
    mine = each.join(gone, same).select("interaction_id", "c", word=each.one.kind + APART + each.one.value).distinct()
    return mine.group_by("interaction_id", "c").aggregate(words=mine.word.collect())


def _lost(marked: ir.Table, gone: ir.Table) -> ir.Table:
    alone = marked.filter(handles_empty(marked))
    each = alone.select("interaction_id", "c", "occurred_at", one=alone.objects.unnest())
    kind = ibis.literal("object:") + each.one.type
    same = [kind == gone.kind, each.one.id == gone.value, each.occurred_at <= gone["at"]]
    return each.semi_join(gone, same).select("interaction_id", "c").distinct()


def _unnamed(interaction_id: ir.StringValue, words: ir.ArrayValue, secret: str) -> ir.StringValue:
    for at in range(NAMED_IN_ID):
        value = words[at].split(APART)[1]
        edge = [ibis.coalesce(end.re_search("[0-9A-Za-z_]").ifelse(r"\b", ""), "") for end in (value[0], value[-1])]
        word = ibis.literal("(?i)") + edge[0] + escaped(value) + edge[1]
        named = words.length() > at
        interaction_id = named.ifelse(interaction_id.re_replace(word, token(value, secret)), interaction_id)
    return interaction_id
