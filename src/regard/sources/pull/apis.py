"""dlt's declarative configuration of a REST API -> its resources, with patience that ends.

A server that says 429 or 503 is asked again when it says; one that wants us to wait long is left alone until then. An
answer without the list that was asked for is an error, never an empty page: an empty page would end the pull and move
the cursor past rows that nobody read.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from contextlib import ExitStack
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any

from regard.blueprint.durations import seconds
from regard.errors import MappingError, SourceError
from regard.sources.pull.additions import understood

if TYPE_CHECKING:
    from regard.sources.pull.document import Pull

ATTEMPTS = 5
TIMEOUT_S = 60.0
PATIENCE_S = 120.0
"""A server that wants a longer pause is asked again by a later pull."""
LONGEST_S = 60.0

Said = dict[str, Any]


class LaterError(Exception):
    """The server wants to be left alone for `wait_s` seconds."""

    def __init__(self, wait_s: float) -> None:
        super().__init__(f"Retry-After: {wait_s:.0f} s")
        self.wait_s = wait_s


def resources(pull: Pull, said: Said, at_end: ExitStack) -> list[Any]:
    """One resource for each of the configuration's.

    said   : what stands under `rest_api`, secrets filled in.
    Raises : MappingError if dlt cannot make sense of it.
    """
    from dlt.common.exceptions import DictValidationException
    from dlt.sources.rest_api import rest_api_resources

    session = _session(said)
    at_end.callback(session.close)
    client = {**said["client"], "session": session}
    watched = [_watched(one, said.get("resource_defaults") or {}) for one in said["resources"]]
    listed = [understood(one, pull.place) for one in watched]
    config: Any = {"client": client, "resources": listed}
    if said.get("resource_defaults"):
        config["resource_defaults"] = said["resource_defaults"]
    try:
        return rest_api_resources(config)
    except (DictValidationException, ValueError, KeyError, TypeError) as error:
        says = str(error).splitlines()[0]
        raise MappingError(
            f"{pull.place}: dlt does not understand `rest_api`.", found=says,
            hint="See dlt's reference of rest_api, and docs/guides/pulling.md.",
        ) from None  # fmt: skip


def _session(said: Said) -> Any:
    from dlt.sources.helpers.requests import Client
    from requests.adapters import HTTPAdapter

    class Patient(HTTPAdapter):
        """Gives up where the server asks for a longer pause than one pull should take."""

        def send(self, *args: Any, **kwargs: Any) -> Any:
            answer = super().send(*args, **kwargs)
            wait_s = wanted_pause(answer.headers, dt.datetime.now(dt.UTC))
            if not answer.ok:
                answer.content  # noqa: B018  read to its end, so that the connection is free again
            if answer.status_code in (429, 503) and wait_s is not None and wait_s > PATIENCE_S:
                raise LaterError(wait_s)
            return answer

    timeout = seconds(said["timeout"]) if "timeout" in said else TIMEOUT_S
    session = Client(
        raise_for_status=False,
        request_timeout=timeout,
        request_max_attempts=said.get("attempts", ATTEMPTS),
        request_max_retry_delay=LONGEST_S,
    ).session
    for scheme in ("http://", "https://"):
        session.mount(scheme, Patient())
    return session


def wanted_pause(headers: Mapping[str, str], now: dt.datetime) -> float | None:
    """The seconds that `Retry-After` asks for, as a number or a date (RFC 9110); None where it does not."""
    said = headers.get("Retry-After", "").strip()
    if said.isdigit():
        return float(said)
    try:
        return max(0.0, (parsedate_to_datetime(said) - now).total_seconds()) if said else None
    except (ValueError, TypeError):
        return None


def _watched(one: Said, defaults: Said) -> Said:
    """A resource whose answers must hold the list that it selects."""
    endpoint = one.get("endpoint", {})
    if isinstance(endpoint, str):
        endpoint = {"path": endpoint}
    shared = defaults.get("endpoint") or {}
    selector = endpoint.get("data_selector", shared.get("data_selector") if isinstance(shared, dict) else None)
    if selector is None:
        return one
    actions = endpoint.get("response_actions", shared.get("response_actions", []) if isinstance(shared, dict) else [])

    def holds(answer: Any, *args: Any, **kwargs: Any) -> Any:
        if answer.ok:
            _must_hold(answer, str(selector), str(one["name"]))
        return answer

    return {**one, "endpoint": {**endpoint, "response_actions": [*actions, holds]}}


def _must_hold(answer: Any, selector: str, name: str) -> None:
    from dlt.common import jsonpath

    try:
        found = jsonpath.find_values(selector, answer.json())
    except ValueError:
        raise SourceError(
            f"The answer for {name!r} is not JSON.", found=f"{answer.headers.get('Content-Type', 'no type')}, "
            f"{len(answer.content):,} bytes", hint="See whether base_url and path are right, or ask again later.",
        ) from None  # fmt: skip
    if not found:
        body = answer.json()
        there = ", ".join(map(str, body)) if isinstance(body, dict) else type(body).__name__
        raise SourceError(
            f"The answer for {name!r} has no {selector!r}.", found=there or "an empty object",
            hint="Nothing of this pull's cursor is kept, so the next one asks again. See `data_selector`.",
        )  # fmt: skip
