"""Rules of arithmetic: what is recorded equals the formula, however it is run."""

import ctypes
import math
import tracemalloc
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lamella.backend import Backend, CupyBackend
from lamella.backend.cupy_backend import SIGN
from lamella.backend.elementwise import OPERATIONS, Program, to_c, trace
from lamella.backend.numpy_elementwise import BLOCK_BYTES, run_in_blocks
from lamella.backend.selection import host_backend
from lamella.core.errors import UsageError
from lamella.testing import strict_cupy
from tests.c_kernels import compile_kernels

Rule = Callable[..., Any]
DTYPES = [np.float32, np.float64]


def adam(w: Any, g: Any, m: Any, v: Any, step: Any, b1: Any, b2: Any, eps: Any) -> Any:
    m = b1 * m + (1 - b1) * g
    v = b2 * v + (1 - b2) * g * g
    return w - step * m / (np.sqrt(v) + eps), m, v


ADAM_SCALARS = (1e-3, 0.9, 0.999, 1e-8)


def adam_in_numpy(w: Any, g: Any, m: Any, v: Any, dtype: type) -> Any:
    """The same formula on whole arrays, with every scalar rounded once, as a rule's scalars are."""
    step, b1, a1, b2, a2, eps = (dtype(x) for x in (1e-3, 0.9, 1 - 0.9, 0.999, 1 - 0.999, 1e-8))
    m = b1 * m + a1 * g
    v = b2 * v + a2 * g * g
    return w - step * m / (np.sqrt(v) + eps), m, v


def vectors(rng: np.random.Generator, count: int, size: int, dtype: type) -> list[np.ndarray]:
    return [rng.uniform(0.5, 2, size).astype(dtype) for _ in range(count)]


def apply(
    backend: Backend,
    rule: Rule,
    arrays: list[np.ndarray],
    scalars: tuple[float, ...] = (),
    outputs: tuple[int, ...] = (0,),
) -> list[np.ndarray]:
    """Run a rule once, into the numbered inputs, and return all arrays as they are afterwards."""
    sent = [backend.asarray(array.copy()) for array in arrays]
    program = trace(rule, len(arrays), len(scalars))
    # numpy's blocks themselves are meant here, not the compiled loop that may stand in for them.
    bind = run_in_blocks if backend.on_host else backend.compile_rule
    bind(program, sent, [sent[i] for i in outputs])(*scalars)
    return [backend.to_host(array) for array in sent]


def sizes(dtype: type) -> list[int]:
    block = BLOCK_BYTES // np.dtype(dtype).itemsize
    return [0, 1, block - 1, block, block + 1, 3 * block + 5]


@pytest.mark.parametrize(
    ("dtype", "size"), [(dtype, size) for dtype in DTYPES for size in sizes(dtype)]
)
def test_blocks_give_the_bits_of_the_plain_formula(
    dtype: type, size: int, rng: np.random.Generator
) -> None:
    w, g, m, v = vectors(rng, 4, size, dtype)
    expected = adam_in_numpy(w, g, m, v, dtype)
    after = apply(host_backend(), adam, [w, g, m, v], ADAM_SCALARS, outputs=(0, 2, 3))
    np.testing.assert_array_equal(after[1], g)
    for i, array in zip((0, 2, 3), expected, strict=True):
        assert after[i].dtype == dtype
        np.testing.assert_array_equal(after[i], array)


@pytest.mark.parametrize("dtype", DTYPES)
def test_every_backend_agrees_with_the_plain_formula(
    backend: Backend, dtype: type, rng: np.random.Generator
) -> None:
    w, g, m, v = vectors(rng, 4, 1000, dtype)
    after = apply(backend, adam, [w, g, m, v], ADAM_SCALARS, outputs=(0, 2, 3))
    expected = adam_in_numpy(w, g, m, v, dtype)
    for i, array in zip((0, 2, 3), expected, strict=True):
        np.testing.assert_allclose(after[i], array, rtol=4 * np.finfo(dtype).eps)


def test_steps_can_be_repeated_with_other_scalars(backend: Backend) -> None:
    w = backend.asarray(np.full(5, 8.0))
    run = backend.compile_rule(trace(lambda w, a: a * w, 1, 1), [w], [w])
    for scalar in (0.5, 0.25, 3.0):
        run(scalar)
    np.testing.assert_array_equal(backend.to_host(w), np.full(5, 3.0))


MANY = 2 * BLOCK_BYTES // 8 + 3  # float64 numbers in three blocks, the last one short


def twice_read(w: Any, v: Any) -> Any:
    # Both results need both old values, so neither may be written too early.
    return w + 2 * v, v - 3 * w


