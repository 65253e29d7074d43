"""Comparisons of arrays: errors name the worst element, and gradients are central differences."""

import numpy as np
import pytest

from lamella.backend import Backend
from lamella.core.errors import CheckError
from lamella.testing.comparing import (
    expect_array,
    expect_close,
    expect_gradient,
    expect_same,
    numeric_gradient,
)

EXPECTED = np.array([[1.0, 2.0], [3.0, np.nan]])


def test_equal_arrays_pass_with_nan_at_the_same_places() -> None:
    expect_same("y", EXPECTED.copy(), EXPECTED, "")
    expect_close("y", EXPECTED + 0.1, EXPECTED, absolute=0.11)
    expect_close("y", EXPECTED * 1.01, EXPECTED, relative=0.011)


def test_error_names_the_worst_element_and_the_number_of_wrong_ones() -> None:
    got = EXPECTED + np.array([[0.2, 0.0], [0.5, 0.0]])
    text = r"^y is wrong at \[1, 0\]: expected 3, got 3.5 \(2 of 4 elements are\): a cause$"
    with pytest.raises(CheckError, match=text):
        expect_same("y", got, EXPECTED, "a cause")


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_one_number_that_is_not_finite_is_an_error(value: float) -> None:
    got = EXPECTED.copy()
    got[0, 1] = value
    with pytest.raises(CheckError, match=rf"wrong at \[0, 1\]: expected 2, got {value}"):
        expect_close("y", got, EXPECTED, relative=1, absolute=1)


def test_other_shapes_are_an_error() -> None:
    with pytest.raises(CheckError, match=r"y has shape \(2,\), expected \(2, 2\)"):
        expect_same("y", EXPECTED[0], EXPECTED, "")


def test_arrays_are_of_the_kind_dtype_and_layout_of_the_model(backend: Backend) -> None:
    dtype = np.dtype("float32")
    right = backend.asarray(np.ones((2, 3), dtype))
    expect_array("y", right, backend, dtype)
    for wrong, text in (
        ([1.0], "y is a list, not an array of"),
        (backend.asarray(np.ones(2)), "y is float64, but the model computes in float32"),
        (right.T, "y is not C-contiguous"),
    ):
        with pytest.raises(CheckError, match=text):
            expect_array("y", wrong, backend, dtype)


def test_numeric_gradient_is_the_derivative_and_restores_the_array(backend: Backend) -> None:
    start = np.array([[0.5, -2.0], [10.0, 0.0]])
    at = backend.asarray(start.copy())
    got = numeric_gradient(lambda: float((at * at * at).sum()), at, backend)
    np.testing.assert_allclose(got, 3 * start**2, rtol=1e-6, atol=1e-6)
    np.testing.assert_array_equal(backend.to_host(at), start)


def test_gradients_may_differ_by_rounding_only() -> None:
    gradient = np.array([1.0, 100.0])
    expect_gradient("dx", gradient + 1e-6, gradient)
    with pytest.raises(CheckError, match=r"dx is wrong at .*derivative of forward"):
        expect_gradient("dx", gradient * 1.001, gradient)
