"""Work of lamella in a capture: products, loops, maps and noise are replayed with equal bits."""

from typing import Any

import numpy as np
import pytest

from lamella.backend import NumpyBackend
from lamella.backend import numba as compiled
from lamella.backend.elementwise import trace as record_rule
from lamella.backend.numba.elementwise import compile_loop, compile_map
from lamella.backend.numpy_elementwise import run_whole
from lamella.backend.random import HostNoise
from lamella.backend.scratch import Scratch

if compiled.products_problem():
    pytest.skip(compiled.products_problem(), allow_module_level=True)


from lamella.backend.numba import elementwise as rules
from lamella.backend.numba.call_recorder import (
    capture,
)
from lamella.backend.numba.captured_array import captured
from lamella.backend.numba.gemm import dot
from lamella.backend.numba.numba_backend import NumbaBackend, RecordedNoise
from tests.backend.numba.recorded_functions import numbers, recorded_python, replay_of

DTYPES = ["float32", "float64"]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [(1, 5, 3), (64, 784, 30), (90, 70, 80), (130, 300, 90)], ids=str)
@pytest.mark.parametrize("zeros", [0.0, 0.9])
def test_products_are_replayed_with_the_same_bits(
    shape: tuple[int, int, int], zeros: float, dtype: str, three_threads: Any
) -> None:
    """Each replay decides by the current zeros whether it lists the other terms."""
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
    replay = replay_of(recorder)
    for share in (zeros, 1 - zeros, zeros):
        a[...] = rng.standard_normal(a.shape) * (rng.random(a.shape) >= share)
        for array in (out, turned, other):
            array[...] = np.nan
        replay()
        expected = dot(a, b, np.empty_like(out), bias)
        np.testing.assert_array_equal(out, expected)
        expected = dot(a.T, expected, np.empty_like(turned))
        np.testing.assert_array_equal(turned, expected)
        np.testing.assert_array_equal(other, dot(a, expected, np.empty_like(other)))


def test_work_that_fails_leaves_no_captured_array() -> None:
    class Part:
        pass

    backend, part, scratch = NumbaBackend(), Part(), Scratch(NumpyBackend())
    scratch.get("y", (2, 3), np.float32)

    def work(x: Any) -> Any:
        part.x, part.y = x, scratch.get("y", (2, 3), np.float32)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        backend.capture(work, [np.zeros((2, 3), "f4")], [scratch], [part])
    assert {type(array) for array in (*vars(part).values(), *scratch.views.values())} == {
        np.ndarray
    }


def test_larger_product_before_a_replay_does_not_change_its_lists() -> None:
    rng = np.random.default_rng(0)
    a, b, out = rng.standard_normal((70, 90)), rng.standard_normal((90, 80)), np.zeros((70, 80))
    a[rng.random(a.shape) < 0.9] = 0
    with capture() as recorder:
        dot(a, b, out)
    expected, replay = out.copy(), replay_of(recorder)
    large = rng.standard_normal((900, 2000)) * (rng.random((900, 2000)) < 0.1)
    dot(large, rng.standard_normal((2000, 40)), np.empty((900, 40)))
    out[...] = np.nan
    replay()
    np.testing.assert_array_equal(out, expected)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("size", [10, rules.SHARED - 1, rules.SHARED, 5 * rules.PIECE + 1])
def test_loops_over_vectors_are_replayed_with_the_scalars_of_each_call(
    size: int, dtype: str, three_threads: Any
) -> None:
    x, out = numbers(size, dtype=dtype) / size, np.zeros(size, dtype)
    x = x.astype(dtype)
    run = compile_loop(record_rule(lambda o, x, s: o * s + x, 2, 1), (out, x), (out,))
    with capture() as recorder:
        run(2.0)
        run(0.1)
    replay = replay_of(recorder)
    run(5.0)  # outside the capture
    out[:] = 1
    replay()
    number = np.dtype(dtype).type
    expected = (np.ones(size, dtype) * number(2) + x) * number(0.1) + x
    np.testing.assert_array_equal(out, expected)


@pytest.mark.parametrize("plain", [False, True], ids=["compiled", "numpy's"])
def test_maps_are_replayed_with_arrays_and_scalars_of_each_call(plain: bool) -> None:
    program = record_rule(lambda x, row, s: x * s + row, 2, 1)
    run = recorded_python(run_whole(program)) if plain else compile_map(program)
    x, row, out, other = numbers(4, 3), numbers(3), np.zeros((4, 3)), np.zeros((4, 3))
    with capture() as recorder:
        run(out, (x, row), (2.0,))
        run(other, (out, x), (3.0,))
    replay = replay_of(recorder)
    run(np.zeros((4, 3)), (x, row), (9.0,))
    x *= 5
    row += 1
    out[...] = other[...] = np.nan
    replay()
    np.testing.assert_array_equal(out, x * 2 + row)
    np.testing.assert_array_equal(other, out * 3 + x)


def test_replayed_noise_draws_the_next_numbers() -> None:
    draws = [np.zeros(50, "f4") for _ in range(3)]
    noise, twin = RecordedNoise(5), HostNoise(5)
    with capture() as recorder:
        noise.dropout_mask(0.5, out=captured(draws[0]))
        noise.uniform(out=captured(draws[1]))
        noise.normal(out=captured(draws[2]))
    replay = replay_of(recorder)
    for turn in range(4):
        for kind, got in zip(("dropout_mask", "uniform", "normal"), draws, strict=True):
            arguments = (0.5,) if kind == "dropout_mask" else ()
            expected = getattr(twin, kind)(*arguments, out=np.zeros(50, "f4"))
            np.testing.assert_array_equal(got, expected, f"{kind} {turn}")
        replay()
    assert noise.draws == 15
