"""How far the answers reach: beyond what anybody who answered had met, a weight is as unsure as before they were heard.

    eta |
        |--.
        |   `--.  fitted     a score is a sum: it goes on straight where nobody who answered has been. Twelve failures
        |       `--.         count twelve times one. They may, or the fourth may have been the last that counted: the
        |           |`- - - - - - - -  it wears out              answers cannot say, so the interval holds both.
        |           |   ` .
        |           |       ` .  straight on
        +-----------+-------------------- met
                  reach

Where failures wear out and hardly anybody who answered had met four, no 90 % interval of people with eight or more
held the truth without this; with it three quarters do (ADR-0012 has the table).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from regard.experience.model import FEWEST, Z90, Model

Floats = NDArray[np.float64]
FARTHEST = 0.1
"""The part of those who met a thing, the farthest, who do not show whether the line goes on."""


def reached(columns: Floats) -> tuple[Floats, Floats]:
    """The least and the most of each term that answers speak for: nine in ten of those that had met it, 0 always.

    columns : what each answer had met, by term (`features`), eta for a weight of 1.
    Returns : on either side of 0, the place beyond which a tenth of the answers on that side lie, but at least
              `FEWEST`: the rest are too few to show whether the line bends there.

    >>> low, high = reached(np.arange(1.0, 1001.0)[:, None])
    >>> float(low[0]), float(high[0])
    (0.0, 901.0)
    """
    most = [_edge(column[column > 0]) for column in columns.T]
    least = [0.0 - _edge(-column[column < 0]) for column in columns.T]
    return np.array(least), np.array(most)


def _edge(values: Floats) -> float:
    if len(values) < FEWEST:
        return 0.0
    place = len(values) - max(FEWEST, int(len(values) * FARTHEST))
    return float(np.partition(values, place)[place])


def beyond(columns: Floats, model: Model) -> Floats:
    """By how much each person's terms lie outside what the answers reach; 0 within."""
    low, high = model.reach
    return np.maximum(columns - high, 0.0) - np.maximum(low - columns, 0.0)


def unsure(model: Model) -> Floats:
    """Standard deviation that each weight has out there, over what the joint fit already says.

    The variance that answers took away from the prior comes back; but a lapse cannot help, nor a good word hurt, out
    there either: within its 90 % interval a weight stays inside its bounds, from "nothing more" to "twice as much".
    """
    first = 2 * len(model.scales)
    heard = np.diag(model.covariance)[first : len(model.theta)]
    back = np.sqrt(np.maximum(model.prior.sd[first:] ** 2 - heard, 0.0))
    room = np.minimum(model.weights - model.prior.lower[first:], model.prior.upper[first:] - model.weights)
    return np.minimum(back, np.maximum(room, 0.0) / Z90)
