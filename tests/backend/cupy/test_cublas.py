"""Calls of cuBLAS: arguments, streams, workspaces, statuses."""

import threading
from collections.abc import Iterator
from itertools import combinations
from typing import Any

import numpy as np
import pytest

from lamella.backend import cupy_problem
from lamella.backend.cupy import cublas
from lamella.backend.cupy.cublas import Cublas, cublas_of
from lamella.backend.cupy.graphs import capture
from lamella.backend.cupy.kernels import Kernels
from lamella.backend.cupy.products import large_product
from lamella.core.errors import BackendError
from lamella.testing import strict_cupy

M, K, N = 4, 6, 5
# Arguments of cublasGemmEx after the handle.
NAMES = (
    *("turned_b", "turned_a", "n", "m", "k", "one", "b", "type_b", "line_b"),
    *("a", "type_a", "line_a", "zero", "out", "type", "line", "arithmetic", "algorithm"),
)
POINTERS = ("one", "b", "a", "zero", "out")


@pytest.fixture(autouse=True)
def fresh() -> Iterator[None]:
    cublas._cublas_of.cache_clear()
    yield
    cublas._cublas_of.cache_clear()


def multiply(dtype: str = "float32") -> tuple[np.ndarray, np.ndarray]:
    """Return a product by cuBLAS and the exact one.

    Lines of ``a`` are columns, 8 numbers apart; lines of ``b`` are rows, 7 apart. Zeros lie around.
    """
    rng, whole = np.random.default_rng(0), strict_cupy.zeros(10_000, dtype)
    a, b = whole[2000:].reshape(-1, 8)[:K, :M].T, whole[5002:].reshape(-1, 7)[:K, :N]
    out = whole[8000 : 8000 + M * N].reshape(M, N)
    for each in (a, b):
        each.host[...] = rng.standard_normal(each.shape)
    exact = a.host.astype(float) @ b.host
    task = large_product(a, b, out, cublas_of(strict_cupy).workspace())
    Kernels(strict_cupy, dtype).launch(task)
    return out.get(), exact


def swapped(arguments: tuple[Any, ...], first: str, second: str) -> list[Any]:
    found, i, j = list(arguments), NAMES.index(first), NAMES.index(second)
    found[i], found[j] = found[j], found[i]
    return found


PAIRS = [
    *combinations(POINTERS[1:3] + POINTERS[4:], 2),
    ("one", "zero"),
    *combinations([name for name in NAMES if name not in POINTERS], 2),
]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_each_argument_has_its_place(dtype: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Any two that are exchanged give another product or an error."""
    found, exact = multiply(dtype)
    np.testing.assert_allclose(found, exact, 1e-5, 1e-6)
    given, call, alike = [], Cublas.multiply, []

    def note(self: Cublas, workspace: int, *arguments: Any) -> None:
        given[:] = arguments

    monkeypatch.setattr(Cublas, "multiply", note)
    multiply(dtype)
    values = dict(zip(NAMES, given, strict=True))
    for pair in PAIRS:

        def exchange(
            self: Cublas, workspace: int, *arguments: Any, pair: tuple[str, str] = pair
        ) -> None:
            call(self, workspace, *swapped(arguments, *pair))

        monkeypatch.setattr(Cublas, "multiply", exchange)
        try:
            is_same = np.allclose(multiply(dtype)[0], exact, 1e-5, 1e-6)
        except BackendError:
            is_same = False
        if is_same and values[pair[0]] != values[pair[1]]:
            alike.append(pair)
    assert not alike


def test_factors_are_rounded_to_tf32_only_if_cupys_variable_asks(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def error(dtype: str) -> float:
        found, exact = multiply(dtype)
        return float(np.abs(found - exact).max())

    assert error("float32") < 2e-6
    monkeypatch.setenv("CUPY_TF32", "0")
    assert error("float32") < 2e-6
    monkeypatch.setenv("CUPY_TF32", "1")
    assert error("float32") > 1e-4
    assert error("float64") < 1e-14


def test_each_gpu_has_its_handle() -> None:
    first = cublas_of(strict_cupy)
    with strict_cupy.cuda.Device(1):
        other = cublas_of(strict_cupy)
        assert other._handle.value != first._handle.value
        assert cublas_of(strict_cupy) is other
    assert cublas_of(strict_cupy) is first


def test_statuses_are_raised_with_their_names(monkeypatch: pytest.MonkeyPatch) -> None:
    library = cublas_of(strict_cupy)
    with pytest.raises(BackendError, match="cublasGemmEx: CUBLAS_STATUS_INVALID_VALUE"):
        library.multiply(1, *[0] * 18)
    library._handle.value = 1
    with pytest.raises(BackendError, match="SetStream_v2: CUBLAS_STATUS_NOT_INITIALIZED"):
        library.multiply(1, *[0] * 18)
    with strict_cupy.cuda.Stream(non_blocking=True) as stream:
        stream.begin_capture()
        with pytest.raises(BackendError, match="cublasCreate_v2: CUBLAS_STATUS_ALLOC_FAILED"):
            Cublas(strict_cupy)
        stream.end_capture()
    monkeypatch.delitem(cublas.STATUSES, 1)
    with pytest.raises(BackendError, match=r"CUBLAS_STATUS_1$"):
        library.multiply(1, *[0] * 18)


def test_threads_multiply_at_the_same_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each in a stream of its own: the handle's stream is that of the thread that calls."""
    wrong: list[Any] = []

    def work() -> None:
        try:
            with strict_cupy.cuda.Stream(non_blocking=True):
                for _ in range(100):
                    np.testing.assert_allclose(*multiply(), 1e-5, 1e-6)
        except BaseException as error:
            wrong.append(error)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_a_product_waits_until_the_capture_of_another_thread_ends() -> None:
    """They share a handle, whose stream is the captured one until then."""
    product = threading.Thread(target=multiply)
    waits: list[bool] = []

    def launch() -> None:
        product.start()
        product.join(0.05)
        waits.append(product.is_alive())

    multiply()
    capture(strict_cupy, [launch])
    product.join()
    assert waits == [True]


def test_the_library_is_found_through_cupys_module() -> None:
    cupy = pytest.importorskip("cupy", reason="cupy is not installed")
    try:
        assert cupy.cuda.cublas
    except ImportError as error:
        pytest.skip(f"cupy does not find cuBLAS: {str(error).splitlines()[0]}")
    if cupy_problem():  # all four functions are there, and the first asks for a GPU
        with pytest.raises(BackendError, match="cublasCreate_v2: CUBLAS_STATUS_NOT_INITIALIZED"):
            Cublas(cupy)
    else:
        Cublas(cupy)
