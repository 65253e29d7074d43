"""Dropout: a fraction is dropped in training, the rest scaled up; nothing at evaluation."""

from typing import Any

import numpy as np
import pytest

import lamella as lm
from lamella.backend import Backend
from lamella.core.errors import ArgumentError
from tests.layers.bench import Bench, assert_gradients

X = np.random.default_rng(1).uniform(1, 2, (50, 200))


@pytest.mark.parametrize("rate", [0.1, 0.5, 0.9])
def test_the_fraction_dropped_is_the_rate_and_the_rest_is_scaled(
    backend: Backend, rate: float
) -> None:
    y = Bench(lm.Dropout(rate), (200,), backend).forward(X)
    kept = y != 0
    np.testing.assert_allclose(y[kept], X[kept] / (1 - rate), rtol=2e-4)
    error = 5 * np.sqrt(rate * (1 - rate) / X.size)
    assert 1 - kept.mean() == pytest.approx(rate, abs=error)
    assert y.mean() == pytest.approx(X.mean(), abs=2 * error / (1 - rate))


def test_gradients_pass_through_the_same_mask(backend: Backend) -> None:
    bench = Bench(lm.Dropout(0.3), (200,), backend)
    y = bench.forward(X)
    dy = np.random.default_rng(2).standard_normal(X.shape)
    np.testing.assert_allclose(bench.backward(dy), dy * (y / X), rtol=1e-12)


def test_gradients_equal_differences(backend: Backend) -> None:
    x = np.random.default_rng(3).standard_normal((4, 6))
    assert_gradients(Bench(lm.Dropout(0.4), (6,), backend), x)


def test_each_batch_has_a_mask_of_its_own(backend: Backend) -> None:
    bench = Bench(lm.Dropout(0.5), (200,), backend)
    first, second = bench.forward(X) != 0, bench.forward(X) != 0
    assert (first == second).mean() == pytest.approx(0.5, abs=5 * 0.5 / np.sqrt(X.size))
    bench.layer.rng.draws = 0
    np.testing.assert_array_equal(bench.forward(X) != 0, first)


def test_the_seed_decides_the_masks(backend: Backend) -> None:
    masks = []
    for seed in (7, 7, 8):
        layer = lm.Dropout(0.5)
        lm.Sequential([layer], seed=seed, backend=backend).build((200,))
        layer.forward(backend.asarray(X, "float32"), True)
        masks.append(np.array(backend.to_host(layer.mask)))
    np.testing.assert_array_equal(masks[0], masks[1])
    assert (masks[0] != masks[2]).any()


@pytest.mark.parametrize(("rate", "training"), [(0.5, False), (0, True), (0.0, False)])
def test_all_passes_at_evaluation_and_at_rate_zero(
    backend: Backend, rate: float, training: bool
) -> None:
    bench = Bench(lm.Dropout(rate), (200,), backend)
    np.testing.assert_array_equal(bench.forward(X, training), X)
    np.testing.assert_array_equal(bench.backward(2 * X), 2 * X)
    assert bench.layer.rng.draws == 0


def test_evaluation_forgets_the_mask_of_training(backend: Backend) -> None:
    bench = Bench(lm.Dropout(0.5), (200,), backend)
    bench.forward(X)
    bench.forward(X, training=False)
    np.testing.assert_array_equal(bench.backward(X), X)


def test_evaluating_between_batches_does_not_change_the_masks(backend: Backend) -> None:
    quiet, checked = (Bench(lm.Dropout(0.5), (200,), backend) for _ in range(2))
    quiet.forward(X)
    checked.forward(X)
    checked.forward(X, training=False)
    np.testing.assert_array_equal(checked.forward(X), quiet.forward(X))


@pytest.mark.parametrize("rate", [1, 1.0, -0.1, 2, "0.5", None, float("nan"), True])
def test_the_rate_lies_between_zero_and_one(rate: Any) -> None:
    with pytest.raises(ArgumentError, match="rate must be "):
        lm.Dropout(rate)
