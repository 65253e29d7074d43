"""Means with intervals and corrections, against hand-computed examples."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lamella.studies.analysis.statistics import censored, estimate, holm
from tests.subprocesses import missing_extra

pytest.importorskip("scipy")


def test_estimate_is_the_textbook_one() -> None:
    found = estimate([2, 4, 4, 4, 5, 5, 7, 9])
    # sd: the root of 32 / 7. t of 7 degrees of freedom: 2.364624.
    half = 2.364624 * math.sqrt(32 / 7 / 8)
    assert (found.mean, found.n) == (5, 8)
    assert found.sd == pytest.approx(math.sqrt(32 / 7))
    assert (found.low, found.high) == pytest.approx((5 - half, 5 + half), rel=1e-6)


def test_estimate_of_two_seeds_reaches_far() -> None:
    found = estimate([0.97, 0.98])
    # t of one degree of freedom is 12.706, the half distance 0.005.
    assert found.high - found.mean == pytest.approx(12.7062 * 0.005, rel=1e-5)


def test_estimate_of_one_seed_has_no_interval() -> None:
    found = estimate([0.97])
    assert (found.mean, found.n) == (0.97, 1)
    assert all(map(math.isnan, (found.sd, found.low, found.high)))


def test_estimate_of_nothing_is_nan() -> None:
    found = estimate([])
    assert found.n == 0
    assert math.isnan(found.mean)


def test_estimate_of_equal_numbers_has_no_interval() -> None:
    found = estimate([0.98, 0.98, 0.98])
    assert (found.mean, found.sd, found.n) == (pytest.approx(0.98), 0.0, 3)
    assert math.isnan(found.low)


def test_estimate_leaves_out_values_that_are_not_finite() -> None:
    assert estimate([1.0, math.nan, 3.0, math.inf]) == estimate([1.0, 3.0])


def test_seeds_that_agree_by_chance_keep_the_interval_of_their_answers() -> None:
    # Three runs with one mistake each in 50 samples, of three different samples: V_seed is 0.
    correct = 1 - np.eye(3, 50)
    found = estimate([0.98] * 3, list(correct))
    # Sums of squares: 3 - 9/150 in all, 0 of the seeds and 1 - 9/150 of the samples.
    error = math.sqrt(2 / (2 * 49) / 150)
    assert found.high - found.mean == pytest.approx(4.302653 * error, rel=1e-6)


def test_values_never_reached_have_a_median_and_no_mean() -> None:
    found = censored([3.0, math.inf, 5.0, math.inf, 4.0, math.nan])
    assert (found.median, found.n, found.of) == (5.0, 3, 5)
    assert all(map(math.isnan, (found.mean, found.sd, found.low, found.high)))
    assert found.text("{:.0f}".format) == "median 5, 3 of 5 got there"
    assert censored([3.0, 4.0]) == estimate([3.0, 4.0])


def test_holm_is_the_textbook_one() -> None:
    # 0.005 x 4, 0.01 x 3, 0.03 x 2; then 0.04 x 1, which may not be below the one before it.
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])


def test_holm_stays_below_one() -> None:
    assert holm([0.6, 0.7]) == [1.0, 1.0]


def test_holm_does_not_count_missing_tests() -> None:
    corrected = holm([0.01, math.nan, 0.02])
    assert corrected[::2] == pytest.approx([0.02, 0.02])
    assert math.isnan(corrected[1])


def test_holm_of_nothing_is_nothing() -> None:
    assert holm([]) == []


@settings(deadline=None, derandomize=True, max_examples=50)
@given(st.lists(st.floats(0, 1), min_size=1, max_size=8), st.randoms(use_true_random=False))
def test_holm_keeps_order_and_does_not_depend_on_it(p: list[float], random: object) -> None:
    corrected = holm(p)
    assert all(c >= min(1, x) for c, x in zip(corrected, p, strict=True))
    order = list(np.argsort(p))
    assert [corrected[i] for i in order] == sorted(corrected)
    random.shuffle(order)  # type: ignore[attr-defined]
    assert holm([p[i] for i in order]) == [corrected[i] for i in order]


def test_missing_scipy_is_named_with_its_extra() -> None:
    code = "from lamella.studies.analysis.statistics import estimate\nestimate([1.0{}])"
    assert missing_extra("scipy", code.format("")) == ""
    assert "pip install 'lamella[studies]'" in missing_extra("scipy", code.format(", 2.0"))
