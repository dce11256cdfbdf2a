"""What is the whole flow? Read `flow.py` first: it names the rooms in river order.

start.py   a workspace begins: empty, from an example, or as the demo company
bring.py   files -> sources -> ledger                               facts, once and for ever
flow.py    ledger -> identity -> journeys -> experience -> value     meaning, worked out anew each time
refresh.py the same, over those only whom something new concerns
ask.py     any table, one person, decisions about identity
live.py    the log -> ledger, as servers accept it
adding.py  a bundled system's pull and mappings, written into the workspace
pull.py    other systems -> ledger, from where the last pull ended
forget.py  one person out of everything, then the flow again
"""

from __future__ import annotations

from regard.pipeline.adding import Added, add_pull
from regard.pipeline.ask import decide, draft, person_of, select, table
from regard.pipeline.bring import Brought, bring_in
from regard.pipeline.check import check
from regard.pipeline.flow import Order, moment, run
from regard.pipeline.forget import Gone, forget
from regard.pipeline.fresh import Freshness
from regard.pipeline.live import Follower, follow, settle, utc_now
from regard.pipeline.pull import Pulled, pull, pulls, scheduled, watch
from regard.pipeline.pulling import PullState, pull_states
from regard.pipeline.refresh import Refreshed, refresh
from regard.pipeline.start import Example, examples, init, is_made, load_example, make_demo, systems
from regard.pipeline.story import Story, story

__all__ = [
    "Added",
    "Brought",
    "Example",
    "Follower",
    "Freshness",
    "Gone",
    "Order",
    "PullState",
    "Pulled",
    "Refreshed",
    "Story",
    "add_pull",
    "bring_in",
    "check",
    "decide",
    "draft",
    "examples",
    "follow",
    "forget",
    "init",
    "is_made",
    "load_example",
    "make_demo",
    "moment",
    "person_of",
    "pull",
    "pull_states",
    "pulls",
    "refresh",
    "run",
    "scheduled",
    "select",
    "settle",
    "story",
    "systems",
    "table",
    "utc_now",
    "watch",
]
