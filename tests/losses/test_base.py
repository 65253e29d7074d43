"""Every loss against its naive formula: value, gradient, weights and unchanged arguments."""

import tracemalloc
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pytest

import lamella as lm
from lamella.backend import Backend
from lamella.core.typing import Array

STEP = 1e-6
SAMPLES = 6


@dataclass(frozen=True)
class Case:
    """Predictions and targets for a loss, and the loss of each sample by its formula."""

    pred: Callable[[np.random.Generator], np.ndarray]
    target: Callable[[np.random.Generator], np.ndarray]
    naive: Callable[[np.ndarray, np.ndarray], np.ndarray]


def normal(*shape: int) -> Callable[[np.random.Generator], np.ndarray]:
    return lambda rng: rng.normal(size=(SAMPLES, *shape))


def unit(*shape: int) -> Callable[[np.random.Generator], np.ndarray]:
    return lambda rng: rng.uniform(0.05, 0.95, (SAMPLES, *shape))


def over_outputs(losses: np.ndarray) -> np.ndarray:
    return losses.reshape(len(losses), -1).mean(axis=1)


def naive_softmax(z: np.ndarray, labels: np.ndarray) -> np.ndarray:
    p = np.exp(z) / np.exp(z).sum(axis=1, keepdims=True)
    return -np.log(p[np.arange(len(z)), labels])


def naive_binary(p: np.ndarray, t: np.ndarray) -> np.ndarray:
    return over_outputs(-t * np.log(p) - (1 - t) * np.log(1 - p))


def naive_sigmoid(z: np.ndarray, t: np.ndarray) -> np.ndarray:
    return naive_binary(1 / (1 + np.exp(-z)), t)


def naive_squared(p: np.ndarray, t: np.ndarray) -> np.ndarray:
    return over_outputs((p - t) ** 2)


def naive_absolute(p: np.ndarray, t: np.ndarray) -> np.ndarray:
    return over_outputs(abs(p - t))


def naive_huber(p: np.ndarray, t: np.ndarray) -> np.ndarray:
    d = abs(p - t)
    return over_outputs(np.where(d <= 1, d**2 / 2, d - 0.5))


def naive_hinge(z: np.ndarray, rows: np.ndarray) -> np.ndarray:
    own = (z * rows).sum(axis=1, keepdims=True)
    return np.where(rows == 1, 0, np.maximum(0, 1 + z - own)).mean(axis=1)


def naive_poisson(p: np.ndarray, t: np.ndarray) -> np.ndarray:
    return over_outputs(p - t * np.log(p + 1e-8))


CASES = {
    "SoftmaxCrossEntropy": [
        Case(normal(4), lambda rng: rng.integers(0, 4, SAMPLES), naive_softmax),
        Case(normal(2), lambda rng: rng.integers(0, 2, SAMPLES), naive_softmax),
    ],
    "BinaryCrossEntropy": [
        Case(unit(1), lambda rng: rng.integers(0, 2, (SAMPLES, 1)).astype(float), naive_binary),
        Case(unit(3), unit(3), naive_binary),
    ],
    "SigmoidCrossEntropy": [
        Case(normal(1), lambda rng: rng.integers(0, 2, (SAMPLES, 1)).astype(float), naive_sigmoid),
        Case(normal(3), unit(3), naive_sigmoid),
    ],
    "MeanSquaredError": [
        Case(normal(3), normal(3), naive_squared),
        Case(normal(3, 2), normal(3, 2), naive_squared),
    ],
    "Huber": [
        Case(normal(1), normal(1), naive_huber),
        Case(normal(3, 2), normal(3, 2), naive_huber),
    ],
    "Hinge": [
        Case(normal(k), lambda rng, k=k: np.eye(k)[rng.integers(0, k, SAMPLES)], naive_hinge)
        for k in (2, 5)
    ],
    "Poisson": [Case(unit(1), unit(1), naive_poisson), Case(unit(3, 2), unit(3, 2), naive_poisson)],
    "MeanAbsoluteError": [
        Case(normal(1), normal(1), naive_absolute),
        Case(normal(3, 2), normal(3, 2), naive_absolute),
    ],
}
NAMES = [name for name in lm.losses.__all__ if name != "Loss"]
every_loss = pytest.mark.parametrize(
    ("name", "case"),
    [(name, case) for name, cases in CASES.items() for case in cases],
    ids=[f"{name}{i}" for name, cases in CASES.items() for i in range(len(cases))],
)


