"""Losses for yes-or-no answers: certain and wrong ones, extreme numbers, probabilities."""

import math

import numpy as np
import pytest

import lamella as lm
from lamella.backend import Backend
from lamella.backend.selection import host_backend
from tests.losses.test_base import bound, compute

FLOAT32 = np.dtype("float32")
# Logits and targets; the loss and its slope, computed with 30 digits.
EXACT = [
    (0.0, 1.0, math.log(2), -0.5),
    (-1e-3, 0.0, 0.6926473055182786, 0.49975000002083335),
    (17.0, 0.0, 17.0000000413993754, 0.9999999586006251),
    (17.0, 1.0, 4.1399375e-08, -4.1399374e-08),
    (40.0, 0.0, 40.0, 1.0),
    (-40.0, 0.0, 4.2483543e-18, 4.2483543e-18),
    (-40.0, 1.0, 40.0, -1.0),
    (80.0, 1.0, 1.8048514e-35, -1.8048514e-35),
    (1e30, 0.0, 1e30, 1.0),
    (-1e30, 1.0, 1e30, -1.0),
    (3e38, 1.0, 0.0, 0.0),
    (2.0, 0.75, 0.6269280110429725, 0.13079707797788243),
]


@pytest.mark.parametrize(("z", "t", "value", "slope"), EXACT)
def test_sigmoid_cross_entropy_has_all_digits_at_any_logit(
    backend: Backend, z: float, t: float, value: float, slope: float
) -> None:
    loss = bound(lm.SigmoidCrossEntropy(), backend, "float32")
    got = compute(loss, np.array([[z]]), np.array([[t]]))
    np.testing.assert_allclose(got.loss, value, rtol=3e-7)
    np.testing.assert_allclose(got.gradient, [[slope]], rtol=3e-7)


def test_certain_and_wrong_answer_is_unlearned() -> None:
    """From logit 20 on Sigmoid and BinaryCrossEntropy stay at 15.94 in float32."""
    losses = {}
    for loss, last in ((lm.SigmoidCrossEntropy(), []), (lm.BinaryCrossEntropy(), [lm.Sigmoid()])):
        model = lm.Sequential([lm.Dense(1), *last], seed=0, backend="numpy")
        model.compile(loss, lm.SGD(1.0), in_shape=(1,))
        model.layers[0].b.value = 20.0
        x, y = np.zeros((4, 1)), np.zeros((4, 1))
        for _ in range(100):
            value = model.train_step(x, y)
        losses[type(loss).__name__] = float(value)
    assert losses["BinaryCrossEntropy"] == pytest.approx(15.942385)
    assert losses["SigmoidCrossEntropy"] < 0.02


def test_sigmoid_cross_entropy_gives_the_sigmoid_as_probabilities(backend: Backend) -> None:
    loss = bound(lm.SigmoidCrossEntropy(), backend, "float32")
    logits = np.array([[0, math.log(3)], [-1e4, 1e4]])
    p = backend.to_host(loss.probabilities(backend.asarray(logits, "float32")))
    np.testing.assert_allclose(p, [[0.5, 0.75], [0, 1]], rtol=1e-6)


def test_binary_answers_are_decided_at_the_logit_0() -> None:
    model = lm.Sequential([lm.Dense(1)], seed=0, backend="numpy")
    model.compile(lm.SigmoidCrossEntropy(), lm.SGD(0.1), ["accuracy"], in_shape=(1,))
    model.layers[0].W.value = 1.0
    x = np.array([[-0.2], [0.2], [0.4], [0.6]])
    assert model.predict_classes(x).tolist() == [0, 1, 1, 1]
    assert model.evaluate(x, np.array([[0.0], [1.0], [1.0], [1.0]]))["accuracy"] == 1.0
    np.testing.assert_allclose(model.predict_proba(x[3:]), 1 / (1 + np.exp([[-0.6]])), rtol=1e-6)


