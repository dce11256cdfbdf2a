"""What a column seems to hold, from its name and its first values: for `drafting.py`."""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass

from regard.blueprint.money import EXPONENTS

TIME_FORMATS = (
    "%d/%m/%Y %H:%M:%S",
    "%d/%m/%Y %H:%M",
    "%d/%m/%Y",
    "%m/%d/%Y %H:%M:%S",
    "%m/%d/%Y %H:%M",
    "%m/%d/%Y",
    "%d.%m.%Y %H:%M:%S",
    "%d.%m.%Y %H:%M",
    "%d.%m.%Y",
    "%d-%m-%Y %H:%M",
    "%d-%m-%Y",
    "%Y/%m/%d %H:%M:%S",
    "%Y%m%d",
    "%d-%b-%y",
    "%d %b %Y",
    "%b %d, %Y",
)
ISO = re.compile(r"\d{4}-\d{2}-\d{2}([ T]\d{2}:\d{2}(:\d{2}(\.\d+)?)?(Z|[+-]\d{2}(:?\d{2})?)?)?")
EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")
NUMBER = re.compile(r"-?\d+(\.\d+)?([eE][+-]?\d+)?")
MONEY = re.compile(r"\(?-?\s*[^\d\s]{0,3}\s*-?[\d.,' ]*\d\s*[^\d\s]{0,3}\)?-?")
TIME_NAME = re.compile(r"date|time|(^|_)(at|on|day|when)$|created|updated", re.IGNORECASE)
PERSON_NAME = re.compile(
    r"(customer|client|consumer|user|person|member|guest|shopper|contact|subscriber|patient|respondent|visitor)"
    r"_?(unique)?_?(id|no|nr|number|key|code|hash|ref)?$|^(uid|crm_?id)$",
    re.IGNORECASE,
)
DEVICE_NAME = re.compile(r"(device|cookie|browser|anonymous|session)_?(id)?$", re.IGNORECASE)
PHONE_NAME = re.compile(r"phone|mobile|telephone|msisdn", re.IGNORECASE)
ID_NAME = re.compile(r"(^|[_\W])(id|no|nr|number|key|code|ref|reference|uuid)$|[a-z](Id|ID|No|Number)$", re.IGNORECASE)
MONEY_NAME = re.compile(
    r"price|amount|total|revenue|sales|payment|paid|spend|spent|dollar|euro|value|cost|fee|freight|adr", re.IGNORECASE
)
RATING_NAME = re.compile(r"score|rating|nps|csat|stars?$|satisf|recommend|^cusa|^q_?\d+", re.IGNORECASE)
TEXT_NAME = re.compile(r"comment|message|review|feedback|verbatim|remark|reason|note|text|body|answer", re.IGNORECASE)
EVENT_NAME = re.compile(r"^(event|activity|action|event_?(name|type)|concept:name)$", re.IGNORECASE)
CHANNEL_NAME = re.compile(r"channel|medium|platform", re.IGNORECASE)
COUNT_NAME = re.compile(r"quantity|qty|count|number_of|nights|items", re.IGNORECASE)
SCALES = ((1, 5), (1, 7), (1, 10), (0, 10))
RECOMMEND_NAME = re.compile(r"nps|recommend", re.IGNORECASE)
NOTHING = ("NULL", "null", "NA", "N/A", "n/a", "#N/A", "NaN", "nan", "None", "none", "-", "(null)")


@dataclass(frozen=True)
class Profile:
    """One column: what it was taken for, and why.

    role   : time, email, phone, person, device, event, channel, currency, money, rating, text, id, number, or word.
    format : of a time that is not ISO 8601.
    low, high : of a rating's scale.
    filled : share of rows with a value.
    n_distinct : different values among those seen.
    nulls    : words that say that nothing was there.
    """

    name: str
    role: str
    filled: float
    n_distinct: int
    format: str | None = None
    low: int = 0
    high: int = 0
    example: str = ""
    nulls: tuple[str, ...] = ()