@dataclass
class Computed:
    """Results of a loss, on the host."""

    loss: float
    gradient: np.ndarray


def bound(loss: lm.Loss, backend: Backend, dtype: str = "float64") -> lm.Loss:
    loss.attach(backend=backend, dtype=dtype)
    return loss


def compute(
    loss: lm.Loss, pred: np.ndarray, target: np.ndarray, weight: np.ndarray | None = None
) -> Computed:
    """Run a bound loss forward and backward on host arrays, cast to its dtype."""

    def send(array: np.ndarray) -> Array:
        return loss.backend.asarray(array, loss.dtype if array.dtype.kind == "f" else None)

    value = loss(send(pred), send(target), None if weight is None else send(weight))
    assert value.shape == ()
    return Computed(
        float(loss.backend.to_host(value)), np.array(loss.backend.to_host(loss.backward()))
    )


def numeric_gradient(
    case: Case, pred: np.ndarray, target: np.ndarray, weight: np.ndarray | None = None
) -> np.ndarray:
    """Central differences of the (weighted) mean of the naive formula."""
    gradient = np.empty_like(pred)
    for index in np.ndindex(pred.shape):
        sides = []
        for step in (STEP, -STEP):
            moved = pred.copy()
            moved[index] += step
            sides.append(np.average(case.naive(moved, target), weights=weight))
        gradient[index] = (sides[0] - sides[1]) / (2 * STEP)
    return gradient


def test_labels_become_one_hot_rows_without_a_matrix_of_all_classes() -> None:
    """8 samples of 20,000 classes are 0.64 MB; a row for each class would be 1.6 GB."""
    labels = np.array([0, 19_999, 7, 7, 1, 2, 3, 4])
    tracemalloc.start()
    rows = lm.MeanSquaredError().check_targets(labels, (20_000,), np.dtype("float32"))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2e6
    assert rows.dtype == np.float32
    np.testing.assert_array_equal(rows.argmax(axis=1), labels)
    assert rows.sum() == 8


def test_every_public_loss_has_a_case() -> None:
    assert set(CASES) == set(NAMES)


@every_loss
def test_value_equals_the_naive_formula(
    name: str, case: Case, backend: Backend, rng: np.random.Generator
) -> None:
    pred, target = case.pred(rng), case.target(rng)
    got = compute(bound(getattr(lm, name)(), backend), pred, target)
    np.testing.assert_allclose(got.loss, case.naive(pred, target).mean(), rtol=1e-12)


@every_loss
def test_gradient_equals_central_differences(
    name: str, case: Case, backend: Backend, rng: np.random.Generator
) -> None:
    pred, target = case.pred(rng), case.target(rng)
    got = compute(bound(getattr(lm, name)(), backend), pred, target)
    np.testing.assert_allclose(
        got.gradient, numeric_gradient(case, pred, target), rtol=1e-6, atol=1e-9
    )


@every_loss
def test_weights_give_the_weighted_mean_and_its_gradient(
    name: str, case: Case, backend: Backend, rng: np.random.Generator
) -> None:
    pred, target = case.pred(rng), case.target(rng)
    weight = np.array([0.5, 2.0, 0.0, 1.0, 3.0, 0.25])
    got = compute(bound(getattr(lm, name)(), backend), pred, target, weight)
    expected = (weight * case.naive(pred, target)).sum() / weight.sum()
    np.testing.assert_allclose(got.loss, expected, rtol=1e-12)
    np.testing.assert_allclose(
        got.gradient, numeric_gradient(case, pred, target, weight), rtol=1e-6, atol=1e-9
    )


