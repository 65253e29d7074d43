"""Strokes: which ink belongs to digits, and how strong it is."""

import numpy as np

from lamella.core.errors import FileFormatError
from lamella.datasets.handwriting.parts import Part, label, parts_of

LOW, HIGH = 0.25, 0.6  # of the ink of a stroke's core: the edge of a stroke lies between them
CORE = 0.4  # of strokes; connected parts are made of them, so that a remaining line is none
MOST = 1000  # parts of a page
SPECK = 0.05  # parts with less ink than this fraction of the largest are dirt
INNER = 0.1  # parts at the edge are a shadow or a table if others have this fraction of their ink


def strength(ink: np.ndarray) -> float:
    """Return the ink of the core of strokes: the median above the threshold of Otsu."""
    core = ink[ink > otsu(ink)]
    return float(np.median(core)) if core.size else 1.0


def otsu(values: np.ndarray) -> float:
    """Return the threshold of Otsu, 1979, which divides values from 0 to 1 in two classes."""
    counts, edges = np.histogram(values, 256, (0, 1))
    below, mass = np.cumsum(counts), np.cumsum(counts * (edges[1:] + edges[:-1]) / 2)
    left, total = below * (below[-1] - below), mass * below[-1] - mass[-1] * below
    return float(edges[1 + int((total**2 / np.maximum(left, 1)).argmax())])


def find_strokes(ink: np.ndarray, name: str) -> tuple[np.ndarray, np.ndarray, list[Part]]:
    """Return strokes (H, W) from 0 to 1, the labels of their connected parts, and these parts.

    Specks are left out, and so are parts at the edge of the picture, such as the table around the
    paper, unless they are the largest by far. Raise a FileFormatError if there are none, or too
    many.
    """
    strokes = np.clip((ink / strength(ink) - LOW) / (HIGH - LOW), 0, 1)
    core = strokes > CORE
    if not core.any():
        raise FileFormatError(f"{name} shows no digit: there are no strokes on the paper")
    labels = label(core)
    parts = parts_of(labels, strokes)
    height, width = ink.shape
    largest = max(part.mass for part in parts)
    inner = [
        part
        for part in parts
        if min(part.top, part.left) > 0 and part.bottom < height and part.right < width
    ]
    if max((part.mass for part in inner), default=0) > INNER * largest:
        parts, largest = inner, max(part.mass for part in inner)
    parts = [part for part in parts if part.mass >= SPECK * largest]
    if len(parts) > MOST:
        raise FileFormatError(f"{name} shows no digits: {len(parts):,} equal spots are a pattern")
    return strokes, labels, parts
