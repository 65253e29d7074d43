"""Activations against their formulas, at ordinary numbers and at the ends of the scale."""

from collections.abc import Callable
from decimal import Decimal, localcontext
from typing import Any

import numpy as np
import pytest

import lamella as lm
from lamella.backend import Backend
from lamella.core.errors import ArgumentError
from tests.layers.bench import Bench, assert_gradients, softmax

X = np.random.default_rng(1).standard_normal((6, 4))
DY = np.random.default_rng(2).standard_normal((6, 4))


FORMULAS: list[tuple[Callable[[], lm.Layer], Callable[[np.ndarray], np.ndarray]]] = [
    (lm.ReLU, lambda x: np.where(x > 0, x, 0)),
    (lm.LeakyReLU, lambda x: np.where(x > 0, x, 0.01 * x)),
    (lambda: lm.LeakyReLU(0.3), lambda x: np.where(x > 0, x, 0.3 * x)),
    (lm.Sigmoid, lambda x: 1 / (1 + np.exp(-x))),
    (lm.Tanh, lambda x: (np.exp(x) - np.exp(-x)) / (np.exp(x) + np.exp(-x))),
    (lm.Softmax, softmax),
    (lm.ELU, lambda x: np.where(x > 0, x, np.expm1(x))),
    (lambda: lm.ELU(0.3), lambda x: np.where(x > 0, x, 0.3 * np.expm1(x))),
    (lm.GELU, lambda x: x / (1 + np.exp(-np.sqrt(8 / np.pi) * (x + 0.044715 * x**3)))),
    (lm.SiLU, lambda x: x / (1 + np.exp(-x))),
    (lm.Softplus, lambda x: np.logaddexp(0, x)),
]
every_activation = pytest.mark.parametrize(
    ("make", "formula"), FORMULAS, ids=[repr(make()) for make, _ in FORMULAS]
)


@every_activation
@pytest.mark.parametrize("in_shape", [(4,), (2, 2), (1,)])
def test_forward_is_the_formula(
    backend: Backend,
    make: Callable[[], lm.Layer],
    formula: Callable[[np.ndarray], np.ndarray],
    in_shape: tuple[int, ...],
) -> None:
    x = np.random.default_rng(3).standard_normal((5, *in_shape)) * 3
    for dtype, rtol in (("float64", 1e-13), ("float32", 2e-6)):
        bench = Bench(make(), in_shape, backend, dtype)
        np.testing.assert_allclose(bench.forward(x), formula(x), rtol=rtol, atol=rtol / 100)


@every_activation
def test_backward_equals_differences(
    backend: Backend, make: Callable[[], lm.Layer], formula: Any
) -> None:
    assert_gradients(Bench(make(), (4,), backend), X)


@every_activation
def test_huge_inputs_give_finite_results_and_gradients(
    backend: Backend, make: Callable[[], lm.Layer], formula: Any
) -> None:
    x = np.array([[1e4, -1e4, 0.0, 1e4], [-1e4, -1e4, -1e4, -1e4], [745.0, -745.0, 88.0, -88.0]])
    for dtype in ("float32", "float64"):
        bench = Bench(make(), (4,), backend, dtype)
        assert np.isfinite(bench.forward(x)).all()
        assert np.isfinite(bench.backward(np.ones_like(x))).all()


def test_relu_has_slope_zero_at_zero(backend: Backend) -> None:
    bench = Bench(lm.ReLU(), (5,), backend)
    x = [[0.0, -0.0, 1e-300, -1e-300, 3.0]]
    np.testing.assert_array_equal(bench.forward(x), [[0, 0, 1e-300, 0, 3]])
    np.testing.assert_array_equal(bench.backward([[5.0] * 5]), [[0, 0, 5, 0, 5]])


def test_leaky_relu_has_its_lower_slope_at_zero(backend: Backend) -> None:
    bench = Bench(lm.LeakyReLU(0.25), (4,), backend)
    np.testing.assert_array_equal(bench.forward([[-4.0, 0.0, 8.0, -1e4]]), [[-1, 0, 8, -2500]])
    np.testing.assert_array_equal(bench.backward([[2.0] * 4]), [[0.5, 0.5, 2, 0.5]])


