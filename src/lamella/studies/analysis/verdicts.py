"""Verdicts on the differences of one family: corrected tests, and equivalence within a margin.

References
----------
Lakens, Equivalence tests: a practical primer, 2017.
"""

import math
from collections.abc import Sequence
from dataclasses import replace

from lamella.studies.analysis.difference import Difference, Verdict
from lamella.studies.analysis.statistics import holm
from lamella.studies.analysis.student import SIGNIFICANCE, Student


def with_verdicts(
    differences: Sequence[Difference],
    margin: float | None = None,
    *,
    others: Sequence[float] = (),
    equivalence: bool = False,
) -> list[Difference]:
    """Return differences with verdicts, and with p corrected for their family.

    Parameters
    ----------
    differences : sequence of Difference
    margin : float, optional
        Differences below it do not matter.
    others : sequence of float
        p of the other tests of the family.
    equivalence : bool
        Whether one of the others had a margin.

    Notes
    -----
    Without a margin, p is corrected by Holm's method. With one, both the differences and the two
    one-sided tests of equivalence are tested at 0.05 / K for K tests: that bounds the probability
    of any false verdict by 5%, which Holm's method on both does not.
    """
    p_values = [*(d.p for d in differences), *others]
    tested = sum(not math.isnan(p) for p in p_values)
    alpha = SIGNIFICANCE / max(tested, 1)
    if margin is None and not equivalence:
        corrected = holm(p_values)[: len(differences)]
    else:
        corrected = [d.p if math.isnan(d.p) else min(1.0, tested * d.p) for d in differences]
    found = []
    for d, p in zip(differences, corrected, strict=True):
        within = margin is not None and _is_within(d, margin, alpha)
        verdict = _verdict(d, p, within)
        smallest = math.nan
        if verdict == "undecided" and d.errors:
            level = alpha if d.looks is None else d.looks.level(alpha)
            smallest = max(each.smallest_shown(level) for each in d.errors)
        found.append(replace(d, p_adjusted=p, verdict=verdict, smallest_shown=smallest))
    return found


def _is_within(d: Difference, margin: float, alpha: float) -> bool:
    """Whether the difference is shown to lie within the margin, over seeds and over samples."""
    if not d.errors:
        return False
    outside = [_p_outside(errors, margin) for errors in (*d.earlier, d.errors)]
    if d.looks is None:
        return outside[-1] < alpha
    # The distribution of the looks is that of two-sided tests: both sides are equally likely.
    return d.looks.p_value([2 * p for p in outside]) / 2 < alpha


def _p_outside(errors: Sequence[Student], margin: float) -> float:
    return max((each.p_outside(margin) for each in errors), default=math.nan)


def _verdict(d: Difference, p: float, within: bool) -> Verdict:
    if math.isnan(p):
        return "no verdict"
    if p >= SIGNIFICANCE or d.favours == 0:
        return "equivalent" if within else "undecided"
    if d.favours > 0:
        return "better, by less than the margin" if within else "better"
    return "worse, by less than the margin" if within else "worse"
