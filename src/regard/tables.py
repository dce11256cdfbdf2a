"""Every table in river order: columns, types, units, keys and the room that writes it.

A column's type is an Ibis type written as text, so that this file imports nothing heavy; `engine` turns it into a
schema. Every timestamp is UTC with microseconds. Every column is nullable unless it is part of the key, since engines
differ at the edges of non-null columns. Order everywhere is `ORDER`.
"""

from __future__ import annotations

from dataclasses import dataclass

from regard.errors import TableError, nearest

ORDER = ("occurred_at", "sequence", "interaction_id")
"""The one total order of interactions: time, then order in the file or batch, then id."""

LEDGER = "ledger"
INSTANT = "timestamp('UTC', 6)"
HANDLES = "array<struct<kind: string, value: string>>"
OBJECTS = "array<struct<type: string, id: string, qualifier: string>>"
PROPERTIES = "map<string, string>"
SHORT = {"instant": INSTANT, "handles": HANDLES, "objects": OBJECTS, "properties": PROPERTIES}


@dataclass(frozen=True)
class Column:
    """One column: its Ibis type as text, and what it says, with its unit."""

    name: str
    type: str
    says: str


@dataclass(frozen=True)
class Table:
    """One table of the river.

    room : the room that writes it; `ledger` tables are Delta and for ever, the others are derived and re-made.
    key  : the columns that name a row; they are never null.
    """

    name: str
    room: str
    says: str
    key: tuple[str, ...]
    columns: tuple[Column, ...]

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(column.name for column in self.columns)

    @property
    def derived(self) -> bool:
        return self.room != LEDGER


def _columns(text: str) -> tuple[Column, ...]:
    rows = []
    for line in text.strip().splitlines():
        name, kind, says = (part.strip() for part in line.split("|", 2))
        rows.append(Column(name, SHORT.get(kind, kind), says))
    return tuple(rows)


OBJECT = "object:"
"""Before the type of an object that says whose something is, where kinds of handles stand."""

INTERACTIONS = Table(
    "interactions",
    LEDGER,
    "one fact a row: something that happened between a customer and us, or that we should know of",
    ("source", "interaction_id"),
    _columns("""
    interaction_id | string     | unique with source; from the mapping's key columns or from content and occurrence
    source         | string     | the system it came from, as the mapping names it
    occurred_at    | instant    | when it happened
    zone           | string     | the IANA zone in which the source wrote the time
    precision      | string     | instant, or day where only the date is known (occurred_at is then its first moment)
    sequence       | int64      | order within the file or batch
    received_at    | instant    | when the ledger took it
    direction      | string     | customer, us or neither: who acted
    event          | string     | what happened, in the source's word
    channel        | string     | web, phone, store ...
    handles        | handles    | identifiers seen on it
    objects        | objects    | what it was about: order, case, booking ..., as in OCEL 2.0
    account        | string     | the business customer it belongs to
    role           | string     | the person's role in that account
    unit           | string     | place in the organisation's tree: brand, market, region, store, team
    language       | string     | of the text, ISO 639-1
    actor          | string     | employee, bot or partner who acted for us
    kind           | string     | the source's own class of it
    rating         | float64    | what the customer answered, on scale
    scale          | string     | the blueprint's name of the scale
    text           | string     | what was said or written
    amount_minor   | int64      | money in minor units of currency; a refund is negative
    currency       | string     | ISO 4217
    cost_minor     | int64      | what it cost us, in minor units of currency
    duration_s     | float64    | how long it took, seconds
    corrects       | string     | the interaction_id of the same source that this one replaces
    retracts       | string     | the interaction_id of the same source that this one takes back
    properties     | properties | everything else the mapping keeps, values as text; times as ISO-8601 UTC
    """),
)

