"""Skipped zeros of a matrix product: no bit changes."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from lamella.backend import numba as compiled
from tests.backend.numba.chains import chain

if compiled.products_problem():
    pytest.skip(compiled.products_problem(), allow_module_level=True)

from lamella.backend.numba import gemm as products
from lamella.backend.numba.gemm_kernel import ROWS
from lamella.backend.numba.sparsity import CAPACITY, DENSE, DEPTH, LIST_BYTES
from tests.backend.numba.products import ORDERS, assert_same_bits, draw, guarded, has_lists, result


def leave_one_of_each_tile(a: np.ndarray) -> None:
    """Zero every other term of a tile and, of the rest, all but one number in changing rows."""
    i, k = np.indices(a.shape)
    a[(k % 2 == 1) | (i % ROWS != k // 2 % ROWS)] = 0


BLACK: dict[str, Callable[[np.ndarray], Any]] = {
    "everything": lambda a: a.fill(0),
    "the tile in the middle": lambda a: a[32 : 32 + ROWS].fill(0),
    "all tiles but one": lambda a: (a[:8].fill(0), a[8 + ROWS :].fill(0)),
    "all but one number of half of the terms": leave_one_of_each_tile,
    "every other row": lambda a: a[::2].fill(0),
    "the last rows": lambda a: a[-3:].fill(0),
    "one piece of the sum": lambda a: a[:, DEPTH : 2 * DEPTH].fill(0),
    "all pieces but the last": lambda a: a[:, : 2 * DEPTH].fill(0),
    "all but the first and last terms": lambda a: a[:, 1:-1].fill(0),
    "all but the terms on both sides of a piece's end": lambda a: (
        a[:, : DEPTH - 1].fill(0),
        a[:, DEPTH + 1 :].fill(0),
    ),
}


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("pattern", BLACK)
def test_skipped_zeros_change_no_bit(pattern: str, dtype: str) -> None:
    a, b, bias = draw((67, 2 * DEPTH + 9, 70), dtype)
    BLACK[pattern](a)
    expected = chain(a, b, bias)
    for first, second in ORDERS:
        got = result(guarded(a, transposed=first), guarded(b, transposed=second), bias)
        assert_same_bits(got, expected)
        middle = a[32 : 32 + ROWS, DEPTH : 2 * DEPTH]
        assert has_lists() == (middle.any(axis=0).mean() <= DENSE)


def test_a_negative_zero_is_a_term_like_others() -> None:
    a, b = np.full((8, 300), -0.0, "f4"), np.ones((300, 200), "f4")
    a[:, ::10] = 1e-30
    b[::10] = -1e-30  # the product rounds to -0, to which the next adds 0 or -0
    got = result(a, b)
    assert not has_lists()
    assert_same_bits(got, np.full((8, 200), -0.0, "f4"))


def test_room_for_lists_grows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(products, "job", products.Job(np.zeros(2**16, np.uint8)))
    before = products.job.words[CAPACITY]
    a, b, _ = draw((1500, 700, 40), "float32", zeros=0.9)
    got = result(a, b)
    assert products.job.words[CAPACITY] == products.job.words[LIST_BYTES] > before
    for rows in (slice(0, 50), slice(730, 780), slice(1450, 1500)):
        assert_same_bits(got[rows], result(np.ascontiguousarray(a[rows]), b))
    np.testing.assert_allclose(got, a @ b, atol=1e-4)
