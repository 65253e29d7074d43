"""Differences in a study that grows, tested over all looks at it."""

from collections.abc import Callable
from dataclasses import replace

from lamella.studies.analysis.difference import Difference
from lamella.studies.analysis.looks import Looks
from lamella.studies.analysis.student import SIGNIFICANCE


def over_looks(difference_of: Callable[[int], Difference], looks: Looks) -> Difference:
    """Return a difference with the p-value and the intervals of all looks together.

    The intervals are repeated ones: at all looks, one misses the true difference in at most 5% of
    studies.

    Parameters
    ----------
    difference_of : function (int) -> Difference
        Of the first seeds, as many as given.
    looks : Looks
    """
    *earlier, now = [difference_of(seeds) for seeds in looks.taken]
    p = looks.p_value([d.p for d in (*earlier, now)])
    found = replace(now, p=p, p_adjusted=p, looks=looks, earlier=tuple(d.errors for d in earlier))
    if not now.errors:
        return found
    level = looks.level(SIGNIFICANCE)
    low, high = now.errors[0].interval(level)
    if len(now.errors) > 1:
        wide = now.errors[1].interval(level)
        found = replace(found, low_samples=min(low, wide[0]), high_samples=max(high, wide[1]))
    return replace(found, low=low, high=high)
