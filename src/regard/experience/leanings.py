"""What people and accounts say beyond what their impressions explain: the shrunken intercepts u and v.

One Newton step from zero on a person's earlier answers: v = s2 * G / (1 + s2 * H), G the sum of residuals, H of
information. The variance s2 is the moment estimate from pairs of answers of one person, held to a stated prior.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
IDENTIFIED = 0.8


@dataclass
class Leanings:
    """Running sums of residuals g and information h, by person and by account (-1: none)."""

    g_person: Floats
    h_person: Floats
    g_account: Floats
    h_account: Floats
    account_of: Ints
    g2: float = 0.0
    h2: float = 0.0

    @classmethod
    def none(cls, n_persons: int, n_accounts: int) -> Leanings:
        """Before anybody has answered."""
        person, account = np.zeros(n_persons), np.zeros(n_accounts)
        nowhere = np.full(n_persons, -1, dtype=np.int64)
        return cls(person, person.copy(), account, account.copy(), account_of=nowhere)

    def add(self, person: Ints, account: Ints, g: Floats, h: Floats) -> None:
        """Take in answers."""
        np.add.at(self.g_person, person, g)
        np.add.at(self.h_person, person, h)
        has = account >= 0
        np.add.at(self.g_account, account[has], g[has])
        np.add.at(self.h_account, account[has], h[has])
        self.account_of[person[has]] = account[has]
        self.g2 += float(g @ g)
        self.h2 += float(h @ h)

    def variances(self, person_prior: float, account_prior: float) -> tuple[float, float]:
        """Variance between persons (within an account) and between accounts, each shrunk to its prior."""
        within = (float(self.g_person @ self.g_person) - self.g2, float(self.h_person @ self.h_person) - self.h2)
        member = self.account_of >= 0
        g, h = self.g_person[member], self.h_person[member]
        across = (float(self.g_account @ self.g_account - g @ g), float(self.h_account @ self.h_account - h @ h))
        account = _shrunk(across, account_prior)
        if account > 0 and member.any():
            shared = float(h @ h) / max(float(self.h_person @ self.h_person), 1e-12)
            within = (within[0] - account * shared * within[1], within[1])
        return _shrunk(within, person_prior), account

    def of(self, person: Ints, account: Ints, person_var: float, account_var: float) -> tuple[Floats, Floats, Floats]:
        """u of the accounts, v of the persons, and the variance that is left of their sum. -1: never answered."""
        known, member = person >= 0, account >= 0
        ga = np.where(member, self.g_account[account] if len(self.g_account) else 0.0, 0.0)
        ha = np.where(member, self.h_account[account] if len(self.h_account) else 0.0, 0.0)
        gp = np.where(known, self.g_person[person] if len(self.g_person) else 0.0, 0.0)
        hp = np.where(known, self.h_person[person] if len(self.h_person) else 0.0, 0.0)
        u = account_var * ga / (1 + account_var * ha)
        v = person_var * (gp - hp * u) / (1 + person_var * hp)
        left = person_var / (1 + person_var * hp) + np.where(member, account_var / (1 + account_var * ha), 0.0)
        return u, v, left


def _shrunk(pairs: tuple[float, float], prior: float) -> float:
    """The moment estimate of a variance from pairs, weighed against a prior of sd equal to its mean.

    Stays at the prior while its sd has not fallen to four fifths of the prior's.
    """
    products, information = pairs
    if information <= 0:
        return prior
    precision = information / 2 + 1 / prior**2
    if precision**-0.5 > IDENTIFIED * prior:
        return prior
    return max(0.0, (products / 2 + 1 / prior) / precision)
