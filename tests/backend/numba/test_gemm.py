"""Matrix products: accurate for all shapes and layouts; numpy's for other types."""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lamella.backend import numba as compiled

if compiled.products_problem():
    pytest.skip(compiled.products_problem(), allow_module_level=True)

from lamella.backend.numba.gemm import dot
from lamella.backend.numba.gemm_blocks import BLOCK, SMALL_BLOCK
from lamella.backend.numba.gemm_kernel import ROWS, TALL, VECTOR, WIDTH
from lamella.backend.numba.sparsity import DEPTH
from lamella.backend.numba.thread_pool import get_pool
from tests.backend.numba.jobs import is_held
from tests.backend.numba.products import ORDERS, assert_same_bits, draw, guarded, result
from tests.data import read_only

LANES = VECTOR // 4  # of single precision; a panel has WIDTH times as many columns
SIZES = sorted(
    {1, 2, 3, 100, 200, LANES, WIDTH * LANES, WIDTH * LANES // 2, ROWS, TALL, SMALL_BLOCK, BLOCK}
)
AROUND = sorted({size + d for size in SIZES for d in (-1, 0, 1) if size + d > 0})
DEPTHS = [1, 2, 5, DEPTH - 1, DEPTH, DEPTH + 1, 2 * DEPTH, 2 * DEPTH + 1]


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


def packed_rows(array: np.ndarray) -> np.ndarray:
    """Return the same numbers as rows in packed records, a byte apart."""
    records = np.zeros(len(array), [("tag", "u1"), ("row", array.dtype, array.shape[1:])])
    records["row"] = array
    return records["row"]


def packed_numbers(array: np.ndarray) -> np.ndarray:
    """Return the same numbers in packed records, each a byte apart from the next."""
    records = np.zeros(array.shape, [("tag", "u1"), ("number", array.dtype)])
    records["number"] = array
    return records["number"]


def swapped(array: np.ndarray) -> np.ndarray:
    return array.astype(array.dtype.newbyteorder())


FORMS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "read-only": read_only,
    "unaligned": unaligned,
    "rows of packed records": packed_rows,
    "numbers of packed records": packed_numbers,
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
    assert not is_held(get_pool().lock)
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
