"""Growth of a study, seed by seed, until its comparisons are decided."""

import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from lamella.core.errors import ArgumentError
from lamella.core.validation import at_least, positive
from lamella.studies.analysis.comparison import compare
from lamella.studies.analysis.family import incomparable
from lamella.studies.definition.definition import StudyDefinition
from lamella.studies.results import Results

FIRST_LOOK = 3  # seeds; a t-test of two needs a difference of many standard deviations
MOST = 1000


def run_until_decided(
    study: StudyDefinition,
    run: Callable[[StudyDefinition, Any], Results],
    out: Any,
    *,
    most: int,
    measure: str | None,
    margin: float | None,
) -> Results:
    """Add seeds until every arm is better or worse than the baseline, or there are ``most`` seeds.

    With a margin, "equivalent" decides too.

    Parameters
    ----------
    study : StudyDefinition
        Its seeds come first, then the next whole numbers.
    run : function (study, folder) -> Results
    out : path or None
        None uses a temporary folder.
    most, measure, margin
        As in `Study.run`.
    """
    seeds, looks = looks_of(study, most)
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary) / "study" if out is None else out
        for count in looks:
            grown = study.resized(seeds=seeds[:count])
            grown.looks = {"planned": looks, "past": []}
            results = run(grown, folder)
            if any(each.status == "failed" for each in results.failed):
                break  # there is no verdict without it; the same call tries it again
            verdicts = [each.verdict for each in results.compare(None, measure, margin=margin)]
            if not {"undecided", "no verdict"} & {*verdicts}:
                break
    return results


def expect_comparison(study: StudyDefinition, measure: str | None, margin: float | None) -> None:
    """Raise an ArgumentError before the first run if it could not decide when to stop."""
    if margin is not None:
        positive("margin", margin)
    results, arms = Results(study, []), [arm for arm in study.arms if arm != study.baseline]
    compare(results, None, measure, margin if measure else None)
    for arm in arms:
        if reason := incomparable(study, results.measure(measure), arm, study.baseline):
            raise ArgumentError(f"no seeds decide between {arm!r} and {study.baseline!r}: {reason}")


def looks_of(study: StudyDefinition, most: int) -> tuple[list[int], list[int]]:
    """Return all seeds that a study may get, and their numbers at its looks.

    Raises
    ------
    ArgumentError
        If ``most`` is below 3 or above 1000, or the study has more seeds already.
    """
    if at_least("most", most, FIRST_LOOK) > MOST:
        raise ArgumentError(f"most can be at most {MOST:,} seeds, got {most:,}")
    seeds = _seeds(study.seeds, most)
    looks = list(range(max(len(study.seeds), FIRST_LOOK), most + 1))
    if not looks:
        raise ArgumentError(f"the study has {len(study.seeds)} seeds already, more than {most=}")
    return seeds, looks


def _seeds(given: Sequence[int], most: int) -> list[int]:
    """Return the given seeds, continued by whole numbers that are not among them."""
    others = (seed for seed in range(max(given) + 1, max(given) + 1 + most))
    return [*given, *others][: max(most, len(given))]
