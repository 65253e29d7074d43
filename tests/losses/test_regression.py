"""Losses for numbers: kinks, targets of every accepted form, and those refused."""

import numpy as np
import pytest

import lamella as lm
from lamella.backend import Backend
from tests.losses.test_base import bound, compute

FLOAT32 = np.dtype("float32")
DISTANCES = [lm.MeanSquaredError, lm.MeanAbsoluteError]
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
