"""One interaction of a mapping as SQL: the rows that give it, and the rows that should have and why they do not.

Each interaction is two layers. The inner one reads the columns (`Fields.inner`); the outer one keeps the rows in which
nothing is wrong, or gives the reason where something is (`Fields.wrong`).
"""

from __future__ import annotations

from collections.abc import Mapping as Mapped
from collections.abc import Sequence
from dataclasses import dataclass, field

from regard.blueprint.money import EXPONENTS
from regard.engine.duck import literal, quoted
from regard.sources.columns import (
    Column,
    joined,
    key_text,
    listed,
    money,
    number,
    number_text,
    text,
    there,
    truth,
    values,
)
from regard.sources.joining import BROKEN, PARTNER, column_of
from regard.sources.mapping import Condition, Interaction, Mapping, Money, Property, Ref, Refs, Time, Word
from regard.sources.moments import EARLIEST, LATEST, moment
from regard.sources.shape import canonical
from regard.sources.staging import BODY, LINE, REST, Relation

DIRECTIONS = ("customer", "us", "neither")
EVENT, AT, RAW, GIVEN = "f_event", "f_at", "f_raw", "f_given"


@dataclass(frozen=True)
class Scene:
    """What an interaction is read in.

    relation : the rows, joins included.
    zone     : of times without an offset where nothing else is said.
    scales     : lowest and highest answer by scale, from the blueprint.
    zones      : names of zones that the rows' own zone columns hold and that exist.
    currencies : codes of currencies that the rows' own currency columns hold and that exist.
    """

    relation: Relation
    mapping: Mapping
    zone: str
    file: str
    scales: Mapped[str, tuple[float, float]] = field(default_factory=dict)
    zones: tuple[str, ...] = ()
    currencies: tuple[str, ...] = ()

    def column(self, ref: Ref) -> Column:
        return column_of(self.relation, ref, where=self.mapping.path)

    def columns(self, refs: Refs) -> list[Column]:
        return [self.column(ref) for ref in refs]


@dataclass
class Fields:
    """The columns of one interaction: what the inner layer reads, what the outer one shows, and what can be wrong."""

    inner: dict[str, str] = field(default_factory=dict)
    shown: dict[str, str] = field(default_factory=dict)
    wrong: list[tuple[str, str]] = field(default_factory=list)

    def read(self, name: str, sql: str) -> str:
        """Read something in the inner layer; returns its name there."""
        self.inner[name] = sql
        return name

    def reject(self, condition: str, *parts: str) -> None:
        """Rows for which `condition` holds are rejected, with a sentence of literal and SQL parts."""
        self.wrong.append((condition, " || ".join(parts)))


@dataclass(frozen=True)
class Selected:
    """SQL of one interaction: rows that give it, rejects, and two conditions over the relation.

    unchecked : the rows, for a file in which nothing was found wrong: a check costs a third of the whole.
    checked   : the rows in which nothing is wrong.
    applies   : the row is one that `when` means.
    happens   : it applies, and its time is not empty (or must not be).
    """

    unchecked: str
    checked: str
    rejects: str
    applies: str
    happens: str


def selected(interaction: Interaction, scene: Scene, *, alone: bool) -> Selected:
    """The SQL of one interaction. alone: the mapping has no other, so that a row without a time is a reject."""
    fields = Fields()
    _event(interaction, scene, fields)
    given = _at(interaction.at, scene, fields)
    _identity(interaction, scene, fields)
    _words(interaction, scene, fields)
    _rating(interaction, scene, fields)
    _text(interaction, scene, fields)
    for name, said in (("amount_minor", interaction.amount), ("cost_minor", interaction.cost)):
        if said:
            _money(name, said, scene, fields)
    _duration(interaction, scene, fields)
    _properties(interaction, scene, fields)
    _joins(scene, fields)

    required = alone if interaction.required is None else interaction.required
    applies = f"coalesce({condition(interaction.when, scene)}, false)" if interaction.when else "true"
    happens = applies if required else f"({applies} AND {given})"
    if required:
        fields.reject(f"NOT {GIVEN}", literal(f"{_names(interaction.at.columns)} is empty: there is no time."))
    layer = ", ".join(f"{sql} AS {name}" for name, sql in fields.inner.items())
    inner = f"SELECT {BODY}, {LINE}, {layer} FROM {scene.relation.sql} WHERE {happens}"
    rows = f"SELECT {canonical(fields.shown)} FROM ({inner})"
    fine = " OR ".join(f"({condition})" for condition, _ in fields.wrong)
    return Selected(rows, f"{rows} WHERE NOT ({fine})", rejects_of(fields, inner, scene), applies, happens)


