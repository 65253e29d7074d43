"""False discoveries on a page of several studies, of which some have true differences."""

import numpy as np

from benchmarks.calibration.draws import Rng, scores
from lamella.studies.analysis.difference import difference
from lamella.studies.analysis.statistics import false_discovery
from lamella.studies.analysis.student import SIGNIFICANCE

STUDIES, ARMS = 20, 4
EFFECT = 2.5
"""Of arms that differ, in standard deviations of a score."""


def false_discoveries(
    rng: Rng, differing: float, seeds: int, pages: int
) -> tuple[float, float, float]:
    """Return rates of pages in whose studies a fraction of the arms differs from the baseline.

    All studies share what a seed has in common.

    Returns
    -------
    alone, together, cautious : float
        Expected fraction of false ones among the verdicts, 0 if there are none: uncorrected; by
        Benjamini and Hochberg; and by Benjamini and Yekutieli.
    """
    rates = np.zeros((pages, 3))
    harmonic = sum(1 / rank for rank in range(1, STUDIES * (ARMS - 1) + 1))
    for page in range(pages):
        x = scores(rng, "normal", STUDIES * ARMS, seeds).reshape(STUDIES, ARMS, seeds)
        differs = rng.random((STUDIES, ARMS - 1)) < differing
        x[:, 1:] += EFFECT * differs[..., None]
        p = [_p_value(arm, study[0]) for study in x for arm in study[1:]]
        adjusted = np.array(false_discovery(p))
        for place, q in enumerate((np.array(p), adjusted, adjusted * harmonic)):
            verdicts = q < SIGNIFICANCE
            rates[page, place] = (verdicts & ~differs.ravel()).sum() / max(verdicts.sum(), 1)
    alone, together, cautious = rates.mean(axis=0).tolist()
    return alone, together, cautious


def _p_value(ours: np.ndarray, theirs: np.ndarray) -> float:
    return difference("a", "b", dict(enumerate(ours)), dict(enumerate(theirs))).p
