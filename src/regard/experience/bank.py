"""The bank of perceptions: what each person's interactions paid in and took out (R27)."""

from __future__ import annotations

import ibis.expr.types as ir


def bank(contributions: ir.Table) -> ir.Table:
    """Each person's deposits and withdrawals as of now, in points of the score, and the balance they leave.

    contributions : the table of that name.
    Returns       : person_id, level, opening (what has no interaction: the base, the account, the person), deposits,
                    withdrawals (negative), balance: the three together, which is the score; n_deposits, n_withdrawals.
    """
    rows = contributions.mutate(by_interaction=contributions.interaction_id.notnull())
    good, bad = rows.by_interaction & (rows.points > 0), rows.by_interaction & (rows.points < 0)

    def paid(which: ir.BooleanValue) -> ir.FloatingScalar:
        return which.ifelse(rows.points, 0.0).sum()

    return rows.group_by("person_id", "level").agg(
        opening=paid(~rows.by_interaction),
        deposits=paid(good),
        withdrawals=paid(bad),
        balance=rows.points.sum(),
        n_deposits=good.ifelse(1, 0).sum(),
        n_withdrawals=bad.ifelse(1, 0).sum(),
    ).select(
        "person_id", "level", "opening", "deposits", "withdrawals", "balance", "n_deposits", "n_withdrawals"
    )  # fmt: skip
