"""Whose arrays: numpy on the host or cupy on a GPU, and the few things that differ between them."""

import functools
import importlib.util
import sys
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager, nullcontext
from types import ModuleType
from typing import Any

import numpy as np

from lamella import compiled
from lamella.arrays import Array
from lamella.blocks import run_in_blocks, run_whole
from lamella.compiled.loops import sum_of_rows
from lamella.elementwise import Program, to_c
from lamella.errors import BackendError
from lamella.philox import DeviceNoise
from lamella.random import HostNoise, Noise
from lamella.threads import at_most, threads_for

TRANSCENDENTAL = ("exp", "log", "tanh", "power")
SIGN = "template <typename T> __device__ T sign(T x) { return (T)(x > 0) - (T)(x < 0); }"
ALIGNMENT = 64  # bytes: one cache line, and the widest vector register


class Backend(ABC):
    """What lamella needs of an array library beyond its functions.

    Attributes
    ----------
    name : str
        "numpy" or "cupy".
    xp : module
        The array module itself; layers write their mathematics with it.
    on_host : bool
        Whether reading a number of an array costs no wait for a device.
    reason : str
        Why this backend was chosen.
    """

    name: str
    xp: Any
    on_host: bool
    reason: str

    def __repr__(self) -> str:
        return f"{self.name} ({self.reason})"

    def __deepcopy__(self, memo: dict[int, Any]) -> "Backend":
        return self

    def __reduce__(self) -> tuple[Callable[[str], "Backend"], tuple[str]]:
        return get_backend, (self.name,)

    @abstractmethod
    def asarray(self, array: Any, dtype: Any = None) -> Array:
        """Return ``array`` as a contiguous array of this backend, copied only where it must be."""

    @abstractmethod
    def to_host(self, array: Array) -> np.ndarray:
        """Return a numpy array with the same values; waits for the device."""

    @abstractmethod
    def zeros(self, size: int, dtype: Any) -> Array:
        """Return a vector of zeros that begins on a 64-byte boundary."""

    @abstractmethod
    def take(self, array: Array, index: Array, out: Array) -> Array:
        """Copy ``array[index]`` (along the first axis) into ``out``; indices must be in range."""

    def dot(self, a: Array, b: Array, out: Array, bias: Array | None = None) -> Array:
        """Write the product of two matrices into ``out``, and add ``bias`` to each row.

        Either factor may be a transposed view.
        """
        # Not matmul, which costs more a call and is slow for a batch of one sample.
        self.xp.dot(a, b, out=out)
        if bias is not None:
            out += bias
        return out

    def sum_rows(self, matrix: Array, out: Array) -> Array:
        """Write the sum of a matrix's rows into ``out``."""
        return matrix.sum(axis=-2, out=out)

    @abstractmethod
    def noise(self, key: int) -> Noise:
        """Return the random stream with this key, drawing arrays of this backend."""

    @abstractmethod
    def bind(
        self, program: Program, arrays: Sequence[Array], outputs: Sequence[Array]
    ) -> Callable[..., None]:
        """Return ``run(*scalars)``, which applies an elementwise rule to these vectors."""

    @abstractmethod
    def map(self, program: Program) -> Callable[..., None]:
        """Return ``run(out, arrays, scalars)``, which applies a rule to whole arrays.

        They have the shape of ``out``, or that of one of its rows, and then serve all rows.
        """

    def compile(self, loop: Callable[..., Any]) -> Callable[..., Any] | None:
        """Return a loop over samples compiled, or None where loops are not the fast way."""
        return None

    def record(self, work: Callable[[], Any]) -> tuple[Any, Callable[[], None] | None]:
        """Do ``work`` and return its result, and what does all of it again over the same arrays.

        The latter is None where that cannot be. Only what is done by methods of this backend, and
        by what they return, is done again.
        """
        return work(), None

    def threads_for(
        self, batch_size: int, matrices: Iterable[tuple[int, ...]]
    ) -> AbstractContextManager[int]:
        """Give the library behind ``xp.dot`` the threads that a training is worth; say how many."""
        return nullcontext(1)

    def scale_images(self) -> Callable[[Array, Array | None, Array], None] | None:
        """Return what picks images by an index and divides them by 255, or None if two steps do.

        Its arguments are the images, the index or None for all, and where the results go.
        """
        return None

    @abstractmethod
    def synchronize(self) -> None:
        """Wait until the device has done all that it was given."""


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
            from lamella.compiled import products

            return products.dot(a, b, out, bias)
        return super().dot(a, b, out, bias)

    def sum_rows(self, matrix: Array, out: Array) -> Array:
        if matrix.ndim == 2 and compiled.is_available():
            compiled.call(compiled.compile_function(sum_of_rows), matrix, out)
            return out
        return compiled.noted(super().sum_rows)(matrix, out)

    def noise(self, key: int) -> Noise:
        return HostNoise(key)

    def bind(
        self, program: Program, arrays: Sequence[Array], outputs: Sequence[Array]
    ) -> Callable[..., None]:
        if compiled.is_available():
            return compiled.compile_loop(program, arrays, outputs)
        return compiled.noted(run_in_blocks(program, arrays, outputs))

    def map(self, program: Program) -> Callable[..., None]:
        # numba's exp takes one number at a time, numpy's a whole vector register.
        plain = {step.ufunc.__name__ for step in program.steps}.isdisjoint(TRANSCENDENTAL)
        if plain and compiled.is_available():
            return compiled.compile_map(program)
        return compiled.noted(run_whole(program))

    def compile(self, loop: Callable[..., Any]) -> Callable[..., Any] | None:
        if not compiled.is_available():
            compiled.spoil()  # who asked does it with numpy
            return None
        return functools.partial(compiled.call, compiled.compile_function(loop))

    def record(self, work: Callable[[], Any]) -> tuple[Any, Callable[[], None] | None]:
        # A subclass may do things in ways that are not noted.
        if type(self) is not NumpyBackend or not compiled.has_products():
            return super().record(work)
        with compiled.record() as tape:
            result = work()
        return result, tape.finish()

    def threads_for(
        self, batch_size: int, matrices: Iterable[tuple[int, ...]]
    ) -> AbstractContextManager[int]:
        # Two pools of threads on the same processors wait for each other.
        return at_most(1) if compiled.has_products() else threads_for(batch_size, matrices)

    def scale_images(self) -> Callable[[Array, Array | None, Array], None] | None:
        if not compiled.is_available():
            return None
        from lamella.compiled import scaling

        return scaling.scale_images

    def synchronize(self) -> None:
        """Nothing runs behind the host's back."""


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


