"""Verdicts of several studies on one page: false discoveries are at most 5% of them."""

from collections.abc import Sequence
from dataclasses import replace

from lamella.studies.analysis.comparison import Comparison, declared
from lamella.studies.analysis.runs import Runs
from lamella.studies.analysis.statistics import false_discovery
from lamella.studies.analysis.student import SIGNIFICANCE

WITHDRAWN = "not shown among all comparisons of this page"


def page_wide(results: Sequence[Runs]) -> tuple[list[Comparison | None], str]:
    """Return the declared comparison of each study, and a sentence on all of them together.

    "Better" and "worse" become "undecided" if they do not stand among all comparisons of the page.
    A page of one study has no sentence, and no correction besides that of the study.
    """
    found = [declared(each) for each in results]
    if len(results) < 2:
        return found, ""
    p_values = [d.p for comparison in found for d in comparison or ()]
    adjusted = iter(false_discovery(p_values))
    standing = [each and _standing(each, [next(adjusted) for _ in each]) for each in found]
    verdicts = sum(
        d.verdict.startswith(("better", "worse")) for each in standing for d in each or ()
    )
    text = (
        f"Verdicts that call an arm better or worse are corrected for all {len(p_values)} "
        "comparisons of the page, such that at most 5% of them are expected to be wrong (Benjamini "
        f"and Hochberg): {SIGNIFICANCE * verdicts:.2g} of {verdicts}."
    )
    return standing, text


def _standing(comparison: Comparison, adjusted: Sequence[float]) -> Comparison:
    return replace(
        comparison,
        differences=[
            replace(d, verdict="undecided", note="; ".join(filter(None, [d.note, WITHDRAWN])))
            if q >= SIGNIFICANCE and d.verdict.startswith(("better", "worse"))
            else d
            for d, q in zip(comparison.differences, adjusted, strict=True)
        ],
    )