def reused(w: Any, v: Any) -> Any:
    s, d = w + v, w - v
    product = s * d
    return product * s + d, (product - d) * s


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        pytest.param(lambda w, v: (v, w), lambda w, v: (v, w), id="swapped"),
        pytest.param(lambda w, v: (w, v), lambda w, v: (w, v), id="unchanged"),
        pytest.param(lambda w, v: (w, w), lambda w, v: (w, w), id="one input twice"),
        pytest.param(lambda w, v: (w + v, w), lambda w, v: (w + v, w), id="old value kept"),
        pytest.param(twice_read, twice_read, id="both read twice"),
        pytest.param(lambda w, v: (w * v,) * 2, lambda w, v: (w * v, w * v), id="one result twice"),
        pytest.param(
            lambda w, v: (w * v, w * v + 1), lambda w, v: (w * v, w * v + 1), id="one from other"
        ),
        pytest.param(reused, reused, id="intermediate results read again"),
        pytest.param(
            lambda w, v: (0.25, w + 1), lambda w, v: (np.full(MANY, 0.25), w + 1), id="constant"
        ),
        pytest.param(lambda w, v: (3, 1), lambda w, v: (np.full(MANY, 3.0), 1.0), id="integers"),
    ],
)
def test_results_may_be_the_inputs_in_any_order(
    backend: Backend, rule: Rule, expected: Rule, rng: np.random.Generator
) -> None:
    w, v = vectors(rng, 2, MANY, np.float64)
    after = apply(backend, rule, [w, v], outputs=(0, 1))
    for got, right in zip(after, expected(w, v), strict=True):
        # A GPU rounds a product and a sum at once: that shows where the two nearly cancel.
        np.testing.assert_allclose(got, right, rtol=1e-15, atol=0 if backend.on_host else 1e-15)


def test_a_cycle_of_three_moves_every_value(backend: Backend, rng: np.random.Generator) -> None:
    arrays = vectors(rng, 3, MANY, np.float64)
    after = apply(backend, lambda a, b, c: (b, c, a), arrays, outputs=(0, 1, 2))
    for got, right in zip(after, arrays[1:] + arrays[:1], strict=True):
        np.testing.assert_array_equal(got, right)


def test_scalars_can_be_results(backend: Backend) -> None:
    arrays = [np.zeros(4), np.zeros(4)]
    after = apply(backend, lambda w, v, lr: (lr, 1 - lr), arrays, (0.75,), outputs=(0, 1))
    np.testing.assert_array_equal(after, [[0.75] * 4, [0.25] * 4])


def test_an_output_may_be_an_array_that_is_not_read(backend: Backend) -> None:
    w, out = backend.asarray(np.arange(4.0)), backend.asarray(np.full(4, np.nan))
    backend.compile_rule(trace(lambda w: w * 2, 1, 0), [w], [out])()
    np.testing.assert_array_equal(backend.to_host(out), [0, 2, 4, 6])
    np.testing.assert_array_equal(backend.to_host(w), [0, 1, 2, 3])


def test_scalar_expressions_are_computed_once_and_in_double_precision() -> None:
    program = trace(lambda w, b: w * (1 - b) / np.sqrt(b * 2), 1, 1)
    assert [step.ufunc.__name__ for step in program.scalar_steps] == [
        "subtract",
        "multiply",
        "sqrt",
    ]
    assert [step.ufunc.__name__ for step in program.steps] == ["multiply", "divide"]
    values = program.scalar_values([0.999])
    assert [values[step.result] for step in program.scalar_steps] == [
        1 - 0.999,  # in float32, 1 - b would be off by 1e-5 of itself
        2 * 0.999,
        math.sqrt(2 * 0.999),
    ]


def test_the_number_of_scalars_is_checked(backend: Backend) -> None:
    w = backend.asarray(np.zeros(3))
    run = backend.compile_rule(trace(lambda w, a, b: w * a + b, 1, 2), [w], [w])
    with pytest.raises(UsageError, match="the rule takes 2 scalars, got 1"):
        run(1.0)


@pytest.mark.parametrize(
    "rule",
    [
        lambda w: w if w > 0 else -w,
        lambda w: max(w, 0),
        lambda w: w > 0 and w,
        lambda w: 0 < w < 1,
    ],
)
def test_branching_on_a_number_is_refused_with_another_way(rule: Rule) -> None:
    with pytest.raises(UsageError, match=r"cannot branch on one: write .*numpy\.maximum"):
        trace(rule, 1, 0)


