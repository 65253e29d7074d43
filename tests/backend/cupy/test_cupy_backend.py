"""Rules as GPU kernels: the kernel text computes the formula, in one launch."""

import ctypes
from typing import Any

import numpy as np
import pytest

from lamella.backend import Backend, CupyBackend
from lamella.backend.cupy.cupy_backend import SIGN
from lamella.backend.elementwise import OPERATIONS, Program, to_c, trace
from lamella.testing import strict_cupy
from tests.backend.rule_cases import (
    ADAM_SCALARS,
    DTYPES,
    adam,
    adam_in_numpy,
    apply,
    operands,
    operation,
    vectors,
)
from tests.c_kernels import compile_kernels


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


TRANSCENDENTAL = ("exp", "expm1", "log", "log1p", "tanh", "power")
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
    rounding = 4 if name in TRANSCENDENTAL else 0  # the rest is exact in IEEE 754
    np.testing.assert_allclose(got, expected, rtol=rounding * np.finfo(dtype).eps)


def test_compiled_adam_agrees_with_numpy(compiled: Any, rng: np.random.Generator) -> None:
    dtype = compiled[1]
    arrays = vectors(rng, 4, 100, dtype)
    got = run_compiled(compiled, "adam", arrays, ADAM_SCALARS)
    for result, expected in zip(got, adam_in_numpy(*arrays, dtype), strict=True):
        np.testing.assert_allclose(result, expected, rtol=2 * np.finfo(dtype).eps)


def test_a_rule_is_one_launch_and_no_allocation_on_a_device() -> None:
    backend = CupyBackend(strict_cupy)
    w, g, m, v = (strict_cupy.ones(100) for _ in range(4))
    run = backend.compile_rule(trace(adam, 4, 4), (w, g, m, v), (w, m, v))
    strict_cupy.counts.reset()
    run(*ADAM_SCALARS)
    assert strict_cupy.counts == strict_cupy.Counts(launches=1, syncs=0, allocations=0)
