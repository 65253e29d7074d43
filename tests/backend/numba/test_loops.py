"""Loops that replace numpy functions: the same numbers, as plain Python and compiled."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from lamella.backend.numba.code_cache import compile_function
from lamella.backend.numba.loops import mean_of_vector, squares_in_lanes, sum_of_rows
from lamella.backend.selection import host_backend
from lamella.core.errors import ShapeError

pytest.importorskip("numba", reason="compiled loops need numba: pip install 'lamella[fast]'")

DTYPES = ["float32", "float64"]
Loop = Callable[..., Any]


@pytest.fixture(params=["plain", "compiled"])
def make(request: pytest.FixtureRequest) -> Callable[[Loop], Loop]:
    """As Python runs them, and as machine code."""
    return compile_function if request.param == "compiled" else lambda loop: loop


def filled(*shape: int, dtype: str) -> np.ndarray:
    rng = np.random.default_rng(shape[0])
    return (rng.standard_normal(shape) * 10.0 ** rng.integers(-4, 4, shape)).astype(dtype)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [(1, 2), (2, 5), (3, 3), (17, 8), (64, 31), (9, 100)], ids=str)
def test_sum_of_rows_has_the_bits_of_numpy(
    make: Callable[[Loop], Loop], shape: tuple[int, int], dtype: str
) -> None:
    matrix, memory = filled(*shape, dtype=dtype), np.full(shape[1] + 2, np.nan, dtype)
    make(sum_of_rows)(matrix, memory[1:-1])
    np.testing.assert_array_equal(memory[1:-1], matrix.sum(axis=0))
    assert np.isnan(memory[[0, -1]]).all()


@pytest.mark.parametrize("size", [2, 4])
def test_sum_of_rows_of_another_length_is_an_error(make: Callable[[Loop], Loop], size: int) -> None:
    memory = np.full(size, np.nan)
    with pytest.raises(ShapeError, match=r"the sum of the rows of a matrix \(N, D\) has shape"):
        make(sum_of_rows)(np.ones((5, 3)), memory)
    assert np.isnan(memory).all()


@pytest.mark.parametrize("dtype", DTYPES)
def test_sum_of_rows_adds_one_after_the_other(make: Callable[[Loop], Loop], dtype: str) -> None:
    """Adding 1 to the large number is lost to rounding."""
    large = 4.0 / np.finfo(dtype).eps
    matrix = np.array([[large, 1], [1, large], [1, -large], [-large, 1]], dtype)
    out = np.empty(2, dtype)
    make(sum_of_rows)(matrix, out)
    assert out.tolist() == [0, 1]


@pytest.mark.parametrize("dtype", DTYPES)
def test_sum_of_no_rows_is_0_and_of_one_column_its_sum(
    make: Callable[[Loop], Loop], dtype: str
) -> None:
    out = np.full(3, np.nan, dtype)
    make(sum_of_rows)(np.empty((0, 3), dtype), out)
    assert out.tolist() == [0, 0, 0]
    column = np.arange(1, 50, dtype=dtype).reshape(-1, 1)
    make(sum_of_rows)(column, out[:1])
    assert out[0] == 49 * 50 / 2


@pytest.mark.parametrize("dtype", DTYPES)
def test_sum_of_rows_is_right_in_any_layout(make: Callable[[Loop], Loop], dtype: str) -> None:
    whole = filled(24, 10, dtype=dtype)
    for matrix in (whole.T, whole[::2], whole[:, ::3], np.asfortranarray(whole)):
        out = np.full(matrix.shape[1], np.nan, dtype)
        make(sum_of_rows)(matrix, out)
        np.testing.assert_array_equal(out, np.ascontiguousarray(matrix).sum(axis=0))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("size", [1, 2, 7, 1000])
def test_mean_of_vector_is_that_of_double_precision(size: int, dtype: str) -> None:
    numbers, memory = filled(size, dtype=dtype), np.full(3, np.nan, dtype)
    compile_function(mean_of_vector)(numbers, memory[1:2])
    total = 0.0
    for number in numbers.tolist():
        total += number
    assert memory[1] == np.dtype(dtype).type(total / size)
    assert np.isnan(memory[[0, 2]]).all()


def test_mean_of_many_numbers_in_single_precision_loses_none() -> None:
    numbers = np.ones(1001, "f4")
    numbers[0] = 2.0**25  # adding 1 is lost in single precision
    out = np.empty(1, "f4")
    compile_function(mean_of_vector)(numbers, out)
    assert out[0] == np.float32((2.0**25 + 1000) / 1001)


@pytest.mark.parametrize("dtype", DTYPES)
def test_backend_sums_rows_of_matrices_and_of_stacks_of_them(dtype: str) -> None:
    backend = host_backend()
    matrix, stack = filled(13, 6, dtype=dtype), filled(5, 4, 3, dtype=dtype)
    out = np.full(6, np.nan, dtype)
    assert backend.sum_rows(matrix, out) is out
    np.testing.assert_array_equal(out, matrix.sum(axis=0))
    several = np.full((5, 3), np.nan, dtype)
    assert backend.sum_rows(stack, several) is several
    np.testing.assert_array_equal(several, stack.sum(axis=1))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("size", [0, 1, 63, 64, 65, 1000, 4096])
def test_squares_are_summed_in_lanes(size: int, dtype: str) -> None:
    vector, lanes = filled(size + 1, dtype=dtype)[:size], np.zeros((2, 64), dtype)
    squares_in_lanes(vector, lanes[0])
    compile_function(squares_in_lanes)(vector, lanes[1])
    np.testing.assert_array_equal(lanes[1], lanes[0])
    exact = (vector.astype(float) ** 2).sum()
    np.testing.assert_allclose(lanes[0, 0], exact, rtol=20 * np.finfo(dtype).eps)
