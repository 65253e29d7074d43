"""Difference between two arms, paired by seed: intervals, tests and effect size.

Seeds are paired: with one seed, all arms see the same data in the same order and start from the
same weights. Arms are therefore compared by their differences per seed, which removes the variation
that all arms share.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np

from lamella.studies.analysis.looks import Looks
from lamella.studies.analysis.ranks import all_or_none, signed_rank
from lamella.studies.analysis.samples import seeds_and_samples
from lamella.studies.analysis.statistics import is_constant
from lamella.studies.analysis.student import Student, special

Verdict = Literal[
    "better",
    "worse",
    "better, by less than the margin",
    "worse, by less than the margin",
    "equivalent",
    "undecided",
    "no verdict",
]
IDENTICAL = "identical with every seed"
Correct = Mapping[int, np.ndarray]
"""For each seed, which test samples were predicted correctly."""


@dataclass(frozen=True)
class Difference:
    """Difference between two arms, paired by seed.

    Attributes
    ----------
    arm, to : str
        The difference is ``arm`` minus ``to``.
    mean : float
        Mean of the differences. If a rank test decides, their median, with a diverged run worse
        than every other; nan if the median pair has one.
    low, high : float
        95% interval over seeds, by Student's t, not corrected for other pairs: for new seeds on the
        same test samples.
    low_samples, high_samples : float
        95% interval over seeds and test samples, at least as wide as the other; nan if no right and
        wrong answers are kept.
    p : float
        Probability of a difference at least as large if the arms do not differ: the larger of both
        intervals' t-tests, or that of a rank test.
    p_adjusted : float
        ``p`` after the correction for all compared pairs.
    n : int
        Number of pairs that are tested.
    verdict : str
        "better" or "worse" if ``p_adjusted`` < 0.05, else "undecided"; "no verdict" with fewer than
        two pairs. With a margin also "equivalent", or "better, by less than the margin".
    note : str
        Remark for the reader, such as missing runs; often empty.
    p_better : float
        Probability that the arm is better with one new seed: of Student's t, scaled by the error of
        a prediction, sd sqrt(1 + 1/n). For a rank test, the fraction of seeds with which it was
        better, ties half.
    effect : float
        Mean divided by the standard deviation of the differences, with Hedges' correction
        1 - 3 / (4 (n - 1) - 1); nan with fewer than three pairs.
    smallest_shown : float
        The difference that would have been shown with 80% power; only if undecided.
    favours : int
        1 if the test is on the side of ``arm``, -1 if on that of ``to``, 0 if on neither.
    errors : tuple of Student
        Mean and error over seeds, and over seeds and test samples, as far as they are known.
    looks : Looks or None
        Looks at the study so far; p and the intervals then hold for all of them together.
    earlier : tuple of tuple of Student
        ``errors`` at the earlier looks.
    """

    arm: str
    to: str
    mean: float
    low: float
    high: float
    p: float
    p_adjusted: float
    n: int
    verdict: Verdict = "no verdict"
    note: str = ""
    low_samples: float = math.nan
    high_samples: float = math.nan
    p_better: float = math.nan
    effect: float = math.nan
    smallest_shown: float = math.nan
    favours: int = 0
    errors: tuple[Student, ...] = field(default=(), repr=False)
    looks: Looks | None = None
    earlier: tuple[tuple[Student, ...], ...] = field(default=(), repr=False)

    @property
    def needs_samples(self) -> bool:
        """Whether more test samples would help more than seeds: they cause most of the error."""
        return len(self.errors) == 2 and self.errors[1].error > math.sqrt(2) * self.errors[0].error


def difference(
    arm: str,
    to: str,
    ours: Mapping[int, float],
    theirs: Mapping[int, float],
    *,
    higher_is_better: bool = True,
    correct: tuple[Correct, Correct] = ({}, {}),
) -> Difference:
    """Compare two arms over the seeds that both have; `with_verdicts` adds the verdict.

    Parameters
    ----------
    arm, to : str
        Names.
    ours, theirs : mapping
        Number by seed. NaN counts as missing. Of a run that diverged, or did not reach a score, it
        is the worst infinity: -inf if higher is better, else inf.
    higher_is_better : bool
    correct : pair of mappings
        Right and wrong answers of the same runs, if the numbers are their accuracies.

    Notes
    -----
    If with some seed only one of the two runs diverged, the test is the signed-rank test with that
    pair ranked highest, or that of `all_or_none`. Pairs in which both diverged are ties: the t-test
    leaves them out.

    If every seed gives the same difference, the t-test would divide by zero, and there is no
    interval. p is then 1 for a difference of zero, and else that of the sign test, 2^(1 - n).
    """
    known = [s for s in ours if not math.isnan(ours[s]) and not math.isnan(theirs.get(s, math.nan))]
    a, b = (np.array([side[s] for s in known], np.float64) for side in (ours, theirs))
    if not known:
        return untested(arm, to, math.nan, 0, "no seed in common")
    d = np.subtract(a, b, out=np.zeros(len(known)), where=a != b)  # inf - inf is a tie
    better = 1 if higher_is_better else -1
    if len(known) == 1:
        return untested(arm, to, float(d[0]), 1, "one seed: no interval, no test")
    if np.isinf(d).any() or np.isinf(a).all():
        return _by_ranks(arm, to, d, a, b, better)
    both = np.isfinite(a)
    seeds = [seed for seed, finite in zip(known, both, strict=True) if finite]
    d, sizes = d[both], np.concatenate([a[both], b[both]])
    if len(seeds) < 2:
        return untested(arm, to, float(d[0]), 1, "one seed: no interval, no test")
    errors = _errors(d, sizes, seeds, correct)
    if not errors:
        return _by_signs(arm, to, d, sizes, better)
    return _by_t(arm, to, d, errors, better)


def untested(arm: str, to: str, mean: float, n: int, note: str) -> Difference:
    """Return a difference without a test, as of one seed."""
    mean = mean if math.isfinite(mean) else math.nan
    nan = math.nan
    return Difference(arm, to, mean, nan, nan, nan, nan, n, note=note)


def _errors(
    d: np.ndarray, sizes: np.ndarray, seeds: list[int], correct: tuple[Correct, Correct]
) -> tuple[Student, ...]:
    """Return the mean with its error over seeds, and over seeds and samples if answers are kept."""
    mean, n = float(d.mean()), len(d)
    if all(seed in side for side in correct for seed in seeds):
        ours, theirs = (np.array([side[seed] for seed in seeds], np.int8) for side in correct)
        if found := seeds_and_samples(ours - theirs):
            return tuple(replace(each, mean=mean) for each in found)
    if is_constant(d, sizes):
        return ()
    return (Student(mean, float(d.std(ddof=1)) / math.sqrt(n), n - 1),)


def _by_t(arm: str, to: str, d: np.ndarray, errors: tuple[Student, ...], better: int) -> Difference:
    """Compare by t-tests: p is the largest, so that a verdict holds for seeds and for samples."""
    n, mean, p = len(d), float(d.mean()), max(each.p for each in errors)
    low, high = errors[0].interval()
    low_samples = high_samples = math.nan
    if len(errors) > 1:  # the fewer degrees of freedom may make the other one wider
        wide = errors[1].interval()
        low_samples, high_samples = min(low, wide[0]), max(high, wide[1])
    new_seed = errors[0].error * math.sqrt(n + 1)
    sd = float(d.std(ddof=1))
    hedges = 1 - 3 / (4 * (n - 1) - 1)
    return Difference(
        arm,
        to,
        mean,
        low,
        high,
        p,
        p,
        n,
        low_samples=low_samples,
        high_samples=high_samples,
        p_better=float(special().stdtr(n - 1, better * mean / new_seed)),
        effect=hedges * mean / sd if n > 2 and sd > 0 else math.nan,
        favours=better * int(np.sign(mean)),
        errors=errors,
    )


def _by_signs(arm: str, to: str, d: np.ndarray, sizes: np.ndarray, better: int) -> Difference:
    """Compare arms whose difference is the same with every seed."""
    n, mean = len(d), float(d.mean())
    found = Difference(arm, to, mean, math.nan, math.nan, 1.0, 1.0, n)
    if is_constant(np.append(d, 0.0), sizes):
        return replace(found, mean=0.0, note=IDENTICAL)
    p, favours = 2.0 ** (1 - n), better * int(np.sign(mean))
    note = "the same difference with every seed: sign test, no interval"
    return replace(found, p=p, p_adjusted=p, favours=favours, note=note)


def _by_ranks(
    arm: str, to: str, d: np.ndarray, a: np.ndarray, b: np.ndarray, better: int
) -> Difference:
    """Compare arms of which some runs have no number, but are worse than any that have one."""
    with np.errstate(invalid="ignore"):  # the median of inf and -inf is none
        n, median = len(d), float(np.median(d))
    p, direction = signed_rank(d)
    note = "rank test" if d.any() else "a tie with every seed"
    if (np.isinf(a) != np.isinf(b)).all() and abs(np.sign(d).sum()) == n:
        p, note = all_or_none(n), "all-or-none test"
    p_better = float((np.sign(d) * better + 1).mean() / 2)
    return Difference(
        arm,
        to,
        median if math.isfinite(median) else math.nan,
        math.nan,
        math.nan,
        p,
        p,
        n,
        note=note,
        p_better=p_better,
        favours=better * direction,
    )
