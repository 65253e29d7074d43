"""The fully connected layer."""

from typing import Any

import numpy as np
import pytest

import lamella as lm
from lamella.backend import Backend
from lamella.core.errors import ArgumentError
from tests.layers.bench import Bench, assert_gradients

X = np.random.default_rng(1).standard_normal((6, 4))
DY = np.random.default_rng(2).standard_normal((6, 3))


@pytest.mark.parametrize("use_bias", [True, False])
def test_outputs_are_weighted_sums(backend: Backend, use_bias: bool) -> None:
    bench = Bench(lm.Dense(3, use_bias=use_bias), (4,), backend)
    b = np.zeros(3)
    if use_bias:
        b = np.array([1.0, -2.0, 0.5])
        bench.assign(b=b)
    W = bench.host("W")
    expected = [[sum(row[i] * W[i, j] for i in range(4)) + b[j] for j in range(3)] for row in X]
    np.testing.assert_allclose(bench.forward(X), expected, rtol=1e-13)


def test_gradients_are_sums_over_the_batch(backend: Backend) -> None:
    bench = Bench(lm.Dense(3), (4,), backend)
    bench.forward(X)
    dx = bench.backward(DY)
    np.testing.assert_allclose(dx, DY @ bench.host("W").T, rtol=1e-13)
    np.testing.assert_allclose(
        bench.grad("W"), sum(np.outer(x, dy) for x, dy in zip(X, DY, strict=True)), rtol=1e-12
    )
    np.testing.assert_allclose(bench.grad("b"), DY.sum(axis=0), rtol=1e-12)


@pytest.mark.parametrize("rows", [1, 2, 6])
@pytest.mark.parametrize("use_bias", [True, False])
def test_gradients_equal_differences(backend: Backend, use_bias: bool, rows: int) -> None:
    assert_gradients(Bench(lm.Dense(3, use_bias=use_bias), (4,), backend), X[:rows])


def test_gradients_are_overwritten_not_added_to(backend: Backend) -> None:
    bench = Bench(lm.Dense(3), (4,), backend)
    bench.forward(X)
    bench.backward(1000 * DY)
    bench.backward(DY)
    np.testing.assert_allclose(bench.grad("W"), X.T @ DY, rtol=1e-12)
    np.testing.assert_allclose(bench.grad("b"), DY.sum(axis=0), rtol=1e-12)


def test_without_bias_there_is_one_parameter(backend: Backend) -> None:
    layer = Bench(lm.Dense(3, use_bias=False), (4,), backend).layer
    assert [p.name for p in layer.parameters] == ["0.Dense.W"]
    assert layer.b is None


def test_the_first_layer_gives_no_dx_but_the_same_gradients(backend: Backend) -> None:
    bench = Bench(lm.Dense(3), (4,), backend)
    bench.forward(X)
    bench.backward(DY)
    W, b = bench.grad("W"), bench.grad("b")
    bench.layer.needs_dx = False
    bench.forward(X)
    assert bench.layer.backward(backend.asarray(DY)) is None
    np.testing.assert_array_equal(bench.grad("W"), W)
    np.testing.assert_array_equal(bench.grad("b"), b)


def test_a_regularizer_is_on_the_weights_and_never_on_the_bias(backend: Backend) -> None:
    layer = lm.Dense(3, regularizer=lm.L2(0.5))
    model = lm.Sequential([layer], seed=7, backend=backend, dtype="float64").build((4,))
    layer.b.value = 100.0
    assert [p.name for p in model.regularized] == ["0.Dense.W"]
    W = model.state_dict()["0.Dense.W"]
    assert model.penalty() == pytest.approx(0.25 * (W**2).sum(), rel=1e-12)


def test_weights_start_with_he_and_biases_at_zero(backend: Backend) -> None:
    bench = Bench(lm.Dense(300), (200,), backend)
    assert bench.host("W").std() == pytest.approx(np.sqrt(2 / 200), rel=0.02)
    assert not bench.host("b").any()


def test_init_is_used(backend: Backend) -> None:
    bench = Bench(lm.Dense(3, init="ones"), (4,), backend)
    np.testing.assert_array_equal(bench.host("W"), np.ones((4, 3)))


@pytest.mark.parametrize("units", [0, -3, 2.0, "10", None, True])
def test_units_must_be_a_whole_number_above_zero(units: Any) -> None:
    with pytest.raises(ArgumentError, match="units must be a whole number of at least 1, got "):
        lm.Dense(units)


@pytest.mark.parametrize("regularizer", [0.1, "l2", lm.L2])
def test_a_regularizer_must_be_an_object(regularizer: Any) -> None:
    with pytest.raises(ArgumentError, match=r"regularizer must be (a Regularizer|an object)"):
        lm.Dense(3, regularizer=regularizer)