@pytest.mark.parametrize("slope", [0, 1])
def test_leaky_relu_reaches_from_relu_to_identity(backend: Backend, slope: float) -> None:
    bench = Bench(lm.LeakyReLU(slope), (4,), backend)
    np.testing.assert_array_equal(bench.forward(X), X if slope else np.maximum(X, 0))
    np.testing.assert_array_equal(bench.backward(DY), DY if slope else DY * (X > 0))


@pytest.mark.parametrize("slope", [-0.1, 1.1, float("nan"), "0.1", None])
def test_leaky_relu_takes_slopes_from_zero_to_one(slope: Any) -> None:
    with pytest.raises(ArgumentError, match="slope must be "):
        lm.LeakyReLU(slope)


def exact_sigmoid(x: float) -> float:
    with localcontext() as context:
        context.prec = 60
        return float(1 / (1 + (-Decimal(x)).exp()))


def test_sigmoid_is_exact_in_the_tails(backend: Backend) -> None:
    # 1 / (1 + exp(-x)) written down naively overflows below -709, and exp(x) / (1 + exp(x)) above.
    x = np.array([[-700.0, -100.0, -20.0, -1.5, -1e-9, 0.0, 1e-9, 1.5, 20.0, 36.0, 800.0]])
    expected = [[exact_sigmoid(value) for value in x[0]]]
    bench = Bench(lm.Sigmoid(), (x.size,), backend)
    np.testing.assert_allclose(bench.forward(x), expected, rtol=1e-15, atol=0)


def test_sigmoid_ends_at_exactly_zero_and_one(backend: Backend) -> None:
    for dtype in ("float32", "float64"):
        bench = Bench(lm.Sigmoid(), (2,), backend, dtype)
        np.testing.assert_array_equal(bench.forward([[-1e4, 1e4]]), [[0, 1]])
        np.testing.assert_array_equal(bench.backward([[1.0, 1.0]]), [[0, 0]])


def test_sigmoid_slope_keeps_its_digits_far_below_zero(backend: Backend) -> None:
    bench = Bench(lm.Sigmoid(), (1,), backend)
    y = exact_sigmoid(-20.0)
    bench.forward([[-20.0]])
    np.testing.assert_allclose(bench.backward([[1.0]]), [[y * (1 - y)]], rtol=1e-14)


def test_tanh_ends_at_exactly_one_with_slope_zero(backend: Backend) -> None:
    bench = Bench(lm.Tanh(), (3,), backend)
    np.testing.assert_array_equal(bench.forward([[-1e4, 0.0, 1e4]]), [[-1, 0, 1]])
    np.testing.assert_array_equal(bench.backward([[3.0, 3.0, 3.0]]), [[0, 3, 0]])


def test_layers_that_give_probabilities_say_so() -> None:
    gives = {make().__class__.__name__: make().gives_probabilities for make, _ in FORMULAS}
    assert gives == {
        "ReLU": False,
        "LeakyReLU": False,
        "Sigmoid": True,
        "Tanh": False,
        "Softmax": True,
        "ELU": False,
        "GELU": False,
        "SiLU": False,
        "Softplus": False,
    }


class Softplus(lm.Activation):
    """A user's activation: two formulas, and a hyper-parameter that both are given."""

    scalars = ("sharpness",)

    def __init__(self, sharpness: float = 1.0) -> None:
        self.sharpness = sharpness

    @staticmethod
    def rule(x: Any, s: Any) -> Any:
        return (np.maximum(s * x, 0) + np.log(1 + np.exp(-np.absolute(s * x)))) / s

    @staticmethod
    def derivative(x: Any, y: Any, s: Any) -> Any:
        return 1 / (1 + np.exp(-s * x))


@pytest.mark.parametrize("sharpness", [1.0, 2.5])
def test_activation_of_two_formulas_is_a_whole_layer(backend: Backend, sharpness: float) -> None:
    lm.testing.check_layer(Softplus(sharpness), in_shape=(5,))
    bench = Bench(Softplus(sharpness), (4,), backend)
    expected = np.log(1 + np.exp(sharpness * X)) / sharpness
    np.testing.assert_allclose(bench.forward(X), expected, rtol=1e-12)
