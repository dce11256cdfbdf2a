"""What is said when a Parquet file is damaged or gone: which one, and how to get it back."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

import duckdb
import pyarrow as pa

from regard.errors import WorkspaceError

NAMED = re.compile(r"""['"]([^'"]*/\.regard/(?:derived|ledger)/[^'"]+\.parquet)['"]""")
READ = re.compile("magic bytes|too small to be|failed to read|could not read|cannot open|no files found", re.IGNORECASE)
AGAIN = "Work the tables out again with `regard run`."
RESTORE = "Restore it from a backup."


def damage_in(error: duckdb.Error) -> WorkspaceError | None:
    """The damage that an error of DuckDB's speaks of; None if it is about something else."""
    text = str(error).strip()
    named = NAMED.search(text)
    if named and READ.search(text):
        return damaged(named[1], text)
    if type(error) is duckdb.Error:  # what it throws where a page breaks off, without the name of the file
        hint = f"{AGAIN} If it says the same, restore the ledger from a backup."
        return WorkspaceError("A file of the tables is damaged.", found=text, hint=hint)
    return None


def damaged(path: str, said: str) -> WorkspaceError:
    """The error about a file of the derived tables, or of the ledger."""
    hint = RESTORE if "/.regard/ledger/" in path else AGAIN
    return WorkspaceError(
        "A file of the tables is damaged or gone.", found=f"{path}: {said.splitlines()[0]}", hint=hint
    )


@contextmanager
def reading(path: str) -> Iterator[None]:
    """Say it where Arrow cannot read a file in the block."""
    try:
        yield
    except (pa.ArrowInvalid, OSError) as error:
        raise damaged(path, str(error) or type(error).__name__) from error