LEDGER_TABLES = (
    INTERACTIONS,
    Table(
        "objects",
        LEDGER,
        "attributes of objects over time and relations between them, as in OCEL 2.0",
        ("type", "id", "at", "attribute", "source"),
        _columns("""
        type           | string  | order, case, booking ...
        id             | string  | the object's id
        at             | instant | since when the value holds
        attribute      | string  | name of the attribute, or of the relation
        value          | string  | its value as text; empty for a relation
        related_type   | string  | type of the object it relates to
        related_id     | string  | id of the object it relates to
        source         | string  | the system it came from
        """),
    ),
    Table(
        "memberships",
        LEDGER,
        "who belongs to which account, in which role, from when to when; accounts have parents",
        ("account", "kind", "handle", "from_at"),
        _columns("""
        account        | string  | the account
        parent         | string  | the account it belongs to
        kind           | string  | kind of the person's handle; empty on a row about the account itself
        handle         | string  | the person's handle; empty on a row about the account itself
        role           | string  | buyer, user, sponsor ...
        from_at        | instant | since when
        to_at          | instant | until when; null while it holds
        source         | string  | the system it came from
        """),
    ),
    Table(
        "consents",
        LEDGER,
        "what a person allowed, for which purpose and channel, from when to when",
        ("kind", "handle", "purpose", "channel", "from_at"),
        _columns("""
        kind           | string  | kind of the person's handle
        handle         | string  | the person's handle
        purpose        | string  | what for
        channel        | string  | by which channel
        from_at        | instant | since when
        to_at          | instant | until when; null while it holds
        source         | string  | the system it came from
        """),
    ),
    Table(
        "rates",
        LEDGER,
        "what one unit of a currency was worth in the workspace's currency on a day",
        ("currency", "on"),
        _columns("""
        currency       | string  | ISO 4217
        on             | date    | the day
        rate           | float64 | units of the workspace's currency for one unit of currency
        source         | string  | where the rate came from
        """),
    ),
    Table(
        "rejects",
        LEDGER,
        "rows that did not fit, each with its place and the reason; nothing is dropped silently",
        ("load_id", "file", "line", "event"),
        _columns("""
        load_id        | string  | the load that met it
        at             | instant | when
        source         | string  | the mapping's source
        file           | string  | name of the file
        line           | int64   | line or row in the file, from 1, the header counted
        event          | string  | the interaction the row should have given
        reason         | string  | what was wrong and what would have been right
        row            | string  | the row as it was read, JSON
        """),
    ),
    Table(
        "loads",
        LEDGER,
        "one load a row: which file, when, and what came of it",
        ("load_id",),
        _columns("""
        load_id        | string  | the load
        at             | instant | when
        source         | string  | the mapping's source
        file           | string  | name of the file
        folder         | string  | where it and the files joined to it were; empty for what came through a pipe
        content        | string  | hash of the file's content, and of the files joined to it
        mapping        | string  | hash of the mapping
        n_rows         | int64   | rows read
        n_interactions | int64   | interactions new to the ledger
        n_known        | int64   | interactions that the ledger held already
        n_rejects      | int64   | rows rejected
        n_forgotten    | int64   | interactions of forgotten people, not loaded
        first_at       | instant | earliest occurred_at loaded
        last_at        | instant | latest occurred_at loaded
        """),
    ),
    Table(
        "decisions",
        LEDGER,
        "what people decided about identity: two handles are one person, or are not; the latest of a pair holds",
        ("kind", "handle", "other_kind", "other_handle", "at"),
        _columns("""
        kind           | string  | kind of the one handle
        handle         | string  | the one handle
        other_kind     | string  | kind of the other handle
        other_handle   | string  | the other handle
        decision       | string  | merge, split, or undo (as if nobody had decided)
        at             | instant | when
        by             | string  | who
        reason         | string  | why
        """),
    ),
    Table(
        "cursors",
        LEDGER,
        "how far each pull has come; written with the last rows that it stands for, never before them",
        ("pull",),
        _columns("""
        pull           | string  | name of the pull file, without its suffix
        at             | instant | when it came so far
        state          | string  | the cursors of its tables, resources or files, JSON as dlt writes it
        """),
    ),
    Table(
        "tombstones",
        LEDGER,
        "who was forgotten, as keyed hashes, so that a re-import does not bring them back",
        ("hash",),
        _columns("""
        hash           | string  | keyed hash of a handle or of an object that was theirs alone
        at             | instant | when they were forgotten; what happened later is a new relationship
        """),
    ),
)

IDENTITY_TABLES = (
    Table(
        "persons",
        "identity",
        "which person a handle belongs to",
        ("kind", "handle"),
        _columns("""
        kind           | string  | email, phone, device, customer ...; object:<type> for an object that names a person
        handle         | string  | its value, normalised
        person_id      | string  | 16 hexadecimal digits, the same whatever the order of loading
        first_at       | instant | when the handle was first seen
        last_at        | instant | when it was last seen
        n_interactions | int64   | how many interactions carry it
        """),
    ),
    Table(
        "merges",
        "identity",
        "why handles became one person, and which links were refused and why",
        ("kind", "handle", "other_kind", "other_handle"),
        _columns("""
        person_id      | string  | the person of the first handle
        kind           | string  | kind of the one handle
        handle         | string  | the one handle
        other_kind     | string  | kind of the other handle
        other_handle   | string  | the other handle
        n_interactions | int64   | interactions that carry both
        since          | instant | the first of them
        outcome        | string  | linked, decided, split, or refused
        reason         | string  | the guard or decision behind it
        """),
    ),
)

