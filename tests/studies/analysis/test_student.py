"""Student's t: interval, tests of a difference and of equivalence, power; against scipy."""

import math

import numpy as np
import pytest

from lamella.studies.analysis.student import Student

stats = pytest.importorskip("scipy.stats")

SAMPLE = np.array([0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0.0, 2.0])
FOUND = Student(SAMPLE.mean(), SAMPLE.std(ddof=1) / math.sqrt(10), 9)


def test_interval_and_p_are_those_of_the_t_test() -> None:
    wanted = stats.ttest_1samp(SAMPLE, 0)
    assert FOUND.p == pytest.approx(wanted.pvalue, rel=1e-9)
    interval = wanted.confidence_interval(0.95)
    assert FOUND.interval() == pytest.approx((interval.low, interval.high), rel=1e-9)


@pytest.mark.parametrize("margin", [0.5, 1.0, 3.0])
def test_equivalence_is_the_larger_of_two_one_sided_tests(margin: float) -> None:
    below = stats.ttest_1samp(SAMPLE, -margin, alternative="greater").pvalue
    above = stats.ttest_1samp(SAMPLE, margin, alternative="less").pvalue
    assert FOUND.p_outside(margin) == pytest.approx(max(below, above), rel=1e-9)


@pytest.mark.parametrize("df", [1, 2, 4, 9.5, 300])
@pytest.mark.parametrize("alpha", [0.05, 0.05 / 28])
def test_smallest_difference_shown_has_80_percent_power(df: float, alpha: float) -> None:
    smallest = Student(0.0, 0.3, df).smallest_shown(alpha)
    critical = stats.t.ppf(1 - alpha / 2, df)
    # P(T > c) by integration over the variance, since scipy's nct is inexact in its tail.
    s2 = stats.chi2.ppf((np.arange(100_000) + 0.5) / 100_000, df) / df
    power = stats.norm.sf(critical * np.sqrt(s2) - smallest / 0.3).mean()
    assert power == pytest.approx(0.8, abs=1e-4)
