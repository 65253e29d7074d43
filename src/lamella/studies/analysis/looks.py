"""Tests of a study that grows: p-values that hold whenever one stops.

Looking after every seed from 2 to 20, and stopping at the first p < 0.05, finds a difference in a
quarter of the studies whose arms do not differ. Looks can be paid for: at n_1 < n_2 < ... of at
most N seeds, and with p_n of the first n seeds,

    M_n = min over looks m <= n of p_m / w_m,    w_m = m / N
    sequential p = F(M_n),    F = distribution of M_N if the arms do not differ

F depends on the looks alone, since t does not depend on the scale of the scores. It is simulated
once, from normal differences. A difference is shown at level a as soon as p_n <= c w_n, where
F(c) = a: later looks have more of the level.

Looks that nobody planned cannot be paid for like this: the first comparison of a study has had the
whole level. All later ones share a tenth of it, so that a study that is extended until a difference
is shown has 1.1 times the level: p of the j-th extension is multiplied by 10 j (j + 1), since
1/2 + 1/6 + 1/12 + ... = 1. A verdict of before stays as long as the plain p stays below the level.
A plan that is made after a look is such an extension, as a whole.

References
----------
Jennison and Turnbull, Interim analyses: the repeated confidence interval approach, 1989. Lan and
DeMets, Discrete sequential boundaries for clinical trials, 1983.
"""

import functools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from lamella.core.wording import listed
from lamella.studies.analysis.student import special

PATHS, AT_ONCE = 200_000, 2_000  # of F: its error at 0.05 is 0.0005
SEED = 1989  # so that F is the same in every process
RESERVE = 0.1  # of the level, for all looks after the first that nobody planned


@dataclass(frozen=True)
class Looks:
    """Numbers of seeds at which a growing study is looked at.

    Attributes
    ----------
    at : tuple of int
        Ascending, from 2.
    seeds : int
        Seeds so far, one of ``at``.
    planned : bool
        Whether ``at`` was fixed before the first look.
    before : int
        Unplanned looks, or plans, before ``at``.
    """

    at: tuple[int, ...]
    seeds: int
    planned: bool = True
    before: int = 0

    @property
    def taken(self) -> tuple[int, ...]:
        """The looks so far, with the present one."""
        return tuple(n for n in self.at if n <= self.seeds)

    def p_value(self, p_values: Sequence[float]) -> float:
        """Return the p of all looks together from those so far; nan before the first."""
        pairs = [(p, n) for p, n in zip(p_values, self.taken, strict=True) if p == p]
        if not pairs:
            return p_values[-1]
        if not self.planned:
            charged = [self._price(n) * p for p, n in pairs]
            return min(1.0, max(pairs[-1][0], min(charged)))
        if len(self.at) == 1:
            return min(1.0, self._price() * p_values[-1])
        minima, least = _null_minima(self.at), min(p * self.at[-1] / n for p, n in pairs)
        p = float(np.searchsorted(minima, least, side="right") + 1) / (len(minima) + 1)
        return min(1.0, self._price() * p)

    def level(self, alpha: float) -> float:
        """Return the level of the present look, such that all looks together have ``alpha``.

        With looks that nobody planned, 1.1 times ``alpha``.
        """
        if not self.planned:
            return alpha / self._price(self.seeds)
        alpha /= self._price()
        if len(self.at) == 1:
            return alpha
        minima = _null_minima(self.at)
        return float(minima[int(alpha * len(minima))]) * self.seeds / self.at[-1]

    def _price(self, seeds: int | None = None) -> float:
        """Return the factor of p at an unplanned look, or of a plan as a whole."""
        extension = self.before + (0 if seeds is None else self.at.index(seeds))
        return extension * (extension + 1) / RESERVE if extension else 1.0

    def __str__(self) -> str:
        price = self._price(None if self.planned else self.seeds)
        after = "an earlier look" if self.planned else "looks that nobody planned"
        note = f" (p is multiplied by {price:g}, after {after})" if price > 1 else ""
        most = f" of at most {self.at[-1]}" if self.planned else ""
        return f"looked at after {listed(self.taken)}{most} seeds{note}"


def planned_or_past(planned: Sequence[int], past: Sequence[int], seeds: int) -> Looks | None:
    """Return the looks at a study with so many seeds; None if this is the only one.

    Parameters
    ----------
    planned : sequence of int
        Numbers of seeds fixed beforehand; empty if none were.
    past : sequence of int
        Numbers of seeds, outside of the plan, with which the study was complete before more were
        added.
    seeds : int
    """
    past = [n for n in past if n >= 2]
    if seeds in planned:
        found = Looks(tuple(n for n in planned if n >= 2), seeds, before=len(past))
    else:
        at = (*(n for n in past if n < seeds), seeds)
        found = Looks(at, seeds, planned=False, before=int(bool(planned)))
    return found if seeds >= 2 and (len(found.at) > 1 or found.before) else None


@functools.lru_cache(maxsize=16)
def _null_minima(at: tuple[int, ...]) -> np.ndarray:
    """Return M_N of many paths of normal differences with mean 0, sorted."""
    n, rng = np.array(at), np.random.default_rng(SEED)
    minima = []
    for _ in range(PATHS // AT_ONCE):
        d = rng.standard_normal((AT_ONCE, at[-1]))
        sums = np.cumsum(d, axis=1)[:, n - 1]
        squares = np.cumsum(d * d, axis=1)[:, n - 1]
        t = sums / np.sqrt((squares - sums * sums / n) * n / (n - 1))
        p = 2 * special().stdtr(n - 1, -np.abs(t))
        minima.append((p * at[-1] / n).min(axis=1))
    return np.sort(np.concatenate(minima))