def rejects_of(fields: Fields, inner: str, scene: Scene) -> str:
    """The rows of the inner layer in which something is wrong, in the shape of rejects."""
    body = ", ".join(f"{literal(name)}: {quoted(name)}" for name in scene.relation.body)
    with_row = inner.replace(f"SELECT {BODY},", f"SELECT to_json({{{body}}}) AS __json, {BODY},", 1)
    reasons = ", ".join(f"CASE WHEN {condition} THEN {says} END" for condition, says in fields.wrong)
    wrong = " OR ".join(f"({condition})" for condition, _ in fields.wrong)
    return (
        f"SELECT {LINE} AS line, coalesce({EVENT}, '') AS event, concat_ws(' ', {reasons}) AS reason, "
        f"CAST(__json AS VARCHAR) AS row FROM ({with_row}) WHERE {wrong}"
    )


def condition(said: Condition, scene: Scene) -> str:
    """A `when` as SQL; null counts as not."""
    parts = [condition(one, scene) for one in said.every]
    if said.some:
        parts.append("(" + " OR ".join(f"coalesce({condition(one, scene)}, false)" for one in said.some) + ")")
    if said.column is not None:
        column = scene.column(said.column)
        if said.among is not None:
            parts.append(f"{text(column)} IN ({listed(said.among)})")
        if said.outside is not None:
            parts.append(f"coalesce({text(column)} NOT IN ({listed(said.outside)}), true)")
        if said.present is not None:
            parts.append(f"{text(column)} IS {'NOT ' if said.present else ''}NULL")
        for sign, ref in (("=", said.same), ("<>", said.other)):
            if ref is not None:
                parts.append(f"{text(column)} {sign} {text(scene.column(ref))}")
        bounds = ((">", said.above), ("<", said.below), (">=", said.at_least), ("<=", said.at_most))
        parts += [f"{number(column)} {sign} {bound}" for sign, bound in bounds if bound is not None]
    return "(" + " AND ".join(parts) + ")" if parts else "true"


def word(said: Word, scene: Scene) -> str:
    """A word as SQL, null where its column is empty."""
    if said.column is None:
        return literal(said.constant or "")
    value = text(scene.column(said.column))
    if said.map:
        branches = " ".join(f"WHEN {literal(key)} THEN {literal(to)}" for key, to in said.map)
        value = f"CASE {value} {branches} ELSE {literal(said.otherwise) if said.otherwise else value} END"
    return f"coalesce({value}, {literal(said.otherwise)})" if said.otherwise else value


def _names(refs: Refs) -> str:
    return " and ".join(quoted(ref.name) for ref in refs)


def holds(refs: Refs, raw: str) -> str:
    """SQL of the beginning of a message: which columns, and what they hold."""
    return f"{literal(_names(refs) + ' holds ')} || '\"' || coalesce({raw}, '') || '\"'"


def _event(interaction: Interaction, scene: Scene, fields: Fields) -> None:
    fields.shown["event"] = fields.read(EVENT, word(interaction.event, scene))
    if interaction.event.column:
        says = f"{quoted(interaction.event.column.name)} is empty: there is no event."
        fields.reject(f"{EVENT} IS NULL", literal(says))