def test_smoothing_draws_answers_to_one_half(backend: Backend, rng: np.random.Generator) -> None:
    """0.7 t + 0.15, as Keras's BinaryCrossentropy(label_smoothing=0.3) has it."""
    z, t = 3 * rng.normal(size=(5, 2)), rng.integers(0, 2, (5, 2)).astype(float)
    got = compute(bound(lm.SigmoidCrossEntropy(label_smoothing=0.3), backend), z, t)
    expected = compute(bound(lm.SigmoidCrossEntropy(), backend), z, 0.7 * t + 0.15)
    np.testing.assert_allclose(got.loss, expected.loss, rtol=1e-14)
    np.testing.assert_allclose(got.gradient, expected.gradient, rtol=1e-13)


def test_labels_become_one_answer_a_class(rng: np.random.Generator) -> None:
    loss = bound(lm.SigmoidCrossEntropy(), host_backend())
    target = loss.check_targets(np.array([2, 0]), (3,), loss.dtype)
    np.testing.assert_array_equal(target, [[0, 0, 1], [1, 0, 0]])


def test_binary_cross_entropy_is_finite_and_right_at_0_and_1(backend: Backend) -> None:
    pred, target = np.array([[0.0], [0.0], [1.0], [1.0]]), np.array([[0.0], [1.0], [0.0], [1.0]])
    got = compute(bound(lm.BinaryCrossEntropy(), backend, "float32"), pred, target)
    tiny, eps = (float(x) for x in (np.finfo("float32").tiny, np.finfo("float32").eps))
    np.testing.assert_allclose(got.loss, (-np.log(tiny) - np.log(eps)) / 4, rtol=1e-6)
    expected = np.array([[1], [-1 / tiny], [1 / eps], [0]]) / 4
    assert np.isfinite(got.gradient).all()
    # At p = t the slope is 1 on either side of the limits, and 0 where p - t is exactly 0.
    np.testing.assert_allclose(got.gradient[1:], expected[1:], rtol=1e-6)
    assert 0 <= got.gradient[0, 0] <= 1 / 4


def test_binary_cross_entropy_stays_finite_at_0_and_1_with_large_weights(
    backend: Backend,
) -> None:
    pred, target = np.array([[0.0], [0.5]]), np.array([[1.0], [1.0]])
    got = compute(
        bound(lm.BinaryCrossEntropy(), backend, "float32"), pred, target, np.array([50.0, 50.0])
    )
    assert np.isfinite(got.loss)
    assert np.isfinite(got.gradient).all()
    np.testing.assert_allclose(got.gradient[1], -1, rtol=1e-6)


def test_binary_cross_entropy_is_exact_for_small_probabilities(backend: Backend) -> None:
    got = compute(
        bound(lm.BinaryCrossEntropy(), backend, "float32"), np.array([[1e-30]]), np.array([[1.0]])
    )
    np.testing.assert_allclose(got.loss, 30 * np.log(10), rtol=1e-6)
    np.testing.assert_allclose(got.gradient, [[-1e30]], rtol=1e-6)


def test_binary_cross_entropy_passes_a_full_gradient_through_a_saturated_sigmoid() -> None:
    """The loss's slope 1/p times the sigmoid's p (1 - p) is t - p, also at p = 1e-35."""
    sigmoid, loss = lm.Sigmoid(), bound(lm.BinaryCrossEntropy(), host_backend(), "float32")
    sigmoid.attach(dtype="float32")
    p = sigmoid.forward(np.full((1, 1), -80, "float32"), True)
    loss(p, np.ones((1, 1), "float32"))
    np.testing.assert_allclose(sigmoid.backward(loss.backward()), [[-1]], rtol=1e-5)


@pytest.mark.parametrize(
    ("target", "out_shape", "text"),
    [
        (np.array([[0.0], [1.5]]), (1,), r"takes targets in \[0, 1\], got values from 0 to 1.5"),
        (np.array([[-1.0], [1.0]]), (1,), r"takes targets in \[0, 1\], got values from -1 to 1"),
        (np.array([[np.nan], [1.0]]), (1,), "targets contain NaN"),
    ],
)
@pytest.mark.parametrize("kind", [lm.BinaryCrossEntropy, lm.SigmoidCrossEntropy])
def test_losses_of_answers_name_the_fault_of_targets(
    kind: type[lm.Loss], target: np.ndarray, out_shape: tuple[int, ...], text: str
) -> None:
    with pytest.raises(lm.LamellaError, match=text):
        kind().check_targets(target, out_shape, FLOAT32)
