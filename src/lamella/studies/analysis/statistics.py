"""Statistics over seeds: intervals of means, and paired tests between arms.

Seeds are paired: with one seed, all arms see the same data in the same order and start from the
same weights. Arms are therefore compared by their differences per seed, which removes the variation
that all arms share.

References
----------
Student, The probable error of a mean, 1908. Holm, A simple sequentially rejective multiple test
procedure, 1979.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np

from lamella.core.errors import MissingExtraError

CONFIDENCE, SIGNIFICANCE = 0.95, 0.05
SAME = 1e-7
"""Relative difference below which two numbers differ by rounding only."""

Verdict = Literal["better", "worse", "no difference shown", "no verdict"]


@dataclass(frozen=True)
class Estimate:
    """A mean over seeds with its uncertainty.

    Attributes
    ----------
    mean, sd : float
        The standard deviation divides by n - 1; nan for one seed.
    low, high : float
        95% t interval of the mean; nan for one seed, and if all seeds gave the same number, since
        the spread is then unknown.
    n : int
        Number of seeds with a finite value.
    """

    mean: float
    sd: float
    low: float
    high: float
    n: int


@dataclass(frozen=True)
class Difference:
    """Difference between two arms, paired by seed.

    Attributes
    ----------
    arm, to : str
        The difference is ``arm`` minus ``to``.
    mean, low, high : float
        Mean of the differences and its 95% t interval, not corrected for other pairs.
    p : float
        Of the paired t-test: the probability of a mean difference at least as large if the arms
        do not differ.
    p_adjusted : float
        ``p`` after Holm's correction for all compared pairs.
    n : int
        Number of seeds that both arms have.
    verdict : {"better", "worse", "no difference shown", "no verdict"}
        "better" or "worse" only if ``p_adjusted`` < 0.05. "no verdict" with fewer than two seeds.
    note : str
        Remark for the reader, such as missing runs; often empty.
    """

    arm: str
    to: str
    mean: float
    low: float
    high: float
    p: float
    p_adjusted: float
    n: int
    verdict: Verdict
    note: str = ""


def estimate(values: Sequence[float]) -> Estimate:
    """Return mean, standard deviation and 95% t interval of the finite values."""
    x = np.asarray(values, np.float64)
    x = x[np.isfinite(x)]
    n = len(x)
    mean = float(x.mean()) if n else math.nan
    if n < 2:
        return Estimate(mean, math.nan, math.nan, math.nan, n)
    if _all_same(x, x):
        return Estimate(mean, 0.0, math.nan, math.nan, n)
    sd = float(x.std(ddof=1))
    low, high = _scipy_stats().t.interval(CONFIDENCE, n - 1, loc=mean, scale=sd / math.sqrt(n))
    return Estimate(mean, sd, float(low), float(high), n)


def difference(
    arm: str, to: str, ours: Mapping[int, float], theirs: Mapping[int, float]
) -> Difference:
    """Compare two arms over the seeds that both have; `with_verdicts` adds the verdict.

    Parameters
    ----------
    arm, to : str
        Names.
    ours, theirs : mapping
        Number by seed. Values that are not finite count as missing.

    Notes
    -----
    If every seed gives the same difference, the t-test would divide by zero, and there is no
    interval. p is then 1 for a difference of zero, and else that of the sign test, 2^(1 - n).
    """
    seeds = [s for s in ours if math.isfinite(ours[s]) and math.isfinite(theirs.get(s, math.nan))]
    a = np.array([ours[seed] for seed in seeds], np.float64)
    b = np.array([theirs[seed] for seed in seeds], np.float64)
    d, n = a - b, len(seeds)
    mean = float(d.mean()) if n else math.nan
    low = high = p = math.nan
    note = ""
    if n == 0:
        note = "no seed in common"
    elif n == 1:
        note = "one seed: no interval, no test"
    elif not _all_same(d, np.concatenate([a, b])):
        test = _scipy_stats().ttest_1samp(d, 0.0)
        interval = test.confidence_interval(CONFIDENCE)
        low, high, p = float(interval.low), float(interval.high), float(test.pvalue)
    elif abs(mean) <= SAME * np.abs(np.concatenate([a, b])).max():
        mean = low = high = 0.0
        p, note = 1.0, "the same number with every seed"
    else:
        p, note = 2.0 ** (1 - n), "the same difference with every seed: sign test, no interval"
    return Difference(arm, to, mean, low, high, p, p, n, "no verdict", note)


def with_verdicts(differences: Sequence[Difference], *, higher_is_better: bool) -> list[Difference]:
    """Return the differences with corrected p-values and verdicts."""
    corrected = holm([d.p for d in differences])
    return [
        replace(d, p_adjusted=p, verdict=_verdict(d.mean, p, higher_is_better))
        for d, p in zip(differences, corrected, strict=True)
    ]


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


def _verdict(mean: float, p: float, higher_is_better: bool) -> Verdict:
    if math.isnan(p):
        return "no verdict"
    if p >= SIGNIFICANCE:
        return "no difference shown"
    return "better" if (mean > 0) == higher_is_better else "worse"


def _all_same(x: np.ndarray, sizes: np.ndarray) -> bool:
    """Whether ``x`` varies by no more than the rounding of numbers as large as ``sizes``."""
    return bool(np.ptp(x) <= SAME * np.abs(sizes).max())


def _scipy_stats() -> Any:
    try:
        from scipy import stats
    except ImportError:
        raise MissingExtraError("scipy", "studies", "comparing arms") from None
    return stats
