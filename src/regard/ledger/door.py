"""What is turned away at the door: facts about people who asked to be forgotten.

A row that only they are on is dropped and counted; a row that others share loses their handles. What happened after
they were forgotten is a new relationship and comes in. Rows are matched by handle, those without one by their objects.
"""

from __future__ import annotations

import ibis
import ibis.expr.types as ir

from regard.ledger.blackout import Blackout, blacked, texts_of
from regard.ledger.ids import APART, fingerprint
from regard.ledger.tombstones import handles_empty, handles_in, met, objects_in, token, words_met
from regard.tables import INTERACTIONS, OBJECT

JSON_TEXT = r'"((?:[^"\\]|\\.)*)"'
WORD = r"""[^\s'",;:]+"""
MENTION = r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+|\+?[0-9(][0-9 ()./-]{5,}[0-9]"
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


def admitted(rows: ir.Table, gone: ir.Table, mentions: Blackout, secret: str) -> ir.Table:
    """The interactions that may come in, without the handles of forgotten people and without mention of them.

    rows     : interactions.
    gone     : kind, value, at, from `forgotten_in`.
    mentions : what `mentioned_in` found.
    Returns  : interactions; rows that nobody else is on are missing.
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
    whole = kept.select(*INTERACTIONS.names).union(rest.select(*INTERACTIONS.names))
    return blacked(whole.mutate(mine=ibis.literal(False), mentioned=mentions.mentioned(texts_of(whole))), mentions)


def members_admitted(rows: ir.Table, gone: ir.Table) -> ir.Table:
    """Memberships or consents but those of forgotten people: rows with kind, handle and from_at."""
    since = ibis.coalesce(rows.from_at, ibis.literal("1970-01-01").cast("timestamp('UTC', 6)"))
    marked = rows.mutate(since=since)
    same = [marked.kind == gone.kind, marked.handle == gone.value, marked.since <= gone["at"]]
    return marked.anti_join(gone, same).drop("since")


def rejects_admitted(rejects: ir.Table, tombstones: ir.Table, secret: str) -> ir.Table:
    """Rejects but those that name a forgotten handle; see `rejects_named`."""
    named = rejects_named(rejects, tombstones, secret)
    return rejects.anti_join(named, [rejects.row == named.row, rejects.reason == named.reason])


def rejects_named(rejects: ir.Table, tombstones: ir.Table, secret: str) -> ir.Table:
    """Rejects whose row has a forgotten handle, of whatever kind, as a whole value, or whose reason has it as a word.

    Returns : row, reason.
    """
    in_row = rejects.select("row", "reason", word=extract_all(rejects.row, JSON_TEXT, 1).unnest())
    in_reason = rejects.select("row", "reason", word=extract_all(rejects.reason, WORD, 0).unnest())
    each = in_row.union(in_reason)
    guilty = words_met(each, tombstones, secret)
    return each.semi_join(guilty, each.word == guilty.value).select("row", "reason").distinct()


def mentioned_in(rows: ir.Table, tombstones: ir.Table, secret: str) -> ir.Table:
    """Forgotten email addresses and telephone numbers that interactions of others mention: value."""
    whole = ibis.literal("")
    for text in texts_of(rows):
        whole = whole + ibis.coalesce(text, "") + "\n"
    telling = rows.mutate(whole=whole)
    each = telling.select(word=extract_all(telling.whole, MENTION, 0).unnest()).distinct()
    return words_met(each, tombstones, secret)


def _words(marked: ir.Table, gone: ir.Table) -> ir.Table:
    each = marked.select("interaction_id", "c", "occurred_at", one=marked.handles.unnest())
    same = [each.one.kind == gone.kind, each.one.value == gone.value, each.occurred_at <= gone["at"]]
    mine = each.join(gone, same).select("interaction_id", "c", word=each.one.kind + APART + each.one.value).distinct()
    return mine.group_by("interaction_id", "c").aggregate(words=mine.word.collect())


def _lost(marked: ir.Table, gone: ir.Table) -> ir.Table:
    alone = marked.filter(handles_empty(marked))
    each = alone.select("interaction_id", "c", "occurred_at", one=alone.objects.unnest())
    kind = ibis.literal(OBJECT) + each.one["type"]
    same = [kind == gone.kind, each.one["id"] == gone.value, each.occurred_at <= gone["at"]]
    return each.semi_join(gone, same).select("interaction_id", "c").distinct()


def _unnamed(interaction_id: ir.StringValue, words: ir.ArrayValue, secret: str) -> ir.StringValue:
    for at in range(NAMED_IN_ID):
        value = words[at].split(APART)[1]
        edge = [ibis.coalesce(end.re_search("[0-9A-Za-z_]").ifelse(r"\b", ""), "") for end in (value[0], value[-1])]
        word = ibis.literal("(?i)") + edge[0] + escaped(value) + edge[1]
        named = words.length() > at
        interaction_id = named.ifelse(interaction_id.re_replace(word, token(value, secret)), interaction_id)
    return interaction_id
