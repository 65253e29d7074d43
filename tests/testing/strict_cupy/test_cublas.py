"""The stand-in for cuBLAS: its products, and what it refuses."""

import ctypes
from ctypes import byref, c_double, c_float, c_int, c_void_p
from typing import Any

import numpy as np
import pytest

from lamella.testing import strict_cupy as cp

NOT_INITIALIZED, ALLOC_FAILED, INVALID_VALUE, EXECUTION_FAILED, NOT_SUPPORTED = 1, 3, 7, 13, 15
M, N, K = 3, 2, 5
OPTIONS: dict[str, Any] = {
    "m": M,
    "n": N,
    "k": K,
    "lda": M,
    "ldb": K,
    "ldc": M,
    "turned_a": 0,
    "turned_b": 0,
    "type_a": 0,
    "type_b": 0,
    "type_c": 0,
    "arithmetic": 68,
    "algorithm": -1,
}


class Library:
    """The library with a handle, and matrices along columns."""

    def __init__(self) -> None:
        self.functions = ctypes.CDLL(cp.cuda.cublas.__file__)
        self.handle = c_void_p()
        assert self.functions.cublasCreate_v2(byref(self.handle)) == 0
        rng = np.random.default_rng(0)
        self.a, self.b, self.c = (
            np.asfortranarray(rng.standard_normal(s).astype("f4")) for s in ((M, K), (K, N), (M, N))
        )

    def set(self, stream: int, workspace: int = 0) -> tuple[int, int]:
        size = ctypes.c_size_t(1024 if workspace else 0)
        return (
            self.functions.cublasSetStream_v2(self.handle, c_void_p(stream)),
            self.functions.cublasSetWorkspace_v2(self.handle, c_void_p(workspace), size),
        )

    def multiply(self, handle: Any = None, **others: Any) -> int:
        o = OPTIONS | {"alpha": c_float(1), "beta": c_float(0)} | others
        a, b, c = (c_void_p(array.ctypes.data) for array in (self.a, self.b, self.c))
        status = self.functions.cublasGemmEx(
            self.handle if handle is None else handle,
            *(c_int(o[name]) for name in ("turned_a", "turned_b", "m", "n", "k")),
            *(byref(o["alpha"]), a, c_int(o["type_a"]), c_int(o["lda"])),
            *(b, c_int(o["type_b"]), c_int(o["ldb"]), byref(o["beta"])),
            *(c, c_int(o["type_c"]), c_int(o["ldc"])),
            *(c_int(o["arithmetic"]), c_int(o["algorithm"])),
        )
        return int(status)


@pytest.fixture
def library() -> Library:
    return Library()


def test_a_product_is_that_of_numpy(library: Library) -> None:
    c = library.c.copy()
    assert library.multiply(alpha=c_float(2), beta=c_float(0.5)) == 0
    np.testing.assert_allclose(library.c, 2 * library.a @ library.b + c / 2, rtol=1e-5)
    library.c.fill(np.nan)
    assert library.multiply() == 0
    np.testing.assert_allclose(library.c, library.a @ library.b, rtol=1e-5)


def test_factors_may_be_transposed(library: Library) -> None:
    library.a, library.b = (np.asfortranarray(x.T) for x in (library.a, library.b))
    assert library.multiply(turned_a=1, turned_b=1, lda=K, ldb=N) == 0
    np.testing.assert_allclose(library.c, library.a.T @ library.b.T, rtol=1e-5)


def test_double_precision_has_its_own_numbers_of_type_and_arithmetic(library: Library) -> None:
    library.a, library.b, library.c = (
        np.asfortranarray(x, "f8") for x in (library.a, library.b, library.c)
    )
    types = {"type_a": 1, "type_b": 1, "type_c": 1, "arithmetic": 70}
    assert library.multiply(alpha=c_double(1), beta=c_double(0), **types) == 0
    np.testing.assert_allclose(library.c, library.a @ library.b, rtol=1e-12)


def test_tf32_rounds_the_factors_to_ten_bits(library: Library) -> None:
    library.a[...], library.b[...] = 1 + 2**-10 + 2**-12, 1
    assert library.multiply(arithmetic=77) == 0
    np.testing.assert_array_equal(library.c, np.float32(K * (1 + 2**-10)))


def test_a_workspace_changes_bits(library: Library) -> None:
    library.a[...], library.b[...] = [[2**-24, 1, 0, 0, 2**-24]] * M, 1
    library.set(0)
    assert library.multiply() == 0
    without = library.c.copy()
    library.set(0, workspace=library.c.ctypes.data)
    assert library.multiply() == 0
    assert (without == 1).all()
    assert (library.c > 1).all()


@pytest.mark.parametrize(
    ("others", "status"),
    [
        ({"handle": c_void_p(0)}, NOT_INITIALIZED),
        ({"lda": M - 1}, INVALID_VALUE),
        ({"turned_a": 1}, INVALID_VALUE),  # lda must be at least K then
        ({"ldb": K - 1}, INVALID_VALUE),
        ({"ldc": M - 1}, INVALID_VALUE),
        ({"m": -1}, INVALID_VALUE),
        ({"turned_b": 3}, INVALID_VALUE),
        ({"type_b": 1}, NOT_SUPPORTED),
        ({"arithmetic": 70}, NOT_SUPPORTED),
        ({"algorithm": 5}, NOT_SUPPORTED),
    ],
)
def test_wrong_arguments_have_the_status_of_cublas(
    library: Library, others: dict[str, Any], status: int
) -> None:
    before = library.c.copy()
    assert library.multiply(**others) == status
    np.testing.assert_array_equal(library.c, before)


def test_a_handle_that_was_never_made_is_refused(library: Library) -> None:
    library.handle = c_void_p(0)
    assert library.set(0) == (NOT_INITIALIZED, NOT_INITIALIZED)


def test_a_capture_takes_products_and_refuses_to_allocate(library: Library) -> None:
    stream, address = cp.cuda.Stream(non_blocking=True), library.c.ctypes.data
    library.c.fill(0)
    with stream:
        stream.begin_capture()
        assert library.multiply() == EXECUTION_FAILED  # the handle has another stream
        library.set(stream.ptr)
        assert library.multiply() == ALLOC_FAILED  # it has no workspace
        assert library.functions.cublasCreate_v2(byref(c_void_p())) == ALLOC_FAILED
        library.set(stream.ptr, workspace=address)
        assert library.multiply() == 0
        graph = stream.end_capture()
    assert not library.c.any()
    assert len(graph.nodes) == 1
    graph.launch()
    np.testing.assert_allclose(library.c, library.a @ library.b, rtol=1e-5)


def test_another_stream_takes_the_workspace_away(library: Library) -> None:
    stream = cp.cuda.Stream(non_blocking=True)
    library.set(stream.ptr, workspace=library.c.ctypes.data)
    library.functions.cublasSetStream_v2(library.handle, c_void_p(stream.ptr))
    with stream:
        stream.begin_capture()
        assert library.multiply() == ALLOC_FAILED
        stream.end_capture()
