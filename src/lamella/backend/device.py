"""cupy: arrays in the memory of a GPU."""

from collections.abc import Callable, Sequence
from types import ModuleType
from typing import Any

import numpy as np

from lamella.arrays import Array
from lamella.backend.base import Backend
from lamella.elementwise import Program, to_c
from lamella.philox import DeviceNoise
from lamella.random import Noise

SIGN = "template <typename T> __device__ T sign(T x) { return (T)(x > 0) - (T)(x < 0); }"


class CupyBackend(Backend):
    """Arrays in the memory of a GPU.

    Parameters
    ----------
    xp : module
        cupy, or what stands in for it in tests.
    reason : str
        Why it was chosen.
    """

    name = "cupy"
    on_host = False

    def __init__(self, xp: ModuleType, reason: str = "asked for") -> None:
        self.xp: Any = xp
        self.reason = reason

    def asarray(self, array: Any, dtype: Any = None) -> Array:
        if not isinstance(array, self.xp.ndarray):
            array = np.ascontiguousarray(array, dtype)
        return self.xp.ascontiguousarray(self.xp.asarray(array, dtype))

    def to_host(self, array: Array) -> np.ndarray:
        return np.asarray(self.xp.asnumpy(array))

    def zeros(self, size: int, dtype: Any) -> Array:
        return self.xp.zeros(size, dtype)  # cupy's pool hands out multiples of 512 bytes

    def take(self, array: Array, index: Array, out: Array) -> Array:
        return self.xp.take(array, index, axis=0, out=out)

    def noise(self, key: int) -> Noise:
        return DeviceNoise(key, self.xp)

    def bind(
        self, program: Program, arrays: Sequence[Array], outputs: Sequence[Array]
    ) -> Callable[..., None]:
        # An output may be one of the inputs: each thread reads all it needs of its element before
        # it writes.
        kernel = self._kernel(program)

        def run(*scalars: float) -> None:
            kernel(outputs, arrays, scalars)

        return run

    def map(self, program: Program) -> Callable[..., None]:
        kernel = self._kernel(program)

        def run(out: Array, arrays: Sequence[Array], scalars: Sequence[float]) -> None:
            kernel((out,), arrays, scalars)

        return run

    def _kernel(self, program: Program) -> Callable[..., None]:
        shared = program.shared
        inputs = [f"T a{i}" for i in range(program.arrays)] + [f"T s{i}" for i in shared]
        results = ", ".join(f"T o{i}" for i in range(len(program.outputs)))
        kernel = self.xp.ElementwiseKernel(
            ", ".join(inputs), results, to_c(program), "lamella_rule", preamble=SIGN
        )

        def run(outputs: Sequence[Array], arrays: Sequence[Array], scalars: Any) -> None:
            number = outputs[0].dtype.type
            values = program.scalar_values(scalars)
            kernel(*arrays, *(number(values[i]) for i in shared), *outputs)

        return run

    def synchronize(self) -> None:
        self.xp.cuda.get_current_stream().synchronize()