@pytest.mark.parametrize(
    ("rule", "name"),
    [
        (np.sin, "sin"),
        (lambda w: w % 2, "remainder"),
        (lambda w: w == 0, "equal"),
        (lambda w: (w > 0) & (w < 1), "bitwise_and"),
        (np.add.reduce, "add"),
        (lambda w: np.add(w, w, where=True), "add"),
    ],
)
def test_functions_outside_the_list_are_refused_by_name(rule: Rule, name: str) -> None:
    with pytest.raises(UsageError, match=rf"cannot use numpy\.{name}: it may use .*sqrt, power"):
        trace(rule, 1, 0)


@pytest.mark.parametrize(
    "rule",
    [
        lambda w: np.where(w > 0, w, 0),
        lambda w: w / np.mean(w),
        lambda w: w / np.linalg.norm(w),
        lambda w: w - np.sum(w),
        lambda w: math.sqrt(w),
        lambda w: float(w) + 1,
    ],
    ids=["where", "mean", "norm", "sum", "math.sqrt", "float"],
)
def test_functions_of_whole_arrays_or_plain_numbers_are_refused(rule: Rule) -> None:
    # A rule sees one number: its "mean" would be that number, and nobody would notice.
    with pytest.raises(UsageError, match=r"^a rule "):
        trace(rule, 1, 0)


def test_powers_with_cheap_forms_are_recorded_as_those() -> None:
    def names(rule: Rule) -> list[str]:
        return [step.ufunc.__name__ for step in trace(rule, 1, 0).steps]

    assert names(lambda w: w**2) == ["square"]
    assert names(lambda w: w**0.5) == ["sqrt"]
    assert names(lambda w: w**3) == ["power"]
    assert names(lambda w: 2**w) == ["power"]


def operation(name: str) -> tuple[Rule, int]:
    """Return a rule of one operation on arrays, and how many arrays it takes."""
    ufunc = getattr(np, name)
    return (lambda *arrays: ufunc(*arrays)), ufunc.nin


def operands(name: str, count: int, dtype: type) -> list[np.ndarray]:
    """Every pair of some telling numbers, as vectors; positive ones where others have no result."""
    numbers = [0.25, 0.5, 1.0, 1.5, 3.0]
    if name not in ("sqrt", "log", "power", "divide"):
        numbers += [0.0, -0.0, -0.5, -1.0, -3.0]
    grid = np.meshgrid(*[np.array(numbers, dtype)] * count)
    return [part.ravel() for part in grid]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", OPERATIONS)
def test_numpy_and_the_kernel_text_agree_on_every_operation(name: str, dtype: type) -> None:
    rule, count = operation(name)
    arrays = operands(name, count, dtype)
    expected = np.asarray(getattr(np, name)(*arrays), dtype)
    for backend in (host_backend(), CupyBackend(strict_cupy)):
        np.testing.assert_array_equal(apply(backend, rule, arrays)[0], expected)


@pytest.mark.gpu
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", OPERATIONS)
@pytest.mark.parametrize("backend", ["cupy"], indirect=True)
def test_a_gpu_agrees_on_every_operation(name: str, dtype: type, backend: Backend) -> None:
    rule, count = operation(name)
    arrays = operands(name, count, dtype)
    expected = np.asarray(getattr(np, name)(*arrays), dtype)
    rtol = 16 * np.finfo(dtype).eps
    np.testing.assert_allclose(apply(backend, rule, arrays)[0], expected, rtol=rtol)


def in_c(name: str, program: Program) -> str:
    """Return a C function that runs a program's text over vectors, as an ElementwiseKernel does."""
    shared = [i for i in range(program.size) if program.is_scalar(i)]
    declared = [f"T a{i} = a[{i}][i];" for i in range(program.arrays)]
    declared += [f"T s{i} = s[{at}];" for at, i in enumerate(shared)]
    declared += [f"T o{i};" for i in range(len(program.outputs))]
    written = [f"o[{i}][i] = o{i};" for i in range(len(program.outputs))]
    body = "\n".join([*declared, to_c(program), *written])
    loop = f"for (long i = 0; i < n; ++i) {{ {body} }}"
    return f'extern "C" void {name}(long n, T** a, T* s, T** o) {{ {loop} }}'


PROGRAMS = {name: trace(*operation(name), 0) for name in OPERATIONS}
PROGRAMS["adam"] = trace(adam, 4, 4)


