"""Compiled loops: the bits of numpy's blocks where only arithmetic is done; kept on disk."""

import gc
import os
import subprocess
import sys
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import lamella as lm
from lamella import compiled
from lamella.blocks import run_in_blocks, run_whole
from lamella.compiled import modules, rules
from lamella.elementwise import OPERATIONS, record

pytest.importorskip("numba", reason="compiled loops need numba: pip install 'lamella[fast]'")

TRANSCENDENTAL = {"exp", "log", "tanh", "power"}  # of another library, right to the last digits


def vectors(count: int, size: int, dtype: Any) -> list[np.ndarray]:
    rng = np.random.default_rng(3)
    return [rng.uniform(0.1, 2, size).astype(dtype) for _ in range(count)]


def both(
    rule: Callable[..., Any], arrays: list[np.ndarray], scalars: tuple[float, ...], own: list[int]
) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Run a rule in both ways on copies; results replace the arguments numbered ``own``."""
    results = []
    for bind in (compiled.compile_loop, run_in_blocks):
        copies = [array.copy() for array in arrays]
        program = record(rule, len(arrays), len(scalars))
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
    program = record(lambda x, y: x + y, 2, 0)
    compiled.compile_loop(program, (a, b), (out,))()
    np.testing.assert_array_equal(out, a + b)
    fast, _ = both(lambda x, y: (y, x), [a, b], (), [0, 1])
    np.testing.assert_array_equal(fast, [b, a])


TRAIN = """
import sys
import weakref
if {plain}:
    sys.modules["numba"] = None
import numpy as np
import lamella as lm
from lamella import compiled
assert compiled.is_available() is not {plain}
rng = np.random.default_rng(0)
x, y = rng.standard_normal((300, 20)).astype("f4"), rng.integers(0, 4, 300)
model = lm.MLP([32, 16], classes=4, l2=1e-3, seed=5, optimizer=lm.{optimizer}, backend="numpy",
               dtype="float64")
model.fit(x, y, epochs=3, verbose=False)
print(model.built().values.tobytes().hex())
"""


def trained(optimizer: str, cache: Path, *, plain: bool) -> np.ndarray:
    script = TRAIN.format(plain=plain, optimizer=optimizer)
    environment = {**os.environ, "XDG_CACHE_HOME": str(cache)}
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, env=environment, check=True
    )
    return np.frombuffer(bytes.fromhex(done.stdout))


@pytest.mark.parametrize("optimizer", ["AdamW(1e-2)", "Momentum(0.1, nesterov=True)"])
def test_training_is_the_same_with_and_without_numba(optimizer: str, tmp_path: Path) -> None:
    fast = trained(optimizer, tmp_path, plain=False)
    assert len(fast) > 1000
    # The loss's exp is not numpy's, so that last digits differ and grow a little in 57 steps.
    np.testing.assert_allclose(fast, trained(optimizer, tmp_path, plain=True), rtol=0, atol=1e-11)


# A rule of layers, and the same on whole arrays with truths as numbers.
RULES: dict[str, tuple[Callable[..., Any], Callable[..., Any]]] = {
    "slope of ReLU": (lm.ReLU().chain, lambda dy, x, y, T: dy * T(x > 0)),
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
    program = record(rule, 3, 0)
    for run in (compiled.compile_map(program), run_whole(program)):
        for samples in (7, 4):  # temporaries are kept for each shape
            parts = [array[:samples] for array in arrays]
            out = np.full((samples, 3, 13), np.nan, dtype)
            run(out, parts, ())
            np.testing.assert_array_equal(out, formula(*parts, lambda a: np.asarray(a, dtype)))


def test_machine_code_is_kept_for_the_next_process(tmp_path: Path) -> None:
    trained("SGD(0.1)", tmp_path, plain=False)
    kept = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.nbc")}
    assert kept
    trained("SGD(0.1)", tmp_path, plain=False)
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.nbc")} == kept


def test_folder_that_cannot_be_written_is_done_without(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    folder = modules._cache.__wrapped__()
    assert folder.is_dir()
    assert os.access(folder, os.W_OK)


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
    program = record(lambda x, y, s: x * s + y, 2, 1)
    run = compiled.compile_loop(program, (a, b), (memory[1:-1],))
    for scalar in (3.0, 0.1):
        run(scalar)
        np.testing.assert_array_equal(memory[1:-1], a * np.float32(scalar) + b)
        assert np.isnan(memory[[0, -1]]).all()
    alone = compiled.compile_loop(record(lambda x: x + x, 1, 0), (a,), (memory[1:-1],))
    alone()
    np.testing.assert_array_equal(memory[1:-1], a + a)


def test_long_vectors_live_as_long_as_the_loop_over_them(three_threads: Any) -> None:
    """Its threads know nothing but addresses."""
    size = rules.SHARED + 5
    arrays = [np.full(size, 2.0), np.full(size, 3.0), np.zeros(size)]
    watched = [weakref.ref(array) for array in arrays]
    program = record(lambda x, y: x * y, 2, 0)
    run = compiled.compile_loop(program, arrays[:2], arrays[2:])
    arrays.clear()
    gc.collect()
    others = [np.full(size, np.nan) for _ in range(3)]
    run()
    assert [np.unique(ref()).tolist() for ref in watched] == [[2], [3], [6]]
    assert np.isnan(others).all()
    del run
    gc.collect()
    assert [ref() for ref in watched] == [None] * 3
