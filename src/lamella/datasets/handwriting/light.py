"""Ink without paper: the fraction of the light that strokes take away."""

import numpy as np

from lamella.core.errors import FileFormatError
from lamella.datasets.handwriting.pictures import reduced, resized

SAMPLE = 128  # pixels of a side of the picture in which the paper is estimated
LEAST = 16  # grey values, the least difference between ink and paper
TERMS = ((0, 0), (0, 1), (1, 0), (1, 1), (0, 2), (2, 0))


def find_ink(grey: np.ndarray, widest: float, name: str) -> np.ndarray:
    """Return the ink of each pixel, from 0 for paper to 1 for black.

        ink = 1 - grey / paper

    The paper is the picture after a morphological closing: strokes narrower than the
    fraction ``widest`` of it disappear, while shadows and the fall of light remain. Light strokes
    on dark paper are inverted first. Raise a FileFormatError if the brightness is uniform.
    """
    if is_dark(reduced(grey, SAMPLE)):
        grey = 255 - grey
    sample = reduced(grey, SAMPLE)
    width = round(widest * max(sample.shape))
    paper = resized(smooth(closed(sample, width), width // 4), *grey.shape)
    if (paper - grey).max() < LEAST:
        raise FileFormatError(f"{name} shows no digit: its brightness is uniform")
    ink = 1 - grey / np.maximum(paper, 1)
    ink -= np.median(ink)  # the closing follows the brightest grain
    return np.asarray(np.clip(ink, 0, 1))


def is_dark(sample: np.ndarray) -> bool:
    """Return whether the paper is darker than the ink.

    Ink covers less than half: of the residuals of a quadratic surface its side is the longer one.
    """
    y, x = np.meshgrid(*(np.linspace(-1, 1, side) for side in sample.shape), indexing="ij")
    powers = np.stack([(y**i * x**j).ravel() for i, j in TERMS], axis=1)
    values = sample.ravel().astype(float)
    residuals = values - powers @ np.linalg.lstsq(powers, values, rcond=None)[0]
    return bool((residuals**3).sum() > 0)


def closed(values: np.ndarray, width: int) -> np.ndarray:
    """Return the closing with a square: the maximum, then the minimum, of squares of ``width``."""
    return narrowed(spread(values, width), width)


def narrowed(values: np.ndarray, width: int) -> np.ndarray:
    """Return the minimum in a square of ``width`` pixels around each."""
    return -spread(-values, width)


def spread(values: np.ndarray, width: int) -> np.ndarray:
    """Return the maximum in a square of ``width`` pixels around each."""
    for axis in range(values.ndim):
        values = _windows(values, width | 1, axis).max(axis=-1)
    return values


def smooth(values: np.ndarray, width: int) -> np.ndarray:
    """Return the mean of a square of ``width`` pixels around each."""
    for axis in range(values.ndim):
        values = _windows(values, width | 1, axis).mean(axis=-1)
    return values


def _windows(values: np.ndarray, width: int, axis: int) -> np.ndarray:
    pads = [(0, 0)] * values.ndim
    pads[axis] = (width // 2, width // 2)
    padded = np.pad(values, pads, "edge")
    return np.lib.stride_tricks.sliding_window_view(padded, width, axis=axis)
