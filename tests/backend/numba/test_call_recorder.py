"""Calls on a recorder: replayed in their order on the same arrays, or else not at all."""

import functools
import gc
import importlib
import subprocess
import sys
import threading
import weakref
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from lamella.backend import numba as compiled
from lamella.backend import threads
from lamella.backend.elementwise import trace as record_rule
from lamella.backend.numba.elementwise import compile_loop, compile_map
from lamella.backend.numpy_elementwise import run_whole
from lamella.backend.random import HostNoise

pytest.importorskip("numba", reason="recorders need numba: pip install 'lamella[fast]'")
if not compiled.has_products():
    pytest.skip("this processor has no fused multiply-add", allow_module_level=True)

import numba

from lamella.backend.numba import elementwise as rules
from lamella.backend.numba.call_recorder import (
    CallRecorder,
    _to_task,
    call,
    call_python,
    capture,
    current_recorder,
    end_capture,
)
from lamella.backend.numba.captured_array import captured
from lamella.backend.numba.code_cache import compile_function
from lamella.backend.numba.gemm import dot
from lamella.backend.numba.numba_backend import RecordedNoise
from lamella.backend.numba.thread_pool import get_pool

DTYPES = ["float32", "float64"]
TIME_LIMIT = 600  # seconds after which it is taken for a deadlock


def recorded_python(run: Any) -> Any:
    return functools.partial(call_python, run)


# What is compiled, with every kind of argument; each call makes itself felt.


def add_once(source: np.ndarray, target: np.ndarray) -> None:
    for i in range(source.shape[0]):
        target[i] += source[i]


def fill_matrix(source: np.ndarray, target: np.ndarray) -> None:
    for i in range(source.shape[0]):
        for j in range(source.shape[1]):
            target[i, j] = 10 * target[i, j] + source[i, j]


def mix(a: np.ndarray, factor: float, k: int, shift: float, out: np.ndarray) -> None:
    out[k] = out[k] * 2 + a[k] * factor + shift


def append(out: np.ndarray, number: int) -> None:
    """Write a number behind those that are there; the first says how many."""
    out[0] += 1
    out[out[0]] = number


def raises(out: np.ndarray) -> None:
    out[0] = 1
    raise ValueError("always")


@numba.njit(cache=True)
def decorated(out: np.ndarray, number: int) -> None:
    out[0] = 10 * out[0] + number


def played(recorder: CallRecorder) -> Callable[[], None]:
    play = recorder.finish()
    assert play is not None
    return play


def numbers(*shape: int, dtype: Any = "float64") -> np.ndarray:
    return np.arange(1, 1 + np.prod(shape, dtype=int)).reshape(shape).astype(dtype)


# ------------------------------------------------------------------- what can be told


@pytest.mark.parametrize(
    "dtype",
    ["float32", "float64", "uint8", "int64", "int8", "uint16", "int32", "bool", "complex64"],
)
def test_vectors_of_any_numbers_are_played(dtype: str) -> None:
    function = compile_function(add_once)
    source, target = numbers(5, dtype=dtype), np.zeros(5, dtype)
    with capture() as recorder:
        call(function, source, target)
    play = played(recorder)
    np.testing.assert_array_equal(target, source)
    source[2] = 0
    expected = target + source
    play()
    np.testing.assert_array_equal(target, expected)
    assert target.dtype == dtype


FORMS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "C order": np.ascontiguousarray,
    "transposed": np.asfortranarray,
    "one row": lambda a: np.ascontiguousarray(a[:1]),
    "one column": lambda a: np.ascontiguousarray(a[:, :1]),
    "one row transposed": lambda a: np.asfortranarray(a[:, :1].T),
    "rows of a larger one": lambda a: np.vstack([a, a])[2:5],
    "columns of a larger one, transposed": lambda a: np.asfortranarray(np.hstack([a, a]))[:, 1:3],
    "no rows": lambda a: a[:0],
    "no columns": lambda a: np.ascontiguousarray(a[:, :0]),
    "read only": lambda a: read_only(a),
}