@every_loss
def test_weight_of_two_equals_the_sample_twice(
    name: str, case: Case, backend: Backend, rng: np.random.Generator
) -> None:
    pred, target = case.pred(rng), case.target(rng)
    weight = np.where(np.arange(SAMPLES) == 1, 2.0, 1.0)
    twice = np.append(np.arange(SAMPLES), 1)
    loss = bound(getattr(lm, name)(), backend)
    weighted, doubled = (
        compute(loss, pred, target, weight),
        compute(loss, pred[twice], target[twice]),
    )
    np.testing.assert_allclose(weighted.loss, doubled.loss, rtol=1e-12)
    summed = doubled.gradient[:SAMPLES].copy()
    summed[1] += doubled.gradient[SAMPLES]
    np.testing.assert_allclose(weighted.gradient, summed, rtol=1e-12, atol=1e-15)


@every_loss
def test_batch_of_only_zero_weights_gives_zero_loss_and_gradient(
    name: str, case: Case, backend: Backend, rng: np.random.Generator
) -> None:
    got = compute(
        bound(getattr(lm, name)(), backend), case.pred(rng), case.target(rng), np.zeros(SAMPLES)
    )
    assert got.loss == 0
    np.testing.assert_array_equal(got.gradient, 0)


@every_loss
def test_weights_are_forgotten_by_the_next_call_without(
    name: str, case: Case, backend: Backend, rng: np.random.Generator
) -> None:
    pred, target = case.pred(rng), case.target(rng)
    loss = bound(getattr(lm, name)(), backend)
    before = compute(loss, pred, target)
    compute(loss, pred, target, np.linspace(0, 1, SAMPLES))
    after = compute(loss, pred, target)
    assert after.loss == before.loss
    np.testing.assert_array_equal(after.gradient, before.gradient)


@every_loss
def test_short_batch_after_a_long_one_reads_nothing_stale(
    name: str, case: Case, backend: Backend, rng: np.random.Generator
) -> None:
    pred, target, weight = case.pred(rng), case.target(rng), np.linspace(1, 2, SAMPLES)
    used, fresh = (bound(getattr(lm, name)(), backend) for _ in range(2))
    compute(used, pred, target, weight)
    for buffer in used._scratch.buffers.values():
        buffer[...] = np.nan if buffer.dtype.kind == "f" else 1
    short = pred[:2], target[:2], weight[:2]
    assert compute(used, *short).loss == compute(fresh, *short).loss
    np.testing.assert_array_equal(compute(used, *short).gradient, compute(fresh, *short).gradient)


@every_loss
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_predictions_targets_and_weights_are_not_modified(
    name: str, case: Case, dtype: str, backend: Backend, rng: np.random.Generator
) -> None:
    loss = bound(getattr(lm, name)(), backend, dtype)
    host = [case.pred(rng), case.target(rng), np.linspace(0.5, 2, SAMPLES)]
    host = [a.astype(dtype) if a.dtype.kind == "f" else a for a in host]
    device = [backend.asarray(array.copy()) for array in host]
    loss(*device)
    loss.backward()
    for before, after in zip(host, device, strict=True):
        np.testing.assert_array_equal(backend.to_host(after), before)


@every_loss
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_loss_and_gradient_are_in_the_dtype_and_near_those_of_float64(
    name: str, case: Case, dtype: str, backend: Backend, rng: np.random.Generator
) -> None:
    loss = bound(getattr(lm, name)(), backend, dtype)
    pred, target = case.pred(rng), case.target(rng)
    sent = backend.asarray(target, dtype if target.dtype.kind == "f" else None)
    value, gradient = loss(backend.asarray(pred, dtype), sent), loss.backward()
    assert value.dtype == gradient.dtype == dtype
    assert gradient.flags.c_contiguous
    exact = compute(bound(getattr(lm, name)(), backend), pred, target)
    assert float(value) == pytest.approx(exact.loss, rel=1e-5)
    np.testing.assert_allclose(backend.to_host(gradient), exact.gradient, rtol=1e-3, atol=1e-6)


