"""Matrix products as compiled loops: a chain of fused steps for any tiling and thread count."""

import sys
from collections.abc import Callable
from fractions import Fraction
from itertools import product
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lamella.backend import numba as compiled
from lamella.backend import threads
from tests.backend.numba.chains import chain, fused

pytest.importorskip("numba", reason="compiled loops need numba: pip install 'lamella[fast]'")
if not compiled.has_products():
    pytest.skip("this processor has no fused multiply-add", allow_module_level=True)

from lamella.backend.numba import gemm as products
from lamella.backend.numba.gemm import PARALLEL_FROM, SPARSE_COLUMNS, SPARSE_FROM, dot
from lamella.backend.numba.gemm_blocks import BLOCK, SMALL_BLOCK
from lamella.backend.numba.gemm_kernel import ROWS, TALL, VECTOR, WIDTH
from lamella.backend.numba.sparsity import CAPACITY, DENSE, DEPTH, LIST_BYTES
from lamella.backend.numba.thread_pool import get_pool
from tests.subprocesses import run_python

LANES = VECTOR // 4  # of single precision; a panel has WIDTH times as many columns
ORDERS = list(product([False, True], repeat=2))  # which of the factors are transposed views
SIZES = sorted(
    {1, 2, 3, 100, 200, LANES, WIDTH * LANES, WIDTH * LANES // 2, ROWS, TALL, SMALL_BLOCK, BLOCK}
)
AROUND = sorted({size + d for size in SIZES for d in (-1, 0, 1) if size + d > 0})
DEPTHS = [1, 2, 5, DEPTH - 1, DEPTH, DEPTH + 1, 2 * DEPTH, 2 * DEPTH + 1]


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


@settings(deadline=None, derandomize=True, max_examples=250)
@given(
    rows=st.sampled_from(AROUND) | st.integers(1, 200),
    depth=st.sampled_from(DEPTHS) | st.integers(1, 200),
    columns=st.sampled_from(AROUND) | st.integers(1, 200),
    order=st.sampled_from(ORDERS),
    dtype=st.sampled_from(["float32", "float64"]),
    zeros=st.sampled_from([0, 0.5, 0.9, 1]),
    with_bias=st.booleans(),
)
def test_product_is_accurate_and_writes_only_its_output(
    rows: int,
    depth: int,
    columns: int,
    order: tuple[bool, bool],
    dtype: str,
    zeros: float,
    with_bias: bool,
) -> None:
    a, b, bias = draw((rows, depth, columns), dtype, zeros=zeros)
    expected, size = np.asarray(a, "f8") @ b, np.abs(a).astype("f8") @ np.abs(b)
    if with_bias:
        expected, size = expected + bias, size + np.abs(bias)
    out = guarded(np.full((rows, columns), np.nan, dtype))
    memory = out.base
    assert memory is not None
    dot(
        guarded(a, transposed=order[0]), guarded(b, transposed=order[1]), out,
        guarded(bias[None])[0] if with_bias else None,
    )  # fmt: skip
    assert (np.abs(out - expected) <= (depth + 2) * np.finfo(dtype).eps * size).all()
    out[...] = np.nan
    assert np.isnan(memory).all()


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
    monkeypatch.setattr(products, "job", products.Job())
    before = products.job.words[CAPACITY]
    a, b, _ = draw((1500, 700, 40), "float32", zeros=0.9)
    got = result(a, b)
    assert products.job.words[CAPACITY] == products.job.words[LIST_BYTES] > before
    for rows in (slice(0, 50), slice(730, 780), slice(1450, 1500)):
        assert_same_bits(got[rows], result(np.ascontiguousarray(a[rows]), b))
    np.testing.assert_allclose(got, a @ b, atol=1e-4)


@pytest.mark.parametrize(("rows", "depth", "columns"), [(3, 0, 5), (0, 4, 5), (3, 4, 0), (0, 0, 0)])
def test_sizes_of_0_are_no_special_case(rows: int, depth: int, columns: int) -> None:
    a, b, bias = draw((rows, depth, columns), "float32")
    for first, second in ORDERS:
        a_copy, b_copy = guarded(a, transposed=first), guarded(b, transposed=second)
        assert_same_bits(result(a_copy, b_copy), np.zeros((rows, columns), "f4"))
        assert_same_bits(result(a_copy, b_copy, bias), np.tile(bias, (rows, 1)))


def unaligned(array: np.ndarray) -> np.ndarray:
    copy = np.zeros(array.nbytes + 1, np.uint8)[1:].view(array.dtype).reshape(array.shape)
    copy[...] = array
    assert not copy.flags.aligned
    return copy


def read_only(array: np.ndarray) -> np.ndarray:
    copy = array.copy()
    copy.flags.writeable = False
    return copy


def swapped(array: np.ndarray) -> np.ndarray:
    return array.astype(array.dtype.newbyteorder())


FORMS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "read-only": read_only,
    "unaligned": unaligned,
    "every other column": lambda x: np.repeat(x, 2, axis=1)[:, ::2],
    "every other row": lambda x: np.repeat(x, 2, axis=0)[::2],
    "part of the columns": lambda x: np.hstack([x, x])[:, : x.shape[1]],
    "part of the rows": lambda x: np.vstack([x, x])[: len(x)],
    "backwards": lambda x: np.ascontiguousarray(x[::-1])[::-1],
    "columns backwards": lambda x: np.ascontiguousarray(x[:, ::-1])[:, ::-1],
    "one row for all": lambda x: np.broadcast_to(x[:1], x.shape),
    "one column for all": lambda x: np.broadcast_to(x[:, :1], x.shape),
    "one number for all": lambda x: np.broadcast_to(x[:1, :1], x.shape),
    "other byte order": swapped,
    "other byte order, read-only": lambda x: read_only(swapped(x)),
    "other byte order, unaligned": lambda x: unaligned(swapped(x)),
    "a subclass": lambda x: x.view(np.ma.MaskedArray),
}


