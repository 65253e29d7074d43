"""Tests of expected differences between two arms, paired by seed.

Every expectation is a difference above zero, tested as in `difference`: over the seeds, for test
accuracies also over the test samples, and by rank where only one of two runs diverged. The tests of
one statement are corrected for their number (Holm).
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from lamella.studies.analysis.difference import Correct, Difference, difference
from lamella.studies.analysis.measures import Measure
from lamella.studies.analysis.statistics import estimate, holm
from lamella.studies.analysis.student import SIGNIFICANCE
from lamella.studies.report.claims.measures import TEST
from lamella.studies.running.run import Run

Outcome = Literal["holds", "holds in part", "does not hold", "not shown", "not run"]

GUESS = 0.1
"""Accuracy of guessing one of ten classes."""


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
    """

    name: str
    by_seed: Mapping[int, float]
    diverged: int = 0
    correct: Correct = field(default_factory=dict)

    @property
    def mean(self) -> float:
        """Mean over the seeds that have a value."""
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
        ``ours`` minus ``theirs``, with its intervals. p, p_adjusted and favours test against
        ``by``; favours is 1 on the expected side.
    verdict : {"holds", "does not hold", "not shown", "not run"}
    note : str
        Remark; often empty.
    """

    measure: Measure
    ours: SeedValues
    theirs: SeedValues
    more: bool
    by: float
    difference: Difference
    verdict: Outcome
    note: str = ""

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
    return SeedValues(arm, values, sum(run.status == "diverged" for run in own), correct)


def spread_values(runs: Sequence[Run], name: str) -> SeedValues:
    """Return the test accuracy of the best arm minus the worst by seed.

    Diverged runs count as guesses. Seeds without a value in every arm are left out.
    """
    by_seed: dict[int, list[float]] = {}
    for run in runs:
        if run.status != "failed":
            by_seed.setdefault(run.seed, []).append(TEST.of(run) if run.done else GUESS)
    arms = len({run.arm for run in runs})
    complete = {seed: v for seed, v in by_seed.items() if len(v) == arms > 1}
    return SeedValues(name, {seed: max(v) - min(v) for seed, v in complete.items()})


def compare_values(
    measure: Measure, ours: SeedValues, theirs: SeedValues, *, more: bool = True, by: float = 0.0
) -> Evidence:
    """Test whether ``ours`` exceeds (or is below) ``theirs`` by at least ``by``; no verdict yet."""
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
    notes = [ours.note, theirs.note, gap.note]
    return Evidence(measure, ours, theirs, more, by, gap, "not run", "; ".join(filter(None, notes)))


def judged(evidence: Sequence[Evidence]) -> list[Evidence]:
    """Return the evidence on one statement with corrected p and verdicts."""
    corrected = holm([each.difference.p for each in evidence])
    return [
        _judged(replace(each, difference=replace(each.difference, p_adjusted=p)))
        for each, p in zip(evidence, corrected, strict=True)
    ]


def _judged(evidence: Evidence) -> Evidence:
    gap = evidence.difference
    if gap.n == 0:
        return evidence
    if math.isnan(gap.p_adjusted) or gap.p_adjusted >= SIGNIFICANCE or gap.favours == 0:
        return replace(evidence, verdict="not shown")
    return replace(evidence, verdict="holds" if gap.favours > 0 else "does not hold")
