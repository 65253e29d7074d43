"""SGD and Momentum: steps by hand."""

import numpy as np
import pytest

import lamella as lm
from lamella.backend import Backend
from tests.optimizers.bare_parameters import drive, step, values

W = np.array([[1.0, -2.0], [0.5, 0.0]])
G = np.array([[0.5, 1.0], [-4.0, 2.0]])


def test_sgd_steps_against_the_gradient(backend: Backend) -> None:
    optimizer = lm.SGD(0.1)
    store = drive(optimizer, [W], backend=backend)
    step(optimizer, store, [G])
    np.testing.assert_allclose(values(store)[0], [[0.95, -2.1], [0.9, -0.2]], rtol=1e-15)


def test_momentum_keeps_a_fraction_of_the_old_step(backend: Backend) -> None:
    optimizer = lm.Momentum(0.1, beta=0.5)
    store = drive(optimizer, [W], backend=backend)
    step(optimizer, store, [G])
    step(optimizer, store, [-2 * G])
    # v is G, then G / 2 - 2 G = -1.5 G; the steps add up to lr (G - 1.5 G).
    np.testing.assert_allclose(optimizer.state_dict()["v"][:4], -1.5 * G.ravel(), rtol=1e-15)
    np.testing.assert_allclose(values(store)[0], W + 0.05 * G, rtol=1e-14, atol=1e-15)


def test_nesterov_looks_one_step_ahead(backend: Backend) -> None:
    optimizer = lm.Momentum(0.1, beta=0.5, nesterov=True)
    store = drive(optimizer, [W], backend=backend)
    step(optimizer, store, [G])
    step(optimizer, store, [-2 * G])
    # Steps of lr (g + beta v): G + G / 2, then -2 G - 1.5 G / 2.
    np.testing.assert_allclose(values(store)[0], W + 0.125 * G, rtol=1e-14, atol=1e-15)


def test_momentum_without_memory_is_sgd(rng: np.random.Generator) -> None:
    grads = rng.normal(size=(5, 3))
    results = []
    for optimizer in (lm.SGD(0.1), lm.Momentum(0.1, beta=0.0)):
        store = drive(optimizer, [np.ones(3)])
        for g in grads:
            step(optimizer, store, [g])
        results.append(values(store)[0])
    np.testing.assert_array_equal(*results)


@pytest.mark.parametrize("nesterov", [False, True])
def test_momentum_approaches_the_stated_step_with_a_steady_gradient(nesterov: bool) -> None:
    optimizer = lm.Momentum(0.1, beta=0.9, nesterov=nesterov)
    store = drive(optimizer, [np.zeros(1)])
    for _ in range(400):
        before = values(store)[0]
        step(optimizer, store, [np.ones(1)])
    np.testing.assert_allclose(before - values(store)[0], 0.1 / (1 - 0.9), rtol=1e-9)


@pytest.mark.parametrize("beta", [-0.1, 1, 1.5, np.nan, "0.9", True])
def test_momentum_refuses_a_beta_out_of_range(beta: object) -> None:
    with pytest.raises(lm.LamellaError, match="beta must be"):
        lm.Momentum(0.1, beta=beta)
