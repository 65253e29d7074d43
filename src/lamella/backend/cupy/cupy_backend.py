"""Backend of cupy: arrays in GPU memory."""

import functools
import importlib.util
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import partial
from types import ModuleType
from typing import Any, Self

import numpy as np

from lamella.backend.base import Backend
from lamella.backend.elementwise import Program, to_c
from lamella.backend.random import Noise
from lamella.core.errors import BackendError
from lamella.core.typing import Array

SIGN = "template <typename T> __device__ T sign(T x) { return (T)(x > 0) - (T)(x < 0); }"


class CupyBackend(Backend):
    """Backend of arrays in GPU memory, with cupy's own functions alone.

    Parameters
    ----------
    xp : module
        cupy, or its emulation `lamella.testing.strict_cupy`.
    reason : str
        Why this backend was selected.
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

    def side_by_side(
        self, members: int, stop: threading.Event
    ) -> Callable[[], AbstractContextManager[None]]:
        cuda = self.xp.cuda
        return partial(_until, stop, cuda, cuda.runtime.getDevice())

    def tune_threads(self) -> AbstractContextManager[Callable[[], None]]:
        return nullcontext(_end_if_stopped)

    def free_bytes(self) -> float:
        pool = self.xp.get_default_memory_pool()
        free = int(self.xp.cuda.runtime.memGetInfo()[0]) + int(pool.free_bytes())
        limit = int(pool.get_limit())  # 0 for none
        return min(free, limit - int(pool.used_bytes())) if limit else free

    def take(self, array: Array, index: Array, out: Array) -> Array:
        return self.xp.take(array, index, axis=0, out=out)

    def noise(self, key: int) -> Noise:
        from lamella.backend.cupy.random import SentNoise

        return SentNoise(key)

    def compile_rule(
        self, program: Program, arrays: Sequence[Array], outputs: Sequence[Array]
    ) -> Callable[..., None]:
        # An output may be one of the inputs: each thread reads its element before it writes.
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

    def capture_problem(self) -> str:
        """Return why no work is captured; empty if it can be."""
        return "only lamella's own kernels are captured"

    @classmethod
    def open(cls, reason: str = "asked for") -> Self:
        """Return the backend of the GPU that is here.

        Raises
        ------
        BackendError
            If cupy cannot be used; the message names the missing part.
        """
        if problem := cupy_problem():
            raise BackendError(f'backend="cupy" cannot be used: {problem}')
        import cupy

        return cls(cupy, reason)

    def __reduce__(self) -> tuple[Callable[[], "CupyBackend"], tuple[()]]:
        return type(self).open, ()


class _Here(threading.local):
    stop: threading.Event | None = None


_here = _Here()


@contextmanager
def _until(stop: threading.Event, cuda: Any, device: int) -> Iterator[None]:
    """Work on this GPU, and end the trainings of this thread when ``stop`` is set."""
    _here.stop = stop
    try:
        # A thread begins on the first GPU; without an option of cupy's, with the null stream.
        with cuda.Device(device), cuda.Stream.null:
            yield
    finally:
        _here.stop = None


def _end_if_stopped() -> None:
    if _here.stop is not None and _here.stop.is_set():
        raise KeyboardInterrupt


@functools.cache
def cupy_problem() -> str:
    """Return the reason why cupy cannot be used and the remedy; empty if it works.

    The checks run from cheap to expensive: wheel, driver, device, CUDA libraries. cupy is imported
    only if a device exists.
    """
    if importlib.util.find_spec("cupy") is None:
        return "cupy is not installed: pip install 'lamella[cuda13]' ([cuda12] for an older driver)"
    import ctypes

    driver = "nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1"
    try:
        cuda = ctypes.CDLL(driver)
    except OSError:
        return f"no NVIDIA driver is installed ({driver} is not found)"
    count = ctypes.c_int(0)
    if cuda.cuInit(0) != 0 or cuda.cuDeviceGetCount(ctypes.byref(count)) != 0 or not count.value:
        return "the NVIDIA driver finds no device (is CUDA_VISIBLE_DEVICES empty?)"
    try:
        import cupy

        ones = cupy.ones((2, 2), cupy.float32)
        float(cupy.dot(ones, ones).sum() + 1)  # compiles a kernel and loads cuBLAS
    except Exception as error:
        first = (str(error).splitlines() or [""])[0][:200]
        return (
            f"cupy is installed but does not work ({type(error).__name__}: {first}); if CUDA "
            "libraries or headers are missing: pip install 'lamella[cuda13]'"
        )
    return ""
