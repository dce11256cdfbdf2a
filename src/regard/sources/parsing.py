"""A mapping document that follows the schema -> the dataclasses of `mapping.py`."""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Mapping as Mapped

from regard.blueprint.durations import UNITS, seconds
from regard.sources.mapping import (
    Aggregate,
    Beside,
    Condition,
    Format,
    Handle,
    Hook,
    Interaction,
    Join,
    Mapping,
    Money,
    Number,
    Object,
    Property,
    Rating,
    Ref,
    Refs,
    Shift,
    Time,
    Word,
)

BESIDE = ("memberships", "consents", "rates")
BESIDE_TIMES = {"from": "from_at", "to": "to_at", "on": "on"}
WORDS = ("direction", "channel", "account", "role", "unit", "language", "actor", "kind")


class Node:
    """A value of the document with the lines of what stands in it."""

    def __init__(self, value: object, line: int = 1) -> None:
        self.value, self._line = value, line

    def line(self, key: object) -> int:
        """The line on which the value of `key` (a name, or a place in a list) stands."""
        try:
            mark = getattr(self.value, "lc", None)
            if mark is None:
                return self._line
            place = mark.key(key) if isinstance(self.value, Mapped) else mark.item(key)
            return int(place[0]) + 1
        except (KeyError, TypeError, AttributeError):
            return self._line

    def has(self, key: str) -> bool:
        return isinstance(self.value, Mapped) and self.value.get(key) is not None

    def __getitem__(self, key: str) -> Node:
        assert isinstance(self.value, Mapped)
        return Node(self.value[key], self.line(key))

    def items(self) -> Iterator[tuple[str, Node]]:
        assert isinstance(self.value, Mapped)
        for key in self.value:
            yield str(key), Node(self.value[key], self.line(key))

    def list(self) -> list[Node]:
        """The items of a list, or the value itself as the only one."""
        if isinstance(self.value, list):
            return [Node(item, self.line(place)) for place, item in enumerate(self.value)]
        return [self]

    @property
    def text(self) -> str:
        return str(self.value).lower() if isinstance(self.value, bool) else str(self.value)

    @property
    def number(self) -> float:
        return float(str(self.value))

    @property
    def ref(self) -> Ref:
        return Ref(self.text, self._line)

    @property
    def refs(self) -> Refs:
        return tuple(item.ref for item in self.list())

    def maybe(self, key: str) -> str | None:
        return self[key].text if self.has(key) else None

    def maybe_number(self, key: str) -> float | None:
        return self[key].number if self.has(key) else None

    @property
    def own_line(self) -> int:
        return self._line


def parsed(node: Node, *, name: str, digest: str) -> Mapping:
    """The mapping; the document follows the schema."""
    handles = _handles(node)
    objects = _objects(node)
    defaults = node["defaults"] if node.has("defaults") else Node({})
    return Mapping(
        path=name,
        source=node["source"].text,
        interactions=tuple(
            _interaction(item, defaults, handles=handles, objects=objects)
            for item in (node["interactions"].list() if node.has("interactions") else ())
        ),
        files=tuple(item.text for item in node["files"].list()) if node.has("files") else (),
        format=_format(node),
        zone=node.maybe("zone"),
        joins=_joins(node),
        key=node["key"].refs if node.has("key") else (),
        on_change=node.maybe("on_change") or "reject",
        digest=digest,
        hook=_hook(node["hook"]) if node.has("hook") else None,
        beside=tuple(_beside(name, item) for name in BESIDE if node.has(name) for item in node[name].list()),
    )


def _beside(table: str, node: Node) -> Beside:
    words = ("account", "parent", "role", "purpose", "channel", "currency")
    return Beside(
        table,
        words=tuple((key, _word(node[key])) for key in words if node.has(key)),
        times=tuple((name, _time(node[key])) for key, name in BESIDE_TIMES.items() if node.has(key)),
        handles=tuple(Handle(kind, ref) for kind, said in node["handle"].items() for ref in said.refs)
        if node.has("handle")
        else (),
        rate=node["rate"].ref if node.has("rate") else None,
        when=_condition(node["when"]) if node.has("when") else None,
        line=node.own_line,
    )


