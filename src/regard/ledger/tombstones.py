"""Who was forgotten, as keyed hashes: enough to know them when they come again, too little to say who they were.

A handle is compared in the forms that people write it in: letters of either case, blanks around it, and of a telephone
number only its digits. The key stands in `forget.key`, mode 0600; without it the hashes say
nothing.
"""

from __future__ import annotations

import os
import secrets
from pathlib import Path
from typing import cast

import ibis
import ibis.expr.types as ir

from regard.engine import Engine
from regard.errors import LedgerError
from regard.ledger.ids import APART
from regard.tables import OBJECT

ANY_KIND = "*"
BLANK = " \t\r\n\u00a0"
EDGES = f"^[{BLANK}]+|[{BLANK}]+$"
PHONES = "(?i)phone|mobile|fax|tel|cell|sms|whatsapp"
LIKE_PHONE = r"^[+0-9 ()./-]{7,}$"
SHORTEST_PHONE = 5


def key(path: Path) -> str:
    """The workspace's key, made when it is first asked for; readable by its owner only.

    Raises : LedgerError if the file is there and holds no key.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(path.name + ".draft")
    if not path.exists():
        draft.unlink(missing_ok=True)
        number = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(number, "w", encoding="ascii") as file:
            file.write(secrets.token_hex(32))
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    found = path.read_text(encoding="ascii").strip()
    if len(found) != 64:
        raise LedgerError(
            f"{path} does not hold a key.", hint="Restore it from a backup: tombstones cannot be read without it."
        )
    return found


def keyed(text: ir.StringValue, secret: str) -> ir.StringValue:
    """A hash that only the holder of the key can make; nested, so that no longer text can be derived from it."""
    inner = (ibis.literal(secret) + text).hexdigest("sha256")
    return cast(ir.StringValue, (ibis.literal(secret) + inner).hexdigest("sha256"))


def token(value: ir.StringValue, secret: str) -> ir.StringValue:
    """What stands for a forgotten handle inside an id: the same each time, and nothing without the key."""
    return cast(ir.StringValue, ibis.literal("forgotten-") + keyed(plain_form(value), secret).substr(0, 16))


def plain_form(value: ir.StringValue) -> ir.StringValue:
    """A handle as it is compared: lower case, no blanks around it."""
    return cast(ir.StringValue, value.re_replace(EDGES, "").lower())


def phone_form(kind: ir.StringValue, value: ir.StringValue) -> ir.StringValue:
    """The digits of a telephone number, without a leading 00; null for anything else.

    A number is known by its kind or by a leading +; a word of no kind by looking like one. A customer number of digits
    is not a telephone number: 00123 and 123 may be two people.
    """
    digits = value.re_replace("[^0-9]", "").re_replace("^00", "")
    is_one = kind.re_search(PHONES) | value.re_search(r"^\s*\+") | ((kind == ANY_KIND) & value.re_search(LIKE_PHONE))
    return cast(ir.StringValue, (is_one & (digits.length() >= SHORTEST_PHONE)).ifelse(digits, ibis.null(str)))


def hashed(handles: ir.Table, secret: str) -> ir.Table:
    """Handles with the keyed hash of each of their forms.

    handles : kind, value.
    Returns : kind, value, hash; one row a form.
    """
    plain = handles.mutate(form=plain_form(handles.value))
    phone = handles.mutate(form=phone_form(handles.kind, handles.value)).filter(lambda t: t.form.notnull())
    both = plain.union(phone)
    return both.select("kind", "value", hash=keyed(both.kind + APART + both.form, secret)).distinct()


def handles_in(rows: ir.Table) -> ir.Table:
    """Every handle that interactions carry, once: kind, value."""
    each = rows.select(handle=rows.handles.unnest())
    return each.select(kind=each.handle.kind, value=each.handle.value).distinct()


def objects_in(rows: ir.Table) -> ir.Table:
    """Every object that interactions without a handle name, once, in the form of a handle: kind `object:<type>`."""
    alone = rows.filter(handles_empty(rows))
    each = alone.select(thing=alone.objects.unnest())
    return each.select(kind=ibis.literal(OBJECT) + each.thing["type"], value=each.thing["id"]).distinct()


def handles_empty(rows: ir.Table) -> ir.BooleanValue:
    """Whether a row carries no handle."""
    return cast(ir.BooleanValue, ibis.coalesce(rows.handles.length(), 0) == 0)


def met(candidates: ir.Table, tombstones: ir.Table, secret: str) -> ir.Table:
    """Those of the handles that belong to forgotten people.

    candidates : kind, value.
    tombstones : hash, at.
    Returns    : kind, value, at (the last time they were forgotten).
    """
    found = hashed(candidates, secret).join(tombstones, "hash")
    return found.group_by("kind", "value").aggregate(at=found["at"].max())


def words_met(words: ir.Table, tombstones: ir.Table, secret: str) -> ir.Table:
    """Those of some words that are a forgotten handle, of whatever kind.

    words   : word.
    Returns : value.
    """
    each = words.select(kind=ibis.literal(ANY_KIND), value=words.word).distinct()
    return met(each, tombstones, secret).select("value")


def known_hashes(targets: ir.Table, secret: str, engine: Engine) -> tuple[str, ...]:
    """The hashes that a tombstone for these handles holds: with their kind, and with any kind.

    targets : kind, value; objects as kind `object:<type>`.
    """
    anything = targets.filter(~targets.kind.startswith(OBJECT)).mutate(kind=ibis.literal(ANY_KIND))
    both = hashed(targets.union(anything), secret)
    return tuple(sorted(set(engine.rows(both.select("hash")).column("hash").to_pylist())))