def _at(said: Time, scene: Scene, fields: Fields) -> str:
    """Read the time; returns SQL over the relation that says whether there is one."""
    zone = _zone(said, scene, fields)
    shifts = [scene.column(shift.column) if shift.column else None for shift in said.shifts]
    found = moment(said, scene.columns(said.columns), zone=zone, shifts=shifts)
    fields.read(AT, found.at)
    fields.read(RAW, found.raw)
    fields.read(GIVEN, found.there)
    fields.shown["occurred_at"] = AT
    fields.shown["precision"] = fields.read("f_precision", found.precision)
    fields.reject(
        f"{GIVEN} AND coalesce({AT} < '{EARLIEST}' OR {AT} >= '{LATEST}', true)",
        holds(said.columns, RAW),
        literal(f", which is no time{expected(said)} between {EARLIEST[:4]} and {int(LATEST[:4]) - 1}."),
    )
    return found.there


def expected(said: Time) -> str:
    """How a time should have been written, for messages."""
    if said.formats:
        return f" written as {' or '.join(said.formats)}"
    return " that there is, written as 2024-01-31 or 2024-01-31 17:45:00 (say `format:` if it is written otherwise)"


def _zone(said: Time, scene: Scene, fields: Fields) -> str:
    """The zone of a time as SQL; also shows it."""
    if said.zone is None or said.zone.column is None:
        zone = literal(said.zone.constant if said.zone and said.zone.constant else scene.zone)
        fields.shown.setdefault("zone", zone)
        return zone
    raw = word(said.zone, scene)
    known = f"CASE WHEN {raw} IN ({listed(scene.zones)}) THEN {raw} END" if scene.zones else "CAST(NULL AS VARCHAR)"
    fields.shown.setdefault("zone", fields.read("f_zone", known))
    name = fields.read("f_zone_raw", raw)
    column = quoted(said.zone.column.name)
    fields.reject(
        f"f_zone IS NULL AND {GIVEN}",
        literal(f"{column} holds "),
        f"coalesce('\"' || {name} || '\"', 'nothing')",
        literal(", which is no time zone; use IANA names such as Europe/Paris."),
    )
    return known


def _identity(interaction: Interaction, scene: Scene, fields: Fields) -> None:
    """Ids, handles and objects: a row that has neither handle nor object is about nobody and nothing."""
    key = interaction.key or scene.mapping.key
    if key:
        parts = [fields.read(f"f_key{place}", key_text(column)) for place, column in enumerate(scene.columns(key))]
        fields.shown["interaction_id"] = " || ':' || ".join([*parts, EVENT])
        for ref, part in zip(key, parts, strict=True):
            fields.reject(f"{part} IS NULL", literal(f"{quoted(ref.name)} is empty: it is part of the key."))
    else:
        fields.shown["content"] = f"{fields.read('f_hash', row_hash(scene.relation))} || ':' || {EVENT}"
    fields.shown["sequence"] = BODY
    named = [_handles(interaction, scene, fields), _objects(interaction, scene, fields)]
    empty = " AND ".join(check for checks in named for check in checks)
    if empty:
        columns = [handle.column.name for handle in interaction.handles]
        columns += [ref.name for one in interaction.objects for ref in one.id]
        listing = " and ".join(quoted(name) for name in dict.fromkeys(columns))
        says = f"{listing} {'is' if len(set(columns)) == 1 else 'are'} empty: it is about nobody and nothing."
        fields.reject(empty, literal(says))
    for name, refs in (("corrects", interaction.corrects), ("retracts", interaction.retracts)):
        if refs:
            fields.shown[name] = fields.read(f"f_{name}", joined(scene.columns(refs), ":"))


def row_hash(relation: Relation) -> str:
    """A hash of the row as the file has it, whichever of its columns a mapping names."""
    names = [name for name in relation.body if name != REST]
    if REST in relation.body:
        named = ", ".join(f"{{'key': {literal(name)}, 'value': {quoted(name)}}}" for name in names)
        there = f"list_filter([{named}], lambda x: x.value IS NOT NULL)" if named else "[]"
        return f"md5(CAST(list_sort(list_concat(map_entries({REST}), {there})) AS VARCHAR))"
    cells = [f"coalesce(CAST({quoted(name)} AS VARCHAR), chr(0))" for name in names]
    return f"md5(concat_ws(chr(31), {', '.join(cells)}))"


