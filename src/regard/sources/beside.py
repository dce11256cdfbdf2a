"""What a row says beside interactions, as SQL: who belongs to which account, who allowed what, what money was worth.

Each entry of a mapping's `memberships`, `consents` or `rates` gives one row of that table of the ledger, for each
handle it names; rows that do not fit are rejects like any other.
"""

from __future__ import annotations

from regard.blueprint.money import EXPONENTS
from regard.engine.duck import literal, quoted
from regard.sources.columns import listed, number, text, there
from regard.sources.mapping import Beside, Time
from regard.sources.moments import EARLIEST, LATEST, moment
from regard.sources.selecting import EVENT, Fields, Scene, Selected, condition, expected, holds, rejects_of, word
from regard.sources.staging import BODY, LINE

ALWAYS = "TIMESTAMPTZ '1970-01-01T00:00:00Z'"
"""Since when something holds that does not say since when."""


def beside(said: Beside, scene: Scene) -> Selected:
    """The SQL of one entry: its rows in the columns of its table (but `source`), and its rejects."""
    fields = Fields()
    fields.read(EVENT, literal(said.table))
    for name, meant in said.words:
        fields.shown[name] = fields.read(f"b_{name}", word(meant, scene))
    for name, time in said.times:
        _time(name, time, scene, fields)
    ways = {"memberships": _membership, "consents": _consent, "rates": _rate}
    ways[said.table](said, scene, fields)
    applies = f"coalesce({condition(said.when, scene)}, false)" if said.when else "true"
    layer = ", ".join(f"{sql} AS {name}" for name, sql in fields.inner.items())
    inner = f"SELECT {BODY}, {LINE}, {layer} FROM {scene.relation.sql} WHERE {applies}"
    shown = [f"{sql} AS {quoted(name)}" for name, sql in fields.shown.items()]
    source = f"FROM ({inner})"
    if said.handles:
        pairs = ", ".join(f"{{'kind': {literal(h.kind)}, 'handle': b_handle{n}}}" for n, h in enumerate(said.handles))
        source = f"FROM (SELECT *, unnest([{pairs}]) AS b_pair {source})"
        shown += ["b_pair.kind AS kind", "b_pair.handle AS handle"]
    wrong = " OR ".join(f"({one})" for one, _ in fields.wrong)
    rows = f"SELECT {', '.join(shown)} {source}"
    named = " AND b_pair.handle IS NOT NULL" if said.handles else ""
    checked = f"{rows} WHERE NOT coalesce({wrong}, false){named}"
    return Selected(checked, checked, rejects_of(fields, inner, scene), applies, applies)


def _time(name: str, said: Time, scene: Scene, fields: Fields) -> None:
    zone = literal(said.zone.constant if said.zone and said.zone.constant else scene.zone)
    shifts = [scene.column(shift.column) if shift.column else None for shift in said.shifts]
    found = moment(said, scene.columns(said.columns), zone=zone, shifts=shifts)
    at, raw, given = (
        fields.read(f"b_{name}", found.at),
        fields.read(f"b_{name}_raw", found.raw),
        fields.read(f"b_{name}_given", found.there),
    )
    fields.shown[name] = at
    fields.reject(
        f"{given} AND coalesce({at} < '{EARLIEST}' OR {at} >= '{LATEST}', true)",
        holds(said.columns, raw),
        literal(f", which is no time{expected(said)}."),
    )


def _needed(said: Beside, fields: Fields, *names: str) -> None:
    """Words without which the row says nothing."""
    for name, meant in said.words:
        if name in names and meant.column is not None:
            fields.reject(f"b_{name} IS NULL", literal(f'"{meant.column.name}" is empty: there is no {name}.'))


def _span(fields: Fields) -> None:
    fields.shown["from_at"] = f"coalesce({fields.shown['from_at']}, {ALWAYS})" if "from_at" in fields.shown else ALWAYS
    if "to_at" in fields.shown:
        fields.reject(f"b_to_at < {fields.shown['from_at']}", literal("It ends before it begins."))
    fields.shown.setdefault("to_at", "CAST(NULL AS TIMESTAMPTZ)")


def _named(said: Beside, scene: Scene, fields: Fields) -> None:
    read = [fields.read(f"b_handle{place}", text(scene.column(one.column))) for place, one in enumerate(said.handles)]
    if read:
        names = " and ".join(quoted(one.column.name) for one in said.handles)
        empty = " AND ".join(f"{one} IS NULL" for one in read)
        fields.reject(empty, literal(f"{names} {'is' if len(read) == 1 else 'are'} empty: it is about nobody."))


def _membership(said: Beside, scene: Scene, fields: Fields) -> None:
    _needed(said, fields, "account")
    _named(said, scene, fields)
    _span(fields)


def _consent(said: Beside, scene: Scene, fields: Fields) -> None:
    _needed(said, fields, "purpose")
    _named(said, scene, fields)
    _span(fields)
    fields.shown["channel"] = f"coalesce({fields.shown['channel']}, '')" if "channel" in fields.shown else "''"


def _rate(said: Beside, scene: Scene, fields: Fields) -> None:
    assert said.rate is not None
    column = scene.column(said.rate)
    fields.shown["rate"] = fields.read("b_rate", number(column))
    raw, given = fields.read("b_rate_raw", text(column)), fields.read("b_rate_given", there(column))
    fields.reject(
        f"NOT {given} OR coalesce(b_rate <= 0, true)",
        holds((said.rate,), raw),
        literal(", which is no rate: it is what one unit of the currency is worth in the workspace's, over 0."),
    )
    fields.shown["currency"] = "upper(b_currency)"
    fields.reject(
        f"coalesce(upper(b_currency) NOT IN ({listed(tuple(EXPONENTS))}), true)",
        literal('"'),
        "coalesce(b_currency, '')",
        literal('" is no currency of ISO 4217, such as USD, JPY or KWD.'),
    )
    # the day is the one that is written, whatever the zone
    local = f"b_on AT TIME ZONE {literal(scene.zone)}"
    fields.shown["on"] = f"CAST({local} AS DATE)"
    fields.reject("NOT b_on_given", literal("There is no day."))
