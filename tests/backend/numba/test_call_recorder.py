"""Recorded calls: replayed in their order on the same arrays, which live as long as the replay."""

import gc
import weakref
from collections.abc import Callable

import numpy as np
import pytest

from lamella.backend import numba as compiled
from lamella.backend.elementwise import trace as record_rule
from lamella.backend.numba.elementwise import compile_loop

if compiled.products_problem():
    pytest.skip(compiled.products_problem(), allow_module_level=True)


from lamella.backend.numba import elementwise as rules
from lamella.backend.numba.call_recorder import (
    call,
    capture,
    current_recorder,
)
from lamella.backend.numba.code_cache import compile_function
from lamella.backend.numba.gemm import dot
from tests.backend.numba.recorded_functions import (
    add_once,
    append,
    decorated,
    fill_matrix,
    mix,
    numbers,
    raises,
    recorded_python,
    replay_of,
)
from tests.data import read_only

DTYPES = ["float32", "float64"]


@pytest.mark.parametrize(
    "dtype",
    ["float32", "float64", "uint8", "int64", "int8", "uint16", "int32", "bool", "complex64"],
)
def test_vectors_of_any_dtype_are_replayed(dtype: str) -> None:
    function = compile_function(add_once)
    source, target = numbers(5, dtype=dtype), np.zeros(5, dtype)
    with capture() as recorder:
        call(function, source, target)
    replay = replay_of(recorder)
    np.testing.assert_array_equal(target, source)
    source[2] = 0
    expected = target + source
    replay()
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


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("form", FORMS)
def test_contiguous_matrices_of_any_layout_are_replayed(form: str, dtype: str) -> None:
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
        replay = replay_of(recorder)
        replay()
        replay()
        np.testing.assert_array_equal(target, 111 * source)
        assert (memory[[0, -1]] == 7).all()


def test_scalars_are_replayed_as_they_were_in_the_call() -> None:
    function = compile_function(mix)
    a, out = numbers(3), np.zeros(3)
    factor, k, shift = 0.1, 2, -1e-300
    with capture() as recorder:
        call(function, a, factor, k, shift, out)
        call(function, a, np.float64(1 / 3), -3, np.inf, out)
    first = out.copy()
    factor, k, shift = 9.0, 1, 9.0
    replay = replay_of(recorder)
    out[:] = 0
    replay()
    np.testing.assert_array_equal(out, first)
    assert out.tolist() == [np.inf, 0, 0.1 * 3 - 1e-300]


def test_integers_of_64_bits_are_replayed() -> None:
    function = compile_function(append)
    out = np.zeros(9, np.int64)
    with capture() as recorder:
        for number in (2**63 - 1, -(2**63), 0, -1):
            call(function, out, number)
    out[:] = 0
    replay_of(recorder)()
    assert out.tolist() == [4, 2**63 - 1, -(2**63), 0, -1, 0, 0, 0, 0]


def test_function_with_the_njit_decorator_is_replayed() -> None:
    out = np.zeros(1, np.int64)
    with capture() as recorder:
        call(decorated, out, 1)
        call(decorated, out, 2)
    replay_of(recorder)()
    assert out[0] == 1212


def test_replay_of_an_empty_capture_does_nothing() -> None:
    with capture() as recorder:
        pass
    replay_of(recorder)()


def test_calls_and_python_functions_are_replayed_in_order() -> None:
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
        replay_of(recorder)()
        assert out[:9].tolist() == [*expected, 0]


def test_calls_outside_the_block_or_after_an_error_are_not_recorded() -> None:
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
    replay_of(other)()
    assert out[0] == 0
    replay_of(recorder)()
    assert out.tolist()[:3] == [1, 2, 0]


def test_call_that_raises_is_not_recorded() -> None:
    function, out = compile_function(append), np.zeros(9, np.int64)
    with capture() as recorder:
        call(function, out, 1)
        with pytest.raises(ValueError, match="always"):
            call(compile_function(raises), out)
    assert out[0] == 1
    out[:] = 0
    replay_of(recorder)()
    assert out.tolist()[:3] == [1, 1, 0]


def test_nested_capture_is_separate_and_ends_the_outer_one() -> None:
    function, out = compile_function(append), np.zeros(9, np.int64)
    with capture() as outer:
        call(function, out, 1)
        with capture() as inner:
            call(function, out, 2)
        assert current_recorder() is outer
        call(function, out, 3)
    assert outer.finish() is None
    out[:] = 0
    replay_of(inner)()
    assert out.tolist()[:3] == [1, 2, 0]


def test_arrays_live_as_long_as_the_replay() -> None:
    a, b, out = numbers(80, 90), numbers(90, 70), np.zeros((80, 70))
    source, target = numbers(5), np.zeros(5)
    long, also = np.full(rules.SHARED, 2.0), np.full(rules.SHARED, 3.0)
    run = compile_loop(record_rule(lambda x, y: x * y, 2, 0), (long, also), (long,))
    with capture() as recorder:
        dot(a, b, out)
        call(compile_function(add_once), source, target)
        run()
    replay = replay_of(recorder)
    arrays = [a, b, out, source, target, long, also]
    expected = [array.copy() for array in arrays]
    expected[4] += source
    expected[5] *= also
    watched = [weakref.ref(array) for array in arrays]
    del a, b, out, source, target, long, also, run, arrays, recorder
    gc.collect()
    others = [np.full(shape, np.nan) for shape in [(80, 90), (90, 70), (80, 70), 5, 5] * 3]
    others += [np.full(rules.SHARED, np.nan) for _ in range(5)]
    replay()
    for ref, array in zip(watched, expected, strict=True):
        np.testing.assert_array_equal(ref(), array)
    assert all(np.isnan(array).all() for array in others)
    del replay
    gc.collect()
    assert [ref() for ref in watched] == [None] * len(watched)


def test_deleted_replay_frees_its_arrays_without_the_garbage_collector() -> None:
    """A training makes one after the other, and each may hold much."""
    a, out = numbers(4, 4), np.zeros((4, 4))
    gc.disable()
    try:
        with capture() as recorder:
            dot(a, a, out)
        replay = replay_of(recorder)
        ref = weakref.ref(a)
        del a, recorder, replay
        assert ref() is None
    finally:
        gc.enable()
