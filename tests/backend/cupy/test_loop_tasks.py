"""Loops of losses, layers and metrics: their tasks on a GPU give what they give in Python."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest

from lamella.backend import CupyBackend
from lamella.backend.cupy.graph_backend import GraphBackend
from lamella.backend.cupy.loop_tasks import LOOPS, task_of
from lamella.layers.softmax import gradient_of_each, softmax_of_each
from lamella.losses.base import mean_of_vector
from lamella.losses.classification import (
    cross_entropy_rows,
    smooth_rows,
    soft_cross_entropy_rows,
)
from lamella.losses.metrics.binary import fractions_right, same_side
from lamella.losses.metrics.classification import is_right, same_largest
from lamella.losses.metrics.regression import (
    mean_absolute_errors,
    mean_squared_errors,
    r2_terms,
)
from tests.backend.cupy.device import on_devices

N, K = 300, 7  # several blocks
RNG = np.random.default_rng(5)
LABELS, RIGHT = RNG.integers(0, K, N), RNG.integers(0, 2, (N, K)).astype(bool)
Z, T = RNG.standard_normal((2, N, K))
T[::3] = np.eye(K)[LABELS[::3]]


def empty(*shape: int, dtype: Any = None) -> Callable[[Any], np.ndarray]:
    """Return a function that makes an array for results, by default of the dtype it is given."""
    return lambda number: np.zeros(shape, dtype or number)


CASES: dict[Callable[..., None], Sequence[Any]] = {
    cross_entropy_rows: (Z, LABELS, empty(N, K), empty(N), empty(2, dtype=np.int64)),
    soft_cross_entropy_rows: (Z, abs(T), empty(N, K), empty(N)),
    smooth_rows: (LABELS, 0.9, 0.02, empty(N, K), empty(2, dtype=np.int64)),
    softmax_of_each: (Z, empty(N, K)),
    gradient_of_each: (Z, abs(T), empty(N, K)),
    mean_of_vector: (Z.ravel(), empty(1)),
    is_right: (Z, LABELS, empty(N, dtype=bool)),
    same_largest: (Z, T, empty(N, dtype=bool)),
    same_side: (Z, T, 0.1, -0.2, empty(N, K, dtype=bool)),
    fractions_right: (RIGHT, empty(N, dtype=float)),
    mean_absolute_errors: (Z, T, empty(N, dtype=float)),
    mean_squared_errors: (Z.reshape(N, 7, 1), T.reshape(N, 7, 1), empty(N, dtype=float)),
    r2_terms: (Z, T, empty(N, 3, K, dtype=float)),
}


def arguments(loop: Callable[..., None], dtype: type) -> list[Any]:
    """Return fresh arguments of a loop; numbers of arrays are of this dtype."""
    values = [value(dtype) if callable(value) else value for value in CASES[loop]]
    is_number = [isinstance(value, np.ndarray) and value.dtype == float for value in CASES[loop]]
    return [
        value.astype(dtype) if number else value
        for value, number in zip(values, is_number, strict=True)
    ]


@on_devices
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("loop", CASES, ids=lambda loop: loop.__name__)
def test_a_task_fills_what_the_loop_fills(
    loop: Callable[..., None], dtype: type, backend: CupyBackend
) -> None:
    expected = arguments(loop, dtype)
    loop(*expected)
    graphs = GraphBackend(backend.xp)
    given = [
        graphs.asarray(value) if isinstance(value, np.ndarray) else value
        for value in arguments(loop, dtype)
    ]
    run = graphs.compile(loop)
    assert run is not None
    run(*given)
    for got, wanted in zip(given, expected, strict=True):
        if isinstance(wanted, np.ndarray):
            eps = np.finfo(dtype).eps
            np.testing.assert_allclose(graphs.to_host(got), wanted, rtol=64 * eps, atol=64 * eps)


def test_every_task_of_a_loop_is_tested() -> None:
    assert {loop.__name__ for loop in CASES} == set(LOOPS)


def test_loops_of_others_have_no_task() -> None:
    def is_right(scores: Any, labels: Any, right: Any) -> None:
        """Has the name of one of lamella's loops."""

    assert task_of(is_right) is None
