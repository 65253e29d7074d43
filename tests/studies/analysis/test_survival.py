"""Survival curves: those of scipy and of a paper, medians and restricted means."""

import math

import numpy as np
import pytest

from lamella.studies.analysis.survival import survival

# Weeks in remission with 6-MP, of Freireich et al. 1963, as in all textbooks of survival analysis.
REMISSION = [6, 6, 6, 7, 10, 13, 16, 22, 23]
CENSORED = [6, 9, 10, 11, 17, 19, 20, 25, 32, 32, 34, 35]


def test_published_curve_of_kaplan_and_meier_is_reproduced() -> None:
    found = survival(REMISSION, CENSORED)
    assert found.times.tolist() == [6, 7, 10, 13, 16, 22, 23]
    published = [0.857, 0.807, 0.753, 0.690, 0.627, 0.538, 0.448]
    assert found.fractions == pytest.approx(published, abs=5e-4)
    assert found.median == 23
    assert found.followed == 35


def test_curve_is_that_of_scipy_also_with_ties() -> None:
    stats = pytest.importorskip("scipy.stats", reason="scipy is not installed")
    rng = np.random.default_rng(0)
    for _ in range(20):
        times, ends = rng.integers(1, 9, 12), rng.integers(3, 9, 12)
        reached, censored = times[times <= ends], ends[times > ends]
        theirs = stats.ecdf(stats.CensoredData(uncensored=reached, right=censored)).sf
        found = survival(reached, censored)
        assert found.fractions == pytest.approx(theirs.evaluate(found.times))


def test_median_without_censoring_is_the_usual_one() -> None:
    for times in ([2, 3, 4, 5], [2, 3, 4], [4, 4, 4, 4], [1, 9]):
        assert survival(times, []).median == np.median(times)


def test_restricted_mean_is_the_mean_of_limited_times() -> None:
    times = [2.0, 3.0, 5.0]
    assert survival(times, [6, 6]).mean(6) == pytest.approx(np.mean([*times, 6, 6]))
    assert survival(times, [math.inf]).mean(4) == pytest.approx(np.mean([2, 3, 4, 4]))
    assert survival([], [6]).mean(6) == 6


def test_runs_that_never_can_get_there_keep_the_curve_up() -> None:
    found = survival([2.0], [math.inf, math.inf])
    assert found.fractions.tolist() == pytest.approx([2 / 3])
    assert (found.median, found.followed) == (math.inf, math.inf)
