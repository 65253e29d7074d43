"""What runs say to an expectation: two arms seed by seed, and a test of their difference.

Every expectation comes down to one question: is a difference above zero? It is asked of the seeds
by a t-test, and the answers to one statement are corrected for their number (Holm).
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Literal

from lamella.studies.analysis.measures import Measure
from lamella.studies.analysis.statistics import SIGNIFICANCE, Difference, difference, estimate, holm
from lamella.studies.running.run import Run

Verdict = Literal["holds", "does not hold", "not shown", "not run"]


@dataclass(frozen=True)
class Numbers:
    """One measure of one arm (or what was made of several), by seed; nan if a run has none."""

    name: str
    by_seed: Mapping[int, float]
    broken: int = 0

    @property
    def mean(self) -> float:
        """Mean over the seeds that have a number."""
        return estimate(list(self.by_seed.values())).mean

    @property
    def all_broken(self) -> bool:
        """Whether there were runs, and none of them came to its end."""
        return self.broken > 0 and self.broken == len(self.by_seed)


@dataclass(frozen=True)
class Finding:
    """An expectation, what the seeds gave, and what follows.

    Attributes
    ----------
    measure : Measure
    ours, theirs : Numbers
        ``theirs`` may be a bound, the same with every seed.
    more : bool
        Whether ``ours`` is expected above ``theirs``, or else below.
    by : float
        By at least how much; below zero it says how much may be missing.
    difference : Difference
        ``ours`` minus ``theirs``, with its interval; p and p_adjusted test against ``by``.
    verdict : {"holds", "does not hold", "not shown", "not run"}
    note : str
        What else has to be known; often empty.
    """

    measure: Measure
    ours: Numbers
    theirs: Numbers
    more: bool
    by: float
    difference: Difference
    verdict: Verdict
    note: str = ""

    @property
    def bound(self) -> float | None:
        """The number that ``ours`` is held against, if it is not another arm."""
        return self.theirs.mean if not self.theirs.name else None


class Arms:
    """The runs of one study, asked what they say to expectations.

    A study that was not run has no arms: what is expected of them is "not run".
    """

    def __init__(self, study: str, runs: Iterable[Run]) -> None:
        self.study = study
        self.runs: dict[str, list[Run]] = {}
        for run in runs:
            self.runs.setdefault(run.arm, []).append(run)

    def numbers(self, measure: Measure, arm: str) -> Numbers:
        """Return what an arm's runs are measured at, by seed."""
        runs = self.runs.get(arm, [])
        values = {run.seed: measure.of(run) if run.done else math.nan for run in runs}
        return Numbers(arm, values, sum(run.status == "diverged" for run in runs))

    def spread(self, measure: Measure, guess: float) -> Numbers:
        """Return, seed by seed, by how much the arms differ; ``guess`` stands for the diverged."""
        by_seed: dict[int, list[float]] = {}
        for run in (run for runs in self.runs.values() for run in runs if run.status != "failed"):
            by_seed.setdefault(run.seed, []).append(measure.of(run) if run.done else guess)
        whole = {s: v for s, v in by_seed.items() if len(v) == len(self.runs) > 1}
        return Numbers(self.study, {seed: max(v) - min(v) for seed, v in whole.items()})

    def more(self, measure: Measure, arm: str, *, than: str, by: float = 0.0) -> Finding:
        """Expect more of an arm than of another."""
        return compare(measure, self.numbers(measure, arm), self.numbers(measure, than), by=by)

    def less(self, measure: Measure, arm: str, *, than: str, by: float = 0.0) -> Finding:
        """Expect less of an arm than of another."""
        ours, theirs = self.numbers(measure, arm), self.numbers(measure, than)
        return compare(measure, ours, theirs, more=False, by=by)

    def above(self, measure: Measure, arm: str, bound: float) -> Finding:
        """Expect an arm above a bound."""
        return against(measure, self.numbers(measure, arm), bound)

    def below(self, measure: Measure, arm: str, bound: float) -> Finding:
        """Expect an arm below a bound."""
        return against(measure, self.numbers(measure, arm), bound, more=False)

    def close(self, measure: Measure, arm: str, *, to: str, within: float) -> list[Finding]:
        """Expect two arms no further apart than ``within``, on either side."""
        return [
            self.more(measure, arm, than=to, by=-within),
            self.less(measure, arm, than=to, by=-within),
        ]

    def rising(self, measure: Measure, arms: Sequence[str]) -> list[Finding]:
        """Expect each arm above the one before it."""
        pairs = pairwise(arms)
        return [self.more(measure, after, than=before) for before, after in pairs]

    def falling(self, measure: Measure, arms: Sequence[str]) -> list[Finding]:
        """Expect each arm below the one before it."""
        pairs = pairwise(arms)
        return [self.less(measure, after, than=before) for before, after in pairs]


def compare(
    measure: Measure, ours: Numbers, theirs: Numbers, *, more: bool = True, by: float = 0.0
) -> Finding:
    """Test whether ``ours`` is above (or below) ``theirs`` by at least ``by``; not judged yet."""
    gap = difference(ours.name, theirs.name, ours.by_seed, theirs.by_seed)
    if by and gap.n:
        bar = by if more else -by
        moved = {seed: value - bar for seed, value in ours.by_seed.items()}
        gap = replace(gap, p=difference(ours.name, theirs.name, moved, theirs.by_seed).p)
    note = gap.note
    if (broken := ours.broken + theirs.broken) and not note.startswith("no seed"):
        count = f"{broken} runs diverged and are" if broken > 1 else "1 run diverged and is"
        note = f"{count} left out" + (f"; {note}" if note else "")
    return Finding(measure, ours, theirs, more, by, gap, "not run", note)


def against(measure: Measure, ours: Numbers, bound: float, *, more: bool = True) -> Finding:
    """Test whether ``ours`` is above (or below) a bound; not judged yet."""
    return compare(measure, ours, Numbers("", dict.fromkeys(ours.by_seed, bound)), more=more)


def judged(findings: Sequence[Finding]) -> list[Finding]:
    """Return the findings on one statement with p corrected for their number, and verdicts."""
    corrected = holm([finding.difference.p for finding in findings])
    return [
        _judged(replace(f, difference=replace(f.difference, p_adjusted=p)))
        for f, p in zip(findings, corrected, strict=True)
    ]


def _judged(finding: Finding) -> Finding:
    gap = finding.difference
    if gap.n == 0:
        return _by_divergence(finding)
    if math.isnan(gap.p_adjusted) or gap.p_adjusted >= SIGNIFICANCE:
        return replace(finding, verdict="not shown")
    excess = (gap.mean if finding.more else -gap.mean) - finding.by
    return replace(finding, verdict="holds" if excess > 0 else "does not hold")


def _by_divergence(finding: Finding) -> Finding:
    """An arm whose every run diverged has no number, but it has lost."""
    ours, theirs = finding.ours, finding.theirs
    if ours.all_broken == theirs.all_broken or not (ours.by_seed and theirs.by_seed):
        both = "diverged with every seed" if ours.all_broken and theirs.all_broken else ""
        return replace(finding, verdict="not shown" if both else "not run", note=both)
    ours_should_win = finding.more == finding.measure.higher_is_better
    loser = ours if ours.all_broken else theirs
    verdict: Verdict = "holds" if (loser is theirs) == ours_should_win else "does not hold"
    return replace(finding, verdict=verdict, note=f"{loser.name} diverged with every seed")
