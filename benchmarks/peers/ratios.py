"""Statistics of times: medians, quartiles, and ratios round by round."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

WIDE = 0.15


@dataclass(frozen=True)
class Spread:
    """Quartiles of several measurements of one thing."""

    low: float
    median: float
    high: float

    @property
    def is_wide(self) -> bool:
        """Whether the quartiles are too far apart for a reliable median."""
        return self.high - self.low > WIDE * self.median


def spread(values: Sequence[float]) -> Spread:
    """Return the quartiles of ``values``; one value is its own quartiles."""
    if len(values) == 1:
        return Spread(values[0], values[0], values[0])
    return Spread(*statistics.quantiles(values, n=4, method="inclusive"))


def ratios(values: Sequence[float], base: Sequence[float]) -> Spread:
    """Return the quartiles of the ratios of each round.

    A temporary slowdown of the machine affects both times of a ratio, since they were measured
    consecutively; a ratio of two medians lacks this property.
    """
    return spread([value / other for value, other in zip(values, base, strict=True)])
