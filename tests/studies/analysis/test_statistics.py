"""Intervals, paired tests and corrections, against hand-computed examples and scipy itself."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lamella.studies.analysis.statistics import (
    Difference,
    difference,
    estimate,
    holm,
    with_verdicts,
)
from tests.subprocesses import missing_extra

stats = pytest.importorskip("scipy.stats")

# Student's example of 1908: hours of sleep that ten patients gained by either of two drugs.
FIRST = dict(enumerate([0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0.0, 2.0]))
SECOND = dict(enumerate([1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5, 1.6, 4.6, 3.4]))


def pair_with(p: float, mean: float = 1.0) -> Difference:
    return Difference("a", "b", mean, mean - 1, mean + 1, p, p, 5, "no verdict")


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


def test_difference_is_students_own_example() -> None:
    found = difference("second", "first", SECOND, FIRST)
    assert (found.arm, found.to, found.n, found.note) == ("second", "first", 10, "")
    assert found.mean == pytest.approx(1.58)
    assert found.p == pytest.approx(0.002832890, rel=1e-6)
    assert (found.low, found.high) == pytest.approx((0.7001142, 2.4598858), rel=1e-6)


def test_difference_is_scipys_paired_test() -> None:
    rng = np.random.default_rng(3)
    a, b = rng.normal(0.97, 0.002, 6), rng.normal(0.969, 0.003, 6)
    found = difference("a", "b", dict(enumerate(a)), dict(enumerate(b)))
    wanted = stats.ttest_rel(a, b)
    interval = wanted.confidence_interval(0.95)
    assert found.p == pytest.approx(wanted.pvalue, rel=1e-9)
    assert (found.low, found.high) == pytest.approx((interval.low, interval.high), rel=1e-9)


def test_pairing_removes_the_effect_of_the_seed() -> None:
    # The seeds differ by far more than the arms: unpaired, nothing would be seen.
    base = np.array([0.90, 0.93, 0.95, 0.97])
    better = base + np.array([0.0020, 0.0021, 0.0019, 0.0020])
    found = difference("a", "b", dict(enumerate(better)), dict(enumerate(base)))
    assert found.p < 1e-4
    assert stats.ttest_ind(better, base).pvalue > 0.9


def test_only_seeds_that_both_have_are_paired() -> None:
    ours = {0: 1.0, 1: 2.0, 2: 4.0, 5: 100.0}
    theirs = {2: 3.0, 1: 0.5, 0: 0.0, 7: -100.0}
    assert difference("a", "b", ours, theirs).n == 3
    assert difference("a", "b", ours, theirs).mean == pytest.approx((1 + 1.5 + 1) / 3)


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_numbers_that_are_not_finite_count_as_missing(bad: float) -> None:
    ours, theirs = {**SECOND, 10: bad, 11: 1.0}, {**FIRST, 10: 1.0, 11: bad}
    assert difference("a", "b", ours, theirs) == difference("a", "b", SECOND, FIRST)


def test_seeds_are_matched_by_number_not_by_order() -> None:
    turned = {seed: FIRST[seed] for seed in reversed(FIRST)}
    assert difference("a", "b", SECOND, turned) == difference("a", "b", SECOND, FIRST)


def test_one_common_seed_gives_a_difference_and_no_verdict() -> None:
    (found,) = with_verdicts(
        [difference("a", "b", {0: 2.0, 1: 9.0}, {0: 1.5})], higher_is_better=True
    )
    assert (found.mean, found.n, found.verdict) == (0.5, 1, "no verdict")
    assert all(map(math.isnan, (found.low, found.high, found.p, found.p_adjusted)))
    assert "one seed" in found.note


def test_arms_without_a_common_seed_are_reported() -> None:
    (found,) = with_verdicts([difference("a", "b", {0: 2.0}, {1: 1.5})], higher_is_better=True)
    assert (found.n, found.verdict, found.note) == (0, "no verdict", "no seed in common")
    assert math.isnan(found.mean)


def test_equal_arms_show_no_difference() -> None:
    same = {0: 0.97, 1: 0.98, 2: 0.96}
    (found,) = with_verdicts([difference("a", "b", same, dict(same))], higher_is_better=True)
    assert (found.mean, found.low, found.high, found.p) == (0, 0, 0, 1)
    assert found.verdict == "no difference shown"


def test_differences_of_rounding_are_none() -> None:
    ours = {seed: x * (1 + 1e-9) for seed, x in FIRST.items() if x}
    assert difference("a", "b", ours, FIRST).p == 1


@pytest.mark.parametrize(
    ("seeds", "verdict"),
    [(2, "no difference shown"), (5, "no difference shown"), (6, "better")],
)
def test_the_same_difference_with_every_seed_is_judged_by_signs(seeds: int, verdict: str) -> None:
    theirs = {seed: 0.95 + 0.001 * seed for seed in range(seeds)}
    ours = {seed: x + 0.002 for seed, x in theirs.items()}
    (found,) = with_verdicts([difference("a", "b", ours, theirs)], higher_is_better=True)
    assert found.mean == pytest.approx(0.002)
    assert math.isnan(found.low)
    assert found.p == stats.binomtest(seeds, seeds).pvalue
    assert found.verdict == verdict
    assert "sign test" in found.note


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


@settings(deadline=None, derandomize=True, max_examples=30)
@given(st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), min_size=2, max_size=6))
def test_differences_are_the_same_from_either_side(pairs: list[tuple[float, float]]) -> None:
    ours = {seed: a for seed, (a, _) in enumerate(pairs)}
    theirs = {seed: b for seed, (_, b) in enumerate(pairs)}
    there, back = difference("a", "b", ours, theirs), difference("b", "a", theirs, ours)
    assert there.mean == -back.mean
    assert there.p == pytest.approx(back.p, nan_ok=True)
    assert there.low == pytest.approx(-back.high, nan_ok=True)


@pytest.mark.parametrize(
    ("mean", "p", "higher_is_better", "verdict"),
    [
        (0.1, 0.01, True, "better"),
        (-0.1, 0.01, True, "worse"),
        (0.1, 0.01, False, "worse"),
        (-0.1, 0.01, False, "better"),
        (0.1, 0.05, True, "no difference shown"),
        (0.1, math.nan, True, "no verdict"),
    ],
)
def test_verdict_follows_the_direction(
    mean: float, p: float, higher_is_better: bool, verdict: str
) -> None:
    (found,) = with_verdicts([pair_with(p, mean)], higher_is_better=higher_is_better)
    assert found.verdict == verdict


def test_verdicts_go_by_the_corrected_p() -> None:
    found = with_verdicts(
        [pair_with(0.02), pair_with(0.04), pair_with(0.03)], higher_is_better=True
    )
    assert [d.p for d in found] == [0.02, 0.04, 0.03]
    assert [d.p_adjusted for d in found] == pytest.approx([0.06] * 3)
    assert {d.verdict for d in found} == {"no difference shown"}


def test_false_alarms_are_as_rare_as_promised() -> None:
    # Five arms that are alike, compared to a sixth, 400 times over: 5% may raise an alarm.
    rng = np.random.default_rng(1)
    alarms = 0
    for _ in range(400):
        arms = [dict(enumerate(rng.normal(size=5))) for _ in range(6)]
        found = with_verdicts(
            [difference("a", "b", arm, arms[0]) for arm in arms[1:]], higher_is_better=True
        )
        alarms += any(d.verdict != "no difference shown" for d in found)
    assert alarms <= 0.05 * 400 + 2 * math.sqrt(400 * 0.05 * 0.95)
    assert alarms > 0


def test_missing_scipy_is_named_with_its_extra() -> None:
    code = "from lamella.studies.analysis.statistics import estimate\nestimate([1.0{}])"
    assert missing_extra("scipy", code.format("")) == ""
    assert "pip install 'lamella[studies]'" in missing_extra("scipy", code.format(", 2.0"))
