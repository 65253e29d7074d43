"""Softmax: probabilities for scores of any size, and the full Jacobian."""

import numpy as np
import pytest

import lamella as lm
from lamella.backend import Backend
from tests.layers.bench import Bench, softmax

X = np.random.default_rng(1).standard_normal((6, 4))
DY = np.random.default_rng(2).standard_normal((6, 4))


def test_softmax_rows_far_apart_do_not_disturb_each_other(backend: Backend) -> None:
    # With the maximum of the whole batch subtracted, the lower rows would be 0 / 0.
    base = np.array([0.5, -1.0, 2.0])
    x = base + np.array([[0.0], [-1e4], [1e4], [-750.0]])
    for dtype, rtol in (("float64", 1e-11), ("float32", 1e-3)):
        y = Bench(lm.Softmax(), (3,), backend, dtype).forward(x)
        np.testing.assert_allclose(y, np.tile(softmax(base), (4, 1)), rtol=rtol)


def test_softmax_of_one_winner_is_exactly_one(backend: Backend) -> None:
    bench = Bench(lm.Softmax(), (3,), backend)
    np.testing.assert_array_equal(bench.forward([[1e4, -1e4, 0.0]]), [[1, 0, 0]])
    np.testing.assert_array_equal(bench.backward([[1.0, 2.0, 3.0]]), [[0, 0, 0]])


def test_softmax_rows_sum_to_one(backend: Backend) -> None:
    x = np.random.default_rng(4).standard_normal((20, 50)) * 10
    y = Bench(lm.Softmax(), (50,), backend).forward(x)
    np.testing.assert_allclose(y.sum(axis=-1), 1, rtol=1e-14)
    assert (y > 0).all()


def test_softmax_backward_is_the_full_jacobian(backend: Backend) -> None:
    bench = Bench(lm.Softmax(), (4,), backend)
    y = bench.forward(X)
    jacobians = [np.diag(s) - np.outer(s, s) for s in y]
    for column in range(4):
        unit = np.zeros_like(X)
        unit[:, column] = 1
        np.testing.assert_allclose(
            bench.backward(unit), [J[:, column] for J in jacobians], rtol=1e-13, atol=1e-16
        )
    expected = [J @ dy for J, dy in zip(jacobians, DY, strict=True)]
    np.testing.assert_allclose(bench.backward(DY), expected, rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("shape", [(1, 3), (3, 3), (2, 2), (2, 4)], ids=str)
def test_softmax_refuses_a_gradient_of_another_shape(shape: tuple[int, int]) -> None:
    layer = lm.Softmax()
    layer.attach(backend="numpy")
    layer.forward(np.zeros((2, 3), "f4"), training=True)
    with pytest.raises(ValueError, match=r"the shape of its output|broadcast"):
        layer.backward(np.zeros(shape, "f4"))
