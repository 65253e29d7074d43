"""Tests of expected differences between two arms, paired by seed.

Every expectation is a difference above zero, tested as in `difference`: over the seeds, for test
accuracies also over the test samples, and by rank where only one of two runs diverged. An expected
difference may also turn out to be too small to matter, by two one-sided tests against a margin.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np

from lamella.studies.analysis.difference import Correct, Difference, difference
from lamella.studies.analysis.measures import Measure, TimeTo
from lamella.studies.analysis.statistics import estimate
from lamella.studies.analysis.student import SIGNIFICANCE
from lamella.studies.analysis.times import Time, ratio, time_of
from lamella.studies.report.claims.measures import TEST, margin
from lamella.studies.running.run import Run

Outcome = Literal[
    "holds", "holds in part", "does not hold", "no difference", "undecided", "not run"
]

GUESS = 0.1
"""Accuracy of guessing one of ten classes."""
CLOSE = 0.01
"""Settings whose test accuracy is at most a point below that of the best one are tolerated."""


@dataclass(frozen=True)
class SeedValues:
    """Values of one measure by seed; NaN if a run failed, the worst infinity if it diverged.

    Attributes
    ----------
    name : str
        Name of the arm or the study; empty for a bound.
    by_seed : mapping
    diverged : int
        Number of runs that diverged.
    correct : mapping
        Right and wrong answers by seed, if the measure is their accuracy.
    times : mapping
        Times by seed, if the measure is a time to a score.
    """

    name: str
    by_seed: Mapping[int, float]
    diverged: int = 0
    correct: Correct = field(default_factory=dict)
    times: Mapping[int, Time] = field(default_factory=dict)

    @property
    def mean(self) -> float:
        """Mean over the seeds that have a value; of times the median, infinite if never reached."""
        if self.times:
            return float(np.median([time.reached for time in self.times.values()]))
        return estimate(list(self.by_seed.values())).mean

    @property
    def note(self) -> str:
        """Remark on diverged runs; empty if there are none."""
        if not self.diverged:
            return ""
        seeds = len(self.by_seed)
        count = "every seed" if self.diverged == seeds > 1 else f"{self.diverged} of {seeds} seeds"
        return f"{self.name} diverged with {count}"


@dataclass(frozen=True)
class Evidence:
    """An expected difference, the measured difference, and the verdict.

    Attributes
    ----------
    measure : Measure
    ours, theirs : SeedValues
        ``theirs`` may be a bound, equal for all seeds.
    more : bool
        Whether ``ours`` is expected above ``theirs`` (True) or below (False).
    by : float
        Smallest expected difference. A negative value is a tolerance.
    difference : Difference
        ``ours`` minus ``theirs``, with its intervals. p and favours test against ``by``; favours
        is 1 on the expected side.
    p_same : float
        p-value of a difference larger than ``margin``; nan if none is tested, as with bounds.
    margin : float
        Smallest difference that matters, in the unit of the measure.
    note : str
        Remark; often empty.
    """

    measure: Measure
    ours: SeedValues
    theirs: SeedValues
    more: bool
    by: float
    difference: Difference
    p_same: float = math.nan
    margin: float = math.nan
    note: str = ""

    @property
    def outcome(self) -> Outcome:
        """The result of this test alone, at 5%."""
        tested = self.difference
        if tested.n == 0:
            return "not run"
        if tested.p < SIGNIFICANCE and tested.favours:
            return "holds" if tested.favours > 0 else "does not hold"
        return "no difference" if self.p_same < SIGNIFICANCE else "undecided"

    @property
    def bound(self) -> float | None:
        """The bound for ``ours``; None if it is compared to another arm."""
        return self.theirs.mean if not self.theirs.name else None


def arm_values(runs: Sequence[Run], arm: str, measure: Measure) -> SeedValues:
    """Return the values of an arm by seed, from all runs of a study."""
    own = [run for run in runs if run.arm == arm]
    worst = -math.inf if measure.higher_is_better else math.inf
    other = {"diverged": worst, "failed": math.nan}
    values = {run.seed: measure.of(run) if run.done else other[run.status] for run in own}
    correct = {run.seed: run.correct for run in own if measure is TEST and len(run.correct) > 1}
    times = {}
    if isinstance(measure, TimeTo):
        times = {run.seed: time_of(run, measure) for run in own if run.status != "failed"}
    return SeedValues(arm, values, sum(run.status == "diverged" for run in own), correct, times)


def tolerated_values(runs: Sequence[Run], name: str) -> SeedValues:
    """Return the number of arms whose test accuracy is close to that of the best one, by seed.

    Diverged runs count as guesses. Seeds without a value in every arm are left out.
    """
    by_seed: dict[int, list[float]] = {}
    for run in runs:
        if run.status != "failed":
            by_seed.setdefault(run.seed, []).append(TEST.of(run) if run.done else GUESS)
    arms = len({run.arm for run in runs})
    complete = {seed: v for seed, v in by_seed.items() if len(v) == arms > 1}
    close = {seed: sum(x >= max(v) - CLOSE for x in v) for seed, v in complete.items()}
    return SeedValues(name, {seed: float(count) for seed, count in close.items()})


def compare_values(
    measure: Measure, ours: SeedValues, theirs: SeedValues, *, more: bool = True, by: float = 0.0
) -> Evidence:
    """Test whether ``ours`` exceeds (or is below) ``theirs`` by at least ``by``.

    Between two arms, with ``by`` of zero, also test whether the difference is within the margin.
    """
    if ours.times:
        return _compare_times(measure, ours, theirs, more=more)
    bar = by if more else -by
    moved = {seed: value - bar for seed, value in ours.by_seed.items()}
    shown, tested = (
        difference(
            ours.name,
            theirs.name,
            values,
            theirs.by_seed,
            higher_is_better=more,
            correct=(ours.correct, theirs.correct),
        )
        for values in (ours.by_seed, moved)
    )
    p = tested.p
    if not theirs.name and ours.diverged == tested.n > 1:  # a bound never diverges: sign test
        p = 2.0 ** (1 - tested.n)
    gap = replace(shown, p=p, favours=tested.favours)
    found = Evidence(measure, ours, theirs, more, by, gap)
    if theirs.name and not by:
        size = margin(measure, theirs.mean)
        found = replace(found, margin=size, p_same=_p_same(gap, size))
    notes = [ours.note, theirs.note, gap.note]
    return replace(found, note="; ".join(filter(None, notes)))


def _compare_times(
    measure: Measure, ours: SeedValues, theirs: SeedValues, *, more: bool
) -> Evidence:
    """Test whether ``ours`` takes longer, or less long; as in `compare`, by the ratio of times."""
    gap = ratio(ours.name, theirs.name, ours.times, theirs.times)
    gap = replace(gap, favours=-gap.favours if more else gap.favours)
    size = margin(measure, theirs.mean)
    all_reached = all(
        math.isfinite(t.reached) for t in (*ours.times.values(), *theirs.times.values())
    )
    p_same = _p_same(gap, size) if all_reached else math.nan
    notes = "; ".join(filter(None, [ours.note, theirs.note, gap.note]))
    return Evidence(measure, ours, theirs, more, 0.0, gap, p_same, size, notes)


def _p_same(shown: Difference, margin: float) -> float:
    """Return the p-value of a difference outside the margin."""
    if shown.errors:
        return max(each.p_outside(margin) for each in shown.errors)
    # Every seed gave the same difference: a sign test of how often it is outside.
    constant = shown.n > 1 and math.isfinite(shown.mean) and shown.note != "rank test"
    return 2.0 ** (1 - shown.n) if constant and abs(shown.mean) < margin else math.nan
