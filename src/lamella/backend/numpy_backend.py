"""numpy: arrays in the memory of the host."""

import functools
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from typing import Any

import numpy as np

from lamella.backend import numba as compiled
from lamella.backend.base import Backend
from lamella.backend.elementwise import Program
from lamella.backend.numba.loops import sum_of_rows
from lamella.backend.numpy_elementwise import run_in_blocks, run_whole
from lamella.backend.random import HostNoise, Noise
from lamella.backend.threads import limit_blas_threads, threads_for
from lamella.core.typing import Array

TRANSCENDENTAL = ("exp", "log", "tanh", "power")
ALIGNMENT = 64  # bytes: one cache line, and the widest vector register


class NumpyBackend(Backend):
    """Arrays in the memory of the host."""

    name = "numpy"
    xp: Any = np
    on_host = True

    def __init__(self, reason: str = "asked for") -> None:
        self.reason = reason

    def asarray(self, array: Any, dtype: Any = None) -> Array:
        return np.ascontiguousarray(array, dtype)

    def to_host(self, array: Array) -> np.ndarray:
        return np.asarray(array)

    def zeros(self, size: int, dtype: Any) -> Array:
        spare = ALIGNMENT // np.dtype(dtype).itemsize
        memory = np.zeros(size + spare, dtype)
        skip = -memory.ctypes.data % ALIGNMENT // memory.itemsize
        return memory[skip : skip + size]

    def take(self, array: Array, index: Array, out: Array) -> Array:
        # mode="clip" lets numpy write into out at once; with its default it fills a copy first.
        return np.take(array, index, axis=0, out=out, mode="clip")

    def dot(self, a: Array, b: Array, out: Array, bias: Array | None = None) -> Array:
        if compiled.has_products():
            from lamella.backend.numba import gemm as products

            return products.dot(a, b, out, bias)
        return super().dot(a, b, out, bias)

    def sum_rows(self, matrix: Array, out: Array) -> Array:
        if matrix.ndim == 2 and compiled.is_available():
            compiled.call(compiled.compile_function(sum_of_rows), matrix, out)
            return out
        return compiled.recorded_python(super().sum_rows)(matrix, out)

    def noise(self, key: int) -> Noise:
        return HostNoise(key)

    def compile_rule(
        self, program: Program, arrays: Sequence[Array], outputs: Sequence[Array]
    ) -> Callable[..., None]:
        if compiled.is_available():
            return compiled.compile_loop(program, arrays, outputs)
        return compiled.recorded_python(run_in_blocks(program, arrays, outputs))

    def map(self, program: Program) -> Callable[..., None]:
        # numba's exp takes one number at a time, numpy's a whole vector register.
        plain = {step.ufunc.__name__ for step in program.steps}.isdisjoint(TRANSCENDENTAL)
        if plain and compiled.is_available():
            return compiled.compile_map(program)
        return compiled.recorded_python(run_whole(program))

    def compile(self, loop: Callable[..., Any]) -> Callable[..., Any] | None:
        if not compiled.is_available():
            compiled.end_capture()  # who asked does it with numpy
            return None
        return functools.partial(compiled.call, compiled.compile_function(loop))

    def capture(self, work: Callable[[], Any]) -> tuple[Any, Callable[[], None] | None]:
        # A subclass may do things in ways that are not noted.
        if type(self) is not NumpyBackend or not compiled.has_products():
            return super().capture(work)
        with compiled.capture() as recorder:
            result = work()
        return result, recorder.finish()

    def threads_for(
        self, batch_size: int, matrices: Iterable[tuple[int, ...]]
    ) -> AbstractContextManager[int]:
        # Two pools of threads on the same processors wait for each other.
        return (
            limit_blas_threads(1) if compiled.has_products() else threads_for(batch_size, matrices)
        )

    def pace(self) -> AbstractContextManager[Callable[[], None]]:
        if not compiled.has_products():
            return super().pace()
        from lamella.backend.numba.thread_tuning import pace

        return pace()

    def scale_images(self) -> Callable[[Array, Array | None, Array], None] | None:
        if not compiled.is_available():
            return None
        from lamella.backend.numba import images as scaling

        return scaling.scale_images

    def __reduce__(self) -> tuple[type["NumpyBackend"], tuple[str]]:
        return NumpyBackend, (self.reason,)

    def synchronize(self) -> None:
        """Nothing runs behind the host's back."""
