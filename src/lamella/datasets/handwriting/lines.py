"""Ruled and squared paper: lines from edge to edge are taken out of the ink."""

import math

import numpy as np

from lamella.datasets.handwriting.light import closed, spread
from lamella.datasets.handwriting.pictures import reduced

STEEPEST = 16  # degrees
FAINTEST, WIDEST = 0.03, 1 / 30  # ink of a line, and its width as a fraction of the picture
CLIP = 0.3
SAMPLE = 256
EVERYWHERE, USUAL = 0.03, 0.25  # quantiles of the ink along a line
REST = 1.5  # ink of less than this multiple of a line's may be the line


def remove_lines(ink: np.ndarray) -> np.ndarray:
    """Return ink (H, W) without the lines of the paper, horizontal and vertical within 16 degrees.

    A line is thin, and has ink along its whole length, which a stroke has not. The ink l of a line
    is the lower quartile along it. Strokes that cross it remain, as they have more than 1.5 l:

        ink <- 1 - (1 - ink) / (1 - l)
    """
    across, down = _horizontals(ink), _horizontals(np.ascontiguousarray(ink.T)).T
    line = np.maximum(across, down)
    if not line.any():
        return ink
    without = 1 - (1 - ink) / np.maximum(1 - line, 0.1)
    return np.where(ink > REST * line, without, 0).clip(0, 1)


def _horizontals(ink: np.ndarray) -> np.ndarray:
    """Return the ink of the nearly horizontal line that each pixel is on, 0 elsewhere."""
    slope = _slope(ink)
    height, width = ink.shape
    shift = slope * (np.arange(width) - width / 2)
    reach = math.ceil(abs(slope) * width / 2)
    widest = max(3, round(WIDEST * max(ink.shape)))
    sums = _Points(ink).sums(slope)
    candidates = np.flatnonzero(spread(_peaks(sums / width, widest) > FAINTEST / 4, 3))
    rows = np.round(candidates[:, None] - reach + shift).astype(int)
    is_inside = (rows >= 0) & (rows < height)
    # Lines are seldom straight to the pixel: a row has ink where one of its neighbours has.
    tall = np.maximum(ink, np.maximum(np.roll(ink, 1, axis=0), np.roll(ink, -1, axis=0)))
    along = np.where(is_inside, tall[np.clip(rows, 0, height - 1), np.arange(width)], np.inf)
    along.sort(axis=1)
    length = is_inside.sum(axis=1)
    lowest, usual = np.zeros((2, len(sums)))
    for profile, quantile in ((lowest, EVERYWHERE), (usual, USUAL)):
        found = along[np.arange(len(along)), (length * quantile).astype(int)]
        profile[candidates] = np.where(length > 0.3 * width, found, 0)
    is_line = spread(_peaks(lowest, widest) > FAINTEST, 3)
    if not is_line.any():
        return np.zeros_like(ink)
    line = np.where(is_line, _peaks(usual, widest), 0)
    place = np.arange(height)[:, None] - shift + reach
    return np.asarray(np.interp(place, np.arange(len(line)), spread(line, 3)))


def _peaks(profile: np.ndarray, width: int) -> np.ndarray:
    """Return a profile minus its opening: peaks narrower than ``width``."""
    return np.asarray(profile + closed(-profile, width))


def _slope(ink: np.ndarray) -> float:
    """Return the slope along which the sums of ink vary most from line to line."""
    points = _Points(reduced(ink, SAMPLE))

    def sharpness(degrees: float) -> float:
        return float((np.diff(points.sums(math.tan(math.radians(degrees)))) ** 2).sum())

    best = float(max(range(-STEEPEST, STEEPEST + 1), key=sharpness))
    for step in (0.5, 0.25, 0.125):
        best = max((best - step, best, best + step), key=sharpness)
    return math.tan(math.radians(best))


class _Points:
    """The pixels of a picture that have ink, clipped so that strokes do not outweigh lines."""

    def __init__(self, ink: np.ndarray) -> None:
        self.y, self.x = np.nonzero(ink > FAINTEST / 2)
        self.ink = np.minimum(ink[self.y, self.x], CLIP)
        self.height, self.width = ink.shape

    def sums(self, slope: float) -> np.ndarray:
        """Return the sum of ink along each line of that slope, from the highest to the lowest."""
        reach = math.ceil(abs(slope) * self.width / 2)
        rows = np.round(self.y - slope * (self.x - self.width / 2)).astype(int) + reach
        return np.bincount(rows, self.ink, self.height + 2 * reach + 1)
