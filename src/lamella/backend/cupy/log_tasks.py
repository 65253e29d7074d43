"""Tasks that write to the log of an epoch, in a graph at the place that the device counts."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from lamella.backend.cupy.tape import current_tape
from lamella.backend.cupy.task import Function, Task
from lamella.core.typing import Array


def append_number(rows: Array, number: int, value: Array, nothing: Array) -> Task:
    """Return the task that writes a 0-d value into ``rows`` at the number of a batch.

    ``nothing`` is a counter that is 0.
    """
    return _task("append_number", rows, number, (value,), nothing, dtype=rows.dtype)


def fits_sum(rows: Array, scores: Array, weight: Array | None) -> bool:
    """Whether `append_sum` takes the scores: (N,) of truth values or of the weights' dtype, or
    (N, ...) in float64, where a row has the shape of a sample's.
    """
    if scores.ndim == 0 or scores.shape[1:] != rows.shape[1:]:
        return False
    if scores.dtype == np.float64:
        return len(scores) > 0
    known = scores.dtype in (np.bool_, np.float32) and scores.ndim == 1
    return known and (weight is None or scores.dtype in (np.bool_, weight.dtype))


def append_sum(
    rows: Array, number: int, scores: Array, weight: Array | None, nothing: Array
) -> Task:
    """Return the task that writes the (weighted) sum of the samples' scores into ``rows``."""
    dtype = None if weight is None else weight.dtype
    if scores.dtype == np.float64:
        width = scores.size // len(scores)
        values = scores, len(scores), width, weight
        return _task("append_sums", rows, number, values, nothing, dtype, tiles=width)
    is_number = scores.dtype != np.bool_
    values = scores, len(scores), weight, is_number
    return _task(
        "append_sum", rows, number, values, nothing, dtype=scores.dtype if is_number else dtype
    )


def _task(
    name: str,
    rows: Array,
    number: int,
    values: Sequence[Any],
    nothing: Array,
    dtype: Any = None,
    tiles: int = 1,
) -> Task:
    tape, here = current_tape(), rows[number : number + 1]
    in_graph = None if tape is None else {1: rows, 2: tape.count}
    words = values[0], here, nothing, *values[1:]
    return Task(Function(name), dtype, tiles, words, [rows], in_graph=in_graph)