JOURNEY_TABLES = (
    Table(
        "touches",
        "journeys",
        "interactions with their person and their meaning; clustered by person, then in order: this serves stories",
        ("person_id", "source", "interaction_id"),
        _columns("""
        person_id      | string     | the person; null where nobody can be named
        interaction_id | string     | the interaction
        source         | string     | with interaction_id its name
        at             | instant    | when it happened (occurred_at)
        on             | date       | its day in the workspace's zone
        sequence       | int64      | order within its file or batch
        precision      | string     | instant or day
        event          | string     | the source's word
        touchpoint     | string     | the blueprint's touchpoint; null where no rule recognises it
        stage          | string     | the touchpoint's stage
        channel        | string     | the touchpoint's channel, else the interaction's
        function       | string     | the department that owns the touchpoint
        control        | string     | owned, influenced or uncontrolled
        direction      | string     | customer, us or neither
        account        | string     | the business customer
        role           | string     | the person's role there
        own_account    | string     | the account that the interaction itself names; else it is by membership
        own_role       | string     | the role that the interaction itself names
        unit           | string     | place in the organisation's tree
        actor          | string     | who acted for us
        kind           | string     | the source's own class
        object_type    | string     | type of the journey's object
        object_id      | string     | id of the journey's object; null where there is none
        objects        | objects    | all objects
        handles        | handles    | the identifiers seen on it
        rating         | float64    | the answer, on scale
        scale          | string     | the scale
        text           | string     | what was said
        amount_minor   | int64      | money in minor units of currency
        currency       | string     | ISO 4217
        cost_minor     | int64      | its cost to us
        duration_s     | float64    | how long it took, seconds
        properties     | properties | everything else, as text
        """),
    ),
    Table(
        "object_people",
        "journeys",
        "whose interactions name an object of a kind that belongs to people or journeys: how a refresh finds them",
        ("type", "id", "person_id"),
        _columns("""
        type           | string  | order, case, booking ...
        id             | string  | the object's id
        person_id      | string  | whose; empty where nobody can be named
        """),
    ),
    Table(
        "journeys",
        "journeys",
        "one journey a row: all that happened about one object, or until silence",
        ("journey_id",),
        _columns("""
        journey_id     | string  | object type and id, or person and number
        journey        | int64   | its number in `steps`: by person and start, and on from there after a refresh
        person_id      | string  | the person (of the first step)
        object_type    | string  | what it was about; null for a journey ended by silence
        object_id      | string  | its id
        started_at     | instant | first step
        ended_at       | instant | last step
        n_steps        | int64   | steps
        variant_id     | int64   | the variant it followed
        """),
    ),
    Table(
        "steps",
        "journeys",
        "coded and clustered: one step a row, with the next and the wait between; names stand in step_names",
        ("journey", "position"),
        _columns("""
        journey        | int64   | number of the journey
        position       | int32   | place in the journey, from 1
        person         | int32   | number of the person; null where nobody can be named
        this           | int32   | code of this step
        next           | int32   | code of the next step; null at the end
        wait_s         | float64 | from this to the next, seconds
        wait_band      | int32   | band of the wait, floor(8 log2(1 + wait_s)); finds medians without a sort
        at             | instant | when
        """),
    ),
    Table(
        "step_names",
        "journeys",
        "what the codes of steps stand for",
        ("code",),
        _columns("""
        code           | int32   | the code
        name           | string  | touchpoint where one is recognised, else event
        touchpoint     | string  | the touchpoint
        event          | string  | the event, where no touchpoint is recognised
        stage          | string  | its stage
        channel        | string  | its channel
        function       | string  | its function
        n              | int64   | steps with this code
        """),
    ),
    Table(
        "flows",
        "journeys",
        "the directly-follows map: how often a step followed another, and after what wait",
        ("source", "target"),
        _columns("""
        source         | string  | the earlier step
        target         | string  | the later step
        n              | int64   | times
        median_wait_s  | float64 | median wait, seconds
        mean_wait_s    | float64 | mean wait, seconds
        """),
    ),
    Table(
        "variants",
        "journeys",
        "the ways through: sequences of steps",
        ("variant_id",),
        _columns("""
        variant_id     | int64   | its number: from the most frequent, and on from there after a refresh
        variant        | string  | the steps, joined by ' > '
        n              | int64   | journeys
        share          | float64 | of all journeys, 0 to 1
        n_steps        | int64   | steps in it
        """),
    ),
)

