"""Captured arrays: views of the same memory; any work on them but recorded calls ends a capture."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from lamella.backend.numba.call_recorder import capture
from lamella.backend.numba.captured_array import CapturedArray, captured, is_captured, plain

A = np.arange(6.0).reshape(2, 3)

ENDING: dict[str, Callable[[Any], Any]] = {
    "ufunc": lambda a: a + 1,
    "reduction": lambda a: a.sum(),
    "product": lambda a: a @ a.T,
    "function": lambda a: np.concatenate([a, a]),
    "copy": lambda a: a.copy(),
    "cast": lambda a: a.astype("float32"),
    "single number": lambda a: a[1, 2],
    "rows by index": lambda a: a[[0, 1]],
    "mask": lambda a: a[A > 2],
    "truth": lambda a: bool(a[:1, :1]),
    "list": lambda a: a.tolist(),
    "bytes": lambda a: a.tobytes(),
}
VIEWS: dict[str, Callable[[Any], Any]] = {
    "transpose": lambda a: a.T,
    "rows": lambda a: a[1:],
    "columns": lambda a: a[:, 1],
    "shape": lambda a: a.reshape(-1),
    "new axis": lambda a: a[None],
}


@pytest.mark.parametrize("use", ENDING.values(), ids=ENDING)
def test_work_of_numpy_ends_the_capture_with_the_right_result(use: Callable[[Any], Any]) -> None:
    with capture() as recorder:
        got = use(captured(A.copy()))
    assert not recorder.is_complete
    np.testing.assert_array_equal(plain(got), use(A))


@pytest.mark.parametrize("view", VIEWS.values(), ids=VIEWS)
def test_views_are_captured_too_and_share_memory(view: Callable[[Any], Any]) -> None:
    array = A.copy()
    with capture() as recorder:
        got = view(captured(array))
    assert recorder.is_complete
    assert is_captured(got)
    assert np.shares_memory(plain(got), array)
    np.testing.assert_array_equal(plain(got), view(A))


def test_writing_ends_the_capture_and_changes_the_original() -> None:
    for write in (lambda a: a.fill(7), lambda a: a.__setitem__(..., 7), lambda a: np.add(a, 7, a)):
        array = np.zeros(3)
        with capture() as recorder:
            write(captured(array))
        assert not recorder.is_complete
        assert array.tolist() == [7, 7, 7]


def test_plain_is_the_original_also_in_lists_and_tuples() -> None:
    view = captured(A)
    assert captured(view) is view
    assert captured(None) is None
    assert plain(view) is A
    assert plain([view, (view, 3)])[1][0] is A
    assert type(plain(view.T)) is np.ndarray


def test_copy_of_a_captured_array_has_memory_of_its_own() -> None:
    copy = np.array(captured(A), subok=True)
    assert isinstance(copy, CapturedArray)
    assert not is_captured(copy)
    assert not is_captured(A)
    assert is_captured(captured(A))
    assert is_captured(3.0)
