"""One form for each handle, so that " Ann@X.org" and "ann@x.org" are the same.

The form is applied in the engine to what the ledger holds (`normalised`) and here to what somebody types (`spelled`);
a property test holds the two equal.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

import ibis
import ibis.expr.types as ir

from regard.blueprint.model import Blueprint, Handle

SEPARATOR = "\x1f"
BLANK = " \t\r\n\u00a0"
EDGES = f"^[{BLANK}]+|[{BLANK}]+$"
NAMED = {"email": "email", "e-mail": "email", "mail": "email", "phone": "phone", "mobile": "phone", "fax": "phone"}


def setting(kind: str, blueprint: Blueprint) -> Handle:
    """The blueprint's setting for a kind; kinds it does not list link, e-mail and phone in their own form."""
    for handle in blueprint.handles:
        if handle.kind == kind:
            return handle
    return Handle(kind, normal=NAMED.get(kind, "text"))


def known_kinds(blueprint: Blueprint) -> list[str]:
    """Kinds with a form of their own: those the blueprint lists, in its order, then those we know by name."""
    listed = [handle.kind for handle in blueprint.handles]
    return listed + [kind for kind in NAMED if kind not in listed]


def kinds_with(normal: str, blueprint: Blueprint) -> list[str]:
    """Kinds that are brought to the form `normal`."""
    return [kind for kind in known_kinds(blueprint) if setting(kind, blueprint).normal == normal]


def normalised(kind: ir.StringValue, value: ir.StringValue, blueprint: Blueprint) -> ir.StringValue:
    """The value in the one form of its kind.

    email, text : without blanks around it, in lower case. exact : as it is.
    phone       : its digits, without a leading 00 ("+49 30 12" and "0049 30 12" are both 493012).
    """
    text = value.re_replace(EDGES, "").replace("İ", "i").lower().replace("ς", "σ")  # where engines' lower() differs
    digits = value.re_replace("[^0-9]", "")
    international = ibis.cases((digits.startswith("00"), digits.substr(2)), else_=digits)
    return ibis.cases(
        (kind.isin(_or_none(kinds_with("phone", blueprint))), international),
        (kind.isin(_or_none(kinds_with("exact", blueprint))), value),
        else_=text,
    )


def spelled(kind: str, value: str, blueprint: Blueprint) -> str:
    """`normalised` for one value in this process.

    >>> spelled("phone", "+49 (30) 12", Blueprint("Shop"))
    '493012'
    """
    normal = setting(kind, blueprint).normal
    if normal == "exact":
        return value
    if normal == "phone":
        digits = re.sub("[^0-9]", "", value)
        return digits[2:] if digits.startswith("00") else digits
    return value.strip(BLANK).replace("İ", "i").lower().replace("ς", "σ")


def _or_none(kinds: Iterable[str]) -> list[str]:
    return list(kinds) or [""]  # no engine likes an empty IN