EXPERIENCE_TABLES = (
    Table(
        "promises",
        "experience",
        "every promise made to a person: what was promised, what was delivered, by how much it was missed",
        ("promise_id",),
        _columns("""
        promise_id     | string  | kind, and the object or interaction that made it
        person_id      | string  | to whom
        person         | int32   | their number, as in steps
        kind           | string  | the blueprint's promise
        object_type    | string  | what it was about
        object_id      | string  | its id
        touchpoint     | string  | the touchpoint that keeps it
        function       | string  | the function that owns it
        made_at        | instant | when it was made
        made_by        | string  | interaction_id that made it
        claimed_in     | string  | where the claim was made (touchpoint or channel)
        due_at         | instant | when it falls due, as stated; null for a promise without a deadline
        late_from_at   | instant | late from this moment on: due_at, or the end of the due day in the workspace's zone
        delivered_at   | instant | when the thing promised came
        delivered_by   | string  | interaction_id that brought it
        voided_at      | instant | when it was cancelled, superseded or renegotiated
        promised_value | string  | as text in unit; a date or time as ISO-8601
        delivered_value| string  | as text in unit
        unit           | string  | day, instant, or the blueprint's word (room type, EUR, place ...)
        late_days      | int64   | calendar days after the due day (local), negative when early; to as_of while open
        late_s         | float64 | seconds after due_at, negative when early; to as_of while open
        missed_by      | float64 | delivered less promised in unit, where both are numbers
        outcome        | string  | exceeded, kept, kept_in_letter, broken, open, overdue or void
        reason         | string  | what the outcome rests on
        as_of          | instant | the time of knowing
        """),
    ),
    Table(
        "feedback",
        "experience",
        "every rating by which a customer told us",
        ("feedback_id",),
        _columns("""
        feedback_id    | string  | interaction_id of the answer
        source         | string  | its source
        person_id      | string  | who answered
        person         | int32   | their number, as in steps
        account        | string  | the business customer
        at             | instant | time of the answer
        level          | string  | transaction or relationship
        rating         | float64 | the answer
        scale          | string  | on this scale
        class          | int8    | -1 detractor, 0 passive, 1 promoter, by the scale's cut-points
        touchpoint     | string  | what it was about, where known
        object_type    | string  | what it was about
        object_id      | string  | its id
        as_of          | instant | the time of knowing
        """),
    ),
    Table(
        "impressions",
        "experience",
        "what an interaction adds to perception, before memory",
        ("level", "person_id", "interaction_id", "kind"),
        _columns("""
        level          | string  | transaction or relationship
        person_id      | string  | whose
        interaction_id | string  | made by
        at             | instant | when
        kind           | string  | the kind whose weight it takes
        x              | float64 | signed size in the units of its kind
        object_type    | string  | what it was about
        object_id      | string  | its id
        touchpoint     | string  | where
        function       | string  | whose
        as_of          | instant | the time of knowing
        """),
    ),
    Table(
        "lapses",
        "experience",
        "what went wrong for a person, what was done about it, and what of it is left",
        ("person_id", "interaction_id", "kind"),
        _columns("""
        person_id      | string  | whose
        interaction_id | string  | the interaction it stems from
        at             | instant | when
        kind           | string  | broken promise, kept in letter, bad feeling, incident ...
        touchpoint     | string  | where
        function       | string  | whose
        severity       | float64 | eta it took away at the time, positive
        residual       | float64 | eta it takes away at as_of, positive, never 0
        recovered_at   | instant | first recovery after it
        recovery       | float64 | eta the recovery added at as_of
        as_of          | instant | the time of knowing
        """),
    ),
    Table(
        "scores",
        "experience",
        "how a person regards us, as of one time; the two levels are never mixed",
        ("person_id", "level"),
        _columns("""
        person_id      | string  | who
        level          | string  | transaction or relationship
        at             | instant | as of
        score          | float64 | expected net rating on scale, -100 to 100
        low            | float64 | lower end of the 90 % interval
        high           | float64 | upper end of the 90 % interval
        scale          | string  | the scale whose cut-points make it a number
        calibrated     | boolean | false while it rests on stated priors
        eta            | float64 | the sum of base and contributions
        eta_sd         | float64 | its standard deviation from the joint fit
        n_interactions | int64   | interactions that contribute
        answered       | boolean | gave feedback on this level
        account        | string  | the business customer
        as_of          | instant | the time of knowing
        """),
    ),
    Table(
        "contributions",
        "experience",
        "what each interaction did to a score; the base is the row without an interaction; they sum to eta and score",
        ("person_id", "level", "interaction_id", "kind"),
        _columns("""
        person_id      | string  | whose
        person         | int32   | their number, as in steps
        level          | string  | transaction or relationship
        interaction_id | string  | what; null on the base row
        at             | instant | when it happened
        kind           | string  | the kind of impression; base, account or person on rows without an interaction
        eta            | float64 | added to eta at as_of
        points         | float64 | added to the score
        as_of          | instant | the time of knowing
        """),
    ),
    Table(
        "predictions",
        "experience",
        "what the model, fitted only on earlier answers and seeing only what came before, expected of each answer",
        ("feedback_id",),
        _columns("""
        feedback_id    | string  | the answer
        person_id      | string  | who answered
        at             | instant | time of the answer
        level          | string  | transaction or relationship
        rating         | float64 | what they said
        scale          | string  | on this scale
        p_detractor    | float64 | probability expected of it
        p_passive      | float64 | probability expected of it
        p_promoter     | float64 | probability expected of it
        fitted_until   | instant | time of the last answer that the model had seen, before at; null on stated priors
        n_interactions | int64   | interactions that contributed
        as_of          | instant | the time of knowing
        """),
    ),
    Table(
        "calibration",
        "experience",
        "what was expected of answers beside what was said, by interactions, by tenure and by what was expected",
        ("level", "by", "place"),
        _columns("""
        level          | string  | transaction or relationship
        by             | string  | all, interactions (that contributed), tenure (since the first one) or expected
        place          | int64   | order of the bucket, from 0
        bucket         | string  | how many, how long, or what net rating
        n              | int64   | answers
        n_people       | int64   | people who gave them
        expected       | float64 | net rating expected of them, -100 to 100, from fits on earlier answers only
        observed       | float64 | net rating they gave, -100 to 100
        low            | float64 | lower end of its 90 % interval, a person counting once
        high           | float64 | upper end of its 90 % interval
        off            | boolean | expected and observed differ by more than chance, and by 2 points or more
        as_of          | instant | the time of knowing
        """),
    ),
    Table(
        "leanings",
        "experience",
        "what people and accounts say beyond what their impressions explain, learnt from their answers and shrunk",
        ("level", "of", "id"),
        _columns("""
        level          | string  | transaction or relationship
        of             | string  | person or account
        id             | string  | the person_id, or the account's name
        account        | string  | the account of a person, if any
        residual       | float64 | sum of the answers' residuals: the slope of their log likelihood by eta
        information    | float64 | sum of the answers' information about eta
        eta            | float64 | what it adds to eta
        eta_sd         | float64 | its standard deviation
        as_of          | instant | the time of knowing
        """),
    ),
)

