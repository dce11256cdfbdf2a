"""Object-centric event logs (OCEL 2.0, JSON): events about many objects, and the objects' own history.

The document is read once, piece by piece: events into one staged file, objects with their attributes and relations into
another; the engine brings them together, so the order of the sections and their size do not matter.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from regard.engine.duck import literal
from regard.errors import SourceError
from regard.sources.columns import Column
from regard.sources.formats import opened
from regard.sources.mapping import Format, Ref, Time
from regard.sources.moments import EARLIEST, LATEST, moment
from regard.sources.preparing import Prepared
from regard.sources.records import Pieces, Record, as_text, members
from regard.sources.shape import canonical
from regard.sources.staging import BODY, LINE, REST, Bad, Rows, Stage, as_json

EVENT = ("id", "type", "time", "relations")
OBJECT = ("id", "type", "at", "attribute", "value", "related")
ALWAYS = "1970-01-01T00:00:00Z"
RELATIONS = '[{"objectId": "VARCHAR", "qualifier": "VARCHAR"}]'


@dataclass(frozen=True)
class Ocel:
    """What an OCEL file gives: its interactions, and SQL of its rows for the ledger's `objects`."""

    prepared: Prepared
    objects: str


class Section:
    """One of the lists of an OCEL document: see `staging.Reading`."""

    def __init__(self, path: Path, form: Format, name: str, wanted: tuple[str, ...]) -> None:
        self.path, self.form, self.section = path, form, name
        self._pieces = Pieces(wanted)
        self.names = self._pieces.names

    def chunks(self) -> Iterator[Rows]:
        number = 0
        with opened(self.path) as file:
            for key, _, item in members(file, self.path, encoding=self.form.encoding or "utf-8"):
                if key != self.section:
                    continue
                number += 1
                if not isinstance(item, dict):
                    self._pieces.refuse(Bad(number, f"It is no {key[:-1]} with id and type.", as_json(item)))
                    continue
                for record in _event(item) if key == "events" else _object(item):
                    self._pieces.add(number, record)
                if self._pieces.full:
                    yield self._pieces.taken()
        yield self._pieces.taken()


def _event(item: dict[str, object]) -> Iterator[Record]:
    record: Record = {name: as_text(item.get(name)) for name in ("id", "type", "time")}
    record["relations"] = as_text(item.get("relationships") or [])
    for said in _dicts(item.get("attributes")):
        record.setdefault(str(said.get("name")), as_text(said.get("value")))
    yield record


def _object(item: dict[str, object]) -> Iterator[Record]:
    """The object itself, then a record for each value it had and each relation."""
    name: Record = {"id": as_text(item.get("id")), "type": as_text(item.get("type"))}
    yield {**name, "at": ALWAYS}
    for said in _dicts(item.get("attributes")):
        at = as_text(said.get("time")) or ALWAYS
        yield {**name, "at": at, "attribute": as_text(said.get("name")), "value": as_text(said.get("value"))}
    for said in _dicts(item.get("relationships")):
        qualifier = as_text(said.get("qualifier")) or "related"
        yield {**name, "at": ALWAYS, "attribute": qualifier, "related": as_text(said.get("objectId"))}


