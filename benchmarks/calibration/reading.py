"""False verdicts of a reader who looks around in a study whose arms do not differ."""

from collections.abc import Callable, Sequence
from functools import cache, partial

import numpy as np

from benchmarks.calibration.draws import Rng, scores
from lamella.studies.analysis.difference import difference
from lamella.studies.analysis.reads import ALL, Read, Test, family_of
from lamella.studies.analysis.statistics import holm
from lamella.studies.analysis.student import SIGNIFICANCE

COMMON = 0.6
"""Correlation of two measures of a run, such as test accuracy and test loss."""

Scores = np.ndarray
"""Scores (measures, arms, seeds)."""
Habit = Callable[[Scores], list[Read]]


def _read(x: Scores, measure: int, to: int | str) -> Read:
    return Read(str(measure), str(to), tuple(map(str, range(x.shape[1]))))


def _best(x: Scores) -> int:
    return int(x[0].mean(axis=1).argmax())


HABITS: dict[str, Habit] = {
    "to the baseline": lambda x: [_read(x, 0, 0)],
    "to each arm in turn": lambda x: [_read(x, 0, arm) for arm in range(x.shape[1])],
    "to the arm that looks best": lambda x: [_read(x, 0, _best(x))],
    "to the baseline, then to the best": lambda x: [_read(x, 0, 0), _read(x, 0, _best(x))],
    "all pairs": lambda x: [_read(x, 0, ALL)],
    "four measures": lambda x: [_read(x, measure, 0) for measure in range(4)],
    "four measures, to each arm": lambda x: [
        _read(x, measure, arm) for measure in range(4) for arm in range(x.shape[1])
    ],
}
"""The comparisons that a reader reads; the first arm is the baseline."""


def measured(rng: Rng, noise: str, arms: int, seeds: int) -> Scores:
    """Return the scores of equal arms by four correlated measures, each of standard deviation 1."""
    common, *own = (scores(rng, noise, arms, seeds) for _ in range(5))
    return np.array([np.sqrt(COMMON) * common + np.sqrt(1 - COMMON) * each for each in own])


def false_verdicts_of(
    rng: Rng, habit: Habit, noise: str, arms: int, seeds: int, studies: int
) -> tuple[float, float, float]:
    """Return rates of studies with any false verdict.

    Returns
    -------
    tables, ledger, greedy : float
        If each table is corrected for its own tests only; in the ledger at the end; and in the
        ledger of a reader who stops at the first verdict.
    """
    tables = ledger = greedy = 0
    for _ in range(studies):
        x = measured(rng, noise, arms, seeds)
        p_value = cache(partial(_p_value, x))
        reads = habit(x)
        tables += any(_any_verdict(read.tests, read.tests, p_value) for read in reads)
        standing = []
        for count in range(1, len(reads) + 1):
            shown = [test for read in reads[:count] for test in read.tests]
            standing.append(_any_verdict(shown, family_of(reads[:count], "0"), p_value))
        ledger += standing[-1]
        greedy += any(standing)
    return tables / studies, ledger / studies, greedy / studies


def _p_value(x: Scores, test: Test) -> float:
    measure, pair = test
    ours, theirs = (dict(enumerate(x[int(measure), int(arm)])) for arm in sorted(pair))
    return difference("a", "b", ours, theirs).p


def _any_verdict(
    shown: Sequence[Test], family: Sequence[Test], p_value: Callable[[Test], float]
) -> bool:
    corrected = dict(zip(family, holm([p_value(test) for test in family]), strict=True))
    return min(corrected[test] for test in shown) < SIGNIFICANCE
