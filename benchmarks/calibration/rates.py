"""Rates of verdicts and coverage over simulated studies, by lamella's own functions."""

import math
from collections.abc import Callable, Sequence

import numpy as np

from benchmarks.calibration.draws import Answers, Rng, scores
from lamella.studies.analysis.difference import Difference, difference
from lamella.studies.analysis.looks import Looks
from lamella.studies.analysis.sequential import over_looks
from lamella.studies.analysis.statistics import estimate
from lamella.studies.analysis.verdicts import with_verdicts

SD = 0.15
"""Standard deviation of a score over seeds, in points."""
LOOKS = tuple(range(3, 21))
"""Numbers of seeds at which growing studies are looked at."""


def family(x: np.ndarray, margin: float | None = None) -> list[Difference]:
    """Return the comparison of all arms of scores (arms, seeds) to the first."""
    first, *others = (dict(enumerate(row)) for row in x.tolist())
    return with_verdicts([difference("arm", "first", each, first) for each in others], margin)


def decided(found: Sequence[Difference]) -> bool:
    """Whether any arm is called better or worse."""
    return any(d.verdict.startswith(("better", "worse")) for d in found)


def false_verdicts(rng: Rng, noise: str, arms: int, seeds: int, studies: int) -> float:
    """Return the fraction of studies of equal arms with any verdict."""
    return rate(studies, lambda: decided(family(scores(rng, noise, arms, seeds))))


def shown(rng: Rng, effect: float, arms: int, seeds: int, studies: int) -> float:
    """Return the fraction of studies that show that the second arm is better by ``effect``."""

    def study() -> bool:
        x = SD * scores(rng, "normal", arms, seeds)
        x[1] += effect
        return family(x)[0].verdict == "better"

    return rate(studies, study)


def flattered(
    rng: Rng, fraction: float, seeds: int, studies: int, *, lowest: bool, dropped: bool = False
) -> float:
    """Return the fraction of studies that call an arm better of which some runs diverge.

    Without divergence both arms are equal. At random, or if ``lowest`` those with the lowest
    scores, a ``fraction`` of all runs of the arm diverges. If ``dropped``, these pairs are left out
    instead, as if they had not been run.
    """
    cut = np.quantile(scores(rng, "normal", 1, 100_000), fraction)

    def study() -> bool:
        x = scores(rng, "normal", 2, seeds)
        lost = x[1] < cut if lowest else rng.random(seeds) < fraction
        x[1, lost] = np.nan if dropped else -np.inf
        return family(x)[0].verdict == "better"

    return rate(studies, study)


def alike(rng: Rng, fraction: float, seeds: int, studies: int) -> float:
    """Return the fraction of studies with a verdict on equal arms of which runs diverge alike."""

    def study() -> bool:
        x = scores(rng, "normal", 2, seeds)
        x[rng.random(x.shape) < fraction] = -np.inf
        return decided(family(x))

    return rate(studies, study)


def equivalent(
    rng: Rng, truth: Sequence[float], margin: float, seeds: int, studies: int
) -> tuple[float, float]:
    """Return the fraction of studies with any false verdict, and of arms shown within the margin.

    ``truth`` has the difference of each arm to the first, in points; a verdict is false if it calls
    an arm of difference 0 better or worse, or one of at least the margin equivalent.
    """
    false, called = 0, 0
    for _ in range(studies):
        x = SD * scores(rng, "normal", len(truth) + 1, seeds)
        x[1:] += np.array(truth)[:, None]
        found = family(x, margin)
        within = [d.verdict == "equivalent" or "less than" in d.verdict for d in found]
        called += sum(within)
        false += any(
            (decided([d]) and delta == 0) or (inside and abs(delta) >= margin)
            for d, inside, delta in zip(found, within, truth, strict=True)
        )
    return false / studies, called / studies / len(truth)


def by_answers(
    rng: Rng, model: Answers, seeds: Sequence[int], studies: int
) -> dict[int, dict[str, float]]:
    """Return rates of studies of two arms whose answers are kept, for each number of seeds.

    "shown" and "shown by seeds": the first arm is called better or worse by lamella, and by the
    paired t-test. "seeds" and "samples": coverage of the interval for new seeds on the same
    samples, and of that for new seeds and samples.
    """
    names = ("shown", "shown by seeds", "seeds", "samples")
    counts = {number: dict.fromkeys(names, 0.0) for number in seeds}
    levels = model.levels
    for _ in range(studies):
        right, on_these = model.draw(rng, max(seeds), levels)
        for number in seeds:
            ours, theirs = (dict(enumerate(side[:number])) for side in right)
            means = [{s: float(x.mean()) for s, x in side.items()} for side in (ours, theirs)]
            (plain,) = with_verdicts([difference("a", "b", *means)])
            (found,) = with_verdicts([difference("a", "b", *means, correct=(ours, theirs))])
            count = counts[number]
            count["shown"] += decided([found]) / studies
            count["shown by seeds"] += decided([plain]) / studies
            count["seeds"] += (found.low <= on_these <= found.high) / studies
            count["samples"] += (found.low_samples <= model.effect <= found.high_samples) / studies
    return counts


def mean_coverage(
    rng: Rng, model: Answers, seeds: int, studies: int, *, answers: bool
) -> tuple[float, float]:
    """Return the coverage of the intervals of an arm's mean, and the fraction that has none."""
    levels, covered, without = model.levels, 0, 0
    for _ in range(studies):
        right, _ = model.draw(rng, seeds + 400, levels)
        mine, truth = right[0, :seeds], right[0, seeds:].mean()
        found = estimate(list(mine.mean(axis=1)), list(mine) if answers else ())
        covered += bool(found.low <= truth <= found.high)
        without += math.isnan(found.low)
    return covered / max(studies - without, 1), without / studies


def grown(
    rng: Rng, noise: str, arms: int, effect: float, studies: int, margin: float | None = None
) -> tuple[float, float, float]:
    """Return rates of studies that add seeds from 3 to 20 until all arms are decided.

    Returns
    -------
    wrong, shown, seeds : float
        Fraction with a false verdict: an arm better or worse if ``effect`` is 0, else equivalent or
        worse. Fraction that calls the second arm better, or equivalent. Mean number of seeds.
    """
    wrong = shown = total = 0.0
    for _ in range(studies):
        x = SD * scores(rng, noise, arms, LOOKS[-1])
        x[1:] += effect
        first, *others = x
        taken = [[_paired(each[:n], first[:n]) for n in LOOKS] for each in others]
        for count in LOOKS:
            looks = Looks(LOOKS, count)
            paired = [over_looks(lambda n, own=own: own[n - LOOKS[0]], looks) for own in taken]
            found = with_verdicts(paired, margin)
            if all(d.verdict != "undecided" for d in found):
                break
        called = [d.verdict for d in found]
        false = "equivalent" if effect else "better"
        wrong += any(v.startswith((false, "worse")) for v in called) / studies
        shown += (called[0].startswith("better") or called[0] == "equivalent") / studies
        total += count / studies
    return wrong, shown, total


def _paired(ours: np.ndarray, theirs: np.ndarray) -> Difference:
    return difference("arm", "first", dict(enumerate(ours)), dict(enumerate(theirs)))


def rate(studies: int, study: Callable[[], bool]) -> float:
    """Return the fraction of ``studies`` in which ``study`` is true."""
    return sum(study() for _ in range(studies)) / studies
