"""The write-ahead log: what was accepted and is not in the ledger yet, safe from the moment it was answered.

record.py    one record and its checksum; finding whole ones around damage
said.py      what one request said: facts, refused rows, memberships, attributes
rows.py      what a delivery says: rows <-> the payload of a record
bodies.py    bodies as they were sent, and the conventions by which they are read
writer.py    segments are appended to, synced, left when old or full
commit.py    group commit for a server's event loop
segments.py  the folder: what waits, how far it is sealed, what was set aside
"""

from __future__ import annotations

from regard.ledger.log.bodies import BodyHead, Convention, payload_of_body
from regard.ledger.log.commit import Gauges, GroupCommit
from regard.ledger.log.rows import payload_of, tables_of
from regard.ledger.log.said import Attribute, Delivery, Fact, Member, Refused
from regard.ledger.log.segments import Damage, Segments, Taken, notes
from regard.ledger.log.writer import LogWriter

__all__ = [
    "Attribute",
    "BodyHead",
    "Convention",
    "Damage",
    "Delivery",
    "Fact",
    "Gauges",
    "GroupCommit",
    "LogWriter",
    "Member",
    "Refused",
    "Segments",
    "Taken",
    "notes",
    "payload_of",
    "payload_of_body",
    "tables_of",
]
