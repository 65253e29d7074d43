"""Batch normalisation: by the batch in training, by running statistics at evaluation."""

from typing import Any

import numpy as np
import pytest

import lamella as lm
from lamella.backend import Backend
from lamella.core.errors import ArgumentError, DataError
from tests.layers.bench import Bench, assert_gradients

GAMMA, BETA = np.array([2.0, -1.0, 0.5]), np.array([0.5, 1.0, -3.0])


def batches(*rows: int) -> list[np.ndarray]:
    rng = np.random.default_rng(1)
    return [rng.normal([1, -2, 10], [1, 3, 0.1], (size, 3)) for size in rows]


def bench(backend: Backend, *arguments: float, dtype: str = "float64") -> Bench:
    made = Bench(lm.BatchNorm(*arguments), (3,), backend, dtype)
    made.assign(gamma=GAMMA, beta=BETA)
    return made


@pytest.mark.parametrize("eps", [1e-5, 0.1])
def test_training_normalises_by_the_batch(backend: Backend, eps: float) -> None:
    layer = bench(backend, 0.9, eps)
    for x in batches(8, 2, 5):
        n = (x - x.mean(axis=0)) / np.sqrt(((x - x.mean(axis=0)) ** 2).mean(axis=0) + eps)
        np.testing.assert_allclose(layer.forward(x), GAMMA * n + BETA, rtol=1e-9)


def test_it_starts_as_plain_normalisation(backend: Backend) -> None:
    layer = Bench(lm.BatchNorm(), (3,), backend)
    for name, value in {"gamma": 1, "beta": 0, "running_mean": 0, "running_var": 1}.items():
        np.testing.assert_array_equal(layer.host(name), [value] * 3)
    y = layer.forward(batches(50)[0])
    np.testing.assert_allclose(y.mean(axis=0), 0, atol=1e-12)
    np.testing.assert_allclose(y.var(axis=0), 1, rtol=2e-3)  # less than 1 by eps


@pytest.mark.parametrize("momentum", [0.9, 0.5, 0.0])
def test_running_statistics_follow_the_formula(backend: Backend, momentum: float) -> None:
    layer = bench(backend, momentum)
    mean, var = np.zeros(3), np.ones(3)
    for x in batches(8, 2, 5, 30):
        layer.forward(x)
        mean = momentum * mean + (1 - momentum) * x.mean(axis=0)
        var = momentum * var + (1 - momentum) * x.var(axis=0, ddof=1)
    np.testing.assert_allclose(layer.host("running_mean"), mean, rtol=1e-12)
    np.testing.assert_allclose(layer.host("running_var"), var, rtol=1e-12)


def test_evaluation_uses_the_running_statistics(backend: Backend) -> None:
    layer = bench(backend)
    mean, var = np.array([1.0, -1.0, 5.0]), np.array([4.0, 0.25, 1.0])
    layer.assign(running_mean=mean, running_var=var)
    for x in batches(4, 1):
        expected = GAMMA * (x - mean) / np.sqrt(var + 1e-5) + BETA
        np.testing.assert_allclose(layer.forward(x, training=False), expected, rtol=1e-12)
    np.testing.assert_array_equal(layer.host("running_mean"), mean)
    np.testing.assert_array_equal(layer.host("running_var"), var)


@pytest.mark.parametrize("rows", [2, 3, 7])
def test_training_gradients_equal_differences(backend: Backend, rows: int) -> None:
    # With eps this large, two rows are not simply +1 and -1.
    assert_gradients(bench(backend, 0.9, 0.5), batches(rows)[0] / 5)


@pytest.mark.parametrize("rows", [1, 4])
def test_evaluation_gradients_equal_differences(backend: Backend, rows: int) -> None:
    layer = bench(backend)
    layer.assign(running_mean=[1, -1, 5], running_var=[4, 0.25, 1])
    assert_gradients(layer, batches(rows)[0], training=False)


def test_gradients_do_not_depend_on_a_longer_batch_before(backend: Backend) -> None:
    first, second = batches(9, 4)
    dy = np.random.default_rng(2).standard_normal((4, 3))
    used, fresh = bench(backend), bench(backend)
    used.forward(first)
    used.backward(np.ones_like(first))
    for layer in (used, fresh):
        layer.forward(second)
    np.testing.assert_array_equal(used.backward(dy), fresh.backward(dy))
    np.testing.assert_array_equal(used.grad("gamma"), fresh.grad("gamma"))
    np.testing.assert_allclose(used.grad("beta"), dy.sum(axis=0), rtol=1e-13)


