"""Tests of paired differences by rank, for runs that have no number but are worse than any.

References
----------
Wilcoxon, Individual comparisons by ranking methods, 1945. Lachenbruch, Analysis of data with excess
zeros, 2002, of tests that rank a failure worst.
"""

import numpy as np


def signed_rank(d: np.ndarray) -> tuple[float, int]:
    """Return the exact two-sided p-value of the signed-rank test, and its direction.

    Parameters
    ----------
    d : array (n,)
        Paired differences; infinite where one of the two runs diverged. These share the highest
        rank, equal sizes share their mean rank, and zeros are left out.

    Returns
    -------
    p : float
        Part of the 2^m assignments of signs to the m ranks whose sum is at least as extreme.
    direction : int
        1 if the positive ranks weigh more, -1 if the negative do, else 0.
    """
    d = d[d != 0]
    size = np.abs(d)
    # Twice the mean rank, a whole number: how many are smaller, and how many are not larger.
    ranks = (size < size[:, None]).sum(axis=1) + (size <= size[:, None]).sum(axis=1) + 1
    chances = np.ones(1)  # of each sum of the positive ranks
    for rank in ranks:
        step = np.zeros(rank + 1)
        step[[0, -1]] = 0.5
        chances = np.convolve(chances, step)
    positive = int(ranks[d > 0].sum())
    tail = min(chances[: positive + 1].sum(), chances[positive:].sum())
    return min(1.0, 2 * float(tail)), int(np.sign(2 * positive - ranks.sum()))


def all_or_none(pairs: int) -> float:
    """Return the two-sided p-value of pairs in which one arm always fails and the other never.

    Runs of equal arms with one seed fail independently, each with the same probability q: one
    fails and the other does not with probability q (1 - q) <= 1/4. In all n pairs, and in either
    direction, this happens with probability 2 / 4^n at most.
    """
    return 2 * 0.25**pairs