BOARD_TABLES = (
    Table(
        "profiles",
        "board",
        "one person on one level: how they regard us, what they are worth, when and where we met them",
        ("level", "person_id"),
        _columns("""
        level                | string  | transaction or relationship
        person_id            | string  | who
        person               | int32   | their number, as in steps
        first_at             | instant | first seen
        last_at              | instant | last seen
        score                | float64 | expected net rating on scale, -100 to 100
        low                  | float64 | lower end of its 90 % interval
        high                 | float64 | upper end of its 90 % interval
        scale                | string  | the scale whose cut-points make it a number
        calibrated           | boolean | false while it rests on stated priors
        eta                  | float64 | the sum of base and contributions
        n_interactions       | int64   | interactions that contribute
        answered             | boolean | gave feedback on this level
        account              | string  | the business customer
        units                | array<string> | the units in which we met them; null for none
        channels             | array<string> | the channels on which we met them; null for none
        p_alive              | float64 | probability of still being a customer
        spent_minor          | int64   | spent so far, net of returns
        expected_value_minor | float64 | over the horizon
        cost_to_serve_minor  | int64   | over the twelve months to as_of
        disruption_minor     | int64   | part of the cost to serve above what a customer of this value costs
        quadrant             | string  | value beside disruption: cherish, mend, keep or rethink
        currency             | string  | the workspace's currency; null for somebody without a value
        as_of                | instant | the time of knowing
        """),
    ),
    Table(
        "arrivals",
        "board",
        "what was recorded, by source, event and what it was recognised as",
        ("source", "event", "touchpoint", "stage", "channel", "function"),
        _columns("""
        source         | string  | the system it came from
        event          | string  | what happened
        touchpoint     | string  | what it was recognised as
        stage          | string  | its stage
        channel        | string  | its channel
        function       | string  | its function
        n              | int64   | interactions
        n_nobody       | int64   | of them, those of nobody we can name
        first_at       | instant | the first of them
        last_at        | instant | the last of them
        """),
    ),
    Table(
        "segments",
        "board",
        "accounts, units and channels that a figure can be of",
        ("kind", "name"),
        _columns("""
        kind           | string  | account, unit or channel
        name           | string  | its name
        n              | int64   | interactions
        """),
    ),
)

