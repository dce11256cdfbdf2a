"""Do customers say what was expected of them, however much they went through and however long they have been here?

A score that is a sum could come to mean volume: more interactions, higher score. So what was expected of each answer is
held against what was said, apart for few and many interactions, for new and old customers, and for those of whom little
and much was expected: a score that goes too far says more than customers do at its ends.
"""

from __future__ import annotations

from collections.abc import Sequence

import ibis
import ibis.expr.types as ir
from scipy.stats import norm

from regard.engine import seconds_between
from regard.experience.model import FEWEST, Z90

DAY = 86_400.0
INTERACTIONS = ((0, "none"), (1, "1"), (2, "2"), (3, "3 to 5"), (6, "6 to 10"), (11, "11 to 20"), (21, "21 to 50"),
                (51, "51 to 100"), (101, "over 100"))  # fmt: skip
TENURE = ((0.0, "under an hour"), (3600.0, "under a day"), (DAY, "under a week"), (7 * DAY, "under a month"),
          (30 * DAY, "under 3 months"), (90 * DAY, "under a year"), (365 * DAY, "under 3 years"),
          (1095 * DAY, "under 10 years"), (3650 * DAY, "10 years and more"))  # fmt: skip
EXPECTED = ((-100.0, "under -75"), (-75.0, "-75 to -50"), (-50.0, "-50 to -25"), (-25.0, "-25 to 0"), (0.0, "0 to 25"),
            (25.0, "25 to 50"), (50.0, "50 to 75"), (75.0, "75 and more"))  # fmt: skip
CHANCE = 0.05
"""How often a level whose answers are as expected may be called off anywhere among the buckets of one table."""
WORTH_SAYING = 2.0
"""Points of net rating; a smaller gap is not called off, however sure it is."""


def calibration(predictions: ir.Table, feedback: ir.Table, touches: ir.Table) -> ir.Table:
    """What was expected of answers beside what was said, by interactions, by tenure and by what was expected.

    predictions : the table of that name; those made on stated priors are left out. feedback : what was said.
    touches     : for each person's first.
    Returns     : the table `calibration` without as_of. The interval of what was said counts a person once, since one
                  person's answers resemble each other. A bucket is off when, at 5 % shared out over the buckets of a
                  kind (Bonferroni), what was expected lies outside it by more than chance, and by 2 points or more;
                  at least 30 people must have answered.
    """
    met = touches.filter(touches.person_id.notnull())
    first = met.group_by("person_id").agg(first_at=met["at"].min())
    said = feedback.select("feedback_id", "class")
    rows = predictions.filter(predictions.fitted_until.notnull()).join(said, "feedback_id")
    rows = rows.left_join(first, "person_id").drop("person_id_right")
    rows = rows.mutate(
        expected=100.0 * (rows.p_promoter - rows.p_detractor),
        observed=100.0 * rows["class"].cast("float64"),
        tenure=ibis.coalesce(seconds_between(rows.first_at, rows["at"]), 0.0),
    )
    whole = rows.mutate(by=ibis.literal("all"), place=ibis.literal(0, "int64"), bucket=ibis.literal("all"))
    parts = [whole, _cut(rows, "interactions", rows.n_interactions, INTERACTIONS)]
    parts.append(_cut(rows, "tenure", rows.tenure, TENURE))
    parts.append(_cut(rows, "expected", rows.expected, EXPECTED))
    shared = ("person_id", "level", "by", "place", "bucket", "expected", "observed")
    return _judged(ibis.union(*(part.select(*shared) for part in parts)))


def _cut(rows: ir.Table, by: str, value: ir.NumericValue, buckets: Sequence[tuple[float, str]]) -> ir.Table:
    places = [(value >= start, place) for place, (start, _) in reversed(list(enumerate(buckets)))]
    names = [(value >= start, name) for start, name in reversed(buckets)]
    return rows.mutate(
        by=ibis.literal(by),
        place=ibis.cases(*places, else_=0).cast("int64"),
        bucket=ibis.cases(*names, else_=buckets[0][1]),
    )


def _judged(rows: ir.Table) -> ir.Table:
    key = ["level", "by", "place", "bucket"]
    people = rows.group_by(*key, "person_id").agg(
        n=rows.count(), expected=rows.expected.sum(), observed=rows.observed.sum()
    )
    means = people.group_by(key).agg(
        n=people.n.sum(), n_people=people.count(), expected=people.expected.sum(), observed=people.observed.sum()
    )
    means = means.mutate(expected=means.expected / means.n, observed=means.observed / means.n)
    each = people.join(means.select(*key, gap=means.observed - means.expected), key)
    away = each.observed - each.expected - each.n * each.gap
    spread = each.mutate(square=away * away).group_by(key).agg(squares=ibis._.square.sum())
    found = means.join(spread, key)
    sd = found.squares.sqrt() / found.n
    buckets = ibis.window(group_by=["level", "by"])
    found = found.mutate(sd=sd, among=found.count().over(buckets))
    limit = ibis.cases(*((found.among == n, float(norm.isf(CHANCE / 2 / n))) for n in range(2, 10)), else_=1.96)
    gap = (found.observed - found.expected).abs()
    off = (found.n_people >= FEWEST) & (gap > limit * found.sd) & (gap >= WORTH_SAYING)
    low, high = found.observed - Z90 * found.sd, found.observed + Z90 * found.sd
    low, high = ibis.greatest(low, ibis.literal(-100.0)), ibis.least(high, ibis.literal(100.0))
    return found.select(*key, "n", "n_people", "expected", "observed", low=low, high=high, off=off)
