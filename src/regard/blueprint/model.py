"""What a blueprint says, as frozen dataclasses; `read.py` makes them from YAML, `defaults.py` fills what is left out.

Durations are seconds here and "30m" in the file. Every item keeps the line it stands on, for messages.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Level = Literal["transaction", "relationship"]


@dataclass(frozen=True)
class Rule:
    """Which interactions are meant.

    A leaf holds `field` and `values`: the field is one of event, channel, source, kind, direction, actor, unit, role,
    account, scale, language, touchpoint, stage, object (an object type it has), rating or property.NAME. It matches
    when the value is one of `values` (a value may end in `*`; `*` alone is any), or lies in `low`..`high` for a number.
    `every` and `some` hold rules that must all or any match; `negated` turns the result round.
    """

    field: str | None = None
    values: tuple[str, ...] = ()
    low: float | None = None
    high: float | None = None
    every: tuple[Rule, ...] = ()
    some: tuple[Rule, ...] = ()
    negated: bool = False


@dataclass(frozen=True)
class Stage:
    id: str
    label: str


@dataclass(frozen=True)
class Function:
    """A department."""

    id: str
    label: str
    owner: str | None = None


@dataclass(frozen=True)
class Channel:
    """A channel; a service channel's contacts cost money.

    cost_per_contact_minor, cost_per_minute_minor : minor units of the workspace's currency, used where an interaction
    has no cost of its own.
    """

    id: str
    label: str
    service: bool = False
    cost_per_contact_minor: float = 0.0
    cost_per_minute_minor: float = 0.0


@dataclass(frozen=True)
class Unit:
    """A place in the organisation's tree: brand, market, region, store, team."""

    id: str
    label: str
    parent: str | None = None


@dataclass(frozen=True)
class Handle:
    """How a kind of handle identifies people.

    limit : a value seen with more than so many other values of `against` kinds is shared and links nobody.
    block : values (or patterns ending or starting with *) that never identify anybody.
    normal: how values are brought to one form: email, phone, text or exact.
    links : false for a kind that says something of the person but never joins two people (a postcode).
    """

    kind: str
    limit: int | None = None
    block: tuple[str, ...] = ()
    normal: str = "text"
    links: bool = True


@dataclass(frozen=True)
class Touchpoint:
    """Where customers meet us; `when` recognises it in the ledger (None: known, not recorded)."""

    id: str
    label: str
    stage: str
    when: Rule | None
    channel: str | None = None
    function: str | None = None
    mechanism: str | None = None
    owner: str | None = None
    directness: Literal["direct", "indirect"] = "direct"
    control: Literal["owned", "influenced", "uncontrolled"] = "owned"
    nature: Literal["transactional", "relational"] = "transactional"
    line: int = 0


@dataclass(frozen=True)
class ValueOf:
    """Where a promised or delivered value is read.

    property : name of a property; at : the interaction's own time; after_s : so many seconds after it was made;
    literal  : the blueprint's own word ("to your door").
    """

    property: str | None = None
    at: bool = False
    after_s: float | None = None
    literal: str | None = None


@dataclass(frozen=True)
class Promise:
    """A promise: how one is made, when it falls due, what keeps it, in which unit.

    about     : object type that ties making and keeping together; None ties them by person.
    made      : interactions that make one.
    promised  : the value promised; unit "time" means that the value is the deadline.
    due       : the deadline, where it is not the value; None for a promise without one.
    deadline  : "day" or "instant": late from the end of the due day in the workspace's zone, or from the moment.
    kept      : interactions that deliver.
    delivered : the value delivered.
    void      : interactions that cancel, supersede or renegotiate it.
    letter    : interactions (about the same object or person) that show it was kept in letter only.
    tolerance : a numeric value missed by no more than this is kept.
    exceeded_by : threshold in unit (seconds early for time) from which better is exceeded; None: only the customer's
                  evidence. exceeded_estimate : the threshold is estimated from that evidence, or none is claimed.
    exceeded  : interactions by which customers say it was exceeded.
    claimed_in: where the claim is made: advert, checkout, contract ...
    """

    id: str
    label: str
    made: Rule
    kept: Rule
    promised: ValueOf
    delivered: ValueOf
    about: str | None = None
    due: ValueOf | None = None
    unit: str = "time"
    deadline: Literal["day", "instant"] = "day"
    better: Literal["lower", "higher", "same"] = "same"
    tolerance: float = 0.0
    void: Rule | None = None
    letter: Rule | None = None
    exceeded: Rule | None = None
    exceeded_by: float | None = None
    exceeded_estimate: bool = False
    understood: str | None = None
    claimed_in: str | None = None
    touchpoint: str | None = None
    function: str | None = None
    owner: str | None = None
    line: int = 0


