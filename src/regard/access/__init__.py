"""Who may do what, and who did? Write keys of senders; accounts, sessions and the trail of those who serve.

Into it: secrets that a request brings. Out of it: the key or the person behind them, and what they may. It writes
the store's tables of `store/access.py` and none of the river's.
"""

from __future__ import annotations

from regard.access.accounts import Account, Accounts, Invited
from regard.access.asking import Asking, Authenticator, usual, who
from regard.access.keys import SCOPES, Issued, Key, Keys
from regard.access.pace import Pace
from regard.access.sessions import Session, Sessions, TooManyTries
from regard.access.tokens import Token, Tokens
from regard.access.trail import Entry, Trail
from regard.access.who import PERMISSIONS, ROLES, Who, below

__all__ = [
    "PERMISSIONS",
    "ROLES",
    "SCOPES",
    "Account",
    "Accounts",
    "Asking",
    "Authenticator",
    "Entry",
    "Invited",
    "Issued",
    "Key",
    "Keys",
    "Pace",
    "Session",
    "Sessions",
    "Token",
    "Tokens",
    "TooManyTries",
    "Trail",
    "Who",
    "below",
    "usual",
    "who",
]