class LogCosh(lm.Loss):
    """A loss as a user writes it, with `self.mean` and `self.scale_by_batch`."""

    def forward(self, pred: Array, target: Array) -> Array:
        self.d = pred - target
        return self.mean(self.xp.log(self.xp.cosh(self.d)))

    def backward(self) -> Array:
        return self.scale_by_batch(self.xp.tanh(self.d) / self.d[0].size)


class OwnReduction(LogCosh):
    """The same, reduced by hand."""

    def forward(self, pred: Array, target: Array) -> Array:
        self.d = pred - target
        return self.xp.log(self.xp.cosh(self.d)).mean()


def test_custom_loss_gets_weights_for_nothing(backend: Backend, rng: np.random.Generator) -> None:
    pred, target, weight = rng.normal(size=(5, 3)), rng.normal(size=(5, 3)), np.arange(5.0)
    got = compute(bound(LogCosh(), backend), pred, target, weight)
    each = np.log(np.cosh(pred - target)).mean(axis=1)
    np.testing.assert_allclose(got.loss, (weight * each).sum() / weight.sum(), rtol=1e-12)
    expected = weight[:, None] * np.tanh(pred - target) / 3 / weight.sum()
    np.testing.assert_allclose(got.gradient, expected, rtol=1e-12)


def test_custom_loss_with_own_reduction_works_without_weights(
    backend: Backend, rng: np.random.Generator
) -> None:
    pred, target = rng.normal(size=(5, 3)), rng.normal(size=(5, 3))
    got = compute(bound(OwnReduction(), backend), pred, target)
    np.testing.assert_allclose(got.loss, np.log(np.cosh(pred - target)).mean(), rtol=1e-12)


def test_custom_loss_with_own_reduction_refuses_weights(backend: Backend) -> None:
    loss = bound(OwnReduction(), backend)
    with pytest.raises(lm.LamellaError, match=r"OwnReduction does not support .* self\.mean"):
        compute(loss, np.zeros((2, 1)), np.ones((2, 1)), np.ones(2))


def test_loss_with_own_reduction_refuses_weights_also_after_one_with_mean(
    backend: Backend,
) -> None:
    """An earlier call that used ``self.mean`` must not count for this one."""

    class Sometimes(LogCosh):
        own = False

        def forward(self, pred: Array, target: Array) -> Array:
            return (pred - target).mean() if self.own else super().forward(pred, target)

    loss = bound(Sometimes(), backend)
    arrays = np.zeros((2, 1)), np.ones((2, 1)), np.ones(2)
    compute(loss, *arrays)
    loss.own = True
    with pytest.raises(lm.LamellaError, match="does not support sample weights"):
        compute(loss, *arrays)


def test_custom_loss_trains_with_class_weights(rng: np.random.Generator) -> None:
    x = rng.normal(size=(40, 3))
    model = lm.Sequential([lm.Dense(2)], seed=1, backend="numpy", dtype="float64")
    model.compile(LogCosh(), lm.SGD(0.5), in_shape=(3,))
    labels = (x[:, 0] > 0).astype(int)
    history = model.fit(x, labels, epochs=20, batch_size=8, class_weight={1: 3.0}, verbose=False)
    assert history["loss"][-1] < 0.5 * history["loss"][0]


def test_loss_of_one_model_is_refused_by_another() -> None:
    loss = lm.MeanSquaredError()
    lm.Sequential([lm.Dense(1)], backend="numpy").compile(loss, lm.SGD(0.1), in_shape=(2,))
    other = lm.Sequential([lm.Dense(1)], backend="numpy")
    with pytest.raises(lm.LamellaError, match="already belongs to another model"):
        other.compile(loss, lm.SGD(0.1), in_shape=(2,))


def test_unattached_loss_says_how_to_attach_it() -> None:
    with pytest.raises(lm.LamellaError, match=r"call its attach\(\) first"):
        lm.MeanSquaredError()(np.zeros((1, 1)), np.zeros((1, 1)))