def _dicts(value: object) -> list[dict[str, object]]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def prepared_ocel(path: Path, form: Format, stage: Stage) -> Ocel:
    """Read an OCEL file and write down its rejects.

    Raises : SourceError if it is not JSON or is cut off.
    """
    events = stage.written(Section(path, form, "events", EVENT), form)
    objects = stage.written(Section(path, form, "objects", OBJECT), form)
    if not events.n_rows + events.n_bad + objects.n_rows + objects.n_bad:
        raise SourceError(
            f"{path.name} holds no events and no objects.", allowed="an OCEL 2.0 document with `events` and `objects`",
            hint="For other JSON name a mapping: regard import FILE --map MAP.yaml",
        )  # fmt: skip
    layer = _events(events.relation.sql, objects.relation.sql)
    place = stage.path()
    wrong = _wrong()
    reasons = ", ".join(f"CASE WHEN {condition} THEN {says} END" for condition, says in wrong)
    any_wrong = " OR ".join(f"({condition})" for condition, _ in wrong)
    rejects = (
        f"SELECT {LINE} AS line, coalesce(type, '') AS event, concat_ws(' ', {reasons}) AS reason, "
        "CAST(to_json({'id': id, 'type': type, 'time': time, 'relationships': relations}) AS VARCHAR) AS row "
        f"FROM ({layer}) WHERE {any_wrong}"
    )
    for bad in (events.bad, objects.bad):
        if bad:
            rejects += f" UNION ALL SELECT line, '' AS event, reason, row FROM read_parquet({literal(str(bad))})"
    done = stage.engine.sql(f"COPY ({rejects}) TO {literal(str(place))} (FORMAT parquet)").fetchone()
    n_rejects = int(done[0]) if done else 0
    rows = f"SELECT {canonical(_shown())} FROM ({layer}) WHERE NOT ({any_wrong})"
    return Ocel(Prepared(rows, place, events.n_rows + events.n_bad, n_rejects, 0), _objects(objects.relation.sql))


def _events(events: str, objects: str) -> str:
    at = moment(Time((Ref("time"),)), [Column("time")], zone="'UTC'", shifts=[]).at
    known = f"SELECT id, any_value(type) AS type FROM {objects} WHERE type IS NOT NULL GROUP BY id"
    related = (
        f"SELECT {BODY}, unnest(from_json(relations, {literal(RELATIONS)})) AS r, "
        f"generate_subscripts(from_json(relations, {literal(RELATIONS)}), 1) AS place FROM {events}"
    )
    listed = (
        "SELECT e.__row, "
        "list({'type': o.type, 'id': e.r.objectId, 'qualifier': e.r.qualifier} ORDER BY e.place) AS objects, "
        f"any_value(CASE WHEN o.id IS NULL THEN coalesce(e.r.objectId, 'nothing') END) AS unknown "
        f"FROM ({related}) e LEFT JOIN ({known}) o ON o.id = e.r.objectId GROUP BY e.__row"
    )
    shown = f"e.*, {at} AS happened, l.objects, l.unknown"
    return f"SELECT {shown} FROM {events} e LEFT JOIN ({listed}) l ON l.__row = e.__row"


def _wrong() -> list[tuple[str, str]]:
    return [
        ("id IS NULL", literal("The event has no id.")),
        ("type IS NULL", literal("The event has no type.")),
        (
            f"coalesce(happened < '{EARLIEST}' OR happened >= '{LATEST}', true)",
            "'Its time is \"' || coalesce(time, '') || '\", which is no time written as 2024-01-31T17:45:00Z.'",
        ),
        ("unknown IS NOT NULL", "'It is about the object \"' || unknown || '\", which the file does not have.'"),
        ("objects IS NULL", literal("It is about no object.")),
    ]


def _shown() -> dict[str, str]:
    return {
        "interaction_id": "id",
        "occurred_at": "happened",
        "zone": "'UTC'",
        "precision": "'instant'",
        "sequence": BODY,
        "direction": "'neither'",
        "event": "type",
        "objects": "objects",
        "properties": REST,
    }


def _objects(objects: str) -> str:
    """Attributes and relations of objects in the shape of the ledger's table; a bare object says that it is there."""
    at = moment(Time((Ref("at"),)), [Column("o.at")], zone="'UTC'", shifts=[]).at
    known = f"SELECT id, any_value(type) AS type FROM {objects} GROUP BY id"
    return (
        f"SELECT o.type, o.id, coalesce({at}, TIMESTAMPTZ '{ALWAYS}') AS at, coalesce(o.attribute, '') AS attribute, "
        "coalesce(o.value, '') AS value, k.type AS related_type, o.related AS related_id "
        f"FROM {objects} o LEFT JOIN ({known}) k ON k.id = o.related "
        "WHERE o.id IS NOT NULL AND o.type IS NOT NULL"
    )