def profiled(name: str, kind: str, values: list[str | None]) -> Profile:
    """What a column seems to be.

    kind   : its type in the engine.
    values : of the first rows, as text, null where empty.
    """
    there = [value for value in values if value and value not in NOTHING]
    distinct = set(there)
    filled = len(there) / len(values) if values else 0.0
    example = next(iter(there), "")[:40]
    role, extra = _role(name, kind, there, distinct)
    low, high = _scale(name, there) if role == "rating" else (0, 0)
    form = extra if role == "time" else None
    nulls = tuple(sorted({value for value in values if value in NOTHING}))
    return Profile(name, role, filled, len(distinct), form, low, high, example, nulls)


def _role(name: str, kind: str, there: list[str], distinct: set[str]) -> tuple[str, str | None]:
    if kind.startswith("TIMESTAMP") or kind == "DATE":
        return "time", None
    if not there:
        return "word", None
    form = time_format(name, there)
    if form:
        return "time", None if form == "iso" else form
    by_value = _by_value(name, there)
    if by_value:
        return by_value, None
    if len(distinct) <= max(60, len(there) // 20) and EVENT_NAME.search(name):
        return "event", None
    numeric = _share(NUMBER, there) > 0.97
    for role, pattern in (("person", PERSON_NAME), ("device", DEVICE_NAME)):
        if pattern.search(name) and len(distinct) > 2:
            return role, None
    if numeric:
        return _number(name, there), None
    return _word(name, there, distinct), None


def _by_value(name: str, there: list[str]) -> str | None:
    if _share(EMAIL, there) > 0.9:
        return "email"
    if PHONE_NAME.search(name) and sum(sum(c.isdigit() for c in v) >= 6 for v in there) > 0.8 * len(there):
        return "phone"
    if "curr" in name.lower() and all(value.upper() in EXPONENTS for value in there):
        return "currency"
    return None


def _number(name: str, there: list[str]) -> str:
    whole = all(re.fullmatch(r"-?\d+(\.0+)?", value) for value in there)
    if whole and RATING_NAME.search(name) and any(_scale(name, there)):
        return "rating"
    if MONEY_NAME.search(name) and not COUNT_NAME.search(name):
        return "money"
    few = len(set(there)) <= min(60, len(there) // 2)
    return "id" if whole and ID_NAME.search(name) and not (few and TIME_NAME.search(name)) else "number"


def _word(name: str, there: list[str], distinct: set[str]) -> str:
    if MONEY_NAME.search(name) and _share(MONEY, there) > 0.9:
        return "money"
    if ID_NAME.search(name) and all(len(value) <= 64 and " " not in value.strip() for value in there):
        return "id"
    length = sum(map(len, there)) / len(there)
    if (TEXT_NAME.search(name) and length > 8) or (length > 40 and len(distinct) > len(there) / 2):
        return "text"
    return "channel" if CHANNEL_NAME.search(name) and len(distinct) <= 30 else "word"


def time_format(name: str, there: list[str]) -> str | None:
    """The format in which nearly all values are times: iso, epoch, epoch_ms or strftime codes; None if they are not."""
    sample = there[:400]
    if _share(ISO, sample) > 0.95:
        return "iso"
    if TIME_NAME.search(name) and _share(re.compile(r"1\d{9}(\.\d+)?"), sample) > 0.95:
        return "epoch"
    if TIME_NAME.search(name) and _share(re.compile(r"1\d{12}"), sample) > 0.95:
        return "epoch_ms"
    for form in TIME_FORMATS:
        if form == "%Y%m%d" and not TIME_NAME.search(name):
            continue
        if sum(_reads(value, form) for value in sample) > 0.95 * len(sample):
            return form
    return None


def _reads(value: str, form: str) -> bool:
    try:
        dt.datetime.strptime(value, form)  # noqa: DTZ007  (only whether it can be read)
    except ValueError:
        return False
    return True


def _share(pattern: re.Pattern[str], there: list[str]) -> float:
    return sum(pattern.fullmatch(value) is not None for value in there) / len(there)


def _scale(name: str, there: list[str]) -> tuple[int, int]:
    """The smallest usual scale that holds all answers (0 to 10 where one is asked to recommend); 0, 0 if none does."""
    numbers = [float(value) for value in there]
    for low, high in SCALES[-1:] if RECOMMEND_NAME.search(name) else SCALES:
        if min(numbers) >= low and max(numbers) <= high:
            return low, high
    return 0, 0