def get_backend(name: str | Backend = "auto") -> Backend:
    """Return the backend called ``name``.

    Parameters
    ----------
    name : {"auto", "numpy", "cupy"} or Backend
        "auto" takes cupy where it works and numpy elsewhere; ``reason`` of the result says why.

    Raises
    ------
    BackendError
        If "cupy" is asked for and cannot be used: the text says what is missing. There is no
        silent fall-back.
    """
    if isinstance(name, Backend):
        return name
    if name == "numpy":
        return NumpyBackend()
    if name not in ("auto", "cupy"):
        raise BackendError(f'backend must be "auto", "numpy" or "cupy", got {name!r}')
    problem = cupy_problem()
    if not problem:
        import cupy

        return CupyBackend(cupy, "asked for" if name == "cupy" else "a GPU answers")
    if name == "cupy":
        raise BackendError(f'backend="cupy" cannot be used: {problem}')
    return NumpyBackend(f"no GPU: {problem}")


@functools.cache
def cupy_problem() -> str:
    """Return why cupy cannot be used here, with what to do about it; empty if it can.

    Asks in the order of what is cheap: is there a wheel, a driver, a device, and do the CUDA
    libraries load. cupy is imported only when a device is there.
    """
    if importlib.util.find_spec("cupy") is None:
        return "cupy is not installed: pip install 'lamella[cuda13]' (or [cuda12], as your driver)"
    import ctypes

    driver = "nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1"
    try:
        cuda = ctypes.CDLL(driver)
    except OSError:
        return f"there is no NVIDIA driver ({driver} is not found)"
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