def _handles(interaction: Interaction, scene: Scene, fields: Fields) -> list[str]:
    """Show the handles; returns the conditions under which there are none."""
    if not interaction.handles:
        return []
    items, lists, empty = [], [], []
    for place, handle in enumerate(interaction.handles):
        column = scene.column(handle.column)
        kind = literal(handle.kind)
        if column.is_list or column.may_be_list:
            value = fields.read(f"f_handle{place}", values(column))
            lists.append(f"list_transform({value}, lambda x: {{'kind': {kind}, 'value': CAST(x AS VARCHAR)}})")
            empty.append(f"coalesce(len({value}), 0) = 0")
        else:
            value = fields.read(f"f_handle{place}", text(column))
            items.append((value, f"{{'kind': {kind}, 'value': {value}}}"))
            empty.append(f"{value} IS NULL")
    fields.shown["handles"] = _collected([item for _, item in items], lists, "value")
    return empty


def _objects(interaction: Interaction, scene: Scene, fields: Fields) -> list[str]:
    """Show the objects; returns the conditions under which there are none."""
    items, lists, empty = [], [], []
    for place, said in enumerate(interaction.objects):
        columns = scene.columns(said.id)
        qualifier = word(said.qualifier, scene) if said.qualifier else "CAST(NULL AS VARCHAR)"
        if said.qualifier and said.qualifier.column:
            qualifier = fields.read(f"f_qualifier{place}", qualifier)
        struct = f"{{'type': {literal(said.type)}, 'id': %s, 'qualifier': {qualifier}}}"
        name = f"f_object{place}"
        if said.split or (len(columns) == 1 and (columns[0].is_list or columns[0].may_be_list)):
            source = f"string_split({text(columns[0])}, {literal(said.split)})" if said.split else values(columns[0])
            trimmed = f"list_transform({source}, lambda x: nullif(trim(CAST(x AS VARCHAR)), ''))"
            value = fields.read(name, f"list_filter({trimmed}, lambda x: x IS NOT NULL)")
            lists.append(f"list_transform({value}, lambda x: {struct % 'x'})")
            empty.append(f"coalesce(len({value}), 0) = 0")
        else:
            value = fields.read(name, joined(columns, ":"))
            items.append(struct % value)
            empty.append(f"{value} IS NULL")
    if items or lists:
        fields.shown["objects"] = _collected(items, lists, "id")
    return empty


def _collected(items: list[str], lists: list[str], needed: str) -> str:
    """Structs and lists of structs as one list, without those that lack what is needed."""
    parts = [f"list_filter([{', '.join(items)}], lambda x: x.{needed} IS NOT NULL)"] if items else []
    parts += [f"coalesce({one}, [])" for one in lists]
    return parts[0] if len(parts) == 1 else f"list_concat({', '.join(parts)})"


def _words(interaction: Interaction, scene: Scene, fields: Fields) -> None:
    for name, said in interaction.words:
        value = word(said, scene)
        fields.shown[name] = fields.read(f"f_{name}", value) if said.column else value
        if name == "direction" and said.column:
            fields.reject(
                f"f_direction NOT IN ({listed(DIRECTIONS)})",
                f"{literal(quoted(said.column.name) + ' holds ')} || f_direction",
                literal("; a direction is customer, us or neither: translate it with `map`."),
            )


