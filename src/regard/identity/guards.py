"""Which handles may not speak for anybody, and why.

    blank, unknown, n/a, none@none.com, 0000000000     say nothing           blocked here
    what the blueprint's block list names              say nothing here      blocked there
    kinds with `links: false` (a postcode)             describe, not name    never link
    values seen with more than `limit` others          are shared            link nobody

A refused handle links nobody and names nobody: rows that carry another handle belong to that one's person, rows known
only by refused handles belong to nobody. A decision of a person (merge) overrides a guard for that one pair.
"""

from __future__ import annotations

from functools import reduce
from operator import and_, or_

import ibis
import ibis.expr.types as ir

from regard.blueprint.model import Blueprint, Handle
from regard.identity.normal import kinds_with, setting, spelled

NOTHING = (
    "", "-", "--", ".", "?", "n/a", "na", "n.a.", "none", "null", "nil", "nan", "undefined", "unknown", "anonymous",
    "guest", "not available", "not provided", "not set", "(none)", "(not set)", "xxx",
)  # fmt: skip
EMAILS = (
    "none@*", "noemail@*", "no-email@*", "noreply@*", "no-reply@*", "donotreply@*", "unknown@*", "null@*", "nobody@*",
    "n/a@*", "na@na.*", "test@test.*", "test@example.*", "a@a.*", "x@x.*", "asdf@asdf.*", "email@email.*",
)  # fmt: skip
PHONES = ("123456", "1234567", "12345678", "123456789", "1234567890", "0123456789", "012345678", "9876543210")
ONE_DIGIT = "^(" + "|".join(f"{digit}+" for digit in range(10)) + ")$"
SHORTEST_PHONE = 5
THINGS = ("device", "cookie", "visitor", "session", "browser", "ip")


def matches(value: ir.StringValue, pattern: str) -> ir.BooleanValue:
    """Whether the value fits a pattern in which `*` stands for anything."""
    parts = pattern.split("*")
    if len(parts) == 1:
        return value == pattern
    conditions = [value.length() >= sum(map(len, parts))]
    if parts[0]:
        conditions.append(value.startswith(parts[0]))
    if parts[-1]:
        conditions.append(value.endswith(parts[-1]))
    conditions += [value.contains(part) for part in parts[1:-1] if part]
    return reduce(and_, conditions)


def blocked(kind: ir.StringValue, handle: ir.StringValue, blueprint: Blueprint) -> ir.StringValue:
    """Why a normalised handle is refused whatever it was seen with; null for a good one."""
    email = kind.isin(kinds_with("email", blueprint) or [""])
    phone = kind.isin(kinds_with("phone", blueprint) or [""])
    written = [
        ((kind == one.kind) & reduce(or_, [matches(handle, _form(one, pattern, blueprint)) for pattern in one.block]))
        for one in blueprint.handles
        if one.block
    ]
    mute = [one.kind for one in blueprint.handles if not one.links]
    return ibis.cases(
        (handle.lower().isin(NOTHING), "says nothing"),
        (email & ~handle.contains("@"), "is not an e-mail address"),
        (email & reduce(or_, [matches(handle, pattern) for pattern in EMAILS]), "is a filler address"),
        (phone & (handle.length() < SHORTEST_PHONE), "is too short for a telephone number"),
        (phone & (handle.isin(PHONES) | handle.re_search(ONE_DIGIT)), "is a filler number"),
        *[(condition, "is on the blueprint's block list") for condition in written],
        *([(kind.isin(mute), "is of a kind that links nobody")] if mute else []),
        else_=ibis.null("string"),
    )


def shared(kind: ir.StringValue, n_others: ir.IntegerValue, blueprint: Blueprint) -> ir.StringValue:
    """Why a handle is refused for what it was seen with; null where its kind has no limit or keeps it."""
    limits = [(one.kind, one.limit) for one in blueprint.handles if one.limit is not None]
    if not limits:
        return ibis.null("string")
    return ibis.cases(
        *[
            (
                (kind == name) & (n_others > limit),
                ibis.literal("is shared: seen with ")
                + n_others.cast("string")
                + f" other handles, more than the limit of {limit}",
            )
            for name, limit in limits
        ],
        else_=ibis.null("string"),
    )


def trust(kind: ir.StringValue, blueprint: Blueprint) -> ir.IntegerValue:
    """Whose word counts first where one row carries several handles: the blueprint's order of kinds, then the rest,
    things that people use (a device) after names that people have."""
    order = [(kind == handle.kind, place) for place, handle in enumerate(blueprint.handles)]
    things = (kind.isin(THINGS), len(order) + 1)
    return ibis.cases(*order, things, else_=len(order)).cast("int64")


def _form(handle: Handle, pattern: str, blueprint: Blueprint) -> str:
    return "*".join(spelled(setting(handle.kind, blueprint).kind, part, blueprint) for part in pattern.split("*"))