def read_only(array: np.ndarray) -> np.ndarray:
    array = array.copy()
    array.flags.writeable = False
    return array


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("form", FORMS)
def test_matrices_in_any_whole_form_are_played(form: str, dtype: str) -> None:
    function = compile_function(fill_matrix)
    source = FORMS[form](numbers(4, 3, dtype=dtype))
    memory = np.zeros((source.size + 2,), dtype)
    for order in "CF":
        memory[:] = 7
        target = memory[1:-1].reshape(source.shape, order=order)  # type: ignore[call-overload]
        target[...] = 0
        with capture() as recorder:
            call(function, source, target)
        np.testing.assert_array_equal(target, source)
        play = played(recorder)
        play()
        play()
        np.testing.assert_array_equal(target, 111 * source)
        assert (memory[[0, -1]] == 7).all()


def test_numbers_are_those_of_the_call() -> None:
    function = compile_function(mix)
    a, out = numbers(3), np.zeros(3)
    factor, k, shift = 0.1, 2, -1e-300
    with capture() as recorder:
        call(function, a, factor, k, shift, out)
        call(function, a, np.float64(1 / 3), -3, np.inf, out)
    first = out.copy()
    factor, k, shift = 9.0, 1, 9.0
    play = played(recorder)
    out[:] = 0
    play()
    np.testing.assert_array_equal(out, first)
    assert out.tolist() == [np.inf, 0, 0.1 * 3 - 1e-300]


def test_whole_numbers_of_64_bits_are_told() -> None:
    function = compile_function(append)
    out = np.zeros(9, np.int64)
    with capture() as recorder:
        for number in (2**63 - 1, -(2**63), 0, -1):
            call(function, out, number)
    out[:] = 0
    played(recorder)()
    assert out.tolist() == [4, 2**63 - 1, -(2**63), 0, -1, 0, 0, 0, 0]


def test_function_that_is_compiled_where_it_is_written_is_played() -> None:
    out = np.zeros(1, np.int64)
    with capture() as recorder:
        call(decorated, out, 1)
        call(decorated, out, 2)
    played(recorder)()
    assert out[0] == 1212


def test_nothing_on_a_tape_does_nothing() -> None:
    with capture() as recorder:
        pass
    played(recorder)()


# --------------------------------------------------------------- what cannot be told

STRIDED: dict[str, Callable[[], np.ndarray]] = {
    "every second": lambda: numbers(10)[::2],
    "backwards": lambda: numbers(5)[::-1],
    "a column": lambda: np.ascontiguousarray(numbers(5, 4))[:, 1],
    "foreign byte order": lambda: numbers(5).astype(np.dtype("f8").newbyteorder()),
    "dates": lambda: numbers(5, dtype="int64").astype("m8[s]"),
}


def done_and_not_noted(function: Any, *arguments: Any) -> CallRecorder:
    """See that what cannot be noted is done all the same, and that the recorder says so."""
    with capture() as recorder:
        call(function, *arguments)
    assert not recorder.is_complete
    assert recorder.finish() is None
    return recorder


@pytest.mark.parametrize("form", ["every second", "backwards", "a column"])
def test_views_with_gaps_make_the_tape_not_whole(form: str) -> None:
    source, target = STRIDED[form](), np.zeros(5)
    done_and_not_noted(compile_function(add_once), source, target)
    np.testing.assert_array_equal(target, source)
    done_and_not_noted(compile_function(add_once), target, source)


