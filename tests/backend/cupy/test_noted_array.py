"""Noted arrays: views stay noted, all else ends the capture; on cupy's own arrays where it is.

Those lie in host memory here, so that views of them work without a GPU; their operations raise.
"""

import contextlib
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from lamella.backend.cupy.noted_array import NotedArray, NotingModule, expect_noted, noted, plain
from lamella.backend.cupy.tape import Tape, note_on
from lamella.backend.cupy.task import span
from lamella.testing import strict_cupy

HOST = np.arange(24, dtype="f4").reshape(4, 6)


def in_host_memory() -> Any:
    """Return an array of cupy whose memory is that of ``HOST``."""
    cupy = pytest.importorskip("cupy", reason="cupy is not installed")
    memory = cupy.cuda.UnownedMemory(HOST.ctypes.data, HOST.nbytes, HOST, 0)
    return cupy.ndarray(HOST.shape, HOST.dtype, cupy.cuda.MemoryPointer(memory, 0))


@pytest.fixture(params=["stand-in", "cupy"])
def array(request: pytest.FixtureRequest) -> Any:
    return in_host_memory() if request.param == "cupy" else strict_cupy.asarray(HOST)


VIEWS: dict[str, tuple[Callable[[Any], Any], int]] = {
    "T": (lambda x: x.T, 0),
    "reshape": (lambda x: x.reshape(6, 4), 0),
    "reshape(-1)": (lambda x: x.reshape(-1), 0),
    "ravel": (lambda x: x.ravel(), 0),
    "rows": (lambda x: x[1:3], 24),
    "a row": (lambda x: x[2], 48),
    "a column": (lambda x: x[:, 1], 4),
    "a number": (lambda x: x[1, 2, ...], 32),
    "one more axis": (lambda x: x[None], 0),
}


@pytest.mark.parametrize("name", VIEWS)
def test_views_are_noted_and_have_the_same_memory(array: Any, name: str) -> None:
    view, offset = VIEWS[name]
    tape = Tape(None)
    with note_on(tape):
        found = view(noted(array))
        expect_noted(found)
    assert isinstance(found, NotedArray)
    assert not tape.obstacle
    expected = view(array)
    assert (found.shape, found.strides) == (expected.shape, expected.strides)
    assert span(found) == span(expected)
    assert span(found)[0] - span(array)[0] == offset
    assert type(plain(found)) is type(array)


def test_plain_arrays_are_the_very_ones(array: Any) -> None:
    view = noted(array)
    assert noted(view) is view
    assert plain(view) is array
    (first, (second, number)) = plain([view, (view, 1)])
    assert first is second is array
    assert number == 1
    assert noted(None) is None


ENDINGS: dict[str, Callable[[Any, Any], Any]] = {
    "__add__": lambda x, a: x + 1,
    "__radd__": lambda x, a: a + x,
    "__rmul__": lambda x, a: 2 * x,
    "__iadd__": lambda x, a: x.__iadd__(1),
    "__pow__": lambda x, a: x**2,
    "__matmul__": lambda x, a: x @ a.T,
    "__neg__": lambda x, a: -x,
    "__lt__": lambda x, a: x < 0,
    "__eq__": lambda x, a: x == 0,
    "__float__": lambda x, a: float(x[0, 0]),
    "__int__": lambda x, a: int(x[0, 0]),
    "__bool__": lambda x, a: bool(x[0, 0]),
    "__iter__": lambda x, a: list(x),
    "__array__": lambda x, a: np.asarray(x),
    "__setitem__": lambda x, a: x.__setitem__(0, 1),
    "__cuda_array_interface__": lambda x, a: x.__cuda_array_interface__,
    "sum": lambda x, a: x.sum(),
    "max": lambda x, a: x.max(axis=0),
    "astype": lambda x, a: x.astype("f8"),
    "copy": lambda x, a: x.copy(),
    "fill": lambda x, a: x.fill(0),
    "get": lambda x, a: x.get(),
    "set": lambda x, a: x.set(HOST),
    "item": lambda x, a: x[0, 0].item(),
    "take": lambda x, a: x.take(0),
    "an index": lambda x, a: x[a],
    "reshape": lambda x, a: x.T.reshape(-1),
    "not the network's": lambda x, a: expect_noted(x, a),
}


@pytest.mark.parametrize("name", ENDINGS)
def test_all_else_ends_the_capture(array: Any, name: str) -> None:
    tape, view = Tape(None), noted(array)
    with note_on(tape), contextlib.suppress(Exception):  # without a device nothing is computed
        ENDINGS[name](view, array)
    assert name in tape.obstacle
    assert plain(view) is array


def test_a_module_ends_the_capture_and_gives_what_is_asked_for() -> None:
    tape = Tape(None)
    with note_on(tape):
        assert NotingModule(np).maximum is np.maximum
    assert "xp.maximum" in tape.obstacle