@pytest.mark.parametrize("shape", [(9, 70, 40), (1, 5, 6), (6, 5, 1), (4, 1, 3)], ids=str)
@pytest.mark.parametrize("form", FORMS)
def test_factors_of_any_form_are_multiplied(form: str, shape: tuple[int, int, int]) -> None:
    a, b, bias = draw(shape, "float64")
    for x, y in ((FORMS[form](a), b), (a, FORMS[form](b)), (FORMS[form](a).T, FORMS[form](b).T)):
        if len(y) != x.shape[1]:
            x, y = y, x
        expected = np.asarray(x, "f8") @ np.asarray(y, "f8")
        out = np.full(expected.shape, np.nan)
        dot(x, y, out)
        np.testing.assert_allclose(out, expected, rtol=1e-13, atol=1e-13)
        if y.shape[1] == len(bias):
            dot(x, y, out, np.repeat(bias, 2)[::2])
            np.testing.assert_allclose(out, expected + bias, rtol=1e-13, atol=1e-13)


@pytest.mark.parametrize(
    ("first", "second", "kind"),
    [
        ("float16", "float16", "float16"),
        ("int64", "int64", "int64"),
        ("int8", "int32", "int32"),
        ("float32", "float64", "float64"),
        ("float64", "int64", "float64"),
        ("complex64", "float32", "complex64"),
    ],
)
def test_numpy_multiplies_other_types(first: str, second: str, kind: str) -> None:
    rng = np.random.default_rng(6)
    a = rng.integers(-4, 5, (5, 9)).astype(first)
    b = rng.integers(-4, 5, (9, 6)).astype(second)
    bias, out = np.arange(6).astype(kind), np.zeros((5, 6), kind)
    assert dot(a, b, out, bias) is out
    np.testing.assert_array_equal(out, a.astype(kind) @ b.astype(kind) + bias)


def test_vectors_are_multiplied_as_by_numpy() -> None:
    a, b, bias = draw((5, 9, 6), "float32")
    out = np.zeros(6, "f4")
    dot(a[0], b, out, bias)
    np.testing.assert_allclose(out, a[0] @ b + bias, rtol=1e-5)
    out = np.zeros(5, "f4")
    dot(a, b[:, 0], out)
    np.testing.assert_allclose(out, a @ b[:, 0], rtol=1e-5)


WRONG: dict[str, tuple[tuple[int, ...], ...]] = {
    "depth of the second factor": ((5, 7), (8, 6), (5, 6)),
    "rows of the result": ((5, 7), (7, 6), (4, 6)),
    "columns of the result": ((5, 7), (7, 6), (5, 7)),
    "result transposed": ((5, 7), (7, 6), (6, 5)),
    "bias too short": ((5, 7), (7, 6), (5, 6), (5,)),
    "bias too long": ((5, 7), (7, 6), (5, 6), (7,)),
    "bias of one number": ((5, 7), (7, 6), (5, 6), (1,)),
    "nothing times something": ((5, 0), (7, 6), (5, 6)),
    "result with three axes": ((5, 7), (7, 6), (5, 6, 1)),
}


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("case", WRONG)
def test_wrong_shapes_are_refused_before_anything_is_written(case: str, dtype: str) -> None:
    a, b, out, *bias = (np.full(shape, 7, dtype) for shape in WRONG[case])
    with pytest.raises(ValueError, match=r"shapes|dimensions|not aligned|not acceptable"):
        dot(a, b, out, *bias)
    assert (out == 7).all()
    assert not get_pool().lock.locked()
    np.testing.assert_array_equal(result(*np.ones((2, 3, 3), dtype)), np.full((3, 3), 3, dtype))


def forbidden() -> dict[str, np.ndarray]:
    read_only = np.full((5, 6), 7, "f4")
    read_only.flags.writeable = False
    return {
        "read-only": read_only,
        "other precision": np.full((5, 6), 7, "f8"),
        "strided": np.full((10, 6), 7, "f4")[::2],
        "transposed": np.full((6, 5), 7, "f4").T,
        "other byte order": swapped(np.full((5, 6), 7, "f4")),
    }


@pytest.mark.parametrize("case", forbidden())
def test_results_that_numpy_refuses_are_refused(case: str) -> None:
    a, b, _ = draw((5, 7, 6), "float32")
    out = forbidden()[case]
    with pytest.raises(ValueError, match="output array is not acceptable"):
        dot(a, b, out)
    assert (out == 7).all()


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
