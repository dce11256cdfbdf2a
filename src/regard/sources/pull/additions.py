"""What our configuration of a REST API adds to dlt's: things that dlt wants as Python, said in words.

paginator: {type: link_until, next_url_path: after_url, end_path: end_of_stream}      a link that never ends by itself
incremental: {convert: epoch}                                                         the cursor as the API wants it
pick: {contact_ids: "associations.contacts.results[*].id"}                            a field from inside a row
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

from regard.errors import MappingError, SourceError, nearest

Said = dict[str, Any]


def epoch(value: object) -> object:
    """A cursor as whole seconds since 1970, UTC; what is a number stays one.

    >>> epoch("1970-01-02T00:00:00Z"), epoch(86400)
    (86400, 86400)
    """
    moment = _moment(value)
    return value if moment is None else int(moment.timestamp())


def epoch_ms(value: object) -> object:
    """The same in milliseconds."""
    moment = _moment(value)
    return value if moment is None else int(moment.timestamp() * 1000)


CONVERSIONS: dict[str, Callable[[object], object]] = {"epoch": epoch, "epoch_ms": epoch_ms}


def understood(one: Said, place: str) -> Said:
    """A resource as dlt takes it: our words turned into Python.

    place  : where it stands, for messages.
    Raises : MappingError for a conversion that does not exist.
    """
    made = {name: value for name, value in one.items() if name != "pick"}
    if isinstance(made.get("endpoint"), Mapping):
        made["endpoint"] = _endpoint(made["endpoint"], place)
    if "pick" in one:
        made["processing_steps"] = [*made.get("processing_steps", []), {"map": _picking(one["pick"])}]
    return made


def _endpoint(said: Mapping[str, Any], place: str) -> Said:
    made = dict(said)
    if "paginator" in made:
        made["paginator"] = paginator(made["paginator"])
    since = made.get("incremental")
    if isinstance(since, Mapping) and "convert" in since:
        made["incremental"] = {**since, "convert": _conversion(since["convert"], place)}
    return made


def paginator(said: object) -> object:
    """A paginator as dlt takes it: ours made, dlt's own as they are said."""
    if not isinstance(said, Mapping) or said.get("type") != "link_until":
        return said
    from dlt.sources.helpers.rest_client.paginators import JSONLinkPaginator

    class LinkUntil(JSONLinkPaginator):
        """Follows links to the next page until the answer says that the stream has ended.

        Such a link is there on the last page, too: it is where a later export would go on. One that leads to another
        server is refused, since it would be given our secret.
        """

        def __init__(self, next_url_path: str = "next", end_path: str = "end_of_stream") -> None:
            super().__init__(next_url_path)
            self.end_path = end_path

        def update_state(self, response: Any, data: list[Any] | None = None) -> None:
            before = response.url
            super().update_state(response, data)
            ended = response.json().get(self.end_path)
            if not isinstance(ended, bool):
                raise SourceError(
                    f"The answer does not say whether it is the last: {self.end_path!r}.", found=str(ended),
                    hint="Name the field that does as `end_path`; it is true or false.",
                )  # fmt: skip
            if ended:
                self._next_reference = None
                self._has_next_page = False
            elif self._next_reference:
                _lead_on(before, str(self._next_reference))

    return LinkUntil(**{str(name): str(value) for name, value in said.items() if name != "type"})


def _lead_on(before: str, after: str) -> None:
    """Refuse a link that leads to another server, or nowhere new: it would be followed for ever."""
    here, there = urlsplit(before), urlsplit(after)
    if there.netloc and (here.scheme, here.netloc) != (there.scheme, there.netloc):
        raise SourceError(
            "The link to the next page leads to another server.", found=there.netloc, allowed=here.netloc,
            hint="It would be given our secret. If it is theirs, name it as `base_url`.",
        )  # fmt: skip
    if before == after:
        raise SourceError(
            "The link to the next page leads to the same page.", found=here.path,
            hint="See whether `next_url_path` names the link to the next one.",
        )  # fmt: skip


def _conversion(name: object, place: str) -> Callable[[object], object]:
    if str(name) not in CONVERSIONS:
        near = nearest(str(name), CONVERSIONS)
        raise MappingError(
            f"{place}: there is no conversion {name!r}.", allowed=", ".join(CONVERSIONS),
            hint=f"Did you mean {near!r}?" if near else None,
        )  # fmt: skip
    return CONVERSIONS[str(name)]


def _picking(said: Mapping[str, str]) -> Callable[[Said], Said]:
    from dlt.common import jsonpath

    paths = {name: jsonpath.compile_path(path) for name, path in said.items()}

    def picked(row: Said) -> Said:
        return {**row, **{name: list(dict.fromkeys(jsonpath.find_values(path, row))) for name, path in paths.items()}}

    return picked


def _moment(value: object) -> dt.datetime | None:
    if isinstance(value, dt.datetime):
        moment = value
    elif isinstance(value, str) and not value.isdigit():
        moment = dt.datetime.fromisoformat(value)
    else:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=dt.UTC)