VALUE_TABLES = (
    Table(
        "purchases",
        "value",
        "one purchase a row",
        ("person_id", "purchase_id"),
        _columns("""
        person_id      | string  | who
        purchase_id    | string  | the object bought in, else the interaction
        at             | instant | when
        on             | date    | its day in the workspace's zone
        amount_minor   | int64   | in minor units of the workspace's currency
        returned_minor | int64   | of it given back, positive
        currency       | string  | the workspace's currency
        as_of          | instant | the time of knowing
        """),
    ),
    Table(
        "value",
        "value",
        "what a person is worth over the horizon, and what they cost to serve",
        ("person_id",),
        _columns("""
        person_id            | string  | who
        n_purchases          | int64   | purchases so far
        recency_s            | float64 | from first to last purchase, seconds
        tenure_s             | float64 | from first purchase to as_of, seconds
        spent_minor          | int64   | spent so far, net of returns
        mean_purchase_minor  | float64 | mean of repeat purchases
        p_alive              | float64 | probability of still being a customer; null where `models` cannot identify it
        expected_purchases   | float64 | over the horizon; null where p_alive is
        expected_spend_minor | float64 | of an average purchase, shrunk (Gamma-Gamma)
        expected_value_minor | float64 | expected purchases times expected spend, over the horizon
        currency             | string  | the workspace's currency
        cost_to_serve_minor  | int64   | over the twelve months to as_of
        disruption_minor     | int64   | part of the cost to serve above what a customer of this value costs
        quadrant             | string  | value beside disruption: cherish, mend, keep or rethink
        horizon_s            | float64 | the horizon, seconds
        as_of                | instant | the time of knowing
        """),
    ),
    Table(
        "cost_to_serve",
        "value",
        "what serving a person cost, by cause",
        ("person_id", "cause", "channel", "ours"),
        _columns("""
        person_id      | string  | who
        cause          | string  | contact, refund or return
        channel        | string  | the service channel; empty for refunds and returns
        n              | int64   | how many
        duration_s     | float64 | time spent, seconds
        cost_minor     | int64   | in minor units of the workspace's currency
        ours           | boolean | caused by our own failure (after a lapse about the same object, or within its window)
        currency       | string  | the workspace's currency
        as_of          | instant | the time of knowing
        """),
    ),
    Table(
        "models",
        "value",
        "the fitted models: each parameter with its interval",
        ("model", "parameter"),
        _columns("""
        model          | string  | bg_nbd, gamma_gamma, score.transaction ...
        parameter      | string  | its name
        value          | float64 | its estimate
        low            | float64 | lower end of its 90 % interval
        high           | float64 | upper end of its 90 % interval
        status         | string  | estimated, not identified (it stays at its prior) or stated
        says           | string  | what it means, with its unit
        as_of          | instant | the time of knowing
        """),
    ),
)

TABLES: dict[str, Table] = {
    table.name: table
    for table in (*LEDGER_TABLES, *IDENTITY_TABLES, *JOURNEY_TABLES, *EXPERIENCE_TABLES, *VALUE_TABLES, *BOARD_TABLES)
}


def table(name: str) -> Table:
    """The table of that name.

    Raises : TableError naming the nearest one.

    >>> table("flows").key
    ('source', 'target')
    """
    if name not in TABLES:
        close = nearest(name, TABLES)
        raise TableError(
            f"There is no table {name!r}.",
            allowed=", ".join(TABLES),
            hint=f"Did you mean {close!r}?" if close else None,
        )
    return TABLES[name]
