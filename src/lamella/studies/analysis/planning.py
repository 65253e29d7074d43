"""Plans: the number of seeds that shows a difference.

With n seeds, differences by seed of mean d and standard deviation s, and a standard error e of the
test samples, the power of the test at the two-sided level a is

    P(T > t(1 - a / 2, f)),    T ~ noncentral t(f, d / sqrt(V)),
    V = s^2 / n + e^2,    f = (n - 1) (V n / s^2)^2

that of the paired t-test if e is 0. A verdict needs both, so that the smaller one is its power.
With K comparisons the level is 0.05 / K, the strictest of Holm's.

References
----------
Lakens, Sample size justification, 2022. Hillis, A comparison of denominator degrees of freedom
methods for multiple observer ROC analysis, 2007.
"""

import math
from dataclasses import dataclass

from lamella.core.errors import ArgumentError, UsageError
from lamella.core.validation import at_least, in_range, number, positive
from lamella.core.wording import counted
from lamella.studies.analysis.difference import difference
from lamella.studies.analysis.measures import Measure, TimeTo
from lamella.studies.analysis.runs import Runs
from lamella.studies.analysis.student import POWER, SIGNIFICANCE, special

MOST_SEEDS = 10_000
LARGEST = 1e6  # noncentrality and degrees of freedom, for scipy


@dataclass(frozen=True)
class Plan:
    """Number of seeds that a study needs.

    Attributes
    ----------
    seeds : int
        Least number that shows the effect with at least this power; at most 10,000.
    effect, sd : float
        Mean and standard deviation of the differences by seed.
    comparisons : int
    power : float
        Probability that a true difference of ``effect`` is shown, with ``seeds`` seeds.
    wanted : float
        The power to reach; ``power`` is below it if no number of seeds does.
    samples : float
        Standard error of the test samples; 0 if it is not known.
    """

    seeds: int
    effect: float
    sd: float
    comparisons: int
    power: float
    wanted: float = POWER
    samples: float = 0.0

    def __str__(self) -> str:
        known = f"differences by seed have a standard deviation of {self.sd:.3g}"
        if self.samples:
            known += f", the test samples a standard error of {self.samples:.3g},"
        text = (
            f"{self.seeds:,} seeds show a difference of {self.effect:g} with probability "
            f"{self.power:.2f}, if {known} and p is corrected for "
            f"{counted(self.comparisons, 'comparison')}."
        )
        if not self.samples:
            return f"{text} Other test samples are not considered."
        more = " More seeds would not help, but more test samples." * (self.power < self.wanted)
        return f"{text}{more}"


def plan_seeds(
    effect: float, sd: float, comparisons: int = 1, power: float = POWER, samples: float = 0.0
) -> Plan:
    """Return the plan for an effect.

    Parameters
    ----------
    effect, sd : float
        Mean, not 0, and standard deviation, > 0, of the differences by seed.
    comparisons : int
        Compared pairs of arms, at least 1.
    power : float
        In [0, 1).
    samples : float
        Standard error of the test samples.
    """
    positive("effect", abs(number("effect", effect)))
    positive("sd", sd)
    at_least("comparisons", comparisons, 1)
    in_range("power", power, 0, 1, right_open=True)

    def reached(seeds: int) -> float:
        return power_of(effect, sd, seeds, comparisons, samples)

    few, many = 1, 2
    while reached(many) < power and many < MOST_SEEDS:
        few, many = many, min(2 * many, MOST_SEEDS)
    while many - few > 1:
        middle = (few + many) // 2
        if reached(middle) < power:
            few = middle
        else:
            many = middle
    return Plan(many, effect, sd, comparisons, reached(many), power, samples)


def power_of(
    effect: float, sd: float, seeds: int, comparisons: int = 1, samples: float = 0.0
) -> float:
    """Return the probability that a true mean difference is shown, on its own side of zero."""
    of_seeds = sd**2 / seeds
    found = []
    for variance in {of_seeds, of_seeds + samples**2}:
        df = (seeds - 1) * (variance / of_seeds) ** 2
        bound = special().stdtrit(df, 1 - SIGNIFICANCE / comparisons / 2)
        shift = min(abs(effect) / math.sqrt(variance), LARGEST)
        found.append(1 - float(special().nctdtr(min(df, LARGEST), shift, bound)))
    return min(found)


def spread_of(pilot: Runs, measure: str | Measure | None) -> tuple[float, float]:
    """Return standard deviation by seed, and standard error of the test samples, of a pilot.

    They are the largest among its differences to the baseline; the latter is 0 unless runs keep
    their answers to the test samples, and the measure is their accuracy.

    Raises
    ------
    UsageError
        If no pair of arms has two seeds with different differences.
    """
    measure, to = pilot.measure(measure), pilot.study.baseline
    if isinstance(measure, TimeTo):
        raise ArgumentError(
            "times are compared by their ratio: give sd=, the standard deviation of its logarithm, "
            "and effect=, the logarithm of a ratio, such as math.log(1.25)"
        )
    values, correct = pilot.ranked_values(measure), pilot.correct(measure)
    found = [
        difference(arm, to, values[arm], values[to], correct=(correct[arm], correct[to]))
        for arm in values
        if arm != to
    ]
    known = [d for d in found if d.errors]
    if not known:
        raise UsageError(
            "a pilot needs two arms whose difference is not the same with every seed, without "
            "diverged runs: run it with two seeds or more, or give sd="
        )
    spreads = [d.errors[0].error * math.sqrt(d.n) for d in known]
    samples = [max(d.errors[-1].error ** 2 - d.errors[0].error ** 2, 0.0) for d in known]
    return max(spreads), math.sqrt(max(samples))
