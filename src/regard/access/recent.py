"""Answers that hold for a few seconds: so many, so long, the oldest go first."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")

MOST = 4_096


class Recent(Generic[K, V]):
    """Looked up at most every `hold_s` for each name. What is not there is held apart, so that a flood of made-up
    names costs look-ups and never pushes out one that is real.

    hold_s : seconds an answer holds, counted from before it was looked up.
    clock  : seconds that only go forwards.
    """

    def __init__(self, *, hold_s: float, most: int = MOST, clock: Callable[[], float] = time.monotonic) -> None:
        self._hold_s, self._most, self._clock = hold_s, most, clock
        self._alone = threading.Lock()
        self._known: OrderedDict[K, tuple[float, V]] = OrderedDict()
        self._missing: OrderedDict[K, float] = OrderedDict()

    def get(self, name: K, look: Callable[[], V | None]) -> V | None:
        """The answer held for `name`, else what `look` finds."""
        now = self._clock()
        known = self._known.get(name)  # one step for the interpreter: the usual case needs no lock
        if known is not None and now - known[0] < self._hold_s:
            return known[1]
        missing = self._missing.get(name)
        if missing is not None and now - missing < self._hold_s:
            return None
        found = look()
        with self._alone:
            self._known.pop(name, None)
            self._missing.pop(name, None)
            if found is None:
                self._missing[name] = now
            else:
                self._known[name] = (now, found)
            for held in (self._known, self._missing):
                while len(held) > self._most:
                    held.popitem(last=False)
        return found

    def clear(self) -> None:
        """Forget everything: something was changed here."""
        with self._alone:
            self._known.clear()
            self._missing.clear()
