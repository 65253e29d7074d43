"""A second look: the limits of a panel that shows closely what one far off arm squeezes."""

from collections.abc import Sequence

import numpy as np

CROWDED = 4.0
"""How much larger the whole must be than the close half of the arms to be worth a second look."""


def closer_limits(
    spans: Sequence[tuple[float, float]], whole: tuple[float, float], target: float
) -> tuple[float, float] | None:
    """Return limits around the half of the arms that lie nearest to ``target``.

    Parameters
    ----------
    spans : sequence of (low, high)
        What each arm reaches over.
    whole : (low, high)
        What the first panel shows.
    target : float
        What is of most interest: the best value, or zero of differences.

    Returns
    -------
    (low, high) with a little room, or None where the first panel shows all there is to see.
    """
    if len(spans) < 3:
        return None
    far = [max(abs(low - target), abs(high - target)) for low, high in spans]
    near = [spans[place] for place in np.argsort(far, kind="stable")[: (len(spans) + 1) // 2]]
    low = min(low for low, _ in near)
    high = max(high for _, high in near)
    if high <= low or whole[1] - whole[0] < CROWDED * (high - low):
        return None
    room = 0.08 * (high - low)
    return low - room, high + room
