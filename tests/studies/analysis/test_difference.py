"""Paired differences: intervals and tests, against hand-computed examples and scipy itself."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lamella.studies.analysis.difference import difference
from lamella.studies.analysis.samples import seeds_and_samples
from lamella.studies.analysis.verdicts import with_verdicts

stats = pytest.importorskip("scipy.stats")

# Student's example of 1908: hours of sleep that ten patients gained by either of two drugs.
FIRST = dict(enumerate([0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0.0, 2.0]))
SECOND = dict(enumerate([1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5, 1.6, 4.6, 3.4]))
LOST = -math.inf


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


def test_nan_counts_as_missing() -> None:
    ours, theirs = {**SECOND, 10: math.nan, 11: 1.0}, {**FIRST, 10: 1.0, 11: math.nan}
    assert repr(difference("a", "b", ours, theirs)) == repr(difference("a", "b", SECOND, FIRST))


def test_seeds_are_matched_by_number_not_by_order() -> None:
    turned = {seed: FIRST[seed] for seed in reversed(FIRST)}
    assert repr(difference("a", "b", SECOND, turned)) == repr(difference("a", "b", SECOND, FIRST))


def test_one_common_seed_gives_a_difference_and_no_verdict() -> None:
    (found,) = with_verdicts([difference("a", "b", {0: 2.0, 1: 9.0}, {0: 1.5})])
    assert (found.mean, found.n, found.verdict) == (0.5, 1, "no verdict")
    assert all(map(math.isnan, (found.low, found.high, found.p, found.p_adjusted)))
    assert "one seed" in found.note


def test_arms_without_a_common_seed_are_reported() -> None:
    (found,) = with_verdicts([difference("a", "b", {0: 2.0}, {1: 1.5})])
    assert (found.n, found.verdict, found.note) == (0, "no verdict", "no seed in common")
    assert math.isnan(found.mean)


def test_identical_arms_have_no_interval() -> None:
    same = {0: 0.97, 1: 0.98, 2: 0.96}
    (found,) = with_verdicts([difference("a", "b", same, dict(same))])
    assert (found.mean, found.p, found.note) == (0, 1, "identical with every seed")
    assert math.isnan(found.low)
    assert math.isnan(found.high)
    assert found.verdict == "undecided"


def test_differences_of_rounding_are_none() -> None:
    ours = {seed: x * (1 + 1e-9) for seed, x in FIRST.items() if x}
    assert difference("a", "b", ours, FIRST).p == 1


@pytest.mark.parametrize(
    ("seeds", "verdict"),
    [(2, "undecided"), (5, "undecided"), (6, "better")],
)
def test_the_same_difference_with_every_seed_is_judged_by_signs(seeds: int, verdict: str) -> None:
    theirs = {seed: 0.95 + 0.001 * seed for seed in range(seeds)}
    ours = {seed: x + 0.002 for seed, x in theirs.items()}
    (found,) = with_verdicts([difference("a", "b", ours, theirs)])
    assert found.mean == pytest.approx(0.002)
    assert math.isnan(found.low)
    assert found.p == stats.binomtest(seeds, seeds).pvalue
    assert found.verdict == verdict
    assert "sign test" in found.note


@settings(deadline=None, derandomize=True, max_examples=30)
@given(st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), min_size=2, max_size=6))
def test_differences_are_the_same_from_either_side(pairs: list[tuple[float, float]]) -> None:
    ours = {seed: a for seed, (a, _) in enumerate(pairs)}
    theirs = {seed: b for seed, (_, b) in enumerate(pairs)}
    there, back = difference("a", "b", ours, theirs), difference("b", "a", theirs, ours)
    assert there.mean == -back.mean
    assert there.p == pytest.approx(back.p, nan_ok=True)
    assert there.low == pytest.approx(-back.high, nan_ok=True)


def test_false_alarms_are_as_rare_as_promised() -> None:
    # Five arms that are alike, compared to a sixth, 400 times over: 5% may raise an alarm.
    rng = np.random.default_rng(1)
    alarms = 0
    for _ in range(400):
        arms = [dict(enumerate(rng.normal(size=5))) for _ in range(6)]
        found = with_verdicts([difference("a", "b", arm, arms[0]) for arm in arms[1:]])
        alarms += any(d.verdict != "undecided" for d in found)
    assert alarms <= 0.05 * 400 + 2 * math.sqrt(400 * 0.05 * 0.95)
    assert alarms > 0


def test_effect_is_the_standardized_difference_with_hedges_correction() -> None:
    # Sleep: mean 1.58, sd 1.2299955; the factor for nine degrees of freedom is 1 - 3 / 35.
    found = difference("second", "first", SECOND, FIRST)
    assert found.effect == pytest.approx(1.58 / 1.2299955 * (1 - 3 / 35), rel=1e-6)
    assert math.isnan(difference("a", "b", {0: 1.0, 1: 3.0}, {0: 0.0, 1: 1.0}).effect)


def test_probability_of_being_better_is_that_of_a_new_seed() -> None:
    found = difference("second", "first", SECOND, FIRST)
    wanted = stats.t.cdf(1.58 / (1.2299955 * math.sqrt(1 + 1 / 10)), 9)
    assert found.p_better == pytest.approx(wanted, rel=1e-6)
    lower = difference("second", "first", SECOND, FIRST, higher_is_better=False)
    assert lower.p_better == pytest.approx(1 - wanted, rel=1e-6)
    assert (found.favours, lower.favours) == (1, -1)


def values(*numbers: float) -> dict[int, float]:
    return dict(enumerate(numbers))


def test_divergence_counts_against_the_arm() -> None:
    # The runs that did not diverge are better by 0.05, with p < 0.001 by a t-test of theirs alone.
    base = values(0.90, 0.91, 0.92, 0.90, 0.91, 0.92)
    arm = values(0.95, 0.961, 0.969, LOST, LOST, LOST)
    (found,) = with_verdicts([difference("a", "b", arm, base)])
    wanted = stats.wilcoxon([1, 2, 2.9, -9, -9.001, -9.002], method="exact").pvalue
    assert (found.p, found.n, found.note) == (pytest.approx(wanted), 6, "rank test")
    assert (found.verdict, found.p_better, found.favours) == ("undecided", 0.5, -1)
    assert math.isnan(found.mean)
    assert math.isnan(found.low)


def test_seed_with_which_both_diverged_is_a_tie() -> None:
    base, arm = values(0.90, 0.91, 0.93, LOST), values(0.93, 0.95, 0.96, LOST)
    found = difference("a", "b", arm, base)
    assert found == difference("a", "b", values(0.93, 0.95, 0.96), values(0.90, 0.91, 0.93))
    everything = difference("a", "b", values(LOST, LOST, LOST), values(LOST, LOST, LOST))
    assert (everything.p, everything.note) == (1, "a tie with every seed")


@pytest.mark.parametrize(("seeds", "verdict"), [(1, "no verdict"), (2, "undecided"), (3, "worse")])
def test_arm_that_diverged_with_every_seed_is_worse_from_three_seeds_on(
    seeds: int, verdict: str
) -> None:
    lost, base = values(*[LOST] * seeds), values(*[0.9] * seeds)
    assert with_verdicts([difference("a", "b", lost, base)])[0].verdict == verdict
    if seeds == 3:
        assert difference("a", "b", base, lost).favours == 1
        assert difference("a", "b", base, lost).p == 2 / 4**3


def test_median_ranks_never_reached_worst() -> None:
    never = math.inf
    found = difference(
        "a", "b", values(3, 4, never, 6, 2), values(4, 6, 5, 9, 6), higher_is_better=False
    )
    assert (found.mean, found.favours, found.n) == (-2, 1, 5)
    assert found.p_better == pytest.approx(0.8)


def test_answers_give_a_second_interval_and_the_larger_p() -> None:
    rng = np.random.default_rng(0)
    easy = rng.uniform(0.8, 1, 500)
    right = [(rng.random((4, 500)) < easy**power).astype(bool) for power in (1, 3)]
    ours, theirs = (dict(enumerate(side.mean(axis=1))) for side in right)
    answers = [dict(enumerate(side)) for side in right]
    found = difference("a", "b", ours, theirs, correct=(answers[0], answers[1]))
    seeds, both = found.errors
    wanted = seeds_and_samples(right[0] * 1 - right[1])
    assert wanted is not None
    assert [each.error for each in found.errors] == [each.error for each in wanted]
    assert found.low_samples <= found.low < found.mean < found.high <= found.high_samples
    assert found.p == max(seeds.p, both.p)
    assert found.high_samples == pytest.approx(max(seeds.interval()[1], both.interval()[1]))


def test_same_scores_with_other_answers_are_not_identical() -> None:
    right = 1 - np.eye(6, 40)
    answers = [dict(enumerate(half)) for half in (right[:3], right[3:])]
    same = values(0.975, 0.975, 0.975)
    found = difference("a", "b", same, same, correct=(answers[0], answers[1]))
    assert (found.mean, found.note) == (0, "")
    assert found.low < 0 < found.high
