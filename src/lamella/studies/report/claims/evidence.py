"""Tests of expected differences between two arms, paired by seed.

Every expectation is a difference above zero, checked by a t-test over the seeds. The tests of one
statement are corrected for their number (Holm).
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from lamella.studies.analysis.measures import Measure
from lamella.studies.analysis.statistics import SIGNIFICANCE, Difference, difference, estimate, holm
from lamella.studies.report.claims.measures import TEST
from lamella.studies.running.run import Run

Outcome = Literal["holds", "holds in part", "does not hold", "not shown", "not run"]

GUESS = 0.1
"""Accuracy of guessing one of ten classes."""


@dataclass(frozen=True)
class SeedValues:
    """Values of one measure by seed; NaN if a run has none.

    Attributes
    ----------
    name : str
        Name of the arm or the study; empty for a bound.
    by_seed : mapping
    diverged : int
        Number of runs that diverged.
    """

    name: str
    by_seed: Mapping[int, float]
    diverged: int = 0

    @property
    def mean(self) -> float:
        """Mean over the seeds that have a value."""
        return estimate(list(self.by_seed.values())).mean

    @property
    def all_diverged(self) -> bool:
        """Whether there are runs and all of them diverged."""
        return 0 < self.diverged == len(self.by_seed)


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
        ``ours`` minus ``theirs``, with its interval. p and p_adjusted test against ``by``.
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
    values = {run.seed: measure.of(run) if run.done else math.nan for run in own}
    return SeedValues(arm, values, sum(run.status == "diverged" for run in own))


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
    gap = difference(ours.name, theirs.name, ours.by_seed, theirs.by_seed)
    if by and gap.n:
        bar = by if more else -by
        moved = {seed: value - bar for seed, value in ours.by_seed.items()}
        gap = replace(gap, p=difference(ours.name, theirs.name, moved, theirs.by_seed).p)
    note = gap.note
    if (diverged := ours.diverged + theirs.diverged) and not note.startswith("no seed"):
        count = f"{diverged} diverged runs" if diverged > 1 else "1 diverged run"
        note = f"without {count}" + (f"; {note}" if note else "")
    return Evidence(measure, ours, theirs, more, by, gap, "not run", note)


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
        return _judge_diverged(evidence)
    if math.isnan(gap.p_adjusted) or gap.p_adjusted >= SIGNIFICANCE:
        return replace(evidence, verdict="not shown")
    excess = (gap.mean if evidence.more else -gap.mean) - evidence.by
    return replace(evidence, verdict="holds" if excess > 0 else "does not hold")


def _judge_diverged(evidence: Evidence) -> Evidence:
    """Judge arms without values: an arm whose runs all diverged counts as worse."""
    ours, theirs = evidence.ours, evidence.theirs
    if ours.all_diverged == theirs.all_diverged or not (ours.by_seed and theirs.by_seed):
        both = "diverged with every seed" if ours.all_diverged and theirs.all_diverged else ""
        return replace(evidence, verdict="not shown" if both else "not run", note=both)
    ours_should_win = evidence.more == evidence.measure.higher_is_better
    loser = ours if ours.all_diverged else theirs
    verdict: Outcome = "holds" if (loser is theirs) == ours_should_win else "does not hold"
    return replace(evidence, verdict=verdict, note=f"{loser.name} diverged with every seed")