def steps_with_max_norm(backend: Backend, dtype: str, limit: float) -> lm.Sequential:
    layers = [lm.Dense(5, max_norm=limit), lm.ReLU(), lm.Dense(3, init="glorot_normal")]
    model = lm.Sequential(layers, seed=3, backend=backend, dtype=dtype)
    model.compile(lm.SoftmaxCrossEntropy(), lm.Adam(0.1), in_shape=(4,))
    for _ in range(12):
        model.train_step(X, np.arange(6) % 3)
    return model


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_max_norm_bounds_the_weights_of_each_unit_after_each_step(
    backend: Backend, dtype: str
) -> None:
    model = steps_with_max_norm(backend, dtype, 0.7)
    first, _, last = (np.array(backend.to_host(p.value)) for p in model.parameters[:3])
    norms = np.linalg.norm(first.astype(float), axis=0)
    assert (norms <= 0.7 * (1 + 1e-6)).all()
    assert np.isclose(norms, 0.7, rtol=1e-6).any()
    assert np.linalg.norm(last, axis=0).max() > 0.7  # the other layer is free


@pytest.mark.parametrize("limit", [1e6, 1e300])  # the last is no number of float32
def test_max_norm_leaves_shorter_weights_and_biases_alone(backend: Backend, limit: float) -> None:
    limited = steps_with_max_norm(backend, "float32", limit)
    layers = [lm.Dense(5), lm.ReLU(), lm.Dense(3, init="glorot_normal")]
    free = lm.Sequential(layers, seed=3, backend=backend)
    free.compile(lm.SoftmaxCrossEntropy(), lm.Adam(0.1), in_shape=(4,))
    for _ in range(12):
        free.train_step(X, np.arange(6) % 3)
    np.testing.assert_equal(limited.state_dict(), free.state_dict())


def test_max_norm_equals_renorm_of_torch(backend: Backend, rng: np.random.Generator) -> None:
    torch = pytest.importorskip("torch", reason="PyTorch is the peer that lamella is compared with")
    model = lm.Sequential([lm.Dense(6, max_norm=1.5)], backend=backend, dtype="float64")
    model.compile(lm.MeanSquaredError(), lm.SGD(1e-300), in_shape=(4,))
    W = rng.normal(size=(4, 6))
    model.layers[0].W.value = backend.asarray(W)
    model.train_step(X, np.zeros((6, 6)))
    expected = torch.renorm(torch.tensor(W.T), p=2, dim=0, maxnorm=1.5).numpy().T
    got = backend.to_host(model.layers[0].W.value)
    np.testing.assert_allclose(got, expected, rtol=1e-6)  # torch divides by the norm + 1e-7
    assert not np.allclose(got, W)


def test_max_norm_spares_frozen_weights_and_those_of_zero(backend: Backend) -> None:
    model = lm.Sequential([lm.Dense(3, max_norm=0.1), lm.Dense(2)], backend=backend)
    model.compile(lm.MeanSquaredError(), lm.SGD(1e-9), in_shape=(4,))
    first = model.layers[0]
    first.trainable = False
    before = model.state_dict()["0.Dense.W"]
    model.train_step(X, np.zeros((6, 2)))
    np.testing.assert_array_equal(model.state_dict()["0.Dense.W"], before)
    first.trainable = True
    first.W.value = 0.0
    model.train_step(X, np.zeros((6, 2)))
    assert np.isfinite(model.state_dict()["0.Dense.W"]).all()


@pytest.mark.parametrize("limit", [0, -1, np.nan, "3", True])
def test_max_norm_is_a_number_above_0(limit: Any) -> None:
    with pytest.raises(ArgumentError, match="max_norm must be"):
        lm.Dense(3, max_norm=limit)


def test_max_norm_is_fixed_once_the_layer_is_built() -> None:
    layer = Bench(lm.Dense(3, max_norm=2), (4,), "numpy").layer  # type: ignore[arg-type]
    with pytest.raises(lm.errors.UsageError, match=r"Dense\.max_norm is fixed"):
        layer.max_norm = 3
    with pytest.raises(lm.errors.UsageError, match=r"max_norm of 0\.Dense\.W is fixed"):
        layer.W.max_norm = 3


def test_max_norm_of_a_parameter_is_checked_and_spans_all_axes_but_the_last() -> None:
    class Windows(lm.Layer):
        def __init__(self, limit: Any) -> None:
            self.limit = limit

        def build(self, in_shape: Any) -> Any:
            self.W = self.add_param("W", (2, *in_shape, 3), "standard_normal")
            self.W.max_norm = self.limit
            return (3,)

        def forward(self, x: Any, training: bool) -> Any:
            self.x = x
            return x @ self.W.value[0] + x @ self.W.value[1]

        def backward(self, dy: Any) -> Any:
            self.W.grad = np.stack([self.x.T @ dy] * 2)
            return dy @ (self.W.value[0] + self.W.value[1]).T

    with pytest.raises(ArgumentError, match="max_norm must be greater than 0"):
        lm.Sequential([Windows(-1.0)]).build((4,))
    model = lm.Sequential([Windows(0.5)], seed=1, backend="numpy")
    model.compile(lm.MeanSquaredError(), lm.SGD(1e-3), in_shape=(4,))
    model.train_step(X, DY)
    norms = np.linalg.norm(model.layers[0].W.value.reshape(8, 3), axis=0)
    np.testing.assert_allclose(norms, 0.5, rtol=1e-6)
