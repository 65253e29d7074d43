"""Limits of a zoomed panel, for pictures in which one outlying arm squeezes the others."""

from collections.abc import Sequence

import numpy as np

MIN_ZOOM = 4.0
"""Smallest magnification that is worth a second panel."""
ZOOMED = "zoomed-in axis"
"""Label of the axis of a second panel."""


def zoom_limits(
    spans: Sequence[tuple[float, float]], whole: tuple[float, float], target: float
) -> tuple[float, float] | None:
    """Return limits around the half of the arms nearest to ``target``.

    Parameters
    ----------
    spans : sequence of (low, high)
        Range of each arm.
    whole : (low, high)
        Limits of the first panel.
    target : float
        Value of most interest: the best score, or zero for differences.

    Returns
    -------
    (low, high) with 8% room at both ends, or None if a zoomed panel would show no more detail.
    """
    if len(spans) < 3:
        return None
    far = [max(abs(low - target), abs(high - target)) for low, high in spans]
    near = [spans[index] for index in np.argsort(far, kind="stable")[: (len(spans) + 1) // 2]]
    low = min(low for low, _ in near)
    high = max(high for _, high in near)
    if high <= low or whole[1] - whole[0] < MIN_ZOOM * (high - low):
        return None
    room = 0.08 * (high - low)
    return low - room, high + room
