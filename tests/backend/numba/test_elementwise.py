"""Compiled loops: the bits of numpy's blocks where only arithmetic is done."""

import gc
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import lamella as lm
from lamella.backend.elementwise import OPERATIONS, trace
from lamella.backend.numba import elementwise as rules
from lamella.backend.numba.elementwise import compile_loop, compile_map
from lamella.backend.numpy_elementwise import run_in_blocks, run_whole
from lamella.core.errors import ShapeError
from tests.backend.numba.trainings import trained

pytest.importorskip("numba", reason="compiled loops need numba: pip install 'lamella[fast]'")

TRANSCENDENTAL = {
    "exp",
    "expm1",
    "log",
    "log1p",
    "tanh",
    "power",
}  # of another library, right to the last digits


def vectors(count: int, size: int, dtype: Any) -> list[np.ndarray]:
    rng = np.random.default_rng(3)
    return [rng.uniform(0.1, 2, size).astype(dtype) for _ in range(count)]


def both(
    rule: Callable[..., Any], arrays: list[np.ndarray], scalars: tuple[float, ...], own: list[int]
) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Run a rule in both ways on copies; results replace the arguments numbered ``own``."""
    results = []
    for bind in (compile_loop, run_in_blocks):
        copies = [array.copy() for array in arrays]
        program = trace(rule, len(arrays), len(scalars))
        bind(program, copies, [copies[i] for i in own])(*scalars)
        results.append(copies)
    return results[0], results[1]


def test_every_operation_can_be_compiled() -> None:
    assert set(rules.PYTHON) == set(OPERATIONS)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", OPERATIONS)
def test_operation_is_that_of_numpy(name: str, dtype: str) -> None:
    ufunc = getattr(np, name)
    arrays = vectors(2, 1001, dtype)
    arrays[0][:3] = [0.5, -0.0, 1.5]
    arrays[1][:3] = [0.5, 4.0, 1.5]
    if name == "log":
        arrays[0][1] = 1

    def rule(a: Any, b: Any, s: Any) -> Any:
        return ufunc(a, b) if ufunc.nin == 2 else ufunc(a) + 0 * b

    fast, plain = both(rule, arrays, (2.0,), [0])
    if name in TRANSCENDENTAL:
        tolerance = 1e-6 if dtype == "float32" else 1e-14
        np.testing.assert_allclose(fast[0], plain[0], rtol=tolerance)
    else:
        np.testing.assert_array_equal(fast[0], plain[0])


@pytest.mark.parametrize("size", [0, 1, 32767, 32768, 32769, 100_001])
def test_adam_has_the_same_bits(size: int) -> None:
    optimizer = lm.Adam(1e-3)
    fast, plain = both(
        optimizer.rule, vectors(4, size, "float32"), (1e-3, 0.9, 0.999, 1e-8), [0, 2, 3]
    )
    for got, expected in zip(fast, plain, strict=True):
        np.testing.assert_array_equal(got, expected)


def test_result_may_go_elsewhere_and_arguments_may_be_swapped() -> None:
    a, b = vectors(2, 100, "float32")
    out = np.zeros_like(a)
    program = trace(lambda x, y: x + y, 2, 0)
    compile_loop(program, (a, b), (out,))()
    np.testing.assert_array_equal(out, a + b)
    fast, _ = both(lambda x, y: (y, x), [a, b], (), [0, 1])
    np.testing.assert_array_equal(fast, [b, a])


@pytest.mark.slow
@pytest.mark.parametrize("optimizer", ["AdamW(1e-2)", "Momentum(0.1, nesterov=True)"])
def test_training_is_the_same_with_and_without_numba(optimizer: str, tmp_path: Path) -> None:
    fast = trained(optimizer, tmp_path, plain=False)
    assert len(fast) > 1000
    # The loss's exp is not numpy's, so that last digits differ and grow a little in 57 steps.
    np.testing.assert_allclose(fast, trained(optimizer, tmp_path, plain=True), rtol=0, atol=1e-11)


# A rule of layers, and the same on whole arrays with truths as numbers.
RULES: dict[str, tuple[Callable[..., Any], Callable[..., Any]]] = {
    "slope of ReLU": (
        lambda dy, x, y: dy * lm.ReLU.derivative(x, y),
        lambda dy, x, y, T: dy * T(x > 0),
    ),
    "difference of truths": (
        lambda dy, x, y: (x > 0) - (y > 0),
        lambda dy, x, y, T: T(x > 0) - T(y > 0),
    ),
    "sum of truths": (lambda dy, x, y: (x > 0) + (y > 0), lambda dy, x, y, T: T(x > 0) + T(y > 0)),
    "truth alone": (lambda dy, x, y: x > y, lambda dy, x, y, T: T(x > y)),
    "minimum": (
        lambda dy, x, y: np.minimum(dy, 0.25) + x * y,
        lambda dy, x, y, T: np.minimum(dy, T(0.25)) + x * y,
    ),
}


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", RULES)
def test_rule_on_whole_arrays_is_the_formula_in_both_forms(name: str, dtype: str) -> None:
    rng = np.random.default_rng(4)
    arrays = [rng.standard_normal((7, 3, 13)).astype(dtype) for _ in range(3)]
    rule, formula = RULES[name]
    program = trace(rule, 3, 0)
    for run in (compile_map(program), run_whole(program)):
        for samples in (7, 4):  # temporaries are kept for each shape
            parts = [array[:samples] for array in arrays]
            out = np.full((samples, 3, 13), np.nan, dtype)
            run(out, parts, ())
            np.testing.assert_array_equal(out, formula(*parts, lambda a: np.asarray(a, dtype)))


# A rule with row vectors: which of its three arrays are such.
ROWS = [(1,), (2,), (1, 2), (0,), (0, 1, 2), (0, 2)]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("rows", ROWS, ids=str)
@pytest.mark.parametrize("shape", [(5, 7), (1, 4), (6, 1), (0, 3), (4, 4)], ids=str)
def test_vectors_serve_all_rows_in_both_forms(
    shape: tuple[int, int], rows: tuple[int, ...], dtype: str
) -> None:
    rng = np.random.default_rng(5)
    program = trace(lambda x, y, z, s: (x - y) * z + s * y, 3, 1)
    number = np.dtype(dtype).type
    for run in (compile_map(program), run_whole(program)):
        for which in (rows, (), rows):  # one after the other, by the same function
            arrays = [
                rng.standard_normal(shape[1:] if i in which else shape).astype(dtype)
                for i in range(3)
            ]
            before = [array.copy() for array in arrays]
            memory = np.full((shape[0] + 2, shape[1]), np.nan, dtype)
            run(memory[1:-1], arrays, (0.3,))
            x, y, z = arrays
            expected = np.broadcast_to((x - y) * z + number(0.3) * y, shape)
            np.testing.assert_array_equal(memory[1:-1], expected)
            assert np.isnan(memory[[0, -1]]).all()
            for array, old in zip(arrays, before, strict=True):
                np.testing.assert_array_equal(array, old)


@pytest.mark.parametrize(
    "wrong", [(4, 7), (6, 7), (5, 6), (5, 8), (5, 1), (1, 7), (6,), (8,)], ids=str
)
def test_arrays_of_a_map_that_do_not_fit_are_an_error(wrong: tuple[int, ...]) -> None:
    """A loop over them would leave their memory."""
    run = compile_map(trace(lambda x, y: x + y, 2, 0))
    out = np.full((5, 7), np.nan)
    for arrays in ((np.ones((5, 7)), np.ones(wrong)), (np.ones(wrong), np.ones(7))):
        with pytest.raises(ShapeError, match="the shape of the result, or that of its rows"):
            run(out, arrays, ())
    assert np.isnan(out).all()


def test_map_may_write_over_any_of_its_matrices() -> None:
    program = trace(lambda x, y, row: x * row - y, 3, 0)
    for run in (compile_map(program), run_whole(program)):
        for own in (0, 1):
            arrays = [*np.random.default_rng(1).standard_normal((2, 5, 4)), np.arange(4.0)]
            expected = arrays[0] * arrays[2] - arrays[1]
            run(arrays[own], arrays, ())
            np.testing.assert_array_equal(arrays[own], expected)


@pytest.mark.parametrize("shape", [(6,), (3, 2, 5), (2, 3, 2, 2)], ids=str)
def test_maps_of_any_number_of_axes_are_the_formula(shape: tuple[int, ...]) -> None:
    program = trace(lambda x, y: x * y + x, 2, 0)
    x, y = np.random.default_rng(1).standard_normal((2, *shape))
    for run in (compile_map(program), run_whole(program)):
        out = np.full(shape, np.nan)
        run(out, (x, y), ())
        np.testing.assert_array_equal(out, x * y + x)


def test_one_map_serves_both_precisions() -> None:
    program = trace(lambda x, row: x * 0.1 + row, 2, 0)
    run = compile_map(program)
    x, row = np.random.default_rng(1).standard_normal((4, 3)), np.arange(3.0)
    for dtype in ("f4", "f8", "f4"):
        some, other, out = x.astype(dtype), row.astype(dtype), np.full((4, 3), np.nan, dtype)
        run(out, (some, other), ())
        np.testing.assert_array_equal(out, some * np.dtype(dtype).type(0.1) + other)


LONG = [rules.SHARED + d for d in (-1, 0, 1)] + [5 * rules.PIECE + d for d in (-1, 0, 1)]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("size", LONG)
def test_long_vectors_have_the_same_bits_with_several_threads(
    size: int, dtype: str, three_threads: Any
) -> None:
    optimizer = lm.Adam(1e-3)
    fast, plain = both(optimizer.rule, vectors(4, size, dtype), (1e-3, 0.9, 0.999, 1e-8), [0, 2, 3])
    for got, expected in zip(fast, plain, strict=True):
        np.testing.assert_array_equal(got, expected)


@pytest.mark.parametrize("size", LONG)
def test_long_result_goes_where_it_belongs_and_scalars_may_change(
    size: int, three_threads: Any
) -> None:
    a, b = vectors(2, size, "float32")
    memory = np.full(size + 2, np.nan, "f4")
    program = trace(lambda x, y, s: x * s + y, 2, 1)
    run = compile_loop(program, (a, b), (memory[1:-1],))
    for scalar in (3.0, 0.1):
        run(scalar)
        np.testing.assert_array_equal(memory[1:-1], a * np.float32(scalar) + b)
        assert np.isnan(memory[[0, -1]]).all()
    alone = compile_loop(trace(lambda x: x + x, 1, 0), (a,), (memory[1:-1],))
    alone()
    np.testing.assert_array_equal(memory[1:-1], a + a)


def test_long_vectors_live_as_long_as_the_loop_over_them(three_threads: Any) -> None:
    """Its threads know nothing but addresses."""
    size = rules.SHARED + 5
    arrays = [np.full(size, 2.0), np.full(size, 3.0), np.zeros(size)]
    watched = [weakref.ref(array) for array in arrays]
    program = trace(lambda x, y: x * y, 2, 0)
    run = compile_loop(program, arrays[:2], arrays[2:])
    arrays.clear()
    gc.collect()
    others = [np.full(size, np.nan) for _ in range(3)]
    run()
    assert [np.unique(ref()).tolist() for ref in watched] == [[2], [3], [6]]
    assert np.isnan(others).all()
    del run
    gc.collect()
    assert [ref() for ref in watched] == [None] * 3