def _hook(node: Node) -> Hook:
    words = {key: said for key in ("header", "prefix", "encoding", "algorithm") if (said := node.maybe(key))}
    tolerance = {"tolerance_s": seconds(said)} if (said := node.maybe("tolerance")) else {}
    return Hook(signature=node["signature"].text, secret=node["secret"].text, **words, **tolerance)  # type: ignore[arg-type]


def _format(node: Node) -> Format:
    if not node.has("format"):
        return Format()
    said = node["format"]
    texts = {key: tuple(item.text for item in said[key].list()) for key in ("columns", "nulls") if said.has(key)}
    words = {key: said.maybe(key) for key in ("type", "delimiter", "encoding", "sheet", "at")}
    return Format(
        **words,
        decimal=said.maybe("decimal") or ".",
        thousands=said.maybe("thousands") or "",
        header_rows=int(said["header_rows"].number) if said.has("header_rows") else None,
        columns=texts.get("columns", ()),
        nulls=tuple(dict.fromkeys(("", *texts.get("nulls", ())))),
    )


def _joins(node: Node) -> tuple[Join, ...]:
    return tuple(_join(item) for item in node["joins"].list()) if node.has("joins") else ()


def _join(node: Node) -> Join:
    on = node["on"]
    if isinstance(on.value, Mapped):
        pairs = tuple((Ref(here, there.own_line), there.ref) for here, there in on.items())
    else:
        pairs = tuple((ref, ref) for ref in on.refs)
    made = node["aggregate"].items() if node.has("aggregate") else iter(())
    return Join(
        file=node["file"].text,
        name=node["as"].text,
        on=pairs,
        format=_format(node),
        aggregate=tuple(_aggregate(name, said) for name, said in made),
        joins=_joins(node),
        required=node.maybe("required") == "true",
        line=node.own_line,
    )


def _aggregate(name: str, node: Node) -> Aggregate:
    how, _, column = node.text.partition(" ")
    return Aggregate(name, how, Ref(column.strip(), node.own_line) if column else None)


def _interaction(
    node: Node, defaults: Node, *, handles: tuple[Handle, ...], objects: tuple[Object, ...]
) -> Interaction:
    def said(key: str) -> Node | None:
        if node.has(key):
            return node[key]
        return defaults[key] if defaults.has(key) else None

    def refs(key: str) -> Refs:
        found = said(key)
        return found.refs if found else ()

    rating, amount, cost, duration, when = (said(key) for key in ("rating", "amount", "cost", "duration", "when"))
    properties, rest = _properties(defaults, node)
    return Interaction(
        event=_word(node["event"]),
        at=_time(node["at"]),
        words=tuple((key, _word(found)) for key in WORDS if (found := said(key))),
        when=_condition(when) if when else None,
        required=None if not node.has("required") else node.maybe("required") == "true",
        key=refs("key"),
        handles=_handles(node) if node.has("handles") else handles,
        objects=_objects(node) if node.has("objects") else objects,
        rating=_rating(rating) if rating else None,
        text=refs("text"),
        amount=_money(amount) if amount else None,
        cost=_money(cost) if cost else None,
        duration=Number(duration["column"].ref, UNITS[duration["unit"].text]) if duration else None,
        corrects=refs("corrects"),
        retracts=refs("retracts"),
        properties=properties,
        rest=rest,
        line=node.own_line,
    )


def _word(node: Node) -> Word:
    if not isinstance(node.value, Mapped):
        return Word(constant=node.text)
    return Word(column=node["column"].ref, map=_map(node), otherwise=node.maybe("else"))


def _map(node: Node) -> tuple[tuple[str, str], ...]:
    return tuple((key, value.text) for key, value in node["map"].items()) if node.has("map") else ()


