"""Adam, AdamW and NAdam: steps by hand, and moments that stay out of the denormal numbers."""

import numpy as np
import pytest

import lamella as lm
from lamella.backend import Backend
from tests.optimizers.bare_parameters import drive, step, values

W = np.array([[1.0, -2.0], [0.5, 0.0]])
G = np.array([[0.5, 1.0], [-4.0, 2.0]])


def test_first_step_of_adam_is_the_rate_at_any_scale(backend: Backend) -> None:
    for scale in (1e-3, 1.0, 1e6):
        optimizer = lm.Adam(0.1)
        store = drive(optimizer, [W], backend=backend)
        step(optimizer, store, [scale * G])
        np.testing.assert_allclose(values(store)[0], W - 0.1 * np.sign(G), rtol=1e-4)


def test_two_steps_of_adam_equal_the_paper(backend: Backend) -> None:
    b1, b2, eps, lr = 0.8, 0.95, 0.01, 0.1
    optimizer = lm.Adam(lr, beta1=b1, beta2=b2, eps=eps)
    store = drive(optimizer, [W], backend=backend)
    w, m, v = W.copy(), np.zeros_like(W), np.zeros_like(W)
    for t, g in enumerate((G, -0.3 * G + 1), 1):
        step(optimizer, store, [g])
        m = b1 * m + (1 - b1) * g
        v = b2 * v + (1 - b2) * g**2
        w -= lr * (m / (1 - b1**t)) / (np.sqrt(v / (1 - b2**t)) + eps)
        np.testing.assert_allclose(values(store)[0], w, rtol=1e-13, atol=1e-15)
    state = optimizer.state_dict()
    np.testing.assert_allclose(state["m"][:4], m.ravel(), rtol=1e-14)
    np.testing.assert_allclose(state["v"][:4], v.ravel(), rtol=1e-14)
    assert state["t"] == 2


def test_adam_leaves_a_weight_alone_that_never_had_a_gradient(backend: Backend) -> None:
    optimizer = lm.Adam(0.1)
    store = drive(optimizer, [np.array([3.0, 3.0])], backend=backend, dtype="float32")
    for _ in range(20):
        step(optimizer, store, [np.array([0.0, 1.0])])
    moved = values(store)[0]
    assert moved[0] == 3
    assert moved[1] < 2


def test_adamw_shrinks_weights_but_not_parameters_of_one_axis(backend: Backend) -> None:
    optimizer = lm.AdamW(0.1, weight_decay=0.2)
    store = drive(optimizer, [np.array([4.0, -4.0]), W], backend=backend)
    step(optimizer, store, [np.zeros(2), np.zeros((2, 2))])
    bias, weights = values(store)
    np.testing.assert_array_equal(bias, [4, -4])
    np.testing.assert_allclose(weights, W * (1 - 0.1 * 0.2), rtol=1e-15)


def test_adamw_decays_outside_the_moments(backend: Backend, rng: np.random.Generator) -> None:
    """Adam's own step, from the same moments, taken from weights that were shrunk before it."""
    plain, decoupled = lm.Adam(0.1), lm.AdamW(0.1, weight_decay=0.3)
    stores = [drive(o, [W], backend=backend) for o in (plain, decoupled)]
    for _ in range(3):
        g = rng.normal(size=W.shape)
        (before,), (start,) = values(stores[0]), values(stores[1])
        step(plain, stores[0], [g])
        step(decoupled, stores[1], [g])
        own_step = values(stores[0])[0] - before
        np.testing.assert_allclose(
            values(stores[1])[0], start * (1 - 0.1 * 0.3) + own_step, rtol=1e-12, atol=1e-14
        )
    for slot in ("m", "v"):
        np.testing.assert_array_equal(plain.state_dict()[slot], decoupled.state_dict()[slot])


def test_adamw_without_decay_is_adam(rng: np.random.Generator) -> None:
    results = []
    grads = rng.normal(size=(4, 2, 2))
    for optimizer in (lm.Adam(0.1), lm.AdamW(0.1, weight_decay=0.0)):
        store = drive(optimizer, [W])
        for g in grads:
            step(optimizer, store, [g])
        results.append(values(store)[0])
    np.testing.assert_array_equal(*results)


@pytest.mark.parametrize("arrays", [[W], [W[0]]], ids=["only weights", "only biases"])
def test_adamw_trains_models_with_one_kind_of_parameter(
    arrays: list[np.ndarray], backend: Backend
) -> None:
    optimizer = lm.AdamW(0.1, weight_decay=0.5)
    store = drive(optimizer, arrays, backend=backend)
    step(optimizer, store, [np.ones_like(a) for a in arrays])
    kept = 1 - 0.05 * (arrays[0].ndim == 2)
    np.testing.assert_allclose(values(store)[0], arrays[0] * kept - 0.1, rtol=1e-6)


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ({"beta1": 1.0}, r"beta1 must be in \[0, 1\), got 1.0"),
        ({"beta2": -0.1}, r"beta2 must be in \[0, 1\), got -0.1"),
        ({"eps": 0}, "eps must be greater than 0, got 0"),
        ({"eps": np.inf}, "eps must be a finite number"),
        ({"weight_decay": 1.5}, r"weight_decay must be in \[0, 1\], got 1.5"),
    ],
)
def test_hyper_parameters_out_of_range_are_refused(arguments: dict[str, float], text: str) -> None:
    with pytest.raises(lm.LamellaError, match=text):
        lm.AdamW(0.1, **arguments)


def test_two_steps_of_nadam_equal_the_paper(backend: Backend) -> None:
    b1, b2, eps, lr = 0.8, 0.95, 0.01, 0.1
    optimizer = lm.NAdam(lr, beta1=b1, beta2=b2, eps=eps)
    store = drive(optimizer, [W], backend=backend)
    mu = [b1 * (1 - 0.5 * 0.96 ** (0.004 * t)) for t in (1, 2, 3)]
    w, m, v = W.copy(), np.zeros_like(W), np.zeros_like(W)
    for t, g in enumerate((G, -0.3 * G + 1), 1):
        step(optimizer, store, [g])
        m = b1 * m + (1 - b1) * g
        v = b2 * v + (1 - b2) * g**2
        now, ahead = np.prod(mu[:t]), np.prod(mu[: t + 1])
        mean = mu[t] * m / (1 - ahead) + (1 - mu[t - 1]) * g / (1 - now)
        w -= lr * mean / (np.sqrt(v / (1 - b2**t)) + eps)
        np.testing.assert_allclose(values(store)[0], w, rtol=1e-13, atol=1e-15)


@pytest.mark.parametrize("beta1", [0.0, 0.5, 0.9])
def test_nadam_leaves_out_factors_only_where_they_change_no_bit(beta1: float) -> None:
    optimizer = lm.NAdam(beta1=beta1)
    drive(optimizer, [W])
    last = next(t for t in range(1, 1000) if beta1**t <= 1e-17)
    mu = [beta1 * (1 - 0.5 * 0.96 ** (0.004 * t)) for t in range(1, last + 2)]
    assert 1 - np.prod(mu[:last]) == 1
    assert optimizer.scalars(last)[:1] == (0.001 * (1 - 0.999**last) ** 0.5 * (1 - mu[last - 1]),)
