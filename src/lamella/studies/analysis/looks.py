"""Tests of a study that grows: p-values that hold whenever one stops.

Looking after every seed from 2 to 20, and stopping at the first p < 0.05, finds a difference in a
quarter of the studies whose arms do not differ. Looks can be paid for: at n_1 < n_2 < ... of at
most N seeds, and with p_n of the first n seeds,

    M_n = min over looks m <= n of p_m / w_m,    w_m = m / N
    sequential p = F(M_n),    F = distribution of M_N if the arms do not differ

F depends on the looks alone, since t does not depend on the scale of the scores. It is simulated
once, from normal differences. A difference is shown at level a as soon as p_n <= c w_n, where
F(c) = a: later looks have more of the level.

References
----------
Jennison and Turnbull, Interim analyses: the repeated confidence interval approach, 1989. Lan and
DeMets, Discrete sequential boundaries for clinical trials, 1983.
"""

import functools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from lamella.studies.analysis.student import special

PATHS, AT_ONCE = 200_000, 20_000  # of F: its error at 0.05 is 0.0005
SEED = 1989  # so that F is the same in every process


@dataclass(frozen=True)
class Looks:
    """Numbers of seeds at which a growing study is looked at.

    Attributes
    ----------
    at : tuple of int
        Ascending, from 2.
    seeds : int
        Seeds so far, one of ``at``.
    """

    at: tuple[int, ...]
    seeds: int

    @property
    def taken(self) -> tuple[int, ...]:
        """The looks so far, with the present one."""
        return tuple(n for n in self.at if n <= self.seeds)

    def p_value(self, p_values: Sequence[float]) -> float:
        """Return the sequential p of the p-values at the looks so far; nan before the first."""
        most = self.at[-1]
        found = [p * most / n for p, n in zip(p_values, self.taken, strict=True) if p == p]
        if not found or len(self.at) == 1:
            return p_values[-1]
        minima = _null_minima(self.at)
        return float(np.searchsorted(minima, min(found), side="right") + 1) / (len(minima) + 1)

    def level(self, alpha: float) -> float:
        """Return the level of the present look, such that all looks together have ``alpha``."""
        if len(self.at) == 1:
            return alpha
        minima = _null_minima(self.at)
        return float(minima[int(alpha * len(minima))]) * self.seeds / self.at[-1]

    def __str__(self) -> str:
        *others, last = map(str, self.taken)
        counts = f"{', '.join(others)} and {last}" if others else last
        return f"looked at after {counts} of at most {self.at[-1]} seeds"


def planned_or_past(planned: Sequence[int], past: Sequence[int], seeds: int) -> Looks | None:
    """Return the looks at a study with so many seeds; None if this is the only one.

    Parameters
    ----------
    planned : sequence of int
        Numbers of seeds fixed beforehand; empty if none were.
    past : sequence of int
        Numbers of seeds with which the study was complete before more were added.
    seeds : int
    """
    at = list(planned) if seeds in planned else [n for n in past if n < seeds] + [seeds]
    at = [n for n in at if n >= 2]
    return Looks(tuple(at), seeds) if len(at) > 1 else None


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
