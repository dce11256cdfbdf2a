"""NAME.pull.yaml as text -> `Pull`, with line numbers and a suggestion for whatever is not understood."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator
from collections.abc import Mapping as Mapped
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path

from regard.blueprint.durations import seconds
from regard.errors import Finding, MappingError, RegardError, nearest
from regard.sources.parsing import Node
from regard.sources.pull.secrets import names_in
from regard.sources.reading import loaded, read_mapping, structure

SUFFIX = ".pull.yaml"
KINDS = ("sql_database", "rest_api", "filesystem", "mailbox")
GUIDE = "See docs/guides/pulling.md."


@dataclass(frozen=True)
class Pull:
    """One source that is fetched.

    name    : of its file, without the suffix.
    kind    : sql_database, rest_api, filesystem or mailbox.
    said    : what the file says under that word; secrets are still names ("$TOKEN").
    maps    : the mapping file by kind of row (table, query, resource); "" stands for all.
    every_s : seconds between two pulls; None: only when asked.
    line    : where the word stands, for messages.
    """

    name: str
    kind: str
    said: Mapped[str, object]
    maps: Mapped[str, str]
    every_s: float | None = None
    line: int = 1

    @property
    def place(self) -> str:
        return f"{self.name}{SUFFIX}:{self.line}"

    def map_for(self, rows: str) -> str | None:
        """The mapping file of a kind of row."""
        return self.maps.get(rows) or self.maps.get("")

    @property
    def rows(self) -> tuple[str, ...]:
        """The kinds of rows that it fetches, by name."""
        if self.kind == "sql_database":
            tables, queries = _dicts(self.said.get("tables")), _dicts(self.said.get("queries"))
            return (*(str(one["table"]) for one in tables), *(str(one["name"]) for one in queries))
        if self.kind == "rest_api":
            listed = _dicts(self.said.get("resources"))
            return tuple(str(one["name"]) for one in listed if one.get("selected", True))
        return ("messages",) if self.kind == "mailbox" else ("files",)


@cache
def schema() -> dict[str, object]:
    """The published JSON Schema of a pull file."""
    text = (files("regard.sources.pull") / "pull.schema.json").read_text(encoding="utf-8")
    return dict(json.loads(text))


def read_pull(path: Path) -> Pull:
    """Read and validate a pull file.

    Raises : MappingError with the line of the first thing wrong and what was probably meant.
    """
    document = _document(path)
    for finding in _wrong(document, path.name):
        raise MappingError(f"{finding.where}: {finding.problem}", hint=finding.hint or GUIDE)
    return _pull(document, path)


def check_pull(path: Path, maps: Path, known: Mapped[str, str] | None = None) -> list[Finding]:
    """What is wrong with a pull file: its grammar, its mappings and its secrets.

    maps  : the folder of mapping files.
    known : secrets by name that can be read now; None: they are not looked at.
    """
    try:
        document = _document(path)
        found = list(_wrong(document, path.name))
        if found:
            return found
        pull = _pull(document, path)
    except RegardError as error:
        return [Finding(f"{path.name}:1", "error", error.problem, error.hint)]
    return [*_of_maps(pull, maps), *_of_secrets(pull, known), *_of_cursors(pull)]


def _document(path: Path) -> object:
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        others = [one.name.removesuffix(SUFFIX) for one in path.parent.glob(f"*{SUFFIX}")]
        near = nearest(path.name.removesuffix(SUFFIX), others)
        hint = f"Did you mean {near!r}?" if near else "Write one: docs/guides/pulling.md has examples."
        raise MappingError(f"There is no pull {path.name.removesuffix(SUFFIX)!r}.", found=", ".join(sorted(others)) or
                           f"nothing in {path.parent}", hint=hint) from None  # fmt: skip
    except (OSError, UnicodeDecodeError) as error:
        raise MappingError(f"{path.name} cannot be read.", found=str(error), hint=GUIDE) from error
    return loaded(text, path.name)


def _wrong(document: object, name: str) -> Iterator[Finding]:
    """What does not follow the schema; which of the kinds is said comes first, since all else hangs on it."""
    assert isinstance(document, Mapped)
    kinds = [kind for kind in KINDS if kind in document]
    if len(kinds) != 1:
        unknown = [str(key) for key in document if key not in ("version", "every", "map", *KINDS)]
        near = nearest(unknown[0], KINDS) if unknown else None
        line = Node(document).line(kinds[1] if kinds else unknown[0] if unknown else "version")
        says = "A pull says one of its kinds: it has " + (" and ".join(kinds) or "none") + "."
        yield Finding(f"{name}:{line}", "error", says, f"Did you mean {near!r}?" if near else
                      f"Allowed: {', '.join(KINDS)}.")  # fmt: skip
        return
    yield from structure(_plain(document, keep=True), name=name, follows=schema(), whole="the pull")


def _pull(document: object, path: Path) -> Pull:
    assert isinstance(document, Mapped)
    kind = next(one for one in KINDS if one in document)
    every, said, named = document.get("every"), _plain(document[kind]), document["map"]
    assert isinstance(said, dict)
    maps = {str(rows): str(file) for rows, file in named.items()} if isinstance(named, Mapped) else {"": str(named)}
    pull = Pull(
        path.name.removesuffix(SUFFIX), kind, said, maps,
        seconds(str(every)) if every is not None else None, Node(document).line(kind),
    )  # fmt: skip
    line = Node(document).line("map")
    for rows in pull.rows:
        if pull.map_for(rows) is None:
            near = nearest(rows, [one for one in maps if one not in pull.rows])
            hint = f"Did you mean {near!r}?" if near else f"Add it under `map`: `{rows}: NAME.map.yaml`."
            raise MappingError(f"{path.name}:{line}: no mapping is named for the rows of {rows!r}.", hint=hint)
    strange = next((rows for rows in maps if rows and rows not in pull.rows), None)
    if strange is not None:
        raise MappingError(
            f"{path.name}:{line}: `map` names rows that are not fetched: {strange!r}.", allowed=", ".join(pull.rows)
        )
    return pull


def _of_maps(pull: Pull, maps: Path) -> Iterator[Finding]:
    for file in dict.fromkeys(pull.maps.values()):
        try:
            mapping = read_mapping(maps / file)
        except RegardError as error:
            yield Finding(pull.place, "error", f"Its mapping {file} cannot be used: {error.problem}", error.hint)
            continue
        if pull.kind != "filesystem" and not mapping.key and not all(one.key for one in mapping.interactions):
            yield Finding(
                pull.place, "warning", f"{file} has no `key`: a row that changes becomes another interaction.",
                "Add `key: [id]`, and `on_change: correct` if rows change.",
            )  # fmt: skip


def _of_secrets(pull: Pull, known: Mapped[str, str] | None) -> Iterator[Finding]:
    for name in sorted(names_in(pull.said)):
        if known is not None and name not in known:
            yield Finding(
                pull.place, "warning", f"The secret ${name} is not known here.",
                f"Set it in the environment, or keep it in the workspace: regard pull --secret {name}",
            )  # fmt: skip


def _of_cursors(pull: Pull) -> Iterator[Finding]:
    if pull.kind != "sql_database":
        return
    for one in (*_dicts(pull.said.get("tables")), *_dicts(pull.said.get("queries"))):
        if "cursor" not in one:
            rows = one.get("table", one.get("name"))
            yield Finding(
                pull.place, "note", f"{rows!r} has no cursor: all its rows are read each time.",
                "Add `cursor: updated_at`, or whichever column only grows.",
            )  # fmt: skip


def _dicts(value: object) -> list[dict[str, object]]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def _plain(value: object, *, keep: bool = False) -> object:
    """A loaded document with days and times as ISO text, in plain containers, or `keep` those that know their lines."""
    if isinstance(value, Mapped):
        if keep:
            for name in list(value):
                value[name] = _plain(value[name], keep=True)  # type: ignore[index]
            return value
        return {str(name): _plain(one) for name, one in value.items()}
    if isinstance(value, list):
        if keep:
            value[:] = [_plain(one, keep=True) for one in value]
            return value
        return [_plain(one) for one in value]
    if isinstance(value, dt.date):
        return value.isoformat()
    if isinstance(value, bool) or value is None:
        return value
    for kind in (int, float, str):
        if isinstance(value, kind):
            return kind(value)
    return str(value)
