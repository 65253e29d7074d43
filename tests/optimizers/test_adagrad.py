"""AdaGrad and RMSProp: steps by hand."""

import numpy as np
import pytest

import lamella as lm
from lamella.backend import Backend
from tests.optimizers.bare_parameters import drive, step, values

W = np.array([[1.0, -2.0], [0.5, 0.0]])
G = np.array([[0.5, 1.0], [-4.0, 2.0]])


def test_adagrad_divides_by_the_root_of_all_squares(backend: Backend) -> None:
    optimizer = lm.AdaGrad(0.1)
    store = drive(optimizer, [W], backend=backend)
    step(optimizer, store, [G])
    np.testing.assert_allclose(values(store)[0], W - 0.1 * np.sign(G), rtol=1e-9, atol=1e-12)
    step(optimizer, store, [2 * G])
    # sqrt(g^2 + 4 g^2) = sqrt(5) abs(g)
    moved = 0.1 * np.sign(G) * (1 + 2 / 5**0.5)
    np.testing.assert_allclose(values(store)[0], W - moved, rtol=1e-9, atol=1e-12)


def test_rmsprop_divides_by_the_root_of_the_mean_square(backend: Backend) -> None:
    optimizer = lm.RMSProp(0.1, beta2=0.75, eps=1e-12)
    store = drive(optimizer, [W], backend=backend)
    step(optimizer, store, [G])
    # The mean square starts at 0, so the first steps are long: 1 / sqrt(1 - 0.75) = 2.
    np.testing.assert_allclose(values(store)[0], W - 0.2 * np.sign(G), rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(optimizer.state_dict()["v"][:4], 0.25 * G.ravel() ** 2, rtol=1e-14)


def test_rmsprop_approaches_the_rate_with_a_steady_gradient() -> None:
    optimizer = lm.RMSProp(0.1, beta2=0.9)
    store = drive(optimizer, [np.zeros(1)])
    for _ in range(400):
        before = values(store)[0]
        step(optimizer, store, [np.full(1, 7.0)])
    np.testing.assert_allclose(before - values(store)[0], 0.1, rtol=1e-6)


@pytest.mark.parametrize("kind", [lm.AdaGrad, lm.RMSProp])
def test_a_weight_without_a_gradient_stays(kind: type[lm.Optimizer], backend: Backend) -> None:
    optimizer = kind(0.1)
    store = drive(optimizer, [np.array([3.0, 3.0])], backend=backend, dtype="float32")
    for _ in range(20):
        step(optimizer, store, [np.array([0.0, 1.0])])
    moved = values(store)[0]
    assert moved[0] == 3
    assert moved[1] < 2.5


def test_hyper_parameters_out_of_range_are_refused() -> None:
    for kind in (lm.AdaGrad, lm.RMSProp):
        with pytest.raises(lm.LamellaError, match="eps must be greater than 0, got 0"):
            kind(0.1, eps=0)
    with pytest.raises(lm.LamellaError, match=r"beta2 must be in \[0, 1\), got 1"):
        lm.RMSProp(0.1, beta2=1)
    with pytest.raises(lm.LamellaError, match="use 'beta2'"):
        lm.RMSProp(0.1, rho=0.9)
