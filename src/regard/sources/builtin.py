"""Mappings of files that need none, because their format says what everything is."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from importlib.resources import files
from pathlib import PurePath

from regard.errors import MappingError
from regard.sources.formats import Guess
from regard.sources.mapping import Mapping
from regard.sources.reading import mapping_of

OWN = frozenset({"xes"})


def built_in(guess: Guess, file: str) -> Mapping:
    """The mapping of an event log; its source is the file's name without its endings, its digest the same for all.

    Raises : MappingError for every other kind of file.
    """
    if guess.type not in OWN:
        raise MappingError(
            f"{file} needs a mapping that says what its columns mean.",
            found=guess.type,
            hint=f"Draft one with: regard map {file} > maps/{PurePath(file).name.split('.')[0]}.map.yaml",
        )
    text = (files("regard.sources") / f"{guess.type}.map.yaml").read_text(encoding="utf-8")
    name = PurePath(file).name.split(".")[0]
    mapping = mapping_of(text.replace("source: log", f"source: {name}"), name=f"{guess.type}.map.yaml")
    return replace(mapping, digest=hashlib.sha256(text.encode()).hexdigest())
