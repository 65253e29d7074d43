"""False verdicts of what people do around one comparison, if the arms do not differ."""

from collections.abc import Sequence

import numpy as np

from benchmarks.calibration.draws import Rng, scores
from benchmarks.calibration.rates import LOOKS, decided, rate
from lamella.studies.analysis.difference import Difference, difference
from lamella.studies.analysis.looks import Looks, planned_or_past
from lamella.studies.analysis.sequential import over_looks
from lamella.studies.analysis.verdicts import with_verdicts


def looked_by_hand(
    rng: Rng, at: Sequence[int], studies: int, *, counted: bool = True, noise: str = "normal"
) -> float:
    """Return the fraction of studies of two equal arms with a verdict at any look.

    Seeds are added by hand to a study in a folder, which counts the looks, or not.
    """

    def study() -> bool:
        first, other = scores(rng, noise, 2, at[-1])
        paired = {n: _paired(other[:n], first[:n]) for n in at}
        return any(
            _is_shown(paired, planned_or_past([], at[:place] if counted else [], n), n)
            for place, n in enumerate(at)
        )

    return rate(studies, study)


def planned_later(rng: Rng, pilot: int, studies: int) -> float:
    """Return the same of studies that are looked at, and then grow to 20 until decided."""
    at = [n for n in LOOKS if n >= pilot]

    def study() -> bool:
        first, other = scores(rng, "normal", 2, at[-1])
        paired = {n: _paired(other[:n], first[:n]) for n in at}
        return _is_shown(paired, None, pilot) or any(
            _is_shown(paired, planned_or_past(at, [pilot], n), n) for n in at
        )

    return rate(studies, study)


def grown_with_divergence(rng: Rng, fraction: float, studies: int, *, both: bool = False) -> float:
    """Return the fraction of studies that grow until decided, and call a diverging arm better.

    The lowest ``fraction`` of its runs diverges; without divergence both arms are equal. With
    ``both``, a fraction of the runs of either arm diverges, and any verdict counts.
    """
    cut = np.quantile(scores(rng, "normal", 1, 100_000), fraction)

    def study() -> bool:
        x = scores(rng, "normal", 2, LOOKS[-1])
        x[rng.random(x.shape) < fraction if both else (x < cut) & [[False], [True]]] = -np.inf
        paired = {n: _paired(x[1, :n], x[0, :n]) for n in LOOKS}
        for n in LOOKS:
            (found,) = with_verdicts([over_looks(paired.__getitem__, Looks(LOOKS, n))])
            if found.verdict != "undecided":
                return both or found.verdict == "better"
        return False

    return rate(studies, study)


def _is_shown(paired: dict[int, Difference], looks: Looks | None, seeds: int) -> bool:
    found = paired[seeds] if looks is None else over_looks(paired.__getitem__, looks)
    return decided(with_verdicts([found]))


def _paired(ours: np.ndarray, theirs: np.ndarray) -> Difference:
    return difference("arm", "first", dict(enumerate(ours)), dict(enumerate(theirs)))