def _rating(interaction: Interaction, scene: Scene, fields: Fields) -> None:
    said = interaction.rating
    if said is None:
        return
    column = scene.column(said.column)
    fields.shown["rating"] = fields.read("f_rating", _numbered(column, said.map))
    raw, given = fields.read("f_rating_raw", text(column)), fields.read("f_rating_given", there(column))
    scale = fields.read("f_scale", word(said.scale, scene))
    fields.shown["scale"] = f"CASE WHEN f_rating IS NOT NULL THEN {scale} END"
    refs = (said.column,)
    fields.reject(f"{given} AND f_rating IS NULL", holds(refs, raw), literal(", which is not a number."))
    low, high = scene.scales.get(said.scale.constant or "", (None, None))
    low, high = (said.low if said.low is not None else low), (said.high if said.high is not None else high)
    outside = [f"f_rating {sign} {bound}" for sign, bound in (("<", low), (">", high)) if bound is not None]
    if outside:
        span = f"{low:g} to {high:g}" if low is not None and high is not None else "its range"
        says = literal(f", which is not on the scale of {span}.")
        fields.reject(f"f_rating IS NOT NULL AND ({' OR '.join(outside)})", holds(refs, raw), says)


def _numbered(column: Column, numbers: Sequence[tuple[str, float]]) -> str:
    """A column's number, or the one that its word stands for."""
    if not numbers:
        return number(column)
    branches = " ".join(f"WHEN {literal(key)} THEN {value}" for key, value in numbers)
    return f"CASE {text(column)} {branches} ELSE {number(column)} END"


def _text(interaction: Interaction, scene: Scene, fields: Fields) -> None:
    if interaction.text:
        parts = ", ".join(text(column) for column in scene.columns(interaction.text))
        fields.shown["text"] = fields.read("f_text", f"nullif(concat_ws(chr(10), {parts}), '')")


def _money(name: str, said: Money, scene: Scene, fields: Fields) -> None:
    column = scene.column(said.column)
    value = money(column)
    for factor in scene.columns(said.times):
        value = f"({value}) * TRY_CAST({number(factor)} AS DECIMAL(14, 4))"
    code = word(said.currency, scene)
    code = f"upper({code})" if said.currency.column else code
    currency = fields.read(f"f_{name}_currency", code)
    minor = f"TRY_CAST(round(({value}) * {_power(code, said, scene)}) AS BIGINT)"
    found = fields.read(f"f_{name}", f"-{minor}" if said.negate else minor)
    raw, given = fields.read(f"f_{name}_raw", text(column)), fields.read(f"f_{name}_given", there(column))
    fields.shown[name] = found
    shown = f"CASE WHEN {found} IS NOT NULL THEN {currency} END"
    fields.shown["currency"] = f"coalesce({fields.shown['currency']}, {shown})" if "currency" in fields.shown else shown
    known = f"{currency} IN ({listed(('', *scene.currencies))})" if said.currency.column else "true"
    fields.reject(
        f"{given} AND {found} IS NULL AND {known}",
        holds((said.column,), raw),
        literal(
            ", which is no amount of money (say `decimal` and `thousands` in the format if they are not . and nothing)."
        ),
    )
    if said.currency.column:
        fields.reject(
            f"{given} AND NOT coalesce({known}, false)",
            holds((said.currency.column,), currency),
            literal(", which is no currency of ISO 4217, such as EUR, USD or JPY."),
        )


def _power(code: str, said: Money, scene: Scene) -> str:
    """Minor units in one unit as written, as SQL; null for a code that is no currency."""
    if said.currency.column is None:
        constant = said.currency.constant or ""
        return _ten_to(said.shift(constant, digits=EXPONENTS[constant]))
    groups: dict[int, list[str]] = {}
    for currency in scene.currencies:
        groups.setdefault(said.shift(currency, digits=EXPONENTS[currency]), []).append(currency)
    if not groups:
        return "CAST(NULL AS INTEGER)"
    branches = [f"WHEN {code} IN ({listed(tuple(codes))}) THEN {_ten_to(shift)}" for shift, codes in groups.items()]
    return f"CASE {' '.join(branches)} END"


def _ten_to(shift: int) -> str:
    """A power of ten as SQL, exact."""
    return str(10**shift) if shift >= 0 else f"CAST({10.0**shift:.{-shift}f} AS DECIMAL(6, 4))"


