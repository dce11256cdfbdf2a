"""Anything in JSON as the texts of properties: nested names joined by dots, numbers as plain decimals."""

from __future__ import annotations

import re
from collections.abc import Mapping

import msgspec

_NUL = re.compile(rb"(?<!\\)((?:\\\\)*)\\u0000")
_encoder = msgspec.json.Encoder()


def spread(said: Mapping[str, object], keys: list[str], values: list[str], prefix: str = "") -> None:
    """Add what an object says to `keys` and `values`, side by side; nulls and empty lists say nothing.

    >>> keys, values = [], []
    >>> spread({"page": {"url": "/a"}, "n": 2.50, "new": True, "tags": ["x", "y"], "none": None}, keys, values)
    >>> dict(zip(keys, values))
    {'page.url': '/a', 'n': '2.5', 'new': 'true', 'tags': '["x","y"]'}
    """
    for key, value in said.items():
        kind = type(value)
        if kind is str:
            keys.append(prefix + key if prefix else key)
            values.append(value)  # type: ignore[arg-type]
        elif kind is dict:
            spread(value, keys, values, f"{prefix}{key}.")  # type: ignore[arg-type]
        elif value is not None and value != []:
            keys.append(prefix + key if prefix else key)
            values.append(text(value))


def text(value: object) -> str:
    """A value as text.

    >>> text(1e-7), text(3.0), text(True), text(12345678901234567890)
    ('0.0000001', '3', 'true', '12345678901234567890')
    """
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        short = repr(value)
        if "e" in short:
            return f"{value:.20f}".rstrip("0").rstrip(".")
        return short.removesuffix(".0")
    if isinstance(value, int):
        return str(value)
    return _encoder.encode(value).decode()


def name(value: object) -> str | None:
    """An id: a text, or a number as text; None where there is none, or what there is cannot be one."""
    if value is None:
        return None
    if isinstance(value, str):
        return value.strip() or None
    if isinstance(value, bool | dict | list):
        return None
    return text(value)


def without_nul(body: bytes) -> bytes:
    """A JSON body with its NUL characters replaced: no database holds them, and no text needs them."""
    return _NUL.sub(rb"\1\\ufffd", body) if b"\\u0000" in body else body