@pytest.fixture(scope="module", params=DTYPES, ids=["float32", "float64"])
def compiled(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """All programs of this file as machine code, with the dtype they were compiled for."""
    kind = {np.float32: "float", np.float64: "double"}[request.param]
    kernels = [in_c(f"rule_{name}", program) for name, program in PROGRAMS.items()]
    source = "\n".join([SIGN, f"typedef {kind} T;", *kernels])
    return compile_kernels(source, tmp_path_factory.mktemp(kind)), request.param


def run_compiled(
    compiled: Any, name: str, arrays: list[np.ndarray], scalars: tuple[float, ...] = ()
) -> list[np.ndarray]:
    library, dtype = compiled
    program = PROGRAMS[name]
    values = program.scalar_values(scalars)
    shared = np.array(
        [values[i] for i in range(program.size) if program.is_scalar(i)], dtype, ndmin=1
    )
    outputs = [np.full(len(arrays[0]), np.nan, dtype) for _ in program.outputs]

    def pointers(vectors: list[np.ndarray]) -> Any:
        return (ctypes.c_void_p * len(vectors))(*(vector.ctypes.data for vector in vectors))

    getattr(library, f"rule_{name}")(
        ctypes.c_long(len(arrays[0])),
        pointers(arrays),
        ctypes.c_void_p(shared.ctypes.data),
        pointers(outputs),
    )
    return outputs


@pytest.mark.parametrize("name", OPERATIONS)
def test_compiled_kernel_text_agrees_with_numpy(compiled: Any, name: str) -> None:
    dtype = compiled[1]
    arrays = operands(name, PROGRAMS[name].arrays, dtype)
    (got,) = run_compiled(compiled, name, arrays)
    expected = np.asarray(getattr(np, name)(*arrays), dtype)
    rounding = 4 if name in ("exp", "log", "tanh", "power") else 0  # the rest is exact in IEEE 754
    np.testing.assert_allclose(got, expected, rtol=rounding * np.finfo(dtype).eps)


def test_compiled_adam_agrees_with_numpy(compiled: Any, rng: np.random.Generator) -> None:
    dtype = compiled[1]
    arrays = vectors(rng, 4, 100, dtype)
    got = run_compiled(compiled, "adam", arrays, ADAM_SCALARS)
    for result, expected in zip(got, adam_in_numpy(*arrays, dtype), strict=True):
        np.testing.assert_allclose(result, expected, rtol=2 * np.finfo(dtype).eps)


@pytest.mark.parametrize("blocks", [1, 40])
def test_running_allocates_nothing_that_grows(blocks: int) -> None:
    size = blocks * BLOCK_BYTES // 4
    w, g, m, v = (np.ones(size, np.float32) for _ in range(4))
    run = host_backend().compile_rule(trace(adam, 4, 4), (w, g, m, v), (w, m, v))
    run(*ADAM_SCALARS)
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        run(*ADAM_SCALARS)
        assert tracemalloc.get_traced_memory()[1] - before < 64 * 1024
    finally:
        tracemalloc.stop()


def test_a_rule_is_one_launch_and_no_allocation_on_a_device() -> None:
    backend = CupyBackend(strict_cupy)
    w, g, m, v = (strict_cupy.ones(100) for _ in range(4))
    run = backend.compile_rule(trace(adam, 4, 4), (w, g, m, v), (w, m, v))
    strict_cupy.counts.reset()
    run(*ADAM_SCALARS)
    assert strict_cupy.counts == strict_cupy.Counts(launches=1, syncs=0, allocations=0)


# Straight programs of exactly rounded operations: each step names an operation and two of the
# values there are by then, arguments and constants first.
EXACT = {
    "negative": 1,
    "positive": 1,
    "absolute": 1,
    "sign": 1,
    "square": 1,
    "add": 2,
    "subtract": 2,
    "multiply": 2,
    "maximum": 2,
    "minimum": 2,
    "greater": 2,
    "less_equal": 2,
}
ARRAYS = 3
places = st.integers(0, 20)
lines = st.lists(st.tuples(st.sampled_from(sorted(EXACT)), places, places), max_size=9)


@settings(deadline=None, derandomize=True, max_examples=60)
@given(lines, st.tuples(*[places] * ARRAYS), st.permutations(range(ARRAYS)))
def test_random_rules_agree_with_numpy(
    program: list[tuple[str, int, int]], results: tuple[int, ...], order: list[int]
) -> None:
    rng = np.random.default_rng(11)
    arrays = [rng.integers(-4, 5, BLOCK_BYTES // 8 + 3) / 2.0 for _ in range(ARRAYS)]
    scalars = (0.75, -1.25)

    def rule(*arguments: Any) -> Any:
        values = [*arguments, 0.5, -1.0]
        for name, *inputs in program:
            chosen = [values[i % len(values)] for i in inputs[: EXACT[name]]]
            values.append(1.0 * getattr(np, name)(*chosen))  # comparisons give the number 0 or 1
        return tuple(values[::-1][i % len(values)] for i in results)

    expected = rule(*arrays, *scalars)
    for backend in (host_backend(), CupyBackend(strict_cupy)):
        after = apply(backend, rule, arrays, scalars, outputs=tuple(order))
        for i, right in zip(order, expected, strict=True):
            np.testing.assert_array_equal(after[i], np.broadcast_to(right, after[i].shape))
