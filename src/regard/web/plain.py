"""Values as JSON and CSV can hold them: times in ISO 8601 UTC, maps as objects."""

from __future__ import annotations

import dataclasses
import datetime as dt


def plain(value: object) -> object:
    """The same value in what JSON knows.

    >>> plain({"at": dt.datetime(2026, 3, 1, tzinfo=dt.UTC), "properties": [("a", "1")]})
    {'at': '2026-03-01T00:00:00Z', 'properties': {'a': '1'}}
    """
    if isinstance(value, dt.datetime):
        return value.astimezone(dt.UTC).isoformat().replace("+00:00", "Z")
    if isinstance(value, dt.date):
        return value.isoformat()
    if isinstance(value, list | tuple):
        pairs = bool(value) and all(isinstance(item, tuple) and len(item) == 2 for item in value)
        return {str(key): plain(item) for key, item in value} if pairs else [plain(item) for item in value]
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return plain({field.name: getattr(value, field.name) for field in dataclasses.fields(value)})
    return value
