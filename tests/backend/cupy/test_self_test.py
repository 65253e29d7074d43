"""Kernels that do not work on a device are found, and not used."""

import sys
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import lamella as lm
from lamella.backend import CupyBackend, get_backend
from lamella.backend.cupy import cupy_backend, kernels
from lamella.backend.cupy.graph_backend import GraphBackend
from lamella.backend.cupy.self_test import cublas_problem, kernels_problem
from lamella.testing import strict_cupy
from lamella.testing.strict_cupy.raw_kernels import compiler_problem
from lamella.testing.strict_cupy.streams import CUDARuntimeError

pytestmark = pytest.mark.skipif(bool(compiler_problem()), reason=compiler_problem())

WRONG = {
    "a product": ("out[i * N + j] = value;", "out[i * N + j] = value + (K > 100);"),
    "a dropout mask": ("(u64)block + 1, bits", "(u64)block + 2, bits"),
    "a graph": ("++*AT(int, 0)", "*AT(int, 0) = 1"),
}


@pytest.fixture(autouse=True)
def fresh() -> Iterator[None]:
    kernels_problem.cache_clear()
    yield
    kernels_problem.cache_clear()


def test_right_kernels_have_no_problem() -> None:
    assert kernels_problem(strict_cupy) == ""


@pytest.mark.parametrize("name", WRONG)
def test_wrong_numbers_are_told(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    text, (old, new) = kernels._read(), WRONG[name]
    assert old in text
    monkeypatch.setattr(kernels, "_read", lambda: text.replace(old, new))
    assert kernels_problem(strict_cupy).endswith(f"are not used: wrong numbers of {name}")


def test_a_refused_capture_is_no_problem_of_the_kernels(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(self: Any, mode: Any = None) -> None:
        raise CUDARuntimeError("cudaErrorNotSupported")

    monkeypatch.setattr(strict_cupy.cuda.Stream, "begin_capture", refuse)
    assert kernels_problem(strict_cupy) == ""


def test_nothing_is_captured_where_captures_are_switched_off(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """They may be the fault that is looked for."""
    monkeypatch.setenv("LAMELLA_CAPTURE", "0")
    begun: list[Any] = []
    monkeypatch.setattr(strict_cupy.cuda.Stream, "begin_capture", begun.append)
    cublas_problem.cache_clear()
    assert kernels_problem(strict_cupy) == cublas_problem(strict_cupy, np.dtype("f4")) == ""
    cublas_problem.cache_clear()
    assert not begun


def test_cupy_has_the_backend_of_kernels_or_says_why_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cupy", strict_cupy)
    monkeypatch.setattr(cupy_backend, "cupy_problem", lambda: "")
    backend = get_backend("cupy")
    assert type(backend) is GraphBackend
    assert repr(backend) == "cupy (asked for)"

    def refuse(**_: Any) -> None:
        raise CUDARuntimeError("NVRTC_ERROR_COMPILATION: no header\nin line 1")

    kernels_problem.cache_clear()
    monkeypatch.setattr(strict_cupy, "RawModule", refuse)
    backend = get_backend("cupy")
    assert type(backend) is CupyBackend
    assert repr(backend) == (
        "cupy (asked for; lamella's kernels do not work (CUDARuntimeError: "
        "NVRTC_ERROR_COMPILATION: no header))"
    )
    found = [trained(each) for each in (backend, "numpy")]
    np.testing.assert_allclose(*found, rtol=1e-5)


def trained(backend: Any) -> np.ndarray:
    """Return the losses of a small training with dropout."""
    x = np.random.default_rng(0).standard_normal((20, 3)).astype("f4")
    layers = [lm.Dense(4), lm.Dropout(0.5), lm.Dense(2)]
    model = lm.Sequential(layers, seed=1, backend=backend)
    model.compile("cross-entropy", "adam", ["accuracy"])
    model.fit(x, np.arange(20) % 2, epochs=2, batch_size=6, verbose=False, check=False)
    return np.array(model.history.steps)


@pytest.mark.parametrize("tf32", ["0", "1"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_cublas_has_no_problem(dtype: str, tf32: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUPY_TF32", tf32)
    cublas_problem.cache_clear()
    assert cublas_problem(strict_cupy, np.dtype(dtype)) == ""