def _time(node: Node) -> Time:
    if not isinstance(node.value, Mapped):
        return Time(columns=(node.ref,))
    return Time(
        columns=node["column"].refs if node.has("column") else (),
        constant=node.maybe("value"),
        formats=tuple(item.text for item in node["format"].list()) if node.has("format") else (),
        precision=node.maybe("precision"),
        zone=_word(node["zone"]) if node.has("zone") else None,
        shifts=tuple(_shift(node[key], sign) for key, sign in (("minus", -1), ("plus", 1)) if node.has(key)),
    )


def _shift(node: Node, sign: int) -> Shift:
    if isinstance(node.value, Mapped):
        return Shift(sign, UNITS[node["unit"].text], column=node["column"].ref)
    return Shift(sign, 1.0, amount=seconds(node.text))


def _condition(node: Node) -> Condition:
    if isinstance(node.value, list):
        return Condition(every=tuple(_condition(item) for item in node.list()))
    return Condition(
        column=node["column"].ref if node.has("column") else None,
        among=tuple(item.text for item in node["is"].list()) if node.has("is") else None,
        outside=tuple(item.text for item in node["not"].list()) if node.has("not") else None,
        present=node.maybe("present") == "true" if node.has("present") else None,
        above=node.maybe_number("above"),
        below=node.maybe_number("below"),
        at_least=node.maybe_number("at_least"),
        at_most=node.maybe_number("at_most"),
        same=node["same_as"].ref if node.has("same_as") else None,
        other=node["other_than"].ref if node.has("other_than") else None,
        every=tuple(_condition(item) for item in node["all"].list()) if node.has("all") else (),
        some=tuple(_condition(item) for item in node["any"].list()) if node.has("any") else (),
    )


def _handles(node: Node) -> tuple[Handle, ...]:
    if not node.has("handles"):
        return ()
    return tuple(Handle(kind, ref) for kind, columns in node["handles"].items() for ref in columns.refs)


def _objects(node: Node) -> tuple[Object, ...]:
    if not node.has("objects"):
        return ()
    return tuple(
        Object(
            item["type"].text,
            item["id"].refs,
            _word(item["qualifier"]) if item.has("qualifier") else None,
            item.maybe("split"),
        )
        for item in node["objects"].list()
    )


def _rating(node: Node) -> Rating:
    numbers = tuple((key, said.number) for key, said in node["map"].items()) if node.has("map") else ()
    low, high = node.maybe_number("low"), node.maybe_number("high")
    return Rating(node["column"].ref, _word(node["scale"]), low, high, numbers)


def _money(node: Node) -> Money:
    return Money(
        node["column"].ref,
        _word(node["currency"]),
        node["times"].refs if node.has("times") else (),
        node.maybe("negate") == "true",
        node.maybe("in") == "minor",
        tuple((code, int(said.number)) for code, said in node["digits"].items()) if node.has("digits") else (),
    )


def _properties(defaults: Node, node: Node) -> tuple[tuple[Property, ...], bool]:
    """The properties of the defaults and of the interaction, which win; and whether the rest is kept."""
    found: dict[str, Property] = {}
    rest = False
    for where in (defaults, node):
        if not where.has("properties"):
            continue
        if where["properties"].value == "rest":
            rest = True
            continue
        found.update({name: _property(name, item) for name, item in where["properties"].items()})
    return tuple(found.values()), rest


def _property(name: str, node: Node) -> Property:
    if not isinstance(node.value, Mapped):
        return Property(name, column=node.ref)
    kind = node.maybe("type") or "text"
    if node.has("value"):
        return Property(name, kind, word=Word(constant=node["value"].text))
    if kind == "time":
        return Property(name, kind, time=_time(node))
    return (
        Property(name, kind, word=_word(node))
        if node.has("map")
        else Property(name, kind, column=node["column"].refs[0])
    )
