"""Blocks of a matrix product: the same bits for any division into blocks and threads."""

from itertools import product
from typing import Any

import numpy as np
import pytest

from lamella.backend import numba as compiled
from lamella.backend import threads

if compiled.products_problem():
    pytest.skip(compiled.products_problem(), allow_module_level=True)

from lamella.backend.numba.gemm import SPARSE_COLUMNS
from tests.backend.numba.products import ORDERS, assert_same_bits, draw, guarded, has_lists, result


def cases() -> list[Any]:
    return [
        pytest.param(dtype, order, zeros, id=f"{dtype}-{order[0]:d}{order[1]:d}-{zeros}")
        for dtype, order, zeros in product(["float32", "float64"], ORDERS, [0, 0.8])
    ]


def factors(
    shape: tuple[int, int, int], dtype: str, order: tuple[bool, bool], zeros: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    a, b, bias = draw(shape, dtype, zeros=zeros)
    return guarded(a, transposed=order[0]), guarded(b, transposed=order[1]), bias


@pytest.mark.parametrize(("dtype", "order", "zeros"), cases())
def test_bits_do_not_depend_on_the_number_of_threads(
    dtype: str,
    order: tuple[bool, bool],
    zeros: float,
    three_threads: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    a, b, bias = factors((150, 300, 200), dtype, order, zeros)
    with threads.single_threaded():
        expected = result(a, b, bias)
    assert has_lists() == bool(zeros)
    for number in (1, 2, 3):
        monkeypatch.setattr(threads, "thread_budget", lambda number=number: number)
        for _ in range(10):
            assert_same_bits(result(a, b, bias), expected)


@pytest.mark.parametrize(("dtype", "order", "zeros"), cases())
def test_bits_do_not_depend_on_how_a_batch_is_cut(
    dtype: str, order: tuple[bool, bool], zeros: float
) -> None:
    a, b, bias = factors((64, 250, 100), dtype, order, zeros)
    whole = result(a, b, bias)
    for step in (32, 23, 1):
        for i in range(0, 64, step):
            part = guarded(a[i : i + step], transposed=order[0])
            assert_same_bits(result(part, b, bias), whole[i : i + step])


@pytest.mark.parametrize(("dtype", "order", "zeros"), cases())
def test_bits_do_not_depend_on_how_the_columns_are_cut(
    dtype: str, order: tuple[bool, bool], zeros: float
) -> None:
    a, b, bias = factors((65, 250, 100), dtype, order, zeros)
    whole = result(a, b, bias)
    assert has_lists() == bool(zeros)
    for step in (SPARSE_COLUMNS - 1, 3):  # too narrow for the search for zeros
        for j in range(0, 100, step):
            part = guarded(b[:, j : j + step], transposed=order[1])
            got = result(a, part, bias[j : j + step])
            assert not has_lists()
            assert_same_bits(got, np.ascontiguousarray(whole[:, j : j + step]))
