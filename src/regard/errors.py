"""Every error Regard raises on purpose.

    RegardError                 catch this one to catch them all
    +- SettingError             an option, argument or environment variable is wrong
    +- WorkspaceError           the folder is not a workspace, or is locked, full or damaged
    |  +- OutdatedError         its tables were worked out by another version of Regard
    +- BlueprintError           blueprint.yaml says something that cannot be meant
    +- MappingError             a mapping file does not fit its data
    +- SourceError              a file cannot be read as what it is said to be
    +- LedgerError              the ledger cannot take, find or give back a fact
    +- StoreError               the live state (keys, accounts ...) cannot be opened, read or written
    +- AccessError              whoever asks may not do this, or did not say who they are
    +- LogError                 what was accepted cannot be written to the log now; it was not taken
    +- TableError               a table does not have the columns or the rows it must have
    +- EngineError              the engine is not there, or cannot do what was asked
    +- PluginError              a plugin is missing, doubled or does not keep its contract

A message has up to four parts: what was wrong, what was found, what is allowed, what to do next.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass


class RegardError(Exception):
    """The root of all errors that Regard raises on purpose.

    problem : what was wrong, one sentence.
    found   : what was there instead, if that helps.
    allowed : what would have been right.
    hint    : the next step or command.
    """

    exit_code = 1

    def __init__(
        self, problem: str, *, found: str | None = None, allowed: str | None = None, hint: str | None = None
    ) -> None:
        self.problem = problem
        self.found = found
        self.allowed = allowed
        self.hint = hint
        super().__init__(self.message())

    def message(self) -> str:
        """The four parts as lines, those that are known."""
        lines = [self.problem]
        if self.found is not None:
            lines.append(f"  found:   {self.found}")
        if self.allowed is not None:
            lines.append(f"  allowed: {self.allowed}")
        if self.hint is not None:
            lines.append(f"  do this: {self.hint}")
        return "\n".join(lines)


class SettingError(RegardError):
    """An option, argument or environment variable is wrong."""

    exit_code = 2


class WorkspaceError(RegardError):
    """The folder is not a workspace, or it is locked, full or damaged."""


class OutdatedError(WorkspaceError):
    """The derived tables were worked out by another version of Regard."""


class BlueprintError(RegardError):
    """blueprint.yaml says something that cannot be meant."""


class MappingError(RegardError):
    """A mapping file does not fit its data."""


class SourceError(RegardError):
    """A file cannot be read as what it is said to be."""


class LedgerError(RegardError):
    """The ledger cannot take, find or give back a fact."""


class StoreError(RegardError):
    """The live state (keys, accounts ...) cannot be opened, read or written."""


class AccessError(RegardError):
    """Whoever asks may not do this, or did not say who they are."""


class LogError(RegardError):
    """What was accepted cannot be written to the log now: the disk is full or fails. It was not taken."""


class TableError(RegardError):
    """A table does not have the columns or the rows it must have."""


class EngineError(RegardError):
    """The engine is not there, or cannot do what was asked."""


class PluginError(RegardError):
    """A plugin is missing, doubled or does not keep its contract."""


@dataclass(frozen=True)
class Finding:
    """One thing that `regard check` found.

    where    : file and line ("blueprint.yaml:12"), or the table or source it is about.
    severity : "error" (nothing runs), "warning" (it runs, the result is poorer) or "note".
    problem  : one sentence.
    hint     : how to mend it.
    """

    where: str
    severity: str
    problem: str
    hint: str | None = None


def nearest(word: str, known: Iterable[str]) -> str | None:
    """The known word that `word` most likely stood for, or None.

    >>> nearest("purchse", ["purchase", "delivery"])
    'purchase'
    """
    matches = difflib.get_close_matches(word, list(known), n=1, cutoff=0.5)
    return matches[0] if matches else None
