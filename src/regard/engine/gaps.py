"""Functions that every engine has under one name and Ibis does not know on all of them."""

from __future__ import annotations

import ibis


@ibis.udf.agg.builtin  # type: ignore[untyped-decorator]  # Ibis leaves it untyped
def bit_or(bits: int) -> int:
    """The bits that any number of the group has."""
    raise NotImplementedError("the engine does it")
