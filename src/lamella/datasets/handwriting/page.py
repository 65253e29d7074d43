"""Several digits on a page: parts are grouped to digits, and digits to lines in reading order."""

from collections.abc import Sequence

import numpy as np

from lamella.datasets.handwriting.parts import Part

NEAR, FAR, BROKEN = 0.15, 0.35, 0.45  # gaps within a digit, as fractions of the median size
OVERLAP = 0.3  # of the narrower or shorter of two
SMALLEST = 0.35  # height of digits, at least, as a fraction of the median size


def group(parts: Sequence[Part]) -> list[list[Part]]:
    """Return the parts of each digit: those of one that lie above each other, and near.

    Writers lift the pen for the bar of a 5 or a 7, and pencils leave gaps. A piece too low for a
    digit belongs to the nearest one, or is dirt if that is far.
    """
    size = float(np.median([max(part.bottom - part.top, part.right - part.left) for part in parts]))
    digits = [[part] for part in sorted(parts, key=lambda part: -part.mass)]
    found: list[list[Part]] = []
    for digit in digits:
        near = next((other for other in found if _belong(box(other), box(digit), size)), None)
        if near is None:
            found.append(digit)
        else:
            near += digit
    whole = [digit for digit in found if _height(digit) > SMALLEST * size]
    for piece in (digit for digit in found if _height(digit) <= SMALLEST * size):
        gaps = [max(_gaps(box(digit), box(piece))) for digit in whole]
        nearest = whole[int(np.argmin(gaps))] if gaps else []
        if gaps and min(gaps) < BROKEN * size and _height(nearest + piece) < 1.6 * size:
            nearest += piece
    return whole or found


def lines(boxes: Sequence[tuple[int, int, int, int]]) -> list[list[int]]:
    """Return the indices of boxes (top, left, bottom, right) line by line, from left to right.

    Each box follows the nearest to its left that it overlaps in height, so that lines may be
    slanted. Lines are sorted by their height at the left edge of the page.
    """
    centres = np.array([((b[0] + b[2]) / 2, (b[1] + b[3]) / 2) for b in boxes])
    before = [_before(boxes, centres, i) for i in range(len(boxes))]
    links = [(j, i) for i, j in enumerate(before) if j is not None]
    steps = np.array([centres[i] - centres[j] for j, i in links]).reshape(-1, 2)
    slope = float(np.median(steps[:, 0] / steps[:, 1])) if links else 0.0
    found: dict[int, list[int]] = {}
    start = list(range(len(boxes)))
    for i in np.argsort(centres[:, 1], kind="stable").tolist():
        j = before[i]
        start[i] = i if j is None else start[j]
        found.setdefault(start[i], []).append(i)
    level = centres[:, 0] - slope * centres[:, 1]
    return sorted(found.values(), key=lambda line: float(level[line].mean()))


def box(parts: Sequence[Part]) -> tuple[int, int, int, int]:
    """Return top, left, bottom and right of all parts."""
    return (
        min(part.top for part in parts),
        min(part.left for part in parts),
        max(part.bottom for part in parts),
        max(part.right for part in parts),
    )


def _belong(digit: tuple[int, ...], part: tuple[int, ...], size: float) -> bool:
    """Return whether a part belongs to a digit: it is above or below it, or short and close."""
    down, across = _gaps(digit, part)
    narrower = min(digit[3] - digit[1], part[3] - part[1])
    height = max(digit[2], part[2]) - min(digit[0], part[0])
    width = max(digit[3], part[3]) - min(digit[1], part[1])
    if down < FAR * size and -across > OVERLAP * narrower:
        return height < 1.6 * size
    is_short = part[2] - part[0] < 0.6 * size
    return is_short and max(down, across) < NEAR * size and max(height, width) < 1.3 * size


def _gaps(one: tuple[int, ...], other: tuple[int, ...]) -> tuple[int, int]:
    """Return the gaps between two boxes, down and across; negative if they overlap."""
    down, across = (max(one[i], other[i]) - min(one[i + 2], other[i + 2]) for i in (0, 1))
    return down, across


def _height(digit: Sequence[Part]) -> int:
    top, _, bottom, _ = box(digit)
    return bottom - top


def _before(boxes: Sequence[tuple[int, int, int, int]], centres: np.ndarray, i: int) -> int | None:
    """Return the nearest box to the left of box ``i`` that overlaps it in height, if any."""
    top, _, bottom, _ = boxes[i]
    overlap = [min(bottom, b[2]) - max(top, b[0]) for b in boxes]
    shorter = [min(bottom - top, b[2] - b[0]) for b in boxes]
    left = [
        j
        for j in range(len(boxes))
        if centres[j, 1] < centres[i, 1] and overlap[j] > OVERLAP * shorter[j]
    ]
    return min(left, key=lambda j: float(np.hypot(*(centres[i] - centres[j]))), default=None)
