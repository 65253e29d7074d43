"""Connected parts of a picture."""

from typing import NamedTuple

import numpy as np


class Part(NamedTuple):
    """A connected part: its number in the labels, its box, and the sum of its ink."""

    label: int
    top: int
    left: int
    bottom: int
    right: int
    mass: float


def label(mask: np.ndarray) -> np.ndarray:
    """Return int (H, W): the number of each pixel's connected part from 1, 0 outside of all.

    Pixels that touch at a corner are connected.
    """
    height, width = mask.shape
    edges = np.diff(np.pad(mask, ((0, 0), (1, 1))).astype(np.int8), axis=1)
    rows, starts = np.nonzero(edges == 1)
    ends = np.nonzero(edges == -1)[1]
    # Runs of a row touch those runs of the next that begin before and end after.
    below = (rows + 1) * (width + 2)
    first = np.searchsorted(rows * (width + 2) + ends, below + starts)
    last = np.searchsorted(rows * (width + 2) + starts, below + ends, side="right")
    counts = np.maximum(last - first, 0)
    one = np.repeat(np.arange(len(rows)), counts)
    other = np.arange(len(one)) - np.repeat(np.cumsum(counts) - counts, counts)
    other += np.repeat(first, counts)
    root = np.arange(len(rows))
    while (root[one] != root[other]).any():
        pair = np.sort([root[one], root[other]], axis=0)
        np.minimum.at(root, pair[1], pair[0])
        while (root != root[root]).any():
            root = root[root]
    numbers = np.unique(root, return_inverse=True)[1] + 1
    labels = np.zeros((height, width + 1), int)
    np.add.at(labels, (rows, starts), numbers)
    np.add.at(labels, (rows, ends), -numbers)
    return np.cumsum(labels, axis=1)[:, :-1]


def parts_of(labels: np.ndarray, ink: np.ndarray) -> list[Part]:
    """Return the parts in the order of their labels."""
    y, x = np.nonzero(labels)
    which = labels[y, x]
    count = int(labels.max())
    low = np.full((2, count + 1), max(labels.shape))
    high = np.zeros((2, count + 1), int)
    for axis, place in enumerate((y, x)):
        np.minimum.at(low[axis], which, place)
        np.maximum.at(high[axis], which, place + 1)
    mass = np.bincount(which, ink[y, x], count + 1)
    return [
        Part(i, int(low[0, i]), int(low[1, i]), int(high[0, i]), int(high[1, i]), float(mass[i]))
        for i in range(1, count + 1)
    ]
