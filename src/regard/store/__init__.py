"""What is true at this moment, and who may change it? Live state: keys and accounts now, work in progress later.

Into it: statements of the rooms, over the tables that `schema` and its neighbours declare. Out of it: rows, in
transactions. It is SQLite in the workspace, or PostgreSQL where `$REGARD_STORE` names one; both hold the same tables,
brought up to date by the migrations beside this file whenever a store is opened.

    with store.write() as db: db.execute(...)      all of it, or nothing
    with store.read() as db: db.execute(...)       one consistent view
"""

from __future__ import annotations

from regard.store.insert import insert_new
from regard.store.sealing import seal
from regard.store.serving import alone
from regard.store.store import VARIABLE, Store

__all__ = ["VARIABLE", "Store", "alone", "insert_new", "seal"]