@dataclass(frozen=True)
class Scale:
    """A scale of feedback and its cut-points: rating <= detractor_to, >= promoter_from."""

    id: str
    low: float
    high: float
    detractor_to: float
    promoter_from: float
    asks: Literal["recommend", "satisfaction", "effort", "other"] = "satisfaction"


@dataclass(frozen=True)
class Feedback:
    """What counts as feedback; the first of a level gives the level's printed scale. `about`: object type."""

    id: str
    level: Level
    when: Rule
    scale: str
    about: str | None = None
    touchpoint: str | None = None
    line: int = 0


@dataclass(frozen=True)
class Impression:
    """A kind of impression: what an interaction adds to perception; exactly one of the six sources.

    promise : signed lateness, days overdue so far while open, or the amount missed.
    wait    : (from touchpoint, to touchpoint): time on the same object, so far if the end has not come.
    fact    : a number among the properties of interactions at `on`.
    record  : shrunken earlier answers about things that share a label: an object type or property (seller, state).
    touch   : 1 for each interaction at the touchpoint; "*" makes each touchpoint a kind of its own.
    felt    : a feedback's rating on -1..1 (relationship level only); its id.
    unit_s  : seconds that count as 1 for promise and wait. knots : in units, piecewise linear; a 0 adds a step.
    weight, weight_sd : the prior, in eta for each unit of x; None takes the source's stated default.
    carries : whether it reaches the person's next transaction.
    """

    kind: str
    promise: str | None = None
    wait: tuple[str, str] | None = None
    fact: str | None = None
    record: str | None = None
    touch: str | None = None
    felt: str | None = None
    on: str | None = None
    unit_s: float = 86_400.0
    knots: tuple[float, ...] = ()
    transform: Literal["none", "log"] = "none"
    strength: float = 10.0
    weight: float | None = None
    weight_sd: float | None = None
    levels: tuple[Level, ...] = ("transaction", "relationship")
    carries: bool = False
    line: int = 0


@dataclass(frozen=True)
class Memory:
    """Prior means of memory (seconds; floor 0 to 1) and the prior sd of log tau.

    peak_end : whether the worst, the best and the last impression may count for more, as far as answers say so.
    """

    loss_s: float = 180 * 86_400.0
    gain_s: float = 60 * 86_400.0
    floor: float = 0.2
    spread: float = 1.0
    peak_end: bool = False


@dataclass(frozen=True)
class ScoreSettings:
    """How predictions roll: refit every `block_s`; a fit sees the latest `sample` answers; seed of its draws."""

    block_s: float = 30 * 86_400.0
    sample: int = 60_000
    seed: int = 20260101


@dataclass(frozen=True)
class ValueSettings:
    """What is a purchase, what is given back, and how far value looks ahead.

    purchase : interactions that are purchases (their positive money); refund, returned : money or goods coming back.
    horizon_s: how far ahead value looks. about : object type that makes several rows one purchase (an order).
    service_window_s : a contact within it after a lapse counts as caused by us.
    vulnerable : interactions that mark a person as vulnerable; what they cost never ranks them down.
    """

    purchase: Rule | None = None
    refund: Rule | None = None
    returned: Rule | None = None
    vulnerable: Rule | None = None
    returned_cost_minor: float = 0.0
    about: str | None = None
    horizon_s: float = 365 * 86_400.0
    service_window_s: float = 14 * 86_400.0


@dataclass(frozen=True)
class JourneySettings:
    """What a journey is about (object types, the first that an interaction has), else ended by `quiet_s` of silence.

    by : steps are named by touchpoint (event where none is recognised) or always by event.
    """

    objects: tuple[str, ...] = ()
    quiet_s: float = 30 * 86_400.0
    by: Literal["touchpoint", "event"] = "touchpoint"


@dataclass(frozen=True)
class Blueprint:
    """The whole statement of what we intend, validated."""

    name: str
    zone: str = "UTC"
    currency: str = "EUR"
    live: bool = False
    stages: tuple[Stage, ...] = ()
    functions: tuple[Function, ...] = ()
    channels: tuple[Channel, ...] = ()
    units: tuple[Unit, ...] = ()
    handles: tuple[Handle, ...] = ()
    person_objects: tuple[str, ...] = ()
    touchpoints: tuple[Touchpoint, ...] = ()
    promises: tuple[Promise, ...] = ()
    scales: tuple[Scale, ...] = ()
    feedback: tuple[Feedback, ...] = ()
    impressions: tuple[Impression, ...] = ()
    recovery: tuple[str, ...] = ()
    journeys: JourneySettings = field(default_factory=JourneySettings)
    memory: Memory = field(default_factory=Memory)
    score: ScoreSettings = field(default_factory=ScoreSettings)
    value: ValueSettings = field(default_factory=ValueSettings)
    freshness: Mapping[str, float] = field(default_factory=dict)
    customer_within_s: float = 365 * 86_400.0
    alive_over: float = 0.5
