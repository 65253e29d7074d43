"""Calls that cannot be recorded: they take effect, and the capture has no replay."""

import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from lamella.backend import numba as compiled

if compiled.products_problem():
    pytest.skip(compiled.products_problem(), allow_module_level=True)

import numba

from lamella.backend.numba.call_recorder import (
    call,
    capture,
    end_capture,
)
from lamella.backend.numba.code_cache import compile_function
from lamella.backend.numba.gemm import dot
from tests.backend.numba.recorded_functions import add_once, append, numbers, written

STRIDED: dict[str, Callable[[], np.ndarray]] = {
    "every second": lambda: numbers(10)[::2],
    "backwards": lambda: numbers(5)[::-1],
    "a column": lambda: np.ascontiguousarray(numbers(5, 4))[:, 1],
    "foreign byte order": lambda: numbers(5).astype(np.dtype("f8").newbyteorder()),
    "dates": lambda: numbers(5, dtype="int64").astype("m8[s]"),
}


def call_unrecorded(function: Any, *arguments: Any) -> None:
    """Call a function in a capture, and assert that the call is not recorded."""
    with capture() as recorder:
        call(function, *arguments)
    assert not recorder.is_complete
    assert recorder.finish() is None


@pytest.mark.parametrize("form", ["every second", "backwards", "a column"])
def test_strided_views_are_not_recorded(form: str) -> None:
    source, target = STRIDED[form](), np.zeros(5)
    call_unrecorded(compile_function(add_once), source, target)
    np.testing.assert_array_equal(target, source)
    call_unrecorded(compile_function(add_once), target, source)


class Plain:
    """A function of arguments that numba cannot compile."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self.py_func = function

    def __call__(self, *arguments: Any) -> None:
        self.py_func(*arguments)


@pytest.mark.parametrize("form", ["foreign byte order", "dates"])
def test_other_dtypes_are_not_recorded(form: str) -> None:
    source = STRIDED[form]()
    target = np.zeros(5, source.dtype)
    call_unrecorded(Plain(add_once), source, target)
    np.testing.assert_array_equal(target, source)


def set_all(out: np.ndarray, number: Any) -> None:
    out[...] = number


def count_calls(out: np.ndarray, other: Any) -> None:
    out[0] += 1


@pytest.mark.parametrize(
    "number",
    [None, "1", 1j, np.float32(0.5), np.int64(3), True, 2**63, (1, 2), [1.0, 2.0]],
    ids=repr,
)
def test_arguments_of_other_types_are_not_recorded(number: Any) -> None:
    out = np.zeros(2)
    call_unrecorded(Plain(count_calls), out, number)
    assert out.tolist() == [1, 0]


def test_arrays_without_axes_are_not_recorded() -> None:
    out = np.zeros(())
    call_unrecorded(Plain(set_all), out, 3.0)
    assert out == 3


def test_partly_transposed_arrays_are_not_recorded() -> None:
    out = np.zeros((2, 3, 4)).transpose(1, 0, 2)
    call_unrecorded(Plain(set_all), out, 3.0)
    assert (out == 3).all()


def local(name: str, factor: int) -> Any:
    """Return a nested function whose name is that of a function of the module."""

    def append(out: np.ndarray, number: int) -> None:
        out[0] += 1
        out[out[0]] = factor * number

    append.__name__ = append.__qualname__ = name
    return append


@pytest.mark.parametrize("name", ["append", "unheard_of", "<lambda>", "__name__"])
def test_function_not_found_by_its_name_is_not_recorded(name: str) -> None:
    out = np.zeros(5, np.int64)
    call_unrecorded(numba.njit(local(name, 7)), out, 3)
    assert out.tolist() == [1, 21, 0, 0, 0]


def test_method_is_not_recorded() -> None:
    out = np.zeros(2, np.int64)
    call_unrecorded(Plain(Plain.__call__), Plain(set_all), out, 1)
    assert out.tolist() == [1, 1]


def test_function_without_a_file_is_not_recorded(monkeypatch: pytest.MonkeyPatch) -> None:
    module = ModuleType("typed_in")
    exec("def double(out, number):\n    out[0] = 2 * number\n", vars(module))  # as a notebook does
    monkeypatch.setitem(sys.modules, "typed_in", module)
    out = np.zeros(1, np.int64)
    call_unrecorded(numba.njit(module.double), out, 3)
    assert out[0] == 6


def test_function_of_a_deleted_module_is_not_recorded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = written("def loop(out):\n    out[0] = 5\n", tmp_path, monkeypatch)
    monkeypatch.delitem(sys.modules, module.__name__)
    out = np.zeros(1)
    call_unrecorded(Plain(module.loop), out)
    assert out[0] == 5


def test_capture_stays_incomplete_after_an_unrecorded_call() -> None:
    function, out = compile_function(append), np.zeros(5, np.int64)
    with capture() as recorder:
        call(function, out, 1)
        end_capture()
        call(function, out, 2)
    assert out.tolist() == [2, 1, 2, 0, 0]
    assert recorder.finish() is None


def test_products_left_to_numpy_are_not_recorded() -> None:
    a, b, out = numbers(4, 6), numbers(6, 3), np.zeros((4, 3))
    with capture() as recorder:
        dot(a[:, ::2], np.ascontiguousarray(b[::2]), out)
    np.testing.assert_array_equal(out, a[:, ::2] @ b[::2])
    assert recorder.finish() is None
