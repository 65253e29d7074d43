"""Losses for numbers: kinks, targets of every accepted form, and those refused."""

import numpy as np
import pytest

import lamella as lm
from lamella.backend import Backend
from tests.losses.test_base import bound, compute

FLOAT32 = np.dtype("float32")
DISTANCES = [lm.MeanSquaredError, lm.MeanAbsoluteError, lm.Huber]
every_distance = pytest.mark.parametrize("kind", DISTANCES)


def test_squared_error_of_known_numbers(backend: Backend) -> None:
    got = compute(
        bound(lm.MeanSquaredError(), backend),
        np.array([[1.0, 2.0], [3.0, 4.0]]),
        np.array([[1.0, 0.0], [0.0, 4.0]]),
    )
    assert got.loss == (0 + 4 + 9 + 0) / 4
    np.testing.assert_array_equal(got.gradient, [[0, 1], [1.5, 0]])


def test_absolute_error_has_slope_zero_at_its_kink(backend: Backend) -> None:
    got = compute(
        bound(lm.MeanAbsoluteError(), backend),
        np.array([[1.0, 2.0], [3.0, 4.0]]),
        np.array([[1.0, 0.0], [5.0, 4.0]]),
    )
    assert got.loss == (0 + 2 + 2 + 0) / 4
    np.testing.assert_array_equal(got.gradient, [[0, 0.25], [-0.25, 0]])


@every_distance
def test_integer_labels_become_one_hot_rows(kind: type[lm.Loss]) -> None:
    prepared = kind().check_targets(np.array([2, 0]), (3,), FLOAT32)
    np.testing.assert_array_equal(prepared, [[0, 0, 1], [1, 0, 0]])
    assert prepared.dtype == FLOAT32


@every_distance
def test_targets_are_cast_to_the_dtype_of_the_model(kind: type[lm.Loss]) -> None:
    prepared = kind().check_targets(np.array([[1], [2]]), (1,), FLOAT32)
    np.testing.assert_array_equal(prepared, [[1], [2]])
    assert prepared.dtype == FLOAT32


@every_distance
@pytest.mark.parametrize(
    ("target", "out_shape", "text"),
    [
        (np.ones(4), (2,), r"the shape of the predictions, \(N, 2\), got \(4,\)"),
        (np.ones((4, 2)), (3,), r"the shape of the predictions, \(N, 3\), got \(4, 2\)"),
        (np.ones((4, 6)), (3, 2), r"the shape of the predictions, \(N, 3, 2\), got \(4, 6\)"),
        (np.array([0, 5]), (3,), r"labels must be in 0\.\.2"),
        (np.array([[1.0], [np.nan]]), (1,), "targets contain NaN or infinite numbers"),
        (np.array([[1.0], [-np.inf]]), (1,), "targets contain NaN or infinite numbers"),
    ],
)
def test_wrong_targets_are_refused_with_a_teaching_text(
    kind: type[lm.Loss], target: np.ndarray, out_shape: tuple[int, ...], text: str
) -> None:
    with pytest.raises(lm.LamellaError, match=text):
        kind().check_targets(target, out_shape, FLOAT32)


@every_distance
def test_targets_too_large_for_float32_are_refused(kind: type[lm.Loss]) -> None:
    with pytest.raises(lm.LamellaError, match="targets contain NaN or infinite numbers"):
        kind().check_targets(np.array([[1e300]]), (1,), FLOAT32)


@every_distance
def test_flat_targets_of_a_single_output_are_a_column(kind: type[lm.Loss]) -> None:
    x, y = np.random.default_rng(0).normal(size=(8, 2)), np.arange(8)  # all different
    trained = []
    for targets in (y, y.reshape(-1, 1)):
        model = lm.Sequential([lm.Dense(1)], seed=0, backend="numpy").compile(kind(), lm.SGD(0.1))
        model.fit(x, targets, validation_split=0.25, verbose=False, check=False)
        trained.append((model.state_dict(), model.history["val_loss"], model.evaluate(x, targets)))
    np.testing.assert_equal(trained[0], trained[1])


def test_huber_is_squared_near_the_target_and_linear_far_from_it(backend: Backend) -> None:
    pred, target = np.array([[1.0, 0.0], [5.0, -9.0]]), np.array([[0.5, 0.0], [1.0, 1.0]])
    got = compute(bound(lm.Huber(2.0), backend), pred, target)
    assert got.loss == (0.5**2 / 2 + 0 + 2 * (4 - 1) + 2 * (10 - 1)) / 4
    np.testing.assert_array_equal(got.gradient, np.array([[0.5, 0], [2, -2]]) / 4)


@pytest.mark.parametrize("delta", [0, -1, np.nan, None, "1"])
def test_huber_takes_a_delta_above_0(delta: object) -> None:
    with pytest.raises(lm.LamellaError, match="delta must be"):
        lm.Huber(delta)  # type: ignore[arg-type]


def test_poisson_is_least_where_rates_are_counts(backend: Backend) -> None:
    counts = np.array([[0.0, 1.0, 7.0]])
    loss = bound(lm.Poisson(), backend)
    got = compute(loss, counts, counts)
    assert got.loss == pytest.approx((0 + 1 + 7 - 7 * np.log(7)) / 3)
    np.testing.assert_allclose(got.gradient, [[1 / 3, 0, 0]], atol=1e-8)
    for factor in (0.9, 1.1):
        assert compute(loss, factor * counts, counts).loss > got.loss


@pytest.mark.parametrize(
    ("target", "out_shape", "text"),
    [
        (np.array([[1.0], [-0.5]]), (1,), r"counts of at least 0, got -0\.5"),
        (np.array([3, 1]), (4,), r"the shape of the predictions, \(N, 4\)"),
        (np.array([[np.inf]]), (1,), "NaN or infinite"),
    ],
)
def test_poisson_takes_counts_and_no_labels(
    target: np.ndarray, out_shape: tuple[int, ...], text: str
) -> None:
    with pytest.raises(lm.LamellaError, match=text):
        lm.Poisson().check_targets(target, out_shape, FLOAT32)


def test_poisson_learns_rates_with_softplus(rng: np.random.Generator) -> None:
    x = rng.uniform(0, 1, (400, 1)).astype("f4")
    y = rng.poisson(1 + 4 * x).astype(float)
    model = lm.Sequential([lm.Dense(8), lm.Tanh(), lm.Dense(1), lm.Softplus()], seed=1)
    model.compile(lm.Poisson(), lm.Adam(0.02), ["mae"])
    model.fit(x, y, epochs=60, batch_size=40, verbose=False)
    rates = model.predict(np.array([[0.1], [0.9]], "f4"))
    np.testing.assert_allclose(rates, [[1.4], [4.6]], rtol=0.2)
