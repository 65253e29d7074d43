"""Looks at a growing study: levels, p-values, and errors over all looks."""

import math

import numpy as np
import pytest

from lamella.studies.analysis.looks import Looks, planned_or_past

stats = pytest.importorskip("scipy.stats", reason="comparisons need scipy")


def p_values(d: np.ndarray, at: tuple[int, ...]) -> list[np.ndarray]:
    return [stats.ttest_1samp(d[:, :n], 0, axis=1).pvalue for n in at]


def test_a_single_look_has_the_level_and_the_p_value_of_a_fixed_test() -> None:
    looks = Looks((5,), 5)
    assert looks.level(0.05) == 0.05
    assert looks.p_value([0.03]) == 0.03


@pytest.mark.parametrize("at", [(3, 5, 10), tuple(range(3, 13))])
def test_all_looks_together_have_the_error_of_one(at: tuple[int, ...]) -> None:
    d = np.random.default_rng(7).standard_normal((20_000, at[-1]))
    found = np.array(p_values(d, at)).T
    bounds = [Looks(at, n).level(0.05) for n in at]
    assert bounds == sorted(bounds)
    crossed = (found <= bounds).any(axis=1)
    assert crossed.mean() == pytest.approx(0.05, abs=0.006)
    assert (found < 0.05).any(axis=1).mean() > 0.08  # plain tests
    sequential = [Looks(at, at[-1]).p_value(list(row)) for row in found[:2000]]
    assert [p <= 0.05 for p in sequential] == crossed[:2000].tolist()


def test_the_sequential_p_value_never_rises() -> None:
    at = (3, 4, 5, 6)
    given = [0.2, 0.01, 0.5, 0.03]
    found = [Looks(at, n).p_value(given[: i + 1]) for i, n in enumerate(at)]
    assert found[1] == found[2] == found[3] < found[0]
    assert found[1] > given[1]


def test_looks_without_a_p_value_do_not_count() -> None:
    looks = Looks((3, 5), 5)
    assert looks.p_value([math.nan, 0.02]) == looks.p_value([1.0, 0.02])
    assert math.isnan(Looks((3, 5), 3).p_value([math.nan]))


def test_looks_are_those_planned_or_those_of_the_past() -> None:
    assert planned_or_past([3, 4, 5], [3], 4) == Looks((3, 4, 5), 4)
    assert planned_or_past([3, 4, 5], [3, 5], 8) == Looks((3, 5, 8), 8)  # beyond the plan
    assert planned_or_past([], [3, 5], 5) == Looks((3, 5), 5)
    assert planned_or_past([], [1], 3) is None  # one seed shows no difference
    assert planned_or_past([], [], 3) is None
    assert str(Looks((3, 4, 5), 4)) == "looked at after 3 and 4 of at most 5 seeds"