def _duration(interaction: Interaction, scene: Scene, fields: Fields) -> None:
    said = interaction.duration
    if said is None:
        return
    column = scene.column(said.column)
    fields.shown["duration_s"] = fields.read("f_duration", f"{number(column)} * {said.factor}")
    raw, given = fields.read("f_duration_raw", text(column)), fields.read("f_duration_given", there(column))
    fields.reject(
        f"{given} AND coalesce(f_duration < 0, true)",
        holds((said.column,), raw),
        literal(", which is not a length of time."),
    )


def _properties(interaction: Interaction, scene: Scene, fields: Fields) -> None:
    entries = [_property(said, place, scene, fields) for place, said in enumerate(interaction.properties)]
    parts = []
    if interaction.rest:
        named = {ref.name for ref in scene.mapping.refs()}
        for place, name in enumerate(name for name in scene.relation.body if name not in named and name != REST):
            value = fields.read(f"f_rest{place}", text(scene.relation.columns[name]))
            entries.append(f"{{'key': {literal(name)}, 'value': {value}}}")
        if REST in scene.relation.body:
            parts.append(fields.read("f_rest", f"coalesce({REST}, MAP {{}})"))
    if entries:
        parts.append(f"map_from_entries(list_filter([{', '.join(entries)}], lambda x: x.value IS NOT NULL))")
    if parts:
        fields.shown["properties"] = parts[0] if len(parts) == 1 else f"map_concat({', '.join(parts)})"


def _property(said: Property, place: int, scene: Scene, fields: Fields) -> str:
    name, entry = f"f_property{place}", "{{'key': {}, 'value': {}}}"
    if said.time:
        return entry.format(literal(said.name), _time_property(said.time, name, scene, fields))
    if said.word:
        return entry.format(literal(said.name), fields.read(name, word(said.word, scene)))
    assert said.column is not None
    column = scene.column(said.column)
    ways = {"text": text, "number": number_text, "boolean": truth}
    fields.read(name, ways[said.type](column))
    if said.type != "text":
        raw, given = fields.read(f"{name}_raw", text(column)), fields.read(f"{name}_given", there(column))
        kind = {"number": "a number", "boolean": "yes or no"}[said.type]
        fields.reject(f"{given} AND {name} IS NULL", holds((said.column,), raw), literal(f", which is not {kind}."))
    return entry.format(literal(said.name), name)


def _time_property(said: Time, name: str, scene: Scene, fields: Fields) -> str:
    zone = literal(said.zone.constant if said.zone and said.zone.constant else scene.zone)
    shifts = [scene.column(shift.column) if shift.column else None for shift in said.shifts]
    found = moment(said, scene.columns(said.columns), zone=zone, shifts=shifts)
    at, raw = fields.read(f"{name}_at", found.at), fields.read(f"{name}_raw", found.raw)
    given = fields.read(f"{name}_given", found.there)
    fields.reject(
        f"{given} AND coalesce({at} < '{EARLIEST}' OR {at} >= '{LATEST}', true)",
        holds(said.columns, raw),
        literal(f", which is no time{expected(said)}."),
    )
    whole = f"strftime({at}, '%Y-%m-%dT%H:%M:%SZ')"
    return f"CASE WHEN microsecond({at}) % 1000000 = 0 THEN {whole} ELSE strftime({at}, '%Y-%m-%dT%H:%M:%S.%fZ') END"


def _joins(scene: Scene, fields: Fields) -> None:
    """Rows whose joined figures rest on values that cannot be read, or whose required partner is not there."""
    for place, join in enumerate(scene.mapping.joins):
        broken = scene.relation.columns.get(f"{join.name}.{BROKEN}")
        if broken:
            name = fields.read(f"f_broken{place}", broken.sql)
            fields.reject(f"{name} IS NOT NULL", literal(f"{join.file}: "), name, literal("."))
        if join.required:
            name = fields.read(f"f_partner{place}", scene.relation.columns[f"{join.name}.{PARTNER}"].sql)
            on = _names(tuple(here for here, _ in join.on))
            fields.reject(f"{name} IS NULL", literal(f"{join.file} has no row with this {on}."))
