"""Who may do what, and who did? Write keys of senders; accounts, sessions and the trail of those who serve.

Into it: secrets that a request brings. Out of it: the key or the person behind them, and what they may. It writes
the store's tables of `store/access.py` and none of the river's.
"""

from __future__ import annotations

from regard.access.keys import Issued, Key, Keys
from regard.access.pace import Pace

__all__ = ["Issued", "Key", "Keys", "Pace"]