class Plain:
    """A function that takes what numba does not."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self.py_func = function

    def __call__(self, *arguments: Any) -> None:
        self.py_func(*arguments)


@pytest.mark.parametrize("form", ["foreign byte order", "dates"])
def test_numbers_of_other_kinds_make_the_tape_not_whole(form: str) -> None:
    source = STRIDED[form]()
    target = np.zeros(5, source.dtype)
    done_and_not_noted(Plain(add_once), source, target)
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
def test_other_arguments_make_the_tape_not_whole(number: Any) -> None:
    out = np.zeros(2)
    done_and_not_noted(Plain(count_calls), out, number)
    assert out.tolist() == [1, 0]


def test_single_numbers_in_arrays_make_the_tape_not_whole() -> None:
    out = np.zeros(())
    done_and_not_noted(Plain(set_all), out, 3.0)
    assert out == 3


def test_matrices_of_three_axes_turned_halfway_make_the_tape_not_whole() -> None:
    out = np.zeros((2, 3, 4)).transpose(1, 0, 2)
    done_and_not_noted(Plain(set_all), out, 3.0)
    assert (out == 3).all()


def local(name: str, factor: int) -> Any:
    """Return a function that only looks as if it was found by its name."""

    def append(out: np.ndarray, number: int) -> None:
        out[0] += 1
        out[out[0]] = factor * number

    append.__name__ = append.__qualname__ = name
    return append


@pytest.mark.parametrize("name", ["append", "unheard_of", "<lambda>", "__name__"])
def test_function_that_is_not_found_by_its_name_makes_the_tape_not_whole(name: str) -> None:
    out = np.zeros(5, np.int64)
    done_and_not_noted(numba.njit(local(name, 7)), out, 3)
    assert out.tolist() == [1, 21, 0, 0, 0]


def test_function_of_a_class_makes_the_tape_not_whole() -> None:
    out = np.zeros(2, np.int64)
    done_and_not_noted(Plain(Plain.__call__), Plain(set_all), out, 1)
    assert out.tolist() == [1, 1]


def test_function_without_a_file_makes_the_tape_not_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    module = ModuleType("typed_in")
    exec("def double(out, number):\n    out[0] = 2 * number\n", vars(module))  # as a notebook does
    monkeypatch.setitem(sys.modules, "typed_in", module)
    out = np.zeros(1, np.int64)
    done_and_not_noted(numba.njit(module.double), out, 3)
    assert out[0] == 6


def test_module_that_is_gone_makes_the_tape_not_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = written("def loop(out):\n    out[0] = 5\n", tmp_path, monkeypatch)
    monkeypatch.delitem(sys.modules, module.__name__)
    out = np.zeros(1)
    done_and_not_noted(Plain(module.loop), out)
    assert out[0] == 5


def test_tape_is_not_whole_once_something_was_not_noted() -> None:
    function, out = compile_function(append), np.zeros(5, np.int64)
    with capture() as recorder:
        call(function, out, 1)
        end_capture()
        call(function, out, 2)
    assert out.tolist() == [2, 1, 2, 0, 0]
    assert recorder.finish() is None


def test_products_left_to_numpy_make_the_tape_not_whole() -> None:
    a, b, out = numbers(4, 6), numbers(6, 3), np.zeros((4, 3))
    with capture() as recorder:
        dot(a[:, ::2], np.ascontiguousarray(b[::2]), out)
    np.testing.assert_array_equal(out, a[:, ::2] @ b[::2])
    assert recorder.finish() is None


# ------------------------------------------------------------------------ order, Python


def test_calls_and_python_are_played_in_their_order() -> None:
    function, out = compile_function(append), np.zeros(20, np.int64)

    @recorded_python
    def in_python(number: int, twice: bool = False) -> int:
        for _ in range(1 + twice):
            append(out, number)
        return number

    with capture() as recorder:
        assert in_python(1) == 1
        call(function, out, 2)
        call(function, out, 3)
        assert in_python(4, True) == 4
        in_python(5)
        call(function, out, 6)
    expected = [7, 1, 2, 3, 4, 4, 5, 6]
    assert out[:8].tolist() == expected
    for _ in range(3):
        out[:] = 0
        played(recorder)()
        assert out[:9].tolist() == [*expected, 0]


def test_nothing_is_noted_outside_of_the_block_or_after_an_error() -> None:
    function, out = compile_function(append), np.zeros(9, np.int64)
    call(function, out, 1)
    with capture() as recorder:
        call(function, out, 2)
        assert current_recorder() is recorder
    call(function, out, 3)
    with pytest.raises(ZeroDivisionError), capture() as other:
        raise ZeroDivisionError
    assert current_recorder() is None
    call(function, out, 4)
    out[:] = 0
    played(other)()
    assert out[0] == 0
    played(recorder)()
    assert out.tolist()[:3] == [1, 2, 0]


def test_call_that_raises_is_not_noted() -> None:
    function, out = compile_function(append), np.zeros(9, np.int64)
    with capture() as recorder:
        call(function, out, 1)
        with pytest.raises(ValueError, match="always"):
            call(compile_function(raises), out)
    assert out[0] == 1
    out[:] = 0
    played(recorder)()
    assert out.tolist()[:3] == [1, 1, 0]


def test_tape_within_a_tape_is_its_own_and_the_outer_one_is_not_whole() -> None:
    function, out = compile_function(append), np.zeros(9, np.int64)
    with capture() as outer:
        call(function, out, 1)
        with capture() as inner:
            call(function, out, 2)
        assert current_recorder() is outer
        call(function, out, 3)
    assert outer.finish() is None
    out[:] = 0
    played(inner)()
    assert out.tolist()[:3] == [1, 2, 0]


def test_each_thread_notes_its_own() -> None:
    function = compile_function(append)
    outs = [np.zeros(200, np.int64) for _ in range(4)]
    recorders: list[Any] = [None] * 4
    together = threading.Barrier(4, timeout=TIME_LIMIT)

    def work(number: int) -> None:
        together.wait()
        if number == 3:  # which notes nothing
            for k in range(100):
                call(function, outs[number], k)
            return
        with capture() as recorder:
            for k in range(100):
                call(function, outs[number], 100 * number + k)
        recorders[number] = recorder

    several = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in several:
        thread.start()
    for thread in several:
        thread.join(TIME_LIMIT)
    for number, out in enumerate(outs[:3]):
        out[:] = 0
        played(recorders[number])()
        assert out[:102].tolist() == [100, *range(100 * number, 100 * number + 100), 0]


def test_lock_of_the_pool_is_free_while_python_is_played_and_afterwards() -> None:
    function, out, seen = compile_function(append), np.zeros(9, np.int64), []

    @recorded_python
    def look() -> None:
        seen.append(get_pool().lock.locked())

    @recorded_python
    def fail() -> None:
        if len(seen) > 1:
            raise ZeroDivisionError

    with capture() as recorder:
        call(function, out, 1)
        look()
        fail()
        call(function, out, 2)
    play = played(recorder)
    with pytest.raises(ZeroDivisionError):
        play()
    assert seen == [False, False]
    assert not get_pool().lock.locked()
    assert out.tolist()[:5] == [3, 1, 2, 1, 0]


def test_tape_waits_for_who_has_the_pool() -> None:
    function, out = compile_function(append), np.zeros(9, np.int64)
    with capture() as recorder:
        call(function, out, 1)
    play = played(recorder)
    with get_pool().lock:
        thread = threading.Thread(target=play, daemon=True)
        thread.start()
        thread.join(0.2)
        assert out[0] == 1
    thread.join(TIME_LIMIT)
    assert out[0] == 2


# ---------------------------------------------------------------------- what is in lamella


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [(1, 5, 3), (64, 784, 30), (90, 70, 80), (130, 300, 90)], ids=str)
@pytest.mark.parametrize("zeros", [0.0, 0.9])
def test_products_are_played_with_the_same_bits(
    shape: tuple[int, int, int], zeros: float, dtype: str, three_threads: Any
) -> None:
    """Whether lists of terms are made is decided anew by what is there."""
    rows, depth, columns = shape
    rng = np.random.default_rng(0)
    a, b = (rng.standard_normal(s).astype(dtype) for s in ((rows, depth), (depth, columns)))
    bias = rng.standard_normal(columns).astype(dtype)
    out, turned = np.zeros((rows, columns), dtype), np.zeros((depth, columns), dtype)
    other = np.zeros((rows, columns), dtype)
    with capture() as recorder:
        dot(a, b, out, bias)
        dot(a.T, out, turned)
        dot(a, turned, other)
    play = played(recorder)
    for share in (zeros, 1 - zeros, zeros):
        a[...] = rng.standard_normal(a.shape) * (rng.random(a.shape) >= share)
        for array in (out, turned, other):
            array[...] = np.nan
        play()
        expected = dot(a, b, np.empty_like(out), bias)
        np.testing.assert_array_equal(out, expected)
        expected = dot(a.T, expected, np.empty_like(turned))
        np.testing.assert_array_equal(turned, expected)
        np.testing.assert_array_equal(other, dot(a, expected, np.empty_like(other)))


def test_larger_products_in_between_leave_the_lists_of_a_tape_alone() -> None:
    rng = np.random.default_rng(0)
    a, b, out = rng.standard_normal((70, 90)), rng.standard_normal((90, 80)), np.zeros((70, 80))
    a[rng.random(a.shape) < 0.9] = 0
    with capture() as recorder:
        dot(a, b, out)
    expected, play = out.copy(), played(recorder)
    large = rng.standard_normal((900, 2000)) * (rng.random((900, 2000)) < 0.1)
    dot(large, rng.standard_normal((2000, 40)), np.empty((900, 40)))
    out[...] = np.nan
    play()
    np.testing.assert_array_equal(out, expected)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("size", [10, rules.SHARED - 1, rules.SHARED, 5 * rules.PIECE + 1])
def test_loops_over_vectors_are_played_with_the_scalars_of_each_call(
    size: int, dtype: str, three_threads: Any
) -> None:
    x, out = numbers(size, dtype=dtype) / size, np.zeros(size, dtype)
    x = x.astype(dtype)
    run = compile_loop(record_rule(lambda o, x, s: o * s + x, 2, 1), (out, x), (out,))
    with capture() as recorder:
        run(2.0)
        run(0.1)
    play = played(recorder)
    run(5.0)  # which is of no concern to the recorder
    out[:] = 1
    play()
    number = np.dtype(dtype).type
    expected = (np.ones(size, dtype) * number(2) + x) * number(0.1) + x
    np.testing.assert_array_equal(out, expected)


@pytest.mark.parametrize("plain", [False, True], ids=["compiled", "numpy's"])
def test_maps_are_played_with_arrays_and_scalars_of_each_call(plain: bool) -> None:
    program = record_rule(lambda x, row, s: x * s + row, 2, 1)
    run = recorded_python(run_whole(program)) if plain else compile_map(program)
    x, row, out, other = numbers(4, 3), numbers(3), np.zeros((4, 3)), np.zeros((4, 3))
    with capture() as recorder:
        run(out, (x, row), (2.0,))
        run(other, (out, x), (3.0,))
    play = played(recorder)
    run(np.zeros((4, 3)), (x, row), (9.0,))
    x *= 5
    row += 1
    out[...] = other[...] = np.nan
    play()
    np.testing.assert_array_equal(out, x * 2 + row)
    np.testing.assert_array_equal(other, out * 3 + x)


def test_noise_on_a_tape_goes_on() -> None:
    draws = [np.zeros(50, "f4") for _ in range(3)]
    noise, twin = RecordedNoise(5), HostNoise(5)
    with capture() as recorder:
        noise.dropout_mask(0.5, out=captured(draws[0]))
        noise.uniform(out=captured(draws[1]))
        noise.normal(out=captured(draws[2]))
    play = played(recorder)
    for turn in range(4):
        for kind, got in zip(("dropout_mask", "uniform", "normal"), draws, strict=True):
            arguments = (0.5,) if kind == "dropout_mask" else ()
            expected = getattr(twin, kind)(*arguments, out=np.zeros(50, "f4"))
            np.testing.assert_array_equal(got, expected, f"{kind} {turn}")
        play()
    assert noise.draws == 15


# ------------------------------------------------------------------------------- memory


def test_arrays_live_as_long_as_the_tape() -> None:
    a, b, out = numbers(80, 90), numbers(90, 70), np.zeros((80, 70))
    source, target = numbers(5), np.zeros(5)
    long, also = np.full(rules.SHARED, 2.0), np.full(rules.SHARED, 3.0)
    run = compile_loop(record_rule(lambda x, y: x * y, 2, 0), (long, also), (long,))
    with capture() as recorder:
        dot(a, b, out)
        call(compile_function(add_once), source, target)
        run()
    play = played(recorder)
    arrays = [a, b, out, source, target, long, also]
    expected = [array.copy() for array in arrays]
    expected[4] += source
    expected[5] *= also
    watched = [weakref.ref(array) for array in arrays]
    del a, b, out, source, target, long, also, run, arrays, recorder
    gc.collect()
    others = [np.full(shape, np.nan) for shape in [(80, 90), (90, 70), (80, 70), 5, 5] * 3]
    others += [np.full(rules.SHARED, np.nan) for _ in range(5)]
    play()
    for ref, array in zip(watched, expected, strict=True):
        np.testing.assert_array_equal(ref(), array)
    assert all(np.isnan(array).all() for array in others)
    del play
    gc.collect()
    assert [ref() for ref in watched] == [None] * len(watched)


def test_tape_that_is_gone_frees_its_arrays_without_the_collector() -> None:
    """A training makes one after the other, and each may hold much."""
    a, out = numbers(4, 4), np.zeros((4, 4))
    gc.disable()
    try:
        with capture() as recorder:
            dot(a, a, out)
        play = played(recorder)
        ref = weakref.ref(a)
        del a, recorder, play
        assert ref() is None
    finally:
        gc.enable()


# -------------------------------------------------------------------- files and sources


def written(source: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """Return a module with this source, new or anew."""
    file = folder / f"own_{folder.name}.py"
    file.write_text(source)
    monkeypatch.syspath_prepend(folder)
    importlib.invalidate_caches()
    module = sys.modules.get(file.stem)
    if module is None:
        module = importlib.import_module(file.stem)
        monkeypatch.setitem(sys.modules, file.stem, module)
        return module
    Path(importlib.util.cache_from_source(str(file))).unlink(missing_ok=True)
    return importlib.reload(module)


LOOP = (
    "def helper(x):\n    return {factor} * x\n\n\ndef loop(out):\n    out[0] = helper(out[0]) + 1\n"
)


def test_source_of_a_task_changes_with_the_file_of_the_function(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = _to_task(written(LOOP.format(factor=2), tmp_path, monkeypatch).loop, ["words[1]"])
    again = _to_task(written(LOOP.format(factor=2), tmp_path, monkeypatch).loop, ["words[1]"])
    other = _to_task(written(LOOP.format(factor=3), tmp_path, monkeypatch).loop, ["words[1]"])
    assert first == again
    assert first != other


ADD = "def loop(out):\n    out[0] += {term}\n"


def test_function_that_was_loaded_anew_is_played_as_it_is_now(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for term in (1, 5):
        module = written(ADD.format(term=term), tmp_path, monkeypatch)
        out = np.zeros(1)
        with capture() as recorder:
            call(numba.njit(module.loop), out)
        played(recorder)()
        assert out[0] == 2 * term


SCRIPT = """
import sys
sys.path.insert(0, {folder!r})
import numpy as np
from own import loop
from lamella.backend.numba.code_cache import compile_function
from lamella.backend.numba.call_recorder import call, capture
out = np.zeros(1)
with capture() as recorder:
    call(compile_function(loop), out)
