"""Loops over samples, of losses and layers, as tasks of the GPU."""

import functools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from lamella.backend.cupy.task import THREADS, Function, Task, are_whole
from lamella.core.typing import Array


def _task(
    name: str, dtype: Any, threads: int, values: tuple[Any, ...], writes: tuple[Array, ...]
) -> Task:
    return Task(Function(name), dtype, -(-threads // THREADS), values, writes)


def _cross_entropy_rows(z: Array, labels: Array, d: Array, losses: Array, wrong: Array) -> Task:
    # Labels on a device are copies, which nobody changes after their check: none is wrong.
    values = z, labels, d, losses, *z.shape
    return _task("cross_entropy_rows", d.dtype, len(z), values, (d, losses))


def _soft_cross_entropy_rows(z: Array, rows: Array, d: Array, losses: Array) -> Task:
    values = z, rows, d, losses, *z.shape
    return _task("soft_cross_entropy_rows", d.dtype, len(z), values, (d, losses))


def _smooth_rows(labels: Array, high: float, low: float, rows: Array, wrong: Array) -> Task:
    values = labels, rows, *rows.shape, float(high), float(low)
    return _task("smooth_rows", rows.dtype, rows.size, values, (rows,))


def _softmax_of_each(x: Array, y: Array) -> Task:
    return _task("softmax_of_each", y.dtype, len(y), (x, y, *y.shape), (y,))


def _gradient_of_each(dy: Array, y: Array, dx: Array) -> Task:
    return _task("gradient_of_each", dx.dtype, len(y), (dy, y, dx, *y.shape), (dx,))


def _mean_of_vector(numbers: Array, out: Array) -> Task:
    return _task("mean_of_vector", out.dtype, 1, (numbers, out, numbers.size), (out,))


def _is_right(scores: Array, labels: Array, right: Array) -> Task:
    values = scores, labels, right, *scores.shape
    return _task("is_right", scores.dtype, len(scores), values, (right,))


def _same_largest(scores: Array, targets: Array, right: Array) -> Task:
    values = scores, targets, right, *scores.shape
    return _task("same_largest", scores.dtype, len(scores), values, (right,))


def _is_in_top(scores: Array, labels: Array, k: int, right: Array) -> Task:
    values = scores, labels, None, right, *scores.shape, k
    return _task("is_in_top", scores.dtype, len(scores), values, (right,))


def _largest_is_in_top(scores: Array, targets: Array, k: int, right: Array) -> Task:
    values = scores, None, targets, right, *scores.shape, k
    return _task("is_in_top", scores.dtype, len(scores), values, (right,))


def _same_side(pred: Array, target: Array, threshold: float, middle: float, right: Array) -> Task:
    values = pred, target, right, right.size, float(threshold), float(middle)
    return _task("same_side", pred.dtype, right.size, values, (right,))


def _fractions_right(right: Array, fractions: Array) -> Task:
    values = right, fractions, *right.shape
    return _task("fractions_right", None, len(right), values, (fractions,))


def _all_right(right: Array, every: Array) -> Task:
    values = right, every, *right.shape
    return _task("all_right", None, len(right), values, (every,))


def _mean_errors(squared: bool, pred: Array, target: Array, errors: Array) -> Task:
    values = pred, target, errors, len(pred), pred.size // len(pred), squared
    return _task("mean_errors", pred.dtype, len(pred), values, (errors,))


def _r2_terms(pred: Array, target: Array, terms: Array) -> Task:
    values = pred, target, terms, len(pred), pred.size // len(pred)
    return _task("r2_terms", pred.dtype, pred.size, values, (terms,))


LOOPS: dict[str, Callable[..., Task]] = {
    "cross_entropy_rows": _cross_entropy_rows,
    "soft_cross_entropy_rows": _soft_cross_entropy_rows,
    "smooth_rows": _smooth_rows,
    "softmax_of_each": _softmax_of_each,
    "gradient_of_each": _gradient_of_each,
    "mean_of_vector": _mean_of_vector,
    "is_right": _is_right,
    "same_largest": _same_largest,
    "is_in_top": _is_in_top,
    "largest_is_in_top": _largest_is_in_top,
    "same_side": _same_side,
    "fractions_right": _fractions_right,
    "all_right": _all_right,
    "mean_absolute_errors": functools.partial(_mean_errors, False),
    "mean_squared_errors": functools.partial(_mean_errors, True),
    "r2_terms": _r2_terms,
}


def task_of(loop: Callable[..., Any]) -> Callable[..., Task] | None:
    """Return the function that makes the task of one of lamella's loops; None for others."""
    is_own = loop.__module__.startswith("lamella.")
    return LOOPS.get(loop.__name__) if is_own else None


def arrays_among(values: Sequence[Any]) -> list[Array]:
    """Return the arrays among the arguments of a loop, or the values of a task."""
    return [value for value in values if hasattr(value, "strides")]


def reads_as_given(task: Task) -> bool:
    """Whether a task reads its arrays as they are: whole, numbers of its dtype, labels, bytes."""
    arrays = arrays_among(task.values)
    read = [array for array in arrays if all(array is not other for other in task.writes)]
    known = {task.dtype, np.dtype(np.int64), np.dtype(np.bool_)}
    return are_whole(*arrays) and (task.dtype is None or all(x.dtype in known for x in read))


def arguments_to_read(xp: Any, task: Task, arguments: Sequence[Any]) -> list[Any]:
    """Return the arguments of a loop, where those that its task only reads are whole copies."""
    writes = [int(array.data.ptr) for array in task.writes]

    def to_read(value: Any) -> Any:
        if not hasattr(value, "strides") or int(value.data.ptr) in writes:
            return value
        return xp.ascontiguousarray(value, task.dtype if value.dtype.kind == "f" else None)

    return [to_read(value) for value in arguments]
