"""Times of which some are only known to be longer: survival curve, median and restricted mean.

References
----------
Kaplan and Meier, Nonparametric estimation from incomplete observations, 1958. Royston and Parmar,
Restricted mean survival time, 2013.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

HALF = 0.5 + 1e-12
"""1/2 with room for rounding."""


@dataclass(frozen=True)
class Survival:
    """Fraction of runs that have not reached a score yet, by time.

    Attributes
    ----------
    times : array (K,)
        Times at which runs reached it, ascending.
    fractions : array (K,)
        From each of these times on. The fraction is 1 before the first.
    followed : float
        The fraction is known up to this time; infinite if no run is censored after the last that
        reached it.
    """

    times: np.ndarray
    fractions: np.ndarray
    followed: float

    @property
    def median(self) -> float:
        """First time at which half of the runs have reached it; infinite if half never do.

        If the fraction is exactly 1/2 up to the next time, the mean of both times.
        """
        below = np.flatnonzero(self.fractions <= HALF)
        if not len(below):
            return math.inf
        first = below[0]
        if self.fractions[first] < 1 - HALF:
            return float(self.times[first])
        after = self.times[first + 1] if first + 1 < len(self.times) else math.inf
        return float(self.times[first] + after) / 2

    def mean(self, until: float) -> float:
        """Return the mean of min(time, ``until``): the area under the curve."""
        steps = np.append(self.times[self.times < until], until)
        fractions = np.append(1.0, self.fractions[: len(steps) - 1])
        return float(np.dot(np.diff(steps, prepend=0.0), fractions))


def survival(reached: Sequence[float], censored: Sequence[float]) -> Survival:
    """Return the Kaplan-Meier estimate: the product of 1 - d / n over times so far.

    Here d runs reach the score at a time, out of n that have not before and are still followed.

    Parameters
    ----------
    reached : sequence of float
        Times of the runs that reached it.
    censored : sequence of float
        Times up to which the others were followed; infinite for runs that never can.
    """
    times, counts = np.unique(np.asarray(reached, np.float64), return_counts=True)
    everyone = np.sort([*reached, *censored])
    at_risk = len(everyone) - np.searchsorted(everyone, times)
    last = max((time for time in censored if math.isfinite(time)), default=-math.inf)
    followed = last if last >= max(reached, default=0.0) else math.inf
    return Survival(times, np.cumprod(1 - counts / at_risk), followed)
