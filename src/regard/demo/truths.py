"""What is true of the demo company, planted on purpose; the docs print it and the tests recover it.

The people of Halvermoor answer by a stated model. What they will say of an order is a cumulative logit with the
cut-points CSAT_CUTS and eta = the person's own leaning + ORDER times what happened to that order. How they regard the
company is another, with NPS_CUTS and eta = leaning + REGARD times everything that happened to them before, each faded
by `memory`. Who answers is not chance: people who think well of us answer more, and the quiet coast hardly at all.
"""

from __future__ import annotations

import datetime as dt

import numpy as np
import numpy.typing as npt

PEOPLE = 24_000
SEED = 20250101
YEAR = 2025
ZONE = "Europe/Brussels"
CURRENCY = "EUR"

LEANING_SD = 0.6
"""Standard deviation of what a person brings along, in eta, on both levels."""

CSAT_CUTS = (-3.0, -2.2, -1.3, 0.3)
"""Between the answers 1|2|3|4|5 about an order."""

NPS_CUTS = (-1.2, 0.5)
"""Between detractor (0 to 6), passive (7, 8) and promoter (9, 10)."""

ORDER = {"late": -1.1, "late_to_7_days": -1.2, "left_at_entrance": -1.9, "new_packaging": 0.0}
"""What happened to an order, in eta on what its customer says of it: late at all; grows to this at seven days late
(in addition, in proportion); left at the block's entrance; came in the new packaging: nothing."""

REGARD = {"late": -0.9, "late_to_7_days": -0.8, "payment_failed": -1.2, "left_at_entrance": -0.5, "good": 0.15,
          "apology": 0.4}  # fmt: skip
"""The same for how they regard the company: `good` is an order on time and at the door."""

LOSS_DAYS, GAIN_DAYS, FLOOR = 150.0, 60.0, 0.25


def memory(days: npt.NDArray[np.float64], *, loss: bool) -> npt.NDArray[np.float64]:
    """What is left after so many days: a floor that stays, and a part that fades, slower for the bad."""
    return np.asarray(FLOOR + (1 - FLOOR) * np.exp(-days / (LOSS_DAYS if loss else GAIN_DAYS)), dtype=np.float64)


RESPONSE = 0.075
"""Share of those asked who answer, at a middling regard; each eta of regard adds RESPONSE_SLOPE to its logit."""

RESPONSE_SLOPE = 0.35
QUIET_REGION = "coast"
QUIET_RESPONSE = 0.02
"""Share of the coast that answers."""

# Story 1. Those who answer are steady while a quiet segment, broken by an incident, falls.
INCIDENT = (dt.date(2025, 8, 25), dt.date(2025, 10, 19))
"""The coast moves to a new payment provider and a new parcel depot, and both fail, from the first day to the last."""

INCIDENT_PAYMENT_FAILS = 0.5
INCIDENT_LATE = 0.85
INCIDENT_LATE_DAYS = (4, 12)

# Story 2. Kept in letter only: "to your door" ends at the block's entrance.
LETTER_REGION = "hills"
LETTER_FROM = dt.date(2025, 4, 1)
LETTER_SHARE = 0.92
"""Of deliveries to flats in the hills since the new courier began; the scanner says "to your door" all the same."""

STAFF_RATING = 4.7
"""What couriers and shop staff expect customers to say, on the average, of 1 to 5."""

# Story 3. A delighted sponsor, failing users, a renewal ahead, and a "difficult" customer of our own making.
ACCOUNT = "Tarn Valley Clinics"
RENEWAL = dt.date(2026, 3, 1)
FAILING_FROM = dt.date(2025, 7, 1)
FAILING_LATE = 0.7
DIFFICULT = "ines.kerkhove@tarnvalley.example"
DIFFICULT_CONTACTS = 24
"""Each of them follows a late delivery of the order it is about."""

# A false lead. A new packaging came together with a slower warehouse: raw means differ, the packaging does nothing.
PACKAGING_FROM = dt.date(2025, 11, 3)
PACKAGING_SHARE = 0.65
"""Of the orders of the east warehouse since then; the west keeps the old one."""

SLOW_WAREHOUSE_LATE = 0.34
"""Share of the east warehouse's orders that are late since then; 0.06 before, and in the west."""

USUAL_LATE = 0.06
USUAL_PAYMENT_FAILS = 0.015
VULNERABLE = 120
"""People who need assistance: their calls are long, and never rank them down."""
