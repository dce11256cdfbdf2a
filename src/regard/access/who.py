"""Who asks, and what they may: roles, permissions, and the part of the organisation's tree they see.

viewer   figures: how customers regard us, the map, promises in sum, value, touchpoints; no customer by name
agent    and people: who they are and their stories
analyst  and tables: every row, exports, mappings
admin    and accounts, keys, the audit trail
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from regard.blueprint import Blueprint
from regard.errors import AccessError, SettingError, nearest

ROLES = ("viewer", "agent", "analyst", "admin")
PERMISSIONS: Mapping[str, str] = {
    "anyone": "without a sign-in; what answers shows nothing of customers, or asks for a key itself",
    "oneself": "whoever is signed in, about themselves",
    "figures": "viewer",
    "people": "agent",
    "tables": "analyst",
    "files": "analyst of the whole organisation",
    "manage": "admin of the whole organisation",
}
"""What a route can be declared to need, and the least role that has it."""
LEAST = {"oneself": "viewer", "figures": "viewer", "people": "agent", "tables": "analyst", "files": "analyst"}
LOCAL = "local"


@dataclass(frozen=True)
class Who:
    """Somebody a request comes from.

    name    : the e-mail address of the account; "local" is whoever sits at this machine while there are no accounts.
    units   : the units of the organisation's tree they see, with all below them; None for the whole.
    via     : how we know: session, token or local.
    proof   : what a form of theirs carries, so that no other site can send it.
    session : the id of the session or token they came with.
    """

    name: str
    role: str
    units: tuple[str, ...] | None = None
    via: str = LOCAL
    account_id: str | None = None
    session: str | None = None
    proof: str = ""

    def may(self, permission: str) -> bool:
        """Whether they may do what a route is declared to need.

        >>> agent = Who("ada@example.com", "agent", units=("north",))
        >>> agent.may("people"), agent.may("tables")
        (True, False)
        """
        if permission not in PERMISSIONS:
            raise SettingError(f"{permission!r} is not a permission.", allowed=", ".join(PERMISSIONS))
        if permission == "anyone":
            return True
        if permission == "oneself":
            return self.account_id is not None
        if permission in ("manage", "files") and self.units is not None:
            return False  # accounts, keys and files are of the whole organisation
        return ROLES.index(self.role) >= ROLES.index(LEAST.get(permission, "admin"))

    def must(self, permission: str) -> None:
        """Refuse unless they may.

        Raises : AccessError naming what they are and what it takes.
        """
        if self.may(permission):
            return
        part = f", of {', '.join(self.units)} only" if self.units is not None else ""
        raise AccessError(
            "You may not see or do this.",
            found=f"{self.name} is {self.role}{part}",
            allowed=PERMISSIONS[permission] + ("" if permission == "manage" else " or more"),
            hint="Ask an admin of this workspace.",
        )


def role(text: str) -> str:
    """A role by its name.

    Raises : SettingError for one there is not.
    """
    if text not in ROLES:
        close = nearest(text, ROLES)
        raise SettingError(
            f"{text!r} is not a role.", allowed=", ".join(ROLES), hint=f"Did you mean {close!r}?" if close else None
        )
    return text


def below(units: Iterable[str], blueprint: Blueprint) -> frozenset[str]:
    """These units of the blueprint's tree with all below them; a unit the blueprint does not know stands for itself."""
    found = set(units)
    while more := {one.id for one in blueprint.units if one.parent in found} - found:
        found |= more
    return frozenset(found)
