"""Factors of matrix products, and their product by `dot`."""

from itertools import product
from typing import Any

import numpy as np

from lamella.backend.numba import gemm as products
from lamella.backend.numba.gemm import dot
from lamella.backend.numba.gemm_kernel import ROWS
from lamella.backend.numba.sparsity import LIST_BYTES

ORDERS = list(product([False, True], repeat=2))  # which of the factors are transposed views


def guarded(matrix: np.ndarray, *, transposed: bool = False) -> np.ndarray:
    """Return a copy, or a transposed view of one, in memory that is NaN on both sides of it."""
    memory = np.full(matrix.size + 200, np.nan, matrix.dtype)
    inside = memory[101 : 101 + matrix.size]  # 101, so that it begins no vector register
    shape = matrix.shape[::-1] if transposed else matrix.shape
    copy = inside.reshape(shape)
    copy = copy.T if transposed else copy
    copy[...] = matrix
    return copy


def draw(
    shape: tuple[int, int, int], dtype: Any, *, zeros: float = 0, seed: int = 0
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return factors and a bias; a fraction ``zeros`` of the first factor's terms is 0."""
    rows, depth, columns = shape
    rng = np.random.default_rng([*shape, seed])
    a, b = rng.standard_normal((rows, depth)), rng.standard_normal((depth, columns))
    a[np.repeat(rng.random((-(-rows // ROWS), depth)) < zeros, ROWS, axis=0)[:rows]] = 0
    a[rng.random(a.shape) < zeros / 4] = 0
    return a.astype(dtype), b.astype(dtype), rng.standard_normal(columns).astype(dtype)


def result(a: np.ndarray, b: np.ndarray, bias: np.ndarray | None = None) -> np.ndarray:
    """Return the product that `dot` writes into memory full of NaN."""
    out = np.full((len(a), b.shape[1]), np.nan, a.dtype)
    assert dot(a, b, out, bias) is out
    return out


def assert_same_bits(got: np.ndarray, expected: np.ndarray) -> None:
    bits = f"u{got.itemsize}"
    np.testing.assert_array_equal(got.view(bits), expected.view(bits))


def has_lists() -> bool:
    """Whether the last product skipped terms."""
    return bool(products.job.words[LIST_BYTES])
