"""Kernel of a matrix product: a chain of fused steps, within the arrays."""

import sys
from fractions import Fraction
from itertools import product

import numpy as np
import pytest

from lamella.backend import numba as compiled
from tests.backend.numba.chains import chain, fused

if compiled.products_problem():
    pytest.skip(compiled.products_problem(), allow_module_level=True)

from lamella.backend.numba.gemm import PARALLEL_FROM, SPARSE_COLUMNS, SPARSE_FROM
from lamella.backend.numba.gemm_blocks import BLOCK, SMALL_BLOCK
from lamella.backend.numba.gemm_kernel import ROWS, TALL, VECTOR, WIDTH
from lamella.backend.numba.sparsity import DEPTH
from tests.backend.numba.products import ORDERS, assert_same_bits, draw, guarded, has_lists, result
from tests.subprocesses import run_python

LANES = VECTOR // 4  # of single precision; a panel has WIDTH times as many columns


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_fused_step_of_these_tests_is_rounded_once(dtype: str) -> None:
    rng = np.random.default_rng(5)
    a, b, c = rng.standard_normal((3, 500)).astype(dtype)
    c[::2] = -a[::2] * b[::2] * rng.uniform(0.99, 1.01, 250).astype(dtype)
    c[100:200] = (-a * b)[100:200]  # leaves the rounding error
    got = fused(a, b, c)
    assert (got != a * b + c).any()  # rounding twice would be seen
    for x, y, z, found in zip(a, b, c, got, strict=True):
        exact = Fraction(float(x)) * Fraction(float(y)) + Fraction(float(z))
        gaps = [
            abs(Fraction(float(n)) - exact)
            for n in (found, np.nextafter(found, type(x)(-9)), np.nextafter(found, type(x)(9)))
        ]
        assert gaps[0] == min(gaps)


SHAPES = [
    (1, 130, 37),
    (1, 2 * DEPTH + 1, 4 * LANES + 3),
    (ROWS - 1, DEPTH, WIDTH * LANES),
    (ROWS + 1, DEPTH + 1, WIDTH * LANES + 1),
    (TALL + 1, 2 * DEPTH, LANES // 2),
    (2 * TALL + 1, 61, 1),
    (SMALL_BLOCK + 1, DEPTH - 1, WIDTH * LANES // 2 + 1),
    (40, 70, 2 * WIDTH * LANES - 1),
    (BLOCK + 1, 2 * DEPTH + 1, SPARSE_COLUMNS),
    (2 * BLOCK + 3, DEPTH + 7, 3 * WIDTH * LANES + 5),
]


@pytest.mark.parametrize("zeros", [0, 0.8])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_every_sum_is_a_chain_of_fused_steps(
    shape: tuple[int, int, int], dtype: str, zeros: float
) -> None:
    a, b, bias = draw(shape, dtype, zeros=zeros)
    expected = chain(a, b, bias)
    for first, second in ORDERS:
        got = result(guarded(a, transposed=first), guarded(b, transposed=second), bias)
        assert_same_bits(got, expected)
        searched = shape[2] >= SPARSE_COLUMNS and np.prod(shape) >= SPARSE_FROM
        assert has_lists() == bool(zeros and searched)


def test_shapes_of_these_tests_are_of_all_kinds() -> None:
    sizes = np.prod(SHAPES, axis=1)
    assert (sizes < SPARSE_FROM).any()
    assert ((sizes > SPARSE_FROM) & (sizes < PARALLEL_FROM)).any()
    assert (sizes > PARALLEL_FROM).any()
    assert min(shape[2] for shape in SHAPES) < SPARSE_COLUMNS


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_nan_and_inf_in_the_second_factor_propagate(dtype: str, bad: float) -> None:
    """It may be missed where its own factor is 0, and never goes to other columns."""
    for zeros, order in product([0, 0.8], ORDERS):
        a, b, _ = draw((67, 250, 90), dtype, zeros=zeros)
        a[20:25, 130] = 0
        a[40:50, 130] = 1
        b[130, 33] = bad
        got = result(guarded(a, transposed=order[0]), guarded(b, transposed=order[1]))
        assert has_lists() == bool(zeros)
        with np.errstate(invalid="ignore"):
            expected = a[:, 130] * np.asarray(bad, dtype)
        matters = a[:, 130] != 0
        np.testing.assert_array_equal(got[matters, 33], expected[matters])
        unharmed = got[~matters, 33]
        assert (np.isnan(unharmed) | (np.abs(unharmed) < 1e3)).all()
        assert np.isfinite(np.delete(got, 33, axis=1)).all()


@pytest.mark.parametrize("bad", [np.nan, np.inf])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_nan_and_inf_in_the_first_factor_reach_the_whole_row(dtype: str, bad: float) -> None:
    for zeros, order in product([0, 0.8], ORDERS):
        a, b, _ = draw((67, 250, 90), dtype, zeros=zeros)
        a[37, 130] = bad
        b[130, 5] = 0
        got = result(guarded(a, transposed=order[0]), guarded(b, transposed=order[1]))
        assert has_lists() == bool(zeros)
        with np.errstate(invalid="ignore"):
            np.testing.assert_array_equal(got[37], b[130] * np.asarray(bad, dtype))
        assert np.isfinite(np.delete(got, 37, axis=0)).all()


AT_THE_EDGE = """
import ctypes, mmap
import numpy as np
from lamella.backend.numba.gemm import dot

PAGE, libc = mmap.PAGESIZE, ctypes.CDLL(None, use_errno=True)
libc.mprotect.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]

def walled(size, dtype, at_end):
    pages = -(-size * dtype.itemsize // PAGE)
    memory = np.frombuffer(mmap.mmap(-1, (pages + 2) * PAGE), np.uint8)
    for wall in (0, pages + 1):
        assert libc.mprotect(memory.ctypes.data + wall * PAGE, PAGE, 0) == 0
    inside = memory[PAGE:-PAGE].view(dtype)
    return inside[len(inside) - size :] if at_end else inside[:size]

rng = np.random.default_rng(0)
count = 0
for rows, depth, columns in [(1, 9, 5), (5, 121, 33), (9, 7, 3), (17, 130, 65), (66, 250, 71)]:
    for dtype in map(np.dtype, ("f4", "f8")):
        for at_end in (False, True):
            x, y, out = (
                walled(size, dtype, at_end)
                for size in (rows * depth, depth * columns, rows * columns)
            )
            bias = walled(columns, dtype, at_end)
            x[:], y[:], bias[:] = rng.random(len(x)) > 0.9, rng.random(len(y)), 1
            out = out.reshape(rows, columns)
            for a in (x.reshape(rows, depth), x.reshape(depth, rows).T):
                for b in (y.reshape(depth, columns), y.reshape(columns, depth).T):
                    dot(a, b, out, bias)
                    assert np.allclose(out, a @ b + 1)
                    count += 1
print(count)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="guard pages need Linux's mprotect")
def test_nothing_is_read_beyond_the_arrays() -> None:
    assert int(run_python("-c", AT_THE_EDGE).stdout) == 80
