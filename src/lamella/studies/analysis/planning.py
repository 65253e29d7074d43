"""Plans: the number of seeds that shows a difference.

The power of a paired t-test with n seeds, differences of mean d and standard deviation s, at the
two-sided level a, is

    P(|T| > t(1 - a / 2, n - 1)),    T ~ noncentral t(n - 1, d sqrt(n) / s)

With K comparisons the level is 0.05 / K, the strictest of Holm's.

References
----------
Lakens, Sample size justification, 2022.
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
    """

    seeds: int
    effect: float
    sd: float
    comparisons: int
    power: float

    def __str__(self) -> str:
        return (
            f"{self.seeds:,} seeds show a difference of {self.effect:g} with probability "
            f"{self.power:.2f}, if differences by seed have a standard deviation of {self.sd:.3g} "
            f"and p is corrected for {counted(self.comparisons, 'comparison')}. Other test samples "
            "are not considered."
        )


def plan_seeds(effect: float, sd: float, comparisons: int = 1, power: float = POWER) -> Plan:
    """Return the plan for an effect.

    Parameters
    ----------
    effect, sd : float
        Mean, not 0, and standard deviation, > 0, of the differences by seed.
    comparisons : int
        Compared pairs of arms, at least 1.
    power : float
        In [0, 1).
    """
    positive("effect", abs(number("effect", effect)))
    positive("sd", sd)
    at_least("comparisons", comparisons, 1)
    in_range("power", power, 0, 1, right_open=True)
    few, many = 1, 2
    while power_of(effect, sd, many, comparisons) < power and many < MOST_SEEDS:
        few, many = many, min(2 * many, MOST_SEEDS)
    while many - few > 1:
        middle = (few + many) // 2
        if power_of(effect, sd, middle, comparisons) < power:
            few = middle
        else:
            many = middle
    return Plan(many, effect, sd, comparisons, power_of(effect, sd, many, comparisons))


def power_of(effect: float, sd: float, seeds: int, comparisons: int = 1) -> float:
    """Return the probability that a true mean difference is shown, on its own side of zero."""
    df, noncentrality = seeds - 1, abs(effect) / sd * math.sqrt(seeds)
    bound = special().stdtrit(df, 1 - SIGNIFICANCE / comparisons / 2)
    return 1 - float(special().nctdtr(df, noncentrality, bound))


def spread_of(pilot: Runs, measure: str | Measure | None) -> float:
    """Return the largest standard deviation of the differences to the baseline in a pilot.

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
    values = pilot.ranked_values(measure)
    found = [difference(arm, to, values[arm], values[to]) for arm in values if arm != to]
    spreads = [d.errors[0].error * math.sqrt(d.n) for d in found if d.errors]
    if not spreads:
        raise UsageError("a pilot needs two seeds, or more, of two arms: run it with more seeds")
    return max(spreads)
