"""What commands that run for long say: lines for people on a terminal, JSON lines for machines everywhere else.

    {"at": "2026-03-01T12:00:00.123Z", "level": "info", "process": "serve", "pid": 71, "says": "Sealing goes on."}

`$REGARD_LOG` (json or text) decides where the terminal does not. JSON lines hold no personal data: of an exception
they tell its kind and where it came from, never its message, which may quote what a customer said.
"""

from __future__ import annotations

import datetime as dt
import json
import logging
import os
import sys
import threading
import traceback
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TextIO

from regard.errors import RegardError, SettingError

VARIABLE = "REGARD_LOG"
KINDS = ("json", "text")
FIELDS = ("route", "method", "status", "seconds")
"""What a line may tell beside its words."""
FRAMES = 12


class JsonLines(logging.Formatter):
    """A record as one line of JSON. process : which of our commands says it."""

    def __init__(self, process: str) -> None:
        super().__init__()
        self.process = process

    def format(self, record: logging.LogRecord) -> str:
        at = dt.datetime.fromtimestamp(record.created, dt.UTC).isoformat(timespec="milliseconds")
        said: dict[str, object] = {
            "at": at.replace("+00:00", "Z"),
            "level": record.levelname.lower(),
            "process": self.process,
            "pid": record.process,
        }
        error = record.exc_info[1] if record.exc_info else None
        ours = record.name.split(".")[0] == "regard"
        said["says"] = record.getMessage() if ours else _of_others(record)
        said |= {name: getattr(record, name) for name in FIELDS if hasattr(record, name)}
        if error is not None:
            said |= {"error": type(error).__name__, "where": _where(error)}
        return json.dumps(said, ensure_ascii=False)


def talk(
    process: str, *, quiet: bool = False, to: TextIO | None = None, environment: Mapping[str, str] = os.environ
) -> Callable[[str], None]:
    """Have this process say what it has to say as its place wants it, and return how: called with a line.

    Raises : SettingError for a $REGARD_LOG that is neither json nor text.
    """
    stream = to or sys.stderr
    handler = logging.StreamHandler(stream)
    if kind(stream, environment) == "json":
        handler.setFormatter(JsonLines(process))
    else:
        handler.setFormatter(logging.Formatter("%(message)s"))
    root, own = logging.getLogger(), logging.getLogger("regard")
    root.handlers, own.propagate = [handler], True
    root.setLevel(logging.WARNING)
    own.setLevel(logging.WARNING if quiet else logging.INFO)
    if kind(stream, environment) == "json":
        sys.excepthook = lambda *told: own.error("It broke, and ends.", exc_info=told)
        threading.excepthook = lambda told: own.error(
            "A part of it broke.", exc_info=(told.exc_type, told.exc_value or told.exc_type(), told.exc_traceback)
        )
    return own.info


def kind(stream: TextIO, environment: Mapping[str, str]) -> str:
    """The kind of lines that a stream gets: json or text.

    >>> import io
    >>> kind(io.StringIO(), {}), kind(io.StringIO(), {"REGARD_LOG": "text"})
    ('json', 'text')
    """
    said = environment.get(VARIABLE, "")
    if said and said not in KINDS:
        raise SettingError(f"${VARIABLE} says {said!r}.", allowed=" or ".join(KINDS))
    return said or ("text" if stream.isatty() else "json")


def _of_others(record: logging.LogRecord) -> str:
    """What a library says, without what was put into it: that may be anything."""
    return str(record.msg) if record.args else record.getMessage()


def _where(error: BaseException) -> list[str]:
    """The innermost frames, the last of them where it happened; for one of our own, its causes' too."""
    while isinstance(error, RegardError) and error.__cause__ is not None:
        error = error.__cause__
    frames = traceback.extract_tb(error.__traceback__)[-FRAMES:]
    return [f"{'/'.join(Path(one.filename).parts[-3:])}:{one.lineno} {one.name}" for one in frames]
