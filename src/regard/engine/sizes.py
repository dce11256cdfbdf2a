"""Sizes in bytes as people write them."""

from __future__ import annotations

import re

from regard.errors import SettingError

UNITS = {"": 1, "k": 2**10, "m": 2**20, "g": 2**30, "t": 2**40}


def bytes_of(text: str) -> int:
    """The bytes a size such as "8GB", "512 MiB" or "1g" stands for; units are powers of 1024.

    Raises : SettingError if it is not a size.

    >>> bytes_of("2GiB")
    2147483648
    """
    match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([kmgt]?)(?:i?b)?\s*", text, re.IGNORECASE)
    if not match:
        raise SettingError(f"{text!r} is not a size.", allowed="a number with a unit, such as 512MB or 8GB")
    return int(float(match[1]) * UNITS[match[2].lower()])
