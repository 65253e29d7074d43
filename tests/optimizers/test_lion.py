"""Lion: steps by hand."""

import numpy as np
import pytest

import lamella as lm
from lamella.backend import Backend
from tests.optimizers.bare_parameters import drive, step, values

W = np.array([[1.0, -2.0], [0.5, 0.0]])
G = np.array([[0.5, 1.0], [-4.0, 2.0]])


def test_steps_have_one_length_whatever_the_gradient(backend: Backend) -> None:
    optimizer = lm.Lion(0.1)
    store = drive(optimizer, [W], backend=backend)
    step(optimizer, store, [1e-6 * G])
    np.testing.assert_allclose(values(store)[0], W - 0.1 * np.sign(G), rtol=1e-12)


def test_the_mean_outvotes_a_small_gradient(backend: Backend) -> None:
    optimizer = lm.Lion(0.1, beta1=0.9, beta2=0.5)
    store = drive(optimizer, [W], backend=backend)
    step(optimizer, store, [G])
    step(optimizer, store, [-G])  # 0.9 of the mean G / 2 is more than 0.1 of G
    np.testing.assert_allclose(values(store)[0], W - 0.2 * np.sign(G), rtol=1e-12, atol=1e-15)
    np.testing.assert_allclose(optimizer.state_dict()["m"][:4], -G.ravel() / 4, rtol=1e-14)


def test_weights_decay_and_parameters_of_one_axis_do_not(backend: Backend) -> None:
    optimizer = lm.Lion(0.1, weight_decay=0.2)
    store = drive(optimizer, [np.array([4.0, -4.0]), W], backend=backend)
    step(optimizer, store, [np.zeros(2), np.zeros((2, 2))])
    bias, weights = values(store)
    np.testing.assert_array_equal(bias, [4, -4])
    np.testing.assert_allclose(weights, W * (1 - 0.1 * 0.2), rtol=1e-15)


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ({"beta1": 1.0}, r"beta1 must be in \[0, 1\), got 1.0"),
        ({"beta2": -0.1}, r"beta2 must be in \[0, 1\), got -0.1"),
        ({"weight_decay": 1.5}, r"weight_decay must be in \[0, 1\], got 1.5"),
    ],
)
def test_hyper_parameters_out_of_range_are_refused(arguments: dict[str, float], text: str) -> None:
    with pytest.raises(lm.LamellaError, match=text):
        lm.Lion(**arguments)
