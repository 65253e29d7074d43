"""Every loss beside its formula, summed exactly, up to the edges of float32."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import lamella as lm
from lamella import losses
from lamella.backend import Backend
from tests.properties.values import BACKENDS, arrays, back, backends, dtypes, few, there, tries


def ready(loss: lm.Loss, dtype: str, backend: Backend) -> lm.Loss:
    loss.attach(None, backend, dtype)
    return loss


def surprise(z: np.ndarray, label: int) -> float:
    """Return log sum exp(z) - z[label], of differences that are exact."""
    below = z.astype(float) - float(z.max())
    others = math.fsum(np.exp(np.delete(below, z.argmax())))
    return math.log1p(others) - float(below[label])


def binary(p: np.ndarray, t: np.ndarray, dtype: str) -> np.ndarray:
    about = np.finfo(dtype)
    yes, no = np.maximum(p, float(about.tiny)), np.maximum(1 - p, float(about.eps))
    return -t * np.log(yes) - (1 - t) * np.log(no)


def binary_slope(p: np.ndarray, t: np.ndarray, dtype: str) -> np.ndarray:
    about = np.finfo(dtype)
    yes, no = np.maximum(p, float(about.tiny)), np.maximum(1 - p, float(about.eps))
    return (yes - t) / (yes * no)


def logit_loss(z: np.ndarray, t: np.ndarray, dtype: str) -> np.ndarray:
    # (1 - t) z for z > 0 and -t z for z < 0: nothing cancels.
    return np.where(z > 0, (1 - t) * z, -t * z) + np.log1p(np.exp(-abs(z)))


def logit_slope(z: np.ndarray, t: np.ndarray, dtype: str) -> np.ndarray:
    small = np.exp(-abs(z))
    yes, no = np.where(z > 0, 1, small), np.where(z > 0, small, 1)
    return ((1 - t) * yes - t * no) / (1 + small)


# Of losses of numbers: loss of an element, its slope, and the size up to which all is finite.
Element = Callable[[np.ndarray, np.ndarray, str], np.ndarray]
NUMBERS: dict[type[lm.Loss], tuple[Element, Element, Callable[[str], float]]] = {
    lm.MeanSquaredError: (
        lambda p, t, dtype: (p - t) ** 2,
        lambda p, t, dtype: 2 * (p - t),
        lambda dtype: float(np.sqrt(np.finfo(dtype).max)) / 100,
    ),
    lm.MeanAbsoluteError: (
        lambda p, t, dtype: np.abs(p - t),
        lambda p, t, dtype: np.sign(p - t),
        lambda dtype: float(np.finfo(dtype).max) / 1000,
    ),
    lm.Huber: (
        lambda p, t, dtype: np.where(abs(p - t) <= 1, (p - t) ** 2 / 2, abs(p - t) - 0.5),
        lambda p, t, dtype: np.clip(p - t, -1, 1),
        lambda dtype: float(np.sqrt(np.finfo(dtype).max)) / 1000,
    ),
    lm.Poisson: (
        lambda p, t, dtype: p - t * np.log(p + 1e-8),
        lambda p, t, dtype: 1 - t / (p + 1e-8),
        lambda dtype: 1e6,
    ),
    lm.BinaryCrossEntropy: (binary, binary_slope, lambda dtype: 1.0),
    lm.SigmoidCrossEntropy: (
        logit_loss,
        logit_slope,
        lambda dtype: float(np.finfo(dtype).max) / 1000,
    ),
}


def test_every_loss_has_properties_here() -> None:
    found = {getattr(losses, name) for name in losses.__all__} - {lm.Loss}
    assert set(NUMBERS) | {lm.SoftmaxCrossEntropy, lm.Hinge} == found


@pytest.mark.slow
@tries(200)
@given(
    backend=backends,
    dtype=dtypes,
    samples=few,
    classes=st.sampled_from([2, 3, 10, 101]),
    data=st.data(),
)
def test_cross_entropy_is_the_surprise_and_its_gradient_sums_to_zero(
    backend: Backend, dtype: str, samples: int, classes: int, data: st.DataObject
) -> None:
    largest = float(np.finfo(dtype).max)
    # Half of it keeps differences finite, and the sum over the samples is one more.
    z = data.draw(arrays(dtype, (samples, classes), limit=largest / 2 / samples))
    labels = data.draw(arrays("float64", (samples,), limit=1e6)).astype(int) % classes
    loss = ready(lm.SoftmaxCrossEntropy(), dtype, backend)
    got = float(back(backend, loss(there(backend, z), there(backend, labels))))
    gradient = back(backend, loss.gradient())
    eps, tiny = float(np.finfo(dtype).eps), float(np.finfo(dtype).tiny)

    assert got >= 0
    right = math.fsum(surprise(row, y) / samples for row, y in zip(z, labels, strict=True))
    # Differences are rounded, exp makes absolute errors of them, the log of 1 + s has those of 1.
    assert abs(got - right) <= eps * (2 * (classes + samples + 110) + 4 * samples * right)

    assert np.isfinite(gradient).all()
    assert (abs(gradient.sum(axis=1, dtype=float)) <= 4 * classes * eps / samples).all()
    p = np.exp(z.astype(float) - z.max(axis=1, keepdims=True).astype(float))
    p /= p.sum(axis=1, keepdims=True)
    exact = (p - np.eye(classes)[labels]) / samples
    close = {"rtol": (120 + classes) * eps, "atol": 4 * eps / samples}
    np.testing.assert_allclose(gradient, exact, **close)
    # Every digit counts for the wrong classes: nothing is subtracted from their probabilities.
    wrong = np.eye(classes)[labels] == 0
    close["atol"] = tiny
    np.testing.assert_allclose(gradient[wrong], exact[wrong], **close)


@tries(60)
@given(
    backend=backends,
    dtype=dtypes,
    classes=st.integers(2, 12),
    shift=st.integers(-(2**20), 2**20),
    data=st.data(),
)
def test_cross_entropy_does_not_notice_a_shift_of_whole_numbers(
    backend: Backend, dtype: str, classes: int, shift: int, data: st.DataObject
) -> None:
    whole = st.lists(st.integers(-100, 100), min_size=classes, max_size=classes)
    z = np.array([data.draw(whole)], dtype)
    label = np.array([data.draw(st.integers(0, classes - 1))])
    seen = []
    for logits in (z, z + np.dtype(dtype).type(shift)):
        loss = ready(lm.SoftmaxCrossEntropy(), dtype, backend)
        value = back(backend, loss(there(backend, logits), there(backend, label)))
        seen.append((value.tobytes(), back(backend, loss.gradient()).tobytes()))
    assert seen[0] == seen[1]


@pytest.mark.parametrize("name", sorted(BACKENDS))
def test_cross_entropy_of_logits_as_far_apart_as_can_be(name: str) -> None:
    backend, largest = BACKENDS[name], np.finfo(np.float32).max
    loss = ready(lm.SoftmaxCrossEntropy(), "float32", backend)
    z, label = there(backend, np.array([[largest, -largest]])), there(backend, np.array([0]))
    assert float(back(backend, loss(z, label))) == 0
    np.testing.assert_array_equal(back(backend, loss.gradient()), [[0, 0]])


@pytest.mark.parametrize("kind", NUMBERS, ids=lambda kind: kind.__name__)
@tries(100)
@given(
    backend=backends, dtype=dtypes, samples=few, outputs=few, weighted=st.booleans(), data=st.data()
)
def test_loss_of_numbers_is_its_formula_and_so_is_its_gradient(
    kind: type[lm.Loss],
    backend: Backend,
    dtype: str,
    samples: int,
    outputs: int,
    weighted: bool,
    data: st.DataObject,
) -> None:
    element, slope, limit = NUMBERS[kind]
    shape, eps = (samples, outputs), float(np.finfo(dtype).eps)
    p, t = (data.draw(arrays(dtype, shape, limit(dtype))) for _ in range(2))
    if kind in (lm.BinaryCrossEntropy, lm.SigmoidCrossEntropy):
        t = np.minimum(abs(t), 1)
    if kind in (lm.BinaryCrossEntropy, lm.Poisson):
        p = abs(p)
    if kind is lm.Poisson:
        t = abs(t)
    weights = np.ones(samples, dtype)
    if weighted:
        weights = abs(data.draw(arrays(dtype, (samples,), 8))) + np.dtype(dtype).type(0.5)
    loss = ready(kind(), dtype, backend)
    given_weights = there(backend, weights) if weighted else None
    got = float(back(backend, loss(there(backend, p), there(backend, t), given_weights)))
    gradient = back(backend, loss.gradient())

    share = weights.astype(float) / math.fsum(weights)
    exact_p, exact_t = p.astype(float), t.astype(float)
    each = element(exact_p, exact_t, dtype)
    right = math.fsum((each * share[:, None]).ravel()) / outputs
    # A difference is right to eps of the larger, which matters where both are nearly the same.
    size = np.maximum(abs(exact_p), abs(exact_t))
    parts: Any = abs(each) + (size if kind in (lm.MeanAbsoluteError, lm.Huber) else 0)
    if kind is lm.Poisson:
        parts = exact_p + exact_t * (1 + abs(np.log(exact_p + 1e-8)))
    bound = (samples + outputs + 12) * eps * math.fsum((parts * share[:, None]).ravel()) / outputs
    if kind is lm.BinaryCrossEntropy:
        bound += 8 * eps * 90 if dtype == "float32" else 8 * eps * 710  # log q + t (log p - log q)
    assert abs(got - right) <= bound + float(np.finfo(dtype).tiny)
    expected = slope(exact_p, exact_t, dtype) * share[:, None] / outputs
    least = float(np.finfo(dtype).tiny)
    if kind is lm.Poisson:  # a difference of 1 and t / p
        least = 4 * eps * float((share[:, None] * (1 + exact_t / (exact_p + 1e-8))).max())
    np.testing.assert_allclose(gradient, expected, rtol=(samples + 12) * eps, atol=least)


@tries(100)
@given(
    backend=backends, dtype=dtypes, samples=few, classes=st.sampled_from([2, 3, 10]), data=st.data()
)
def test_hinge_is_its_formula_and_its_gradient_sums_to_zero(
    backend: Backend, dtype: str, samples: int, classes: int, data: st.DataObject
) -> None:
    z = data.draw(arrays(dtype, (samples, classes), 1e15))
    rows = np.eye(classes)[data.draw(arrays("float64", (samples,), 1e6)).astype(int) % classes]
    loss = ready(lm.Hinge(), dtype, backend)
    got = float(back(backend, loss(there(backend, z), there(backend, rows.astype(dtype)))))
    gradient = back(backend, loss.gradient())
    eps, exact = float(np.finfo(dtype).eps), z.astype(float)
    raw = 1 + exact - (exact * rows).sum(axis=1, keepdims=True)
    margins = np.maximum(raw, 0) * (1 - rows)
    size = 1 + abs(exact).max(axis=1, keepdims=True)
    bound = (samples + 12) * eps * math.fsum(size.ravel()) / samples
    assert abs(got - math.fsum(margins.ravel()) / margins.size) <= bound
    assert (abs(gradient.sum(axis=1, dtype=float)) <= 4 * classes * eps / samples).all()
    # Where a margin is near 0, its rounding may have the slope of the other side.
    certain = ((abs(raw) > 8 * eps * size) | (rows == 1)).all(axis=1)
    hits = np.sign(margins) - rows * (margins > 0).sum(axis=1, keepdims=True)
    close = {"rtol": 8 * eps, "atol": float(np.finfo(dtype).tiny)}
    expected = hits / classes / samples
    np.testing.assert_allclose(gradient[certain], expected[certain], **close)


@tries(40)
@given(backend=backends, dtype=dtypes, samples=few, data=st.data())
def test_weights_of_two_count_a_sample_twice(
    backend: Backend, dtype: str, samples: int, data: st.DataObject
) -> None:
    z = data.draw(arrays(dtype, (samples, 3), 50))
    labels = np.arange(samples) % 3
    twice = np.array(
        data.draw(st.lists(st.sampled_from([1, 2]), min_size=samples, max_size=samples))
    )
    loss = ready(lm.SoftmaxCrossEntropy(), dtype, backend)
    weighted = loss(there(backend, z), there(backend, labels), there(backend, twice.astype(dtype)))
    first = float(back(backend, weighted))
    repeated = [there(backend, np.repeat(part, twice, axis=0)) for part in (z, labels)]
    eps = float(np.finfo(dtype).eps)
    assert first == pytest.approx(float(back(backend, loss(*repeated))), rel=50 * eps, abs=50 * eps)
