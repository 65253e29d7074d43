"""Limit the norm of vectors, such as gradients, by tasks of the GPU."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from lamella.backend.cupy.rule_tasks import RuleTasks
from lamella.backend.cupy.task import Function, Task
from lamella.backend.elementwise import trace
from lamella.core.typing import Array

SQUARES = 64  # blocks that add up squares


def norm_limit(
    vectors: Sequence[Array],
    zeros: Callable[[int, Any], Array],
    do: Callable[..., None],
    sum_rows: Callable[[Array, Array], Array],
) -> Callable[[float], None]:
    """Return a function of a limit, which scales vectors so that their norm is at most that.

    The other arguments are methods of the backend; ``do`` launches a task.
    """
    dtype = vectors[0].dtype
    parts = zeros(len(vectors) * SQUARES, dtype)
    factor, columns = zeros(1, dtype), [vector.reshape(-1, 1) for vector in vectors]
    shrink = RuleTasks(trace(_factor, 1, 1))
    scale = RuleTasks(trace(lambda x, factor: x * factor, 2, 0))

    def run(limit: float) -> None:
        for i, vector in enumerate(vectors):
            part = parts[i * SQUARES : (i + 1) * SQUARES]
            values = vector, part, vector.size
            do(Task(Function("squares_of_tiles"), dtype, SQUARES, values, [part]))
        sum_rows(parts.reshape(-1, 1), factor)
        do(shrink.task([factor], [factor], [limit]))
        for column in columns:
            do(scale.task([column], [column, factor], []))

    return run


def _factor(square: Any, limit: Any) -> Any:
    """Return the factor that turns a vector into one of at most a norm."""
    return np.minimum(limit / (np.sqrt(square) + 1e-6), 1.0)
