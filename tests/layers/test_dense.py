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
