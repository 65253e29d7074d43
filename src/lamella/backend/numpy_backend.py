"""numpy: arrays in the memory of the host."""

from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from typing import Any

import numpy as np

from lamella.backend.base import Backend
from lamella.backend.elementwise import Program
from lamella.backend.numpy_elementwise import run_in_blocks, run_whole
from lamella.backend.random import HostNoise, Noise
from lamella.backend.threads import limit_blas_threads, useful_threads
from lamella.core.typing import Array

ALIGNMENT = 64  # bytes: one cache line, and the widest vector register


class NumpyBackend(Backend):
    """Arrays in the memory of the host, worked on by numpy alone.

    Where numba is installed, the backend "numpy" is `lamella.backend.numba.numba_backend`.
    """

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
        return array.take(index, axis=0, out=out, mode="clip")

    def dot(self, a: Array, b: Array, out: Array, bias: Array | None = None) -> Array:
        a.dot(b, out)  # without the dispatch that numpy.dot begins with
        if bias is not None:
            out += bias
        return out

    def sum_rows(self, matrix: Array, out: Array) -> Array:
        return np.add.reduce(matrix, axis=-2, out=out)

    def noise(self, key: int) -> Noise:
        return HostNoise(key)

    def compile_rule(
        self, program: Program, arrays: Sequence[Array], outputs: Sequence[Array]
    ) -> Callable[..., None]:
        return run_in_blocks(program, arrays, outputs)

    def map(self, program: Program) -> Callable[..., None]:
        return run_whole(program)

    def threads_for(
        self, batch_size: int, matrices: Iterable[tuple[int, ...]]
    ) -> AbstractContextManager[int]:
        return limit_blas_threads(useful_threads(batch_size, matrices))

    def __reduce__(self) -> tuple[type["NumpyBackend"], tuple[str]]:
        return type(self), (self.reason,)
