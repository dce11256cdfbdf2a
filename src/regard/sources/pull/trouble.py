"""Whatever goes wrong while fetching, as a sentence that says what to do and holds no secret."""

from __future__ import annotations

import imaplib
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import sqlalchemy as sa

from regard.errors import RegardError, SourceError
from regard.sources.pull.apis import LaterError
from regard.sources.pull.secrets import Secrets

LONGEST = 300
REFUSED = {
    401: ("The server does not accept who we say we are.", "Look at `auth`, and whether the secret is still valid."),
    403: ("The server does not let us read this.", "Give the account of the secret the right to read it."),
    404: ("There is nothing at this address.", "Look at `base_url` and `path`."),
    429: ("The server says that we ask too often.", "Nothing is lost: the next pull goes on. Ask less often: `every`."),
}


class UnreachableError(SourceError):
    """The source does not answer now, or asks to be left alone: `wait_s` seconds, where it says."""

    def __init__(self, problem: str, *, wait_s: float | None = None, **said: str | None) -> None:
        super().__init__(problem, **said)
        self.wait_s = wait_s


@contextmanager
def told(secrets: Secrets) -> Iterator[None]:
    """Turn what drivers and servers raise into SourceError without secrets.

    The original is not chained: its text may hold the address with the password in it.
    """
    try:
        yield
    except RegardError as error:
        _hide(error, secrets)
        raise
    except Exception as error:  # noqa: BLE001  the edge to other people's code: anything may come out of it
        explained = _explained(error)
        _hide(explained, secrets)
        raise explained from None


def _hide(error: RegardError, secrets: Secrets) -> None:
    error.problem = secrets.hidden(error.problem)
    error.found = secrets.hidden(error.found) if error.found else error.found
    error.hint = secrets.hidden(error.hint) if error.hint else error.hint
    error.args = (error.message(),)
    error.__cause__, error.__context__, error.__suppress_context__ = None, None, True


def _explained(error: Exception) -> RegardError:
    for one in _chain(error):
        if isinstance(one, RegardError):
            return one
        said = _of_server(one) or _of_database(one) or _of_mailbox(one)
        if said is not None:
            return said
    root = list(_chain(error))[-1]
    return SourceError("It could not be fetched.", found=_short(root), hint="regard check looks at the pull file.")


def _chain(error: BaseException) -> Iterator[BaseException]:
    seen: set[int] = set()
    one: BaseException | None = error
    while one is not None and id(one) not in seen:
        seen.add(id(one))
        yield one
        one = one.__cause__ or one.__context__


def _of_server(error: BaseException) -> RegardError | None:
    import requests

    if isinstance(error, LaterError):
        return UnreachableError(
            "The server asks to be left alone for a while.", found=f"{error.wait_s:,.0f} s", wait_s=error.wait_s,
            hint="Nothing is lost: a pull after that goes on.",
        )  # fmt: skip
    if isinstance(error, requests.HTTPError) and error.response is not None:
        return _of_status(error.response)
    if isinstance(error, requests.exceptions.JSONDecodeError):
        return SourceError("An answer is not JSON.", found=_short(error), hint="Look at `base_url` and `path`.")
    if isinstance(error, requests.ConnectionError | requests.Timeout):
        return UnreachableError("The server does not answer.", found=_short(error), hint="The next pull tries again.")
    return None


def _of_status(answer: Any) -> RegardError:
    status, where = answer.status_code, f"{answer.status_code} from {answer.url.partition('?')[0]}"
    if status in REFUSED:
        problem, hint = REFUSED[status]
        kind = UnreachableError if status == 429 else SourceError
        return kind(problem, found=where, hint=hint)
    if status >= 500:
        return UnreachableError("The server failed.", found=where, hint="Nothing is lost: the next pull goes on.")
    return SourceError("The server refuses the request.", found=f"{where}: {answer.text[:LONGEST]}",
                       hint="Look at `path` and `params`.")  # fmt: skip


def _of_database(error: BaseException) -> RegardError | None:
    if isinstance(error, sa.exc.OperationalError | sa.exc.InterfaceError):
        return UnreachableError("The database does not answer, or refuses us.", found=_short(error.orig or error),
                           hint="See that it runs, and that `url` is right.")  # fmt: skip
    if isinstance(error, sa.exc.ProgrammingError | sa.exc.DatabaseError):
        return SourceError("The database does not understand the question.", found=_short(error.orig or error),
                           hint="Look at the table, its cursor, or the query.")  # fmt: skip
    if isinstance(error, sa.exc.NoSuchModuleError):
        return SourceError("There is no such kind of database.", found=_short(error),
                           allowed="what SQLAlchemy knows, its driver installed")  # fmt: skip
    if isinstance(error, ModuleNotFoundError):
        return SourceError(f"The driver {error.name} is not installed.", hint=f"pip install {error.name}")
    return None


def _of_mailbox(error: BaseException) -> RegardError | None:
    if isinstance(error, ssl.SSLCertVerificationError):
        return SourceError("The server's certificate is not to be trusted.", found=error.verify_message,
                           hint="Look at `host`; a mailbox with a certificate of its own says `ca_file`.")  # fmt: skip
    if isinstance(error, imaplib.IMAP4.abort | ConnectionError | TimeoutError | socket.gaierror | ssl.SSLError):
        return UnreachableError("The server does not answer.", found=_short(error), hint="The next pull tries again.")
    if isinstance(error, imaplib.IMAP4.error):
        return SourceError("The mail server refuses the request.", found=_short(error), hint="Look at `folders`.")
    return None


def _short(error: BaseException) -> str:
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[0][:LONGEST]}" if lines else type(error).__name__
