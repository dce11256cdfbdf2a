"""What may stand in blueprint.yaml: every section and key once, for the reader, the JSON Schema and the docs alike.

A key's kind says how its value is read:

    id word text flag number whole duration money    one value
    words numbers durations                          a list of them (a single one will do), or name: duration pairs
    choice                                           one of `choices`
    ref refs                                         the id of something in the section `refers`
    rule value                                       which interactions are meant; where a value is read
    item items                                       a shape of its own, or a list of them
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Key:
    """One key of a shape.

    into    : the attribute of the model, where it has another name.
    refers  : the section whose ids are meant.
    example : what the schema shows to editors.
    """

    name: str
    kind: str
    says: str
    into: str = ""
    required: bool = False
    choices: tuple[str, ...] = ()
    refers: str = ""
    of: Shape | None = None
    example: str = ""

    @property
    def attribute(self) -> str:
        return self.into or self.name


@dataclass(frozen=True)
class Shape:
    """A mapping of keys; `bare` names the key that a bare word stands for, where an item may be one word."""

    name: str
    says: str
    keys: tuple[Key, ...]
    bare: str = ""

    def key(self, name: str) -> Key | None:
        return next((key for key in self.keys if key.name == name), None)


def _id(says: str) -> Key:
    return Key("id", "id", says, required=True)


LABEL = Key("label", "text", "the name that people read; the id in plain words where it is left out")

STAGE = Shape(
    "stage",
    "A stage of the relationship, in the order in which customers pass it.",
    (_id("how the rest of the file calls it"), LABEL),
    bare="id",
)
FUNCTION = Shape(
    "function",
    "A department.",
    (_id("how touchpoints call it"), LABEL, Key("owner", "text", "who answers for it")),
    bare="id",
)
CHANNEL = Shape(
    "channel",
    "A channel; a service channel's contacts cost money.",
    (
        _id("the channel's name on interactions"),
        LABEL,
        Key("service", "flag", "true where customers come for help: its contacts are a cost to serve"),
        Key("cost_per_contact", "money", "what a contact costs, in the currency", into="cost_per_contact_minor"),
        Key("cost_per_minute", "money", "what a minute costs, in the currency", into="cost_per_minute_minor"),
    ),
    bare="id",
)
UNIT = Shape(
    "unit",
    "A place in the organisation's tree: brand, market, region, store, team.",
    (_id("the unit's name on interactions"), LABEL, Key("children", "items", "the units below it, of the same shape")),
    bare="id",
)
HANDLE = Shape(
    "handle",
    "How a kind of handle identifies people.",
    (
        Key("kind", "id", "the kind as mappings name it: email, phone, device ...", required=True),
        Key("limit", "whole", "a value seen with more other values than this is shared and links nobody"),
        Key("block", "words", 'values that identify nobody; "*@example.com" and "none*" are patterns'),
        Key(
            "normal",
            "choice",
            "how values are brought to one form",
            choices=("text", "email", "phone", "exact"),
        ),
        Key("links", "flag", "false where it says something of the person but never joins two people (a postcode)"),
    ),
    bare="kind",
)
IDENTITY = Shape(
    "identity",
    "How handles become people.",
    (
        Key("handles", "items", "the kinds of handle", of=HANDLE),
        Key("person_objects", "words", "object types that belong to one person: rows that know only them reach them"),
    ),
)
TOUCHPOINT = Shape(
    "touchpoint",
    "Where customers meet us. The first one in the file whose rule matches an interaction is the one.",
    (
        _id("how the rest of the file calls it"),
        LABEL,
        Key("stage", "ref", "the stage it belongs to", required=True, refers="stages"),
        Key("when", "rule", "which interactions it is; without one it is known but not recorded"),
        Key("channel", "word", "the channel it runs on; the interaction's own where it is left out"),
        Key("function", "ref", "the department it belongs to", refers="functions"),
        Key("mechanism", "text", "by what means: parcel carrier, call centre software ..."),
        Key("owner", "text", "who answers for it"),
        Key("directness", "choice", "whether customers deal with us or hear of us", choices=("direct", "indirect")),
        Key("control", "choice", "how far it is in our hands", choices=("owned", "influenced", "uncontrolled")),
        Key("nature", "choice", "a dealing, or part of the relationship", choices=("transactional", "relational")),
    ),
)
PROMISE = Shape(
    "promise",
    "A promise: how one is made, when it falls due, what keeps it.",
    (
        _id("the promise's name in the promises table"),
        LABEL,
        Key("made", "rule", "interactions that make one", required=True),
        Key("kept", "rule", "interactions that deliver; the first after it was made counts", required=True),
        Key("about", "word", "object type that ties making and keeping together; the person where it is left out"),
        Key("promised", "value", "the value promised; with unit time it is the deadline", required=True),
        Key("delivered", "value", "the value delivered; the time it happened where it is left out"),
        Key("due", "value", "the deadline, where the value promised is not one"),
        Key("unit", "text", "time, or what the value counts: room type, EUR, place ..."),
        Key("deadline", "choice", "late from the end of the due day, or from the moment", choices=("day", "instant")),
        Key(
            "better",
            "choice",
            "which way a value may differ and still be kept (price: lower; items: higher)",
            choices=("same", "lower", "higher"),
        ),
        Key("tolerance", "number", "a number missed by no more than this is kept"),
        Key("void", "rule", "interactions that cancel or renegotiate it; a later promise of the same supersedes it"),
        Key("letter", "rule", "interactions that show it was kept in letter only"),
        Key("exceeded", "rule", "interactions by which customers say that it was exceeded"),
        Key("exceeded_by", "threshold", "how much better is exceeded: a duration or number, or estimate"),
        Key("understood", "text", "what customers take it to mean, where that is more than it says"),
        Key("claimed_in", "word", "where the claim is made: advert, checkout, contract ..."),
        Key("touchpoint", "ref", "the touchpoint that keeps it", refers="touchpoints"),
        Key("function", "ref", "the department that owns it; the touchpoint's where left out", refers="functions"),
        Key("owner", "text", "who answers for it"),
    ),
)
SCALE = Shape(
    "scale",
    "A scale of feedback and its cut-points, printed wherever a number is.",
    (
        _id("the scale's name on interactions"),
        Key("low", "number", "the lowest answer", required=True),
        Key("high", "number", "the highest answer", required=True),
        Key("detractor_to", "number", "answers up to this are detractors", required=True),
        Key("promoter_from", "number", "answers from this on are promoters", required=True),
        Key("asks", "choice", "what is asked", choices=("recommend", "satisfaction", "effort", "other")),
    ),
)
FEEDBACK = Shape(
    "feedback",
    "What counts as feedback; the first of a level gives the level's scale.",
    (
        _id("how impressions call it"),
        Key(
            "level",
            "choice",
            "of one dealing, or of us as a whole",
            required=True,
            choices=("transaction", "relationship"),
        ),
        Key("when", "rule", "interactions that are this feedback", required=True),
        Key("scale", "ref", "the scale of the answer", required=True, refers="scales"),
        Key("about", "word", "object type it is about"),
        Key("touchpoint", "ref", "the touchpoint it is about", refers="touchpoints"),
    ),
)
WAIT = Shape(
    "wait",
    "From one touchpoint to another on the same object.",
    (
        Key("from", "ref", "where the wait begins", required=True, refers="touchpoints"),
        Key("to", "ref", "where it ends", required=True, refers="touchpoints"),
    ),
)
IMPRESSION = Shape(
    "impression",
    "What interactions add to perception; exactly one of promise, wait, fact, record, touch and felt.",
    (
        Key("kind", "id", "its name in contributions", required=True),
        Key("promise", "ref", "lateness, or the amount missed, of this promise", refers="promises"),
        Key("wait", "wait", "time between two touchpoints, so far while the second has not come", of=WAIT),
        Key("fact", "word", "a property that is a number"),
        Key("record", "word", "earlier answers about things that share this object type or property (seller, state)"),
        Key(
            "touch", "ref", 'an interaction at this touchpoint; "*" gives each touchpoint its own', refers="touchpoints"
        ),
        Key("felt", "ref", "what a feedback of a transaction said", refers="feedback"),
        Key("on", "ref", "the touchpoint whose interactions carry the fact or label", refers="touchpoints"),
        Key("unit", "duration", "the time that counts as 1", into="unit_s"),
        Key("knots", "numbers", "where the effect may bend, in units; a 0 adds a step there"),
        Key("transform", "choice", "how a fact is read", choices=("none", "log")),
        Key("strength", "number", "how many answers a record needs to speak as loud as all others' mean"),
        Key("weight", "number", "expected weight, in eta for each unit"),
        Key("weight_sd", "number", "how far the weight may lie from that"),
        Key("levels", "choices", "the levels it enters", choices=("transaction", "relationship")),
        Key("carries", "flag", "whether it reaches the person's next transaction"),
    ),
)
JOURNEYS = Shape(
    "journeys",
    "What a journey is.",
    (
        Key("objects", "words", "object types that a journey is about, the first that an interaction has"),
        Key("quiet", "duration", "where there is no object, so long a silence ends a journey", into="quiet_s"),
        Key("by", "choice", "what names a step", choices=("touchpoint", "event")),
    ),
)
MEMORY = Shape(
    "memory",
    "What is expected of memory before the data have spoken.",
    (
        Key("loss", "duration", "how long the bad lasts", into="loss_s"),
        Key("gain", "duration", "how long the good lasts", into="gain_s"),
        Key("floor", "number", "the part that never fades, 0 to 1"),
        Key("spread", "number", "standard deviation of the log of the durations"),
        Key("peak_end", "flag", "true lets the worst, the best and the last impression count for more or less"),
    ),
)
SCORE = Shape(
    "score",
    "How the score is fitted.",
    (
        Key("block", "duration", "predictions are refitted so often", into="block_s"),
        Key("sample", "whole", "a fit sees so many of the latest answers"),
        Key("seed", "whole", "seed of its draws"),
    ),
)
VALUE = Shape(
    "value",
    "What is a purchase, what is given back, how far value looks ahead.",
    (
        Key("purchase", "rule", "interactions that are purchases; their positive money counts"),
        Key("refund", "rule", "money given back"),
        Key("returned", "rule", "goods sent back"),
        Key("returned_cost", "money", "what a return costs us, in the currency", into="returned_cost_minor"),
        Key("about", "word", "object type that makes several rows one purchase"),
        Key("horizon", "duration", "how far ahead", into="horizon_s"),
        Key("service_window", "duration", "a contact so soon after a lapse is of our making", into="service_window_s"),
        Key("vulnerable", "rule", "interactions that mark a vulnerable person: their cost never ranks them down"),
    ),
)
EVERYONE = Shape(
    "everyone",
    "Who is meant by everyone.",
    (
        Key("within", "duration", "people with an interaction so lately", into="customer_within_s"),
        Key("alive_over", "number", "and at least so probably still customers, 0 to 1"),
    ),
)
BLUEPRINT = Shape(
    "blueprint",
    "What an organisation intends its customers to experience: meaning that Regard applies to the facts it reads.",
    (
        Key("name", "text", "the organisation's name, as pages show it", required=True),
        Key("zone", "zone", "the time zone in which a day begins and ends, such as Europe/Paris"),
        Key("currency", "currency", "the currency of the figures, ISO 4217"),
        Key("live", "flag", "true where facts keep coming: now is the time of knowing, not the last fact"),
        Key("stages", "items", "the stages of the relationship, in order", of=STAGE),
        Key("functions", "items", "the departments", of=FUNCTION),
        Key("channels", "items", "the channels, and what service costs on them", of=CHANNEL),
        Key("units", "items", "the organisation's tree", of=UNIT),
        Key("identity", "item", "how handles become people", of=IDENTITY),
        Key("touchpoints", "items", "where customers meet us", of=TOUCHPOINT),
        Key("promises", "items", "what we promise them", of=PROMISE),
        Key("scales", "items", "the scales on which they answer", of=SCALE),
        Key("feedback", "items", "what counts as an answer", of=FEEDBACK),
        Key("impressions", "items", "what adds to perception; worked out from the rest where left out", of=IMPRESSION),
        Key("recovery", "refs", "touchpoints that make good what went wrong", refers="touchpoints"),
        Key("journeys", "item", "what a journey is", of=JOURNEYS),
        Key("memory", "item", "what is expected of memory", of=MEMORY),
        Key("score", "item", "how the score is fitted", of=SCORE),
        Key("value", "item", "what a purchase is and how far value looks", of=VALUE),
        Key("freshness", "durations", "how old the newest row of a source may be"),
        Key("everyone", "item", "who is meant by everyone", of=EVERYONE),
    ),
)

RULE_TEXT = {
    "event": "what happened, in the source's word",
    "channel": "in a touchpoint's rule the source's channel, elsewhere the touchpoint's where it names one",
    "source": "the mapping's source",
    "kind": "the source's own class",
    "direction": "customer, us or neither",
    "actor": "employee, bot or partner",
    "unit": "place in the organisation's tree",
    "role": "role in the account",
    "account": "the business customer",
    "scale": "the scale of the answer",
    "language": "of the text, ISO 639-1",
    "object": "an object type that it is about",
    "touchpoint": "the touchpoint; not in a touchpoint's own rule",
    "stage": "the stage; not in a touchpoint's own rule",
}
RULE_NUMBERS = {"rating": "the answer"}
RULE_PARTS = {"all": "every one of these rules", "any": "at least one of these rules", "not": "not this rule"}
VALUE_KEYS = {
    "property": "a property of the interaction",
    "at": "occurred: the interaction's own time",
    "after": "so long after it was made",
    "literal": "a word of the blueprint's own",
}
