"""LayerNorm: the numbers of each sample, in training and evaluation, and inputs it refuses."""

import numpy as np
import pytest

import lamella as lm
from lamella.backend import Backend
from lamella.core.errors import ArgumentError, LamellaError, ShapeError
from tests.layers.bench import Bench

X = np.array([[1.0, 3.0, 5.0, 7.0], [-2.0, 2.0, -2.0, 2.0]])


def test_each_sample_has_mean_0_and_variance_1(backend: Backend) -> None:
    bench = Bench(lm.LayerNorm(eps=1e-12), (4,), backend)
    expected = np.array([[-3, -1, 1, 3], [-1, 1, -1, 1]]) / np.array([[5**0.5], [1]])
    np.testing.assert_allclose(bench.forward(X), expected, rtol=1e-12)


def test_gamma_and_beta_scale_and_shift_features(backend: Backend) -> None:
    bench = Bench(lm.LayerNorm(), (4,), backend)
    plain = bench.forward(X)
    gamma, beta = np.array([1.0, 2.0, -1.0, 0.5]), np.array([0.0, 1.0, 2.0, 3.0])
    bench.assign(gamma=gamma, beta=beta)
    np.testing.assert_allclose(bench.forward(X), gamma * plain + beta, rtol=1e-12)


def test_a_sample_does_not_depend_on_others_nor_on_training(backend: Backend) -> None:
    bench = Bench(lm.LayerNorm(), (4,), backend)
    together = bench.forward(X, training=True)
    np.testing.assert_array_equal(bench.forward(X, training=False), together)
    np.testing.assert_allclose(bench.forward(X[1:]), together[1:], rtol=1e-13)


def test_scale_of_a_sample_is_lost_and_equal_features_give_beta(backend: Backend) -> None:
    bench = Bench(lm.LayerNorm(), (4,), backend)
    bench.assign(beta=np.array([1.0, 2.0, 3.0, 4.0]))
    np.testing.assert_allclose(bench.forward(1e6 * X), bench.forward(1e7 * X), rtol=1e-6)
    np.testing.assert_array_equal(bench.forward(np.full((1, 4), 3.0)), [[1, 2, 3, 4]])


@pytest.mark.parametrize(
    ("in_shape", "text"),
    [((1,), "single feature into 0: it needs at least 2"), ((2, 3), r"put Flatten\(\) before it")],
)
def test_inputs_that_it_cannot_normalize_are_refused(in_shape: tuple[int, ...], text: str) -> None:
    with pytest.raises(ShapeError, match=text):
        lm.Sequential([lm.LayerNorm()]).build(in_shape)


def test_a_shape_as_in_torch_is_not_taken_for_eps() -> None:
    with pytest.raises(LamellaError, match="LayerNorm"):
        lm.LayerNorm(128)  # type: ignore[misc]


@pytest.mark.parametrize("eps", [0, -1e-5, float("nan"), "1e-5", None])
def test_eps_is_above_0(eps: float) -> None:
    with pytest.raises(ArgumentError, match="eps must be"):
        lm.LayerNorm(eps=eps)
