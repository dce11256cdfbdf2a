"""How fast a sender may send: a bucket of events that fills at the key's rate."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable

BURST_S = 2.0
MOST = 10_000
ROUNDING = 1e-6
"""Seconds: whoever waited as long as they were told passes."""


class Pace:
    """Buckets in the memory of one process, one for each name. Safe for threads.

    A bucket holds two seconds' worth of events. A batch passes whole unless there is a debt, and may leave
    one, so that a batch larger than the bucket is slowed down but never refused for ever.

    clock : seconds that only go forwards.

    >>> seconds = iter([0.0, 0.0, 1.0, 5.0])
    >>> pace = Pace(clock=lambda: next(seconds))
    >>> [pace.take("shop", 30, rate=10.0) for _ in range(4)]
    [0.0, 1.0, 0.0, 0.0]
    """

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._alone = threading.Lock()
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, name: str, n: int, *, rate: float | None) -> float:
        """Take room for `n` events, or say how long to wait.

        rate    : events a second; None where nothing limits them.
        Returns : 0 where they may pass; else seconds until the debt is paid, and nothing was taken.
        """
        if rate is None:
            return 0.0
        now = self._clock()
        with self._alone:
            left, at = self._left.pop(name, (rate * BURST_S, now))
            left = min(rate * BURST_S, left + (now - at) * rate)
            wait = 0.0 if left > -ROUNDING * rate else -left / rate
            self._left[name] = (left if wait else left - n, now)
            if len(self._left) > MOST:
                self._left.popitem(last=False)
        return wait
