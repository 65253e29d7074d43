"""Loops in plain Python that are compiled so that a capture can record them."""

import numpy as np

from lamella.core.errors import ShapeError


def sum_of_rows(matrix: np.ndarray, out: np.ndarray) -> None:
    """Write the sum of the rows into ``out``, added in order as numpy does."""
    if len(out) != matrix.shape[1]:
        raise ShapeError("the sum of the rows of a matrix (N, D) has shape (D,)")
    out[:] = 0
    for row in matrix:
        for k in range(len(out)):
            out[k] += row[k]


def mean_of_vector(numbers: np.ndarray, out: np.ndarray) -> None:
    """Write the mean of a vector, summed in double precision, into ``out[0]``."""
    total = 0.0
    for number in numbers:
        total += number
    out[0] = total / len(numbers)
