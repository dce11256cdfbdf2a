"""What is it worth, to them and to us, and what does serving them cost?

In  : touches, lapses, rates (tables), the blueprint's `value` and `channels`.
Out : purchases, value, cost_to_serve, and the fitted models' rows of `models`.
"""

from __future__ import annotations

from regard.value import fits
from regard.value.estimate import Appraised, estimate

__all__ = ["Appraised", "estimate", "fits"]
