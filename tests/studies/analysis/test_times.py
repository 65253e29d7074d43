"""Ratios of times, with runs that ended before they reached the score."""

import math
from collections.abc import Sequence

import numpy as np
import pytest

from lamella.studies.analysis.difference import Difference
from lamella.studies.analysis.measures import time_to
from lamella.studies.analysis.times import Time, curve, ratio, time_of, without_equivalence
from tests.studies.synthetic import run

pytest.importorskip("scipy", reason="scipy is not installed")
INF = math.inf
NEVER = Time(INF, INF, 2.0)  # diverged in its first epoch


def times(reached: Sequence[float], epochs: int = 10) -> dict[int, Time]:
    """Return the times of runs of so many epochs; infinite ones were not reached."""
    return {seed: Time(time, epochs, epochs + 1) for seed, time in enumerate(reached)}


def compared(ours: Sequence[float], theirs: Sequence[float], epochs: int = 10) -> Difference:
    return ratio("a", "b", times(ours, epochs), times(theirs, epochs))


def test_known_times_are_compared_as_by_the_paired_t_test_of_logarithms() -> None:
    from scipy import stats

    ours, theirs = np.array([2, 3, 2, 4, 3.0]), np.array([5, 6, 7, 6, 8.0])
    found = compared(ours, theirs)
    theirs_of_scipy = stats.ttest_rel(np.log(ours), np.log(theirs))
    assert found.p == pytest.approx(theirs_of_scipy.pvalue)
    interval = theirs_of_scipy.confidence_interval()
    assert (found.low, found.high) == pytest.approx((interval.low, interval.high))
    assert math.exp(found.mean) == pytest.approx(stats.gmean(ours / theirs))
    assert found.favours == 1
    assert found.note == ""


def test_run_that_did_not_get_there_counts_as_one_epoch_more() -> None:
    found = compared([2, 3, 4], [8, INF, 9])
    assert found.mean == compared([2, 3, 4], [8, 11, 9], epochs=20).mean
    assert found.note == "the ratio is at most this"
    assert compared([8, INF, 9], [2, 3, 4]).note == "the ratio is at least this"


def test_pair_is_known_only_up_to_the_end_of_the_shorter_run() -> None:
    short, long = times([INF, INF, INF], epochs=5), times([9, 8, 6])
    found = ratio("short", "long", short, long)
    assert (found.p, found.note) == (1.0, "no pair in which one got there first")
    assert math.isnan(found.mean)
    assert ratio("short", "long", short, times([4, 5, 3])).favours == -1


def test_diverged_run_is_slower_than_any() -> None:
    fast, slow = times([2, 2, 3, 2]), times([9, 8, 9, 10])
    found = ratio("a", "b", {**fast, 1: NEVER}, slow)
    assert found.mean == ratio("a", "b", {**fast, 1: Time(11, 11, 11)}, slow).mean
    assert found.p > ratio("a", "b", fast, slow).p
    assert ratio("a", "b", {0: NEVER, 1: NEVER}, {0: NEVER, 1: NEVER}).p == 1


def test_all_or_none_needs_three_seeds() -> None:
    found = compared([3, 3, 3], [INF, INF, INF])
    assert (found.p, found.favours) == (2 / 4**3, 1)
    assert found.note == "all-or-none test; the ratio is at most this"
    assert (math.isnan(found.low), found.errors) == (True, ())  # the ratio is a bound only
    assert compared([INF, INF], [3, 3]).p == 2 / 4**2
    note = "one seed: no interval, no test; the ratio is at least this"
    assert compared([INF], [3]).note == note


def test_ties_say_nothing() -> None:
    assert compared([3, 4], [3, 4]).note == "identical with every seed"
    found = compared([INF, INF], [INF, INF])
    assert (found.p, found.note) == (1, "no pair in which one got there first")


def test_unknown_times_are_not_called_equivalent() -> None:
    d = Difference("a", "b", 0, -0.1, 0.1, 0.9, 0.9, 3, verdict="equivalent")
    known, some = times([3, 3, 3]), times([3, 3, INF])
    assert without_equivalence(d, {"a": known, "b": known}).verdict == "equivalent"
    assert without_equivalence(d, {"a": known, "b": some}).verdict == "undecided"


def test_times_of_runs_that_reach_it_that_end_before_and_that_diverge() -> None:
    rows = [{"val_accuracy": each} for each in (0.5, 0.9, 0.8)]
    done = run("a", 0, epochs=rows, steps_per_epoch=4)
    assert time_of(done, time_to(0.9, counted="steps")) == Time(8, 12, 16)
    assert time_of(done, time_to(0.95)) == Time(INF, 3, 4)
    assert time_of(done, time_to(0.95)).is_censored
    diverged = run("a", 0, epochs=rows, status="diverged")
    assert time_of(diverged, time_to(0.9)) == Time(INF, INF, 4)
    assert not time_of(diverged, time_to(0.9)).is_censored


def test_curve_ends_with_the_runs() -> None:
    found = curve({**times([2, INF, 4]), 3: NEVER})
    assert found.times.tolist() == [2, 4]
    assert found.fractions.tolist() == [0.75, 0.5]
    assert found.followed == 10
