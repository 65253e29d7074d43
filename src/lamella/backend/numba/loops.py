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


def squares_in_lanes(vector: np.ndarray, lanes: np.ndarray) -> None:
    """Write the sum of the squares of a vector into ``lanes[0]``, from as many partial sums.

    There is a power of two of ``lanes``, zeros at first. Each is a chain of sums, so that the bits
    do not depend on how many of them a processor adds at once.
    """
    count = len(lanes)
    whole = len(vector) // count * count
    for start in range(0, whole, count):
        for k in range(count):
            lanes[k] += vector[start + k] * vector[start + k]
    for i in range(whole, len(vector)):
        lanes[i - whole] += vector[i] * vector[i]
    while count > 1:
        count //= 2
        for k in range(count):
            lanes[k] += lanes[k + count]


def mean_of_vector(numbers: np.ndarray, out: np.ndarray) -> None:
    """Write the mean of a vector, summed in double precision, into ``out[0]``."""
    total = 0.0
    for number in numbers:
        total += number
    out[0] = total / len(numbers)
