"""The best arm by validation, with the arms that cannot be told from it.

References
----------
Hsu, Multiple comparisons with the best treatment, 1981.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from lamella.core.errors import ArgumentError, DataError
from lamella.studies.analysis.family import differences_of, incomparable
from lamella.studies.analysis.measures import Measure
from lamella.studies.analysis.runs import Runs
from lamella.studies.analysis.student import SIGNIFICANCE


@dataclass(frozen=True)
class Best:
    """The arm with the best mean validation score; printing it gives a sentence.

    Attributes
    ----------
    arm : str
    measure : Measure
        The validation score.
    mean : float
        Of its seeds.
    candidates : list of str
        All arms that may be the best, ``arm`` among them: the truly best arm is one of them in at
        least 95% of studies.
    of : int
        Number of arms.
    is_of_fewest_diverged : bool
        Whether an arm with more diverged runs has a better mean of the others.
    """

    arm: str
    measure: Measure
    mean: float
    candidates: Sequence[str]
    of: int
    is_of_fewest_diverged: bool

    def __str__(self) -> str:
        unit = "%" if self.measure.unit == "%" else ""
        text = f"{self.arm} has the best mean {self.measure.label}"
        text += ", of the arms with the fewest diverged runs" * self.is_of_fewest_diverged
        text += f", {self.measure.show(self.mean)}{unit}."
        if self.of == 1:
            return text
        others = ", ".join(arm for arm in self.candidates if arm != self.arm)
        if others:
            return f"{text} Not shown to be worse: {others}."
        return f"{text} All others are shown to be worse."

    __repr__ = __str__


def best(runs: Runs, measure: str | None = None) -> Best:
    """Return the arm with the best mean validation score; arms with fewest diverged runs first.

    Raises
    ------
    ArgumentError
        If the measure is no validation score, or means something else in some arms.
    DataError
        If there are no finished runs, or they have no validation score.

    Notes
    -----
    An arm is no candidate if another one is better in a one-sided paired test at 0.05 / (K - 1),
    for K arms, over all looks at a study that grew. The best of K arms is then left out with
    probability 0.05 at most.
    """
    chosen = runs.measure(measure or f"val_{runs.metric}")
    if not chosen.name.startswith(("val_", "best_val_")):
        raise ArgumentError(
            f"the best arm is chosen by a validation score, such as 'val_{runs.metric}': chosen by "
            f"{chosen.name!r}, its test score would be too good"
        )
    for pair in combinations(runs.arms, 2):
        if reason := incomparable(runs.study, chosen, *pair):
            raise ArgumentError(f"no arm can be the best by {chosen.name!r}: {reason}")
    values = runs.ranked_values(chosen)
    finite = {
        arm: [value for value in by.values() if np.isfinite(value)] for arm, by in values.items()
    }
    means = {arm: float(np.mean(found)) for arm, found in finite.items() if found}
    if not means:
        raise DataError("no run is finished, so there is no best arm")
    sign = 1 if chosen.higher_is_better else -1
    arm = min(means, key=lambda arm: (len(values[arm]) - len(finite[arm]), -sign * means[arm]))
    beaten = {
        d.to if d.favours > 0 else d.arm
        for d in differences_of(runs, chosen, [*combinations(runs.arms, 2)])
        if d.favours and d.p / 2 < SIGNIFICANCE / (len(runs.arms) - 1)
    }
    candidates = [each for each in runs.arms if each == arm or each not in beaten]
    is_of_fewest = any(sign * mean > sign * means[arm] for mean in means.values())
    return Best(arm, chosen, means[arm], candidates, len(runs.arms), is_of_fewest)
