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
    assert planned_or_past([3, 4, 5], [], 4) == Looks((3, 4, 5), 4)
    assert planned_or_past([3, 4, 5], [3], 4) == Looks((3, 4, 5), 4, before=1)  # planned later
    assert planned_or_past([3, 4, 5], [], 8) == Looks((8,), 8, planned=False, before=1)
    assert planned_or_past([], [3, 5], 8) == Looks((3, 5, 8), 8, planned=False)
    assert planned_or_past([], [3, 5], 5) == Looks((3, 5), 5, planned=False)
    assert planned_or_past([], [1], 3) is None  # one seed shows no difference
    assert planned_or_past([], [], 3) is None
    assert str(Looks((3, 4, 5), 4)) == "looked at after 3 and 4 of at most 5 seeds"


def test_extensions_that_nobody_planned_share_a_tenth_of_the_level() -> None:
    at = (3, 5, 10, 20)
    looks = [Looks(at, n, planned=False) for n in at]
    levels = [each.level(0.05) for each in looks]
    assert levels == pytest.approx([0.05, 0.005 / 2, 0.005 / 6, 0.005 / 12])
    d = np.random.default_rng(7).standard_normal((5_000, at[-1]))
    found = np.array(p_values(d, at)).T
    charged = [[each.p_value(list(row[: i + 1])) for i, each in enumerate(looks)] for row in found]
    assert 0.04 < (np.array(charged) < 0.05).any(axis=1).mean() < 0.06
    assert (found < 0.05).any(axis=1).mean() > 0.11


def test_verdict_of_the_first_look_stays_while_the_plain_p_is_small() -> None:
    second = Looks((3, 5), 5, planned=False)
    assert second.p_value([0.03, 0.02]) == 0.03
    assert second.p_value([0.03, 0.2]) == 0.2
    assert second.p_value([0.2, 0.02]) == pytest.approx(0.2)  # 20 * 0.02 = 0.4 is more
    assert second.p_value([0.2, 0.002]) == pytest.approx(0.04)
    assert second.p_value([0.9, 0.8]) == 0.9
    assert "looked at after 3 and 5 seeds (p is multiplied by 20" in str(second)


def test_plan_after_a_look_has_half_of_the_reserve() -> None:
    plain, later = (Looks((3, 4, 5), 4, before=before) for before in (0, 1))
    assert later.p_value([0.5, 0.001]) == pytest.approx(20 * plain.p_value([0.5, 0.001]))
    assert later.level(0.05) == plain.level(0.05 / 20)
    assert Looks((20,), 20, planned=False, before=1).p_value([0.001]) == pytest.approx(0.02)
