"""Rows of pictures that several pages share."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Dot:
    """One row of a picture of scores. link : where its label leads; inner : a part of the row above."""

    label: str
    says: str
    score: float
    low: float | None
    high: float | None
    n: int
    tone: str
    shape: str = ""
    link: str = ""
    inner: bool = False
