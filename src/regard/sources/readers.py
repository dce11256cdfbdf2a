"""Which reader reads which kind of file; a new kind is one line here and one class (see `staging.Reading`)."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import cast

from regard.plugins import installed, load
from regard.sources.delimited import Delimited
from regard.sources.formats import Guess
from regard.sources.mapping import MADE_COLUMNS, Format, Join, Mapping, Ref
from regard.sources.records import JsonArray, JsonLines
from regard.sources.sheets import Sav, Xlsx
from regard.sources.staging import Reading, Stage, Staged
from regard.sources.xes import Xes

Open = Callable[[Path, Format, tuple[str, ...]], Reading]


def _delimited(path: Path, form: Format, wanted: tuple[str, ...]) -> Reading:
    return Delimited(path, form)


READERS: dict[str, Open] = {
    "csv": _delimited,
    "tsv": _delimited,
    "jsonl": JsonLines,
    "json": JsonArray,
    "xlsx": Xlsx,
    "sav": Sav,
    "xes": Xes,
}


def staged(
    path: Path,
    guess: Guess,
    wanted: tuple[str, ...],
    stage: Stage,
    *,
    limit: int | None = None,
    forgiving: bool = False,
) -> Staged:
    """Read a file into the engine.

    wanted    : columns that are needed, for kinds of file whose rows differ in what they have.
    limit     : only the first rows.
    forgiving : a column that no row has is empty, instead of not there.
    Raises    : SourceError if the file is empty or broken.
    """
    form = guess.format
    if guess.type == "parquet":
        return stage.parquet(path, form, limit=limit)
    opening = READERS.get(guess.type) or cast(Open, load("sources", guess.type))
    reading = opening(path, form, wanted)
    found = stage.written(reading, form, limit=limit)
    seen: set[str] | None = getattr(reading, "seen", None)
    if seen is None or forgiving:
        return found
    absent = [name for name in wanted if name not in seen] if found.n_rows and limit is None else []
    return Staged(found.relation.without(absent, seen), found.n_rows, found.bad, found.n_bad)


def wanted(mapping: Mapping) -> tuple[str, ...]:
    """The columns of the main file that a mapping names, joins' columns left out."""
    aliases = {join.name for join in mapping.joins}
    return _own((ref.name for ref in mapping.refs()), aliases)


def wanted_of(join: Join, mapping: Mapping) -> tuple[str, ...]:
    """The columns of a joined file that the mapping needs."""
    inner = {one.name for one in join.joins}
    named = [there.name for _, there in join.on] + [one.column.name for one in join.aggregate if one.column]
    named += [here.name for one in join.joins for here, _ in one.on]
    if not join.aggregate:
        prefix = f"{join.name}."
        named += [name.removeprefix(prefix) for name in _every(mapping) if name.startswith(prefix)]
    return _own(named, inner)


def _every(mapping: Mapping) -> Iterable[str]:
    yield from (ref.name for ref in mapping.refs())
    waiting = list(mapping.joins)
    while waiting:
        join = waiting.pop()
        waiting += join.joins
        refs: list[Ref] = [one.column for one in join.aggregate if one.column] + [here for here, _ in join.on]
        yield from (ref.name for ref in refs)


def _own(names: Iterable[str], aliases: set[str]) -> tuple[str, ...]:
    own = (name for name in names if name.partition(".")[0] not in aliases and not _made(name))
    return tuple(dict.fromkeys(own))


def kinds() -> list[str]:
    """The kinds of file that can be read, those of plugins among them."""
    return sorted({"parquet", *READERS, *installed("sources")})


def _made(name: str) -> bool:
    """Whether a column is made here and not the file's own."""
    return name in MADE_COLUMNS or name.startswith("__")
