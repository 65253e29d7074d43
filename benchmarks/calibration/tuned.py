"""Rates of false verdicts on arms that were tuned, by lamella's own choice and comparison."""

import numpy as np

from benchmarks.calibration.draws import Rng, scores
from benchmarks.calibration.rates import decided, family, rate
from lamella.studies.analysis.choice import best_trial
from lamella.studies.analysis.measures import MEASURES
from lamella.studies.analysis.tuning import Trial

SETTINGS, TUNING_SEEDS = 8, 2


def tuned_against_tuned(rng: Rng, noise: str, arms: int, seeds: int, studies: int) -> float:
    """Return the fraction of studies of tuned arms with any verdict, all settings being equal.

    Each arm has as many trials. The validation scores of other seeds choose.
    """

    def study() -> bool:
        validation = scores(rng, noise, arms * SETTINGS, TUNING_SEEDS)
        test = scores(rng, noise, arms * SETTINGS, seeds)
        return decided(family(np.array([test[place] for place in _chosen(validation)])))

    return rate(studies, study)


def tuned_by_test(rng: Rng, seeds: int, studies: int) -> float:
    """Return the fraction of studies that call an arm better whose setting the test scores chose.

    They are those of the comparison, and the other arm is not tuned, all settings being equal.
    """

    def study() -> bool:
        test = scores(rng, "normal", 1 + SETTINGS, seeds)
        (best,) = _chosen(test[1:])
        return family(test[[0, 1 + best]])[0].verdict == "better"

    return rate(studies, study)


def _chosen(validation: np.ndarray) -> list[int]:
    """Return the row of the best setting of each arm, of scores (arms * settings, seeds)."""
    measure, seeds = MEASURES["val_accuracy"], validation.shape[1]
    trials = [Trial("", {}, float(row.mean()), seeds, 0) for row in validation]
    return [
        first + best_trial(trials[first : first + SETTINGS], measure)
        for first in range(0, len(trials), SETTINGS)
    ]