recorder.finish()()
print(out[0])
"""


def test_code_kept_on_disk_is_not_that_of_an_older_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    found = []
    for factor in (2, 2, 3):
        (tmp_path / "own.py").write_text(ADD.format(term=factor))
        command = [sys.executable, "-c", SCRIPT.format(folder=str(tmp_path))]
        done = subprocess.run(command, capture_output=True, text=True, timeout=TIME_LIMIT)
        assert done.returncode == 0, done.stderr[-2000:]
        found.append((float(done.stdout), len(list((tmp_path / "cache").rglob("*.nbc")))))
    assert [value for value, _ in found] == [4, 4, 6]
    assert found[0][1] == found[1][1] > 0
    assert found[2][1] > found[1][1]


def test_threads_that_play_at_once_give_what_each_gives_alone(three_threads: Any) -> None:
    assert threads.workers() == 3
    rng = np.random.default_rng(0)
    plays, outs = [], []
    for number in range(4):
        a = rng.standard_normal((100 + number, 90))
        a[rng.random(a.shape) < 0.3 * number] = 0
        b, out = rng.standard_normal((90, 80)), np.zeros((100 + number, 80))
        with capture() as recorder:
            dot(a, b, out)
        plays.append(played(recorder))
        outs.append(out)
    expected = [out.copy() for out in outs]
    wrong: list[int] = []

    def work(number: int) -> None:
        for _ in range(150):
            outs[number][...] = np.nan
            plays[number]()
            if not np.array_equal(outs[number], expected[number]):
                wrong.append(number)

    several = [threading.Thread(target=work, args=(number,), daemon=True) for number in range(4)]
    for thread in several:
        thread.start()
    for thread in several:
        thread.join(TIME_LIMIT)
        assert not thread.is_alive()
    assert wrong == []