def test_training_gradients_lie_across_shift_and_scale_of_the_batch(backend: Backend) -> None:
    # Shifting or stretching a feature changes nothing behind the layer, so dx has no such part.
    layer = bench(backend, 0.9, 1e-12)
    (x,) = batches(12)
    layer.forward(x)
    dx = layer.backward(np.random.default_rng(2).standard_normal((12, 3)))
    np.testing.assert_allclose(dx.sum(axis=0), 0, atol=1e-11)
    np.testing.assert_allclose((dx * (x - x.mean(axis=0))).sum(axis=0), 0, atol=1e-9)


def test_as_first_layer_it_gives_no_dx_but_the_same_gradients(backend: Backend) -> None:
    (x,) = batches(6)
    dy = np.random.default_rng(2).standard_normal((6, 3))
    for training in (True, False):
        layer = bench(backend)
        layer.forward(x, training)
        layer.backward(dy)
        gamma, beta = layer.grad("gamma"), layer.grad("beta")
        layer.layer.needs_dx = False
        layer.forward(x, training)
        assert layer.layer.backward(backend.asarray(dy)) is None
        np.testing.assert_array_equal(layer.grad("gamma"), gamma)
        np.testing.assert_array_equal(layer.grad("beta"), beta)


def test_a_constant_feature_becomes_beta_with_finite_gradients(backend: Backend) -> None:
    layer = bench(backend)
    np.testing.assert_allclose(layer.forward(np.full((5, 3), 3.0)), np.tile(BETA, (5, 1)))
    dx = layer.backward(np.random.default_rng(2).standard_normal((5, 3)))
    assert np.isfinite(dx).all()


def test_a_small_spread_around_a_large_mean_survives_float32(backend: Backend) -> None:
    # The mean of squares minus the square of the mean would be lost here.
    x = np.random.default_rng(3).standard_normal((2000, 3)) + 1000
    layer = Bench(lm.BatchNorm(), (3,), backend, "float32")
    y = layer.forward(x)
    np.testing.assert_allclose(y, (x - x.mean(axis=0)) / x.std(axis=0), atol=2e-3)


def test_training_on_a_batch_of_one_is_refused_by_name(backend: Backend) -> None:
    model = lm.Sequential([lm.Dense(3), lm.BatchNorm()], seed=1, backend=backend)
    model.compile(lm.MeanSquaredError(), lm.SGD(), in_shape=(4,))
    with pytest.raises(
        DataError, match=r"layer 1 BatchNorm cannot be trained on a batch of 1.*it needs 2"
    ):
        model.train_step(np.zeros((1, 4)), np.zeros((1, 3)))
    with pytest.raises(DataError, match=r"batch of 1 \(the rest of 9\)"):
        model.fit(np.zeros((9, 4)), np.zeros((9, 3)), batch_size=4, verbose=False)
    before = model.state_dict()
    assert not before["1.BatchNorm.running_mean"].any()  # nothing was trained
    assert model.predict(np.zeros((1, 4))).shape == (1, 3)


def test_statistics_are_saved_but_not_trained(backend: Backend) -> None:
    layer = bench(backend).layer
    assert [p.name for p in layer.parameters] == ["0.BatchNorm.gamma", "0.BatchNorm.beta"]
    assert [s.name for s in layer.states] == [
        "0.BatchNorm.running_mean",
        "0.BatchNorm.running_var",
    ]


@pytest.mark.parametrize("momentum", [1.0, -0.1, "0.9", None])
def test_momentum_must_leave_room_for_the_new(momentum: Any) -> None:
    with pytest.raises(ArgumentError, match=r"momentum must be "):
        lm.BatchNorm(momentum)


@pytest.mark.parametrize("eps", [0, -1e-5, float("inf")])
def test_eps_must_be_above_zero(eps: float) -> None:
    with pytest.raises(ArgumentError, match="eps must be "):
        lm.BatchNorm(eps=eps)
