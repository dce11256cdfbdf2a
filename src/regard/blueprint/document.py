"""YAML as nodes that know their lines, with the text as it was written (`010` stays `010`, `no` stays `no`)."""

from __future__ import annotations

import io
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, ScalarNode
from ruamel.yaml.nodes import Node as Parsed

from regard.errors import BlueprintError, Finding

WORDS = {"scalar": "a single value", "list": "a list", "map": "keys and values", "null": "nothing"}


@dataclass(frozen=True)
class Entry:
    """One key of a mapping, with the line it stands on."""

    name: str
    line: int
    node: Node


@dataclass(frozen=True)
class Node:
    """A scalar, a list, a mapping, or nothing."""

    kind: str
    line: int
    text: str = ""
    items: tuple[Node, ...] = ()
    entries: tuple[Entry, ...] = ()

    def get(self, name: str) -> Node | None:
        return next((entry.node for entry in self.entries if entry.name == name), None)

    def says(self) -> str:
        """What stands there, for a message."""
        return repr(self.text) if self.kind == "scalar" else WORDS[self.kind]


def load(path: Path) -> Node | Finding:
    """The document of a file, or what keeps it from being one.

    Raises : BlueprintError if the file is not there or cannot be opened.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        return Finding(f"{path.name}:1", "error", f"The file is not UTF-8 text: {error.reason}.", "Save it as UTF-8.")
    except OSError as error:
        raise BlueprintError(
            f"{path} cannot be read.", found=error.strerror or str(error), hint="Make one with `regard init NAME`."
        ) from error
    return _composed(text, path.name)


@lru_cache(maxsize=4)  # a command reads the same file for every file it imports, and YAML takes a tenth of a second
def _composed(text: str, name: str) -> Node | Finding:
    try:
        parsed = YAML(typ="safe", pure=True).compose(io.StringIO(text))
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark else 1
        return Finding(
            f"{name}:{line}",
            "error",
            f"This is not YAML: {error.problem or error.context}.",
            "Look for a missing colon, bracket or quote, a tab, or a wrong indent on this line or the one before it.",
        )
    except (YAMLError, RecursionError) as error:
        return Finding(f"{name}:1", "error", f"This is not YAML: {error}.", None)
    return Node("null", 1) if parsed is None else _node(parsed)


def _node(parsed: Parsed) -> Node:
    line = parsed.start_mark.line + 1
    if isinstance(parsed, ScalarNode):
        if parsed.tag == "tag:yaml.org,2002:null":
            return Node("null", line)
        return Node("scalar", line, text=str(parsed.value))
    if isinstance(parsed, MappingNode):
        return Node("map", line, entries=tuple(_entries(parsed)))
    return Node("list", line, items=tuple(_node(item) for item in parsed.value))


def _entries(parsed: MappingNode) -> list[Entry]:
    """The keys in order; those merged with `<<` come last and give way to the mapping's own."""
    own: list[Entry] = []
    merged: list[Entry] = []
    for key, value in parsed.value:
        if str(key.tag) == "tag:yaml.org,2002:merge":
            sources = value.value if not isinstance(value, MappingNode) else [value]
            merged += [entry for source in sources for entry in _entries(source)]
        else:
            own.append(Entry(str(key.value), key.start_mark.line + 1, _node(value)))
    names = {entry.name for entry in own}
    return own + [entry for entry in merged if entry.name not in names]
