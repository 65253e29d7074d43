"""Loops as tasks give the numbers of the loops themselves."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from lamella.backend.cupy.graph_backend import GraphBackend
from lamella.backend.cupy.loop_tasks import LOOPS, task_of
from lamella.backend.numba.loops import mean_of_vector
from lamella.layers.softmax import gradient_of_each, softmax_of_each
from lamella.losses.classification import (
    cross_entropy_rows,
    smooth_rows,
    soft_cross_entropy_rows,
)
from lamella.losses.metrics.binary import all_right, fractions_right, same_side
from lamella.losses.metrics.classification import (
    is_in_top,
    is_right,
    largest_is_in_top,
    same_largest,
)
from lamella.losses.metrics.regression import (
    mean_absolute_errors,
    mean_squared_errors,
    r2_terms,
)
from tests.backend.cupy.graphs import graph_backend

N, K = 300, 7  # more samples than a block has threads


@pytest.fixture(params=["strict", pytest.param("cupy", marks=pytest.mark.gpu)])
def backend(request: pytest.FixtureRequest) -> GraphBackend:
    return graph_backend(request.param)


def cases(dtype: Any) -> dict[Callable[..., Any], list[Any]]:
    """Return arguments of each loop; those it fills hold NaN or other numbers."""
    rng = np.random.default_rng(0)
    z, labels = rng.standard_normal((N, K)).astype(dtype), rng.integers(0, K, N)
    soft = rng.random((N, K)).astype(dtype)
    soft[::3, 2] = 0
    z[1] = z[0, 0]  # equal scores

    def out(*shape: int) -> np.ndarray:
        return np.full(shape, np.nan, dtype)

    def doubles(*shape: int) -> np.ndarray:
        return np.full(shape, np.nan)

    def truths(*shape: int) -> np.ndarray:
        return np.full(shape, 7, np.uint8).view(bool)

    wrong = np.zeros(2, np.int64)
    return {
        cross_entropy_rows: [z, labels, out(N, K), out(N), wrong],
        soft_cross_entropy_rows: [z, soft, out(N, K), out(N)],
        smooth_rows: [labels, 0.9, 0.1 / K, out(N, K), wrong],
        softmax_of_each: [z, out(N, K)],
        gradient_of_each: [z, soft, out(N, K)],
        mean_of_vector: [z.reshape(-1), out(1)],
        is_right: [z, labels, truths(N)],
        same_largest: [z, soft, truths(N)],
        is_in_top: [z, labels, 2, truths(N)],
        largest_is_in_top: [z, soft, 2, truths(N)],
        same_side: [z, soft, 0.1, 0.5, truths(N, K)],
        fractions_right: [soft > 0.5, doubles(N)],
        all_right: [soft > 0.2, truths(N)],
        mean_absolute_errors: [z, soft, doubles(N)],
        mean_squared_errors: [z.reshape(N, K, 1), soft.reshape(N, K, 1), doubles(N)],
        r2_terms: [z, soft, doubles(N, 3, K)],
    }


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("number", range(len(LOOPS)))
def test_tasks_fill_what_the_loops_fill(backend: GraphBackend, number: int, dtype: Any) -> None:
    loop, arguments = list(cases(dtype).items())[number]
    on_device = [backend.asarray(x) if isinstance(x, np.ndarray) else x for x in arguments]
    run = backend.compile(loop)
    assert run is not None
    run(*on_device)
    loop(*arguments)
    rtol = 2e-5 if dtype == np.float32 else 1e-13
    for got, expected in zip(on_device, arguments, strict=True):
        if isinstance(expected, np.ndarray):
            np.testing.assert_allclose(backend.to_host(got), expected, rtol, rtol)


def test_all_loops_are_tested() -> None:
    assert {loop.__name__ for loop in cases("f4")} == set(LOOPS)


def test_loops_of_others_are_no_tasks(backend: GraphBackend) -> None:
    def is_right(scores: Any, labels: Any, right: Any) -> None:
        pass

    assert task_of(is_right) is None
    assert backend.compile(is_right) is None


def test_labels_that_are_no_class_touch_no_other_memory(backend: GraphBackend) -> None:
    z, labels = backend.asarray(np.zeros((2, 3), "f4")), backend.asarray(np.array([-1, 3]))
    d, losses = backend.zeros(6, "f4").reshape(2, 3), backend.zeros(2, "f4")
    run = backend.compile(cross_entropy_rows)
    assert run is not None
    run(z, labels, d, losses, None)
    np.testing.assert_allclose(backend.to_host(d), np.full((2, 3), 1 / 3), rtol=1e-6)
    assert np.isnan(backend.to_host(losses)).all()


@pytest.mark.parametrize("loop", cases("float32"), ids=lambda loop: loop.__name__)
def test_loops_read_views(backend: GraphBackend, loop: Callable[..., Any]) -> None:
    """An own layer may return a transposed matrix."""
    found = []
    for is_turned in (False, True):
        arguments = cases("float32")[loop]
        given = [backend.asarray(x) if isinstance(x, np.ndarray) else x for x in arguments]
        make = task_of(loop)
        assert make is not None
        writes = [id(array) for array in make(*given).writes]
        for i, x in enumerate(given):
            if is_turned and isinstance(x, backend.xp.ndarray) and id(x) not in writes:
                given[i] = backend.asarray(np.repeat(arguments[i], 2, axis=-1))[..., ::2]
        run = backend.compile(loop)
        assert run is not None
        run(*given)
        results = [backend.to_host(x) for x in given if id(x) in writes]
        found.append(results)
    for plain, of_views in zip(*found, strict=True):
        np.testing.assert_array_equal(of_views, plain)


def test_a_loop_reads_numbers_of_another_dtype(backend: GraphBackend) -> None:
    losses, mean = np.arange(5.0), backend.zeros(1, "float32")
    run = backend.compile(mean_of_vector)
    assert run is not None
    run(backend.asarray(losses), mean)
    assert float(mean[0]) == 2
