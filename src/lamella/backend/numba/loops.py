"""Loops that numpy has in one call, but a tape cannot have of it; plain Python, to be compiled."""

import numpy as np


def sum_of_rows(matrix: np.ndarray, out: np.ndarray) -> None:
    """Fill ``out`` with the sum of the rows, added one after the other as numpy does."""
    out[:] = 0
    for row in matrix:
        for k in range(len(out)):
            out[k] += row[k]


def mean_of_vector(numbers: np.ndarray, out: np.ndarray) -> None:
    """Write the mean of a vector, added in double precision, into ``out[0]``."""
    total = 0.0
    for number in numbers:
        total += number
    out[0] = total / len(numbers)
