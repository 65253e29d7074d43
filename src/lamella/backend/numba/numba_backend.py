"""numpy's arrays, worked on by compiled loops and products; steps are captured and replayed."""

import functools
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from typing import Any

import numpy as np

from lamella.backend import numba as compiled
from lamella.backend.distortion import Distortion
from lamella.backend.elementwise import Program
from lamella.backend.numba.call_recorder import (
    call,
    call_python,
    capture,
    current_recorder,
    end_capture,
)
from lamella.backend.numba.captured_array import CapturedArray, captured, is_captured, plain
from lamella.backend.numba.code_cache import compile_function
from lamella.backend.numba.elementwise import TRANSCENDENTAL, compile_loop, compile_map
from lamella.backend.numba.loops import squares_in_lanes, sum_of_rows
from lamella.backend.numpy_backend import NumpyBackend
from lamella.backend.random import HostNoise, Noise
from lamella.backend.threads import limit_blas_threads
from lamella.core.typing import Array

LANES = 256  # partial sums of squares; enough for any processor's vectors


class NumbaBackend(NumpyBackend):
    """numpy's arrays, worked on by compiled loops; the backend "numpy" where numba is installed.

    A capture records the calls of `dot`, `sum_rows`, `scale_images`, compiled loops, maps and
    random arrays, on captured memory. All else ends it (see
    `lamella.backend.numba.captured_array`).
    """

    def dot(self, a: Array, b: Array, out: Array, bias: Array | None = None) -> Array:
        if not compiled.has_products():
            return super().dot(a, b, out, bias)
        from lamella.backend.numba import gemm

        _expect_captured(a, b, out, bias)
        return gemm.dot(a, b, out, bias)

    def sum_rows(self, matrix: Array, out: Array) -> Array:
        if matrix.ndim != 2 or not compiled.is_available():
            return super().sum_rows(matrix, out)
        _expect_captured(matrix, out)
        call(compile_function(sum_of_rows), matrix, out)
        return out

    def sum_of_squares(self, vector: Array) -> Array:
        if not compiled.is_available():
            return super().sum_of_squares(vector)
        lanes = np.zeros(LANES, vector.dtype)
        compile_function(squares_in_lanes)(vector, lanes)
        return lanes[0]

    def noise(self, key: int) -> Noise:
        return RecordedNoise(key)

    def compile_rule(
        self, program: Program, arrays: Sequence[Array], outputs: Sequence[Array]
    ) -> Callable[..., None]:
        if not compiled.is_available():
            return super().compile_rule(program, arrays, outputs)
        loop = compile_loop(program, arrays, outputs)
        if program.is_fixed:
            return loop

        def run(*scalars: float) -> None:
            end_capture()  # a replay would not trace the rule again
            loop(*scalars)

        return run

    def map(self, program: Program) -> Callable[..., None]:
        # numba's exp takes one number at a time, numpy's a whole vector register.
        if not compiled.is_available():
            return super().map(program)
        plain_steps = {step.ufunc.__name__ for step in program.steps}.isdisjoint(TRANSCENDENTAL)
        work = compile_map(program) if plain_steps else super().map(program)

        def run(out: Array, arrays: Sequence[Array], scalars: Sequence[float]) -> None:
            if current_recorder() is None:
                work(out, arrays, scalars)
                return
            _expect_captured(out, *arrays)
            if not program.is_fixed:
                end_capture()  # a replay would not trace the rule again
            given = plain(out), plain(list(arrays)), tuple(scalars)
            if plain_steps:
                work(*given)
            else:
                call_python(work, *given)

        return run

    def compile(self, loop: Callable[..., Any]) -> Callable[..., Any] | None:
        if not compiled.is_available():
            return None
        function = compile_function(loop)

        def run(*arrays: Array) -> None:
            _expect_captured(*arrays)
            call(function, *arrays)

        return run

    def capture(
        self, work: Callable[..., Any], arrays: Sequence[Array], memory: Sequence[Any], objects: Any
    ) -> tuple[Any, Callable[[], bool | None] | None]:
        # A subclass may do things in ways that are not recorded.
        if type(self) is not NumbaBackend or not compiled.has_products():
            return super().capture(work, arrays, memory, objects)
        try:
            for part in memory:
                part.wrap_views(captured)
            with capture() as recorder:
                try:
                    result = work(*map(captured, arrays))
                finally:
                    for each in objects:
                        _release(vars(each))
        finally:
            for part in memory:
                part.wrap_views(plain)
        return plain(result), recorder.finish()

    def threads_for(
        self, batch_size: int, matrices: Iterable[tuple[int, ...]]
    ) -> AbstractContextManager[int]:
        if not compiled.has_products():
            return super().threads_for(batch_size, matrices)
        return limit_blas_threads(1)  # two pools of threads on the same processors wait

    def tune_threads(self) -> AbstractContextManager[Callable[[], None]]:
        if not compiled.has_products():
            return super().tune_threads()
        from lamella.backend.numba.thread_tuning import tune_threads

        return tune_threads()

    def distort(self, x: Array, index: Array, how: Distortion) -> None:
        if not compiled.is_available():
            super().distort(x, index, how)
            return
        from lamella.backend.numba import distortion

        distortion.distort(x, index, how)

    def scale_images(self) -> Callable[[Array, Array | None, Array], None] | None:
        if not compiled.is_available():
            return None
        from lamella.backend.numba import images

        def run(data: Array, index: Array | None, out: Array) -> None:
            _expect_captured(data, out, index)
            images.scale_images(data, index, out)

        return run


class RecordedNoise(HostNoise):
    """Noise whose draws are recorded in a capture; a replay draws the next numbers."""

    def uniform(self, out: Array) -> Array:
        return _draw(super().uniform, out)

    def normal(self, out: Array) -> Array:
        return _draw(super().normal, out)

    def dropout_mask(self, keep: float, out: Array) -> Array:
        return _draw(functools.partial(super().dropout_mask, keep), out)


def _draw(draw: Callable[[Array], Array], out: Array) -> Array:
    _expect_captured(out)
    call_python(draw, plain(out))
    return out


def _release(table: dict[str, Any]) -> None:
    """Turn captured arrays among attributes into plain ones; end the capture at any other array."""
    for name, value in table.items():
        if type(value) is np.ndarray:
            end_capture()
        elif isinstance(value, CapturedArray):
            table[name] = plain(value)
        elif isinstance(value, list):
            value[:] = plain(value)
        elif isinstance(value, tuple) and any(isinstance(item, np.ndarray) for item in value):
            table[name] = plain(value)
            if not all(isinstance(item, CapturedArray) for item in value):
                end_capture()


def _expect_captured(*arrays: Array) -> None:
    """End the capture, if there is one, unless all these arrays are captured memory.

    A replay would find old numbers in an array that the work itself has made.
    """
    if current_recorder() is not None and not all(map(is_captured, arrays)):
        end_capture()
