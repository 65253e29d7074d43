"""Means over seeds with their intervals, and corrections for several tests.

References
----------
Holm, A simple sequentially rejective multiple test procedure, 1979. Benjamini and Hochberg,
Controlling the false discovery rate, 1995.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from lamella.studies.analysis.samples import seeds_and_samples
from lamella.studies.analysis.student import Student

SAME = 1e-7
"""Relative difference below which two numbers differ by rounding only."""


@dataclass(frozen=True)
class Estimate:
    """A mean over seeds with its uncertainty.

    Attributes
    ----------
    mean, sd : float
        The standard deviation divides by n - 1; nan for one seed. Both are nan if some seeds never
        reach a score: a mean of the others would be too good.
    low, high : float
        95% t interval of the mean; nan for one seed, and if all seeds gave the same number, since
        the spread is then unknown.
    n : int
        Number of seeds with a finite value.
    median : float
        Runs that diverged or never reached a score count as infinite; nan without runs.
    of : int
        Number of seeds with a value or with one that counts as infinite.
    """

    mean: float
    sd: float
    low: float
    high: float
    n: int
    median: float = math.nan
    of: int = 0

    def text(self, show: Callable[[float], str]) -> str:
        """Return the mean as text; if some seeds have no number, the median and how many do."""
        if self.n == self.of:
            return show(self.mean)
        return f"median {show(self.median)}, {self.n} of {self.of} got there"


def estimate(values: Sequence[float], correct: Sequence[np.ndarray] = ()) -> Estimate:
    """Return mean, standard deviation and 95% t interval of the finite values.

    Parameters
    ----------
    values : sequence of float
        One per seed; NaN counts as missing.
    correct : sequence of array (N,), optional
        Right and wrong answers of the same runs, if the values are their accuracies. The variance
        is then at least that of the residual, see `seeds_and_samples`: two or three seeds near 100%
        may agree by chance.
    """
    x = np.asarray(values, np.float64)
    x = x[np.isfinite(x)]
    n = len(x)
    mean = median = math.nan
    if n:
        mean, median = float(x.mean()), float(np.median(x))
    if n < 2:
        return Estimate(mean, math.nan, math.nan, math.nan, n, median, n)
    same = is_constant(x, x)
    sd = 0.0 if same else float(x.std(ddof=1))
    floored = seeds_and_samples(np.array(correct)) if len(correct) == n else None
    if same and floored is None:
        return Estimate(mean, sd, math.nan, math.nan, n, median, n)
    error = floored[0].error if floored else sd / math.sqrt(n)
    low, high = Student(mean, error, n - 1).interval()
    return Estimate(mean, sd, low, high, n, median, n)


def censored(values: Sequence[float]) -> Estimate:
    """Return the estimate of values of which infinite ones were never reached; NaN is missing."""
    x = np.asarray(values, np.float64)
    x = x[~np.isnan(x)]
    if np.isfinite(x).all():
        return estimate(list(x))
    reached = int(np.isfinite(x).sum())
    nan = math.nan
    return Estimate(nan, nan, nan, nan, reached, float(np.median(x)), len(x))


def holm(p_values: Sequence[float]) -> list[float]:
    """Correct p-values by Holm's method, which bounds the probability of any false positive.

    The smallest of m is multiplied by m, the next by m - 1, and so on; none may fall below the
    previous one or exceed 1. nan means "not tested": it stays nan and is not counted.
    """
    tested = sorted((p, place) for place, p in enumerate(p_values) if not math.isnan(p))
    corrected = [math.nan] * len(p_values)
    least = 0.0
    for rank, (p, place) in enumerate(tested):
        least = corrected[place] = max(least, min(1.0, (len(tested) - rank) * p))
    return corrected


def false_discovery(p_values: Sequence[float]) -> list[float]:
    """Correct p-values so that at most 5% of those below 0.05 are expected to be false.

    Of m p-values in ascending order, the k-th is multiplied by m / k; none may exceed the next.
    This holds for independent tests and for those that depend on each other positively, such as
    comparisons with a common arm. nan stays nan and is not counted.
    """
    tested = sorted((p, place) for place, p in enumerate(p_values) if not math.isnan(p))
    found, least = [math.nan] * len(p_values), 1.0
    for rank, (p, place) in reversed(list(enumerate(tested, start=1))):
        least = found[place] = min(least, p * len(tested) / rank)
    return found


def is_constant(x: np.ndarray, sizes: np.ndarray) -> bool:
    """Whether ``x`` varies by no more than the rounding of numbers as large as ``sizes``."""
    return bool(np.ptp(x) <= SAME * np.abs(sizes).max())
